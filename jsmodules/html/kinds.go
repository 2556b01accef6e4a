package html

import (
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// kind is a set of elements with the same methods: the name of one of them, 0
// for those that have only what all have.
type kind atom.Atom

// of returns the kind of n.
func (s *shapes) of(n *html.Node) kind {
	if n.Type != html.ElementNode || n.Namespace != "" {
		return 0
	}
	switch n.DataAtom {
	case atom.Area:
		return kind(atom.A)
	case atom.Th:
		return kind(atom.Td)
	case atom.Tbody, atom.Tfoot, atom.Thead:
		return kind(atom.Tbody)
	case atom.Col, atom.Colgroup:
		return kind(atom.Col)
	case atom.Audio, atom.Video:
		return kind(atom.Video)
	case atom.Ins, atom.Del, atom.Q, atom.Blockquote:
		return kind(atom.Q)
	}
	if _, ok := s.kinds[kind(n.DataAtom)]; ok {
		return kind(n.DataAtom)
	}
	return 0
}

// prototype returns the prototype of elements of a kind, made when first needed.
func (k *Kit) prototype(of kind) *goja.Object {
	if p := k.elements[of]; p != nil {
		return p
	}
	if k.elements == nil {
		k.elements = make(map[kind]*goja.Object)
	}
	var p *goja.Object
	if of == 0 {
		p = k.shapes.element.New(k.v, k)
	} else {
		p = k.shapes.kinds[of].New(k.v, k)
		_ = p.SetPrototype(k.prototype(0)) // a fresh object takes any
	}
	k.elements[of] = p
	return p
}

type method = sandbox.Prop[*Kit]

func shape(methods ...[]method) *sandbox.Shape[*Kit] {
	return sandbox.NewShape(slices.Concat(methods...)...)
}

// texts are methods that give the attribute of their name in lower case, or
// another one: "htmlFor for".
func texts(names ...string) []method {
	var all []method
	for _, name := range names {
		name, attr := renamed(name)
		all = append(all, computed(name, func(_ *Document, n *html.Node) string { v, _ := attribute(n, attr); return v }))
	}
	return all
}

// flags are methods that tell whether there is such an attribute.
func flags(names ...string) []method {
	var all []method
	for _, name := range names {
		name, attr := renamed(name)
		all = append(all, computed(name, func(_ *Document, n *html.Node) bool { return has(n, attr) }))
	}
	return all
}

// numbers are methods that give such an attribute as a number that is not
// negative, otherwise the number given.
func numbers(otherwise int, names ...string) []method {
	var all []method
	for _, name := range names {
		name, attr := renamed(name)
		all = append(all, computed(name, func(_ *Document, n *html.Node) int {
			v, _ := attribute(n, attr)
			if i, ok := number(strings.Trim(v, space)); ok && i >= 0 {
				return i
			}
			return otherwise
		}))
	}
	return all
}

func renamed(name string) (method, attr string) {
	if method, attr, ok := strings.Cut(name, " "); ok {
		return method, attr
	}
	return name, strings.ToLower(name)
}

func one(m ...method) []method { return m }

// kindShapes describes what elements of some kinds have besides what all have:
// what k6 documents, and the properties of the DOM that only show an attribute.
// All are methods.
func kindShapes() map[kind]*sandbox.Shape[*Kit] {
	// What several kinds have.
	formOf := one(relativeIn("form", (*Document).form))
	labelsOf := one(list("labels", (*Document).labels))
	formField := slices.Concat(formOf, labelsOf, texts("name", "formTarget"), flags("disabled", "formNoValidate"), one(
		ofForm("formAction", "action", func(v string) string { return v }),
		ofForm("formMethod", "method", methodOf),
		ofForm("formEnctype", "enctype", enctypeOf),
	))
	return map[kind]*sandbox.Shape[*Kit]{
		kind(atom.A): shape(
			texts("href", "target", "rel", "type", "download", "hreflang", "hrefLang hreflang", "referrerPolicy", "accessKey"),
			one(
				elementMethod("relList", 0, func(c *call, e *element) goja.Value { return c.words(e.n, "rel") }),
				computed("text", func(_ *Document, n *html.Node) string { return content(n) }),
				part("hash", func(u *url.URL) string { return prefixed("#", u.EscapedFragment()) }),
				part("host", host),
				part("hostname", (*url.URL).Hostname),
				part("port", (*url.URL).Port),
				part("username", func(u *url.URL) string { return u.User.Username() }),
				part("password", func(u *url.URL) string { p, _ := u.User.Password(); return p }),
				part("origin", origin),
				part("pathname", pathname),
				part("protocol", func(u *url.URL) string { return u.Scheme }),
				part("search", func(u *url.URL) string { return prefixed("?", u.RawQuery) }),
			)),
		kind(atom.Base): shape(texts("href", "target")),
		kind(atom.Button): shape(formField, texts("value", "accessKey"), flags("autofocus"),
			one(computed("type", func(_ *Document, n *html.Node) string { return buttonType(n) }))),
		kind(atom.Canvas):   shape(numbers(300, "width"), numbers(150, "height")),
		kind(atom.Data):     shape(texts("value")),
		kind(atom.Datalist): shape(one(list("options", func(_ *Document, n *html.Node) []*html.Node { return options(n) }))),
		kind(atom.Embed):    shape(texts("src", "type", "width", "height")),
		kind(atom.Fieldset): shape(formOf, texts("name"), flags("disabled"),
			one(
				list("elements", func(_ *Document, n *html.Node) []*html.Node { return elements(n, isListed) }),
				computed("type", func(*Document, *html.Node) string { return "fieldset" }),
			)),
		kind(atom.Form): shape(texts("action", "name", "target", "acceptCharset accept-charset", "autocomplete"), flags("noValidate"),
			one(
				list("elements", formElements),
				computed("length", func(d *Document, n *html.Node) int { return len(formElements(d, n)) }),
				computed("method", func(_ *Document, n *html.Node) string { v, _ := attribute(n, "method"); return methodOf(v) }),
				computed("enctype", func(_ *Document, n *html.Node) string { v, _ := attribute(n, "enctype"); return enctypeOf(v) }),
				computed("encoding", func(_ *Document, n *html.Node) string { v, _ := attribute(n, "enctype"); return enctypeOf(v) }),
			)),
		kind(atom.Iframe): shape(texts("src", "srcdoc", "name", "sandbox", "allow", "width", "height", "referrerPolicy", "loading")),
		kind(atom.Img): shape(texts("src", "alt", "srcset", "sizes", "useMap", "crossOrigin", "loading", "referrerPolicy"), flags("isMap"),
			numbers(0, "width", "height")),
		kind(atom.Input): shape(formField, texts("accept", "alt", "autocomplete", "defaultValue value", "dirName", "max", "min", "pattern", "placeholder", "src", "step", "accessKey"),
			flags("checked", "defaultChecked checked", "autofocus", "multiple", "readOnly", "readonly", "required"),
			numbers(20, "size"), numbers(-1, "maxLength", "minLength"), numbers(0, "width", "height"),
			one(
				computed("type", func(_ *Document, n *html.Node) string { return inputType(n) }),
				computed("value", valueOf),
				relativeIn("list", func(d *Document, n *html.Node) *html.Node {
					if id, _ := attribute(n, "list"); id != "" {
						if l := d.byID(id); is(l, atom.Datalist) {
							return l
						}
					}
					return nil
				}),
			)),
		kind(atom.Label): shape(texts("htmlFor for"),
			one(
				relativeIn("control", (*Document).labeled),
				relativeIn("form", func(d *Document, n *html.Node) *html.Node {
					if control := d.labeled(n); control != nil {
						return d.form(control)
					}
					return nil
				}),
			)),
		kind(atom.Legend): shape(one(relativeIn("form", func(d *Document, n *html.Node) *html.Node {
			if is(n.Parent, atom.Fieldset) {
				return d.form(n.Parent)
			}
			return nil
		}))),
		kind(atom.Li): shape(numbers(0, "value"), texts("type")),
		kind(atom.Link): shape(texts("href", "rel", "type", "media", "hreflang", "crossOrigin", "referrerPolicy", "target", "integrity", "as"),
			one(elementMethod("relList", 0, func(c *call, e *element) goja.Value { return c.words(e.n, "rel") }))),
		kind(atom.Map): shape(texts("name"),
			one(
				list("areas", func(_ *Document, n *html.Node) []*html.Node {
					return elements(n, func(n *html.Node) bool { return is(n, atom.Area) })
				}),
				list("images", func(d *Document, n *html.Node) []*html.Node {
					name, _ := attribute(n, "name")
					return elements(d.root, func(n *html.Node) bool {
						use, ok := attribute(n, "usemap")
						return ok && name != "" && use == "#"+name && is(n, atom.Img, atom.Object)
					})
				}),
			)),
		kind(atom.Meta):     shape(texts("content", "name", "httpEquiv http-equiv")),
		kind(atom.Meter):    shape(labelsOf, one(fraction("value", 0), fraction("min", 0), fraction("max", 1))),
		kind(atom.Object):   shape(formOf, texts("data", "type", "name", "useMap", "width", "height")),
		kind(atom.Ol):       shape(flags("reversed"), numbers(1, "start"), texts("type")),
		kind(atom.Optgroup): shape(texts("label"), flags("disabled")),
		kind(atom.Option): shape(flags("defaultSelected selected"),
			one(
				computed("disabled", func(_ *Document, n *html.Node) bool { return disabled(n) }),
				computed("text", func(_ *Document, n *html.Node) string { return optionText(n) }),
				computed("value", func(_ *Document, n *html.Node) string { return optionValue(n) }),
				computed("label", func(_ *Document, n *html.Node) string {
					if v, _ := attribute(n, "label"); v != "" {
						return v
					}
					return optionText(n)
				}),
				computed("index", func(_ *Document, n *html.Node) int {
					if s := above(n, atom.Select); s != nil {
						return slices.Index(options(s), n)
					}
					return 0
				}),
				computed("selected", func(_ *Document, n *html.Node) bool {
					if s := above(n, atom.Select); s != nil {
						return slices.Contains(selected(s), n)
					}
					return has(n, "selected")
				}),
				relativeIn("form", func(d *Document, n *html.Node) *html.Node {
					if s := above(n, atom.Select); s != nil {
						return d.form(s)
					}
					return nil
				}),
			)),
		kind(atom.Output): shape(formOf, labelsOf, texts("name"),
			one(
				computed("value", valueOf),
				computed("defaultValue", valueOf),
				computed("type", func(*Document, *html.Node) string { return "output" }),
			)),
		kind(atom.Param):    shape(texts("name", "value")),
		kind(atom.Progress): shape(labelsOf, one(computed("max", progressMax), computed("value", progressValue), computed("position", progressPosition))),
		kind(atom.Q):        shape(texts("cite", "dateTime")),
		kind(atom.Script): shape(texts("src", "type", "charset", "crossOrigin", "integrity", "referrerPolicy"), flags("async", "defer", "noModule"),
			one(computed("text", func(_ *Document, n *html.Node) string { return content(n) }))),
		kind(atom.Select): shape(formOf, labelsOf, texts("name", "autocomplete"), flags("autofocus", "disabled", "multiple", "required"),
			one(
				list("options", func(_ *Document, n *html.Node) []*html.Node { return options(n) }),
				list("selectedOptions", func(_ *Document, n *html.Node) []*html.Node { return selected(n) }),
				computed("length", func(_ *Document, n *html.Node) int { return len(options(n)) }),
				computed("selectedIndex", func(_ *Document, n *html.Node) int {
					if chosen := selected(n); len(chosen) > 0 {
						return slices.Index(options(n), chosen[0])
					}
					return -1
				}),
				computed("size", func(_ *Document, n *html.Node) int {
					v, _ := attribute(n, "size")
					if i, ok := number(v); ok && i > 0 {
						return i
					}
					if has(n, "multiple") {
						return 4
					}
					return 1
				}),
				computed("type", func(_ *Document, n *html.Node) string {
					if has(n, "multiple") {
						return "select-multiple"
					}
					return "select-one"
				}),
				computed("value", valueOf),
			)),
		kind(atom.Source): shape(texts("src", "type", "srcset", "sizes", "media")),
		kind(atom.Style):  shape(texts("type", "media")),
		kind(atom.Table): shape(one(
			relative("caption", func(n *html.Node) *html.Node { return firstChild(n, atom.Caption) }),
			relative("tHead", func(n *html.Node) *html.Node { return firstChild(n, atom.Thead) }),
			relative("thead", func(n *html.Node) *html.Node { return firstChild(n, atom.Thead) }),
			relative("tFoot", func(n *html.Node) *html.Node { return firstChild(n, atom.Tfoot) }),
			relative("tfoot", func(n *html.Node) *html.Node { return firstChild(n, atom.Tfoot) }),
			list("tBodies", func(_ *Document, n *html.Node) []*html.Node { return childrenOf(n, atom.Tbody) }),
			list("tbody", func(_ *Document, n *html.Node) []*html.Node { return childrenOf(n, atom.Tbody) }),
			list("rows", func(_ *Document, n *html.Node) []*html.Node { return tableRows(n) }),
		)),
		kind(atom.Tbody): shape(one(list("rows", func(_ *Document, n *html.Node) []*html.Node { return childrenOf(n, atom.Tr) }))),
		kind(atom.Col):   shape(numbers(1, "span")),
		kind(atom.Td): shape(numbers(1, "colSpan", "rowSpan"), texts("headers", "scope", "abbr"),
			one(computed("cellIndex", func(_ *Document, n *html.Node) int {
				if is(n.Parent, atom.Tr) {
					return slices.Index(childrenOf(n.Parent, atom.Td, atom.Th), n)
				}
				return -1
			}))),
		kind(atom.Tr): shape(numbers(1, "colSpan"), one(
			list("cells", func(_ *Document, n *html.Node) []*html.Node { return childrenOf(n, atom.Td, atom.Th) }),
			computed("rowIndex", func(_ *Document, n *html.Node) int {
				if t := above(n, atom.Table); t != nil {
					return slices.Index(tableRows(t), n)
				}
				return -1
			}),
			computed("sectionRowIndex", func(_ *Document, n *html.Node) int {
				if n.Parent != nil {
					return slices.Index(childrenOf(n.Parent, atom.Tr), n)
				}
				return -1
			}),
		)),
		kind(atom.Textarea): shape(formOf, labelsOf, texts("name", "placeholder", "wrap", "autocomplete", "dirName"),
			flags("disabled", "readOnly", "required", "autofocus"), numbers(20, "cols"), numbers(2, "rows"), numbers(-1, "maxLength", "minLength"),
			one(
				computed("type", func(*Document, *html.Node) string { return "textarea" }),
				computed("value", valueOf),
				computed("defaultValue", valueOf),
				elementMethod("length", 0, func(c *call, e *element) goja.Value {
					return c.k.rt.ToValue(c.k.rt.ToValue(content(e.n)).(goja.String).Length())
				}),
			)),
		kind(atom.Time):  shape(texts("dateTime")),
		kind(atom.Title): shape(one(computed("text", func(_ *Document, n *html.Node) string { return content(n) }))),
		kind(atom.Track): shape(texts("src", "srclang", "label", "kind"), flags("default")),
		kind(atom.Video): shape(texts("src", "poster", "preload", "crossOrigin"), flags("autoplay", "loop", "controls", "muted"), numbers(0, "width", "height"),
			one(list("textTracks", func(_ *Document, n *html.Node) []*html.Node { return childrenOf(n, atom.Track) }))),
	}
}

// relativeIn describes a method that gives another node of the document.
func relativeIn(name string, f func(d *Document, n *html.Node) *html.Node) method {
	return elementMethod(name, 0, func(c *call, e *element) goja.Value { return c.k.element(e.doc, f(e.doc, e.n)) })
}

// ofForm describes a method that gives what a button says about submitting,
// else what its form says.
func ofForm(name, attr string, f func(string) string) method {
	return computed(name, func(d *Document, n *html.Node) string {
		v, ok := attribute(n, "form"+attr)
		if form := d.form(n); !ok && form != nil {
			v, _ = attribute(form, attr)
		}
		return f(v)
	})
}

func methodOf(v string) string {
	switch v = strings.ToLower(v); v {
	case "post", "dialog":
		return v
	}
	return "get"
}

func enctypeOf(v string) string {
	switch v = strings.ToLower(v); v {
	case Multipart, PlainText:
		return v
	}
	return URLEncoded
}

func valueOf(_ *Document, n *html.Node) string { v, _ := value(n); return v }

// isListed reports whether form.elements lists n.
func isListed(n *html.Node) bool {
	return isControl(n) && !(is(n, atom.Input) && inputType(n) == "image")
}

func formElements(d *Document, form *html.Node) []*html.Node {
	return slices.DeleteFunc(d.controls(form), func(n *html.Node) bool { return !isListed(n) })
}

func childrenOf(n *html.Node, names ...atom.Atom) []*html.Node {
	return slices.DeleteFunc(children(n), func(c *html.Node) bool { return !is(c, names...) })
}

// tableRows returns the rows of a table: those of its head, of its bodies, of
// its foot.
func tableRows(table *html.Node) []*html.Node {
	var head, body, foot []*html.Node
	for _, c := range children(table) {
		switch {
		case is(c, atom.Tr):
			body = append(body, c)
		case is(c, atom.Thead):
			head = append(head, childrenOf(c, atom.Tr)...)
		case is(c, atom.Tbody):
			body = append(body, childrenOf(c, atom.Tr)...)
		case is(c, atom.Tfoot):
			foot = append(foot, childrenOf(c, atom.Tr)...)
		}
	}
	return slices.Concat(head, body, foot)
}

// fraction describes a method that gives an attribute as a number.
func fraction(name string, otherwise float64) method {
	return computed(name, func(_ *Document, n *html.Node) float64 { return fractionOf(n, name, otherwise) })
}

func fractionOf(n *html.Node, name string, otherwise float64) float64 {
	v, _ := attribute(n, name)
	if f, err := strconv.ParseFloat(strings.Trim(v, space), 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return f
	}
	return otherwise
}

func progressMax(_ *Document, n *html.Node) float64 {
	if most := fractionOf(n, "max", 1); most > 0 {
		return most
	}
	return 1
}

func progressValue(d *Document, n *html.Node) float64 {
	return max(0, min(fractionOf(n, "value", 0), progressMax(d, n)))
}

// progressPosition is how far it is, -1 when it does not say.
func progressPosition(d *Document, n *html.Node) float64 {
	if !has(n, "value") {
		return -1
	}
	return progressValue(d, n) / progressMax(d, n)
}

// part describes a method that gives a part of an element's href, as it is
// written: it is not resolved, and empty if it is not an address.
func part(name string, f func(*url.URL) string) method {
	return computed(name, func(_ *Document, n *html.Node) string {
		href, ok := attribute(n, "href")
		if !ok {
			return ""
		}
		u, err := reference(&url.URL{}, href)
		if err != nil {
			return ""
		}
		return f(u)
	})
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// host is the host with its port, unless that is the usual one.
func host(u *url.URL) string {
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		return strings.TrimSuffix(u.Host, ":"+port)
	}
	return u.Host
}

func origin(u *url.URL) string {
	if u.Scheme == "" || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func pathname(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" && u.Host == "" {
		return ""
	}
	return "/" + strings.TrimPrefix(path, "/")
}
