package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// maxFrames is how many findings are shown of a script that has more.
const maxFrames = 10

// report tells the user why a command failed. What the summary has said
// already is not said again.
func report(e *env, err error) {
	frames := frames(err)
	for i, f := range frames {
		if i == maxFrames && !e.everything {
			e.show(codeframe.Frame{Message: fmt.Sprintf("and %d more like these", len(frames)-i)})
			return
		}
		if i > 0 {
			e.stderr.Write([]byte("\n"))
		}
		e.show(f)
	}
}

// located is an error with the bundle it is about, to show source lines from.
type located struct {
	error
	bundle *bundle.Bundle
	// told says that a summary was printed, which names thresholds that
	// failed and why the run ended early.
	told bool
}

func (l *located) Unwrap() error { return l.error }

func frames(err error) []codeframe.Frame {
	var (
		where       *located
		usage       *usageError
		diagnostics bundle.Diagnostics
		problems    plan.Problems
		script      *cluster.ScriptError
		timeout     *cluster.TimeoutError
		died        *cluster.RunnerDied
		stopped     *cluster.Stopped
		failed      *cluster.ThresholdsFailed
		nothing     *cluster.NothingTested
		aborted     *cluster.Aborted
		marked      *cluster.Failed
		start       *startError
		config      *configError
		unjudged    *unjudged
	)
	if !errors.As(err, &where) {
		where = &located{}
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &usage):
		return []codeframe.Frame{{Message: usage.message, Hint: usage.hint}}
	case errors.As(err, &start):
		return []codeframe.Frame{{Message: start.Error()}}
	case errors.As(err, &died):
		return []codeframe.Frame{{Message: died.Error(), Hint: "the summary holds what was received until then"}}
	case errors.As(err, &script):
		if where.told && script.Steering() {
			return nil
		}
		f := exceptionFrame(script.Err, where.bundle)
		f.Message = script.Phase + phaseThrew(script) + f.Message
		return []codeframe.Frame{f}
	case errors.As(err, &timeout):
		return []codeframe.Frame{{Message: timeout.Error(), Hint: timeoutHint(timeout.Phase)}}
	case errors.As(err, &aborted):
		if where.told {
			return nil
		}
		return []codeframe.Frame{{Severity: "aborted", Message: aborted.Error()}}
	case errors.As(err, &stopped):
		if where.told {
			return nil
		}
		return []codeframe.Frame{{Severity: "stopped", Message: strings.TrimPrefix(stopped.Error(), "stopped ")}}
	case errors.As(err, &problems):
		return problemFrames(problems, where.bundle)
	case errors.As(err, &config):
		return []codeframe.Frame{{Message: config.Error()}}
	case errors.As(err, &diagnostics):
		return diagnosticFrames(diagnostics)
	case errors.As(err, &marked):
		if where.told {
			return nil
		}
		return []codeframe.Frame{{Message: marked.Error()}}
	case errors.As(err, &failed):
		if where.told {
			return nil
		}
		return []codeframe.Frame{{Message: failed.Error()}}
	case is[*regressed](err):
		return nil // the comparison has told
	case errors.As(err, &unjudged):
		return []codeframe.Frame{{Message: unjudged.Error(), Hint: unjudged.why}}
	case errors.As(err, &nothing):
		if where.told {
			return nil
		}
		return []codeframe.Frame{{Message: nothing.Error()}}
	}
	return []codeframe.Frame{{Message: "internal fault: " + err.Error(), Hint: reportHint}}
}

func phaseThrew(e *cluster.ScriptError) string {
	switch {
	case e.Wrong: // the message says what it did
		return "() "
	case e.Phase == "init":
		return " threw "
	}
	return "() threw "
}

func timeoutHint(phase string) string {
	switch phase {
	case "init":
		return "the option initTimeout, or --init-timeout, gives it more time"
	case "setup":
		return "the option setupTimeout gives it more time"
	case "teardown":
		return "the option teardownTimeout gives it more time"
	case "handleSummary":
		return "the option handleSummaryTimeout gives it more time"
	}
	return ""
}

func diagnosticFrames(found bundle.Diagnostics) (out []codeframe.Frame) {
	for _, d := range found {
		out = append(out, codeframe.Frame{
			Message: d.Message, Place: codeframe.Place(d.At), Line: d.Line, Length: d.Length, Hint: d.Hint,
		})
	}
	return out
}

func problemFrames(found plan.Problems, b *bundle.Bundle) (out []codeframe.Frame) {
	for _, p := range found {
		f := codeframe.Frame{Message: p.Message, Place: codeframe.Place(p.At), Hint: p.Hint}
		if p.Path != "" {
			f.Message = p.Path + ": " + p.Message
		}
		if f.Line = p.Line; f.Line == "" && b != nil && !p.Secret {
			f.Line = b.SourceLine(p.At.File, p.At.Line)
		}
		f.Length = wordLength(f.Line, p.At.Column)
		out = append(out, f)
	}
	return out
}

// wordLength returns how long the name, number or quoted text at a column is.
func wordLength(line string, column int) int {
	runes := []rune(line)
	if column < 1 || column > len(runes) {
		return 0
	}
	rest := runes[column-1:]
	if quote := rest[0]; quote == '"' || quote == '\'' || quote == '`' {
		if end := slices.Index(rest[1:], quote); end >= 0 {
			return end + 2
		}
		return 1
	}
	n := slices.IndexFunc(rest, func(r rune) bool { return r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if n < 0 {
		return len(rest)
	}
	return n
}

// logFrame shows a log line that tells its place in the script.
func logFrame(l cluster.LogLine, b *bundle.Bundle) codeframe.Frame {
	f := exceptionFrame(&vu.Exception{Message: l.Text, Stack: []vu.Frame{{File: l.At.File, Line: l.At.Line, Column: l.At.Column}}}, b)
	f.Hint = l.Hint
	if f.Severity = l.Level; l.Level == "warn" {
		f.Severity = "warning"
	}
	return f
}

// exceptionFrame shows an exception at the innermost place of the author's
// own source.
func exceptionFrame(e *vu.Exception, b *bundle.Bundle) codeframe.Frame {
	f := codeframe.Frame{Message: e.Error(), Hint: missingHint(e)}
	for i, call := range e.Stack {
		place := codeframe.Place{File: call.File, Line: call.Line, Column: call.Column}
		if i == 0 {
			f.Place = place
			if b != nil {
				f.Line = b.SourceLine(call.File, call.Line)
				f.Length = wordLength(f.Line, call.Column)
			}
			if call.Function == "" && len(e.Stack) == 1 {
				break
			}
		}
		f.Stack = append(f.Stack, codeframe.Call{Function: call.Function, Place: place})
	}
	return f
}
