package http

import (
	"math"
	"net/textproto"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"golang.org/x/net/http/httpguts"
)

// paramNames are the keys a params object may have; those not yet supported are
// known, so that they get a message of their own.
var paramNames = []string{
	"headers", "tags", "timeout", "cookies", "jar", "redirects", "responseType", "responseCallback", "throw",
	"auth", "compression", "proxy",
}

// params decodes the params object into r. Objects are decoded anew each time:
// whether a script changed one since cannot be told.
func (m *module) params(where string, r *request, v goja.Value) {
	o := m.dictionary(where, "params", v)
	var store [16]string
	for _, key := range m.p.keys.append(store[:0], o) {
		v := o.Get(key)
		if v == nil || goja.IsUndefined(v) || goja.IsNull(v) && key != "responseCallback" && key != "jar" && key != "proxy" {
			if !slices.Contains(paramNames, key) {
				m.unknownParam(where, key)
			}
			continue
		}
		switch key {
		case "headers":
			m.headers(where, r, v)
		case "tags":
			r.tags = m.tags(where, v)
		case "timeout":
			r.timeout = m.timeout(where, v)
		case "cookies":
			m.requestCookies(where, r, v)
		case "jar":
			r.jar = m.jarOf(where, v)
		case "redirects":
			r.redirects = m.count(where, key, v)
		case "responseType":
			m.responseType(where, r, v)
		case "responseCallback":
			r.expect = m.responseCallback(where, v)
		case "throw":
			r.throw = m.flag(where, key, v)
		case "compression":
			r.coding = m.coding(where, v)
		case "auth":
			r.auth = m.scheme(where, v)
		case "proxy":
			m.proxy(where, r, v)
		default:
			m.unknownParam(where, key)
		}
	}
}

func (m *module) unknownParam(where, key string) {
	m.unknownKey(where, "parameter", key, paramNames)
}

// proxy decodes the parameter proxy: the URL of one, or null or "" for none.
func (m *module) proxy(where string, r *request, v goja.Value) {
	raw := ""
	if !goja.IsNull(v) {
		raw = m.text(where, "proxy", "the URL of a proxy or null", v)
	}
	r.Proxy, r.Direct = nil, raw == ""
	if r.Direct {
		return
	}
	px, ok := m.p.proxies.Lookup(raw)
	if !ok {
		var err error
		if px, err = proxy.Parse(raw); err != nil {
			m.throw("TypeError", where+": "+err.Error())
		}
		px = m.p.proxies.Put(strings.Clone(raw), px)
	}
	r.Proxy = px
}

// unknownKey throws: an object has a key that is none of known.
func (m *module) unknownKey(where, what, key string, known []string) {
	text := where + ": unknown " + what + " " + quoted(key)
	if hint := spelling.Nearest(key, known); hint != "" {
		text += ", did you mean " + quoted(hint) + "?"
	}
	m.throw("TypeError", text)
}

// wrong throws: what must be wanted and is v.
func (m *module) wrong(where, what, wanted string, v goja.Value) {
	m.throw("TypeError", where+": "+what+" must be "+wanted+", got "+described(v))
}

// described says what v is without running code of the script.
func described(v goja.Value) string {
	switch v := v.(type) {
	case nil:
		return "undefined"
	case goja.String:
		return quoted(v.String())
	case *goja.Symbol:
		return "a symbol"
	case *goja.Object:
		switch class := v.ClassName(); class {
		case "Object":
			return "an object"
		case "Array":
			return "an array"
		case "Function":
			return "a function"
		default:
			return "an object of the class " + transport.Clip(class)
		}
	}
	return transport.Clip(v.String())
}

// number returns the value of a number; ok is false when v is none.
func number(v goja.Value) (n float64, ok bool) {
	switch kindOf(v) {
	case reflect.Int64, reflect.Float64:
		return v.ToFloat(), true
	}
	return 0, false
}

// kindOf returns the kind of a primitive value, and reflect.Invalid for any other.
func kindOf(v goja.Value) reflect.Kind {
	switch v.(type) {
	case nil, *goja.Object, *goja.Symbol:
		return reflect.Invalid
	}
	if t := v.ExportType(); t != nil {
		return t.Kind()
	}
	return reflect.Invalid
}

// count decodes a whole number.
func (m *module) count(where, what string, v goja.Value) int {
	n, ok := number(v)
	if !ok || n != math.Trunc(n) || n < 0 || n > math.MaxInt32 {
		m.wrong(where, what, "a whole number of at least 0", v)
	}
	return int(n)
}

// flag decodes a boolean.
func (m *module) flag(where, what string, v goja.Value) bool {
	if kindOf(v) != reflect.Bool {
		m.wrong(where, what, "true or false", v)
	}
	return v.ToBoolean()
}

// text decodes a string.
func (m *module) text(where, what, wanted string, v goja.Value) string {
	s, ok := v.(goja.String)
	if !ok {
		m.wrong(where, what, wanted, v)
	}
	return s.String()
}

// plain decodes a value that goes into a request as text.
func (m *module) plain(where, what string, v goja.Value) string {
	switch v.(type) {
	case nil, *goja.Object, *goja.Symbol:
		m.wrong(where, what, "a string, a number or a boolean", v)
	}
	if goja.IsUndefined(v) || goja.IsNull(v) {
		m.wrong(where, what, "a string, a number or a boolean", v)
	}
	return v.String()
}

func (m *module) responseType(where string, r *request, v goja.Value) {
	const wanted = `"text", "binary" or "none"`
	r.Discard, r.binary = false, false
	switch m.text(where, "responseType", wanted, v) {
	case "text":
	case "binary":
		r.binary = true
	case "none":
		r.Discard = true
	default:
		m.wrong(where, "responseType", wanted, v)
	}
}

// timeout decodes a timeout: milliseconds, or a text such as "1m30s". More than
// maxTimeout, Infinity too, is that.
func (m *module) timeout(where string, v goja.Value) time.Duration {
	var d time.Duration
	var ok bool
	if text, isText := v.(goja.String); isText {
		d, ok = parseTimeout(text.String())
	} else if n, isNumber := number(v); isNumber {
		d, ok = milliseconds(n)
	}
	if !ok {
		m.wrong(where, "timeout", `a time above 0, such as 500 (milliseconds) or "30s"`, v)
	}
	return d
}

// maxTimeout keeps deadlines far from overflow.
const maxTimeout = 24 * time.Hour

// parseTimeout reads a text: a duration, or a number of milliseconds.
func parseTimeout(s string) (time.Duration, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return min(d, maxTimeout), d > 0
	}
	ms, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, false
	}
	return milliseconds(ms)
}

func milliseconds(ms float64) (time.Duration, bool) {
	if !(ms > 0) { // NaN too
		return 0, false
	}
	d := time.Duration(min(ms, float64(maxTimeout/time.Millisecond)) * float64(time.Millisecond))
	return max(d, 1), true
}

// headers decodes the headers of a request. Those that say where the request
// ends are ours alone: a wrong one would make the server see two requests.
func (m *module) headers(where string, r *request, v goja.Value) {
	o := m.dictionary(where, "headers", v)
	var store [16]string
	keys := m.p.keys.append(store[:0], o)
	r.Headers = make([]transport.Header, 0, len(keys)+1) // one may be added for the body
	for _, key := range keys {
		name := canonical(key)
		v := o.Get(key)
		if plain, ok := v.(*goja.Object); ok && plain.ClassName() == "Object" || isSymbol(v) {
			m.wrong(where, "the value of header "+transport.Clip(name), "a string", v)
		}
		value := strings.Trim(v.String(), " \t")
		if !validHeaderName(key) {
			m.throw("TypeError", where+": header name "+quoted(key)+" holds a character that names must not have")
		}
		if !validHeaderValue(value) {
			m.throw("TypeError", where+": the value of header "+name+" holds a line break or another control character")
		}
		m.setHeader(where, r, name, value)
	}
}

// setHeader adds a valid header to r, or does what it asks for.
func (m *module) setHeader(where string, r *request, name, value string) {
	switch name {
	case "Host":
		if strings.ContainsAny(value, " \t/\\@?#") {
			m.throw("TypeError", where+": "+quoted(value)+" is not a Host")
		}
		r.Host = value
	case "Content-Length":
	case "Transfer-Encoding":
		m.p.warn("the header Transfer-Encoding that a script set was left out: request bodies are sent with their length")
	case "Cookie":
		r.ownCookie = value
	default:
		r.Headers = append(r.Headers, transport.Header{Name: name, Value: value})
	}
}

// canonical returns the usual spelling of a header's name.
func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

func validHeaderName(s string) bool { return httpguts.ValidHeaderFieldName(s) }

func validHeaderValue(s string) bool { return httpguts.ValidHeaderFieldValue(s) }

func isSymbol(v goja.Value) bool {
	_, ok := v.(*goja.Symbol)
	return ok
}

func (m *module) object_(where, what string, v goja.Value) *goja.Object {
	o, ok := v.(*goja.Object)
	if !ok {
		m.wrong(where, what, "an object", v)
	}
	return o
}

// dictionary decodes an object that is used for the names of its properties.
func (m *module) dictionary(where, what string, v goja.Value) *goja.Object {
	o, ok := v.(*goja.Object)
	if ok {
		switch o.ClassName() {
		case "Array", "Function", "String":
			ok = false
		}
	}
	if !ok {
		m.wrong(where, what, "an object", v)
	}
	return o
}

// tags decodes the tags of a request.
func (m *module) tags(where string, v goja.Value) *tagSet {
	o := m.dictionary(where, "tags", v)
	var store [8]metric.Tag
	tags := store[:0]
	var names [16]string
	for _, key := range m.p.keys.append(names[:0], o) {
		switch v := o.Get(key).(type) {
		case nil:
		case *goja.Object, *goja.Symbol:
			m.wrong(where, "the tag "+quoted(key), "a string, a number or a boolean", v)
		default:
			if !goja.IsUndefined(v) && !goja.IsNull(v) {
				tags = append(tags, metric.Tag{Key: key, Value: v.String()})
			}
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return m.p.intern(tags)
}

// intern returns the one tagSet with these tags.
func (p *program) intern(tags []metric.Tag) *tagSet {
	var buf [256]byte
	id := buf[:0]
	for _, t := range tags {
		id = strconv.AppendInt(id, int64(len(t.Key)), 10)
		id = append(append(id, ':'), t.Key...)
		id = strconv.AppendInt(id, int64(len(t.Value)), 10)
		id = append(append(id, ':'), t.Value...)
	}
	if set, ok := p.tagSets.Lookup(stringOf(id)); ok {
		return set
	}
	set := &tagSet{}
	for _, t := range tags {
		t := metric.Tag{Key: strings.Clone(t.Key), Value: strings.Clone(t.Value)}
		set.tags = append(set.tags, t)
		if t.Key == "name" {
			set.name = t.Value
		}
	}
	return p.tagSets.Put(string(id), set)
}

func quoted(s string) string { return strconv.Quote(transport.Clip(s)) }
