// Package html is the module swarm/html, known to k6 scripts as k6/html: pages
// parsed as browsers parse them, to be searched the way jQuery does, and what
// submitting a form or following a link of such a page means.
//
// # How it is built
//
// A [Document] is a tree that is never changed. [Parse], [Document.Form] and
// [Document.Link] know nothing of JavaScript. A [Kit] shows documents to the
// script of one VU as Selections and Elements: host objects without properties
// of their own, whose methods are made when they are first used, once per VU.
//
// # Hostile pages
//
// What a target sends must not cost more than it is worth. A document is
// bounded in nodes and depth before it is built (see limits.go), texts made
// from it in bytes, and each operation in time; every operation also ends with
// the iteration it belongs to. Matching a selector and going from a set of
// elements to their relatives look at no element more than a few times.
package html

import (
	"errors"
	"strconv"
	"sync"

	"github.com/PuerkitoBio/goquery"
	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
	"golang.org/x/net/html"
)

// Module describes swarm/html.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm/html", "k6/html"},
		Exports: []string{"parseHTML", "default"},
		Load: func(*sandbox.Host) (sandbox.New, error) {
			return func(v *sandbox.VU) *goja.Object {
				k := Of(v)
				k.module = k.shapes.module.New(v, k)
				return k.module
			}, nil
		},
	}
}

func moduleShape() *sandbox.Shape[*Kit] {
	return sandbox.NewShape(
		method{Name: "parseHTML", Make: func(k *Kit) goja.Value {
			return k.v.Func("parseHTML", 1, func(fc goja.FunctionCall) goja.Value {
				text := ""
				if v := fc.Argument(0); !goja.IsUndefined(v) && !goja.IsNull(v) {
					text = v.String()
				}
				return k.Selection(k.Parse("parseHTML", text), "")
			})
		}},
		method{Name: "default", Make: func(k *Kit) goja.Value { return k.module }},
	)
}

// shapes describe the objects of all kits.
type shapes struct {
	module, selection, element *sandbox.Shape[*Kit]
	attribute                  *sandbox.Shape[*attr]
	kinds                      map[kind]*sandbox.Shape[*Kit]
}

// shared returns the shapes, which are made when the first script needs them.
var shared = sync.OnceValue(func() *shapes {
	return &shapes{moduleShape(), selectionShape(), elementShape(), attributeShape(), kindShapes()}
})

// Kit shows documents to the script of one VU. It is for the goroutine that
// owns the VU.
type Kit struct {
	v          *sandbox.VU
	rt         *goja.Runtime
	shapes     *shapes
	module     *goja.Object          // nil unless the script has imported it
	selections *goja.Object          // prototype of selections; nil until needed
	elements   map[kind]*goja.Object // prototypes of elements, likewise
}

type kitKey struct{}

// Of returns the kit of v's present runtime.
func Of(v *sandbox.VU) *Kit {
	return v.Local(kitKey{}, func() any { return &Kit{v: v, rt: v.Runtime(), shapes: shared()} }).(*Kit)
}

// Parse parses text. It throws in the script what goes wrong, naming where, the
// function that was called.
func (k *Kit) Parse(where, text string) *Document {
	d, err := Parse(k.v.Context(), text)
	if err != nil {
		k.throw(where, err)
	}
	return d
}

// Selection returns the Selection of what the selector finds in d; of d itself
// when it is empty. It throws a TypeError for what is no selector.
func (k *Kit) Selection(d *Document, selector string) goja.Value {
	s := k.selection(d, []*html.Node{d.root}, nil)
	if selector != "" {
		c := call{k: k, where: "response.html"}
		s = c.find(s, selector, 0)
	}
	return k.show(s)
}

// throw throws err in the script, or ends it if that is what err came from.
func (k *Kit) throw(where string, err error) {
	k.v.StopIfDone()
	kind := "Error"
	if errors.Is(err, ErrSelector) {
		kind = "TypeError"
	}
	k.v.Throw(kind, where+": "+err.Error())
}

// opaque is a host object without any property a script could see or change.
type opaque struct{}

func (opaque) Get(string) goja.Value       { return nil }
func (opaque) Set(string, goja.Value) bool { return false }
func (opaque) Has(string) bool             { return false }
func (opaque) Delete(string) bool          { return true }
func (opaque) Keys() []string              { return nil }

// selection is a Selection as scripts see it.
type selection struct {
	opaque
	set  *goquery.Selection
	doc  *Document
	prev *selection // what end() returns; nil at the first
}

// element is an Element as scripts see it: any node, in fact.
type element struct {
	opaque
	doc *Document
	n   *html.Node
}

func (k *Kit) selection(d *Document, nodes []*html.Node, prev *selection) *selection {
	return &selection{set: &goquery.Selection{Nodes: nodes}, doc: d, prev: prev}
}

// show makes the object for s.
func (k *Kit) show(s *selection) *goja.Object {
	if k.selections == nil {
		k.selections = k.shapes.selection.New(k.v, k)
	}
	o := k.rt.NewDynamicObject(s)
	_ = o.SetPrototype(k.selections) // a fresh object takes any
	return o
}

// element makes the object for n; undefined for none.
func (k *Kit) element(d *Document, n *html.Node) goja.Value {
	if n == nil {
		return goja.Undefined()
	}
	o := k.rt.NewDynamicObject(&element{doc: d, n: n})
	_ = o.SetPrototype(k.prototype(k.shapes.of(n)))
	return o
}

// array makes the array of elements for nodes.
func (k *Kit) array(d *Document, nodes []*html.Node) goja.Value {
	items := make([]any, len(nodes))
	for i, n := range nodes {
		items[i] = k.element(d, n)
	}
	return k.rt.NewArray(items...)
}

// call is a call of a method by the script.
type call struct {
	k     *Kit
	where string // as messages call it: Selection.find
	goja.FunctionCall
}

func (c *call) throw(kind, text string) { c.k.v.Throw(kind, c.where+": "+text) }

// given reports whether there is an argument i other than undefined and null.
func (c *call) given(i int) bool {
	v := c.Argument(i)
	return !goja.IsUndefined(v) && !goja.IsNull(v)
}

// work begins an operation.
func (c *call) work() *work { return newWork(c.k.v.Context()) }

// done ends an operation: what it came to counts only if it was completed.
func (c *call) done(w *work) {
	if w.late() {
		c.k.v.StopIfDone()
	}
	if w.err != nil {
		c.throw("Error", w.err.Error())
	}
}

// compiled returns the matching of a selector in one operation.
func (c *call) compiled(text string, w *work) *matching {
	s, err := compile(text)
	if err != nil {
		c.k.throw(c.where, err)
	}
	return &matching{selector: s, work: w}
}

// find returns what is below s and matches, most of it (0: all).
func (c *call) find(s *selection, selector string, most int) *selection {
	w := c.work()
	found := c.compiled(selector, w).find(s.set.Nodes, most)
	c.done(w)
	return c.k.selection(s.doc, found, s)
}

// nodes returns the nodes of a Selection or an Element.
func nodesOf(v goja.Value) ([]*html.Node, bool) {
	o, ok := v.(*goja.Object)
	if !ok {
		return nil, false
	}
	switch host := o.Export().(type) {
	case *selection:
		return host.set.Nodes, true
	case *element:
		return []*html.Node{host.n}, true
	}
	return nil, false
}

// matcher returns what argument i asks for: a selector, or the nodes of a
// Selection or Element. It throws when there is none.
func (c *call) matcher(i int, w *work) goquery.Matcher {
	v := c.Argument(i)
	if text, ok := v.(goja.String); ok {
		return c.compiled(text.String(), w)
	}
	if nodes, ok := nodesOf(v); ok {
		return newNodeSet(nodes)
	}
	c.throw("TypeError", "a selector, a Selection or an Element is wanted, got "+clip(c.k.v.Describe(v)))
	return nil
}

// function returns argument i if it is a function.
func (c *call) function(i int) (goja.Callable, bool) {
	return goja.AssertFunction(c.Argument(i))
}

// invoke calls a function of the script.
func (c *call) invoke(fn goja.Callable, this goja.Value, args ...goja.Value) goja.Value {
	v, err := fn(this, args...)
	if err != nil {
		panic(err) // goes on as what the function threw
	}
	return v
}

// text is argument i as a string.
func (c *call) text(i int) string { return c.Argument(i).String() }

// must returns what was made of a document, or throws.
func (c *call) must(text string, err error) goja.Value {
	if err != nil {
		c.throw("RangeError", err.Error())
	}
	return c.k.rt.ToValue(text)
}

// set adds a plain property, also when it is called __proto__.
func set(o *goja.Object, name string, v goja.Value) {
	_ = o.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE) // o is ours and extensible
}

// number is the JavaScript number that text begins with, as parseInt reads it.
func number(text string) (int, bool) {
	end := 0
	for end < len(text) && end < 9 && (text[end] >= '0' && text[end] <= '9' || end == 0 && text[end] == '-') {
		end++
	}
	n, err := strconv.Atoi(text[:end])
	return n, err == nil
}
