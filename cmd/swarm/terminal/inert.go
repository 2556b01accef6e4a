package terminal

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Inert returns s with everything escaped that could do more than show a
// character: control characters, escape sequences, marks that turn the
// direction of writing, invalid bytes. Newlines and tabs stay.
func Inert(s string) string { return inert(s, false) }

// InertLine is [Inert] for text that must stay on one line.
func InertLine(s string) string { return inert(s, true) }

func inert(s string, oneLine bool) string {
	if harmless(s, oneLine) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case (r == '\n' || r == '\t') && !oneLine:
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(" ")
		case r < 0x80 && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafeRune(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	return b.String()
}

func harmless(s string, oneLine bool) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c < 0x7f || (c == '\n' || c == '\t') && !oneLine {
			continue
		}
		return false
	}
	return true
}

// unsafeRune reports control characters, the marks of bidirectional text, line
// separators and invisible tags.
func unsafeRune(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return true
	case r == '\u061c' || r == '\u200e' || r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
		return true
	case r == '\u2028' || r == '\u2029' || r == '\ufeff', r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}

func decode(s string) (rune, int) { return utf8.DecodeRuneInString(s) }

// width is 0 for marks that join the rune before, 2 for wide runes, else 1.
func width(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me) || r == '\u200d':
		return 0
	case r < 0x1100:
		return 1
	case r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// InertColored is [Inert] for text that may be coloured: sequences that only
// set colours and weights stay.
func InertColored(s string) string {
	var b strings.Builder
	for s != "" {
		next := strings.Index(s, "\x1b[")
		if next < 0 {
			b.WriteString(Inert(s))
			break
		}
		b.WriteString(Inert(s[:next]))
		s = s[next:]
		size := sequence(s)
		if size == 0 {
			b.WriteString(Inert(s[:2]))
			s = s[2:]
			continue
		}
		b.WriteString(s[:size])
		s = s[size:]
	}
	return b.String()
}
