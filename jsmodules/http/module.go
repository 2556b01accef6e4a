// Package http is the module swarm/http, known to k6 scripts as k6/http: an
// HTTP client that loads a target and measures it.
//
// # How it is built
//
// What VUs share (parsed URLs, series handles, buffers) belongs to the program
// and is read without locks. Each VU has a client of its own with its
// connections and cookies. A call is one request over one connection; following
// redirects makes several of them, and http.batch runs several at once. Calls
// know nothing of JavaScript: request decodes what the script passed, response
// shows it what came back.
//
// Package transport below carries the requests.
package http

import (
	"math/rand/v2"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
	"github.com/swarmload/swarm/sandbox"
)

// Module describes swarm/http.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm/http", "k6/http"},
		Exports: exportNames(),
		Load: func(h *sandbox.Host) (sandbox.New, error) {
			p, err := newProgram(h)
			if err != nil {
				return nil, err
			}
			return func(v *sandbox.VU) *goja.Object { return newModule(p, v).object }, nil
		},
	}
}

// module is swarm/http in one VU. Everything in it belongs to the VU's goroutine,
// except the client.
type module struct {
	v  *sandbox.VU
	rt *goja.Runtime
	*session
	rec    recorder
	expect *expectation
	object *goja.Object

	flight  flight
	errands []*Errand  // of other packages
	clients []*session // of http.Client objects that were used
	rand    *rand.Rand // see random; nil until needed
	methods methods
	jars    *goja.Object // prototype of cookie jars; nil until needed
	vuJar   *goja.Object // what http.cookieJar() returns
}

func newModule(p *program, v *sandbox.VU) *module {
	m := &module{v: v, rt: v.Runtime(), session: newSession(p, p.own, &jar{}, v.Identity().InTest), expect: defaultExpectation()}
	m.rec = recorder{p: p, rec: v.Recorder()}
	m.object = p.shape.New(v, m)
	v.Local(moduleKey{}, func() any { return m })
	v.OnClose(m.close)
	v.OnIterationEnd(m.iterationEnd)
	return m
}

// sessions calls f with each session that may have connections.
func (m *module) sessions(f func(*session)) {
	f(m.session)
	for _, s := range m.clients {
		f(s)
	}
}

func (m *module) iterationEnd() {
	m.land()
	if m.v.Phase() == sandbox.VUSetup {
		m.sessions(func(s *session) {
			s.client.Unwatch()
			s.jar.keep()
		})
		return
	}
	m.endIteration(m.session)
	kept := m.clients[:0]
	for _, s := range m.clients {
		m.endIteration(s)
		if s.passing || s.closed {
			s.client.Close()
			s.listed = false
			continue
		}
		kept = append(kept, s)
	}
	clear(m.clients[len(kept):])
	m.clients = kept
}

func (m *module) endIteration(s *session) {
	if !m.p.opt.NoCookiesReset {
		s.jar.reset()
	}
	if m.p.opt.NoVUConnectionReuse {
		s.client.Reset()
	}
}

func (m *module) close() {
	m.land()
	m.dissolve()
	m.sessions(func(s *session) { s.client.Close() })
}

// random returns the VU's source of what scripts do not see: Math.random gives
// the same whether requests need chance or not.
func (m *module) random() *rand.Rand {
	if m.rand == nil {
		m.rand = rand.New(rand.NewPCG(m.p.host.Seed^0x68747470, m.v.Identity().InTest))
	}
	return m.rand
}

func (m *module) throw(kind, text string) { m.v.Throw(kind, text) }

// export is one property of the module.
type export = sandbox.Prop[*module]

func function(name string, length int, f func(m *module, fc goja.FunctionCall) goja.Value) export {
	return export{Name: name, Make: func(m *module) goja.Value {
		return m.v.Func(name, length, func(fc goja.FunctionCall) goja.Value { return f(m, fc) })
	}}
}

// verb is the function for one method; body tells whether it takes one.
func verb(name, method string, body bool) export {
	length := 2
	if body {
		length = 3
	}
	where := "http." + name
	return function(name, length, func(m *module, fc goja.FunctionCall) goja.Value {
		return m.simple(m.session, method, where, fc, body)
	})
}

// exports lists the module's properties; `default` is the module itself, so
// both ways of importing give the same. Scripts may replace them, as some that
// instrument requests do.
var exports = append([]export{
	verb("get", "GET", false),
	verb("head", "HEAD", false),
	verb("post", "POST", true),
	verb("put", "PUT", true),
	verb("patch", "PATCH", true),
	verb("del", "DELETE", true),
	verb("delete", "DELETE", true),
	verb("options", "OPTIONS", true),
	function("request", 4, func(m *module, fc goja.FunctionCall) goja.Value { return m.request(m.session, "http.request", fc) }),
	function("asyncRequest", 4, func(m *module, fc goja.FunctionCall) goja.Value {
		return m.asyncRequest(m.session, "http.asyncRequest", fc)
	}),
	function("batch", 1, func(m *module, fc goja.FunctionCall) goja.Value { return m.batch(m.session, "http.batch", fc) }),
	function("file", 3, (*module).fileFunc),
	function("payload", 2, (*module).payloadFunc),
	function("url", 1, (*module).urlTemplate),
	function("setResponseCallback", 1, (*module).setResponseCallback),
	function("expectedStatuses", 1, (*module).expectedStatuses),
	function("cookieJar", 0, (*module).cookieJar),
	{Name: "CookieJar", Make: (*module).cookieJarClass},
	{Name: "Client", Make: (*module).clientClass},
	{Name: "default", Make: func(m *module) goja.Value { return m.object }},
}, constants()...)

// constants lists TLS_1_3, OCSP_STATUS_GOOD and their like.
func constants() []export {
	var list []export
	for _, c := range tlsconfig.Constants() {
		list = append(list, export{Name: c.Name, Make: func(m *module) goja.Value { return m.rt.ToValue(c.Value) }})
	}
	return list
}

func exportNames() []string {
	names := make([]string, len(exports))
	for i := range exports {
		names[i] = exports[i].Name
	}
	return names
}
