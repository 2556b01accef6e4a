// Package codeframe shows a person what is wrong and where: the message, the
// place, the line of source with the spot underlined, and a hint.
//
//	error: unknown option "vsu"
//	  script.js:4:3
//	   4 │   vsu: 10,
//	     │   ^^^
//	  did you mean "vus"?
//
// All text of a Frame may come from a script or a server; it is made inert. What
// looks like a secret in the line of source is hidden: logs are passed around.
package codeframe

import (
	"fmt"
	"strings"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/inert"
)

// Frame is one finding. Only Message is required.
type Frame struct {
	Severity string // "error" when empty; else "warning"
	Message  string
	Place    Place
	Line     string // source text of the line, "" when unknown
	Length   int    // characters to underline; 0 means 1
	Stack    []Call // calls that led here, innermost first
	Hint     string
}

// Place is a position in a file; Line and Column start at 1, 0 is unknown.
type Place struct {
	File         string
	Line, Column int
}

// String returns file:line:col as far as it is known.
func (p Place) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line <= 0:
		return inert.Line(p.File)
	case p.Column <= 0:
		return fmt.Sprintf("%s:%d", inert.Line(p.File), p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", inert.Line(p.File), p.Line, p.Column)
}

// Call is one level of a stack.
type Call struct {
	Function string // "" at top level
	Place    Place
}

const (
	maxMessageLines = 20
	maxStack        = 12
	tabWidth        = 4
)

// Render returns the lines that show f, none wider than width columns, except
// the message, which is never cut but for its number of lines.
func Render(f Frame, paint terminal.Paint, width int) []string {
	severity := f.Severity
	if severity == "" {
		severity = "error"
	}
	label := paint.Red(severity + ":")
	if severity != "error" {
		label = paint.Yellow(severity + ":")
	}
	message := strings.Split(strings.TrimRight(inert.Text(f.Message), "\n"), "\n")
	lines := []string{label + " " + paint.Bold(message[0])}
	for i, more := range message[1:] {
		if i == maxMessageLines {
			lines = append(lines, fmt.Sprintf("  … %d more lines", len(message)-1-i))
			break
		}
		lines = append(lines, "  "+more)
	}
	if place := f.Place.String(); place != "" {
		lines = append(lines, "  "+paint.Cyan(place))
	}
	lines = append(lines, source(f, paint, width)...)
	for i, c := range f.Stack {
		if i == maxStack {
			lines = append(lines, paint.Dim(fmt.Sprintf("  … %d more calls", len(f.Stack)-i)))
			break
		}
		lines = append(lines, terminal.Truncate(paint.Dim("  "+c.text()), width))
	}
	if f.Hint != "" {
		lines = append(lines, "  "+inert.Line(f.Hint))
	}
	return lines
}

func (c Call) text() string {
	if c.Function == "" {
		return "at " + c.Place.String()
	}
	return fmt.Sprintf("at %s (%s)", inert.Line(c.Function), c.Place)
}

// source returns the line and the one that underlines it.
func source(f Frame, paint terminal.Paint, width int) []string {
	if f.Line == "" || f.Place.Line <= 0 {
		return nil
	}
	number := fmt.Sprintf("  %4d │ ", f.Place.Line)
	gutter := strings.Repeat(" ", len("  9999 ")) + "│ "
	room := max(width-terminal.Columns(number), 20)
	before, mark, after := split(veil(f.Line), f.Place.Column, f.Length)
	if f.Place.Column <= 0 {
		return []string{paint.Dim(number) + terminal.Truncate(after, room)}
	}
	before = clipLeft(before, room*2/3)
	mark = terminal.Truncate(mark, room-terminal.Columns(before))
	after = terminal.Truncate(after, room-terminal.Columns(before)-terminal.Columns(mark))
	caret := strings.Repeat("^", max(terminal.Columns(mark), 1))
	return []string{
		paint.Dim(number) + before + mark + after,
		paint.Dim(gutter) + strings.Repeat(" ", terminal.Columns(before)) + paint.Red(caret),
	}
}

// split cuts a line around length characters from column on and makes the
// parts printable.
func split(line string, column, length int) (before, mark, after string) {
	runes := []rune(line)
	if column <= 0 {
		return "", "", printable(line)
	}
	from := min(column-1, len(runes))
	to := min(from+min(max(length, 1), len(runes)), len(runes))
	return printable(string(runes[:from])), printable(string(runes[from:to])), printable(string(runes[to:]))
}

func printable(s string) string {
	return inert.Line(strings.ReplaceAll(s, "\t", strings.Repeat(" ", tabWidth)))
}

// clipLeft keeps the last n columns of s.
func clipLeft(s string, n int) string {
	if terminal.Columns(s) <= n {
		return s
	}
	runes := []rune(s)
	for len(runes) > 0 && terminal.Columns(string(runes)) > n-1 {
		runes = runes[1:]
	}
	return "…" + string(runes)
}
