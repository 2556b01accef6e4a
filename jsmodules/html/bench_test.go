package html

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/swarmload/swarm/engine/vu"
	"golang.org/x/net/html"
)

// shop is a page of 20 KB such as shops have.
func shop() string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang=en><head><title>Shop</title><link rel=stylesheet href=/s.css></head><body><nav><ul>`)
	for i := range 12 {
		fmt.Fprintf(&b, `<li class="nav-item"><a href="/c/%d">Category %d</a></li>`, i, i)
	}
	b.WriteString(`</ul></nav><form id=login action=/login method=post><input name=user><input name=csrf type=hidden value=token123><button type=submit>Go</button></form><main>`)
	for i := 0; b.Len() < 20_000; i++ {
		fmt.Fprintf(&b, `<article class="product card" data-id="%d"><h2><a href="/p/%d">Product number %d</a></h2><p class="text">Some <b>words</b> about it, &amp; more of them.</p><span class="price">%d.99</span></article>`+"\n", i, i, i, i)
	}
	b.WriteString(`</main></body></html>`)
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	page := shop()
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			if _, err := html.Parse(strings.NewReader(page)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bounded", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			if _, err := Parse(context.Background(), page); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	d, err := Parse(context.Background(), shop())
	if err != nil {
		b.Fatal(err)
	}
	for _, selector := range []string{"a", "#login input[name=csrf]", "main article.product .price"} {
		b.Run("goquery/"+selector, func(b *testing.B) {
			b.ReportAllocs()
			doc := goquery.NewDocumentFromNode(d.root)
			for b.Loop() {
				if doc.Find(selector).Length() == 0 {
					b.Fatal("nothing found")
				}
			}
		})
		b.Run("swarm/"+selector, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := compile(selector)
				if err != nil {
					b.Fatal(err)
				}
				if len((&matching{selector: s, work: newWork(context.Background())}).find([]*html.Node{d.root}, 0)) == 0 {
					b.Fatal("nothing found")
				}
			}
		})
	}
}

// BenchmarkScript is what a script typically does with a page: parse it, take a
// token and follow what the links say.
func BenchmarkScript(b *testing.B) {
	v := newVU(b, shop(), `const {parseHTML} = require("k6/html"), page = require("probe").text();
		exports.default = function() {
			const doc = parseHTML(page);
			if (doc.find("input[name=csrf]").val() !== "token123") throw new Error("token");
			if (doc.find("article a").first().attr("href") !== "/p/0") throw new Error("link");
		}`, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Iterate(context.Background(), vu.Iteration{Scenario: scenario}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkForm(b *testing.B) {
	d, err := Parse(context.Background(), shop())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := d.Form(context.Background(), Fill{Page: "http://h/", Fields: []Values{{"user", []string{"u"}}}})
		if err != nil || s.Body() != "user=u&csrf=token123" {
			b.Fatal(s, err)
		}
	}
}
