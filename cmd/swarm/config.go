package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/swarmload/swarm/engine/plan"
)

// maxConfig bounds a configuration file, in bytes.
const maxConfig = 1 << 20

// configNames are the configuration files that are read without being asked
// for, if they lie in the folder of the project.
var configNames = [...]string{"swarm.yaml", "swarm.yml", "swarm.json"}

// readConfig reads the configuration file: the one named, or else that of the
// project; found is false when there is none. Problems of its form are
// plan.Problems; what its options are worth is for plan.Parse to say.
func readConfig(name, root string) (config plan.Layer, found bool, err error) {
	if name == "" {
		if name, err = projectConfig(root); name == "" || err != nil {
			return plan.Layer{}, false, err
		}
	}
	text, err := readBounded(name, maxConfig)
	if err != nil {
		return plan.Layer{}, false, &configError{fmt.Errorf("configuration file: %w", err)}
	}
	parse := parseYAML
	if strings.EqualFold(filepath.Ext(name), ".json") {
		parse = parseJSON
	}
	config, problems := parse(name, strings.TrimPrefix(string(text), "\ufeff"))
	if len(problems) > 0 {
		return plan.Layer{}, false, problems
	}
	return config, true, nil
}

// projectConfig returns the name of the project's own configuration file as a
// person would write it here, "" when there is none.
func projectConfig(root string) (name string, err error) {
	for _, candidate := range configNames {
		path := filepath.Join(root, candidate)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			continue
		}
		if err != nil {
			return "", &configError{fmt.Errorf("configuration file: %w", err)}
		}
		if !info.Mode().IsRegular() {
			return "", &configError{fmt.Errorf("configuration file: %s is not a regular file", candidate)}
		}
		if name != "" {
			return "", &configError{fmt.Errorf("there are two configuration files, %s and %s: remove one, or choose with --config", filepath.Base(name), candidate)}
		}
		name = path
	}
	if name == "" {
		return "", nil
	}
	if here, err := os.Getwd(); err == nil {
		if real, err := filepath.EvalSymlinks(here); err == nil {
			here = real
		}
		if relative, err := filepath.Rel(here, name); err == nil && filepath.IsLocal(relative) {
			return relative, nil
		}
	}
	return name, nil
}

// readBounded reads a file of at most that many bytes.
func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", name, most)
	}
	return text, nil
}

// configReader turns a configuration file into a layer of options and keeps
// where everything stands.
type configReader struct {
	file     string
	lines    []string
	places   map[string]plan.Position // by joined path
	problems plan.Problems
	aliased  bool // an alias was refused
}

func newConfigReader(file, text string) *configReader {
	r := &configReader{file: file, lines: strings.Split(text, "\n"), places: map[string]plan.Position{}}
	r.places[""] = plan.Position{File: file}
	return r
}

func (r *configReader) at(line, column int) plan.Position {
	return plan.Position{File: r.file, Line: line, Column: column}
}

func (r *configReader) fail(at plan.Position, hint, format string, args ...any) {
	const most = 100
	if len(r.problems) < most {
		r.problems = append(r.problems, plan.Problem{Message: fmt.Sprintf(format, args...), Hint: hint, At: at, Line: r.line(at.Line)})
	}
}

// place notes where the value at path stands.
func (r *configReader) place(path []string, at plan.Position) {
	r.places[strings.Join(path, "\x00")] = at
}

// line returns the text of a line, "" if there is none.
func (r *configReader) line(number int) string {
	if number < 1 || number > len(r.lines) {
		return ""
	}
	return strings.TrimSuffix(r.lines[number-1], "\r")
}

// layer returns what was read.
func (r *configReader) layer(options []byte) plan.Layer {
	return plan.Layer{
		Options: options,
		Locate:  func(path []string) plan.Position { return r.places[strings.Join(path, "\x00")] },
		Line:    r.line,
	}
}

// maxConfigDepth bounds nesting; the deepest option has 6 levels.
const maxConfigDepth = 32
