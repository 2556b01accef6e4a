package bundle

import (
	"fmt"
	"strings"
)

// Position is a place in a source file; Line and Column start at 1, 0 is
// unknown. Columns count characters (runes), not bytes.
type Position struct {
	File         string
	Line, Column int
}

// String gives "file:line:col", shorter where parts are unknown.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Diagnostic is one problem with a script.
type Diagnostic struct {
	At      Position
	Length  int    // characters to underline, at least 1
	Line    string // text of the source line, "" when unknown
	Message string // one lower-case line
	Hint    string // may be empty
}

// String gives "file:line:col: message".
func (d Diagnostic) String() string {
	if at := d.At.String(); at != "" {
		return at + ": " + d.Message
	}
	return d.Message
}

// Diagnostics is an error made of all problems found.
type Diagnostics []Diagnostic

// Error gives one line per problem: "file:line:col: message".
func (d Diagnostics) Error() string {
	lines := make([]string, len(d))
	for i := range d {
		lines[i] = d[i].String()
	}
	return strings.Join(lines, "\n")
}
