package http

import (
	"bytes"
	"io"
	nethttp "net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/html"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// response is what a script gets for a request. It is the handler of a dynamic
// object: properties are made when they are read, and what the script writes
// lies over them. A response nobody looks at costs four allocations.
type response struct {
	m *module
	s *session // that sent it
	transport.Reply
	code int // error_code

	url    string // of the last request, after redirects
	moved  bool   // there were redirects
	binary bool
	lent   bool // sentBody is memory of the script's
	valid  bool // the body is known to be JSON

	// The first request, as the script asked for it.
	method, sentURL, host string
	sentHeaders           []transport.Header
	sentBody, sentCookie  string
	sentSource            transport.Source

	bodyValue goja.Value     // body, made
	tree      goja.Value     // json(), parsed
	document  *html.Document // html(), parsed
	own       map[string]goja.Value
}

// responseKeys are the properties of a response, in the order they are listed.
var responseKeys = []string{
	"remote_ip", "remote_port", "url", "status", "status_text", "proto", "headers", "cookies", "body",
	"timings", "tls_version", "tls_cipher_suite", "ocsp", "error", "error_code", "request",
}

// wrap makes the object for res.
func (m *module) wrap(res *response, binary bool) *goja.Object {
	res.binary = binary
	return m.rt.NewDynamicObject(res)
}

// methods are the functions of responses, made once per VU.
type methods struct{ json, html, submitForm, clickLink goja.Value }

// method returns the method of that name, or nil.
func (m *module) method(name string) goja.Value {
	var f *goja.Value
	var call func(*response, goja.FunctionCall) goja.Value
	switch name {
	case "json":
		f, call = &m.methods.json, (*response).json
	case "html":
		f, call = &m.methods.html, (*response).html
	case "submitForm":
		f, call = &m.methods.submitForm, (*response).submitForm
	case "clickLink":
		f, call = &m.methods.clickLink, (*response).clickLink
	default:
		return nil
	}
	if *f == nil {
		*f = m.v.Func(name, 1, func(fc goja.FunctionCall) goja.Value {
			if res, ok := hosted[*response](fc.This); ok {
				return call(res, fc)
			}
			m.throw("TypeError", "response."+name+" was called on something that is not a response")
			return nil
		})
	}
	return *f
}

// Get implements goja.DynamicObject.
func (r *response) Get(key string) goja.Value {
	if r.own != nil {
		if v, ok := r.own[key]; ok {
			return v
		}
	}
	rt := r.m.rt
	switch key {
	case "status":
		return rt.ToValue(r.Status)
	case "body":
		return r.bodyJS()
	case "url":
		return rt.ToValue(r.url)
	case "error":
		if r.Fail != nil {
			return rt.ToValue(r.Fail.Text)
		}
		return rt.ToValue("")
	case "error_code":
		return rt.ToValue(r.code)
	case "proto":
		return rt.ToValue(r.Proto)
	case "status_text":
		return rt.ToValue(r.statusText())
	case "timings":
		return r.remember(key, rt.NewDynamicObject(&timingsObject{m: r.m, t: &r.Timings}))
	case "headers":
		return r.remember(key, r.headersJS())
	case "cookies":
		return r.remember(key, r.cookiesJS())
	case "request":
		return r.remember(key, r.requestJS())
	case "remote_ip", "remote_port", "tls_version", "tls_cipher_suite":
		return r.peerJS(key)
	case "ocsp":
		return r.remember(key, r.ocspJS())
	}
	return r.m.method(key)
}

func (r *response) remember(key string, v goja.Value) goja.Value {
	if r.own == nil {
		r.own = map[string]goja.Value{}
	}
	r.own[key] = v
	return v
}

// Set implements goja.DynamicObject.
func (r *response) Set(key string, v goja.Value) bool {
	r.remember(key, v)
	return true
}

// Has implements goja.DynamicObject.
func (r *response) Has(key string) bool {
	_, ok := r.own[key]
	return ok || slices.Contains(responseKeys, key)
}

// Delete implements goja.DynamicObject. What every response has cannot go away.
func (r *response) Delete(key string) bool {
	if slices.Contains(responseKeys, key) {
		return false
	}
	delete(r.own, key)
	return true
}

// Keys implements goja.DynamicObject.
func (r *response) Keys() []string {
	keys := slices.Clone(responseKeys)
	var added []string
	for key := range r.own {
		if !slices.Contains(responseKeys, key) {
			added = append(added, key)
		}
	}
	slices.Sort(added)
	return append(keys, added...)
}

// bodyJS returns the body: text, an ArrayBuffer, or null when there is none to show.
func (r *response) bodyJS() goja.Value {
	if r.bodyValue == nil {
		switch {
		case r.Status == 0, r.Dropped:
			r.bodyValue = goja.Null()
		case r.binary:
			// A copy, for what scripts write into must not change json().
			r.bodyValue = r.m.rt.ToValue(r.m.rt.NewArrayBuffer(bytes.Clone(r.Body)))
		default:
			r.bodyValue = r.m.rt.ToValue(stringOf(r.Body))
		}
	}
	return r.bodyValue
}

func (r *response) peerJS(key string) goja.Value {
	p := r.Peer
	if p == nil {
		p = &transport.Peer{}
	}
	rt := r.m.rt
	switch key {
	case "remote_ip":
		return rt.ToValue(p.IP)
	case "remote_port":
		return rt.ToValue(p.Port)
	case "tls_version":
		return rt.ToValue(p.TLSVersion)
	}
	return rt.ToValue(p.TLSCipher)
}

// ocspJS returns what the server stapled to the handshake about its certificate.
func (r *response) ocspJS() goja.Value {
	var staple tlsconfig.OCSP
	switch p := r.Peer; {
	case p == nil || p.TLSVersion == "":
	case p.OCSP != nil:
		staple = *p.OCSP
	default:
		staple.Status = "unknown" // nothing was stapled
	}
	rt := r.m.rt
	o := rt.NewObject()
	r.m.define(o, "produced_at", rt.ToValue(staple.ProducedAt))
	r.m.define(o, "this_update", rt.ToValue(staple.ThisUpdate))
	r.m.define(o, "next_update", rt.ToValue(staple.NextUpdate))
	r.m.define(o, "revocation_reason", rt.ToValue(staple.RevocationReason))
	r.m.define(o, "revoked_at", rt.ToValue(staple.RevokedAt))
	r.m.define(o, "status", rt.ToValue(staple.Status))
	return o
}

// statusText returns the status line after the protocol, such as "200 OK".
func (r *response) statusText() string {
	if r.Status == 0 {
		return ""
	}
	line, _, _ := bytes.Cut(r.Raw[:r.HeadLen], []byte("\n"))
	_, rest, _ := bytes.Cut(line, []byte(" "))
	text := strings.TrimSpace(string(rest))
	if phrase := nethttp.StatusText(r.Status); len(text) == 3 && phrase != "" {
		text += " " + phrase // HTTP/2 and HTTP/3 have none on the wire
	}
	return text
}

// lines calls f with each header of the response. Names have been brought to
// their canonical form when they were parsed.
func (r *response) lines(f func(name, value string)) {
	first := true
	for line := range bytes.Lines(r.Raw[:r.HeadLen]) {
		if first {
			first = false
			continue
		}
		name, value, ok := strings.Cut(stringOf(line), ":")
		if ok {
			f(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
}

// headersJS returns the headers; of several with one name, the values joined.
func (r *response) headersJS() goja.Value {
	o := r.m.rt.NewObject()
	if r.Status == 0 {
		return o
	}
	var names []string
	values := map[string]string{}
	r.lines(func(name, value string) {
		if old, ok := values[name]; ok {
			values[name] = old + ", " + value
			return
		}
		names = append(names, name)
		values[name] = value
	})
	for _, name := range names {
		r.m.define(o, name, r.m.rt.ToValue(values[name]))
	}
	return o
}

// define adds a plain property, also when it is called __proto__.
func (m *module) define(o *goja.Object, name string, v goja.Value) {
	_ = o.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE) // o is ours and extensible
}

// cookiesJS returns the cookies that the response set, by name.
func (r *response) cookiesJS() goja.Value {
	rt := r.m.rt
	o := rt.NewObject()
	for _, line := range r.SetCookie {
		ck, err := nethttp.ParseSetCookie(line)
		if err != nil {
			continue
		}
		c := rt.NewObject()
		r.m.define(c, "name", rt.ToValue(ck.Name))
		r.m.define(c, "value", rt.ToValue(ck.Value))
		r.m.define(c, "domain", rt.ToValue(ck.Domain))
		r.m.define(c, "path", rt.ToValue(ck.Path))
		expires := int64(0)
		if !ck.Expires.IsZero() {
			expires = ck.Expires.UnixMilli()
		}
		r.m.define(c, "expires", rt.ToValue(expires))
		r.m.define(c, "max_age", rt.ToValue(ck.MaxAge))
		r.m.define(c, "secure", rt.ToValue(ck.Secure))
		r.m.define(c, "http_only", rt.ToValue(ck.HttpOnly))
		r.m.appendTo(o, ck.Name, c)
	}
	return o
}

// requestJS returns what was sent first: redirects are not what was asked for.
func (r *response) requestJS() goja.Value {
	m, rt := r.m, r.m.rt
	o := rt.NewObject()
	m.define(o, "method", rt.ToValue(r.method))
	m.define(o, "url", rt.ToValue(r.sentURL))
	headers, cookies := rt.NewObject(), rt.NewObject()
	agent := false
	for _, h := range r.sentHeaders {
		agent = agent || h.Name == "User-Agent"
		m.appendTo(headers, h.Name, rt.ToValue(h.Value))
	}
	if r.host != "" {
		m.appendTo(headers, "Host", rt.ToValue(r.host))
	}
	if !agent && r.s.userAgent != "" {
		m.appendTo(headers, "User-Agent", rt.ToValue(r.s.userAgent))
	}
	if size := r.sentSize(); size > 0 {
		m.appendTo(headers, "Content-Length", rt.ToValue(strconv.FormatInt(size, 10)))
	}
	if r.sentCookie != "" {
		m.appendTo(headers, "Cookie", rt.ToValue(r.sentCookie))
		sent, _ := nethttp.ParseCookie(r.sentCookie)
		for _, ck := range sent {
			c := rt.NewObject()
			m.define(c, "name", rt.ToValue(ck.Name))
			m.define(c, "value", rt.ToValue(ck.Value))
			m.define(c, "replace", rt.ToValue(false))
			m.appendTo(cookies, ck.Name, c)
		}
	}
	m.define(o, "headers", headers)
	m.define(o, "cookies", cookies)
	m.define(o, "body", r.sentJS())
	return o
}

func (r *response) sentSize() int64 {
	if r.sentSource != nil {
		return r.sentSource.Size()
	}
	return int64(len(r.sentBody))
}

// sentJS returns the body that was sent, null when it is one that is made while
// it is sent, and too large to be held.
func (r *response) sentJS() goja.Value {
	rt := r.m.rt
	switch {
	case r.sentSource == nil && r.lent:
		return rt.ToValue(strings.Clone(r.sentBody)) // as it is now: the script has had it since
	case r.sentSource == nil:
		return rt.ToValue(r.sentBody)
	case r.sentSource.Size() > maxShownBody:
		return goja.Null()
	}
	body, err := io.ReadAll(r.sentSource.Reader())
	if err != nil {
		return goja.Null()
	}
	return rt.ToValue(stringOf(body))
}

// timingsObject is response.timings, in milliseconds.
type timingsObject struct {
	m   *module
	t   *transport.Timings
	own map[string]goja.Value
}

var timingsKeys = []string{
	"duration", "blocked", "looking_up", "connecting", "tls_handshaking", "sending", "waiting", "receiving",
}

func (o *timingsObject) Get(key string) goja.Value {
	if v, ok := o.own[key]; ok {
		return v
	}
	t := o.t
	d := t.Duration()
	switch key {
	case "duration":
	case "blocked":
		d = t.Blocked
	case "looking_up":
		d = t.LookingUp
	case "connecting":
		d = t.Connecting
	case "tls_handshaking":
		d = t.TLSHandshaking
	case "sending":
		d = t.Sending
	case "waiting":
		d = t.Waiting
	case "receiving":
		d = t.Receiving
	default:
		return nil
	}
	return o.m.rt.ToValue(millis(d))
}

func (o *timingsObject) Set(key string, v goja.Value) bool {
	if o.own == nil {
		o.own = map[string]goja.Value{}
	}
	o.own[key] = v
	return true
}

func (o *timingsObject) Has(key string) bool {
	_, ok := o.own[key]
	return ok || slices.Contains(timingsKeys, key)
}

func (o *timingsObject) Delete(key string) bool {
	if slices.Contains(timingsKeys, key) {
		return false
	}
	delete(o.own, key)
	return true
}

func (o *timingsObject) Keys() []string { return timingsKeys }
