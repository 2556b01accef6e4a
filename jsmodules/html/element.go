package html

import (
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
	"golang.org/x/net/html"
)

// elementMethod describes a method of Elements.
func elementMethod(name string, length int, f func(c *call, e *element) goja.Value) sandbox.Prop[*Kit] {
	return sandbox.Prop[*Kit]{Name: name, Make: func(k *Kit) goja.Value {
		return k.v.Func(name, length, func(fc goja.FunctionCall) goja.Value {
			c := call{k: k, where: "Element." + name, FunctionCall: fc}
			if o, ok := fc.This.(*goja.Object); ok {
				if e, ok := o.Export().(*element); ok {
					return f(&c, e)
				}
			}
			c.throw("TypeError", "called on something that is not an Element")
			return nil
		})
	}}
}

// relative describes a method that gives another node, or undefined.
func relative(name string, f func(*html.Node) *html.Node) sandbox.Prop[*Kit] {
	return elementMethod(name, 0, func(c *call, e *element) goja.Value { return c.k.element(e.doc, f(e.n)) })
}

// list describes a method that gives an array of nodes.
func list(name string, f func(d *Document, n *html.Node) []*html.Node) sandbox.Prop[*Kit] {
	return elementMethod(name, 0, func(c *call, e *element) goja.Value { return c.k.array(e.doc, f(e.doc, e.n)) })
}

// computed describes a method that gives a string, number or boolean.
func computed[T string | int | float64 | bool](name string, f func(d *Document, n *html.Node) T) sandbox.Prop[*Kit] {
	return elementMethod(name, 0, func(c *call, e *element) goja.Value { return c.k.rt.ToValue(f(e.doc, e.n)) })
}

// query describes a method that takes a selector.
func query(name string, f func(c *call, e *element, m *matching) goja.Value) sandbox.Prop[*Kit] {
	return elementMethod(name, 1, func(c *call, e *element) goja.Value {
		w := c.work()
		if _, ok := c.Argument(0).(goja.String); !ok {
			c.throw("TypeError", "a selector is wanted, got "+clip(c.k.v.Describe(c.Argument(0))))
		}
		v := f(c, e, c.compiled(c.text(0), w))
		c.done(w)
		return v
	})
}

// elementShape describes the prototype of Elements of whatever kind: what they
// have in common with the DOM's, everything as a method.
func elementShape() *sandbox.Shape[*Kit] {
	return sandbox.NewShape(
		elementMethod("selection", 0, func(c *call, e *element) goja.Value {
			return c.k.show(c.k.selection(e.doc, []*html.Node{e.n}, nil))
		}),
		computed("nodeName", func(_ *Document, n *html.Node) string { return nodeName(n) }),
		elementMethod("nodeType", 0, func(c *call, e *element) goja.Value {
			switch e.n.Type {
			case html.ElementNode:
				return c.k.rt.ToValue(1)
			case html.TextNode:
				return c.k.rt.ToValue(3)
			case html.CommentNode:
				return c.k.rt.ToValue(8)
			case html.DocumentNode:
				return c.k.rt.ToValue(9)
			case html.DoctypeNode:
				return c.k.rt.ToValue(10)
			}
			return goja.Undefined()
		}),
		elementMethod("nodeValue", 0, func(c *call, e *element) goja.Value {
			return c.optional(e.n.Data, e.n.Type == html.TextNode || e.n.Type == html.CommentNode)
		}),
		computed("toString", func(*Document, *html.Node) string { return "[object html.Node]" }),
		elementMethod("innerHTML", 0, func(c *call, e *element) goja.Value { return c.must(markup(e.n)) }),
		elementMethod("textContent", 0, func(c *call, e *element) goja.Value {
			if e.n.Type == html.CommentNode {
				return c.k.rt.ToValue(e.n.Data)
			}
			var b strings.Builder
			if !text(&b, e.n) {
				return c.must("", errText)
			}
			return c.k.rt.ToValue(b.String())
		}),
		computed("namespaceURI", func(_ *Document, n *html.Node) string { return namespace(n) }),
		elementMethod("isDefaultNamespace", 1, func(c *call, e *element) goja.Value {
			uri := namespaces[""]
			if c.given(0) {
				uri = c.text(0)
			}
			return c.k.v.Bool(namespace(e.n) == uri)
		}),

		// Attributes.
		computed("id", func(_ *Document, n *html.Node) string { id, _ := attribute(n, "id"); return id }),
		elementMethod("className", 0, func(c *call, e *element) goja.Value { return c.optional(attribute(e.n, "class")) }),
		elementMethod("classList", 0, func(c *call, e *element) goja.Value { return c.words(e.n, "class") }),
		elementMethod("lang", 0, func(c *call, e *element) goja.Value { return c.optional(attribute(e.n, "lang")) }),
		elementMethod("attributes", 0, func(c *call, e *element) goja.Value {
			all := c.k.rt.NewObject()
			for i := range e.n.Attr {
				set(all, qualified(&e.n.Attr[i]), c.attribute(e, &e.n.Attr[i]))
			}
			return all
		}),
		computed("hasAttributes", func(_ *Document, n *html.Node) bool { return len(n.Attr) > 0 }),
		elementMethod("hasAttribute", 1, func(c *call, e *element) goja.Value {
			_, ok := attrOf(e.n, c.text(0))
			return c.k.v.Bool(ok)
		}),
		elementMethod("getAttribute", 1, func(c *call, e *element) goja.Value {
			if a, ok := attrOf(e.n, c.text(0)); ok {
				return c.k.rt.ToValue(a.Val)
			}
			return goja.Undefined()
		}),
		elementMethod("getAttributeNode", 1, func(c *call, e *element) goja.Value {
			if a, ok := attrOf(e.n, c.text(0)); ok {
				return c.attribute(e, a)
			}
			return goja.Undefined()
		}),

		// Relatives.
		relative("ownerDocument", func(n *html.Node) *html.Node {
			if n.Type == html.DocumentNode {
				return nil
			}
			for n.Parent != nil {
				n = n.Parent
			}
			return n
		}),
		relative("parentNode", func(n *html.Node) *html.Node { return n.Parent }),
		relative("parentElement", parent),
		relative("firstChild", func(n *html.Node) *html.Node { return n.FirstChild }),
		relative("lastChild", func(n *html.Node) *html.Node { return n.LastChild }),
		relative("nextSibling", func(n *html.Node) *html.Node { return n.NextSibling }),
		relative("previousSibling", func(n *html.Node) *html.Node { return n.PrevSibling }),
		relative("nextElementSibling", next),
		relative("previousElementSibling", previous),
		relative("firstElementChild", func(n *html.Node) *html.Node {
			if n = n.FirstChild; n != nil && n.Type != html.ElementNode {
				return next(n)
			}
			return n
		}),
		relative("lastElementChild", func(n *html.Node) *html.Node {
			if n = n.LastChild; n != nil && n.Type != html.ElementNode {
				return previous(n)
			}
			return n
		}),
		computed("childElementCount", func(_ *Document, n *html.Node) int { return len(children(n)) }),
		list("children", func(_ *Document, n *html.Node) []*html.Node { return children(n) }),
		list("childNodes", func(_ *Document, n *html.Node) []*html.Node {
			var all []*html.Node
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				all = append(all, c)
			}
			return all
		}),
		computed("hasChildNodes", func(_ *Document, n *html.Node) bool { return n.FirstChild != nil }),

		// Questions.
		elementMethod("contains", 1, func(c *call, e *element) goja.Value {
			for n := c.node(0); n != nil; n = n.Parent {
				if n == e.n {
					return c.k.v.Bool(true)
				}
			}
			return c.k.v.Bool(false)
		}),
		elementMethod("isSameNode", 1, func(c *call, e *element) goja.Value { return c.k.v.Bool(c.node(0) == e.n) }),
		elementMethod("isEqualNode", 1, func(c *call, e *element) goja.Value { return c.k.v.Bool(equal(c.node(0), e.n)) }),
		query("matches", func(c *call, e *element, m *matching) goja.Value { return c.k.v.Bool(m.Match(e.n)) }),
		query("querySelector", func(c *call, e *element, m *matching) goja.Value {
			return c.k.element(e.doc, at(m.find([]*html.Node{e.n}, 1), 0))
		}),
		query("querySelectorAll", func(c *call, e *element, m *matching) goja.Value {
			return c.k.array(e.doc, m.find([]*html.Node{e.n}, 0))
		}),
		elementMethod("getElementsByTagName", 1, func(c *call, e *element) goja.Value {
			name := c.text(0)
			lower := strings.ToLower(name)
			return c.k.array(e.doc, elements(e.n, func(n *html.Node) bool {
				return name == "*" || n.Data == name || n.Namespace == "" && n.Data == lower
			}))
		}),
		elementMethod("getElementsByClassName", 1, func(c *call, e *element) goja.Value {
			wanted := strings.Fields(c.text(0))
			return c.k.array(e.doc, elements(e.n, func(n *html.Node) bool {
				class, ok := attribute(n, "class")
				return ok && len(wanted) > 0 && hasWords(class, wanted)
			}))
		}),
	)
}

// hasWords reports whether all of wanted are among the words of text.
func hasWords(text string, wanted []string) bool {
	for _, word := range wanted {
		found := false
		for w := range strings.FieldsSeq(text) {
			if found = w == word; found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// elements returns the elements below n that f says yes to.
func elements(n *html.Node, f func(*html.Node) bool) []*html.Node {
	var all []*html.Node
	within(n, func(n *html.Node) bool {
		if n.Type == html.ElementNode && f(n) {
			all = append(all, n)
		}
		return true
	})
	return all
}

func children(n *html.Node) []*html.Node {
	var all []*html.Node
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode {
			all = append(all, c)
		}
	}
	return all
}

func nodeName(n *html.Node) string {
	switch n.Type {
	case html.TextNode:
		return "#text"
	case html.CommentNode:
		return "#comment"
	case html.DocumentNode:
		return "#document"
	}
	return n.Data
}

// namespaces are those that pages can have elements and attributes of.
var namespaces = map[string]string{
	"":      "http://www.w3.org/1999/xhtml",
	"svg":   "http://www.w3.org/2000/svg",
	"math":  "http://www.w3.org/1998/Math/MathML",
	"xlink": "http://www.w3.org/1999/xlink",
	"xml":   "http://www.w3.org/XML/1998/namespace",
	"xmlns": "http://www.w3.org/2000/xmlns/",
}

func namespace(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	return namespaces[n.Namespace]
}

// equal reports whether two nodes are the same in all but place; the order of
// attributes does not matter.
func equal(a, b *html.Node) bool {
	if a == b {
		return true
	}
	if a == nil || b == nil || a.Type != b.Type || a.Data != b.Data || a.Namespace != b.Namespace || len(a.Attr) != len(b.Attr) {
		return false
	}
	if len(a.Attr) > 0 {
		values := make(map[string]string, len(a.Attr))
		for i := range a.Attr {
			values[qualified(&a.Attr[i])] = a.Attr[i].Val
		}
		for i := range b.Attr {
			if v, ok := values[qualified(&b.Attr[i])]; !ok || v != b.Attr[i].Val {
				return false
			}
		}
	}
	a, b = a.FirstChild, b.FirstChild
	for a != nil && b != nil {
		if !equal(a, b) {
			return false
		}
		a, b = a.NextSibling, b.NextSibling
	}
	return a == b
}

// node returns the node of argument i, an Element or the first of a Selection;
// nil for undefined and null. It throws for anything else.
func (c *call) node(i int) *html.Node {
	if !c.given(i) {
		return nil
	}
	nodes, ok := nodesOf(c.Argument(i))
	if !ok {
		c.throw("TypeError", "an Element is wanted, got "+clip(c.k.v.Describe(c.Argument(i))))
	}
	return at(nodes, 0)
}

// words makes the array of the words of an attribute.
func (c *call) words(n *html.Node, name string) goja.Value {
	v, _ := attribute(n, name)
	var all []any
	for word := range strings.FieldsSeq(v) {
		all = append(all, word)
	}
	return c.k.rt.NewArray(all...)
}

// attr is an Attribute as scripts see it.
type attr struct {
	k     *Kit
	owner *element
	a     *html.Attribute
}

func (c *call) attribute(e *element, a *html.Attribute) goja.Value {
	return c.k.shapes.attribute.New(c.k.v, &attr{c.k, e, a})
}

// attributeShape describes Attributes: three properties and three methods.
func attributeShape() *sandbox.Shape[*attr] {
	return sandbox.NewShape(
		sandbox.Prop[*attr]{Name: "name", Make: func(a *attr) goja.Value { return a.k.rt.ToValue(qualified(a.a)) }},
		sandbox.Prop[*attr]{Name: "value", Make: func(a *attr) goja.Value { return a.k.rt.ToValue(a.a.Val) }},
		sandbox.Prop[*attr]{Name: "ownerElement", Make: func(a *attr) goja.Value { return a.k.element(a.owner.doc, a.owner.n) }},
		attributeMethod("localName", func(a *attr) string { return a.a.Key }),
		attributeMethod("prefix", func(a *attr) string { return a.a.Namespace }),
		attributeMethod("namespaceURI", func(a *attr) string {
			if a.a.Namespace == "" {
				return namespace(a.owner.n)
			}
			return namespaces[a.a.Namespace]
		}),
	).Fixed()
}

func attributeMethod(name string, f func(a *attr) string) sandbox.Prop[*attr] {
	return sandbox.Prop[*attr]{Name: name, Make: func(a *attr) goja.Value {
		return a.k.v.Func(name, 0, func(goja.FunctionCall) goja.Value { return a.k.rt.ToValue(f(a)) })
	}}
}
