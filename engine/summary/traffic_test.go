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
