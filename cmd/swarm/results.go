package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine/summary"
)

// results says where what a run came to is written.
type results struct {
	mode string   // of the summary: "compact", "normal", "full", "off"
	json []string // files; "-" is the standard output
	dir  string   // where handleSummary may write, "" for reports below the current folder
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
	if r.dir != "" {
		if info, err := os.Stat(r.dir); err != nil {
			return &configError{fmt.Errorf("--summary-dir: %w", err)}
		} else if !info.IsDir() {
			return &configError{fmt.Errorf("--summary-dir: %s is not a folder", r.dir)}
		}
	}
	for _, name := range r.json {
		if name == "-" {
			continue
		}
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
	note(writeFiles(e, r.dir, res.Files))
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
		if name == "-" {
			note(summary.WriteJSON(e.stdout, res.Summary))
			continue
		}
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
