package http

import (
	"unsafe"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/tidwall/gjson"
)

// json implements response.json([selector]). Without a selector the body is
// parsed once; with one (gjson's syntax) the value is looked up in the bytes and
// only what was found becomes a JavaScript value.
func (r *response) json(fc goja.FunctionCall) goja.Value {
	m := r.m
	if len(r.Body) == 0 {
		r.needBody("response.json()")
		m.throw("SyntaxError", "response.json(): the body is empty")
	}
	selector := fc.Argument(0)
	if goja.IsUndefined(selector) || goja.IsNull(selector) {
		if r.tree == nil {
			r.tree = m.parseJSON(stringOf(r.Body))
			r.valid = true
		}
		return r.tree
	}
	if !r.valid {
		if !gjson.ValidBytes(r.Body) {
			// Let the parser say where it is wrong.
			m.parseJSON(stringOf(r.Body))
			m.throw("SyntaxError", "response.json(): the body is not JSON")
		}
		r.valid = true
	}
	return m.jsonValue(gjson.Get(stringOf(r.Body), selector.String()))
}

// jsonValue turns what a selector found into a JavaScript value.
func (m *module) jsonValue(v gjson.Result) goja.Value {
	switch {
	case !v.Exists():
		return goja.Undefined()
	case v.Type == gjson.String:
		return m.rt.ToValue(v.Str)
	case v.Type == gjson.Number:
		return m.rt.ToValue(v.Num)
	case v.Type == gjson.True:
		return m.rt.ToValue(true)
	case v.Type == gjson.False:
		return m.rt.ToValue(false)
	case v.Type == gjson.Null:
		return goja.Null()
	}
	return m.parseJSON(v.Raw)
}

// parseJSON throws a syntax error when text is not JSON.
func (m *module) parseJSON(text string) goja.Value {
	v, err := m.v.ParseJSON(text)
	if err != nil {
		m.throw("SyntaxError", "response.json(): the body is not JSON: "+transport.Clip(err.Error()))
	}
	return v
}

// stringOf returns b as a string without a copy. b must not change any more.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
