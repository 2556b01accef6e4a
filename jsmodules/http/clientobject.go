package http

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/sandbox"
)

// clientObject is an http.Client as scripts see it. What it was made with is
// shared by all VUs that made one alike; its session comes with its first use.
type clientObject struct {
	m       *module
	kind    *clientKind
	passing bool // made in an iteration
	s       *session
	jar     *goja.Object // what cookieJar() returns
}

// clientKind is what new http.Client was given. Immutable.
type clientKind struct {
	*habits
	sharedCookies bool // with the module's functions
}

// clientShape describes client objects, which have no properties but those that
// scripts give them.
var clientShape = sandbox.NewShape[*clientObject]()

// clientMethods describes what they can do.
var clientMethods = sandbox.NewShape(
	clientMethod("get", 2, simpleMethod("GET", "client.get", false)),
	clientMethod("head", 2, simpleMethod("HEAD", "client.head", false)),
	clientMethod("post", 3, simpleMethod("POST", "client.post", true)),
	clientMethod("put", 3, simpleMethod("PUT", "client.put", true)),
	clientMethod("patch", 3, simpleMethod("PATCH", "client.patch", true)),
	clientMethod("del", 3, simpleMethod("DELETE", "client.del", true)),
	clientMethod("delete", 3, simpleMethod("DELETE", "client.delete", true)),
	clientMethod("options", 3, simpleMethod("OPTIONS", "client.options", true)),
	clientMethod("request", 4, func(m *module, c *clientObject, fc goja.FunctionCall) goja.Value {
		return m.request(c.session(), "client.request", fc)
	}),
	clientMethod("asyncRequest", 4, func(m *module, c *clientObject, fc goja.FunctionCall) goja.Value {
		return m.asyncRequest(c.session(), "client.asyncRequest", fc)
	}),
	clientMethod("batch", 1, func(m *module, c *clientObject, fc goja.FunctionCall) goja.Value {
		return m.batch(c.session(), "client.batch", fc)
	}),
	clientMethod("url", 1, func(m *module, _ *clientObject, fc goja.FunctionCall) goja.Value { return m.urlTemplate(fc) }),
	clientMethod("cookieJar", 0, func(m *module, c *clientObject, _ goja.FunctionCall) goja.Value { return c.cookieJar() }),
	clientMethod("close", 0, func(_ *module, c *clientObject, _ goja.FunctionCall) goja.Value { return c.close() }),
)

func clientMethod(name string, length int, f func(*module, *clientObject, goja.FunctionCall) goja.Value) export {
	return export{Name: name, Make: func(m *module) goja.Value {
		return m.v.Func(name, length, func(fc goja.FunctionCall) goja.Value {
			c, ok := sandbox.StateOf[*clientObject](fc.This)
			if !ok {
				m.throw("TypeError", "client."+name+" was called on something that is not an http.Client")
			}
			return f(m, c, fc)
		})
	}}
}

func simpleMethod(method, where string, body bool) func(*module, *clientObject, goja.FunctionCall) goja.Value {
	return func(m *module, c *clientObject, fc goja.FunctionCall) goja.Value {
		return m.simple(c.session(), method, where, fc, body)
	}
}

// clientClass makes http.Client.
func (m *module) clientClass() goja.Value {
	return sandbox.NewClass(m.v, "Client", 1, clientMethods, m, func(cc goja.ConstructorCall) *goja.Object {
		c := &clientObject{m: m, kind: m.clientKind(cc.Argument(0)), passing: m.v.Phase() == sandbox.Running}
		return clientShape.New(m.v, c)
	}).Constructor
}

// session returns what the client works with, made when it is used first. A
// client that was made in an iteration gives its connections up with it, or a
// script that makes one in each would pile them up.
func (c *clientObject) session() *session {
	m := c.m
	if c.s == nil {
		cookies := m.jar
		if !c.kind.sharedCookies {
			cookies = &jar{}
		}
		c.s = newSession(m.p, c.kind.habits, cookies, m.v.Identity().InTest)
		c.s.passing = c.passing
	}
	if !c.s.listed && !c.s.closed {
		c.s.listed = true
		m.clients = append(m.clients, c.s)
	}
	return c.s
}

func (c *clientObject) cookieJar() goja.Value {
	if c.jar == nil {
		s := c.session()
		c.jar = c.m.newJar(s, s.jar)
	}
	return c.jar
}

// close implements client.close(): nothing can be asked of it any more.
func (c *clientObject) close() goja.Value {
	s := c.session()
	s.closed = true
	s.client.Reset()
	return goja.Undefined()
}

// clientOptions are the keys that new http.Client takes, and what they are
// called among the options of a test; "" where they are none.
var clientOptions = map[string]string{
	"baseURL": "baseURL", "userAgent": "userAgent", "httpVersion": "httpVersion", "proxy": "proxy",
	"maxRedirects": "maxRedirects", "noConnectionReuse": "noConnectionReuse", "connectionLifetime": "connectionLifetime",
	"throw": "throw", "discardResponseBodies": "discardResponseBodies", "insecureSkipTLSVerify": "insecureSkipTLSVerify",
	"tls": "", "headers": "", "tags": "", "timeout": "", "responseType": "", "cookies": "", "auth": "",
}

// clientTLS are the keys of the option tls.
var clientTLS = map[string]string{
	"minVersion": "tlsVersion", "maxVersion": "tlsVersion", "cipherSuites": "tlsCipherSuites", "caCerts": "tlsCACerts",
	"auth": "tlsAuth", "sessionResumption": "tlsSessionResumption",
}

const newClient = "http.Client"

// clientKind returns what the script passed to new http.Client, made ready. All
// VUs run the same code, so what the first of them made serves the others.
func (m *module) clientKind(v goja.Value) *clientKind {
	var options *goja.Object
	if goja.IsUndefined(v) || goja.IsNull(v) {
		options = m.rt.NewObject()
	} else {
		options = m.dictionary(newClient, "options", v)
	}
	for _, key := range options.Keys() {
		if _, known := clientOptions[key]; !known {
			m.unknownOption("", key, clientOptions)
		}
		if _, function := goja.AssertFunction(options.Get(key)); function {
			m.wrong(newClient, key, "plain data", options.Get(key))
		}
	}
	text, err := options.MarshalJSON()
	if err != nil {
		m.rethrow(err)
	}
	if kind, ok := m.p.clients.Lookup(stringOf(text)); ok {
		return kind
	}
	return m.p.clients.Put(string(text), m.newClientKind(options))
}

// rethrow throws what came out of the script's own code.
func (m *module) rethrow(err error) {
	var thrown *goja.Exception
	if errors.As(err, &thrown) {
		panic(thrown.Value())
	}
	panic(err)
}

func (m *module) unknownOption(within, key string, known map[string]string) {
	text := newClient + ": unknown option " + quoted(within+key)
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	if hint := spelling.Nearest(key, names); hint != "" {
		text += ", did you mean " + quoted(within+hint) + "?"
	}
	m.throw("TypeError", text)
}

func (m *module) newClientKind(options *goja.Object) *clientKind {
	given := map[string]json.RawMessage{} // among the options of a test
	own := map[string]goja.Value{}        // that are none
	for _, key := range options.Keys() {
		v := options.Get(key)
		if v == nil || goja.IsUndefined(v) || goja.IsNull(v) && key != "proxy" {
			continue
		}
		if name := clientOptions[key]; name != "" {
			given[name] = m.jsonOf(v)
			continue
		}
		own[key] = v
	}
	if v, ok := own["tls"]; ok {
		m.tlsOptions(v, given)
	}
	opt := m.overlaid(given)
	h, err := m.p.newHabits(&opt)
	if err != nil {
		m.throw("TypeError", newClient+": "+asClientOption(err.Error()))
	}
	base := &h.base
	kind := &clientKind{habits: h}
	for key, v := range own {
		switch key {
		case "headers":
			m.headers(newClient, base, v)
			base.Headers = slices.Clip(base.Headers)
		case "tags":
			base.tags = m.tags(newClient, v)
		case "timeout":
			base.timeout = m.timeout(newClient, v)
		case "auth":
			base.auth = m.scheme(newClient, v)
		case "cookies":
			const wanted = `"own" or "shared"`
			switch m.text(newClient, key, wanted, v) {
			case "own":
			case "shared":
				kind.sharedCookies = true
			default:
				m.wrong(newClient, key, wanted, v)
			}
		}
	}
	if v, ok := own["responseType"]; ok { // goes before discardResponseBodies
		m.responseType(newClient, base, v)
	}
	return kind
}

func (m *module) jsonOf(v goja.Value) json.RawMessage {
	if goja.IsNull(v) {
		return json.RawMessage("null")
	}
	text, err := m.rt.NewArray(v).MarshalJSON() // goja marshals objects only
	if err != nil {
		m.rethrow(err)
	}
	return text[1 : len(text)-1]
}

// tlsOptions adds the option tls to those of a test.
func (m *module) tlsOptions(v goja.Value, given map[string]json.RawMessage) {
	o := m.dictionary(newClient, "tls", v)
	versions := map[string]json.RawMessage{}
	for _, key := range o.Keys() {
		name, known := clientTLS[key]
		if !known {
			m.unknownOption("tls.", key, clientTLS)
		}
		v := o.Get(key)
		switch {
		case v == nil || goja.IsUndefined(v) || goja.IsNull(v):
		case name == "tlsVersion":
			versions[key[:3]] = m.jsonOf(v)
		default:
			given[name] = m.jsonOf(v)
		}
	}
	if len(versions) > 0 {
		given["tlsVersion"], _ = json.Marshal(versions) // plain text: no error
	}
}

// overlaid returns the options of the test with those given instead of its own.
// They are read by what reads a test's.
func (m *module) overlaid(given map[string]json.RawMessage) plan.HTTP {
	opt := m.p.opt
	if string(given["proxy"]) == "null" {
		given["proxy"] = json.RawMessage(`""`)
	}
	text, err := json.Marshal(given)
	if err != nil {
		m.throw("TypeError", newClient+": the options cannot be read")
	}
	parsed, err := plan.Parse(text, plan.Overrides{}, plan.Source{Exports: []string{"default"}})
	var problems plan.Problems
	switch {
	case errors.As(err, &problems):
		lines := make([]string, len(problems))
		for i, p := range problems {
			lines[i] = asClientOption(p.String())
		}
		m.throw("TypeError", newClient+": "+strings.Join(lines, "; "))
	case err != nil:
		m.throw("TypeError", newClient+": "+err.Error())
	}
	own := &parsed.HTTP
	for name := range given {
		switch name {
		case "baseURL":
			opt.BaseURL = own.BaseURL
		case "userAgent":
			opt.UserAgent = own.UserAgent
		case "httpVersion":
			opt.Version = own.Version
		case "proxy":
			opt.Proxy, opt.Proxies = own.Proxy, own.Proxies
		case "maxRedirects":
			opt.MaxRedirects = own.MaxRedirects
		case "noConnectionReuse":
			opt.NoConnectionReuse = own.NoConnectionReuse
		case "connectionLifetime":
			opt.ConnectionLifetime = own.ConnectionLifetime
		case "throw":
			opt.Throw = own.Throw
		case "discardResponseBodies":
			opt.DiscardResponseBodies = own.DiscardResponseBodies
		case "insecureSkipTLSVerify":
			opt.InsecureSkipTLSVerify = own.InsecureSkipTLSVerify
		case "tlsVersion":
			opt.TLS.MinVersion, opt.TLS.MaxVersion = own.TLS.MinVersion, own.TLS.MaxVersion
		case "tlsCipherSuites":
			opt.TLS.CipherSuites = own.TLS.CipherSuites
		case "tlsCACerts":
			opt.TLS.CACerts = own.TLS.CACerts
		case "tlsAuth":
			opt.TLS.Auth = own.TLS.Auth
		case "tlsSessionResumption":
			opt.TLS.Resumption = own.TLS.Resumption
		}
	}
	return opt
}

// asClientOption says of a message about the options of a test what it means
// for those of a client.
func asClientOption(message string) string {
	for _, pair := range [][2]string{
		{"tlsVersion.min", "tls.minVersion"}, {"tlsVersion.max", "tls.maxVersion"}, {"tlsVersion", "tls"},
		{"tlsCipherSuites", "tls.cipherSuites"}, {"tlsCACerts", "tls.caCerts"}, {"tlsAuth", "tls.auth"},
		{"tlsSessionResumption", "tls.sessionResumption"},
	} {
		if rest, ok := strings.CutPrefix(message, pair[0]); ok {
			return pair[1] + rest
		}
	}
	return message
}
