package http

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// readRequest reads one request from c.
func readRequest(r *bufio.Reader) bool {
	req, err := nethttp.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

// TestHostile sends what no server should. What matters: the error has a code of
// its own, comes in time, and the connection is not used for the next request.
func TestHostile(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for _, tt := range []struct {
		name, send string
		close      bool // the server closes after sending
		status     int
		code       int
	}{
		{"garbage", "\x00\x01\x02 this is not HTTP\r\n\r\n", false, 0, transport.CodeMalformed},
		{"short garbage", "Hello", false, 0, transport.CodeMalformed},
		{"http2 preface", "HTTP/2.0 200 OK\r\n\r\n", false, 0, transport.CodeMalformed},
		{"bad status", "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", false, 0, transport.CodeMalformed},
		{"bad header", "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", false, 0, transport.CodeMalformed},
		{"control character", "HTTP/1.1 200 OK\r\nA: b\x01c\r\nContent-Length: 0\r\n\r\n", false, 0, transport.CodeMalformed},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok.", false, 0, transport.CodeLengths},
		{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", false, 0, transport.CodeLengths},
		{"huge length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok", false, 0, transport.CodeBodyTooLarge},
		{"overflowing length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok", false, 0, transport.CodeMalformed},
		{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok", false, 0, transport.CodeMalformed},
		{"huge chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nok", true, 0, transport.CodeTruncated},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n", false, 0, transport.CodeMalformed},
		{"chunk too long", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n", false, 0, transport.CodeMalformed},
		{"overflowing chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nok", false, 0, transport.CodeMalformed},
		{"truncated body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", true, 0, transport.CodeTruncated},
		{"truncated chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", true, 0, transport.CodeTruncated},
		{"truncated header", "HTTP/1.1 200 OK\r\nContent-Le", true, 0, transport.CodeTruncated},
		{"nothing", "", true, 0, transport.CodeNoResponse},
		{"flood of 1xx", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 1000) + ok, false, 0, transport.CodeInterim},
		{"some 1xx", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 5) + ok, false, 200, 0},
		{"endless header", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 200_000), false, 0, transport.CodeHeadTooLarge},
		{"many headers", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 50_000), false, 0, transport.CodeHeadTooLarge},
		{"big header", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 50_000) + "\r\nContent-Length: 2\r\n\r\nok", false, 200, 0},
		{"surplus", ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen", false, 200, transport.CodeSurplus},
		{"surplus after 204", "HTTP/1.1 204 No Content\r\n\r\nextra", false, 204, transport.CodeSurplus},
		{"surplus after chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nextra", false, 200, transport.CodeSurplus},
		{"endless trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + strings.Repeat("A: b\r\n", 50_000), false, 0, transport.CodeMalformed},
		{"trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n", false, 200, 0},
		{"not gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", false, 0, transport.CodeDecode},
		{"until close", "HTTP/1.0 200 OK\r\n\r\nok", true, 200, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int64
			url := rawServer(t, func(c net.Conn) {
				r := bufio.NewReader(c)
				for readRequest(r) {
					if n.Add(1) > 1 {
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
						continue
					}
					io.WriteString(c, tt.send)
					if tt.close {
						return
					}
				}
			})
			w := newWorld(t, newPlan(), "", fmt.Sprintf(`
				const r = http.get('%s', {timeout: '5s'});
				say(r.status, r.error_code, r.error === '', r.status === 200 ? r.body : '');
				say(http.get('%[1]s').body);`, url))
			got := w.run()
			body := ""
			if tt.status == 200 {
				body = "ok"
			}
			want := fmt.Sprintf("%d %d %v %s", tt.status, tt.code, tt.code == 0, body)
			if got[0] != want || got[1] != "second" {
				t.Errorf("got %q, want %q and second", got, want)
			}
			if a := w.value("http_reqs"); a.Sum != 2 {
				t.Errorf("%v requests were counted, want 2", a.Sum)
			}
			if failed := w.value("http_req_failed").NonZero; (failed == 1) != (tt.status == 0) {
				t.Errorf("%d requests failed", failed)
			}
			if logged := w.logged(); (len(logged) == 1) != (tt.code != 0) {
				t.Errorf("logged %q", logged)
			}
		})
	}
}

// TestDrip has a server send one byte at a time: the timeout holds for the whole
// request, not for each read.
func TestDrip(t *testing.T) {
	for _, head := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n"} {
		for _, kind := range []string{"text", "none"} {
			url := rawServer(t, func(c net.Conn) {
				readRequest(bufio.NewReader(c))
				io.WriteString(c, head)
				for i := 0; ; i++ {
					b := "HTTP/1.1 200 OK\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"[i%50 : i%50+1]
					if _, err := io.WriteString(c, b); err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
			start := time.Now()
			says(t, newPlan(), "", fmt.Sprintf("const r = http.get('%s', {timeout: 200, responseType: '%s'}); say(r.status, r.error_code, r.error);", url, kind),
				"0 1050 request timeout")
			if took := time.Since(start); took < 200*time.Millisecond {
				t.Errorf("gave up after %v", took)
			}
		}
	}
}

// TestMemory has a server announce and send far more than may be kept.
func TestMemory(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 80 {
		z.Write(zeros)
	}
	z.Close()
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		case "/endless":
			for range 70 {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		}
	})
	w := newWorld(t, newPlan(), "", fmt.Sprintf(`
		say(http.get('%s/bomb').error_code);
		say(http.get('%[1]s/endless').error_code);
		const r = http.get('%[1]s/endless', {responseType: 'none'});
		say(r.status, r.body);
		say(http.get('%[1]s/bomb', {responseType: 'none'}).status);`, url))
	got := w.run()
	if want := "[1034 1034 200 null 200]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if a := w.value("data_received"); a.Sum < 70<<20 {
		t.Errorf("%v bytes were counted, want those of the drained body too", a.Sum)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("%d bytes are still held", m.HeapAlloc)
	}
}

// TestAnnouncedLength checks that a length that is only announced costs nothing.
func TestAnnouncedLength(t *testing.T) {
	url := rawServer(t, func(c net.Conn) {
		readRequest(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\nshort")
	})
	w := newWorld(t, newPlan(), "", fmt.Sprintf("say(http.get('%s').error_code)", url))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.run()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated for 5 that came", n)
	}
}

// TestLateSurplus has a server send a second response that nobody asked for
// while the connection is idle.
func TestLateSurplus(t *testing.T) {
	var n atomic.Int64
	late := make(chan struct{}, 1)
	url := rawServer(t, func(c net.Conn) {
		r := bufio.NewReader(c)
		for readRequest(r) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n.Add(1))
			if n.Load() == 1 {
				time.Sleep(20 * time.Millisecond)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
				late <- struct{}{}
			}
		}
	})
	w := newWorld(t, newPlan(), "", fmt.Sprintf("say(http.get('%s').body)", url))
	w.run()
	<-late
	if got := w.run(); fmt.Sprint(got) != "[2]" {
		t.Errorf("got %v, want the second response", got)
	}
	if a := w.value("http_reqs"); a.Sum != 2 || n.Load() != 2 {
		t.Errorf("%v requests were counted and %d seen, want 2", a.Sum, n.Load())
	}
}

// TestStale has a server close connections that were kept alive: at rest, or at
// the very moment the next request comes.
func TestStale(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		atRest       bool
		want         string
	}{
		{"get, closed at rest", "GET", true, "200 0"},
		{"post, closed at rest", "POST", true, "200 0"},
		{"get, closed on arrival", "GET", false, "200 0"},
		{"put, closed on arrival", "PUT", false, "200 0"},
		{"post, closed on arrival", "POST", false, "0 1037"}, // may have been processed: not sent again
	} {
		t.Run(tt.name, func(t *testing.T) {
			closed := make(chan struct{}, 8)
			var conns atomic.Int64
			url := rawServer(t, func(c net.Conn) {
				first := conns.Add(1) == 1
				r := bufio.NewReader(c)
				for i := 0; readRequest(r); i++ {
					if first && i == 1 {
						return
					}
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					if first && tt.atRest {
						c.Close()
						closed <- struct{}{}
						return
					}
				}
			})
			w := newWorld(t, newPlan(), "", fmt.Sprintf("const r = http.request('%s', '%s', 'x'); say(r.status, r.error_code)", tt.method, url))
			w.run()
			if tt.atRest {
				<-closed
			}
			if got := w.run(); got[0] != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			retries := 0.0
			if !tt.atRest && tt.method != "POST" {
				retries = 1 // the target has received both
			}
			if got := w.value("http_req_retries").Sum; got != retries {
				t.Errorf("%v retries counted, want %v", got, retries)
			}
			if a := w.value("http_reqs"); a.Sum != 2 {
				t.Errorf("%v requests were counted, want 2", a.Sum)
			}
		})
	}
}

// TestHardStop ends the context while a response is awaited.
func TestHardStop(t *testing.T) {
	for _, send := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12"} {
		arrived := make(chan struct{})
		url := rawServer(t, func(c net.Conn) {
			r := bufio.NewReader(c)
			if readRequest(r) {
				io.WriteString(c, send)
				close(arrived)
				r.ReadByte()
			}
		})
		w := newWorld(t, newPlan(), "", fmt.Sprintf("try { http.get('%s'); say('returned') } catch (e) { say('caught') } finally { say('finally') }", url))
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-arrived; cancel() }()
		start := time.Now()
		if err := w.iterate(ctx); err == nil {
			t.Error("the iteration was not interrupted")
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v to end", took)
		}
		if got := w.heard(); len(got) != 0 {
			t.Errorf("the script went on: %v", got)
		}
		// It was sent, so it counts; it says nothing about the target.
		if a := w.value("http_reqs"); a.Sum != 1 {
			t.Errorf("%v requests were counted, want 1", a.Sum)
		}
		if a := w.value("http_req_failed"); a.Count != 0 {
			t.Errorf("http_req_failed has %d samples", a.Count)
		}
		if a := w.value("http_req_duration"); a.Count != 0 {
			t.Errorf("http_req_duration has %d samples", a.Count)
		}
	}
}

// TestAfterHardStop uses a VU again whose idle connections a stop has closed.
func TestAfterHardStop(t *testing.T) {
	s := count(t, false, echo)
	w := newWorld(t, newPlan(), "", fmt.Sprintf("say(http.get('%s').status)", s.URL))
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		if err := w.iterate(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		time.Sleep(time.Millisecond) // the connection may be closed by now, or not: both must do
	}
	if got := w.heard(); fmt.Sprint(got) != "[200 200 200]" {
		t.Errorf("got %v", got)
	}
	if got := w.value("http_reqs").Sum; got != 3 || s.reqs.Load() != 3 {
		t.Errorf("%v requests were counted, the server saw %d, want 3", got, s.reqs.Load())
	}
}
