package bundle

import (
	"strconv"
	"strings"
	"unicode"
)

// nearest returns the candidate that a slip of the keyboard would turn into
// name, "" when none is close enough to propose.
func nearest(name string, candidates []string) string {
	if len(name) > 200 {
		return ""
	}
	limit := 1 + len(name)/4
	best, least := "", limit+1
	for _, c := range candidates {
		if len(c) > 200 || len(c) > len(name)+limit || len(name) > len(c)+limit {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least || d == least && best != "" && c < best {
			best, least = c, d
		}
	}
	if least >= len(name) {
		return ""
	}
	return best
}

// distance is the optimal string alignment distance: insertions, deletions,
// substitutions and swaps of neighbours that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

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
