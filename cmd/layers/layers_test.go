package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	const text = `
low:
mid:            low       # a comment
mid/deep/...:   mid
top/*:          mid low
library example.com/js     mid
library example.com/js/ast low
library net/http           top/web
`
	rules, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		from, imports string
		want          string // part of the complaint, "" for none
	}{
		{"mid", "m/low", ""},
		{"low", "m/mid", "low imports mid"},
		{"low", "fmt", ""},
		{"mid/deep/x", "m/mid", ""},
		{"mid/deep/x", "m/low", "mid/deep/x imports low"},
		{"top/web", "net/http", ""},
		{"top/cli", "net/http", "top/cli imports net/http: only [top/web] may"},
		{"top/web/sub", "fmt", "no line in the map"},
		{"mid", "example.com/js", ""},
		{"mid", "example.com/js/vm", ""},
		{"low", "example.com/js/vm", "only [mid] may"},
		{"mid", "example.com/js/ast", "only [low] may"},
		{"low", "example.com/json", ""},
		{"other", "fmt", "no line in the map"},
	} {
		got := strings.Join(rules.Check([]Package{{Module: "m", Path: "m/" + tc.from, Imports: []string{tc.imports}}}), "\n")
		if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s -> %s: got %q, want %q", tc.from, tc.imports, got, tc.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"no colon here", ": nothing", "library lonely"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) accepted", text)
		}
	}
}

// TestWrongArrow runs the whole lint on a real module with a wrong arrow in
// it, then without.
func TestWrongArrow(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/m\n\ngo 1.26\n")
	write("engine/engine.go", "package engine\n\nimport _ \"example.com/m/sandbox\"\n")
	write("sandbox/sandbox.go", "package sandbox\n")
	const text = "engine:\nsandbox:\n"

	var out strings.Builder
	err := run(text, dir, &out)
	if err == nil || !strings.Contains(out.String(), "engine imports sandbox") {
		t.Fatalf("wrong arrow not reported: err %v, output %q", err, out.String())
	}
	write("engine/engine.go", "package engine\n")
	out.Reset()
	if err := run(text, dir, &out); err != nil {
		t.Fatalf("clean module refused: %v\n%s", err, out.String())
	}
}

// TestThisModule holds the map against the real tree.
func TestThisModule(t *testing.T) {
	var out strings.Builder
	if err := run(layers, "../..", &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}
