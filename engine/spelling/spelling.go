// Package spelling finds the name that somebody meant who wrote another: what
// stands behind every "did you mean" of swarm.
//
// It is made for names of programs, options, files and functions, so it
// overlooks case and separators (max_redirects is maxRedirects), takes a swap of
// neighbours for the one slip it is, and would rather say nothing than something
// far-fetched.
package spelling

import (
	"strings"
	"unicode/utf8"
)

// longest is the most runes of a name that is compared: names that people
// mistype are short, the comparison is quadratic, and words come from scripts.
const longest = 64

// Nearest returns the name of known that a person most likely meant by word, ""
// when none is near: one equal but for case and separators, or within one slip
// per three letters, or else the only one that begins with word. Of names
// equally near the alphabet decides, whatever the order of known.
//
// Time is bounded per name of known, however long word is.
func Nearest(word string, known []string) string {
	folded := fold(word)
	if len(folded) == 0 {
		return ""
	}
	best, leastSlips, leastChanges := "", 0, 0
	begins, others := "", 0
	for _, name := range known {
		if name == word {
			return name
		}
		candidate := fold(name)
		if slips, ok := near(folded, candidate); ok {
			// Of A-b and a_b the one written the same way is meant.
			changes := distance([]rune(word), []rune(name))
			if best == "" || less(slips, changes, name, leastSlips, leastChanges, best) {
				best, leastSlips, leastChanges = name, slips, changes
			}
		} else if isBeginning(folded, candidate) && name != begins {
			begins = name
			others++
		}
	}
	if best == "" && others == 1 {
		return begins
	}
	return best
}

func less(slips, changes int, name string, leastSlips, leastChanges int, best string) bool {
	switch {
	case slips != leastSlips:
		return slips < leastSlips
	case changes != leastChanges:
		return changes < leastChanges
	}
	return name < best
}

// near returns how many slips lie between two folded names, and whether these
// are few enough for one to be meant by the other. It is symmetric.
func near(a, b []rune) (slips int, ok bool) {
	if len(a) == 0 || len(b) == 0 {
		return 0, false
	}
	limit := max(1, min(len(a), len(b))/3)
	if max(len(a)-len(b), len(b)-len(a)) > limit {
		return 0, false
	}
	slips = distance(a, b)
	// Short names are close to everything: at least half must agree.
	return slips, slips <= limit && 2*slips <= max(len(a), len(b))
}

// isBeginning reports whether name begins with what was written of it. Fewer
// than three letters begin too much.
func isBeginning(word, name []rune) bool {
	return len(word) >= 3 && strings.HasPrefix(string(name), string(word))
}

// fold drops what people do not remember of a name: its case and separators.
// Nothing is left of a name that is too long.
func fold(name string) []rune {
	if len(name) > longest*utf8.UTFMax {
		return nil
	}
	folded := []rune(strings.Map(func(r rune) rune {
		if strings.ContainsRune("_- .()", r) {
			return -1
		}
		return r
	}, strings.ToLower(name)))
	if len(folded) > longest {
		return nil
	}
	return folded
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
