package html

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func count(root *html.Node) int {
	n := 0
	within(root, func(*html.Node) bool { n++; return true })
	return n
}

// hostile are pages that cost more than they look like.
func hostile() map[string]string {
	var bold strings.Builder
	for i := range 400 {
		fmt.Fprintf(&bold, "<b %d>", i)
	}
	return map[string]string{
		"links in links":     strings.Repeat("<a>", 350_000),
		"deep":               strings.Repeat("<div>", 100_000),
		"deep and closed":    strings.Repeat("<div>", 100_000) + strings.Repeat("</div>", 100_000),
		"long attribute":     "<p x='" + strings.Repeat("y", 10<<20) + "'>",
		"many attributes":    "<p " + strings.Repeat("x ", 500_000) + ">",
		"other attributes":   "<p " + manyAttributes(200_000) + ">",
		"bad UTF-8":          "<p \xff=\xfe>\xc0\x80\xed\xa0\x80</p\xff>",
		"NUL":                "<\x00p\x00>\x00<a href=\x00>\x00</a>",
		"only brackets":      strings.Repeat("<", 1<<20),
		"end tags":           strings.Repeat("x</q>", 200_000),
		"reopened":           "<div>" + bold.String() + "</div>" + strings.Repeat("<p>x", 50_000),
		"reopened in tables": "<table><tr><td>" + bold.String() + "<table>" + strings.Repeat("</b><tr><td>x", 50_000),
		"reopened after svg": "<svg><style>" + bold.String() + "</style></svg><div>" + bold.String() + "</div>" + strings.Repeat("<p>x", 50_000),
		"hidden in quotes":   "<svg><script>x<b y='</script><i z=\"'>" + bold.String() + "</div>" + strings.Repeat("<p>x", 50_000),
		"hidden in CDATA":    "<svg><![CDATA[ > <i z=\" ]]></svg><div>" + bold.String() + "</div>" + strings.Repeat("<p>x", 50_000),
		"adopted":            strings.Repeat("<b><p></b><div>", 200) + strings.Repeat("</b><p>x", 20_000),
		"tables":             strings.Repeat("<table><td>", 100_000),
		"fostered":           "<table>" + strings.Repeat("<b>x<tr>", 30_000),
		"comments":           strings.Repeat("<!---->", 150_000),
		"entities":           strings.Repeat("&amp;&#x41;&notanentity;", 40_000),
		"templates":          strings.Repeat("<template>", 100_000),
		"options":            "<select>" + strings.Repeat("<option>x", 100_000),
		"forms":              strings.Repeat("<form><input form=x><label for=y>", 30_000),
		"framesets":          strings.Repeat("<frameset>", 100_000),
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d=%d ", i, i)
	}
	return b.String()
}

// Whatever a page is, parsing it costs memory in proportion to what it says, or
// it is refused.
func TestHostilePages(t *testing.T) {
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			d, err := Parse(context.Background(), text)
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 600<<20 {
				t.Errorf("%d MB for %d bytes", allocated>>20, len(text))
			}
			if err != nil {
				// A slow machine may give up one of them.
				if !errors.Is(err, ErrTooLarge) && !errors.Is(err, errSlow) {
					t.Error(err)
				}
				return
			}
			if n := count(d.root); n > maxNodes {
				t.Errorf("%d nodes", n)
			}
			// It can be used.
			if _, err := d.Link(context.Background(), "http://h/", "p div a[href]"); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, errSlow) {
				t.Error(err)
			}
			if _, err := d.Form(context.Background(), Fill{Page: "http://h/"}); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, errSlow) {
				t.Error(err)
			}
		})
	}
}

// What is refused and what is not.
func TestAffordable(t *testing.T) {
	pages := hostile()
	for _, name := range []string{"reopened", "reopened in tables", "reopened after svg", "hidden in quotes", "hidden in CDATA"} {
		if affordable(pages[name]) {
			t.Errorf("%s: would be parsed", name)
		}
	}
	// A page of the size and kind of large real ones: much text in b, i and
	// strong, drawings, scripts.
	row := `<tr class="r"><td><b>name</b> and <i class="icon"></i><svg viewBox="0 0 1 1"><title>Icon</title><path d="M0 0"/></svg></td>` +
		`<td><a href="/x"><strong>go</strong> <span>there</span></a><p><em>really</em>, <code>now</code> <small><a href=y>y</a></small></p></td></tr>` + "\n"
	page := "<html><body><font color=red><table>" + strings.Repeat(row, 6000) + "</table></font><script>if (a<b && b<i) document.write('<b><i>')</script></body></html>"
	if !affordable(page) {
		t.Errorf("an honest page of %d bytes is refused", len(page))
	}
	if affordable(strings.Repeat("<p>", maxNodes/3+1)) {
		t.Error("more nodes than are kept would be parsed")
	}
}

// The bound is one: parsing makes no more nodes than it says. Pages are made of
// few different tags each, which makes odd combinations of them likely.
func TestNodesAreBounded(t *testing.T) {
	bits := strings.Fields("<b_1> <b_2> <b_3> <b_4> <i> <s> <em> <u_1> <u_2> <font_x> <nobr> <a> <p> <div> <td> <tr> <tbody> <table> <col> <colgroup> <caption> " +
		"<svg> <math> <mi> <foreignObject> <title> <style> <select> <object> <marquee> <template> <li> <button> <span> <h1> <form> <br> <frameset> " +
		"</b> </i> </font> </nobr> </a> </p> </div> </td> </tr> </tbody> </table> </svg> </math> </mi> </title> </style> </select> </object> </template> </button> " +
		"</foreignObject> </caption> </br> </span> <!--> <![CDATA[ ]]> x _ <b_y=' '> \"")
	for i, b := range bits {
		bits[i] = strings.ReplaceAll(b, "_", " ")
	}
	const pages = 3000
	told := 0
	for seed := range uint64(pages) {
		r := rand.New(rand.NewPCG(seed, 0))
		some := make([]string, 3+r.IntN(12))
		for i := range some {
			some[i] = bits[r.IntN(len(bits))]
		}
		var page strings.Builder
		for range 20 + r.IntN(400) {
			page.WriteString(some[r.IntN(len(some))])
		}
		root, err := html.Parse(strings.NewReader(page.String()))
		if err != nil {
			continue
		}
		most, sure := estimate(page.String())
		if sure {
			told++
		}
		// html, head and body are there anyway.
		if n := count(root) - 3; sure && n > most {
			t.Errorf("%d nodes of %q, at most %d were said (seed %d)", n, some, most, seed)
		}
	}
	if told < pages/2 {
		t.Errorf("of only %d pages of %d it was told", told, pages)
	}
}

// A context that ends ends parsing and searching.
func TestContextEnds(t *testing.T) {
	d := parse(t, items)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Parse(ctx, items); !errors.Is(err, context.Canceled) {
		t.Errorf("parse: %v", err)
	}
	big := parse(t, strings.Repeat("<p>x", 1000))
	if _, err := big.Link(ctx, "http://h/", "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("link: %v", err)
	}
	if _, err := big.Form(ctx, Fill{Page: "http://h/"}); !errors.Is(err, context.Canceled) {
		t.Errorf("form: %v", err)
	}
	w := newWork(context.Background())
	w.until = time.Now().Add(-time.Second)
	s, _ := compile("li")
	(&matching{selector: s, work: w}).find([]*html.Node{big.root, d.root}, 0)
	if !errors.Is(w.err, errSlow) || w.late() || w.steps > 200 {
		t.Errorf("out of time: %v after %d steps", w.err, w.steps)
	}
}

// Texts of elements inside each other do not add up without bound.
func TestTextIsBounded(t *testing.T) {
	line := strings.Repeat("x", 1<<20)
	check(t, strings.Repeat("<div>", 13)+strings.Repeat(line, 5),
		`$("div").text()`, `RangeError: Selection.text: more than 64 MiB of text`,
		`$("div").first().text().length`, `5242880`,
		`e("div").textContent().length`, `5242880`,
	)
	var b limited
	for range maxText / len(line) {
		if _, err := b.WriteString(line); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.WriteString("x")
	_, err2 := b.Write([]byte("x"))
	if err3 := b.WriteByte('x'); !errors.Is(err, errText) || !errors.Is(err2, errText) || !errors.Is(err3, errText) || b.Len() != maxText {
		t.Errorf("got %v, %v and %v after %d bytes", err, err2, err3, b.Len())
	}
}

func FuzzParse(f *testing.F) {
	for name, text := range hostile() {
		if len(text) < 1<<16 {
			f.Add(text, "p a")
		} else {
			f.Add(text[:1<<10], name)
		}
	}
	f.Add(formPage, "form input")
	f.Add(elements1, "body > *")
	f.Fuzz(func(t *testing.T, text, selector string) {
		d, err := Parse(context.Background(), text)
		if err != nil {
			if !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		for _, n := range append(elements(d.root, func(*html.Node) bool { return true }), d.root) {
			value(n)
			d.labels(n)
			d.form(n)
			options(n)
		}
		_, _ = markup(d.root) // no panic is all that is wanted
		if _, err := compile(selector); err == nil {
			compare(t, d.root, selector)
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add(formPage, "form", "[name=sb]", "u", "http://h/x")
	f.Add(formPage, "#broken", "", "cell", "http://h/x?y")
	f.Add(`<form action="%zz" method=post><input type=radio name=a checked>`, "", "", "a", "http://h:1/")
	f.Fuzz(func(t *testing.T, text, form, submit, field, page string) {
		d, err := Parse(context.Background(), text)
		if err != nil {
			return
		}
		_, _ = d.Link(context.Background(), page, form)
		s, err := d.Form(context.Background(), Fill{Page: page, Form: form, Submit: submit, Fields: []Values{{field, []string{"v"}}}})
		if err != nil {
			return
		}
		sent := 0
		for _, x := range s.Fields {
			if x.Name == field && x.Value == "v" {
				sent++
			}
		}
		if sent == 0 || s.Method != "GET" && s.Method != "POST" || strings.Contains(s.URL, "#") {
			t.Errorf("%d times the field in %+v", sent, s)
		}
		if s.Method == "GET" && !strings.HasSuffix(s.URL, "?"+encode(s.Fields)) {
			t.Errorf("%s does not end with the fields", s.URL)
		}
	})
}
