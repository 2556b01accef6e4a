package http

import (
	"net/url"
	"reflect"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

const (
	// sharedBody is the size in bytes from which a binary body is not copied.
	sharedBody = 64 << 10

	formType = "application/x-www-form-urlencoded"
)

// body decodes a request body: text, bytes, what http.payload gave, or an object
// to be sent as a form.
//
// Text is never copied. Large binary data is sent from where the script has it,
// which is safe while the script waits; a request that runs beside it must call
// own.
func (m *module) body(where string, r *request, v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok {
		if isSymbol(v) {
			m.wrong(where, "the body", "text, binary data or an object", v)
		}
		r.Call.Body = v.String()
		return
	}
	if b, ok := m.binary(o); ok {
		if len(b) < sharedBody {
			r.Call.Body = string(b)
			return
		}
		r.Call.Body, r.lent = stringOf(b), true
		return
	}
	if p, ok := hosted[*payload](o); ok {
		r.Source = p
		return
	}
	switch o.ClassName() {
	case "String", "Number", "Boolean":
		r.Call.Body = o.String()
		return
	case "Function":
		m.wrong(where, "the body", "text, binary data or an object", v)
	}
	fields, multi := m.bodyFields(where, o)
	if multi {
		m.multipart(r, fields)
		return
	}
	r.Call.Body = form(fields)
	if !has(r.Headers, "Content-Type") {
		r.header("Content-Type", formType)
	}
}

// own gives r a body that no script can change, whatever it does from now on.
func (r *request) own() {
	if !r.lent {
		return
	}
	r.lent = false
	r.Call.Body = strings.Clone(r.Call.Body)
	if parts, ok := r.Source.(*partedBody); ok {
		r.Source = parts.own()
	}
}

// header adds a header to r. Headers may be shared with other requests.
func (r *request) header(name, value string) {
	r.Headers = append(r.Headers[:len(r.Headers):len(r.Headers)], transport.Header{Name: name, Value: value})
}

// hosted returns the host object behind v if it is a T.
func hosted[T any](v goja.Value) (t T, ok bool) {
	o, ok := v.(*goja.Object)
	// Export makes a copy of what is no host object, and runs code of the script.
	if !ok || o.ExportType() != reflect.TypeFor[T]() {
		return t, false
	}
	t, ok = o.Export().(T)
	return t, ok
}

// binary returns the bytes of an ArrayBuffer or of a view on one, as they are.
func (m *module) binary(o *goja.Object) ([]byte, bool) {
	if buf, ok := hosted[goja.ArrayBuffer](o); ok {
		return buf.Bytes(), true
	}
	if !isView(o) {
		return nil, false
	}
	buf, ok := hosted[goja.ArrayBuffer](o.Get("buffer"))
	offset, length := o.Get("byteOffset"), o.Get("byteLength")
	if !ok || offset == nil || length == nil {
		return nil, false
	}
	b, from, n := buf.Bytes(), offset.ToInteger(), length.ToInteger()
	if from < 0 || n < 0 || from+n > int64(len(b)) || from+n < 0 {
		return nil, false
	}
	return b[from : from+n], true
}

// isView reports whether o is a typed array or a DataView.
func isView(o *goja.Object) bool {
	if t := o.ExportType(); t != nil && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Interface {
		return true
	}
	if o.ClassName() != "Object" {
		return false
	}
	tag, ok := o.GetSymbol(goja.SymToStringTag).(goja.String)
	return ok && tag.String() == "DataView"
}

// field is one value of a form.
type field struct {
	name  string
	value string
	file  *file // instead of value, when it is not nil
}

// bodyFields lists what an object holds as the fields of a form, in the order of its
// keys; arrays give several of one name. multi reports whether there is a file
// among them.
func (m *module) bodyFields(where string, o *goja.Object) (fields []field, multi bool) {
	add := func(name string, v goja.Value) {
		f := field{name: name}
		switch v := v.(type) {
		case nil:
		case *goja.Symbol:
			m.wrong(where, "the field "+quoted(name)+" of the body", "text or a file", v)
		case *goja.Object:
			if m.isFile(v) {
				f.file, multi = m.file(where+": the field "+quoted(name)+" of the body", v), true
			} else {
				f.value = v.String()
			}
		default:
			if !goja.IsUndefined(v) && !goja.IsNull(v) {
				f.value = v.String()
			}
		}
		fields = append(fields, f)
	}
	for _, key := range o.Keys() {
		v := o.Get(key)
		if list, ok := v.(*goja.Object); ok && list.ClassName() == "Array" {
			for _, i := range list.Keys() {
				add(key, list.Get(i))
			}
			continue
		}
		add(key, v)
	}
	return fields, multi
}

// form encodes fields as application/x-www-form-urlencoded.
func form(fields []field) string {
	var b strings.Builder
	for i := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(fields[i].name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(fields[i].value))
	}
	return b.String()
}
