package http

import (
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
	"golang.org/x/net/http/httpguts"
)

// request is what a script asked for: a call and what to do with its outcome.
type request struct {
	transport.Call
	s         *session
	tags      *tagSet
	expect    *expectation
	redirects int
	jar       *jar
	cookies   []requestCookie
	ownCookie string // value of a Cookie header the script set itself
	timeout   time.Duration
	binary    bool
	throw     bool
	quiet     bool                 // nobody is told of a redirect too many
	streams   func(*response) bool // of a call with Stream: whether this response is to be read as it arrives
	auth      scheme
	login     *login             // nil: no rounds are needed for auth
	coding    []string           // what the body is compressed with, innermost first
	lent      bool               // the body is memory of the script's, which must wait for the end
	fail      *transport.Failure // the URL is not valid: there is nothing to send
}

// simple implements http.get, http.post and their kind.
func (m *module) simple(s *session, method, where string, fc goja.FunctionCall, body bool) goja.Value {
	m.online(s, where)
	rest := fc.Arguments
	var u, b, params goja.Value
	if len(rest) > 0 {
		u, rest = rest[0], rest[1:]
	}
	if body && len(rest) > 0 {
		b, rest = rest[0], rest[1:]
	}
	if len(rest) > 0 {
		params = rest[0]
	}
	return m.perform(s, where, method, u, b, params)
}

// request implements http.request(method, url, body, params).
func (m *module) request(s *session, where string, fc goja.FunctionCall) goja.Value {
	m.online(s, where)
	method := m.verb(where, fc.Argument(0))
	return m.perform(s, where, method, fc.Argument(1), fc.Argument(2), fc.Argument(3))
}

// online refuses to work where the script's life has no network.
func (m *module) online(s *session, where string) {
	if s.closed {
		m.throw("Error", where+": the client was closed")
	}
	switch m.v.Phase() {
	case sandbox.Init:
		m.throw("Error", where+": requests are not possible in the init context; move it into the default function or setup()")
	case sandbox.Summary:
		m.throw("Error", where+": requests are not possible in handleSummary")
	case sandbox.VUSetup:
		s.jar.record()
	}
}

// perform makes one request and returns the response.
func (m *module) perform(s *session, where, method string, u, body, params goja.Value) goja.Value {
	// Lent, not the VU's own: a getter or toString that decode runs may make
	// another, and a VU that sleeps needs none.
	r := m.p.requests.Get().(*request)
	defer func() {
		*r = request{}
		m.p.requests.Put(r)
	}()
	m.decode(s, where, r, method, u, body, params)
	return m.send(s, r)
}

// send carries out a request and returns the response.
func (m *module) send(s *session, r *request) goja.Value {
	ctx := m.context()
	s.client.Watch(ctx)
	now := m.p.net.Clock()
	r.Queued, r.Start = now, now
	res := &response{m: m, s: s}
	m.rec.delay, m.rec.scheduled = m.v.Delay()
	s.exchange(ctx, r, m.v.Scope(), &m.rec, res)
	if ctx.Err() != nil {
		m.v.StopIfDone()
	}
	return m.finish(r, res)
}

// finish hands a response to the script, or throws.
func (m *module) finish(r *request, res *response) goja.Value {
	if res.Fail != nil {
		m.warn(r, res, m.v.Where)
		if text := fatal(r, res); text != "" {
			m.throw("HTTPError", text)
		}
	}
	return m.wrap(res, r.binary)
}

// warn tells once that a request failed, and where.
func (m *module) warn(r *request, res *response, at func() vu.Frame) {
	if f := res.Fail; f != nil && f != transport.FailInterrupted {
		hint := f.Hint()
		if f == failLimit {
			hint = "the AbortSignal.timeout() of the request gave it no more time"
		}
		m.p.warnAt(m.v, at, warning(r, f), hint)
	}
}

// fatal returns what is thrown because of a failure, "" for nothing.
func fatal(r *request, res *response) string {
	if f := res.Fail; f != nil && f != transport.FailInterrupted && r.throw && res.Status == 0 {
		return r.Method + " " + res.url + ": " + f.Text
	}
	return ""
}

// warning is a line about a failure that is the same for all requests to one
// host that fail alike.
func warning(r *request, f *transport.Failure) string {
	if r.Target == nil {
		return "request failed: " + f.Text
	}
	if f.Code == transport.CodeSurplus { // which spoils no response
		return r.Target.Origin + " sent bytes after a response; its connection was not used again"
	}
	return "request to " + r.Target.Origin + " failed: " + f.Text
}

func (m *module) verb(where string, v goja.Value) string {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		m.throw("TypeError", where+": the method is missing")
	}
	method := strings.ToUpper(v.String())
	if !httpguts.ValidHeaderFieldName(method) || method == "CONNECT" {
		m.throw("TypeError", where+": the method "+quoted(method)+" cannot be used")
	}
	return method
}

// decode fills r from what the script passed. It runs script code (getters,
// toString), and so must come before anything is started.
func (m *module) decode(s *session, where string, r *request, method string, u, body, params goja.Value) {
	m.fresh(s, r)
	r.Method = method
	raw, name := m.url(where, u)
	if params != nil && !goja.IsUndefined(params) && !goja.IsNull(params) {
		m.params(where, r, params)
		m.inherit(r)
	}
	if body != nil && !goja.IsUndefined(body) && !goja.IsNull(body) {
		m.body(where, r, body)
		m.compress(where, r)
	}
	m.aim(r, raw, name)
	m.login(where, r)
}

// aim makes r a request to a URL that is called name, "" for the URL itself.
func (m *module) aim(r *request, raw, name string) {
	if name != "" && (r.tags == nil || r.tags.name == "") {
		tags := []metric.Tag{{Key: "name", Value: name}}
		if r.tags != nil {
			tags = append(tags, r.tags.tags...)
		}
		r.tags = m.p.intern(tags)
	}
	s := r.s
	if raw == s.lastURL && s.last != nil {
		r.Target = s.last
	} else if t, err := s.set.Target(raw); err != nil {
		r.fail, r.Invalid = &transport.Failure{Code: transport.CodeURL, Text: err.Error()}, transport.MaskUserinfo(transport.Clip(raw))
	} else {
		r.Target = t
		s.lastURL, s.last = raw, t
	}
	r.Slack = min(transport.DeadlineSlack, r.timeout/8)
}

// url decodes a URL argument: a string, the result of http.url, or anything
// with a toString of its own, such as a URL object.
func (m *module) url(where string, v goja.Value) (raw, name string) {
	if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
		m.throw("TypeError", where+": the URL is missing")
	}
	if t, ok := hosted[*urlTemplate](v); ok {
		return t.url, t.name
	}
	if isSymbol(v) {
		m.wrong(where, "the URL", "a string", v)
	}
	return v.String(), ""
}
