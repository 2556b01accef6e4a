package html

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/bundle"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var scenario = &vu.Scenario{Name: "default", Exec: "default"}

// newVU makes a VU of a script that has require("probe").text() for a text, and
// gives what it passes to report().
func newVU(t testing.TB, text, code string, report func(string)) *sandbox.VU {
	t.Helper()
	probe := sandbox.Module{Names: []string{"probe"}, Exports: []string{"text", "report"}, Load: func(*sandbox.Host) (sandbox.New, error) {
		return func(v *sandbox.VU) *goja.Object {
			o := v.Runtime().NewObject()
			_ = o.Set("html", v.Func("html", 1, func(fc goja.FunctionCall) goja.Value {
				k := Of(v)
				return k.Selection(k.Parse("response.html", text), fc.Argument(0).String())
			}))
			_ = o.Set("text", v.Func("text", 0, func(goja.FunctionCall) goja.Value { return v.Runtime().ToValue(text) }))
			_ = o.Set("report", v.Func("report", 1, func(fc goja.FunctionCall) goja.Value {
				report(fc.Argument(0).String())
				return nil
			}))
			return o
		}, nil
	}}
	b := &bundle.Bundle{Entry: "script.js", Code: []byte(code), Sources: map[string][]byte{"script.js": []byte(code)}}
	s, err := sandbox.Compile(b, []sandbox.Module{Module(), probe}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Program(&sandbox.Host{Registry: metric.NewRegistry(metric.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v.(*sandbox.VU)
}

// prelude is what expressions of tests can use: doc, and names of elements.
const prelude = `const {parseHTML} = require("k6/html"), probe = require("probe");
const show = v => v === undefined ? "undefined" : JSON.stringify(v);
const ids = s => s.toArray().map(x => x.attr("id") || "-").join(" ");
const names = list => list.map(e => e.nodeName() + (e.id && e.id() ? "#" + e.id() : "")).join(" ");
const name = e => e && e.nodeName() + (e.id() ? "#" + e.id() : "");
const el = (doc, s) => doc.find(s).get(0);
`

// evaluate returns what each expression comes to as JSON, or what it throws.
func evaluate(t testing.TB, text string, expressions []string) []string {
	t.Helper()
	var code strings.Builder
	code.WriteString(prelude + "exports.default = function() { const doc = parseHTML(probe.text()), $ = s => doc.find(s), e = s => el(doc, s);\n")
	code.WriteString("const run = f => { try { probe.report(show(f())) } catch (x) { probe.report(x.name + ': ' + x.message) } };\n")
	for _, x := range expressions {
		fmt.Fprintf(&code, "run(() => (%s));\n", x)
	}
	code.WriteString("}")
	var results []string
	v := newVU(t, text, code.String(), func(s string) { results = append(results, s) })
	if err := v.Iterate(context.Background(), vu.Iteration{Scenario: scenario}); err != nil {
		t.Fatal(err)
	}
	return results
}

// check compares what expressions come to: a list of pairs.
func check(t *testing.T, text string, pairs ...string) {
	t.Helper()
	var expressions []string
	for i := 0; i < len(pairs); i += 2 {
		expressions = append(expressions, pairs[i])
	}
	for i, got := range evaluate(t, text, expressions) {
		if want := pairs[2*i+1]; got != want {
			t.Errorf("%s\n got %s\nwant %s", pairs[2*i], got, want)
		}
	}
}

// terms is the list that most examples of k6's documentation use.
const terms = `<dl>
  <dt id="term-1">term 1</dt>
  <dd>definition 1-a</dd>
  <dd>definition 1-b</dd>
  <dd>definition 1-c</dd>
  <dd>definition 1-d</dd>

  <dt id="term-2">term 2</dt>
  <dd>definition 2-a</dd>
  <dd>definition 2-b</dd>
  <dd>definition 2-c</dd>

  <dt id="term-3">term 3</dt>
  <dd>definition 3-a</dd>
  <dd>definition 3-b</dd>
</dl>`

const items = `<ul id=list>
  <li id=a>list item 1</li>
  <li id=b>list item 2</li>
  <li id=c class="third-item">list item 3</li>
  <li id=d>list item 4</li>
  <li id=e>list item 5</li>
</ul>`

func TestTerms(t *testing.T) {
	check(t, terms,
		`$("dl").children().size()`, `12`,
		`$("dl").children("dt").size()`, `3`,
		`$("dt").contents().text()`, `"term 1term 2term 3"`,
		`$("dt").contents().get(0).nodeName()`, `"#text"`,
		`$("dt").eq(1).html()`, `"term 2"`,
		`$("dt").eq(-1).html()`, `"term 3"`,
		`$("dt").eq(7).size()`, `0`,
		`$("dt").first().html()`, `"term 1"`,
		`$("dt").last().html()`, `"term 3"`,
		`$("nothing").first().size() + $("nothing").last().size()`, `0`,
		`$("dt").html()`, `"term 1"`,
		`$("nothing").html()`, `""`,
		`$("nothing").text()`, `""`,
		`$("dl").children().filter("#term-2").text()`, `"term 2"`,
		`$("dl").children().filter((i, x) => x.text() === "definition 3-a").text()`, `"definition 3-a"`,
		`$("dl").children().filter($("dl dt#term-1")).text()`, `"term 1"`,
		`$("dl").children().filter(e("#term-3")).text()`, `"term 3"`,
		`$("dl").children().filter((i) => i === 1).text()`, `"definition 1-a"`,
		`$("dl").children().is("dd")`, `true`,
		`$("dl").children().is(".zz")`, `false`,
		`$("dl").children().is((i, x) => x.text() === "hola")`, `false`,
		`$("dl").children().is($("dl").children().first())`, `true`,
		`$("dl").children().not("dt").size()`, `9`,
		`$("dl").children().not((i, x) => x.text().startsWith("definition")).size()`, `3`,
		`$("dl").children().not($("dd")).size()`, `3`,
		`$("dl").children().map((i, x) => i + " " + x.text())[11]`, `"11 definition 3-b"`,
		`$("dt").map(() => undefined).length`, `3`,
		`$("#term-2").nextUntil("dt").size()`, `3`,
		`$("#term-1").nextUntil("#term-3", "dd").size()`, `7`,
		`$("#term-1").nextUntil($("#term-2")).size()`, `4`,
		`$("#term-1").nextUntil().size()`, `11`,
		`$("#term-1").nextUntil(null, "dt").size()`, `2`,
		`$("#term-2").prevUntil("dt").size()`, `4`,
		`$("#term-3").prevUntil("#term-1", "dd").size()`, `7`,
		`$("#term-2").parentsUntil("dt").size()`, `3`,
		`$("#term-3").parentsUntil("html").size()`, `2`,
		`$("#term-3").parentsUntil("html", "dl").size()`, `1`,
		`$("dl").children().slice(11).text()`, `"definition 3-b"`,
		`$("dl").children().slice(0, 2).text()`, `"term 1definition 1-a"`,
		`$("dl").children().slice(-2).size()`, `2`,
		`$("dl").children().slice(-2, -1).text()`, `"definition 3-a"`,
		`[$("dt").slice(5).size(), $("dt").slice(2, 1).size(), $("dt").slice().size(), $("dt").slice(-9, 99).size(), $("dt").slice(NaN, 1e300).size()]`, `[0,0,3,3,3]`,
		`$("dt").toArray().map(x => x.text())`, `["term 1","term 2","term 3"]`,
		`$("dt").get().map(x => x.id())`, `["term-1","term-2","term-3"]`,
		`$("dt").get(1).innerHTML()`, `"term 2"`,
		`$("dt").get(-1).id()`, `"term-3"`,
		`$("dt").get(3)`, `undefined`,
		`(() => { const all = []; $("dt").each((i, x) => { all.push(i + x.id()); return false }); return all })()`, `["0term-1","1term-2","2term-3"]`,
		`(() => { const all = []; $("dt").each(function() { all.push(this.id()) }); return all })()`, `["term-1","term-2","term-3"]`,
		`$("dt").each(() => 1).size()`, `3`,
	)
}

func TestItems(t *testing.T) {
	check(t, items,
		`$("li.third-item").next().html()`, `"list item 4"`,
		`$("li.third-item").next(".zz").size()`, `0`,
		`$("li.third-item").prev().html()`, `"list item 2"`,
		`ids($("li.third-item").nextAll())`, `"d e"`,
		`ids($("li.third-item").nextAll("#e"))`, `"e"`,
		`ids($("li").nextAll())`, `"b c d e"`,
		`ids($("li.third-item").prevAll())`, `"b a"`,
		`ids($("li.third-item").prevAll("#a"))`, `"a"`,
		`ids($("li.third-item").siblings())`, `"a b d e"`,
		`ids($("li.third-item").siblings("#b, #e"))`, `"b e"`,
		`ids($("#a, #b").siblings())`, `"a b c d e"`,
		`ids($("li.third-item").parent())`, `"list"`,
		`$("li").parent("ol").size()`, `0`,
		`$("li.third-item").parents().size()`, `3`,
		`$("li").parents().size()`, `3`,
		`$("li").parents("ul, html").size()`, `2`,
		`ids($("#a").add("#c").add($("#b")).add(e("#a")))`, `"a c b"`,
		`ids($("li").eq(0).add("#e")) + "; " + ids($("li"))`, `"a e; a b c d e"`,
		`ids($("li").first().end())`, `"a b c d e"`,
		`doc.end().size()`, `0`,
		`[$("#c").index(), $("#c").index("li, ul"), $("li").index($("#d")), $("li").index(e("#e")), $("#zz").index(), $("li").index($("ul"))]`, `[2,3,3,4,-1,-1]`,
		`doc.single("li").text()`, `"list item 1"`,
		`doc.single(".zz").size()`, `0`,
		`ids($("ul").find("li.third-item"))`, `"c"`,
		`ids($("ul").find($("#b")))`, `"b"`,
		`ids($("li").find($("#b")))`, `""`,
		`ids(doc.find("li:nth-child(2n), #c"))`, `"b c d"`,
		`ids(doc.find("li:contains('item 5')"))`, `"e"`,
		`ids(doc.find("ul > li + li.third-item"))`, `"c"`,
		`ids(doc.find("#b ~ li"))`, `"c d e"`,
		`ids($("ul, body, html").find("li"))`, `"a b c d e"`,
	)
	check(t, `<ul id="one" class="level-1"><li class="item-i">I</li><li id="ii" class="item-ii">II
		<ul class="level-2"><li class="item-a">A</li><li class="item-b">B<ul class="level-3"><li class="item-1">1</li></ul></li></ul></li></ul>`,
		`$("li.item-a").closest("ul").attr("class")`, `"level-2"`,
		`$("li.item-a").closest(".level-1").attr("id")`, `"one"`,
		`$("li.item-a").closest("li").attr("class")`, `"item-a"`,
		`$("li.item-a").closest($("#one")).attr("id")`, `"one"`,
		`$("li").closest("ul").size()`, `3`,
		`$("li").has("ul").size()`, `2`,
		`$("li").has($(".item-b")).size()`, `1`,
		`$("li").has(".item-1").last().attr("class")`, `"item-b"`,
		`$("ul ul ul > li").attr("class")`, `"item-1"`,
	)
}

func TestAttributesAndData(t *testing.T) {
	check(t, `<html lang=en><h1 id=h Class="x  y" data-test-id="data-value" data-num="12" data-neg="-1.5" data-flag="true" data-off=false data-json='{"a":[1]}'
		data-nul=null data-lead=012 data-exp=1e3 data-bad="{a" data-empty data-__proto__=p>Hola</h1>`,
		`$("html").attr("lang")`, `"en"`,
		`$("h1").attr("CLASS")`, `"x  y"`,
		`$("h1").attr("zz")`, `undefined`,
		`$("zz").attr("id")`, `undefined`,
		`$("h1").data().testID`, `"data-value"`,
		`$("h1").data().testId`, `"data-value"`,
		`$("h1").data("test-id") + $("h1").data("testId") + $("h1").data("testID")`, `"data-valuedata-valuedata-value"`,
		`["num", "neg", "flag", "off", "json", "nul", "lead", "exp", "bad", "empty"].map(k => $("h1").data(k))`,
		`[12,-1.5,true,false,{"a":[1]},null,"012","1e3","{a",""]`,
		`$("h1").data("zz")`, `undefined`,
		`$("zz").data("x")`, `undefined`,
		`$("zz").data()`, `undefined`,
		`Object.keys($("h1").data()).sort().join()`, `"__proto__,bad,empty,exp,flag,json,lead,neg,nul,num,off,testId"`,
	)
}

const values = `<input id="text_input" type="text" value="input-text-value"/>
<select id="select_one"><option value="not this option">no</option><option value="yes this option" selected>yes</option></select>
<select id="select_text"><option>no text</option><option selected>yes
  text</option></select>
<select id="select_multi" multiple><option>option 1</option><option selected>option 2</option><option selected>option 3</option></select>
<select id=implied><option disabled>0<option>1</select><select id=bare></select><select id=tall size=3><option>1</select><select id=none multiple></select>
<textarea id="textarea" multiple>Lorem ipsum dolor sit amet</textarea>
<input id=check type=checkbox><input id=bare_input><button id=b value=v>x</button><output id=o>42</output><p id=p>x</p>`

func TestVal(t *testing.T) {
	check(t, values,
		`$('#text_input').val()`, `"input-text-value"`,
		`$('#select_one option[selected]').val()`, `"yes this option"`,
		`$('#select_one').val()`, `"yes this option"`,
		`$('#select_text').val()`, `"yes text"`,
		`$('#select_multi').val()`, `["option 2","option 3"]`,
		`$('#textarea').val()`, `"Lorem ipsum dolor sit amet"`,
		`$('#implied').val()`, `"1"`,
		`$('#bare').val()`, `undefined`,
		`$('#tall').val()`, `undefined`,
		`$('#none').val()`, `[]`,
		`$('#check').val()`, `"on"`,
		`$('#bare_input').val()`, `""`,
		`$('#b').val()`, `"v"`,
		`$('#o').val()`, `"42"`,
		`$('#p').val()`, `undefined`,
		`$('#zz').val()`, `undefined`,
	)
}

func TestSerialize(t *testing.T) {
	check(t, `<form><input name="username"></form>`,
		`$("form").serialize()`, `"username="`,
		`$("form").serializeArray()`, `[{"name":"username","value":""}]`,
		`$("form").serializeObject()`, `{"username":""}`,
	)
	check(t, formPage,
		`$("#f").serialize()`, `"u=a+b&c=on&r=2&s=o2&m=x&m=y&t=line+1%0D%0Aline+2&h=%C3%A9*-._%7E"`,
		`$("#f").serializeObject()`, `{"u":"a b","c":"on","r":"2","s":"o2","m":["x","y"],"t":"line 1\r\nline 2","h":"é*-._~"}`,
		`$("#f").serializeArray().length`, `8`,
		`$("#f input").serialize()`, `"u=a+b&c=on&r=2&h=%C3%A9*-._%7E"`,
		`$("p").serialize()`, `""`,
	)
}

func TestParseHTML(t *testing.T) {
	check(t, ``,
		`doc.size()`, `1`,
		`name(doc.get(0))`, `"#document"`,
		`doc.get(0).nodeType()`, `9`,
		`parseHTML().text() + parseHTML(null).text()`, `""`,
		`parseHTML(5).text()`, `"5"`,
		`require("swarm/html") === require("k6/html") && require("k6/html").default.parseHTML === parseHTML`, `true`,
		`parseHTML("<p>\u0000\ud800</p>").find("p").size()`, `1`,
		`Object.keys(doc)`, `[]`,
		`JSON.stringify(doc)`, `"{}"`,
		`(() => { "use strict"; doc.x = 1 })()`, `TypeError: 'Set' on a dynamic object returned false`,
		`doc.find.name + doc.find.length`, `"find1"`,
		`Object.getPrototypeOf(doc) === Object.getPrototypeOf(doc.find("p"))`, `true`,
	)
}

func TestErrors(t *testing.T) {
	long := strings.Repeat("a", maxSelector+1)
	check(t, items,
		`doc.find("li[")`, `TypeError: Selection.find: "li[" is not a selector: expected identifier, found EOF instead`,
		`doc.find("")`, `TypeError: Selection.find: "" is not a selector: expected selector, found EOF instead`,
		`$("li").filter("::")`, `TypeError: Selection.filter: "::" is not a selector: expected identifier, found EOF instead`,
		`$("li").is(":nope")`, `TypeError: Selection.is: ":nope" is not a selector: unknown pseudoclass or pseudoelement :nope`,
		`$("li").nextUntil("a)")`, `TypeError: Selection.nextUntil: "a)" is not a selector: 1 bytes left over`,
		`e("li").querySelector("{}")`, `TypeError: Element.querySelector: "{}" is not a selector: expected identifier, found { instead`,
		`doc.find()`, `TypeError: Selection.find: a selector, a Selection or an Element is wanted, got undefined`,
		`doc.find({a: 1})`, `TypeError: Selection.find: a selector, a Selection or an Element is wanted, got {"a":1}`,
		`doc.single(7)`, `TypeError: Selection.single: a selector is wanted, got 7`,
		`$("li").each()`, `TypeError: Selection.each: a function is wanted, got undefined`,
		`$("li").map("x")`, `TypeError: Selection.map: a function is wanted, got x`,
		`$("li").filter(() => { throw new RangeError("mine") })`, `RangeError: mine`,
		`doc.find.call({}, "li")`, `TypeError: Selection.find: called on something that is not a Selection`,
		`e("li").id.call(doc)`, `TypeError: Element.id: called on something that is not an Element`,
		`e("li").contains(1)`, `TypeError: Element.contains: an Element is wanted, got 1`,
		`doc.find("`+long+`")`, `TypeError: Selection.find: "`+long[:100]+`…" is not a selector: it is longer than 1000 characters`,
		`parseHTML("<div>".repeat(600))`, `Error: parseHTML: the document is too large: it is nested deeper than 512 elements`,
	)
}

// What package http shows of a response.
func TestKit(t *testing.T) {
	check(t, `<p>1</p><p>2</p>`,
		`probe.html("").size()`, `1`,
		`probe.html("p").text()`, `"12"`,
		`Object.getPrototypeOf(probe.html("p")) === Object.getPrototypeOf(doc)`, `true`,
		`ids(doc.find("p").filter(probe.html("p")))`, `""`,
		`probe.html("a[")`, `TypeError: response.html: "a[" is not a selector: expected identifier, found EOF instead`,
	)
}

// A search ends with the iteration it is part of.
func TestSearchEndsWithIteration(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	ended := errors.New("the iteration is over")
	searching := 0
	v := newVU(t, strings.Repeat("<p>x", 500), prelude+`exports.default = function() {
		const doc = parseHTML(probe.text());
		probe.report("searching");
		try { doc.find("p p, p ~ p:nth-last-child(2n+1)") } finally { probe.report("went on") }
	}`, func(s string) {
		if searching++; s == "searching" {
			cancel(ended)
		}
	})
	err := v.Iterate(ctx, vu.Iteration{Scenario: scenario})
	var interrupted *vu.Interrupted
	if !errors.As(err, &interrupted) || searching != 1 {
		t.Errorf("got %v after %d reports, want an interruption after the first", err, searching)
	}
}
