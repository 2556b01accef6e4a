package html

import (
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
	"golang.org/x/net/html"
)

// selectionMethod describes a method of Selections.
func selectionMethod(name string, length int, f func(c *call, s *selection) goja.Value) sandbox.Prop[*Kit] {
	return sandbox.Prop[*Kit]{Name: name, Make: func(k *Kit) goja.Value {
		return k.v.Func(name, length, func(fc goja.FunctionCall) goja.Value {
			c := call{k: k, where: "Selection." + name, FunctionCall: fc}
			if o, ok := fc.This.(*goja.Object); ok {
				if s, ok := o.Export().(*selection); ok {
					return f(&c, s)
				}
			}
			c.throw("TypeError", "called on something that is not a Selection")
			return nil
		})
	}}
}

// selectionShape describes the prototype of Selections: jQuery's methods that
// read, as k6 documents them. Where nothing else is said they do what jQuery's
// do.
func selectionShape() *sandbox.Shape[*Kit] {
	return sandbox.NewShape(
		// Sets and their members.
		selectionMethod("size", 0, func(c *call, s *selection) goja.Value { return c.k.rt.ToValue(len(s.set.Nodes)) }),
		selectionMethod("get", 1, (*call).get),
		selectionMethod("toArray", 0, (*call).toArray),
		selectionMethod("eq", 1, func(c *call, s *selection) goja.Value { return c.push(s, s.set.Eq(c.index(0)).Nodes) }),
		selectionMethod("first", 0, func(c *call, s *selection) goja.Value { return c.push(s, s.set.First().Nodes) }),
		selectionMethod("last", 0, func(c *call, s *selection) goja.Value { return c.push(s, s.set.Last().Nodes) }),
		selectionMethod("slice", 2, (*call).slice),
		selectionMethod("end", 0, func(c *call, s *selection) goja.Value {
			if s.prev == nil {
				return c.push(s, nil)
			}
			return c.k.show(s.prev)
		}),
		selectionMethod("add", 1, (*call).add),
		selectionMethod("index", 1, (*call).indexOf),
		selectionMethod("each", 1, (*call).each),
		selectionMethod("map", 1, (*call).mapped),

		// Choosing among them.
		selectionMethod("filter", 1, func(c *call, s *selection) goja.Value { return c.choose(s, true) }),
		selectionMethod("not", 1, func(c *call, s *selection) goja.Value { return c.choose(s, false) }),
		selectionMethod("is", 1, (*call).is),
		selectionMethod("has", 1, func(c *call, s *selection) goja.Value {
			return c.matched(s, func(m goquery.Matcher) []*html.Node { return s.set.HasMatcher(m).Nodes })
		}),

		// Their relatives.
		selectionMethod("find", 1, (*call).findAll),
		selectionMethod("single", 1, func(c *call, s *selection) goja.Value {
			if _, ok := c.Argument(0).(goja.String); !ok {
				c.throw("TypeError", "a selector is wanted, got "+clip(c.k.v.Describe(c.Argument(0))))
			}
			return c.k.show(c.find(s, c.text(0), 1))
		}),
		selectionMethod("closest", 1, func(c *call, s *selection) goja.Value {
			return c.matched(s, func(m goquery.Matcher) []*html.Node { return s.set.ClosestMatcher(m).Nodes })
		}),
		selectionMethod("contents", 0, func(c *call, s *selection) goja.Value { return c.push(s, s.set.Contents().Nodes) }),
		selectionMethod("children", 1, func(c *call, s *selection) goja.Value { return c.filtered(s, s.set.Children().Nodes, 0) }),
		selectionMethod("parent", 1, func(c *call, s *selection) goja.Value { return c.filtered(s, s.set.Parent().Nodes, 0) }),
		selectionMethod("next", 1, func(c *call, s *selection) goja.Value { return c.filtered(s, s.set.Next().Nodes, 0) }),
		selectionMethod("prev", 1, func(c *call, s *selection) goja.Value { return c.filtered(s, s.set.Prev().Nodes, 0) }),
		selectionMethod("siblings", 1, (*call).siblings),
		selectionMethod("parents", 1, func(c *call, s *selection) goja.Value { return c.walk(s, parent, false) }),
		selectionMethod("parentsUntil", 2, func(c *call, s *selection) goja.Value { return c.walk(s, parent, true) }),
		selectionMethod("nextAll", 1, func(c *call, s *selection) goja.Value { return c.walk(s, next, false) }),
		selectionMethod("nextUntil", 2, func(c *call, s *selection) goja.Value { return c.walk(s, next, true) }),
		selectionMethod("prevAll", 1, func(c *call, s *selection) goja.Value { return c.walk(s, previous, false) }),
		selectionMethod("prevUntil", 2, func(c *call, s *selection) goja.Value { return c.walk(s, previous, true) }),

		// What they hold.
		selectionMethod("attr", 1, (*call).attr),
		selectionMethod("data", 1, (*call).data),
		selectionMethod("html", 0, func(c *call, s *selection) goja.Value {
			if len(s.set.Nodes) == 0 {
				return c.k.rt.ToValue("")
			}
			return c.must(markup(s.set.Nodes[0]))
		}),
		selectionMethod("text", 0, func(c *call, s *selection) goja.Value {
			var b strings.Builder
			for _, n := range s.set.Nodes {
				if !text(&b, n) {
					return c.must("", errText)
				}
			}
			return c.k.rt.ToValue(b.String())
		}),
		selectionMethod("val", 0, (*call).val),
		selectionMethod("serialize", 0, func(c *call, s *selection) goja.Value {
			return c.k.rt.ToValue(encode(c.fields(s)))
		}),
		selectionMethod("serializeArray", 0, (*call).serializeArray),
		selectionMethod("serializeObject", 0, (*call).serializeObject),
	)
}

// push makes the Selection of nodes that was reached from s.
func (c *call) push(s *selection, nodes []*html.Node) goja.Value {
	return c.k.show(c.k.selection(s.doc, nodes, s))
}

// matched makes the Selection that f comes to with what argument 0 asks for.
func (c *call) matched(s *selection, f func(goquery.Matcher) []*html.Node) goja.Value {
	w := c.work()
	nodes := f(c.matcher(0, w))
	c.done(w)
	return c.push(s, nodes)
}

// filtered makes the Selection of those of nodes that argument i asks for; of
// all when it is not given.
func (c *call) filtered(s *selection, nodes []*html.Node, i int) goja.Value {
	if c.given(i) {
		w := c.work()
		nodes = c.matcher(i, w).Filter(nodes)
		c.done(w)
	}
	return c.push(s, nodes)
}

// index is argument i as an index that counts from the end when it is negative.
func (c *call) index(i int) int {
	const far = 1 << 40
	return int(max(-far, min(far, c.Argument(i).ToInteger())))
}

// at is the node at an index, or nil.
func at(nodes []*html.Node, i int) *html.Node {
	if i < 0 {
		i += len(nodes)
	}
	if i < 0 || i >= len(nodes) {
		return nil
	}
	return nodes[i]
}

func (c *call) get(s *selection) goja.Value {
	if !c.given(0) {
		return c.k.array(s.doc, s.set.Nodes)
	}
	return c.k.element(s.doc, at(s.set.Nodes, c.index(0)))
}

// toArray implements toArray(): k6's members are Selections.
func (c *call) toArray(s *selection) goja.Value {
	items := make([]any, len(s.set.Nodes))
	for i, n := range s.set.Nodes {
		items[i] = c.member(s, n)
	}
	return c.k.rt.NewArray(items...)
}

// member is one of s as a Selection.
func (c *call) member(s *selection, n *html.Node) goja.Value {
	return c.push(s, []*html.Node{n})
}

func (c *call) slice(s *selection) goja.Value {
	size := len(s.set.Nodes)
	bound := func(i, otherwise int) int {
		if goja.IsUndefined(c.Argument(i)) {
			return otherwise
		}
		at := c.index(i)
		if at < 0 {
			at += size
		}
		return max(0, min(size, at))
	}
	start, end := bound(0, 0), bound(1, size)
	return c.push(s, s.set.Nodes[start:max(start, end):max(start, end)])
}

// add implements add(selector or Selection or Element): what there was comes
// first.
func (c *call) add(s *selection) goja.Value {
	var more []*html.Node
	if selector, ok := c.Argument(0).(goja.String); ok {
		more = c.find(c.k.selection(s.doc, []*html.Node{s.doc.root}, nil), selector.String(), 0).set.Nodes
	} else if more, ok = nodesOf(c.Argument(0)); !ok {
		c.throw("TypeError", "a selector, a Selection or an Element is wanted, got "+clip(c.k.v.Describe(c.Argument(0))))
	}
	// Clipped, for the nodes behind s may be those of another Selection.
	all := goquery.Selection{Nodes: slices.Clip(s.set.Nodes)}
	return c.push(s, all.AddNodes(more...).Nodes)
}

// indexOf implements index(): where among its siblings the first is; with a
// selector, where among what that finds; with an Element or Selection, where
// that is in this one.
func (c *call) indexOf(s *selection) goja.Value {
	found := -1
	if !c.given(0) {
		if len(s.set.Nodes) > 0 {
			found = 0
			for n := previous(s.set.Nodes[0]); n != nil; n = previous(n) {
				found++
			}
		}
	} else if selector, ok := c.Argument(0).(goja.String); ok {
		if len(s.set.Nodes) > 0 {
			all := c.find(c.k.selection(s.doc, []*html.Node{s.doc.root}, nil), selector.String(), 0)
			found = all.set.IndexOfNode(s.set.Nodes[0])
		}
	} else if nodes, ok := nodesOf(c.Argument(0)); !ok {
		c.throw("TypeError", "a selector, a Selection or an Element is wanted, got "+clip(c.k.v.Describe(c.Argument(0))))
	} else if len(nodes) > 0 {
		found = s.set.IndexOfNode(nodes[0])
	}
	return c.k.rt.ToValue(found)
}

// callback is argument 0, which must be a function.
func (c *call) callback() goja.Callable {
	fn, ok := c.function(0)
	if !ok {
		c.throw("TypeError", "a function is wanted, got "+clip(c.k.v.Describe(c.Argument(0))))
	}
	return fn
}

// each implements each(fn): fn gets an Element. What it returns does not matter.
func (c *call) each(s *selection) goja.Value {
	fn := c.callback()
	for i, n := range s.set.Nodes {
		e := c.k.element(s.doc, n)
		c.invoke(fn, e, c.k.rt.ToValue(i), e)
	}
	return c.This
}

// mapped implements map(fn): fn gets a Selection, what it returns is all kept.
func (c *call) mapped(s *selection) goja.Value {
	fn := c.callback()
	items := make([]any, len(s.set.Nodes))
	for i, n := range s.set.Nodes {
		e := c.member(s, n)
		items[i] = c.invoke(fn, e, c.k.rt.ToValue(i), e)
	}
	return c.k.rt.NewArray(items...)
}

// test returns the test that argument 0 is: a function, which gets a Selection,
// or anything that matches.
func (c *call) test(s *selection, w *work) func(i int, n *html.Node) bool {
	if fn, ok := c.function(0); ok {
		return func(i int, n *html.Node) bool {
			e := c.member(s, n)
			return c.invoke(fn, e, c.k.rt.ToValue(i), e).ToBoolean()
		}
	}
	m := c.matcher(0, w)
	return func(_ int, n *html.Node) bool { return m.Match(n) }
}

func (c *call) choose(s *selection, keep bool) goja.Value {
	w := c.work()
	test := c.test(s, w)
	var chosen []*html.Node
	for i, n := range s.set.Nodes {
		if test(i, n) == keep {
			chosen = append(chosen, n)
		}
	}
	c.done(w)
	return c.push(s, chosen)
}

func (c *call) is(s *selection) goja.Value {
	w := c.work()
	test := c.test(s, w)
	for i, n := range s.set.Nodes {
		if test(i, n) {
			return c.k.v.Bool(true)
		}
	}
	c.done(w)
	return c.k.v.Bool(false)
}

// findAll implements find(): given nodes, those of them that are below s.
func (c *call) findAll(s *selection) goja.Value {
	if selector, ok := c.Argument(0).(goja.String); ok {
		return c.k.show(c.find(s, selector.String(), 0))
	}
	w := c.work()
	c.matcher(0, w) // throws what is neither
	nodes, _ := nodesOf(c.Argument(0))
	in := newNodeSet(s.set.Nodes)
	var found []*html.Node
	for _, n := range nodes {
		for p := n.Parent; p != nil && w.step(); p = p.Parent {
			if in.Match(p) {
				found = append(found, n)
				break
			}
		}
	}
	c.done(w)
	return c.push(s, found)
}

// next, previous and parent are the element after, before and around n, or nil.
func next(n *html.Node) *html.Node {
	for n = n.NextSibling; n != nil && n.Type != html.ElementNode; n = n.NextSibling {
	}
	return n
}

func previous(n *html.Node) *html.Node {
	for n = n.PrevSibling; n != nil && n.Type != html.ElementNode; n = n.PrevSibling {
	}
	return n
}

func parent(n *html.Node) *html.Node {
	if n.Parent != nil && n.Parent.Type == html.ElementNode {
		return n.Parent
	}
	return nil
}

// walk goes from each of s in one direction until there is nothing more, or to
// what argument 0 asks for; the last argument filters. What was passed once is
// not passed again, since what follows is known then.
func (c *call) walk(s *selection, step func(*html.Node) *html.Node, until bool) goja.Value {
	w := c.work()
	var stop goquery.Matcher = nodeSet{}
	filter := 0
	if until {
		filter = 1
		if c.given(0) {
			stop = c.matcher(0, w)
		}
	}
	passed := make(nodeSet)
	var found []*html.Node
	for _, n := range s.set.Nodes {
		for n = step(n); n != nil && w.step() && !stop.Match(n) && !passed.Match(n); n = step(n) {
			passed[n] = struct{}{}
			found = append(found, n)
		}
	}
	c.done(w)
	return c.filtered(s, found, filter)
}

// siblings implements siblings(): of each of s, the other children of its
// parent. Only a parent of one of s has the rest of its children in it.
func (c *call) siblings(s *selection) goja.Value {
	w := c.work()
	members := make(map[*html.Node]int) // by parent
	for _, n := range s.set.Nodes {
		members[n.Parent]++
	}
	in := newNodeSet(s.set.Nodes)
	var found []*html.Node
	for _, n := range s.set.Nodes {
		if n.Parent == nil || members[n.Parent] == 0 {
			continue
		}
		alone := members[n.Parent] == 1
		members[n.Parent] = 0
		for m := n.Parent.FirstChild; m != nil && w.step(); m = m.NextSibling {
			if m.Type == html.ElementNode && !(alone && in.Match(m)) {
				found = append(found, m)
			}
		}
	}
	c.done(w)
	return c.filtered(s, found, 0)
}
