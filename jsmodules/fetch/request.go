package fetch

import (
	"slices"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
)

// request is a Request object's state.
type request struct {
	a         *api
	method    string
	url, name string // name is what http.url calls it; "" for none
	headers   *headers
	body      *body
	redirect  string // "follow", "error" or "manual"
	signal    *signal
	tags      goja.Value    // nil for none
	timeout   time.Duration // 0 for the usual

	// What changes nothing here, as it was given.
	credentials, mode, cache string
	keepalive                bool
}

var requestShape = sandbox.NewShape(
	field("method", func(r *request) any { return r.method }),
	field("url", func(r *request) any { return r.url }),
	sandbox.Prop[*request]{Name: "headers", Make: func(r *request) goja.Value { return r.headers.show(r.a) }},
	sandbox.Prop[*request]{Name: "body", Make: func(*request) goja.Value { return goja.Null() }},
	sandbox.Prop[*request]{Name: "bodyUsed", Live: true, Make: func(r *request) goja.Value { return r.a.v.Bool(r.body.isUsed()) }},
	field("redirect", func(r *request) any { return r.redirect }),
	sandbox.Prop[*request]{Name: "signal", Make: func(r *request) goja.Value {
		if r.signal == nil {
			r.signal = &signal{a: r.a}
		}
		return r.signal.show()
	}},
	field("credentials", func(r *request) any { return r.credentials }),
	field("mode", func(r *request) any { return r.mode }),
	field("cache", func(r *request) any { return r.cache }),
	field("keepalive", func(r *request) any { return r.keepalive }),
)

// runtimed is the state of an object, which knows its VU.
type runtimed interface{ runtime() *goja.Runtime }

func (r *request) runtime() *goja.Runtime  { return r.a.rt }
func (r *response) runtime() *goja.Runtime { return r.a.rt }

// field describes a property with a plain value.
func field[T runtimed](name string, get func(T) any) sandbox.Prop[T] {
	return sandbox.Prop[T]{Name: name, Make: func(state T) goja.Value { return state.runtime().ToValue(get(state)) }}
}

func requestMethods() *sandbox.Shape[*api] {
	return sandbox.NewShape(append(
		bodyMethods("Request", func(r *request) (*body, *headers) { return r.body, r.headers }),
		method("Request", "clone", 0, func(a *api, r *request, _ goja.FunctionCall) goja.Value {
			c := *r
			c.body = r.body.clone("Request.clone", a)
			c.headers = &headers{list: slices.Clone(r.headers.list)}
			return a.requestClass().Adopt(requestShape.New(a.v, &c))
		}),
	)...)
}

func (a *api) requestClass() *sandbox.Class {
	if a.requests == nil {
		a.requests = sandbox.NewClass(a.v, "Request", 1, a.methods.request, a, func(cc goja.ConstructorCall) *goja.Object {
			return requestShape.New(a.v, a.newRequest("Request", cc.Argument(0), cc.Argument(1)))
		})
	}
	return a.requests
}

// initKeys are the keys of what Request and fetch take as their second argument.
// tags and timeout are ours; what has no effect here is known all the same.
var initKeys = []string{
	"method", "headers", "body", "redirect", "signal", "tags", "timeout",
	"cache", "credentials", "duplex", "integrity", "keepalive", "mode", "priority", "referrer", "referrerPolicy", "window",
}

// newRequest decodes the arguments of Request and of fetch.
func (a *api) newRequest(where string, input, init goja.Value) *request {
	r := &request{
		a: a, method: "GET", headers: &headers{}, redirect: "follow",
		credentials: "same-origin", mode: "cors", cache: "default",
	}
	from, copied := sandbox.StateOf[*request](input)
	if copied {
		*r = *from
		r.headers = &headers{list: slices.Clone(from.headers.list)}
	} else {
		r.url, r.name = http.Of(a.v).URL(where, input)
	}
	replaced := false
	if !missing(init) {
		replaced = a.requestInit(where, r, a.object(where, "the second argument", init))
	}
	if r.body != nil && (r.method == "GET" || r.method == "HEAD") {
		a.throw("TypeError", where+": a request with the method "+r.method+" cannot have a body")
	}
	if copied && !replaced && r.body != nil {
		// The body goes over to the new request.
		r.body = from.body.clone(where, a)
		from.body.used = true
	}
	return r
}

// requestInit decodes the second argument; replaced reports whether it holds a
// body.
func (a *api) requestInit(where string, r *request, init *goja.Object) (replaced bool) {
	get := func(key string) goja.Value {
		if v := init.Get(key); v != nil && !goja.IsUndefined(v) {
			return v
		}
		return nil
	}
	for _, key := range init.Keys() {
		if !slices.Contains(initKeys, key) {
			text := where + ": unknown key " + quoted(key)
			if hint := spelling.Nearest(key, initKeys); hint != "" {
				text += ", did you mean " + quoted(hint) + "?"
			}
			a.throw("TypeError", text)
		}
	}
	if v := get("method"); v != nil {
		r.method = a.verb(where, v)
	}
	if v := get("headers"); v != nil {
		r.headers = &headers{}
		r.headers.fill(a, where, v)
	}
	if v := get("body"); v != nil {
		var contentType string
		r.body, contentType = a.newBody(where, v)
		if _, has := r.headers.get("content-type"); contentType != "" && !has {
			r.headers.set("content-type", contentType)
		}
		replaced = true
	}
	if v := get("redirect"); v != nil {
		r.redirect = a.choice(where, "redirect", v, "follow", "error", "manual")
	}
	if v := get("signal"); v != nil {
		r.signal = nil
		if !goja.IsNull(v) {
			s, ok := sandbox.StateOf[*signal](v)
			if !ok {
				a.wrong(where, "signal", "an AbortSignal", v)
			}
			r.signal = s
		}
	}
	if v := get("credentials"); v != nil {
		r.credentials = a.choice(where, "credentials", v, "omit", "same-origin", "include")
	}
	if v := get("mode"); v != nil {
		r.mode = a.choice(where, "mode", v, "cors", "no-cors", "same-origin", "navigate")
	}
	if v := get("cache"); v != nil {
		r.cache = a.text(where, "cache", v)
	}
	if v := get("keepalive"); v != nil {
		r.keepalive = v.ToBoolean()
	}
	if v := get("tags"); !missing(v) {
		r.tags = a.object(where, "tags", v)
	}
	if v := get("timeout"); !missing(v) {
		r.timeout = http.Of(a.v).Timeout(where, v)
	}
	return replaced
}

// verb decodes a method.
func (a *api) verb(where string, v goja.Value) string {
	method := strings.ToUpper(a.text(where, "method", v))
	if ok, _ := http.ValidHeader(method, ""); !ok || method == "CONNECT" || method == "TRACE" || method == "TRACK" {
		a.throw("TypeError", where+": the method "+quoted(method)+" cannot be used")
	}
	return method
}
