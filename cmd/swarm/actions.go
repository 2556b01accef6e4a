package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// actions speaks to GitHub Actions: annotations at the lines of the script, and
// the summary of the step.
//
// The lines of a step's output are commands to the machine that runs it when
// they look like some, whoever printed them. So for the length of the run, in
// which scripts and targets have their say, it is told to obey none.
type actions struct {
	token     string // ends the time without commands
	summary   string // file
	workspace string // folder of the repository
}

// maxAnnotations is how many annotations of one step are shown.
const maxAnnotations = 10

// scriptPlaces finds options in the script.
type scriptPlaces interface {
	Locate(path []string) bundle.Position
}

// newActions returns nil elsewhere.
func newActions(e *env) *actions {
	if e.variable("GITHUB_ACTIONS") != "true" {
		return nil
	}
	token := make([]byte, 16)
	rand.Read(token)
	a := &actions{token: hex.EncodeToString(token), summary: e.variable("GITHUB_STEP_SUMMARY"), workspace: e.variable("GITHUB_WORKSPACE")}
	fmt.Fprintf(e.stderr, "::stop-commands::%s\n", a.token)
	return a
}

// tell prints the annotations and adds to the step's summary.
func (a *actions) tell(e *env, s *summary.Summary, about runFacts) error {
	var b strings.Builder
	fmt.Fprintf(&b, "::%s::\n", a.token)
	left := maxAnnotations
	annotate := func(title, message string, at bundle.Position) {
		if left--; left < 0 {
			return
		}
		properties := []string{"title=" + property(title)}
		if at.File != "" {
			properties = append(properties, "file="+property(a.path(about.root, at.File)))
			if at.Line > 0 {
				properties = append(properties, "line="+strconv.Itoa(at.Line))
			}
			if at.Column > 0 {
				properties = append(properties, "col="+strconv.Itoa(at.Column))
			}
		}
		fmt.Fprintf(&b, "::error %s::%s\n", strings.Join(properties, ","), data(message))
	}
	seen := map[string]int{} // conditions by metric, as the script lists them
	for _, v := range s.Thresholds {
		n := seen[v.Name]
		seen[v.Name]++
		if !v.OK && !v.Default {
			text := v.Name + " " + summary.Condition(v) + ": " + summary.Observed(v, s.TimeUnit)
			if margin := summary.Margin(v); margin != "" {
				text += ", " + margin
			}
			annotate("threshold failed", text, thresholdPlace(about.script, s.Script, v.Name, n))
		}
	}
	for _, x := range s.Errors {
		if x.Kind == "exception" {
			annotate("script error", fmt.Sprintf("%s (%d times)", x.Message, x.Count), bundle.Position{File: x.File, Line: x.Line, Column: x.Column})
		}
	}
	if !s.Passed && left == maxAnnotations {
		annotate("run failed", strings.Join(s.Reasons, "; "), bundle.Position{File: s.Script})
	}
	if _, err := io.WriteString(e.stderr, b.String()); err != nil {
		return err
	}
	if a.summary == "" {
		return nil
	}
	f, err := os.OpenFile(a.summary, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("write the summary of the step: %w", err)
	}
	err = summary.WriteMarkdown(f, s)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the summary of the step: %w", err)
	}
	return nil
}

// thresholdPlace finds the n-th condition on a metric in the script, or else
// what is nearest to it.
func thresholdPlace(script scriptPlaces, entry, name string, n int) bundle.Position {
	if script != nil {
		for _, path := range [][]string{{"thresholds", name, strconv.Itoa(n)}, {"thresholds", name}, {"thresholds"}, {}} {
			if at := script.Locate(path); at.Line > 0 {
				return at
			}
		}
	}
	return bundle.Position{File: entry}
}

// path names a file of the project as the repository does.
func (a *actions) path(root, file string) string {
	full, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil || a.workspace == "" {
		return file
	}
	if within, err := filepath.Rel(a.workspace, full); err == nil && filepath.IsLocal(within) {
		return filepath.ToSlash(within)
	}
	return file
}

// data and property escape text for a command. What is not printable has a code
// before, so that no line ends early.
func data(text string) string {
	return strings.ReplaceAll(inert.Cut(text, 1000), "%", "%25")
}

func property(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(text))
}
