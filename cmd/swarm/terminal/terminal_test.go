package terminal

import (
	"os"
	"testing"
)

func TestInertColored(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[1;31mred\x1b[0m\tand\n": "\x1b[1;31mred\x1b[0m\tand\n",
		"\x1b[2Jgone\x1b[":            `\x1b[2Jgone\x1b[`,
		"\x1b]0;title\x07\x1b[32mok":  `\x1b]0;title\x07` + "\x1b[32mok",
		"\x1b[31\x1b[31mx\u202e":      `\x1b[31` + "\x1b[31mx" + `\u202e`,
	} {
		if got := InertColored(in); got != want {
			t.Errorf("InertColored(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzTruncate(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m", 2)
	f.Add("\x1b[2J\u202e\xff漢", 1)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = max(n, 0) % 200
		s = InertColored(s)
		if got := Columns(Truncate(s, n)); got > n {
			t.Errorf("Truncate(%q, %d) takes %d columns", s, n, got)
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
