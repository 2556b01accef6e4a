package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/swarmload/swarm/engine/spelling"
)

// Position is a place in a source file; Line and Column start at 1, 0 is
// unknown. For what stands in no file, File alone names the source: "--vus".
type Position struct {
	File         string
	Line, Column int
}

// String returns file:line:col as far as known.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing wrong with the options.
type Problem struct {
	Path    string // "scenarios.buy.vus"; "" for the options as a whole
	Message string // one lower-case line: "must be a whole number of at least 1, got -3"
	Hint    string // "did you mean \"stages\"?"; may be empty
	At      Position
	Line    string // text of that line, if the layer that it stands in tells
	// Secret says that a secret stands on that line, which is not to be shown.
	Secret bool
}

// String returns the problem in one line: place, path, message, hint.
func (p Problem) String() string {
	var parts []string
	if at := p.At.String(); at != "" {
		parts = append(parts, at)
	}
	if p.Path != "" {
		parts = append(parts, p.Path)
	}
	line := strings.Join(append(parts, p.Message), ": ")
	if p.Hint != "" {
		line += " (" + p.Hint + ")"
	}
	return line
}

// Problems is the error Parse returns: all problems at once, in source order
// where known. Error gives one line each.
type Problems []Problem

// Error joins the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems bounds what a hopeless script makes us say.
const maxProblems = 100

// ledger collects problems.
type ledger struct {
	problems Problems
	dropped  int
	hidden   map[Position]bool // lines that hold secrets, Column 0
}

// hide keeps the line of a place from being shown.
func (l *ledger) hide(at Position) {
	if l.hidden == nil {
		l.hidden = map[Position]bool{}
	}
	at.Column = 0
	l.hidden[at] = true
}

// report adds a problem with the value that stands at path in the options and,
// in the layer it is from, at where.
func (l *ledger) report(path []string, from *layer, where []string, hint, message string) {
	if len(l.problems) == maxProblems {
		l.dropped++
		return
	}
	p := Problem{Path: pathString(path), Message: message, Hint: hint, At: from.at(where)}
	if p.At.Line > 0 && from.line != nil {
		p.Line = from.line(p.At.Line)
	}
	l.problems = append(l.problems, p)
}

// didYouMean returns a hint naming the known name closest to what was written,
// "" when none is close or nobody will read it.
func (l *ledger) didYouMean(name string, known []string) string {
	if len(l.problems) == maxProblems {
		return ""
	}
	if best := spelling.Nearest(name, known); best != "" {
		return `did you mean "` + best + `"?`
	}
	return ""
}

// count returns how many problems there are so far.
func (l *ledger) count() int { return len(l.problems) + l.dropped }

// result returns all problems in source order; those without a place come last.
func (l *ledger) result() Problems {
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		if (a.At.Line == 0) != (b.At.Line == 0) {
			if a.At.Line == 0 {
				return 1
			}
			return -1
		}
		if a.At.Line == 0 {
			return 0
		}
		if c := strings.Compare(a.At.File, b.At.File); c != 0 {
			return c
		}
		if a.At.Line != b.At.Line {
			return a.At.Line - b.At.Line
		}
		return a.At.Column - b.At.Column
	})
	for i := range l.problems {
		p := &l.problems[i]
		line := p.At
		line.Column = 0
		if l.hidden[line] {
			p.Secret, p.Line = true, ""
		}
	}
	if l.dropped > 0 {
		l.problems = append(l.problems, Problem{Message: fmt.Sprintf("and %d more problems like these", l.dropped)})
	}
	return l.problems
}

// pathString writes a path as JavaScript would: scenarios.buy.stages[0].target.
func pathString(path []string) string {
	var b strings.Builder
	for i, part := range path {
		switch {
		case part != "" && strings.Trim(part, "0123456789") == "":
			b.WriteString("[" + shorten(part) + "]")
		case !isIdentifier(part) || len(part) > maxQuoted:
			b.WriteString("[" + quote(part) + "]")
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(part)
		}
	}
	return b.String()
}

// isIdentifier reports whether a name reads well without quotes.
func isIdentifier(name string) bool {
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || r == '$'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

// maxQuoted is how much of a script's own text a message repeats.
const maxQuoted = 80

func shorten(s string) string {
	if utf8.RuneCountInString(s) > maxQuoted {
		return string([]rune(s)[:maxQuoted]) + "…"
	}
	return s
}

// quote makes text from a script short and inert.
func quote(s string) string { return strconv.Quote(shorten(s)) }
