package summary

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCommonBase(t *testing.T) {
	for names, want := range map[string]string{
		"":                                 "",
		"/a":                               "",
		"pay":                              "",
		"http://h":                         "",
		"http://h/":                        "http://h",
		"http://h/a":                       "http://h",
		"http://h/a/b":                     "http://h/a",
		"http://h/a?x=http://h/b":          "http://h",
		"http://h/a http://h/b":            "http://h",
		"http://h/a/b http://h/a/c":        "http://h/a",
		"http://h/a/b http://h/a":          "http://h",
		"http://h/ab/c http://h/a/c":       "http://h",
		"http://h/a http://i/a":            "",
		"http://h/a https://h/a":           "",
		"http://h/a http://h":              "",
		"http://h/a pay":                   "",
		"pay http://h/a":                   "",
		"http://h:1/a/?q=1 http://h:1/a/b": "http://h:1/a",
	} {
		var rows []Request
		for _, name := range strings.Fields(names) {
			rows = append(rows, Request{Name: name})
		}
		if got := commonBase(rows); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}

func TestCommonBaseOfAnything(t *testing.T) {
	name := rapid.StringMatching(`(http://)?[ab/?]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		var rows []Request
		for _, n := range rapid.SliceOfN(name, 0, 4).Draw(t, "names") {
			rows = append(rows, Request{Name: n})
		}
		base := commonBase(rows)
		for _, r := range rows {
			if base != "" && !strings.HasPrefix(r.Name, base+"/") {
				t.Fatalf("%q is not below %q", r.Name, base)
			}
		}
	})
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
		got := elide(c.text, c.most)
		if got != c.want {
			t.Errorf("elide(%q, %d) = %q, want %q", c.text, c.most, got, c.want)
		}
	}
}

func TestElideAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, most := inert(rapid.String().Draw(t, "text")), rapid.IntRange(1, 50).Draw(t, "most")
		if got := elide(text, most); columns(got) > most {
			t.Fatalf("elide(%q, %d) = %q takes %d columns", text, most, got, columns(got))
		}
	})
}

func TestInertIsBounded(t *testing.T) {
	if got := inert(strings.Repeat("x", 1<<20)); len(got) > 2048 {
		t.Errorf("a megabyte stays %d bytes", len(got))
	}
}
