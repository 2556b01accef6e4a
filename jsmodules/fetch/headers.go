package fetch

import (
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
)

// headers is a Headers object's list.
type headers struct {
	list   []header
	fixed  bool         // of a response that came, or of Response.error()
	object *goja.Object // nil until a script asks for it
}

// header is one line. Names are in lower case.
type header struct{ name, value string }

var headersShape = sandbox.NewShape[*headers]()

func headersMethods() *sandbox.Shape[*api] {
	return sandbox.NewShape(
		method("Headers", "append", 2, func(a *api, h *headers, fc goja.FunctionCall) goja.Value {
			name, value := a.pair("Headers.append", fc.Argument(0), fc.Argument(1))
			h.writable(a, "append")
			h.list = append(h.list, header{name, value})
			return goja.Undefined()
		}),
		method("Headers", "delete", 1, func(a *api, h *headers, fc goja.FunctionCall) goja.Value {
			name := a.headerName("Headers.delete", fc.Argument(0))
			h.writable(a, "delete")
			h.delete(name)
			return goja.Undefined()
		}),
		method("Headers", "get", 1, func(a *api, h *headers, fc goja.FunctionCall) goja.Value {
			if value, ok := h.get(a.headerName("Headers.get", fc.Argument(0))); ok {
				return a.rt.ToValue(value)
			}
			return goja.Null()
		}),
		method("Headers", "getSetCookie", 0, func(a *api, h *headers, _ goja.FunctionCall) goja.Value {
			var values []any
			for _, line := range h.list {
				if line.name == "set-cookie" {
					values = append(values, line.value)
				}
			}
			return a.rt.NewArray(values...)
		}),
		method("Headers", "has", 1, func(a *api, h *headers, fc goja.FunctionCall) goja.Value {
			_, ok := h.get(a.headerName("Headers.has", fc.Argument(0)))
			return a.v.Bool(ok)
		}),
		method("Headers", "set", 2, func(a *api, h *headers, fc goja.FunctionCall) goja.Value {
			name, value := a.pair("Headers.set", fc.Argument(0), fc.Argument(1))
			h.writable(a, "set")
			h.set(name, value)
			return goja.Undefined()
		}),
		method("Headers", "forEach", 1, func(a *api, h *headers, fc goja.FunctionCall) goja.Value {
			f, ok := goja.AssertFunction(fc.Argument(0))
			if !ok {
				a.wrong("Headers.forEach", "the callback", "a function", fc.Argument(0))
			}
			for _, line := range h.sorted() {
				if _, err := f(fc.Argument(1), a.rt.ToValue(line.value), a.rt.ToValue(line.name), fc.This); err != nil {
					panic(err)
				}
			}
			return goja.Undefined()
		}),
		method("Headers", "entries", 0, func(a *api, h *headers, _ goja.FunctionCall) goja.Value {
			return a.iterate(h, func(line header) any { return a.rt.NewArray(line.name, line.value) })
		}),
		method("Headers", "keys", 0, func(a *api, h *headers, _ goja.FunctionCall) goja.Value {
			return a.iterate(h, func(line header) any { return line.name })
		}),
		method("Headers", "values", 0, func(a *api, h *headers, _ goja.FunctionCall) goja.Value {
			return a.iterate(h, func(line header) any { return line.value })
		}),
	)
}

func (a *api) headersClass() *sandbox.Class {
	if a.headers == nil {
		a.headers = sandbox.NewClass(a.v, "Headers", 0, a.methods.headers, a, func(cc goja.ConstructorCall) *goja.Object {
			h := &headers{}
			h.fill(a, "Headers", cc.Argument(0))
			h.object = headersShape.New(a.v, h)
			return h.object
		})
		a.headers.Symbol(goja.SymIterator, a.headers.Constructor.Get("prototype").(*goja.Object).Get("entries"))
	}
	return a.headers
}

// show returns the object for h, the same each time.
func (h *headers) show(a *api) *goja.Object {
	if h.object == nil {
		h.object = a.headersClass().Adopt(headersShape.New(a.v, h))
	}
	return h.object
}

func (h *headers) writable(a *api, what string) {
	if h.fixed {
		a.throw("TypeError", "Headers."+what+": these headers cannot be changed")
	}
}

// fill adds what a script gives as headers: Headers, a list of pairs, or an
// object.
func (h *headers) fill(a *api, where string, v goja.Value) {
	if missing(v) {
		return
	}
	if from, ok := sandbox.StateOf[*headers](v); ok {
		h.list = append(h.list, from.list...)
		return
	}
	o := a.object(where, "headers", v)
	if iterator := o.GetSymbol(goja.SymIterator); iterator != nil && !goja.IsUndefined(iterator) {
		a.rt.ForOf(o, func(entry goja.Value) bool {
			var pair []goja.Value
			if entry, ok := entry.(*goja.Object); ok && entry.ClassName() != "String" {
				a.rt.ForOf(entry, func(part goja.Value) bool {
					pair = append(pair, part)
					return len(pair) < 3
				})
			}
			if len(pair) != 2 {
				a.throw("TypeError", where+": each header of a list must be a pair of name and value")
			}
			name, value := a.pair(where, pair[0], pair[1])
			h.list = append(h.list, header{name, value})
			return true
		})
		return
	}
	for _, key := range o.Keys() {
		name, value := a.pair(where, a.rt.ToValue(key), o.Get(key))
		h.list = append(h.list, header{name, value})
	}
}

// pair decodes a header that is to be set.
func (a *api) pair(where string, name, value goja.Value) (string, string) {
	n := a.headerName(where, name)
	s := strings.Trim(a.text(where, "the value of header "+n, value), " \t\r\n")
	if _, ok := http.ValidHeader(n, s); !ok {
		a.throw("TypeError", where+": the value of header "+n+" holds a line break or another control character")
	}
	return n, s
}

// headerName decodes the name of a header, in lower case.
func (a *api) headerName(where string, v goja.Value) string {
	name := a.text(where, "the name of a header", v)
	if ok, _ := http.ValidHeader(name, ""); !ok {
		a.throw("TypeError", where+": header name "+quoted(name)+" holds a character that names must not have")
	}
	return strings.ToLower(name)
}

// get returns the values of a name, joined.
func (h *headers) get(name string) (value string, ok bool) {
	for _, line := range h.list {
		switch {
		case line.name != name:
		case !ok:
			value, ok = line.value, true
		default:
			value += ", " + line.value
		}
	}
	return value, ok
}

// set replaces all lines of a name by one, where the first was.
func (h *headers) set(name, value string) {
	i := slices.IndexFunc(h.list, func(line header) bool { return line.name == name })
	if i < 0 {
		h.list = append(h.list, header{name, value})
		return
	}
	rest := slices.DeleteFunc(slices.Clone(h.list[i+1:]), func(line header) bool { return line.name == name })
	h.list = append(append(slices.Clone(h.list[:i]), header{name, value}), rest...)
}

func (h *headers) delete(name string) {
	h.list = slices.DeleteFunc(slices.Clone(h.list), func(line header) bool { return line.name == name })
}

// sorted returns what iterating shows: sorted by name, values of one name joined
// but for set-cookie.
func (h *headers) sorted() []header {
	all := slices.Clone(h.list)
	slices.SortStableFunc(all, func(a, b header) int { return strings.Compare(a.name, b.name) })
	out := all[:0]
	for _, line := range all {
		if n := len(out); n > 0 && out[n-1].name == line.name && line.name != "set-cookie" {
			out[n-1].value += ", " + line.value
			continue
		}
		out = append(out, line)
	}
	return out
}

// iterate returns an iterator over h as it is now.
func (a *api) iterate(h *headers, of func(header) any) goja.Value {
	lines := h.sorted()
	items := make([]any, len(lines))
	for i, line := range lines {
		items[i] = of(line)
	}
	list := a.rt.NewArray(items...)
	values, _ := goja.AssertFunction(list.Get("values"))
	if values == nil {
		return list
	}
	iterator, err := values(list)
	if err != nil {
		panic(err)
	}
	return iterator
}
