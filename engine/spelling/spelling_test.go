package spelling

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	options := []string{"vus", "duration", "stages", "scenarios", "setupTimeout", "constant-vus", "rps", "batch"}
	flags := []string{"summary-mode", "summary-export", "duration", "dns", "json", "max-redirects"}
	for _, c := range []struct {
		word  string
		known []string
		want  string
	}{
		{"vu", options, "vus"},
		{"vsu", options, "vus"},
		{"VUs", options, "vus"},
		{"Duration", options, "duration"},
		{"durration", options, "duration"},
		{"stgaes", options, "stages"},
		{"setup_timeout", options, "setupTimeout"},
		{"setuptimout", options, "setupTimeout"},
		{"constantVUs", options, "constant-vus"},
		{"senarios", options, "scenarios"},
		{"vus", options, "vus"},

		// Far-fetched.
		{"x", options, ""},
		{"", options, ""},
		{"abc", options, ""},
		{"loadprofile", options, ""},
		{"____", options, ""},
		{"vus", nil, ""},
		{"vus", []string{"", "--"}, ""},
		{"aa", []string{"bb"}, ""},

		// The beginning of one.
		{"dur", flags, "duration"},
		{"du", flags, ""},
		{"summary", flags, ""},
		{"summaryE", flags, "summary-export"},
		{"max_redirect", flags, "max-redirects"},
		{"dur", []string{"duration", "duration"}, "duration"},

		// Separators of files and modules; not only ASCII.
		{"p95", []string{"p(90)", "p(95)"}, "p(95)"},
		{"k6/htpp", []string{"k6", "k6/http", "k6/html"}, "k6/http"},
		{"laod.ts", []string{"main.ts", "load.ts"}, "load.ts"},
		{"größe", []string{"Größen", "grossen"}, "Größen"},
		{"漢子", []string{"漢字"}, "漢字"},
		{"\xff\xfevus", []string{"vus"}, ""},

		// The fewest slips, then the same way of writing, then the alphabet.
		{"stage", []string{"stags", "stages"}, "stages"},
		{"setup_timeout", []string{"setupTimeout", "setup-timeout"}, "setup-timeout"},
		{"cat", []string{"hat", "bat"}, "bat"},
		{"cat", []string{"bat", "hat"}, "bat"},
	} {
		if got := Nearest(c.word, c.known); got != c.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", c.word, c.known, got, c.want)
		}
	}
}

func TestLongNamesAreNearNothing(t *testing.T) {
	for _, word := range []string{strings.Repeat("a", 1<<20), strings.Repeat("a", longest+1), strings.Repeat("_", 1<<20) + "a"} {
		for _, known := range []string{word, "a", "aaa"} {
			if got := Nearest(word, []string{known}); got != "" {
				t.Errorf("%d bytes are near %d bytes", len(word), len(got))
			}
			if got := Nearest(known, []string{word}); got != "" {
				t.Errorf("%d bytes are near %d bytes", len(known), len(got))
			}
		}
	}
}

func TestDistance(t *testing.T) {
	word := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := []rune(word.Draw(t, "a")), []rune(word.Draw(t, "b"))
		d := distance(a, b)
		if d != distance(b, a) {
			t.Fatal("not symmetric")
		}
		if (d == 0) != (string(a) == string(b)) {
			t.Fatalf("distance %d between %q and %q", d, string(a), string(b))
		}
		if low, high := max(len(a)-len(b), len(b)-len(a)), max(len(a), len(b)); d < low || d > high {
			t.Fatalf("distance %d out of [%d, %d]", d, low, high)
		}
	})
}

func FuzzNearest(f *testing.F) {
	f.Add("vsu", "vus", "rps")
	f.Add("Max_Redirects", "maxRedirects", "")
	f.Add("\xff", "\u202e", strings.Repeat("a", 300))
	f.Add("\xc8", "\xb3", "0")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		there, ok := near(fold(a), fold(b))
		back, okBack := near(fold(b), fold(a))
		if there != back || ok != okBack {
			t.Errorf("%q to %q: %d %v, back %d %v", a, b, there, ok, back, okBack)
		}
		if most := max(len(fold(a)), len(fold(b))); ok && (2*there > most || most > longest) {
			t.Errorf("%q is near %q with %d slips", a, b, there)
		}
		got := Nearest(a, []string{b, c})
		if got != "" && !slices.Contains([]string{b, c}, got) {
			t.Errorf("Nearest(%q) = %q, which is not known", a, got)
		}
		if other := Nearest(a, []string{c, b}); other != got {
			t.Errorf("Nearest(%q) depends on the order: %q, %q", a, got, other)
		}
		if len(fold(a)) > 0 && Nearest(a, []string{b, a, c}) != a {
			t.Errorf("%q is not the nearest to itself among %q and %q", a, b, c)
		}
	})
}
