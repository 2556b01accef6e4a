package fetch

import (
	"math"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
)

// response is a Response object's state.
type response struct {
	a          *api
	kind       string // "basic" of what came, "default" of what a script made, "error"
	url        string
	redirected bool
	status     int
	statusText string
	headers    *headers
	body       *body
	answer     *http.Answer // nil when a script made it
}

var responseShape = sandbox.NewShape(
	field("type", func(r *response) any { return r.kind }),
	field("url", func(r *response) any { return r.url }),
	field("redirected", func(r *response) any { return r.redirected }),
	field("status", func(r *response) any { return r.status }),
	field("ok", func(r *response) any { return r.status >= 200 && r.status <= 299 }),
	field("statusText", func(r *response) any { return r.statusText }),
	sandbox.Prop[*response]{Name: "headers", Make: func(r *response) goja.Value { return r.headers.show(r.a) }},
	sandbox.Prop[*response]{Name: "body", Make: func(*response) goja.Value { return goja.Null() }},
	sandbox.Prop[*response]{Name: "bodyUsed", Live: true, Make: func(r *response) goja.Value { return r.a.v.Bool(r.body.isUsed()) }},
	sandbox.Prop[*response]{Name: "timings", Make: func(r *response) goja.Value {
		if r.answer == nil {
			return goja.Null()
		}
		return r.answer.Timings()
	}},
)

func responseMethods() *sandbox.Shape[*api] {
	return sandbox.NewShape(append(
		bodyMethods("Response", func(r *response) (*body, *headers) { return r.body, r.headers }),
		method("Response", "clone", 0, func(a *api, r *response, _ goja.FunctionCall) goja.Value {
			c := *r
			c.body = r.body.clone("Response.clone", a)
			c.headers = &headers{list: slices.Clone(r.headers.list), fixed: r.headers.fixed}
			return a.showResponse(&c)
		}),
	)...)
}

func (a *api) responseClass() *sandbox.Class {
	if a.responses == nil {
		a.responses = sandbox.NewClass(a.v, "Response", 0, a.methods.response, a, func(cc goja.ConstructorCall) *goja.Object {
			b, contentType := a.newBody("Response", cc.Argument(0))
			return responseShape.New(a.v, a.newResponse("Response", b, contentType, cc.Argument(1)))
		})
	}
	return a.responses
}

// responseGlobal makes the global Response: the class with its own functions.
func (a *api) responseGlobal() goja.Value {
	class := a.responseClass().Constructor
	static := func(name string, length int, f func(goja.FunctionCall) *response) {
		define(class, name, a.v.Func(name, length, func(fc goja.FunctionCall) goja.Value { return a.showResponse(f(fc)) }))
	}
	static("error", 0, func(goja.FunctionCall) *response {
		return &response{a: a, kind: "error", headers: &headers{fixed: true}}
	})
	static("redirect", 1, func(fc goja.FunctionCall) *response {
		status := 302
		if v := fc.Argument(1); !goja.IsUndefined(v) {
			status = a.number("Response.redirect", "the status", v)
		}
		if !slices.Contains([]int{301, 302, 303, 307, 308}, status) {
			a.throw("RangeError", "Response.redirect: the status must be 301, 302, 303, 307 or 308")
		}
		to := a.text("Response.redirect", "the URL", fc.Argument(0))
		if _, ok := http.ValidHeader("location", to); !ok {
			a.throw("TypeError", "Response.redirect: the URL holds a line break or another control character")
		}
		return &response{a: a, kind: "default", status: status, headers: &headers{list: []header{{"location", to}}, fixed: true}}
	})
	static("json", 1, func(fc goja.FunctionCall) *response {
		data := fc.Argument(0)
		text, err := a.rt.NewArray(data).MarshalJSON() // goja marshals objects only
		if err != nil {
			panic(err)
		}
		_, function := goja.AssertFunction(data)
		if _, symbol := data.(*goja.Symbol); symbol || function || goja.IsUndefined(data) {
			a.wrong("Response.json", "the data", "what JSON can hold", data)
		}
		return a.newResponse("Response.json", &body{data: string(text[1 : len(text)-1])}, "application/json", fc.Argument(1))
	})
	return class
}

func (a *api) showResponse(r *response) *goja.Object {
	return a.responseClass().Adopt(responseShape.New(a.v, r))
}

// newResponse decodes the second argument of Response.
func (a *api) newResponse(where string, b *body, contentType string, init goja.Value) *response {
	r := &response{a: a, kind: "default", status: 200, headers: &headers{}, body: b}
	if !missing(init) {
		o := a.object(where, "the second argument", init)
		known := []string{"status", "statusText", "headers"}
		if _, copied := sandbox.StateOf[*response](init); !copied {
			for _, key := range o.Keys() {
				if !slices.Contains(known, key) {
					text := where + ": unknown key " + quoted(key)
					if hint := spelling.Nearest(key, known); hint != "" {
						text += ", did you mean " + quoted(hint) + "?"
					}
					a.throw("TypeError", text)
				}
			}
		}
		if v := o.Get("status"); v != nil && !goja.IsUndefined(v) {
			r.status = a.number(where, "status", v)
		}
		if v := o.Get("statusText"); v != nil && !goja.IsUndefined(v) {
			r.statusText = a.text(where, "statusText", v)
		}
		r.headers.fill(a, where, o.Get("headers"))
	}
	if r.status < 200 || r.status > 599 {
		a.throw("RangeError", where+": status must be between 200 and 599")
	}
	if strings.ContainsAny(r.statusText, "\r\n\x00") {
		a.throw("TypeError", where+": statusText holds a line break or another control character")
	}
	if b != nil {
		if slices.Contains([]int{204, 205, 304}, r.status) {
			a.throw("TypeError", where+": a response with this status cannot have a body")
		}
		if _, has := r.headers.get("content-type"); contentType != "" && !has {
			r.headers.set("content-type", contentType)
		}
	}
	return r
}

// number decodes a whole number.
func (a *api) number(where, what string, v goja.Value) int {
	n := math.NaN()
	if _, symbol := v.(*goja.Symbol); !symbol {
		n = v.ToFloat()
	}
	if n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
		a.wrong(where, what, "a whole number", v)
	}
	return int(n)
}

// received returns the object for what a server sent.
func (a *api) received(answer http.Answer) *goja.Object {
	reply := answer.Reply()
	r := &response{a: a, kind: "basic", status: reply.Status, statusText: answer.Reason(), headers: &headers{fixed: true}, answer: &answer}
	r.url, r.redirected = answer.URL()
	r.url, _, _ = strings.Cut(r.url, "#")
	answer.Lines(func(name, value string) {
		r.headers.list = append(r.headers.list, header{strings.ToLower(name), value})
	})
	r.body = &body{data: stringOf(reply.Body), dropped: reply.Dropped}
	return a.showResponse(r)
}
