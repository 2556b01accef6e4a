package threshold

import (
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseSelector(t *testing.T) {
	type tags = map[string]string
	for src, want := range map[string]struct {
		name      string
		filter    tags
		canonical string
	}{
		"http_reqs":                               {"http_reqs", nil, "http_reqs"},
		" http_reqs ":                             {"http_reqs", nil, "http_reqs"},
		"m{a:b}":                                  {"m", tags{"a": "b"}, "m{a:b}"},
		"m { status : 200 , name : pay } ":        {"m", tags{"status": "200", "name": "pay"}, "m{name:pay,status:200}"},
		"m{group:::outer::inner}":                 {"m", tags{"group": "::outer::inner"}, "m{group:::outer::inner}"},
		"m{url:https://host:8443/a?b=c:d}":        {"m", tags{"url": "https://host:8443/a?b=c:d"}, "m{url:https://host:8443/a?b=c:d}"},
		"m{name:/users/{id}}":                     {"m", tags{"name": "/users/{id}"}, "m{name:/users/{id}}"},
		"m{name:GET /items 1}":                    {"m", tags{"name": "GET /items 1"}, "m{name:GET /items 1}"},
		`m{name:"a, b: c",x:'it "is"'}`:           {"m", tags{"name": "a, b: c", "x": `it "is"`}, `m{name:"a, b: c",x:it "is"}`},
		`m{name:"a\"b\\c\d"}`:                     {"m", tags{"name": `a"b\c\d`}, `m{name:a"b\c\d}`},
		`m{name:""}`:                              {"m", tags{"name": ""}, "m{name:}"},
		"m{name:}":                                {"m", tags{"name": ""}, "m{name:}"},
		`m{name:'}'}`:                             {"m", tags{"name": "}"}, "m{name:}}"},
		"m{a:b,a:b}":                              {"m", tags{"a": "b"}, "m{a:b}"},
		`m{a:" padded "}`:                         {"m", tags{"a": " padded "}, `m{a:" padded "}`},
		"m{expected_response:true,method:DELETE}": {"m", tags{"expected_response": "true", "method": "DELETE"}, "m{expected_response:true,method:DELETE}"},
	} {
		name, filter, err := ParseSelector(src)
		if err != nil || name != want.name || !maps.Equal(filter, want.filter) || (filter == nil) != (want.filter == nil) {
			t.Errorf("ParseSelector(%q) = %q, %q, %v", src, name, filter, err)
			continue
		}
		if got := FormatSelector(name, filter); got != want.canonical {
			t.Errorf("FormatSelector(%q, %q) = %q, want %q", name, filter, got, want.canonical)
		}
	}
}

func TestParseSelectorErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":             "expected the name of a metric",
		"{a:b}":        "expected the name of a metric",
		"m}":           "} without {",
		"m{":           "the tag filter is not closed: expected } at the end",
		"m{a:b":        "the tag filter is not closed: expected } at the end",
		"m{a:b}x":      "the tag filter is not closed: expected } at the end",
		"m{}":          "expected tag:value in the tag filter, got nothing",
		"m{a}":         `expected tag:value in the tag filter, got "a" (a value that holds a comma needs quotes)`,
		"m{a:b,}":      "expected tag:value in the tag filter, got nothing",
		"m{a:b,c}":     `expected tag:value in the tag filter, got "c" (a value that holds a comma needs quotes)`,
		"m{a:b,c,d:e}": `expected tag:value in the tag filter, got "c,d" (a value that holds a comma needs quotes)`,
		"m{:b}":        "expected the name of a tag before : in the tag filter",
		`m{a:"b}`:      `the quoted value of the tag "a" does not end`,
		`m{a:"b" c}`:   `expected a comma after the value of the tag "a", got "c"`,
		"m{a:b,a:c}":   `the tag "a" cannot be "b" and "c"`,
	} {
		if name, filter, err := ParseSelector(src); err == nil {
			t.Errorf("ParseSelector(%q) = %q, %q; want an error", src, name, filter)
		} else if err.Error() != want {
			t.Errorf("ParseSelector(%q)\n got %s\nwant %s", src, err, want)
		}
	}
}

func TestSelectorRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		filter := rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,8}`), rapid.String(), 1, 4).Draw(t, "filter")
		text := FormatSelector("m", filter)
		name, again, err := ParseSelector(text)
		if err != nil || name != "m" || !maps.Equal(again, filter) {
			t.Fatalf("%q reads back as %q, %q, %v", text, name, again, err)
		}
	})
}

func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"m", "m{a:b}", `m{a:"b,c",d:'e'}`, "m{group:::x::y}", "m{{}}", `m{a:"\"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		name, filter, err := ParseSelector(src)
		if err != nil || strings.Contains(name, "}") {
			return
		}
		text := FormatSelector(name, filter)
		again, tags, err := ParseSelector(text)
		if err != nil || again != name || !maps.Equal(tags, filter) {
			t.Fatalf("%q is %q, %q; its canonical form %q is %q, %q, %v", src, name, filter, text, again, tags, err)
		}
	})
}
