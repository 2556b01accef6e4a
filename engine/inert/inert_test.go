package inert

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestInert(t *testing.T) {
	for _, c := range []struct{ what, in, line string }{
		{"ASCII", `plain \ text`, `plain \ text`},
		{"letters, wide runes, emoji", "grüße 漢字 🐝 e\u0301", "grüße 漢字 🐝 e\u0301"},
		{"colour", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"title of the window", "\x1b]0;title\x07", `\x1b]0;title\x07`},
		{"other control characters", "a\rb\x00\x7f\b", `a\rb\x00\x7f\x08`},
		{"C1 controls", "\u009b31m\u0085", `\u009b31m\u0085`},
		{"direction of writing", "abc\u202edef\u2066\u200e\u200f\u061c", `abc\u202edef\u2066\u200e\u200f\u061c`},
		{"bytes that are not UTF-8", "bad \xff \xe6\xbc byte \x9b31m", `bad \xff \xe6\xbc byte \x9b31m`},
		{"surrogates", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"the replacement character itself", "\ufffd", "\ufffd"},
		{"line separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"what nobody sees", "a\u200bb\u200d\ufeff\u00ad\u2060", `a\u200bb\u200d\ufeff\u00ad\u2060`},
		{"spaces of other widths", "\u00a0\u202f\u3000", "\u00a0\u202f\u3000"},
		{"invisible tags", "\U000e0001\U000e0061", `\u{e0001}\u{e0061}`},
		{"for private use, not assigned", "\ue000\U0010ffff", `\ue000\u{10ffff}`},
	} {
		if got := Line(c.in); got != c.line {
			t.Errorf("%s: Line(%q) = %q, want %q", c.what, c.in, got, c.line)
		}
		if got := Text(c.in); got != c.line {
			t.Errorf("%s: Text(%q) = %q, want %q", c.what, c.in, got, c.line)
		}
	}
	const lines = "two\nlines\tand tab\r\n"
	if got, want := Line(lines), `two\nlines\tand tab\r\n`; got != want {
		t.Errorf("Line: %q, want %q", got, want)
	}
	if got, want := Text(lines), "two\nlines\tand tab\\r\n"; got != want {
		t.Errorf("Text: %q, want %q", got, want)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"", 0, ""}, {"a", 0, "…"}, {"abc", 3, "abc"}, {"abcd", 3, "abc…"}, {"漢字漢", 3, "漢字漢"}, {"漢字漢字", 3, "漢字漢…"},
		{"\x1b\x1b\x1b", 2, `\x1b\x1b…`}, {"\xff\xff", 2, `\xff\xff`}, {"a\n", 2, `a\n`},
	} {
		if got := Cut(c.in, c.most); got != c.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
	if got := Cut(strings.Repeat("\U000e0001", 1<<20), 100); Columns(got) > 1001 {
		t.Errorf("millions of tags stay %d columns", Columns(got))
	}
}

func FuzzInert(f *testing.F) {
	f.Add("\x1b[2J\u202e\xff", 3)
	f.Add("e\u0301漢\n\t", 1)
	f.Fuzz(func(t *testing.T, s string, most int) {
		for what, out := range map[string]string{"Line": Line(s), "Cut": Cut(s, most), "Text": Text(s)} {
			if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool {
				return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) && (what != "Text" || r != '\n' && r != '\t')
			}) {
				t.Errorf("%s(%q) = %q", what, s, out)
			}
		}
		line := Line(s)
		if again := Line(line); again != line {
			t.Errorf("twice: %q, then %q", line, again)
		}
		if most %= 50; most > 0 {
			if got := Elide(line, most); Columns(got) > most {
				t.Errorf("Elide(%q, %d) = %q takes %d columns", line, most, got, Columns(got))
			}
		}
	})
}

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "größe": 5, "e\u0301": 1, "漢字": 4, "한국": 4, "ＡＢ": 4, "ｱｲ": 2, "🐝": 2, "✅❌⚡": 6, "✓✗→…": 4, "❤\ufe0f": 1,
		"🀄": 2, "🌡": 1, "🪐": 2, "𠀀": 2, "〿": 1, "\u302a": 0, "🟢": 2, "🙐": 1,
	} {
		if got := Columns(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestWideIsSorted(t *testing.T) {
	last := rune(0)
	check := func(low, high rune) {
		if low <= last || high < low {
			t.Errorf("%#x to %#x after %#x", low, high, last)
		}
		last = high
	}
	for _, r := range wide.R16 {
		check(rune(r.Lo), rune(r.Hi))
	}
	for _, r := range wide.R32 {
		check(rune(r.Lo), rune(r.Hi))
	}
}

func TestElide(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"short", 5, "short"},
		{"abcdefghij", 6, "abc…ij"},
		{"abcdefghij", 2, "…j"},
		{"abcdefghij", 1, "…"},
		{"abcdefghij", 0, "…"},
		{"漢字漢字漢字", 7, "漢…字"},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301", 4, "e\u0301…e\u0301e\u0301"},
	} {
		got := Elide(c.text, c.most)
		if got != c.want {
			t.Errorf("Elide(%q, %d) = %q, want %q", c.text, c.most, got, c.want)
		}
	}
}

func TestElideAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, most := Line(rapid.String().Draw(t, "text")), rapid.IntRange(1, 50).Draw(t, "most")
		if got := Elide(text, most); Columns(got) > most {
			t.Fatalf("Elide(%q, %d) = %q takes %d columns", text, most, got, Columns(got))
		}
	})
}
