package http

import (
	"strings"

	"github.com/dop251/goja"
)

// urlTemplate is what http.url`…${id}…` gives: a URL, and one name for all URLs
// that differ only in what was filled in. Scripts can read both.
type urlTemplate struct {
	m         *module
	url, name string
}

// urlTemplate implements http.url, which is called as a template tag.
func (m *module) urlTemplate(fc goja.FunctionCall) goja.Value {
	parts, ok := fc.Argument(0).(*goja.Object)
	if !ok {
		if len(fc.Arguments) == 0 {
			m.throw("TypeError", "http.url: use it as a template tag: http.url`https://example.com/items/${id}`")
		}
		s := fc.Argument(0).String()
		return m.rt.NewDynamicObject(&urlTemplate{m, s, s})
	}
	var u, name strings.Builder
	keys := parts.Keys()
	for i, key := range keys {
		s := parts.Get(key).String()
		u.WriteString(s)
		name.WriteString(s)
		if i+1 < len(keys) {
			u.WriteString(fc.Argument(i + 1).String())
			name.WriteString("${}")
		}
	}
	return m.rt.NewDynamicObject(&urlTemplate{m, u.String(), name.String()})
}

func (t *urlTemplate) Get(key string) goja.Value {
	switch key {
	case "url":
		return t.m.rt.ToValue(t.url)
	case "name":
		return t.m.rt.ToValue(t.name)
	case "toString":
		return t.m.v.Func("toString", 0, func(goja.FunctionCall) goja.Value { return t.m.rt.ToValue(t.url) })
	}
	return nil
}

func (t *urlTemplate) Set(string, goja.Value) bool { return false }
func (t *urlTemplate) Has(key string) bool         { return key == "url" || key == "name" }
func (t *urlTemplate) Delete(key string) bool      { return !t.Has(key) }
func (t *urlTemplate) Keys() []string              { return []string{"url", "name"} }
