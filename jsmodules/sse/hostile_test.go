package sse

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/sandbox"
)

// tell is a script that reads a stream by each of the ways and says how it ended.
var tell = map[string]string{
	"open": `let n = 0; const res = sse.open('URL', c => { c.on('event', e => n += e.data.length); c.on('error', e => say(e.error_code, e.error)) }); say(n, res.error_code, res.error)`,
	"source": `let n = 0; const es = new EventSource('URL'); es.onmessage = e => n += e.data.length;
		es.onerror = e => say(e.error_code, e.error); es.onend = e => say(n, e.error_code, e.error)`,
	"events": `let n = 0; try { for await (const e of sse.events('URL')) n += e.data.length } catch (e) { say(e.error_code, e.message); say(n, e.error_code, e.message) }`,
}

// broken tests a server that sends what is given after the head.
func broken(t *testing.T, code int, text string, received int, handle func(c net.Conn)) {
	t.Helper()
	for way, script := range tell {
		t.Run(way, func(t *testing.T) {
			url := rawServer(t, func(c net.Conn) {
				if ask(c) {
					handle(c)
				}
			})
			w := newWorld(t, newPlan(), url, "", script)
			w.says(fmt.Sprintf("%d %s", code, text), fmt.Sprintf("%d %d %s", received, code, text))
			w.counted(map[string]float64{"http_reqs": 1, "http_req_failed": 1})
			if n := w.value("http_reqs", "error_code", fmt.Sprint(code), "error", text).Sum; n != 1 {
				t.Errorf("%v requests failed like this", n)
			}
			if l := w.logged(); len(l) != 1 || l[0] != "warn: request to "+url+" failed: "+text {
				t.Errorf("logged %q", l)
			}
		})
	}
}

// repeat sends text until the other side hangs up.
func repeat(w io.Writer, text string) {
	text = strings.Repeat(text, max(1, 32<<10/len(text)))
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

func TestEndlessLine(t *testing.T) {
	for _, field := range []string{"data:", ":", "", "x:"} {
		broken(t, 1039, "a line of the event stream is longer than 1 MiB", 1, func(c net.Conn) {
			io.WriteString(c, head+"data:1\n\n"+field)
			repeat(c, "x")
		})
	}
}

func TestEndlessEvent(t *testing.T) {
	broken(t, 1039, "an event is larger than 8 MiB", 1, func(c net.Conn) {
		io.WriteString(c, head+"data:1\n\n")
		repeat(c, "data:"+strings.Repeat("x", 1000)+"\n")
	})
}

func TestReset(t *testing.T) {
	broken(t, 1220, "connection reset by peer", 1, func(c net.Conn) {
		io.WriteString(c, head+"data:1\n\ndata:2")
		time.Sleep(20 * time.Millisecond) // a reset discards what was not read
		c.(*net.TCPConn).SetLinger(0)
	})
}

func TestTruncated(t *testing.T) {
	broken(t, 1036, "connection closed in the middle of the response", 2, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata:12\n\n\r\n5\r\ndata:")
	})
}

func TestMalformedChunks(t *testing.T) {
	broken(t, 1030, "malformed response", 2, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata:12\n\n\r\nnonsense\r\n")
	})
}

func TestNoResponse(t *testing.T) {
	broken(t, 1037, "connection closed without a response", 0, func(c net.Conn) {})
}

// A failure that comes with the last events is not lost between them and the
// loop that asks for more.
func TestFailuresAreNotLost(t *testing.T) {
	url := rawServer(t, func(c net.Conn) {
		if ask(c) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata:12\n\n\r\nnonsense\r\n")
		}
	})
	newWorld(t, newPlan(), url, "", `
		const it = sse.events('URL');
		say((await it.next()).value.data);
		const failing = it.next(), late = Date.now() + 30;
		while (Date.now() < late); // the stream has failed meanwhile; nobody was told
		const after = it.next();
		try { await failing; say('never') } catch (e) { say(e.error_code) }
		say((await after).done);`).says("12", "1030", "true")
}

// What a few bytes grow to when they are decompressed is bounded as well.
func TestBomb(t *testing.T) {
	broken(t, 1039, "a line of the event stream is longer than 1 MiB", 1, func(c net.Conn) {
		io.WriteString(c, strings.TrimSuffix(head, "\r\n")+"Content-Encoding: gzip\r\n\r\n")
		z, _ := gzip.NewWriterLevel(c, gzip.BestCompression)
		io.WriteString(z, "data:1\n\n")
		repeat(z, "\x00")
	})
}

func TestNotCompressed(t *testing.T) {
	broken(t, 1701, "response body cannot be decompressed", 0, func(c net.Conn) {
		io.WriteString(c, strings.TrimSuffix(head, "\r\n")+"Content-Encoding: gzip\r\n\r\n")
		io.WriteString(c, "\x1f\x8b\x08 this is not what it says: not a bit of it is compressed")
	})
}

// The timeout holds until the response begins, not longer.
func TestTimeout(t *testing.T) {
	t.Parallel()
	url := rawServer(t, func(c net.Conn) {
		if ask(c) {
			_, _ = c.Read(make([]byte, 1))
		}
	})
	newWorld(t, newPlan(), url, "", `
		const res = sse.open('URL', {timeout: 400}); say(res.status, res.error_code, res.error);
		const es = new EventSource('URL', {timeout: 400}); es.onerror = e => say(e.error_code, e.error);
	`).says("0 1050 request timeout", "1050 request timeout")
	url = serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		stream(w, "data:1\n\n")
		time.Sleep(600 * time.Millisecond)
		stream(w, "data:2\n\n")
	})
	newWorld(t, newPlan(), url, "", `
		sse.open('URL', {timeout: 400}, c => c.on('event', e => say(e.data)));
		for await (const e of sse.events('URL', {timeout: 400})) say(e.data);
	`).says("1", "2", "1", "2")
	// A body that is no stream must be there in time.
	url = serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.(nethttp.Flusher).Flush()
		<-r.Context().Done()
	})
	newWorld(t, newPlan(), url, "", `const res = sse.open('URL', {timeout: 400}); say(res.status, res.error_code)`).says("0 1050")
}

// A body that is no stream is read like any, and within the same bounds.
func TestLargeRefused(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { repeat(w, "x") })
	newWorld(t, newPlan(), url, "", `const res = sse.open('URL'); say(res.status, res.error_code, res.error, res.body)`).
		says("0 1034 response body larger than 64 MiB null")
}

// Silence ends with the iteration.
func TestSilence(t *testing.T) {
	for way, script := range tell {
		asked, gone := make(chan struct{}, 1), make(chan struct{}, 1)
		url := rawServer(t, func(c net.Conn) {
			if ask(c) {
				io.WriteString(c, head+":\n\n:\n\n")
				asked <- struct{}{}
				_, _ = c.Read(make([]byte, 1))
				gone <- struct{}{}
			}
		})
		w := newWorld(t, newPlan(), url, "", script)
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			<-asked
			cancel()
		}()
		var in *vu.Interrupted
		if err := w.iterate(ctx); !errors.As(err, &in) {
			t.Errorf("%s: %v", way, err)
		}
		<-gone
		w.counted(map[string]float64{"http_reqs": 1, "http_req_failed": 0})
	}
}

// Any number of events may come at once, or byte by byte.
func TestManyEvents(t *testing.T) {
	const n = 30_000
	for name, send := range map[string]func(w nethttp.ResponseWriter){
		"at once": func(w nethttp.ResponseWriter) { stream(w, strings.Repeat("data:x\n\n", n)) },
		"byte by byte": func(w nethttp.ResponseWriter) {
			stream(w, strings.Repeat("data:x\n\n", n-10))
			for _, c := range strings.Repeat("data:x\r\n\r\n", 10) {
				stream(w, string(c))
			}
		},
	} {
		url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { send(w) })
		for way, script := range tell {
			w := newWorld(t, newPlan(), url, "", script)
			want := []string{fmt.Sprintf("%d 0 ", n)}
			if way == "events" {
				w = newWorld(t, newPlan(), url, "", script+" say(n, 0, '')")
			}
			t.Run(name+" "+way, func(t *testing.T) {
				w.t = t
				w.says(want...)
				w.counted(map[string]float64{"http_reqs": 1, "sse_events": n})
				if k := w.value("sse_event_interval").Count; k != n-1 {
					t.Errorf("%d intervals", k)
				}
			})
		}
	}
}

// A script that is slow holds the server up: what has been sent and not been
// taken does not pile up here.
func TestBackpressure(t *testing.T) {
	for way, script := range map[string]string{
		"source": `const es = new EventSource('URL'); es.onmessage = () => { say('one'); es.close() }`,
		"open":   `sse.open('URL', c => c.on('event', () => { say('one'); c.close() }))`,
		"events": `for await (const e of sse.events('URL')) { say('one'); break }`,
	} {
		var sent atomic.Int64
		w := newWorld(t, newPlan(), "http://stream.test", "", script, func(h *sandbox.Host) {
			h.Dial = func(context.Context, string, string) (net.Conn, error) {
				ours, theirs := net.Pipe() // which holds nothing
				go func() {
					defer theirs.Close()
					if !ask(theirs) {
						return
					}
					text := []byte(head)
					for {
						n, err := theirs.Write(text)
						sent.Add(int64(n))
						if err != nil {
							return
						}
						text = []byte("data: " + strings.Repeat("x", 500) + "\n\n")
					}
				}()
				return ours, nil
			}
		})
		w.hear = func(string) {
			for before := int64(-1); before != sent.Load(); time.Sleep(20 * time.Millisecond) {
				before = sent.Load()
			}
			if n := sent.Load(); n > 64<<10 {
				t.Errorf("%s: took %d bytes while the script was busy", way, n)
			}
		}
		w.says("one")
	}
}

// Streams leave connections behind that can be used again, where they were read
// to their end.
func TestConnections(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/away":
			nethttp.Redirect(w, r, "/s", nethttp.StatusFound)
		case "/404":
			w.WriteHeader(404)
			io.WriteString(w, strings.Repeat("x", 100_000))
		default:
			stream(w, "data:1\n\n", "data:2\n\n")
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state nethttp.ConnState) {
		if state == nethttp.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	w := newWorld(t, newPlan(), s.URL, "", `
		http.get('URL');
		sse.open('URL/away', {method: 'POST', body: 'x'}, c => c.on('event', e => say(e.data)));
		sse.open('URL/404');
		for await (const e of sse.events('URL/s')) say(e.data);
		await new Promise(done => { new EventSource('URL').onend = done });
		http.get('URL');`)
	w.says("1", "2", "1", "2")
	w.says("1", "2", "1", "2")
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	sent := w.value("data_sent").Sum
	if sent < 14*40 {
		t.Errorf("%v bytes sent", sent)
	}
	w.counted(map[string]float64{"http_reqs": 14, "sse_events": 12})
}

// All bytes on the wire are counted, whichever way a stream ends.
func TestBytes(t *testing.T) {
	const n = 50
	block := make([]byte, 1000)
	rand.Read(block)
	text := fmt.Sprintf("data:%x\n\n", block)
	var in, out atomic.Int64
	url := rawServer(t, func(c net.Conn) {
		b := make([]byte, 8<<10)
		k, err := c.Read(b)
		if err != nil {
			return
		}
		in.Add(int64(k))
		k, _ = io.WriteString(c, head+strings.Repeat(text, n))
		out.Add(int64(k))
	})
	w := newWorld(t, newPlan(), url, "", `
		sse.open('URL', c => c.on('event', () => {}));
		for await (const e of sse.events('URL'));
		new EventSource('URL');`)
	w.says()
	w.counted(map[string]float64{"http_reqs": 3, "data_sent": float64(in.Load()), "data_received": float64(out.Load()), "sse_events": 3 * n})
}

// What a stream takes is seen while it lasts, and counted once.
func TestBytesOfLongStreams(t *testing.T) {
	t.Parallel()
	var out atomic.Int64
	url := rawServer(t, func(c net.Conn) {
		if !ask(c) {
			return
		}
		for _, text := range []string{head + "data:1\n\n", "data:2\n\n", "data:3\n\n"} {
			n, _ := io.WriteString(c, text)
			out.Add(int64(n))
			time.Sleep(1050 * time.Millisecond)
		}
	})
	w := newWorld(t, newPlan(), url, "", `sse.open('URL', c => c.on('event', e => say(e.data)))`)
	w.hear = func(text string) {
		if n := w.value("data_received").Sum; text == "2" && n < float64(len(head)) {
			t.Errorf("%v bytes were counted at the second event", n)
		}
	}
	w.says("1", "2", "3")
	w.counted(map[string]float64{"data_received": float64(out.Load()), "http_reqs": 1})
}

// However many streams there are, when they have ended nothing is left of them.
func TestManyStreams(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		stream(w, "data:1\n\n")
		if r.URL.Path == "/stay" {
			<-r.Context().Done()
		}
	})
	w := newWorld(t, newPlan(), url, "", `
		let ended = 0; const all = [];
		for (let i = 0; i < 50; i++) {
			const es = new EventSource(i % 2 ? 'URL' : 'URL/stay'); all.push(es);
			es.onmessage = () => { if (i % 2 === 0) es.close() };
			es.onend = () => ended++;
		}
		for (let i = 0; i < 20; i++) sse.events('URL/stay');
		await Promise.all(all.map(es => new Promise(done => { es.readyState === 2 ? done() : (es.onopen = done) })));
		say(all.length);`)
	before := runtime.NumGoroutine()
	for range 3 {
		w.says("50")
	}
	w.vu.Close()
	for range 200 {
		if runtime.NumGoroutine() <= before+10 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.counted(map[string]float64{"http_req_failed": 0})
}

// Streams over each version of HTTP, from servers that nobody here wrote.
func TestVersions(t *testing.T) {
	bin, quic := peers.HTTPBin(t), peers.QUIC(t)
	for _, c := range []struct{ version, url, proto string }{
		{"1.1", bin.HTTP, "HTTP/1.1"}, {"1.1", bin.HTTPS, "HTTP/1.1"}, {"2", bin.H2, "HTTP/2.0"}, {"h2c", bin.H2C, "HTTP/2.0"}, {"3", quic.H3, "HTTP/3.0"},
	} {
		t.Run(c.proto+" "+c.url[:5], func(t *testing.T) {
			p := newPlan()
			p.HTTP.Version, p.HTTP.InsecureSkipTLSVerify = c.version, true
			w := newWorld(t, p, c.url, "", `
				const short = 'URL/sse?count=5&duration=20ms&delay=0s', long = 'URL/sse?count=100&duration=9s&delay=0s';
				const res = sse.open(short, c => c.on('event', e => say(e.type, JSON.parse(e.data).id)));
				say(res.status, res.proto, res.error_code);
				let n = 0; for await (const e of sse.events(short)) n++; say(n);
				for await (const e of sse.events(long)) break;
				sse.open(long, c => c.on('event', () => c.close()));
				sse.open(long, {maxDuration: 20});
				say(http.get('URL/status/200').status);
				const es = new EventSource(long), other = new EventSource(short); n = 0;
				other.addEventListener('ping', () => n++);
				await new Promise(done => { other.onend = done }); say(n);
				say(http.get('URL/get').status);
				es.close();
				say(sse.open('URL/status/404').error_code, sse.open('URL/redirect-to?url=' + encodeURIComponent(short), {maxEvents: 2}).status);`,
				func(h *sandbox.Host) { h.DialPacket = dialPacket })
			w.says("ping 0", "ping 1", "ping 2", "ping 3", "ping 4", "200 "+c.proto+" 0", "5", "200", "5", "200", "1404 200")
			if n := w.value("http_reqs", "proto", c.proto).Sum; n != 12 {
				t.Errorf("%v requests, want 12", n)
			}
			w.counted(map[string]float64{"http_req_failed": 1})

			// Interrupted while it waits.
			w = newWorld(t, p, c.url, "", `
				const es = new EventSource('URL/sse?count=100&duration=9s&delay=0s'); es.addEventListener('ping', () => say('ping'));
				for await (const e of sse.events('URL/sse?count=100&duration=9s&delay=0s')) ;`, func(h *sandbox.Host) { h.DialPacket = dialPacket })
			ctx, cancel := context.WithCancel(context.Background())
			w.hear = func(string) { cancel() }
			var in *vu.Interrupted
			if err := w.iterate(ctx); !errors.As(err, &in) {
				t.Errorf("got %v", err)
			}
			cancel()
			w.vu.Close()
		})
	}
}

func dialPacket(_ context.Context, address string) (net.PacketConn, net.Addr, error) {
	addr, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return nil, nil, err
	}
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	return pc, addr, err
}
