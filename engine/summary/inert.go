package summary

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inert makes text that scripts or targets supplied safe to print: whatever is
// not a visible character is shown by its code, so that it cannot move the
// cursor, colour, hide or reverse what stands beside it. What is longer than
// any column is cut.
func inert(text string) string {
	const most = 1024 // runes
	var b strings.Builder
	for n := 0; len(text) > 0; n++ {
		if n == most {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		text = text[size:]
	}
	return b.String()
}

// columns returns how many columns of a terminal text takes.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += runeColumns(r)
	}
	return n
}

// runeColumns follows the East Asian Width property of Unicode: marks join the
// character before them, wide and full-width ones take two columns.
func runeColumns(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && r <= 0x115f, // Hangul initials
		r >= 0x2e80 && r <= 0xa4cf && r != 0x303f, // CJK
		r >= 0xa960 && r <= 0xa97c,
		r >= 0xac00 && r <= 0xd7a3, // Hangul
		r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f,
		r >= 0xff00 && r <= 0xff60, // full-width forms
		r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1f64f, // pictographs
		r >= 0x1f680 && r <= 0x1f6ff,
		r >= 0x1f900 && r <= 0x1faff,
		r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// elide cuts the middle out of text that takes more than most columns: of
// paths and URLs both ends tell something.
func elide(text string, most int) string {
	if columns(text) <= most {
		return text
	}
	if most <= 1 {
		return "…"
	}
	head := (most - 1) * 3 / 5
	tail := most - 1 - head
	runes := []rune(text)
	from, taken := 0, 0
	for from < len(runes) && taken+runeColumns(runes[from]) <= head {
		taken += runeColumns(runes[from])
		from++
	}
	to, taken := len(runes), 0
	for to > from && taken+runeColumns(runes[to-1]) <= tail {
		taken += runeColumns(runes[to-1])
		to--
	}
	// A mark must not join the ellipsis.
	for to < len(runes) && runeColumns(runes[to]) == 0 {
		to++
	}
	return string(runes[:from]) + "…" + string(runes[to:])
}
