// Package terminal answers what the streams of a process are, a person's
// screen or a file, and lays out coloured text for them.
package terminal

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/swarmload/swarm/engine/inert"
	"golang.org/x/term"
)

// Stream describes one output stream. It is a value without side effects, so
// that tests can make any.
type Stream struct {
	io.Writer
	// Interactive says that a person watches and that lines can be redrawn.
	Interactive bool
	// Color says that escape sequences for colour may be written.
	Color bool
	// Size returns columns and rows; zeros when unknown. Nil means unknown.
	Size func() (columns, rows int)
}

// DefaultWidth is assumed where the width is not known.
const DefaultWidth = 100

// Width returns the columns, DefaultWidth if unknown.
func (s Stream) Width() int {
	if columns, _ := s.Dimensions(); columns > 0 {
		return columns
	}
	return DefaultWidth
}

// Dimensions returns columns and rows, zeros where unknown.
func (s Stream) Dimensions() (columns, rows int) {
	if s.Size == nil {
		return 0, 0
	}
	return s.Size()
}

// Open describes f. getenv is asked for NO_COLOR, FORCE_COLOR and TERM as
// no-color.org and force-color.org define them; NO_COLOR wins.
func Open(f *os.File, getenv func(string) string) Stream {
	tty := term.IsTerminal(int(f.Fd()))
	s := Stream{Writer: f, Interactive: tty && getenv("TERM") != "dumb"}
	s.Color = wantsColor(s.Interactive, getenv)
	if tty {
		s.Size = func() (int, int) {
			columns, rows, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0, 0
			}
			return columns, rows
		}
	}
	return s
}

func wantsColor(interactive bool, getenv func(string) string) bool {
	if getenv("NO_COLOR") != "" {
		return false
	}
	if force := getenv("FORCE_COLOR"); force != "" {
		return force != "0" && force != "false"
	}
	return interactive
}

// Paint wraps text in colours if on is set.
type Paint struct{ On bool }

func (p Paint) wrap(code, s string) string {
	if !p.On || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Bold, Dim and the colours return s so styled.
func (p Paint) Bold(s string) string   { return p.wrap("1", s) }
func (p Paint) Dim(s string) string    { return p.wrap("2", s) }
func (p Paint) Red(s string) string    { return p.wrap("31", s) }
func (p Paint) Green(s string) string  { return p.wrap("32", s) }
func (p Paint) Yellow(s string) string { return p.wrap("33", s) }
func (p Paint) Cyan(s string) string   { return p.wrap("36", s) }

// Columns is [inert.Columns] of text that may be coloured: colours take none.
func Columns(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if size := sequence(s[i:]); size > 0 {
			i += size
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += inert.Width(r)
		i += size
	}
	return n
}

// Truncate cuts s to at most n columns; what is cut is told by "…". Colours
// are closed.
func Truncate(s string, n int) string {
	if Columns(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	var b strings.Builder
	colored := false
	for i, used := 0, 0; i < len(s); {
		if size := sequence(s[i:]); size > 0 {
			b.WriteString(s[i : i+size])
			colored = s[i:i+size] != "\x1b[0m"
			i += size
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if used+inert.Width(r) > n-1 {
			break
		}
		b.WriteString(s[i : i+size])
		used += inert.Width(r)
		i += size
	}
	b.WriteString("…")
	if colored {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// sequence returns the length of the colour sequence s begins with, 0 if none.
func sequence(s string) int {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}
