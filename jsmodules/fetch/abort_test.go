package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

// hanging is a server that never answers. It tells of each request, and when
// the connection it came over was closed.
func hanging(t *testing.T) (url string, asked, closed chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked, closed = make(chan struct{}, 100), make(chan struct{}, 100)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				b := make([]byte, 4096)
				n, err := c.Read(b)
				if err != nil {
					return
				}
				if n > 5 && b[5] != 'h' { // GET /…
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
					_, _ = c.Read(b)
					return
				}
				asked <- struct{}{}
				_, _ = c.Read(b)
				closed <- struct{}{}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return "http://" + l.Addr().String(), asked, closed
}

func TestAbort(t *testing.T) {
	url, _, closed := hanging(t)
	w := says(t, "const url = '"+url+"';", `
		const c = new AbortController(), all = [];
		say(c.signal.aborted, c.signal.reason, String(c.signal), c.signal === c.signal);
		c.signal.onabort = e => say('onabort', e.type, e.target === c.signal);
		c.signal.addEventListener('abort', {handleEvent() { say('object') }});
		const twice = () => say('once'), gone = () => say('gone');
		c.signal.addEventListener('abort', twice); c.signal.addEventListener('abort', twice); c.signal.addEventListener('abort', gone); c.signal.addEventListener('other', gone);
		c.signal.removeEventListener('abort', gone);
		for (let i = 0; i < 3; i++) all.push(fetch(url + '/hang', {signal: i ? c.signal : AbortSignal.any([c.signal, new AbortController().signal])}).catch(e => e));
		const other = fetch(url + '/', {signal: new AbortController().signal});
		say((await other).status);
		c.abort(); c.abort('again');
		const errors = await Promise.all(all);
		say(errors.map(e => e.name + e.code + (e === c.signal.reason)).join(), c.signal.aborted);
		try { c.signal.throwIfAborted() } catch (e) { say(e instanceof Error, e.message) }
		await fetch(url + '/', {signal: c.signal}).catch(e => say(e === c.signal.reason));
		say(await fetch(url + '/', {signal: AbortSignal.abort('why')}).catch(e => e), AbortSignal.abort().reason.name, AbortSignal.any([AbortSignal.abort(5)]).reason, AbortSignal.any([]).aborted);
		say((await fetch(url + '/')).status);
	`,
		"false undefined [object AbortSignal] true",
		"200",
		"object", "once", "onabort abort true",
		"AbortError20true,AbortError20true,AbortError20true true",
		"true the operation was aborted",
		"true", "why AbortError 5 false",
		"200",
	)
	sent := 0
	for range 3 { // what had been sent by then was closed
		select {
		case <-closed:
			sent++
		default:
		}
	}
	if n := w.value("http_reqs", "error", "aborted by the script").Sum; int(n) < sent || n > 3 {
		t.Errorf("%v aborted requests were counted, %d were seen", n, sent)
	}
	if a := w.value("http_req_failed"); a.Count != 2 || a.NonZero != 0 {
		t.Errorf("%d of %d requests failed, want 0 of 2", a.NonZero, a.Count)
	}
}

// An aborted request's connection is closed at once, and the VU goes on.
func TestAbortClosesTheConnection(t *testing.T) {
	url, asked, closed := hanging(t)
	w := newWorld(t, newPlan(), "", `
		const c = new AbortController();
		const p = fetch('`+url+`/hang', {signal: c.signal}).catch(e => say(e.name));
		await fetch('`+url+`/wait');
		c.abort(); await p; say('after')`)
	// The answer to /wait comes at once; the abort must wait for the request.
	_ = asked
	if got := fmt.Sprint(w.run()); got != "[AbortError after]" {
		t.Fatalf("script said %s", got)
	}
	select {
	case <-asked:
		<-closed
	default: // it was aborted before it was sent
	}
}

func TestTimeout(t *testing.T) {
	url, asked, closed := hanging(t)
	w := says(t, "const url = '"+url+"';", `
		const s = AbortSignal.timeout(30); s.onabort = () => say('told');
		const e = await fetch(url + '/hang', {signal: s}).catch(e => e);
		say(e.name, e.code, e === s.reason, s.aborted);
		const any = AbortSignal.any([new AbortController().signal, AbortSignal.timeout(20)]);
		say((await fetch(url + '/hang', {signal: any}).catch(e => e)).name, any.aborted);
		say((await fetch(url + '/hang', {timeout: 20}).catch(e => e)).message.includes('request timeout'));
		say(AbortSignal.timeout(0).aborted, AbortSignal.timeout(1e9).aborted, AbortSignal.timeout(1e9).reason);
	`, "told", "TimeoutError 23 true true", "TimeoutError true", "true", "true false undefined")
	for range 3 {
		<-asked
		<-closed
	}
	// Whatever set the limit, the target was too slow.
	if a := w.value("http_req_failed", "error_code", "1050"); a.NonZero != 3 {
		t.Errorf("%d timeouts were counted, want 3", a.NonZero)
	}
	if a := w.value("http_req_duration"); a.Count != 3 || a.Min < 10 {
		t.Errorf("%d durations from %v, want 3 of the time waited", a.Count, a.Min)
	}
}

// Signals that outlive an iteration keep nothing of it.
func TestSignalsOutliveIterations(t *testing.T) {
	url, asked, closed := hanging(t)
	w := newWorld(t, newPlan(), "const c = new AbortController();", `
		const n = __ITER + 1;
		AbortSignal.any([c.signal]).onabort = () => say('follower ' + n);
		if (n === 1) { fetch('`+url+`/hang', {signal: c.signal}).catch(() => say('caught')); return }
		if (n === 2) { say((await fetch('`+url+`/', {signal: c.signal})).status); return }
		c.abort(); say(c.signal.aborted)`)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.vu.Iterate(ctx, vu.Iteration{Scenario: scenario}) }()
	<-asked
	cancel()
	var in *vu.Interrupted
	if err := <-done; !errors.As(err, &in) {
		t.Fatalf("got %v", err)
	}
	<-closed
	for i := range 2 {
		if err := w.vu.Iterate(context.Background(), vu.Iteration{Scenario: scenario, InVU: uint64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(w.heard()); got != "[200 follower 3 true]" {
		t.Errorf("script said %s", got)
	}
}

// Over HTTP/2 requests share a connection: one of them can end by itself.
func TestAbortOneOfSeveral(t *testing.T) {
	hung, ended, conns := make(chan struct{}, 1), make(chan struct{}, 1), atomic.Int32{}
	s := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/hang":
			hung <- struct{}{}
			<-r.Context().Done()
			ended <- struct{}{}
		case "/hung":
			<-hung
		case "/ended":
			<-ended
		}
		io.WriteString(w, r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state nethttp.ConnState) {
		if state == nethttp.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	p := newPlan()
	p.HTTP.InsecureSkipTLSVerify = true
	w := newWorld(t, p, "const url = '"+s.URL+"';", `
		say(await (await fetch(url)).text());
		const c = new AbortController();
		const hang = fetch(url + '/hang', {signal: c.signal}).catch(e => e.name), other = fetch(url + '/ended');
		await fetch(url + '/hung'); // the server has it
		c.abort();
		say(await hang, (await other).status, await (await fetch(url)).text());`)
	if got := fmt.Sprintf("%q", w.run()); got != `["HTTP/2.0" "AbortError 200 HTTP/2.0"]` {
		t.Errorf("script said %s, logged %q", got, w.logged)
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	if n := w.value("http_reqs", "error", "aborted by the script").Sum; n != 1 {
		t.Errorf("%v aborted requests were counted, want 1", n)
	}
}

// A handshake that hangs ends with its request.
func TestAbortHandshake(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	greeted, closed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(closed)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 16<<10)
		_, _ = c.Read(b) // the greeting
		close(greeted)
		for err == nil {
			_, err = c.Read(b)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-closed
	})
	url := echo(t)
	s := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { <-greeted }))
	t.Cleanup(s.Close)
	w := newWorld(t, newPlan(), "", `
		const c = new AbortController();
		const hang = fetch('https://`+l.Addr().String()+`/', {signal: c.signal}).catch(e => e.name);
		await fetch('`+s.URL+`'); c.abort(); say(await hang, (await fetch('`+url+`')).status)`)
	if got := fmt.Sprint(w.run()); got != "[AbortError 200]" {
		t.Errorf("script said %s", got)
	}
	<-closed
}

// A listener that throws does not keep the others from being told.
func TestListenersThrow(t *testing.T) {
	w := newWorld(t, newPlan(), "", `
		const c = new AbortController();
		c.signal.addEventListener('abort', () => { throw new Error('first') });
		c.signal.addEventListener('abort', () => say('second'));
		try { c.abort() } catch (e) { say(e.message) }`)
	if got := fmt.Sprint(w.run()); got != "[second first]" {
		t.Errorf("script said %s", got)
	}
}

// TestHintsOfTimeouts: what is told to look at is what set the limit.
func TestHintsOfTimeouts(t *testing.T) {
	url, asked, closed := hanging(t)
	for code, want := range map[string]string{
		`{signal: AbortSignal.timeout(20)}`:                    "the AbortSignal.timeout() of the request gave it no more time",
		`{signal: AbortSignal.any([AbortSignal.timeout(20)])}`: "the AbortSignal.timeout() of the request gave it no more time",
		`{timeout: 20}`: "the parameter timeout gives a request more time (default 60s)",
	} {
		w := says(t, "", "await fetch('"+url+"/hang', "+code+").catch(() => say('failed'))", "failed")
		<-asked
		<-closed
		if len(w.hints) != 1 || w.hints[0] != want {
			t.Errorf("%s: hints %q, want %q", code, w.hints, want)
		}
	}
}
