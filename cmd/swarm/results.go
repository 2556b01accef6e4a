package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/summary"
)

// results says where what a run came to is written.
type results struct {
	mode string   // of the summary: "compact", "normal", "full", "off"
	json []string // files
}

// parseOutputs reads the values of --out: format=file.
func parseOutputs(specs []string) (files []string, err error) {
	for _, spec := range specs {
		format, file, ok := strings.Cut(spec, "=")
		switch {
		case format != "json":
			return nil, &usageError{message: fmt.Sprintf("--out: unknown format %q", format), hint: "json=FILE writes the summary as JSON"}
		case !ok || file == "":
			return nil, &usageError{message: "--out: a file is missing", hint: "json=FILE writes the summary as JSON"}
		}
		files = append(files, file)
	}
	return files, nil
}

// check finds out before the load whether the files can be written.
func (r *results) check() error {
	for _, name := range r.json {
		_, missing := os.Stat(name)
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
		if err != nil {
			return &configError{fmt.Errorf("write the summary: %w", err)}
		}
		f.Close()
		if missing != nil {
			os.Remove(name) // a run that does not begin leaves nothing behind
		}
	}
	return nil
}

// write prints the summary, or what the script's handleSummary made instead,
// and the files. It tries all of them. If a file of handleSummary cannot be
// written, the summary is printed too: its numbers exist nowhere else.
func (r *results) write(e *env, res *cluster.Result) error {
	var failed error
	note := func(err error) {
		if failed == nil && err != nil {
			failed = &configError{err}
		}
	}
	note(writeFiles(e, res.Files))
	_, printed := res.Files["stdout"]
	if (res.Files == nil || failed != nil && !printed) && r.mode != "off" {
		out := e.color(e.stdout)
		style := summary.Style{Color: out.Color, Width: out.Width(), Mode: r.mode}
		if r.mode == "normal" {
			style.Mode = ""
		}
		if out.Interactive {
			fmt.Fprintln(out) // a line between what was logged and the verdict
		}
		note(summary.WriteText(out, res.Summary, style))
	}
	for _, name := range r.json {
		note(writeJSON(name, res.Summary))
	}
	return failed
}

func writeJSON(name string, s *summary.Summary) error {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	err = summary.WriteJSON(f, s)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the summary to %s: %w", name, err)
	}
	return nil
}

// writeFiles writes what handleSummary returned: to the streams by name, and to
// files below the current folder, nowhere else.
func writeFiles(e *env, files map[string][]byte) error {
	root, err := os.OpenRoot(".")
	if err != nil {
		return fmt.Errorf("write the files of handleSummary: %w", err)
	}
	defer root.Close()
	var failed error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var err error
		switch name {
		case "stdout":
			err = writeStream(e.stdout, files[name])
		case "stderr":
			err = writeStream(e.stderr, files[name])
		default:
			err = writeBelow(root, name, files[name])
		}
		if err != nil && failed == nil {
			if path := (*fs.PathError)(nil); errors.As(err, &path) {
				err = path.Err // the name is told already
			}
			failed = fmt.Errorf("write %q of handleSummary: %w", name, err)
		}
	}
	return failed
}

// writeStream keeps a script's text from playing with the terminal; where there
// is none, the text passes as it is.
func writeStream(s terminal.Stream, text []byte) error {
	out := string(text)
	if s.Interactive {
		out = terminal.InertColored(out)
	}
	_, err := io.WriteString(s, out)
	return err
}

var errOutside = errors.New("files can be written below the current folder only")

// writeBelow takes absolute names too, as long as they lead below root.
func writeBelow(root *os.Root, name string, text []byte) error {
	if filepath.IsAbs(name) {
		folder, err := filepath.Abs(root.Name())
		if err != nil {
			return err
		}
		if name, err = filepath.Rel(folder, name); err != nil {
			return errOutside
		}
	}
	if !filepath.IsLocal(name) {
		return errOutside
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return root.WriteFile(name, text, 0o644)
}
