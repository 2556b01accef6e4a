package bundle

import (
	"strconv"
	"strings"
	"unicode"
)

// printable makes text from a script safe to show: one line, no control
// characters, bounded.
func printable(s string) string {
	const most = 200
	out := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(out) == most {
			return string(out) + "…"
		}
		if !unicode.IsPrint(r) {
			q := strconv.QuoteRuneToASCII(r)
			out = append(out, []rune(q[1:len(q)-1])...)
			continue
		}
		out = append(out, r)
	}
	return string(out)
}

// quote shows a name from a script between single quotes.
func quote(s string) string { return "'" + printable(s) + "'" }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
