// Package fetch gives scripts the globals fetch, Headers, Request, Response,
// AbortController and AbortSignal as the WHATWG describes them
// (https://fetch.spec.whatwg.org, https://dom.spec.whatwg.org#aborting-ongoing-activities),
// as far as they mean something to a load test.
//
// # How it is built
//
// A fetch is a request of the VU's client in package http: its connections,
// cookies and options hold, and it is measured like any other. What is here is
// the face of it: objects of a [sandbox.Shape] whose state is plain Go, and
// classes whose methods are made when a script first uses them. A script that
// uses none of the globals pays nothing.
//
// # Where it differs
//
// There is no page, so nothing is done for one: no CORS, no cache, no referrer,
// no forbidden headers. A response is there when its body is; response.body is
// null. Redirects in the mode "manual" show the response. What is mistyped is an
// error, unknown keys too.
package fetch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// Globals are the globals of this package.
func Globals() []sandbox.Global {
	m := &methods{headersMethods(), requestMethods(), responseMethods(), controllerMethods(), signalMethods()}
	global := func(name string, make func(*api) goja.Value) sandbox.Global {
		return sandbox.Global{Name: name, Load: func(*sandbox.Host) (func(*sandbox.VU) goja.Value, error) {
			return func(v *sandbox.VU) goja.Value { return make(of(v, m)) }, nil
		}}
	}
	return []sandbox.Global{
		global("fetch", func(a *api) goja.Value { return a.v.Func("fetch", 1, a.fetch) }),
		global("Headers", func(a *api) goja.Value { return a.headersClass().Constructor }),
		global("Request", func(a *api) goja.Value { return a.requestClass().Constructor }),
		global("Response", func(a *api) goja.Value { return a.responseGlobal() }),
		global("AbortController", func(a *api) goja.Value { return a.controllerClass().Constructor }),
		global("AbortSignal", func(a *api) goja.Value { return a.signalGlobal() }),
	}
}

// api is the package in one VU. Everything in it belongs to the VU's goroutine.
type api struct {
	v       *sandbox.VU
	rt      *goja.Runtime
	methods *methods

	// Classes; nil until needed.
	headers, requests, responses, controllers, signals *sandbox.Class

	limits *limits // time limits of signals; nil until there is one
}

// methods are what the objects of each class can do. Shared by all VUs.
type methods struct{ headers, request, response, controller, signal *sandbox.Shape[*api] }

type apiKey struct{}

func of(v *sandbox.VU, m *methods) *api {
	return v.Local(apiKey{}, func() any { return &api{v: v, rt: v.Runtime(), methods: m} }).(*api)
}

func (a *api) throw(kind, text string) { a.v.Throw(kind, text) }

// maxRedirects is how many redirects the mode "follow" follows.
const maxRedirects = 20

// fetch implements fetch(input, init). Whatever goes wrong rejects the promise.
func (a *api) fetch(fc goja.FunctionCall) goja.Value {
	promise, resolve, reject := a.rt.NewPromise()
	var req *request
	if thrown := a.rt.Try(func() {
		req = a.newRequest("fetch", fc.Argument(0), fc.Argument(1))
		a.start(req, resolve, reject)
	}); thrown != nil {
		settle(reject, thrown.Value())
	}
	return a.rt.ToValue(promise)
}

// start sends req and settles the promise with what comes of it.
func (a *api) start(req *request, resolve, reject func(any) error) {
	if s := req.signal; s != nil && s.ended() {
		settle(reject, s.cause())
		return
	}
	session := http.Of(a.v)
	ask := &http.Ask{
		Where: "fetch", Method: req.method, URL: req.url, Name: req.name, Tags: req.tags, Timeout: req.timeout,
	}
	for _, h := range req.headers.sorted() {
		ask.Headers = append(ask.Headers, transport.Header{Name: h.name, Value: h.value})
	}
	if req.body != nil {
		ask.Body, ask.Source = req.body.take("fetch", a)
	}
	if req.redirect == "follow" {
		ask.Redirects = maxRedirects
	}
	failed := a.v.NewError("TypeError", "fetch failed") // made here, so that it tells this place
	done := func() {}
	if s := req.signal; s != nil {
		ask.Context, done = s.watch(session.Context(), func() { settle(reject, s.cause()) })
	}
	fail := func(text string, code int) {
		define(failed, "message", a.rt.ToValue("fetch: "+req.method+" "+transport.MaskUserinfo(transport.Clip(req.url))+": "+text))
		if code != 0 {
			define(failed, "code", a.rt.ToValue(code))
		}
		settle(reject, failed)
	}
	session.Start(ask, func(answer http.Answer) {
		f := answer.Fail()
		ended := ask.Context != nil && ask.Context.Err() != nil
		done()
		switch {
		case f != nil && ended:
			req.signal.ended() // its time limit may be what has passed
			settle(reject, req.signal.cause())
		case f != nil:
			fail(f.Text, f.Code)
		case answer.Redirects() && req.redirect == "follow":
			fail("redirected more than "+strconv.Itoa(maxRedirects)+" times", 0)
		case answer.Redirects() && req.redirect == "error":
			fail(`it was redirected, which the mode "error" forbids`, 0)
		default:
			settle(resolve, a.received(answer))
		}
	})
}

// settle calls a promise's resolve or reject. What they return cannot be caught
// by scripts: the end of the iteration, or of its stack.
func settle(f func(any) error, value goja.Value) {
	if err := f(value); err != nil {
		panic(err)
	}
}

// promise returns a promise of what f returns; it is rejected with what f throws.
func (a *api) promise(f func() goja.Value) goja.Value {
	promise, resolve, reject := a.rt.NewPromise()
	var value goja.Value
	if thrown := a.rt.Try(func() { value = f() }); thrown != nil {
		settle(reject, thrown.Value())
	} else {
		settle(resolve, value)
	}
	return a.rt.ToValue(promise)
}

// define gives an object of ours a property that is not listed.
func define(o *goja.Object, name string, v goja.Value) {
	_ = o.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

func missing(v goja.Value) bool { return v == nil || goja.IsUndefined(v) || goja.IsNull(v) }

// method describes a method of objects whose state is a T.
func method[T any](class, name string, length int, f func(*api, T, goja.FunctionCall) goja.Value) sandbox.Prop[*api] {
	return sandbox.Prop[*api]{Name: name, Make: func(a *api) goja.Value {
		return a.v.Func(name, length, func(fc goja.FunctionCall) goja.Value {
			state, ok := sandbox.StateOf[T](fc.This)
			if !ok {
				a.throw("TypeError", class+"."+name+" was called on something that is not of the class "+class)
			}
			return f(a, state, fc)
		})
	}}
}

// promised describes a method that returns a promise of what f returns.
func promised[T any](class, name string, f func(*api, T) goja.Value) sandbox.Prop[*api] {
	return sandbox.Prop[*api]{Name: name, Make: func(a *api) goja.Value {
		return a.v.Func(name, 0, func(fc goja.FunctionCall) goja.Value {
			return a.promise(func() goja.Value {
				state, ok := sandbox.StateOf[T](fc.This)
				if !ok {
					a.throw("TypeError", class+"."+name+" was called on something that is not of the class "+class)
				}
				return f(a, state)
			})
		})
	}}
}

// wrong throws: what must be wanted and is v.
func (a *api) wrong(where, what, wanted string, v goja.Value) {
	got := "undefined"
	switch v := v.(type) {
	case nil:
	case goja.String:
		got = quoted(v.String())
	case *goja.Symbol:
		got = "a symbol"
	case *goja.Object:
		switch class := v.ClassName(); class {
		case "Object":
			got = "an object"
		case "Array":
			got = "an array"
		case "Function":
			got = "a function"
		default:
			got = "an object of the class " + transport.Clip(class)
		}
	default:
		got = transport.Clip(v.String())
	}
	a.throw("TypeError", where+": "+what+" must be "+wanted+", got "+got)
}

func quoted(s string) string { return strconv.Quote(transport.Clip(s)) }

// text decodes a value that has a string form; symbols have none.
func (a *api) text(where, what string, v goja.Value) string {
	if _, symbol := v.(*goja.Symbol); symbol || v == nil {
		a.wrong(where, what, "a string", v)
	}
	return v.String()
}

// choice decodes one of several words.
func (a *api) choice(where, what string, v goja.Value, words ...string) string {
	word := a.text(where, what, v)
	if !slices.Contains(words, word) {
		a.wrong(where, what, `one of "`+strings.Join(words, `", "`)+`"`, v)
	}
	return word
}

// object decodes an object.
func (a *api) object(where, what string, v goja.Value) *goja.Object {
	o, ok := v.(*goja.Object)
	if !ok {
		a.wrong(where, what, "an object", v)
	}
	return o
}
