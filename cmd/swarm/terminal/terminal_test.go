package terminal

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestInert(t *testing.T) {
	for _, c := range []struct{ in, text, line string }{
		{"plain", "plain", "plain"},
		{"two\nlines\tand tab", "two\nlines\tand tab", `two\nlines and tab`},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`, `\x1b[31mred\x1b[0m`},
		{"\x1b]0;title\x07", `\x1b]0;title\x07`, `\x1b]0;title\x07`},
		{"a\rb\x00\x7f", `a\x0db\x00\x7f`, `a\x0db\x00\x7f`},
		{"\u009b31m", `\u009b31m`, `\u009b31m`},
		{"abc\u202edef\u2066", `abc\u202edef\u2066`, `abc\u202edef\u2066`},
		{"bad \xff byte", `bad \xff byte`, `bad \xff byte`},
		{"grüße 漢字 🐝", "grüße 漢字 🐝", "grüße 漢字 🐝"},
	} {
		if got := Inert(c.in); got != c.text {
			t.Errorf("Inert(%q) = %q, want %q", c.in, got, c.text)
		}
		if got := InertLine(c.in); got != c.line {
			t.Errorf("InertLine(%q) = %q, want %q", c.in, got, c.line)
		}
	}
}

func FuzzInert(f *testing.F) {
	f.Add("\x1b[2J\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		out := InertLine(s)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, unsafeRune) {
			t.Errorf("InertLine(%q) = %q", s, out)
		}
		if again := InertLine(out); again != out {
			t.Errorf("InertLine twice: %q, then %q", out, again)
		}
		for n := range 12 {
			if got := Columns(Truncate(out, n)); got > n {
				t.Errorf("Truncate(%q, %d) takes %d columns", out, n, got)
			}
		}
	})
}

func TestTruncate(t *testing.T) {
	p := Paint{On: true}
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"exactly", 7, "exactly"},
		{"too long", 4, "too…"},
		{"漢字漢字", 5, "漢字…"},
		{"漢字漢字", 4, "漢…"},
		{"x", 0, ""},
		{p.Red("red and more"), 4, "\x1b[31mred…\x1b[0m"},
		{p.Red("ab") + "cdef", 4, "\x1b[31mab\x1b[0mc…"},
	} {
		if got := Truncate(c.in, c.n); got != c.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestColorFollowsTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		interactive bool
		env         map[string]string
		want        bool
	}{
		{true, nil, true},
		{false, nil, false},
		{true, map[string]string{"NO_COLOR": "1"}, false},
		{true, map[string]string{"NO_COLOR": ""}, true},
		{false, map[string]string{"FORCE_COLOR": "1"}, true},
		{true, map[string]string{"FORCE_COLOR": "0"}, false},
		{false, map[string]string{"FORCE_COLOR": "1", "NO_COLOR": "1"}, false},
	} {
		if got := wantsColor(c.interactive, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("interactive %v, %v: colour %v", c.interactive, c.env, got)
		}
	}
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := Open(f, func(string) string { return "" })
	if s.Interactive || s.Color || s.Width() != DefaultWidth {
		t.Errorf("%+v of width %d", s, s.Width())
	}
}
