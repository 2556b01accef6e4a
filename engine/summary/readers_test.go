package summary

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/joshdk/go-junit"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"
)

// TestJUnitReaders has two readers that are not ours read the reports: a
// library that CI tools use, and a validator with the documented format.
func TestJUnitReaders(t *testing.T) {
	xmllint, missing := exec.LookPath("xmllint")
	if missing != nil && os.Getenv("TEST_READERS") == "require" {
		t.Fatal("xmllint is not on PATH: apt-get install libxml2-utils")
	}
	for name, s := range fixtures(t) {
		var b bytes.Buffer
		if err := WriteJUnit(&b, s); err != nil {
			t.Fatal(err)
		}
		suites, err := junit.Ingest(b.Bytes())
		if err != nil || len(suites) != 1 {
			t.Fatalf("%s: %d suites, %v", name, len(suites), err)
		}
		judged, failed := 1, 0
		if !s.Passed {
			failed++
		}
		for _, v := range s.Thresholds {
			if !v.Default || !v.OK {
				judged++
			}
			if !v.OK {
				failed++
			}
		}
		for _, c := range s.Checks {
			if judged++; c.Fails > 0 {
				failed++
			}
		}
		if got := suites[0].Totals; got.Tests != judged || got.Failed != failed || got.Duration.Round(1e6) != s.Duration.Round(1e6) {
			t.Errorf("%s: totals %+v, want %d tests, %d failed, %v", name, got, judged, failed, s.Duration)
		}
		if missing != nil {
			t.Logf("NOT VALIDATED: xmllint is not on PATH (apt-get install libxml2-utils)")
			continue
		}
		lint := exec.Command(xmllint, "--noout", "--nonet", "--schema", "testdata/junit.xsd", "-")
		lint.Stdin = &b
		if out, err := lint.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	var b strings.Builder
	if err := WriteJUnit(&b, Build(shop(t))); err != nil {
		t.Fatal(err)
	}
	golden(t, "shop.junit.xml", b.String())
}

func TestMarkdown(t *testing.T) {
	for _, name := range []string{"shop", "late", "searched", "hostile"} {
		var b strings.Builder
		if err := WriteMarkdown(&b, fixtures(t)[name]); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".md", b.String())
	}
}

// rendered is what GitHub's flavour of Markdown makes of text; HTML in it stays.
func rendered(t interface{ Fatal(...any) }, text string) string {
	var b strings.Builder
	m := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := m.Convert([]byte(text), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var element = regexp.MustCompile(`<[^>]*>`)

// TestMarkdownIsInert has a reader that is not ours read what hostile names
// come to: nothing but the elements we wrote, and as many cells.
func TestMarkdownIsInert(t *testing.T) {
	ours := regexp.MustCompile(`^</?(h2|p|ul|li|table|thead|tbody|tr|th|td|code)( style="text-align:(left|right)")?( align="(left|right)")?>$`)
	bad := rapid.OneOf(rapid.StringN(0, 40, -1), rapid.StringMatching("[-`|\\\\<>*_\\[\\]()!#@&;:/a~=+$.\n ]{0,30}"),
		rapid.SampledFrom([]string{"a|b", "`", "``|", "\\|x|", "a\\", "|", "<script>alert(1)</script>", "](javascript:1)", "@octocat", "https://example.com",
			"![x](http://h/x.png)", "\n\n# heading", "<!--", "&lt;script&gt;", "`|</code><img src=x>", " x ", "a@b.example", "$x$", "~~a~~"}))
	rapid.Check(t, func(t *rapid.T) {
		s := &Summary{
			Script: bad.Draw(t, "script"), Reasons: []string{bad.Draw(t, "reason")},
			Checks: []Check{{Group: bad.Draw(t, "group"), Name: bad.Draw(t, "check"), Passes: 1}},
			Requests: []Request{
				{Method: bad.Draw(t, "method"), Name: bad.Draw(t, "name"), Count: 1}, {Name: "/", Count: 1},
			},
			Total:  Request{Count: 2},
			Errors: []ErrorGroup{{Message: bad.Draw(t, "message"), File: bad.Draw(t, "file"), Line: 1}},
			Notes:  []string{bad.Draw(t, "note")},
		}
		var b strings.Builder
		if err := WriteMarkdown(&b, s); err != nil {
			t.Fatal(err)
		}
		page := rendered(t, b.String())
		for _, e := range element.FindAllString(page, -1) {
			if !ours.MatchString(e) {
				t.Fatalf("%q came of\n%s\nas\n%s", e, b.String(), page)
			}
		}
		// 8 columns of requests, 4 of checks, 4 of errors, titles included.
		if got, want := strings.Count(page, "<th")-strings.Count(page, "<thead")+strings.Count(page, "<td"), 8*4+4*2+4*2; got != want {
			t.Fatalf("%d cells, want %d:\n%s\n%s", got, want, b.String(), page)
		}
		if strings.ContainsFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }) {
			t.Fatalf("not inert: %q", b.String())
		}
	})
}
