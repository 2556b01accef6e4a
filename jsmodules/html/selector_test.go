package html

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string][][]piece{
		`a`:                       {{{0, "a"}}},
		` a  b>c + d~e `:          {{{0, "a"}, {' ', "b"}, {'>', "c"}, {'+', "d"}, {'~', "e"}}},
		`a,b c , d`:               {{{0, "a"}}, {{0, "b"}, {' ', "c"}}, {{0, "d"}}},
		`a[x="> ,]"] > b`:         {{{0, `a[x="> ,]"]`}, {'>', "b"}}},
		`a:not(b > c, d) e`:       {{{0, "a:not(b > c, d)"}, {' ', "e"}}},
		`li:nth-child( 2n + 1 )b`: {{{0, "li:nth-child( 2n + 1 )b"}}},
		`\31 a .\>b`:              {{{0, `\31 a`}, {' ', `.\>b`}}},
		`#a\,b c`:                 {{{0, `#a\,b`}, {' ', "c"}}},
		`[x='\'>'] b`:             {{{0, `[x='\'>']`}, {' ', "b"}}},
		`\00002ab`:                {{{0, `\00002ab`}}},
	} {
		if diff := cmp.Diff(want, split(text), cmp.AllowUnexported(piece{})); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// What a selector finds is what it finds taken as a whole by the library,
// whether all of the document is searched or its elements are asked one by one.
func TestSelectorsAgreeWithLibrary(t *testing.T) {
	compounds := rapid.SampledFrom([]string{"a", "b", "i", "p", "*", ".x", ".y", "#k", "a.x", "[y]", "b:first-child", ":nth-child(2n)", ":not(.x)", ":not(p a)", ":has(b)", ":has(> a, i)", ":empty", ":root", "p:contains(t)"})
	if _, err := cascadia.ParseGroup(":has(> a, i)"); err != nil {
		compounds = compounds.Filter(func(s string) bool { return s != ":has(> a, i)" })
	}
	combinators := rapid.SampledFrom([]string{" ", ">", " > ", "+", " ~ ", "~", ", "})
	bits := rapid.SampledFrom([]string{"<p>", "<p class=x>", "<div>", "</div>", "<a class='x y'>", "</a>", "<b id=k>", "</b>", "<i y>", "</i>", "t", "<!--c-->", "</p>", "<span class=y>", "</span>"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(bits, 0, 60).Draw(t, "document"), "")
		var selector strings.Builder
		for i := range rapid.IntRange(1, 6).Draw(t, "parts") {
			if i > 0 {
				selector.WriteString(combinators.Draw(t, "combinator"))
			}
			selector.WriteString(compounds.Draw(t, "compound"))
		}
		d, err := Parse(context.Background(), text)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, d.root, selector.String())
	})
}

func compare(t interface {
	Fatalf(string, ...any)
	Errorf(string, ...any)
}, root *html.Node, selector string) {
	g, err := cascadia.ParseGroup(selector)
	if err != nil {
		t.Fatalf("%s: %v", selector, err)
	}
	s, err := compile(selector)
	if err != nil {
		t.Fatalf("%s: %v", selector, err)
	}
	// In small documents only: the library's way can take forever.
	want := slices.DeleteFunc(cascadia.QueryAll(root, g), func(n *html.Node) bool { return n.Type != html.ElementNode })
	w := newWork(context.Background())
	if got := (&matching{selector: s, work: w}).find([]*html.Node{root}, 0); !slices.Equal(got, want) {
		t.Errorf("%s finds %d, the library %d", selector, len(got), len(want))
	}
	var one []*html.Node
	m := &matching{selector: s, work: w}
	all := elements(root, func(*html.Node) bool { return true })
	slices.Reverse(all)
	for _, n := range all {
		if m.Match(n) {
			one = append(one, n)
		}
	}
	slices.Reverse(one)
	if !slices.Equal(one, want) {
		t.Errorf("%s matches %d one by one, with the library %d", selector, len(one), len(want))
	}
	if w.err != nil {
		t.Errorf("%s: %v", selector, w.err)
	}
	var first []*html.Node
	if len(want) > 0 {
		first = want[:1]
	}
	if got := (&matching{selector: s, work: w}).find([]*html.Node{root}, 1); !slices.Equal(got, first) {
		t.Errorf("%s: the first is another one", selector)
	}
}

func TestSelectorsInPieces(t *testing.T) {
	d := parse(t, `<div id=a class="x>y"><p title="a, b > c"><a href='it"s'>one</a><a>two</a></p></div><div id=1b><p><i>it's</i></p></div>`)
	for _, selector := range []string{
		`div p a`, `div>p>a+a`, `[title="a, b > c"] a`, `.x\>y > p`, `#\31 b i`, `p:has(a[href='it"s'])`, `p:not(:has(a)) > i`,
		`p:matches(it's) i`, `div /* any */ p`, `a, i`, `a,i , p > a`, `*|* a`, strings.Repeat("* ", 70) + "a",
	} {
		if _, err := cascadia.ParseGroup(selector); err != nil {
			continue
		}
		compare(t, d.root, selector)
	}
}

// steps counts what matching looks at.
func TestSelectorsTakeLinearTime(t *testing.T) {
	deep := parse(t, strings.Repeat("<div>", 450)+strings.Repeat("<b></b>", 50))
	wide := parse(t, strings.Repeat("<p></p><a></a>", 3000))
	for _, c := range []struct {
		d        *Document
		selector string
	}{
		{deep, "p div div div div div b"},
		{deep, "p > div div > div div b"},
		{deep, "b + b + b ~ b ~ p"},
		{wide, "i ~ p ~ a ~ p ~ a"},
		{wide, "p + a ~ p + a ~ i"},
		{wide, strings.Repeat("p ~ ", 63) + "a"},
	} {
		nodes := uint(len(elements(c.d.root, func(*html.Node) bool { return true })))
		parts := uint(strings.Count(c.selector, " ")/2 + 2)
		for how, search := range map[string]func(m *matching){
			"find":   func(m *matching) { m.find([]*html.Node{c.d.root}, 0) },
			"filter": func(m *matching) { m.Filter(elements(c.d.root, func(*html.Node) bool { return true })) },
		} {
			s, err := compile(c.selector)
			if err != nil {
				t.Fatal(err)
			}
			w := newWork(context.Background())
			search(&matching{selector: s, work: w})
			if w.err != nil || w.steps > 4*nodes*parts {
				t.Errorf("%s %s: %d steps for %d elements, %v", how, c.selector, w.steps, nodes, w.err)
			}
		}
	}
}

// Contexts inside each other are searched once.
func TestOutermost(t *testing.T) {
	d := parse(t, strings.Repeat("<div>", 400)+"<p id=x></p>")
	all := elements(d.root, func(*html.Node) bool { return true })
	if top := outermost(all); len(top) != 1 || top[0].Data != "html" {
		t.Errorf("got %d", len(top))
	}
	slices.Reverse(all)
	if top := outermost(all); len(top) != 1 || top[0].Data != "html" {
		t.Errorf("in reverse: got %d", len(top))
	}
	s, _ := compile("p")
	w := newWork(context.Background())
	if found := (&matching{selector: s, work: w}).find(all, 0); len(found) != 1 || w.steps > 1000 {
		t.Errorf("found %d in %d steps", len(found), w.steps)
	}
}

func FuzzSelector(f *testing.F) {
	for _, s := range []string{"a", "a b > c", `[x="y" i]`, `:not(:has(a, b))`, `\31 a`, "a,,", ":nth-child(-2n+1)", "/**/a", ":matches([)])", `:contains("'")`, `a[b#=(x)]`} {
		f.Add(s)
	}
	d, err := Parse(context.Background(), `<div id=a class="x y"><p title=t><a href=h>one</a> <a>two</a><!--c--></p></div><ul><li>1<li class=x>2<li>3</ul>`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, selector string) {
		if _, err := compile(selector); err != nil {
			return
		}
		compare(t, d.root, selector)
	})
}

func TestCompileErrorsAreShort(t *testing.T) {
	for _, text := range []string{"[", strings.Repeat("[", maxSelector), strings.Repeat("é", 3000), "\x00"} {
		_, err := compile(text)
		if err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), "selector") {
			t.Errorf("%q: %v", text[:min(10, len(text))], err)
		}
	}
	if _, err := compile(strings.Repeat(":not(", 199) + "a" + strings.Repeat(")", 3)); err == nil {
		t.Error("unclosed parentheses were accepted")
	}
	nested := strings.Repeat(":not(", 160) + "a" + strings.Repeat(")", 160)
	if _, err := compile(nested); err != nil {
		t.Error(fmt.Errorf("nested: %w", err))
	}
}
