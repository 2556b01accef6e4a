package http

import (
	"math"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"golang.org/x/net/http/httpguts"
)

// paramNames are the keys a params object may have; those not yet supported are
// known, so that they get a message of their own.
var paramNames = []string{
	"headers", "tags", "timeout", "cookies", "jar", "redirects", "responseType", "responseCallback", "throw",
	"auth", "compression", "proxy",
}

// params decodes the params object into r. Objects are
// decoded anew each time: whether a script changed one since cannot be told.
//
// Here and below keys come from GetOwnPropertyNames, which takes half the time
// of Keys and differs only for properties somebody took care to hide.
func (m *module) params(where string, r *request, v goja.Value) {
	o, ok := v.(*goja.Object)
	if !ok {
		m.throw("TypeError", where+": params must be an object, got "+quoted(v.String()))
	}
	for _, key := range o.GetOwnPropertyNames() {
		v := o.Get(key)
		if v == nil || goja.IsUndefined(v) || goja.IsNull(v) && key != "responseCallback" {
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
			n := v.ToFloat()
			if n != math.Trunc(n) || n < 0 || n > math.MaxInt32 {
				m.throw("TypeError", where+": redirects must be a whole number of at least 0")
			}
			r.redirects = int(n)
		case "responseType":
			m.responseType(where, r, v.String())
		case "responseCallback":
			r.expect = m.responseCallback(where, v)
		case "throw":
			r.throw = v.ToBoolean()
		default:
			m.unknownParam(where, key)
		}
	}
}

func (m *module) unknownParam(where, key string) {
	switch key {
	case "auth", "compression", "proxy":
		m.throw("Error", where+": the parameter "+key+" is not supported yet")
	}
	text := where + ": unknown parameter " + quoted(key)
	if hint := spelling.Nearest(key, paramNames); hint != "" {
		text += ", did you mean " + quoted(hint) + "?"
	}
	m.throw("TypeError", text)
}

func (m *module) responseType(where string, r *request, kind string) {
	r.Discard, r.binary = false, false
	switch kind {
	case "text":
	case "binary":
		r.binary = true
	case "none":
		r.Discard = true
	default:
		m.throw("TypeError", where+": responseType must be text, binary or none, got "+quoted(kind))
	}
}

// timeout decodes a timeout: milliseconds, or a text such as "1m30s".
func (m *module) timeout(where string, v goja.Value) time.Duration {
	d, ok := parseTimeout(v.Export())
	if !ok {
		m.throw("TypeError", where+`: timeout must be a time above 0, such as 500 (milliseconds) or "30s", got `+quoted(v.String()))
	}
	return d
}

// maxTimeout keeps deadlines far from overflow.
const maxTimeout = 24 * time.Hour

func parseTimeout(v any) (time.Duration, bool) {
	var ms float64
	switch v := v.(type) {
	case int64:
		ms = float64(v)
	case float64:
		ms = v
	case string:
		if d, err := time.ParseDuration(v); err == nil {
			return min(d, maxTimeout), d > 0
		}
		var err error
		if ms, err = strconv.ParseFloat(v, 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	if !(ms > 0) { // NaN too
		return 0, false
	}
	d := time.Duration(min(ms, float64(maxTimeout/time.Millisecond)) * float64(time.Millisecond))
	return max(d, 1), true
}

// headers decodes the headers of a request. Those that say where the request
// ends are ours alone: a wrong one would make the server see two requests.
func (m *module) headers(where string, r *request, v goja.Value) {
	o := m.object_(where, "headers", v)
	keys := o.GetOwnPropertyNames()
	r.Headers = make([]transport.Header, 0, len(keys)+1)
	for _, key := range keys {
		name := canonical(key)
		value := strings.Trim(o.Get(key).String(), " \t")
		if !httpguts.ValidHeaderFieldName(key) {
			m.throw("TypeError", where+": header name "+quoted(key)+" holds a character that names must not have")
		}
		if !validHeaderValue(value) {
			m.throw("TypeError", where+": the value of header "+name+" holds a line break or another control character")
		}
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
}

// canonical returns the usual spelling of a header's name.
func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

func validHeaderValue(s string) bool { return httpguts.ValidHeaderFieldValue(s) }

func (m *module) object_(where, what string, v goja.Value) *goja.Object {
	o, ok := v.(*goja.Object)
	if !ok {
		m.throw("TypeError", where+": "+what+" must be an object, got "+quoted(v.String()))
	}
	return o
}

// tags decodes the tags of a request.
func (m *module) tags(where string, v goja.Value) *tagSet {
	o := m.object_(where, "tags", v)
	var store [8]metric.Tag
	tags := store[:0]
	for _, key := range o.GetOwnPropertyNames() {
		if v := o.Get(key); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
			tags = append(tags, metric.Tag{Key: key, Value: v.String()})
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
