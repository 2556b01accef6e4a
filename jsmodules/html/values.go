package html

import (
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// attrOf returns an attribute of n by the name a script gives: for elements of
// HTML its case does not matter.
func attrOf(n *html.Node, name string) (*html.Attribute, bool) {
	if n.Namespace == "" {
		name = strings.ToLower(name)
	}
	for i := range n.Attr {
		if qualified(&n.Attr[i]) == name {
			return &n.Attr[i], true
		}
	}
	return nil, false
}

// qualified is an attribute's name with its prefix, such as xlink:href.
func qualified(a *html.Attribute) string {
	if a.Namespace == "" {
		return a.Key
	}
	return a.Namespace + ":" + a.Key
}

func (c *call) attr(s *selection) goja.Value {
	if len(s.set.Nodes) > 0 {
		if a, ok := attrOf(s.set.Nodes[0], c.text(0)); ok {
			return c.k.rt.ToValue(a.Val)
		}
	}
	return goja.Undefined()
}

// data implements data([key]). Values that are JSON, or look like numbers, are
// given as what they are, as jQuery does.
func (c *call) data(s *selection) goja.Value {
	if len(s.set.Nodes) == 0 {
		return goja.Undefined()
	}
	n := s.set.Nodes[0]
	if c.given(0) {
		for _, name := range dataNames(c.text(0)) {
			if value, ok := attribute(n, name); ok {
				return c.datum(value)
			}
		}
		return goja.Undefined()
	}
	o := c.k.rt.NewObject()
	for i := range n.Attr {
		name, ok := strings.CutPrefix(n.Attr[i].Key, "data-")
		if !ok || n.Attr[i].Namespace != "" {
			continue
		}
		key, value := camelCase(name), c.datum(n.Attr[i].Val)
		set(o, key, value)
		// k6 documents testID for data-test-id. It is there beside jQuery's
		// testId, though not listed.
		if alias, ok := strings.CutSuffix(key, "Id"); ok && o.Get(alias+"ID") == nil {
			_ = o.DefineDataProperty(alias+"ID", value, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
		}
	}
	return o
}

// dataNames returns the attributes that data(key) may mean: test-id, testId and
// testID all mean data-test-id.
func dataNames(key string) []string {
	hyphens := func(runs bool) string {
		var b strings.Builder
		for i := range len(key) {
			if c := key[i]; 'A' <= c && c <= 'Z' {
				if !runs || i == 0 || key[i-1] < 'A' || 'Z' < key[i-1] {
					b.WriteByte('-')
				}
				b.WriteByte(c | 0x20)
			} else {
				b.WriteByte(c)
			}
		}
		return "data-" + b.String()
	}
	return []string{hyphens(false), hyphens(true)}
}

// camelCase is the name of data-… as a key: test-id becomes testId.
func camelCase(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '-' && i+1 < len(name) && 'a' <= name[i+1] && name[i+1] <= 'z' {
			i++
			b.WriteByte(name[i] - 'a' + 'A')
		} else {
			b.WriteByte(name[i])
		}
	}
	return b.String()
}

// datum returns what the text of a data-… attribute stands for.
func (c *call) datum(text string) goja.Value {
	switch text {
	case "true", "false":
		return c.k.v.Bool(text == "true")
	case "null":
		return goja.Null()
	case "":
		return c.k.rt.ToValue("")
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		// Only what prints as it was written: 012 and 1e3 stay texts.
		if v := c.k.rt.ToValue(f); v.String() == text {
			return v
		}
	}
	if text[0] == '{' || text[0] == '[' {
		if v, err := c.k.v.ParseJSON(text); err == nil {
			return v
		}
	}
	return c.k.rt.ToValue(text)
}

func (c *call) val(s *selection) goja.Value {
	if len(s.set.Nodes) == 0 {
		return goja.Undefined()
	}
	n := s.set.Nodes[0]
	if !is(n, atom.Select) {
		return c.optional(value(n))
	}
	var chosen []any
	for _, o := range selected(n) {
		if !disabled(o) {
			chosen = append(chosen, optionValue(o))
		}
	}
	if has(n, "multiple") {
		return c.k.rt.NewArray(chosen...)
	}
	if len(chosen) == 0 {
		return goja.Undefined()
	}
	return c.k.rt.ToValue(chosen[0])
}

// optional is text when there is any, else undefined.
func (c *call) optional(text string, ok bool) goja.Value {
	if !ok {
		return goja.Undefined()
	}
	return c.k.rt.ToValue(text)
}

// value returns the value of n if it is of a kind that has one.
func value(n *html.Node) (string, bool) {
	if n.Type != html.ElementNode || n.Namespace != "" {
		return "", false
	}
	switch n.DataAtom {
	case atom.Input:
		v, ok := attribute(n, "value")
		if !ok {
			if t := inputType(n); t == "checkbox" || t == "radio" {
				v = "on"
			}
		}
		return v, true
	case atom.Textarea, atom.Output:
		return content(n), true
	case atom.Option:
		return optionValue(n), true
	case atom.Select:
		if chosen := selected(n); len(chosen) > 0 {
			return optionValue(chosen[0]), true
		}
		return "", true
	case atom.Button, atom.Param, atom.Data, atom.Li, atom.Meter, atom.Progress:
		v, ok := attribute(n, "value")
		return v, ok || n.DataAtom == atom.Button
	}
	return "", false
}

// fields returns what serialize and its like give.
func (c *call) fields(s *selection) []Field {
	w := c.work()
	fields := serialize(w, s.doc, s.set.Nodes)
	c.done(w)
	return fields
}

func (c *call) serializeArray(s *selection) goja.Value {
	fields := c.fields(s)
	items := make([]any, len(fields))
	for i, f := range fields {
		o := c.k.rt.NewObject()
		set(o, "name", c.k.rt.ToValue(f.Name))
		set(o, "value", c.k.rt.ToValue(f.Value))
		items[i] = o
	}
	return c.k.rt.NewArray(items...)
}

// serializeObject implements serializeObject(): fields by name; of a name with
// several values, the list of them.
func (c *call) serializeObject(s *selection) goja.Value {
	var names []string
	values := make(map[string][]any)
	for _, f := range c.fields(s) {
		if values[f.Name] == nil {
			names = append(names, f.Name)
		}
		values[f.Name] = append(values[f.Name], f.Value)
	}
	o := c.k.rt.NewObject()
	for _, name := range names {
		if all := values[name]; len(all) == 1 {
			set(o, name, c.k.rt.ToValue(all[0]))
		} else {
			set(o, name, c.k.rt.NewArray(all...))
		}
	}
	return o
}
