package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/bundle"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a script in one VU, and what it says.
type world struct {
	t       testing.TB
	program *sandbox.Program
	vu      vu.VU
	reg     *metric.Registry
	set     *metric.Set

	mu     sync.Mutex
	texts  []string
	logged []string
	hints  []string
}

func newPlan() *plan.Plan {
	return &plan.Plan{
		SystemTags: []string{"scenario", "group", "proto", "status", "method", "url", "name", "error", "error_code", "expected_response"},
		HTTP:       plan.HTTP{MaxRedirects: 10, Batch: 20, BatchPerHost: 6, UserAgent: "swarm/test"},
	}
}

// newWorld compiles the body of an async iteration; init is top-level code.
// say(value…) passes text to the test.
func newWorld(t testing.TB, p *plan.Plan, init, iteration string) *world {
	t.Helper()
	w := &world{t: t, reg: metric.NewRegistry(metric.Options{}), set: metric.NewSet()}
	say := sandbox.Module{Names: []string{"test"}, Exports: []string{"say"}, Load: func(*sandbox.Host) (sandbox.New, error) {
		return func(v *sandbox.VU) *goja.Object {
			o := v.Runtime().NewObject()
			_ = o.Set("say", v.Func("say", 1, func(fc goja.FunctionCall) goja.Value {
				w.mu.Lock()
				defer w.mu.Unlock()
				var parts []string
				for _, a := range fc.Arguments {
					parts = append(parts, a.String())
				}
				w.texts = append(w.texts, strings.Join(parts, " "))
				return goja.Undefined()
			}))
			return o
		}, nil
	}}
	code := "const {say} = require('test');\n" + init + "\nexports.default = async function () {\n" + iteration + "\n}"
	script, err := sandbox.Compile(&bundle.Bundle{Entry: "script.js", Code: []byte(code)}, []sandbox.Module{http.Module(), say}, Globals())
	if err != nil {
		t.Fatal(err)
	}
	w.program, err = script.Program(&sandbox.Host{
		Registry: w.reg, Plan: p, Dial: (&net.Dialer{}).DialContext, Now: time.Now,
		Log: func(l sandbox.LogLine) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.logged = append(w.logged, l.Level+": "+l.Text)
			w.hints = append(w.hints, l.Hint)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.vu, err = w.program.NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.vu.Close)
	return w
}

var scenario = &vu.Scenario{Name: "default", Exec: "default"}

func (w *world) iterate(ctx context.Context) error {
	return w.vu.Iterate(ctx, vu.Iteration{Scenario: scenario})
}

func (w *world) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.texts
	w.texts = nil
	return out
}

func (w *world) run() []string {
	w.t.Helper()
	if err := w.iterate(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return w.heard()
}

func (w *world) value(name string, filter ...string) metric.Aggregate {
	w.t.Helper()
	if err := w.set.Merge("test", w.reg.Snapshot(time.Now())); err != nil {
		w.t.Fatal(err)
	}
	tags := metric.Tags{}
	for i := 0; i < len(filter); i += 2 {
		tags = tags.With(metric.Tag{Key: filter[i], Value: filter[i+1]})
	}
	a, ok := w.set.Select(name, tags)
	if !ok {
		w.t.Fatalf("metric %s is unknown", name)
	}
	return a
}

// says compares what an iteration says with want.
func says(t *testing.T, init, iteration string, want ...string) *world {
	t.Helper()
	w := newWorld(t, newPlan(), init, iteration)
	if got := w.run(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Fatalf("script said\n%q, want\n%q\nlogged %q", got, want, w.logged)
	}
	return w
}

// echo is a server that tells what it was asked.
func echo(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		b, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/to":
			nethttp.Redirect(w, r, "/end", nethttp.StatusFound)
			return
		case "/loop":
			nethttp.Redirect(w, r, "/loop", nethttp.StatusFound)
			return
		case "/404":
			w.WriteHeader(nethttp.StatusNotFound)
		}
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2, c")
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		fmt.Fprintf(w, `{"method":%q,"url":%q,"type":%q,"agent":%q,"cookie":%q,"own":%q,"body":%q}`, r.Method, r.URL, r.Header.Get("Content-Type"), r.UserAgent(), r.Header.Get("Cookie"), r.Header.Get("X-Own"), b)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestFetch(t *testing.T) {
	url := echo(t)
	w := says(t, "const url = '"+url+"';", `
		let r = await fetch(url + '/a?q=1#f');
		say(r.ok, r.status, r.statusText, r.url === url + '/a?q=1', r.redirected, r.type, r.body, r.bodyUsed);
		say(r instanceof Response, String(r), r.headers instanceof Headers, r.headers === r.headers, r.timings.duration > 0, r.constructor === Response);
		say(r.headers.get('X-TWO'), r.headers.has('x-nope'), r.headers.get('x-nope'), r.headers.getSetCookie().join('|'));
		const j = await r.json();
		say(j.method, j.url, j.agent, j.cookie, r.bodyUsed);
		try { await r.text() } catch (e) { say(e.name, e.message) }
		r = await fetch(url, {method: 'post', body: 'text', headers: {'X-Own': 'mine'}, tags: {kind: 'x'}, timeout: '5s', credentials: 'include', keepalive: true, cache: 'no-store', mode: 'cors'});
		say(JSON.stringify(await r.json()));
		for (const body of [new Uint8Array([104, 105]), new Uint8Array([0, 104, 105, 0]).subarray(1, 3), new Uint8Array([104, 105]).buffer, new String('hi'), {toString: () => 'hi'}, {toString: () => 'hi', [Symbol.toStringTag]: 'URLSearchParams'}]) {
			const j = await (await fetch(url, {method: 'PUT', body})).json();
			say(j.method, j.body, j.type);
		}
		r = await fetch(url + '/404'); say(r.ok, r.status, r.statusText);
		const buffer = await (await fetch(url)).arrayBuffer(), bytes = await (await fetch(url)).bytes();
		say(buffer instanceof ArrayBuffer, bytes instanceof Uint8Array, buffer.byteLength === bytes.length && bytes.length > 50);
		const c = (await fetch(url)); const d = c.clone(); say((await c.text()) === (await d.text()), d.headers.get('x-two'));
		say((await Promise.all(Array.from({length: 100}, (_, i) => fetch(url + '/' + i).then(r => r.json())))).every((j, i) => j.url === '/' + i));
		const request = new Request(url + '/r', {method: 'PATCH', body: '1', headers: [['x-own', 'r']]});
		const j1 = await (await fetch(request)).json(); say(j1.method, j1.url, j1.own, j1.body, request.bodyUsed);
		say(typeof fetch, fetch.name, fetch.length);
	`,
		"true 200 OK true false basic null false",
		"true [object Response] true true true true",
		"1, 2 false null a=1|b=2, c",
		"GET /a?q=1 swarm/test  true",
		"TypeError Response.text: the body was read before",
		`{"method":"POST","url":"/","type":"text/plain;charset=UTF-8","agent":"swarm/test","cookie":"a=1; b=\"2, c\"","own":"mine","body":"text"}`,
		"PUT hi ", "PUT hi ", "PUT hi ", "PUT hi text/plain;charset=UTF-8", "PUT hi text/plain;charset=UTF-8", "PUT hi application/x-www-form-urlencoded;charset=UTF-8",
		"false 404 Not Found",
		"true true true",
		"true 1, 2",
		"true",
		"PATCH /r r 1 true",
		"function fetch 1",
	)
	if n := w.value("http_reqs").Sum; n != 113 {
		t.Errorf("counted %v requests, want 113", n)
	}
	if n := w.value("http_reqs", "kind", "x", "method", "POST").Sum; n != 1 {
		t.Errorf("%v requests bear the tag, want 1", n)
	}
}

func TestRedirects(t *testing.T) {
	url := echo(t)
	w := says(t, "const url = '"+url+"';", `
		let r = await fetch(url + '/to'); say(r.status, r.redirected, r.url === url + '/end');
		r = await fetch(url + '/to', {redirect: 'manual'}); say(r.status, r.redirected, r.headers.get('location'));
		for (const [path, redirect] of [['/to', 'error'], ['/loop', 'follow']]) try { await fetch(url + path, {redirect}) } catch (e) { say(e.name, e.message.replace(url, '')) }
		r = await fetch(url + '/to', {method: 'POST', body: 'x'}); say((await r.json()).method);
	`, "200 true true", "302 false /end",
		`TypeError fetch: GET /to: it was redirected, which the mode "error" forbids`, "TypeError fetch: GET /loop: redirected more than 20 times", "GET")
	if n := w.value("http_reqs", "status", "302").Sum; n != 1+1+1+21+1 {
		t.Errorf("%v redirects were counted, want 25", n)
	}
	if len(w.logged) > 0 {
		t.Errorf("logged %q", w.logged)
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{`fetch()`, `TypeError: fetch: the URL is missing`},
		{`fetch('/relative')`, `TypeError: fetch: GET /relative: invalid URL "/relative": it needs http://`},
		{`fetch('http://127.0.0.1:1/')`, `TypeError: fetch: GET http://127.0.0.1:1/: connection refused`},
		{`fetch('http://u:secret@127.0.0.1:1/')`, `TypeError: fetch: GET http://****:****@127.0.0.1:1/: connection refused`},
		{`fetch('http://h/', 5)`, `TypeError: fetch: the second argument must be an object, got 5`},
		{`fetch('http://h/', {methd: 'GET'})`, `TypeError: fetch: unknown key "methd", did you mean "method"?`},
		{`fetch('http://h/', {method: 'A B'})`, `TypeError: fetch: the method "A B" cannot be used`},
		{`fetch('http://h/', {method: 'CONNECT'})`, `cannot be used`},
		{`fetch('http://h/', {body: 'x'})`, `TypeError: fetch: a request with the method GET cannot have a body`},
		{`fetch('http://h/', {method: 'POST', body: {a: 1}})`, `JSON.stringify() makes text of one`},
		{`fetch('http://h/', {method: 'POST', body: () => 1})`, `TypeError: fetch: body must be text, an ArrayBuffer`},
		{`fetch('http://h/', {redirect: 'no'})`, `TypeError: fetch: redirect must be one of "follow", "error", "manual", got "no"`},
		{`fetch('http://h/', {signal: {}})`, `TypeError: fetch: signal must be an AbortSignal, got an object`},
		{`fetch('http://h/', {timeout: -1})`, `TypeError: fetch: timeout must be a time above 0`},
		{`fetch('http://h/', {tags: 'x'})`, `TypeError: fetch: tags must be an object, got "x"`},
		{`fetch('http://h/', {headers: {'a b': 1}})`, `TypeError: fetch: header name "a b" holds a character`},
		{`fetch('http://h/', {headers: {'a': 'x\r\ny'}})`, `TypeError: fetch: the value of header a holds a line break`},
		{`fetch('http://h/', {headers: [['a']]})`, `TypeError: fetch: each header of a list must be a pair`},
		{`fetch('http://h/', {headers: 'x'})`, `TypeError: fetch: headers must be an object, got "x"`},
		{`fetch('http://h/', {get headers() { throw new RangeError('mine') }})`, `RangeError: mine`},
		{`fetch(Symbol('x'))`, `TypeError: fetch: `},
		{`Promise.reject().catch(() => new AbortSignal())`, `TypeError: AbortSignal: use new AbortController()`},
		{`Promise.reject().catch(() => AbortSignal.timeout(-1))`, `TypeError: AbortSignal.timeout: the time must be a number of milliseconds, got -1`},
		{`Promise.reject().catch(() => AbortSignal.any([1]))`, `TypeError: AbortSignal.any: each signal must be an AbortSignal, got 1`},
		{`Response.prototype.text.call({})`, `TypeError: Response.text was called on something that is not of the class Response`},
		{`new Response('no').json()`, `SyntaxError: Response.json: the body is not JSON`},
	} {
		got := newWorld(t, newPlan(), "", "let p; try { p = "+c.code+" } catch (e) { say('thrown ' + e) }\nawait p.then(() => say('fulfilled'), e => say(e.name + ': ' + e.message))").run()
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: script said %q, want %q", c.code, got, c.want)
		}
	}
	// A failure that nobody handles fails the iteration.
	var e *vu.Exception
	if err := newWorld(t, newPlan(), "", "fetch('http://127.0.0.1:1/')").iterate(t.Context()); !errors.As(err, &e) || e.Name != "TypeError" {
		t.Errorf("got %v", err)
	}
	w := newWorld(t, newPlan(), "", "await fetch('nonsense').catch(e => say(e.code))")
	if got := w.run(); len(got) != 1 || got[0] != "1020" {
		t.Errorf("script said %q", got)
	}
	if a := w.value("http_req_failed"); a.NonZero != 1 {
		t.Errorf("%d failed requests were counted, want 1", a.NonZero)
	}
}

func TestFetchElsewhere(t *testing.T) {
	w := newWorld(t, newPlan(), "let text; fetch('http://127.0.0.1:1/').catch(e => { text = e.message })", "say(text)")
	if got := w.run(); len(got) != 1 || !strings.Contains(got[0], "fetch: requests are not possible in the init context") {
		t.Errorf("script said %q", got)
	}
	p := newPlan()
	p.HTTP.BaseURL, p.HTTP.DiscardResponseBodies = echo(t), true
	w = newWorld(t, p, "const http = require('k6/http').default;", `
		const r = await fetch('/x'); say(r.status); await r.text().catch(e => say(e.message));
		await fetch(http.url`+"`/items/${7}`"+`);
		say(http.cookieJar().cookiesForURL('/').a)`)
	if got := fmt.Sprint(w.run()); got != "[200 Response.text: the body was discarded, see discardResponseBodies 1]" {
		t.Errorf("script said %s", got)
	}
	if n := w.value("http_reqs", "name", "/items/${}").Sum; n != 1 {
		t.Errorf("%v requests bear the template's name, want 1", n)
	}
}

func BenchmarkFetch(b *testing.B) {
	url := echo(b)
	w := newWorld(b, newPlan(), "", "const r = await fetch('"+url+"'); if (!r.ok) throw r.status; await r.text()")
	b.ReportAllocs()
	for b.Loop() {
		if err := w.iterate(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
