package plan

import "strings"

// didYouMean returns a hint naming the known name closest to what was written,
// "" when none is close or nobody will read it.
func (l *ledger) didYouMean(name string, known []string) string {
	if len(l.problems) == maxProblems {
		return ""
	}
	if best := nearest(name, known); best != "" {
		return `did you mean "` + best + `"?`
	}
	return ""
}

// nearest returns the known name a person most likely meant: equal but for
// case and separators, or within one slip per three letters.
func nearest(name string, known []string) string {
	const longest = 64 // names that people mistype are short; the walk is quadratic
	folded := []rune(fold(name))
	if len(folded) == 0 || len(folded) > longest {
		return ""
	}
	best, least := "", max(1, len(folded)/3)+1
	for _, candidate := range known {
		c := []rune(fold(candidate))
		if len(c) == 0 || len(c) > longest {
			continue
		}
		// Short names are close to everything: at least half must agree.
		if d := distance(folded, c); d < least && 2*d <= max(len(folded), len(c)) {
			best, least = candidate, d
		}
	}
	return best
}

func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_- .()", r) {
			return -1
		}
		return r
	}, strings.ToLower(name))
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a (Damerau-Levenshtein in its optimal string
// alignment form: no part is edited twice).
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
