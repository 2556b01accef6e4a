package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

func TestAsyncRequest(t *testing.T) {
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, b)
	})
	w := says(t, newPlan(), "", `return (async () => {
		const url = '`+s.URL+`';
		const promise = http.asyncRequest('post', url + '/a', {x: 1}, {tags: {kind: 'async'}});
		say(promise instanceof Promise);
		const res = await promise;
		say(res.status, res.body, res.timings.duration > 0, res.request.method);
		const all = await Promise.all(Array.from({length: 100}, (_, i) => http.asyncRequest('GET', url + '/' + i, null, {tags: {name: 'many'}})));
		say(all.length, all.every((r, i) => r.body === 'GET /' + i + ' '));
		say(http.get(url + '/sync').body);
	})()`, "true", "200 POST /a x=1 true POST", "100 true", "GET /sync ")
	if n := w.value("http_reqs").Sum; n != 102 || s.reqs.Load() != 102 {
		t.Errorf("counted %v requests, the server %d, want 102", n, s.reqs.Load())
	}
	if n := w.value("http_reqs", "kind", "async", "method", "POST", "expected_response", "true").Sum; n != 1 {
		t.Errorf("%v requests bear the tag, want 1", n)
	}
	if n := w.value("http_reqs", "name", "many").Sum; n != 100 {
		t.Errorf("%v requests bear the name, want 100", n)
	}
}

// Promises settle in the order in which the responses come.
func TestAsyncOrder(t *testing.T) {
	next := map[string]chan struct{}{"/1": make(chan struct{}), "/2": make(chan struct{}), "/3": make(chan struct{})}
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/go" {
			close(next["/"+r.URL.RawQuery])
			return
		}
		<-next[r.URL.Path]
	})
	says(t, newPlan(), "", `
		const url = '`+url+`';
		for (const n of [1, 2, 3]) http.asyncRequest('GET', url + '/' + n).then(r => {
			say(n);
			if (n === 3) http.asyncRequest('GET', url + '/go?1');
			if (n === 1) http.asyncRequest('GET', url + '/go?2');
		});
		say('called');
		http.asyncRequest('GET', url + '/go?3');
	`, "called", "3", "1", "2")
}

func TestAsyncFailures(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"http.asyncRequest()", "TypeError: http.asyncRequest: the method is missing"},
		{"http.asyncRequest('GET')", "TypeError: http.asyncRequest: the URL is missing"},
		{"http.asyncRequest('GET', 'http://127.0.0.1:1/', null, {tag: 1})", `did you mean "tags"?`},
		{"http.asyncRequest('CONNECT', 'http://127.0.0.1:1/')", "cannot be used"},
		{"http.asyncRequest('GET', 'http://127.0.0.1:1/', null, {get headers() { throw new RangeError('mine') }})", "RangeError: mine"},
		{"http.asyncRequest('GET', 'http://127.0.0.1:1/', null, {throw: true})", "HTTPError: GET http://127.0.0.1:1/: connection refused"},
		{"http.asyncRequest('GET', 'nonsense', null, {throw: true})", "HTTPError: GET nonsense: invalid URL"},
	} {
		w := newWorld(t, newPlan(), "", "let p; try { p = "+c.code+" } catch (e) { say('thrown') }\nreturn p.catch(e => say(e.name + ': ' + e.message, e instanceof Error))")
		got := w.run()
		if len(got) != 1 || !strings.Contains(got[0], c.want) || !strings.HasSuffix(got[0], " true") {
			t.Errorf("%s: script said %q, want %q", c.code, got, c.want)
		}
		// Nobody catches it: the iteration fails, at the place of the call.
		throws(t, newPlan(), "\n\n"+c.code, c.want)
	}
}

func TestAsyncInInit(t *testing.T) {
	_, err := tryWorld(t, newPlan(), "http.asyncRequest('GET', 'http://127.0.0.1:1/')", "")
	if err == nil || !strings.Contains(err.Error(), "http.asyncRequest: requests are not possible in the init context") {
		t.Errorf("got %v", err)
	}
}

// hanging is a server that never answers. It tells of each request, and when
// the connection it came over was closed.
func hanging(t *testing.T) (url string, asked, closed chan struct{}) {
	asked, closed = make(chan struct{}, 100), make(chan struct{}, 100)
	return rawServer(t, func(c net.Conn) {
		b := make([]byte, 4096)
		if _, err := c.Read(b); err != nil {
			return
		}
		asked <- struct{}{}
		_, _ = c.Read(b)
		closed <- struct{}{}
	}), asked, closed
}

func TestAsyncInterrupted(t *testing.T) {
	url, asked, closed := hanging(t)
	w := newWorld(t, newPlan(), "let late = 0;", `
		if (late++) { say('again'); return }
		for (let i = 0; i < 3; i++) http.asyncRequest('GET', '`+url+`').finally(() => say('late'));`)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for range 3 {
			<-asked
		}
		cancel()
	}()
	var in *vu.Interrupted
	if err := w.iterate(ctx); !errors.As(err, &in) {
		t.Fatalf("got %v", err)
	}
	for range 3 {
		<-closed
	}
	if n := w.value("http_reqs").Sum; n != 3 { // they were sent
		t.Errorf("counted %v requests, want 3", n)
	}
	if n := w.value("http_req_duration").Count; n != 0 {
		t.Errorf("measured %v of them", n)
	}
	if got := w.run(); len(got) != 1 || got[0] != "again" {
		t.Errorf("script said %q", got)
	}
}

// An iteration that throws takes what it began with it.
func TestAsyncLeftBehind(t *testing.T) {
	url, asked, closed := hanging(t)
	fine := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/asked" {
			<-asked
		}
		io.WriteString(w, "fine")
	})
	w := newWorld(t, newPlan(), "let n = 0;", `
		if (n++) return http.asyncRequest('GET', '`+fine+`').then(r => say(r.body, http.get('`+fine+`').body));
		http.asyncRequest('GET', '`+url+`').finally(() => say('late'));
		http.get('`+fine+`/asked');
		throw new Error('enough');`)
	if e, ok := w.iterate(context.Background()).(*vu.Exception); !ok || e.Message != "enough" {
		t.Fatalf("got %v", e)
	}
	<-closed
	if got := w.run(); len(got) != 1 || got[0] != "fine fine" {
		t.Errorf("script said %q", got)
	}
	if n := w.value("http_reqs", "status", "200").Sum; n != 3 {
		t.Errorf("counted %v responses, want 3", n)
	}
}

// Connections are kept from iteration to iteration, also over those of another context.
func TestAsyncKeepsConnections(t *testing.T) {
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, "fine") })
	w := newWorld(t, newPlan(), "", `
		return http.asyncRequest('GET', '`+s.URL+`').then(r => say(r.body + http.get('`+s.URL+`').body))`)
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		for range 2 {
			if err := w.iterate(ctx); err != nil {
				t.Fatal(err)
			}
		}
		defer cancel()
	}
	if s.conns.Load() != 1 || s.reqs.Load() != 12 {
		t.Errorf("%d connections and %d requests, want 1 and 12", s.conns.Load(), s.reqs.Load())
	}
}

// What vuSetup opened outlives the context it ran under, also what was opened
// beside the script and by clients.
func TestAsyncInVUSetup(t *testing.T) {
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/login" {
			w.Header().Set("Set-Cookie", "who=me")
		}
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	w := newWorld(t, newPlan(), `
		const api = new http.Client({baseURL: '`+s.URL+`'});
		exports.vuSetup = async () => { await http.asyncRequest('GET', '`+s.URL+`/login'); await api.asyncRequest('GET', '/login') };`, `
		return Promise.all([http.asyncRequest('GET', '`+s.URL+`'), api.asyncRequest('GET', '/')]).then(all => say(all.map(r => r.body), http.get('`+s.URL+`').body))`)
	ctx, cancel := context.WithCancel(context.Background())
	if err := w.vu.Setup(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 2 {
		if got := fmt.Sprint(w.run()); got != "[who=me,who=me who=me]" {
			t.Errorf("script said %s", got)
		}
	}
	if n := s.conns.Load(); n != 2 {
		t.Errorf("%d connections, want one for each client", n)
	}
}

func BenchmarkAsyncRequest(b *testing.B) {
	url := serve(b, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, "fine") })
	for _, bm := range []struct{ name, code string }{
		{"sync", `http.get('URL')`},
		{"async", `return http.asyncRequest('GET', 'URL')`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w := newWorld(b, newPlan(), "", strings.ReplaceAll(bm.code, "URL", url))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.iterate(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
