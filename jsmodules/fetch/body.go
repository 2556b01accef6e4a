package fetch

import (
	"io"
	"unsafe"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// body is what a Request or a Response holds. It can be read once. A nil *body
// is none.
type body struct {
	data    string
	source  transport.Source // instead of data, when it is not nil
	used    bool
	dropped bool // it came and was not kept
}

// newBody decodes a body that a script gives, and what kind of content it is.
func (a *api) newBody(where string, v goja.Value) (b *body, contentType string) {
	if missing(v) {
		return nil, ""
	}
	const wanted = "text, an ArrayBuffer, a typed array, URLSearchParams or what http.payload() returns"
	o, ok := v.(*goja.Object)
	if !ok {
		return &body{data: a.text(where, "body", v)}, "text/plain;charset=UTF-8"
	}
	if data, source, ok := http.Of(a.v).Body(o); ok {
		return &body{data: data, source: source}, ""
	}
	switch o.ClassName() {
	case "String", "Number", "Boolean":
		return &body{data: o.String()}, "text/plain;charset=UTF-8"
	case "Function", "Array", "Promise":
		a.wrong(where, "body", wanted, v)
	}
	if tag, ok := o.GetSymbol(goja.SymToStringTag).(goja.String); ok && tag.String() == "URLSearchParams" {
		return &body{data: o.String()}, "application/x-www-form-urlencoded;charset=UTF-8"
	}
	text := o.String()
	if text == "[object Object]" { // what nobody wants to send
		a.throw("TypeError", where+": body must be "+wanted+", got an object; JSON.stringify() makes text of one")
	}
	return &body{data: text}, "text/plain;charset=UTF-8"
}

// take uses the body up.
func (b *body) take(where string, a *api) (data string, source transport.Source) {
	switch {
	case b == nil:
		return "", nil
	case b.used:
		a.throw("TypeError", where+": the body was read before")
	case b.dropped:
		a.throw("TypeError", where+": the body was discarded, see discardResponseBodies")
	}
	b.used = true
	return b.data, b.source
}

// read uses the body up and returns all of it.
func (b *body) read(where string, a *api) string {
	data, source := b.take(where, a)
	if source == nil {
		return data
	}
	if source.Size() > maxRead {
		a.throw("RangeError", where+": the body is too large to be read")
	}
	r := source.Reader()
	if c, ok := r.(io.Closer); ok {
		defer c.Close()
	}
	all, err := io.ReadAll(io.LimitReader(r, maxRead))
	if err != nil {
		a.throw("TypeError", where+": the body cannot be read")
	}
	return stringOf(all)
}

// maxRead is the size in bytes up to which a body that is made while it is sent
// can be read by a script.
const maxRead = 64 << 20

// clone returns a copy that can be read by itself.
func (b *body) clone(where string, a *api) *body {
	if b == nil {
		return nil
	}
	if b.used {
		a.throw("TypeError", where+": the body was read before")
	}
	c := *b
	return &c
}

func (b *body) isUsed() bool { return b != nil && b.used }

// bodyMethods are the methods by which the bodies of a class are read.
func bodyMethods[T any](class string, content func(T) (*body, *headers)) []sandbox.Prop[*api] {
	reader := func(name string, f func(a *api, where, data string, h *headers) goja.Value) sandbox.Prop[*api] {
		where := class + "." + name
		return promised(class, name, func(a *api, state T) goja.Value {
			b, h := content(state)
			return f(a, where, b.read(where, a), h)
		})
	}
	return []sandbox.Prop[*api]{
		reader("text", func(a *api, _, data string, _ *headers) goja.Value { return a.rt.ToValue(decoded(data)) }),
		reader("json", func(a *api, where, data string, _ *headers) goja.Value {
			v, err := a.v.ParseJSON(decoded(data))
			if err != nil {
				a.throw("SyntaxError", where+": the body is not JSON: "+transport.Clip(err.Error()))
			}
			return v
		}),
		reader("arrayBuffer", func(a *api, _, data string, _ *headers) goja.Value {
			return a.buffer(data)
		}),
		reader("bytes", func(a *api, _, data string, _ *headers) goja.Value { return a.construct("Uint8Array", a.buffer(data)) }),
		reader("blob", func(a *api, where, data string, h *headers) goja.Value {
			if a.rt.GlobalObject().Get("Blob") == nil {
				a.throw("TypeError", where+": there is no Blob; arrayBuffer() gives the bytes")
			}
			options := a.rt.NewObject()
			kind, _ := h.get("content-type")
			_ = options.Set("type", kind)
			return a.construct("Blob", a.rt.NewArray(a.buffer(data)), options)
		}),
	}
}

func (a *api) buffer(data string) goja.Value {
	return a.rt.ToValue(a.rt.NewArrayBuffer([]byte(data)))
}

// construct makes an object of a global class.
func (a *api) construct(class string, args ...goja.Value) goja.Value {
	o, err := a.rt.New(a.rt.GlobalObject().Get(class), args...)
	if err != nil {
		panic(err)
	}
	return o
}

// decoded returns data as UTF-8 text: without a byte order mark, and with
// U+FFFD for what is none.
func decoded(data string) string {
	if len(data) >= 3 && data[:3] == "\ufeff" {
		return data[3:]
	}
	return data
}

// stringOf returns b as a string without a copy. b must not change any more.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
