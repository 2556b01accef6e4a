package sse

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

// shop is a stream with everything in it.
func shop(w nethttp.ResponseWriter, r *nethttp.Request) {
	stream(w, ": hello\n\nid: 1\ndata: one\n\n", "event: price\ndata: {\"p\":", "1}\nid: 2\n", "\n", "data: a\r\ndata: b\r\n\r\n")
}

func TestEventSource(t *testing.T) {
	w := newWorld(t, newPlan(), serve(t, shop), "", `
		const es = new EventSource('URL/s');
		say(es.url === 'URL/s', es.readyState, es.withCredentials, es instanceof EventSource, String(es), Object.keys(es));
		say(EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED, es.CLOSED, es.onopen);
		es.onopen = e => say('open', es.readyState, e.type, e.status, e.url === es.url, e.target === es);
		es.onmessage = function (e) { say(this === es, e.type, e.data, e.lastEventId, e.origin === 'URL', e.target === es) };
		es.addEventListener('price', e => say(e.type, JSON.parse(e.data).p, e.lastEventId));
		es.onerror = () => say('error');
		es.onend = e => say('end', es.readyState, e.status, e.error, e.error_code);
		say('made');`)
	w.says("true 0 false true [object EventSource] url,readyState,withCredentials,onopen,onmessage,onerror,onend",
		"0 1 2 2 null", "made", "open 1 open 200 true true",
		"true message one 1 true true", "price 1 2", "true message a\nb 2 true true", "end 2 200  0")
	w.counted(map[string]float64{"http_reqs": 1, "http_req_failed": 0, "sse_events": 3})
	if n := w.value("sse_time_to_first_event", "name", w.url+"/s").Count; n != 1 {
		t.Errorf("%d first events", n)
	}
	if n := w.value("sse_event_interval").Count; n != 2 {
		t.Errorf("%d intervals", n)
	}
	if a := w.value("http_req_duration", "status", "200", "expected_response", "true", "method", "GET"); a.Count != 1 {
		t.Errorf("%d durations", a.Count)
	}
}

func TestListeners(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		stream(w, "event:x\ndata:1\n\nevent:x\ndata:2\n\nevent:error\ndata:own\n\nevent:open\ndata:own\n\nevent:x\ndata:3\n\ndata:last\n\n")
	})
	newWorld(t, newPlan(), url, "", `
		const es = new EventSource('URL');
		const a = e => say('a', e.data), b = e => { say('b', e.data); es.removeEventListener('x', a) };
		es.addEventListener('x', a); es.addEventListener('x', a); es.addEventListener('x', b);
		es.addEventListener('x', {handleEvent(e) { say('object', this.n, e.data) }, n: 5}, {once: true});
		es.addEventListener('x', () => { if (!es.late) es.addEventListener('x', e => say('late', e.data)); es.late = true });
		es.addEventListener('x', null); es.removeEventListener('y', a); es.removeEventListener('x', null);
		es.onopen = e => say('onopen', e.data); es.onerror = e => say('onerror', e.data);
		es.addEventListener('message', e => { say('message', e.data); es.close(); say(es.readyState) });
		es.onend = () => say('never');`).
		says("onopen undefined", "a 1", "b 1", "object 5 1", "b 2", "late 2", "onerror own", "onopen own", "b 3", "late 3", "message last", "2")
}

// The iteration waits for a stream, and close ends it, within a read and within
// what came at once.
func TestClose(t *testing.T) {
	gone := make(chan struct{}, 10)
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		stream(w, "data:1\n\ndata:2\n\ndata:3\n\n")
		<-r.Context().Done()
		gone <- struct{}{}
	})
	w := newWorld(t, newPlan(), url, "", `
		const es = new EventSource('URL');
		es.onmessage = e => { say(e.data); if (e.data === '2') { es.close(); es.close() } };
		es.onerror = es.onend = () => say('never');`)
	w.says("1", "2")
	<-gone
	w.counted(map[string]float64{"http_reqs": 1, "http_req_failed": 0, "sse_events": 3})
	if n := w.value("http_req_duration", "expected_response", "true").Count; n != 1 {
		t.Errorf("%d durations", n)
	}

	// From outside a handler, while the stream is silent.
	w = newWorld(t, newPlan(), url, "", `
		const es = new EventSource('URL');
		await new Promise(done => es.onmessage = e => { if (e.data === '3') done() });
		await null;
		const other = http.asyncRequest('GET', 'http://127.0.0.1:1/');
		es.close(); say(es.readyState);
		await other;`)
	w.says("2")
	<-gone

	// Before there is a response.
	asked := make(chan struct{}, 1)
	silent := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
		gone <- struct{}{}
	})
	fine := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { <-asked })
	w = newWorld(t, newPlan(), silent, "", `
		const es = new EventSource('URL');
		es.onerror = es.onend = () => say('never');
		await http.asyncRequest('GET', '`+fine+`');
		es.close();`)
	w.says()
	<-gone
	w.counted(map[string]float64{"http_reqs": 2, "http_req_failed": 0})
	if l := w.logged(); len(l) != 0 {
		t.Errorf("logged %q", l)
	}
}

func TestOpen(t *testing.T) {
	w := newWorld(t, newPlan(), serve(t, shop), "", `
		const res = sse.open('URL/s', {tags: {kind: 'shop'}}, client => {
			say(String(client));
			client.on('open', e => say(e.type, e.status, e.target === client));
			client.on('event', e => say(e.type, e.data, e.lastEventId, e.origin === 'URL'));
			client.on('event', function () { say(this === client) });
			client.on('error', () => say('error'));
			client.on('end', e => say(e.type, e.error, e.error_code));
		});
		say(res.status, res.url === 'URL/s', res.headers['Content-Type'], res.error, res.error_code, res.body, res.proto, res.request.headers.Accept);
		const t = res.timings;
		say(t.waiting > 0, t.receiving > 0, Math.abs(t.duration - t.sending - t.waiting - t.receiving) < 0.001);
		say(sse.open('URL').status, sse.open('URL', c => c.on('event', () => c.close())).status, sse.open('URL', null, undefined).status);`)
	w.says("[object SSEClient]", "open 200 true", "message one 1 true", "true", "price {\"p\":1} 2 true", "true", "message a\nb 2 true", "true", "end  0",
		"200 true text/event-stream  0 null HTTP/1.1 text/event-stream", "true true true", "200 200 200")
	w.counted(map[string]float64{"http_reqs": 4, "http_req_failed": 0})
	if n := w.value("sse_events", "kind", "shop").Sum; n != 3 {
		t.Errorf("%v events with the tag", n)
	}
}

// A body can be sent, as models want it, and handlers can do what any code can.
func TestOpenPosts(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/other" {
			io.WriteString(w, "other")
			return
		}
		b, _ := io.ReadAll(r.Body)
		stream(w, fmt.Sprintf("data: %s %s %s %s %s\n\n", r.Method, b, r.Header.Get("Content-Type"), r.Header.Get("X-Key"), r.Header.Get("Cache-Control")), "data: [DONE]\n\n")
	})
	w := newWorld(t, newPlan(), url, "", `
		const res = sse.open('URL', {method: 'post', body: JSON.stringify({stream: true}), headers: {'content-type': 'application/json', 'X-Key': 'k', 'cache-control': 'mine'}}, client => {
			client.on('event', e => {
				say(e.data, http.get('URL/other').body);
				if (e.data === '[DONE]') client.close();
			});
		});
		for await (const e of sse.events('URL', {method: 'PUT', body: {a: 1}})) say(e.data);`)
	w.says(`POST {"stream":true} application/json k mine other`, "[DONE] other",
		`PUT a=1 application/x-www-form-urlencoded  no-store`, "[DONE]")
	w.counted(map[string]float64{"http_reqs": 4})
}

func TestEvents(t *testing.T) {
	gone := make(chan struct{}, 10)
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(503)
			return
		}
		stream(w, "data:1\n\ndata:2\n\n", "id:7\nevent:x\ndata:3\n\n")
		if r.URL.Path == "/long" {
			<-r.Context().Done()
			gone <- struct{}{}
		}
	})
	w := newWorld(t, newPlan(), url, "", `
		for await (const {type, data, lastEventId, origin} of sse.events('URL')) say(type, data, lastEventId, origin === 'URL');
		for await (const e of sse.events('URL/long')) { say(e.data); if (e.data === '3') break }
		say('out');
		try { for await (const e of sse.events('URL/long')) throw new RangeError(e.data) } catch (e) { say(e.name, e.message) }
		try { for await (const e of sse.events('URL/no')) say('never') } catch (e) { say(e instanceof Error, e.name, e.message, e.error_code, e.status, Object.keys(e)) }
		const it = sse.events('URL');
		say(it[Symbol.asyncIterator]() === it, String(it));
		const all = await Promise.all([it.next(), it.next(), it.next(), it.next(), it.next()]);
		say(all.map(r => r.done ? 'done' : r.value.data));
		say(JSON.stringify([await it.next(), await it.return(5), await it.return()]));
		const cut = sse.events('URL/long');
		say((await cut.next()).value.data, JSON.stringify(await cut.return('x')), (await cut.next()).done);
		const both = sse.events('URL/long'); const unsettled = [1, 2, 3, 4].map(() => both.next());
		await unsettled[2]; await both.return(); say((await unsettled[3]).done);
	`)
	w.says("message 1  true", "message 2  true", "x 3 7 true", "1", "2", "3", "out", "RangeError 1",
		"true HTTPError the server answered 503 instead of an event stream 1503 503 ",
		"true [object EventIterator]", "1,2,3,done,done", `[{"done":true},{"value":5,"done":true},{"done":true}]`,
		`1 {"value":"x","done":true} true`, "true")
	for range 4 {
		<-gone
	}
	w.counted(map[string]float64{"http_reqs": 7, "http_req_failed": 1})
}

// What a script does not ask for, its iteration does not wait for.
func TestEventsLeftBehind(t *testing.T) {
	gone := make(chan struct{}, 10)
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path != "/" {
			return
		}
		stream(w, "data:1\n\ndata:2\n\n")
		<-r.Context().Done()
		gone <- struct{}{}
	})
	w := newWorld(t, newPlan(), url, "let it;", `
		if (it) { const r = await it.next(), s = await it.next(); say(r.value?.data, r.done, s.done, JSON.stringify(await it.return(1))); return }
		it = sse.events('URL');
		say((await it.next()).value.data);
		http.get('URL/kept');`)
	w.says("1")
	<-gone
	w.says("2 false true {\"value\":1,\"done\":true}")
	w.counted(map[string]float64{"http_reqs": 2, "http_req_failed": 0})
	if n := w.value("http_req_duration").Count; n != 1 {
		t.Errorf("%d durations: the stream was interrupted", n)
	}
}

func TestInterrupted(t *testing.T) {
	for _, code := range []string{
		`new EventSource('URL').onmessage = e => say(e.data);`,
		`sse.open('URL', c => { c.on('event', e => say(e.data)); c.on('error', () => say('never')); c.on('end', () => say('never')) }); say('never')`,
		`for await (const e of sse.events('URL')) say(e.data); say('never')`,
		`try { sse.open('URL', c => c.on('event', e => say(e.data))) } finally { say('never') }`,
		`new EventSource('URL').onmessage = e => { say(e.data); for (;;); };`,
		`sse.open('URL', c => c.on('event', e => { say(e.data); for (;;); }))`,
	} {
		gone := make(chan struct{}, 1)
		url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
			stream(w, "data:1\n\n")
			<-r.Context().Done()
			gone <- struct{}{}
		})
		w := newWorld(t, newPlan(), url, "", code)
		ctx, cancel := context.WithCancel(context.Background())
		w.hear = func(string) { cancel() }
		var in *vu.Interrupted
		if err := w.iterate(ctx); !errors.As(err, &in) {
			t.Errorf("%s: got %v", code, err)
		}
		cancel()
		<-gone
		if got := w.heard(); len(got) != 1 || got[0] != "1" {
			t.Errorf("%s: script said %q", code, got)
		}
		w.counted(map[string]float64{"http_reqs": 1, "sse_events": 1, "http_req_failed": 0})
		if n := w.value("http_req_duration").Count; n != 0 {
			t.Errorf("%s: %d durations", code, n)
		}
		if n := w.value("http_reqs", "error_code", "1051", "status", "200").Sum; n != 1 {
			t.Errorf("%s: %v interrupted requests that were answered", code, n)
		}
		if n := w.value("data_received").Sum; n < 100 {
			t.Errorf("%s: %v bytes received", code, n)
		}
		if err := w.vu.Iterate(context.Background(), vu.Iteration{Scenario: &vu.Scenario{Name: "n", Exec: "nothing"}}); err != nil {
			t.Errorf("%s: afterwards: %v", code, err)
		}
	}
}

// What a handler throws fails the iteration, and takes the stream with it.
func TestHandlersThrow(t *testing.T) {
	for _, code := range []string{
		`new EventSource('URL').onmessage = () => { throw new RangeError('mine') };`,
		`new EventSource('URL').addEventListener('open', () => { throw new RangeError('mine') });`,
		`sse.open('URL', c => c.on('event', () => { throw new RangeError('mine') }))`,
		`sse.open('URL', c => { throw new RangeError('mine') })`,
		`for await (const e of sse.events('URL')) throw new RangeError('mine')`,
		`const es = new EventSource('URL'); es.addEventListener('message', {get handleEvent() { throw new RangeError('mine') }});`,
	} {
		var asked, gone atomic.Int32
		done := make(chan struct{}, 1)
		url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
			asked.Add(1)
			stream(w, "data:1\n\ndata:2\n\n")
			<-r.Context().Done()
			gone.Add(1)
			done <- struct{}{}
		})
		w := newWorld(t, newPlan(), url, "", code)
		e, ok := w.iterate(context.Background()).(*vu.Exception)
		if !ok || e.Name != "RangeError" || e.Message != "mine" {
			t.Errorf("%s: got %v", code, e)
		}
		if asked.Load() > 0 {
			<-done
		}
		if n := w.value("http_reqs").Sum; n != float64(asked.Load()) {
			t.Errorf("%s: %v requests, the server saw %d", code, n, asked.Load())
		}
	}
	w := newWorld(t, newPlan(), serve(t, shop), "", `
		try { sse.open('URL', c => c.on('event', () => { throw new RangeError('mine') })) } catch (e) { say(e.message) }
		say(sse.open('URL').status);`)
	w.says("mine", "200")
	w.counted(map[string]float64{"http_reqs": 2, "http_req_failed": 0})
}

func TestReconnect(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		id, given := r.Header["Last-Event-Id"]
		switch n := n.Add(1); n {
		case 1:
			stream(w, "retry: 10\nid: ä 1\ndata: first\n\n")
		case 2:
			stream(w, fmt.Sprintf("data: %q %v\nid\n\n", id, given))
		case 3:
			nethttp.Error(w, "", 500) // the standard: it is not asked again
		}
	})
	code := `
		const es = new EventSource('URL', {reconnect: true});
		es.onopen = () => say('open'); es.onmessage = e => say(e.data, e.lastEventId);
		es.onerror = e => say('error', es.readyState, e.reconnecting, e.error_code, e.status);
		es.onend = e => say('end', es.readyState, e.error_code);`
	w := newWorld(t, newPlan(), url, "", code)
	w.says("open", "first ä 1", "error 0 true 0 200", "open", `["ä 1"] true `, "error 0 true 0 200", "error 2 false 1500 500", "end 2 1500")
	w.counted(map[string]float64{"http_reqs": 3, "http_req_failed": 1})

	var empty atomic.Int32
	url = serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if n := empty.Add(1); n < 3 {
			stream(w, fmt.Sprintf("retry:1\ndata:%d %v\n\n", n, r.Header["Last-Event-Id"]))
			panic(nethttp.ErrAbortHandler) // the network failed
		}
		w.WriteHeader(204)
	})
	w = newWorld(t, newPlan(), url, "", code)
	w.says("open", "1 [] ", "error 0 true 1036 200", "open", "2 [] ", "error 0 true 1036 200", "error 2 false 1038 204", "end 2 1038")
	w.counted(map[string]float64{"http_reqs": 3, "http_req_failed": 2})

	empty.Store(0)
	w = newWorld(t, newPlan(), url, "", `
		const got = [];
		const res = sse.open('URL', {reconnect: true}, c => { c.on('event', e => got.push(e.data)); c.on('error', e => say(e.reconnecting)); c.on('end', () => say('end')) });
		say(got, res.status, res.error_code);`)
	w.says("true", "true", "false", "end", "1 [],2 [] 204 1038")
	empty.Store(0)
	newWorld(t, newPlan(), url, "", `
		const got = [];
		try { for await (const e of sse.events('URL', {reconnect: true})) got.push(e.data) } catch (e) { say(got, e.error_code) }
	`).says("1 [],2 [] 1038")
}

// A stream that is closed while it waits to be asked for again is not.
func TestCloseWhileWaiting(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n.Add(1)
		stream(w, "retry: 86400000\ndata: 1\n\n")
	})
	newWorld(t, newPlan(), url, "", `
		const es = new EventSource('URL', {reconnect: true});
		es.onerror = () => { say(es.readyState); Promise.resolve().then(() => { es.close(); say(es.readyState) }) };
		es.onend = () => say('never');
		sse.open('URL', {reconnect: true}, c => c.on('error', () => { say('error'); c.close() }));
		const it = sse.events('URL', {reconnect: true});
		await it.next(); await it.return();
	`).says("error", "0", "2")
	if n.Load() != 3 {
		t.Errorf("%d requests", n.Load())
	}
}

func TestLimits(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		stream(w, "data:1\n\ndata:2\n\ndata:3\n\n")
		<-r.Context().Done()
	})
	w := newWorld(t, newPlan(), url, "", `
		say(sse.open('URL', {maxEvents: 2}, c => { c.on('event', e => say(e.data)); c.on('error', () => say('error')) }).error_code);
		for await (const e of sse.events('URL', {maxEvents: 1})) say(e.data);
		say(sse.open('URL', {maxDuration: 20}, c => c.on('error', () => say('error'))).error_code);
		say(sse.open('URL', {maxDuration: '20ms', reconnect: true}).status);
		const es = new EventSource('URL', {maxDuration: 20}); let n = 0;
		es.onmessage = () => n++;
		await new Promise(done => es.onend = done);
		say(n, es.readyState);`)
	w.says("1", "2", "0", "1", "0", "200", "3 2")
	w.counted(map[string]float64{"http_reqs": 5, "http_req_failed": 0, "sse_events": 2 + 1 + 3 + 3 + 3})
	if n := w.value("http_req_duration", "expected_response", "true").Count; n != 5 {
		t.Errorf("%d durations", n)
	}
}

func TestRefusedResponses(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"a":1}`)
		case "/none":
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "data:1\n\n")
		case "/201":
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(201)
			io.WriteString(w, "data:1\n\n")
		case "/404":
			nethttp.NotFound(w, r)
		case "/204":
			w.WriteHeader(204)
		case "/typed":
			w.Header().Set("Content-Type", " Text/Event-Stream ;charset=\"utf-8\"; x")
			io.WriteString(w, "data:1\n\n")
		case "/redirect":
			nethttp.Redirect(w, r, "/typed", nethttp.StatusFound)
		case "/login":
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "who", Value: "me"})
			nethttp.Redirect(w, r, "/who", nethttp.StatusSeeOther)
		case "/who":
			c, _ := r.Cookie("who")
			stream(w, fmt.Sprintf("data:%s %v\n\n", r.Method, c))
		}
	})
	w := newWorld(t, newPlan(), url, "", `
		for (const path of ['json', 'none', '201', '404', '204']) {
			const res = sse.open('URL/' + path, c => { c.on('event', () => say('never')); c.on('open', () => say('never')); c.on('error', e => say(path, e.error, e.error_code, e.status)) });
			say(res.status, res.error_code, res.body === null ? null : res.body.length);
		}
		for (const path of ['typed', 'redirect']) sse.open('URL/' + path, c => { c.on('open', e => say(e.url.slice('URL'.length))); c.on('event', e => say(e.data)) });
		sse.open('URL/login', {method: 'POST', body: 'x'}, c => c.on('event', e => say(e.data)));
		say(sse.open('URL/redirect', {redirects: 0}).status);
		say(sse.open('URL/404', {responseCallback: http.expectedStatuses(404), tags: {kind: 'expected'}}).status);`)
	w.says("json the response is no event stream: its Content-Type is not text/event-stream 1038 200", "200 1038 7",
		"none the response is no event stream: its Content-Type is not text/event-stream 1038 200", "200 1038 8",
		"201 the server answered 201 instead of an event stream 1038 201", "201 1038 8",
		"404 the server answered 404 instead of an event stream 1404 404", "404 1404 19",
		"204 the server has no events and wants not to be asked again (204) 1038 204", "204 1038 0",
		"/typed", "1", "/typed", "1", "GET who=me", "302", "404")
	w.counted(map[string]float64{"http_reqs": 5 + 3 + 2 + 1 + 1, "http_req_failed": 1})
	if n := w.value("http_req_failed", "kind", "expected").NonZero; n != 0 {
		t.Error("the expected status failed")
	}
}

func TestWrongUse(t *testing.T) {
	w := newWorld(t, newPlan(), "http://127.0.0.1:1", "", `
		for (const f of [
			() => new EventSource(), () => new EventSource('URL', 5), () => new EventSource('URL', {reconect: true}),
			() => new EventSource('URL', {responseType: 'none'}), () => new EventSource('URL', {reconnect: 1}), () => sse.open('URL', {maxEvents: 0}),
			() => sse.open('URL', {maxEvents: 1.5}), () => sse.events('URL', {maxDuration: 'x'}), () => sse.open('URL', {method: 'CONNECT'}),
			() => sse.open('URL', {}, 5), () => sse.open('URL', c => c.on('events', () => {})), () => sse.open('URL', c => c.on('event', 5)),
			() => sse.open('URL', {headers: {'a b': 1}}), () => sse.open('URL', {throw: true}), () => EventSource.prototype.close.call({}),
			() => new EventSource('URL').addEventListener(5), () => new EventSource('URL').addEventListener('x', 5), () => sse.events('URL', {get tags() { throw new RangeError('mine') }}),
		]) try { f(); say('fine') } catch (e) { say(e.name + ': ' + e.message) }
		say(sse.open('nonsense').error, sse.open('nonsense').error_code);
		const es = new EventSource('URL', {withCredentials: true}); es.onerror = e => say(e.error.slice(0, 18), e.error_code, e.status, es.readyState);
	`)
	w.says("TypeError: EventSource: the URL is missing", `TypeError: EventSource: params must be an object, got 5`,
		`TypeError: EventSource: unknown parameter "reconect", did you mean "reconnect"?`, `TypeError: EventSource: unknown parameter "responseType"`,
		"TypeError: EventSource: reconnect must be true or false, got 1", "TypeError: sse.open: maxEvents must be a whole number of at least 1, got 0",
		"TypeError: sse.open: maxEvents must be a whole number of at least 1, got 1.5", `TypeError: sse.events: maxDuration: timeout must be a time above 0, such as 500 (milliseconds) or "30s", got "x"`,
		`TypeError: sse.open: the method "CONNECT" cannot be used`, "TypeError: sse.open: the callback must be a function, got 5",
		`TypeError: client.on: there is no event "events", did you mean "event"?; there are open, event, error and end`, "TypeError: client.on: the handler must be a function, got 5",
		`TypeError: sse.open: header name "a b" holds a character that names must not have`, "HTTPError: GET http://127.0.0.1:1: connection refused by 127.0.0.1:1",
		"TypeError: EventSource.close was called on something that is not EventSource", "TypeError: EventSource.addEventListener: the type must be a string, got 5",
		"TypeError: EventSource.addEventListener: the listener must be a function, got 5", "RangeError: mine",
		`invalid URL "nonsense": it needs http:// or https:// in front, or the option baseURL 1020`, "connection refused 1212 0 2")
}

func TestPhases(t *testing.T) {
	w := newWorld(t, newPlan(), serve(t, shop), `let n = 0; export function vuSetup() { sse.open('URL', c => c.on('event', () => n++)); return n }`, `say(n)`)
	if err := w.vu.(interface{ Setup(context.Context) error }).Setup(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.says("3")
	for _, f := range []string{"new EventSource('URL')", "sse.open('URL')", "sse.events('URL')"} {
		w := newWorld(t, newPlan(), "http://127.0.0.1:1", "let text; try { "+f+" } catch (e) { text = e.message }", "say(text)")
		if err := w.iterate(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(w.heard(), ""); !strings.Contains(got, "requests are not possible in the init context") {
			t.Errorf("%s: %s", f, got)
		}
	}
}

func TestCompressed(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		for i := range 3 {
			fmt.Fprintf(z, "data:%d\n\n", i)
			z.Flush()
			w.(nethttp.Flusher).Flush()
			if i == 1 && r.URL.Path == "/stay" {
				<-r.Context().Done()
			}
		}
		z.Close()
	})
	newWorld(t, newPlan(), url, "", `
		const res = sse.open('URL/stay', c => c.on('event', e => { say(e.data); if (e.data === '1') c.close() }));
		sse.open('URL', c => c.on('event', e => say(e.data)));
	`).says("0", "1", "0", "1", "2")
}
