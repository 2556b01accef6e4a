package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"
)

// require is the script's require: it hands out the modules the Program was
// given and nothing else.
func (v *VU) require(call goja.FunctionCall) goja.Value {
	name := call.Argument(0).String()
	i, ok := v.program.script.byName[name]
	if !ok {
		v.Throw("Error", v.program.script.cannotImport(name))
	}
	if v.modules == nil {
		v.modules = make([]*goja.Object, len(v.program.news))
	}
	if v.modules[i] == nil {
		v.modules[i] = v.program.news[i](v)
	}
	return v.modules[i]
}

func (s *Script) cannotImport(name string) string {
	names := make([]string, 0, len(s.byName))
	for known := range s.byName {
		names = append(names, known)
	}
	slices.Sort(names)
	message := fmt.Sprintf("cannot import %q", Clip(name, maxName))
	if near := nearest(name, names); near != "" {
		return message + fmt.Sprintf(": did you mean %q?", near)
	}
	return message + ": the modules are " + strings.Join(names, ", ")
}

// nearest returns the name that differs from word in the fewest letters, "" if
// none is near enough to be what was meant.
func nearest(word string, names []string) string {
	if len(word) > maxName {
		return ""
	}
	best, bestDistance := "", len(word)/3+1
	for _, name := range names {
		if d := editDistance(word, name); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// editDistance is Levenshtein's distance, counted in bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
