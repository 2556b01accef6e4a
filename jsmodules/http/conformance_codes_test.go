package http

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDocumentedCodes holds the table of error codes in docs/http.md against
// the constants: every code stands there, and nothing else.
func TestDocumentedCodes(t *testing.T) {
	page, err := os.ReadFile("../../docs/http.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[int]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (1\d{3})(–1\d{3})?( \*)? \|`).FindAllStringSubmatch(string(page), -1) {
		n, _ := strconv.Atoi(m[1])
		if documented[n] {
			t.Errorf("%d stands there twice", n)
		}
		documented[n] = true
	}
	// The general code of a range is one less than its first; those of a status
	// are made of it.
	want := map[int]string{1400: "statuses", 1610: "codeH2GoAway - 1", 1630: "codeH2Stream - 1", 1650: "codeH2Conn - 1"}
	for _, dir := range []string{"transport", "../sse"} {
		for name, n := range codesOf(t, dir) {
			want[n] = name
		}
	}
	for n, name := range want {
		if !documented[n] {
			t.Errorf("%d (%s) is not in docs/http.md", n, name)
		}
	}
	for n := range documented {
		if want[n] == "" {
			t.Errorf("docs/http.md tells of %d, which no constant is", n)
		}
	}
	if len(want) < 40 {
		t.Errorf("only %d codes were found", len(want))
	}
}

// codesOf returns the constants called code… or Code… of a package whose values
// are written as numbers from 1000 to 1999.
func codesOf(t *testing.T, dir string) map[string]int {
	t.Helper()
	codes := map[string]int{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no sources in %s (%v)", dir, err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, name := range spec.Names {
				if !strings.HasPrefix(strings.ToLower(name.Name), "code") || i >= len(spec.Values) {
					continue
				}
				if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.INT {
					if v, err := strconv.Atoi(lit.Value); err == nil && v >= 1000 && v < 2000 {
						codes[name.Name] = v
					}
				}
			}
			return true
		})
	}
	return codes
}
