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

	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// maxFiles is how many files one handleSummary may write.
const maxFiles = 100

// reports are the endings of what a summary is usually written as. Somebody
// else's script writes nothing but these, so that it cannot plant what another
// program would run or obey: no start-up file of a shell, no Makefile.
var reports = []string{".json", ".html", ".htm", ".xml", ".txt", ".csv", ".tsv", ".md", ".svg", ".log"}

// obeyed are files with such an ending that other programs obey, lower-case.
var obeyed = []string{
	"package.json", "package-lock.json", "npm-shrinkwrap.json", "tsconfig.json", "jsconfig.json", "deno.json",
	"composer.json", "cmakelists.txt", "requirements.txt", "constraints.txt", "pom.xml", "build.xml",
}

var (
	errOutside = errors.New("files can be written below the current folder only")
	errKind    = errors.New("not the name of a report (" + strings.Join(reports, " ") + "); --summary-dir DIR lets the script write any file below DIR")
	errMany    = fmt.Errorf("more than %d files", maxFiles)
)

// writeFiles writes what handleSummary returned: to the streams by name, and to
// files. Those go below dir, whatever they are called, or else below the
// current folder if they are named like a report. It tries all of them and
// returns the first error.
func writeFiles(e *env, dir string, files map[string][]byte) error {
	anything := dir != ""
	if !anything {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("write the files of handleSummary: %w", err)
	}
	defer root.Close()
	var failed error
	written := 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var err error
		switch {
		case name == "stdout":
			err = writeStream(e.stdout, files[name])
		case name == "stderr":
			err = writeStream(e.stderr, files[name])
		case written == maxFiles:
			err = errMany
		default:
			written++
			err = writeBelow(root, name, files[name], anything)
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

// writeBelow takes absolute names too, as long as they lead below root.
func writeBelow(root *os.Root, name string, text []byte, anything bool) error {
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
	if !anything && !isReport(name) {
		return errKind
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return root.WriteFile(name, text, 0o644)
}

// isReport reports whether nothing but a person reads a file of that name: no
// part of the path is hidden, or a folder of packages.
func isReport(name string) bool {
	parts := strings.Split(strings.ToLower(filepath.ToSlash(name)), "/")
	for _, part := range parts {
		if strings.HasPrefix(part, ".") || part == "node_modules" {
			return false
		}
	}
	last := parts[len(parts)-1]
	return slices.Contains(reports, filepath.Ext(last)) && !slices.Contains(obeyed, last)
}
