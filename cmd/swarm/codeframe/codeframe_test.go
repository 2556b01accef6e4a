package codeframe_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

func TestRender(t *testing.T) {
	long := strings.Repeat("abcdefghij", 30)
	for _, c := range []struct {
		name  string
		frame codeframe.Frame
		want  string
	}{
		{"message alone", codeframe.Frame{Message: "no such file"}, "error: no such file"},
		{"whole", codeframe.Frame{
			Message: `unknown option "vsu"`, Place: codeframe.Place{File: "script.js", Line: 4, Column: 3},
			Line: "  vsu: 10,", Length: 3, Hint: `did you mean "vus"?`,
		}, `
error: unknown option "vsu"
  script.js:4:3
     4 │   vsu: 10,
       │   ^^^
  did you mean "vus"?`},
		{"tabs and wide runes", codeframe.Frame{
			Message: "bad", Place: codeframe.Place{File: "a.js", Line: 12, Column: 5}, Line: "\t漢 x", Length: 1,
		}, `
error: bad
  a.js:12:5
    12 │     漢 x
       │         ^`},
		{"column past the end", codeframe.Frame{
			Message: "unexpected end of file", Place: codeframe.Place{File: "a.js", Line: 2, Column: 99}, Line: "if (x) {",
		}, `
error: unexpected end of file
  a.js:2:99
     2 │ if (x) {
       │         ^`},
		{"long line", codeframe.Frame{
			Message: "bad", Place: codeframe.Place{File: "a.js", Line: 1, Column: 201}, Line: long, Length: 4,
		}, `
error: bad
  a.js:1:201
     1 │ …jabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij…
       │                                           ^^^^`},
		{"stack", codeframe.Frame{
			Message: "TypeError: x is undefined", Place: codeframe.Place{File: "a.js", Line: 3, Column: 1},
			Stack: []codeframe.Call{{"pay", codeframe.Place{"a.js", 3, 1}}, {"", codeframe.Place{"a.js", 9, 2}}},
		}, `
error: TypeError: x is undefined
  a.js:3:1
  at pay (a.js:3:1)
  at a.js:9:2`},
		{"hostile", codeframe.Frame{
			Message: "\x1b[2Jgone\nsecond", Place: codeframe.Place{File: "\x07.js", Line: 1, Column: 1}, Line: "\x1b[31mx", Hint: "a\nb",
		}, `
error: \x1b[2Jgone
  second
  \x07.js:1:1
     1 │ \x1b[31mx
       │ ^^^^
  a\nb`},
		{"warning without a column", codeframe.Frame{
			Severity: "warning", Message: "odd", Place: codeframe.Place{File: "a.js", Line: 7}, Line: "x",
		}, `
warning: odd
  a.js:7
     7 │ x`},
	} {
		got := strings.Join(codeframe.Render(c.frame, terminal.Paint{}, 72), "\n")
		if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestRenderIsBounded(t *testing.T) {
	f := codeframe.Frame{Message: strings.Repeat("line\n", 10_000)}
	for range 1000 {
		f.Stack = append(f.Stack, codeframe.Call{Function: "f"})
	}
	if n := len(codeframe.Render(f, terminal.Paint{}, 80)); n > 50 {
		t.Errorf("%d lines", n)
	}
}

func FuzzRender(f *testing.F) {
	f.Add("message", "line", 1, 1, 80)
	f.Add("\x1b[0m\xff", "\t漢\u202e", 3, 1<<30, 1)
	f.Fuzz(func(t *testing.T, message, line string, column, length, width int) {
		for _, l := range codeframe.Render(codeframe.Frame{
			Message: message, Line: line, Length: length, Place: codeframe.Place{File: "f", Line: 1, Column: column},
		}, terminal.Paint{}, width) {
			if !utf8.ValidString(l) || strings.ContainsAny(l, "\x1b\r\n\x07") {
				t.Errorf("line %q", l)
			}
		}
	})
}
