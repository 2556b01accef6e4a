// Package inert makes text of strangers, of scripts, targets and runners, safe
// to show on a terminal, and tells how much room it takes there.
//
// One rule decides: a character is shown as it is if it can be seen, and as its
// code if not. So nothing can move the cursor, colour, hide, reverse the
// direction of writing (U+202E) or look like something else with a character
// nobody sees (U+200B). Spaces of any width count as seen; characters too new for
// this program's tables do not. The codes are those of
// JavaScript: \n, \x1b, \u202e, \u{e0001}; \x80 to \xff are bytes that are not
// UTF-8. A backslash is itself, so inert text stays as it is when made inert
// again.
package inert

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns text of several lines made inert: newlines and tabs stay.
func Text(text string) string { return escape(text, len(text), true) }

// Line returns text made inert as one line.
func Line(text string) string { return escape(text, len(text), false) }

// Cut is [Line] with at most the first runes of text, then an ellipsis if there
// were more. The result has at most ten columns for each rune, plus one.
func Cut(text string, runes int) string { return escape(text, runes, false) }

func escape(text string, most int, lines bool) string {
	if len(text) <= most && harmless(text, lines) {
		return text
	}
	var b strings.Builder
	for n := 0; len(text) > 0; n++ {
		if n >= most {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case unicode.IsPrint(r), unicode.Is(unicode.Zs, r), lines && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
		text = text[size:]
	}
	return b.String()
}

// harmless reports, without decoding, whether nothing of text needs a code.
func harmless(text string, lines bool) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 0x20 && c < 0x7f, lines && (c == '\n' || c == '\t'):
		default:
			return false
		}
	}
	return true
}
