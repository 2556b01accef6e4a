package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

func clear2(t testing.TB) *vu {
	return newVU(t, nil, func(o *Options) { o.Version = "2" })
}

// TestGoAway finishes what runs, and opens another connection for the next call.
func TestGoAway(t *testing.T) {
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings()
		id := c.await()
		c.WriteGoAway(id, http2.ErrCodeNo, nil)
		c.answer(id)
		c.idle()
	})
	v := clear2(t)
	for range 3 {
		r := v.get(url)
		want(t, r, "HTTP/2.0")
		if r.Resent {
			t.Error("it was sent twice")
		}
	}
	if n := v.n.dialled(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

// TestGoAwayUnseen sends again what the server has not looked at, whatever it is.
func TestGoAwayUnseen(t *testing.T) {
	var turn atomic.Int32
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings()
		first := turn.Add(1) == 1
		for id := c.await(); id != 0; id = c.await() {
			if first && id == 3 {
				c.WriteGoAway(1, http2.ErrCodeNo, nil)
				continue
			}
			c.answer(id)
		}
	})
	v := clear2(t)
	for i, resent := range []bool{false, true, false} {
		q := v.call("POST", url)
		q.Body = "x"
		r := v.do(q)
		want(t, r, "HTTP/2.0")
		if r.Resent != resent {
			t.Errorf("call %d: sent again %v, want %v", i, r.Resent, resent)
		}
	}
	if n := v.n.dialled(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// TestRefused sends a refused request again.
func TestRefused(t *testing.T) {
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings()
		c.WriteRSTStream(c.await(), http2.ErrCodeRefusedStream)
		for id := c.await(); id != 0; id = c.await() {
			c.answer(id)
		}
	})
	v := clear2(t)
	q := v.call("POST", url)
	q.Body = "x"
	r := v.do(q)
	want(t, r, "HTTP/2.0")
	if string(r.Body) != "3" || !r.Resent {
		t.Errorf("body %q, sent again %v", r.Body, r.Resent)
	}
}

// TestIdleClosed takes another connection when the server has closed the one
// that was kept, or closes it when the next request comes.
func TestIdleClosed(t *testing.T) {
	for name, later := range map[string]bool{"before": false, "at the request": true} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan struct{}, 9)
			url := serveRaw(t, func(c *raw) {
				c.WriteSettings()
				c.answer(c.await())
				if later {
					c.await()
				}
				c.Close()
				closed <- struct{}{}
			})
			v := clear2(t)
			want(t, v.get(url), "HTTP/2.0")
			if !later {
				<-closed
			}
			r := v.get(url)
			want(t, r, "HTTP/2.0")
			if r.Resent != later {
				t.Errorf("sent again %v", r.Resent)
			}
			if later {
				q := v.call("POST", url)
				q.Body = "x"
				if r := v.do(q); r.Fail == nil || r.Resent {
					t.Errorf("a POST was sent again: %s", describe(r.Fail))
				}
			}
		})
	}
}

// TestMaxStreams holds as many calls back as the server asks for.
func TestMaxStreams(t *testing.T) {
	const most = 3
	var open, highest atomic.Int32
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: most})
		var wait []uint32
		for id := c.await(); id != 0; id = c.await() {
			if id > 1 && open.Add(1) > highest.Load() {
				highest.Store(open.Load())
			}
			wait = append(wait, id)
			if id == 1 || len(wait) == most { // those of a round, backwards
				for i := len(wait) - 1; i >= 0; i-- {
					if wait[i] > 1 {
						open.Add(-1)
					}
					c.answer(wait[i])
				}
				wait = wait[:0]
			}
		}
	})
	v := clear2(t)
	want(t, v.get(url), "HTTP/2.0")
	var calls sync.WaitGroup
	for range 10 * most {
		calls.Go(func() {
			if r := v.get(url); r.Fail != nil {
				t.Error(describe(r.Fail))
			}
		})
	}
	calls.Wait()
	if n := highest.Load(); n != most || v.n.dialled() != 1 {
		t.Errorf("%d streams at once, %d connections", n, v.n.dialled())
	}
}

// TestNoStreams waits in vain for a server that takes none.
func TestNoStreams(t *testing.T) {
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings()
		c.answer(c.await())
		c.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
		c.idle()
	})
	v := clear2(t)
	want(t, v.get(url), "HTTP/2.0")
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			time.Sleep(50 * time.Millisecond) // the setting has come
			q := v.call("GET", url)
			q.Deadline = q.Start + 100*time.Millisecond
			if r := v.do(q); r.Fail != FailTimeout || r.Written || r.Sent > 100 {
				t.Errorf("%s, written %v", describe(r.Fail), r.Written)
			}
		})
	}
	calls.Wait()
}

// TestOneConnection opens one connection for calls that begin together.
func TestOneConnection(t *testing.T) {
	s := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	v := newVU(t, nil, func(o *Options) { o.TLS = skipVerify(t) })
	var calls sync.WaitGroup
	for range 10 {
		calls.Go(func() {
			if r := v.get(s.URL); r.Fail != nil || string(r.Body) != "HTTP/2.0" {
				t.Errorf("%q: %s", r.Body, describe(r.Fail))
			}
		})
	}
	calls.Wait()
	if n := v.n.dialled(); n != 1 {
		t.Errorf("%d connections", n)
	}
	if r := v.do(func() *Call { q := v.call("GET", s.URL); q.Version = "1.1"; return q }()); string(r.Body) != "HTTP/1.1" {
		t.Errorf("asked for HTTP/1.1, got %q: %s", r.Body, describe(r.Fail))
	}
}

// TestOldServer speaks HTTP/1.1 with a server that has no other, unless told not to.
func TestOldServer(t *testing.T) {
	s := httptest.NewTLSServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, r.Proto) }))
	t.Cleanup(s.Close)
	for _, alpn := range [][]string{{"http/1.1"}, nil} {
		s.TLS.NextProtos = alpn
		v := newVU(t, nil, func(o *Options) { o.TLS = skipVerify(t) })
		var calls sync.WaitGroup
		for range 4 {
			calls.Go(func() { want(t, v.get(s.URL), "HTTP/1.1") })
		}
		calls.Wait()
		dialled := v.n.dialled()
		for range 3 {
			want(t, v.get(s.URL), "HTTP/1.1")
		}
		if n := v.n.dialled(); n != dialled || n > 5 {
			t.Errorf("%d connections, then %d", dialled, n)
		}
		q := v.call("GET", s.URL)
		q.Version = "2"
		if r := v.do(q); r.Fail != failNoH2 {
			t.Errorf("offered %q: %s", alpn, describe(r.Fail))
		}
	}
}

// TestOldRequired follows a server that wants HTTP/1.1 for what was asked.
func TestOldRequired(t *testing.T) {
	s := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, r.Proto) }))
	s.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	s.Config.TLSNextProto = map[string]func(*nethttp.Server, *tls.Conn, nethttp.Handler){
		"h2": func(_ *nethttp.Server, tc *tls.Conn, _ nethttp.Handler) {
			if _, err := io.ReadFull(tc, make([]byte, len(h2Preface))); err != nil {
				return
			}
			c := &raw{Conn: tc, Framer: http2.NewFramer(tc, tc)}
			c.WriteSettings()
			c.WriteRSTStream(c.await(), http2.ErrCodeHTTP11Required)
			c.idle()
		},
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	v := newVU(t, nil, func(o *Options) { o.TLS = skipVerify(t) })
	for range 2 {
		want(t, v.get(s.URL), "HTTP/1.1")
	}
}

// TestSilentConnection gives a connection up on which a call timed out and
// nothing came since, and keeps one that is merely slow.
func TestSilentConnection(t *testing.T) {
	for _, answers := range []bool{true, false} {
		url := serveRaw(t, func(c *raw) {
			c.WriteSettings()
			c.answer(c.await())
			c.await() // the call that times out
			if !answers {
				c.idle()
				return
			}
			for {
				f, err := c.ReadFrame()
				if err != nil {
					return
				}
				switch f := f.(type) {
				case *http2.PingFrame:
					c.WritePing(true, f.Data)
				case *http2.HeadersFrame:
					c.answer(f.StreamID)
				}
			}
		})
		v := clear2(t)
		want(t, v.get(url), "HTTP/2.0")
		q := v.call("GET", url)
		q.Deadline = q.Start + 50*time.Millisecond
		if r := v.do(q); r.Fail != FailTimeout {
			t.Errorf("%s", describe(r.Fail))
		}
		time.Sleep(pingGrace + 50*time.Millisecond)
		want(t, v.get(url), "HTTP/2.0")
		if n := v.n.dialled(); n != 1 && answers || n != 2 && !answers {
			t.Errorf("answers %v: %d connections", answers, n)
		}
	}
}

// TestOwnResponses has many calls at once, of which some time out, with answers
// in any order and late ones too. None gets what is another's.
func TestOwnResponses(t *testing.T) {
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 20})
		type request struct {
			id   uint32
			path string
		}
		requests := make(chan request, 1000)
		var mu sync.Mutex
		go func() {
			defer close(requests)
			for {
				f, err := c.ReadFrame()
				if err != nil {
					return
				}
				switch f := f.(type) {
				case *http2.HeadersFrame:
					fields, err := c.dec.DecodeFull(f.HeaderBlockFragment())
					if err != nil {
						return
					}
					for _, h := range fields {
						if h.Name == ":path" {
							requests <- request{f.StreamID, h.Value}
						}
					}
				case *http2.PingFrame:
					mu.Lock()
					c.WritePing(true, f.Data)
					mu.Unlock()
				}
			}
		}()
		var held []request
		for r := range requests {
			if held = append(held, r); len(held) < 5 && rand.IntN(3) > 0 {
				time.Sleep(time.Millisecond)
				if len(requests) > 0 {
					continue
				}
			}
			rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
			mu.Lock()
			for _, r := range held {
				c.header(r.id, false, ":status", "200", "path", r.path)
			}
			for _, r := range held {
				c.WriteData(r.id, false, []byte(r.path))
			}
			for _, r := range held {
				c.WriteData(r.id, true, []byte(r.path))
			}
			mu.Unlock()
			held = held[:0]
		}
	})
	v := clear2(t)
	var calls sync.WaitGroup
	var answered atomic.Int32
	for i := range 8 {
		calls.Go(func() {
			for j := range 100 {
				path := fmt.Sprintf("/%d-%d", i, j)
				q := v.call("GET", url+path)
				if j%5 == 4 {
					q.Deadline = q.Start + time.Duration(rand.IntN(3000))*time.Microsecond
				}
				r := v.do(q)
				switch {
				case r.Fail == nil && (string(r.Body) != path+path || !strings.Contains(string(r.Raw), "\r\nPath: "+path+"\r\n")):
					t.Errorf("%s got %q %q", path, r.Raw[:r.HeadLen], r.Body)
				case r.Fail != nil && (j%5 != 4 || r.Fail.Code != codeTimeout && r.Fail.Code != codeDialTimeout):
					t.Errorf("%s: %s", path, describe(r.Fail))
				case r.Fail == nil:
					answered.Add(1)
				}
			}
		})
	}
	calls.Wait()
	if answered.Load() < 8*80 {
		t.Errorf("%d answers", answered.Load())
	}
}

// TestStuckWriter ends an upload in time when the server takes nothing more,
// by closing its window or by not reading at all.
func TestStuckWriter(t *testing.T) {
	for name, window := range map[string]uint32{"window": 0, "socket": 1<<31 - 1} {
		t.Run(name, func(t *testing.T) {
			url := serveRaw(t, func(c *raw) {
				c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
				c.WriteWindowUpdate(0, 1<<30)
				c.answer(c.await())
				c.await()
				time.Sleep(time.Second)
			})
			v := clear2(t)
			want(t, v.get(url), "HTTP/2.0")
			q := v.call("POST", url)
			q.Source = made{1 << 30, 1 << 30}
			q.Deadline = q.Start + 200*time.Millisecond
			due := alarm(v.n.Network, q.Deadline)
			r := v.do(q)
			if late := v.n.Clock() - due(); r.Fail != FailTimeout || r.Written || late > 100*time.Millisecond {
				t.Errorf("%s, written %v, %v late", describe(r.Fail), r.Written, late)
			}
		})
	}
}

// TestEarlyAnswerH2 stops an upload that the server has answered.
func TestEarlyAnswerH2(t *testing.T) {
	for name, reset := range map[string]bool{"reset": true, "silent": false} {
		t.Run(name, func(t *testing.T) {
			url := serveRaw(t, func(c *raw) {
				c.WriteSettings()
				id := c.await()
				c.header(id, false, ":status", "413")
				c.WriteData(id, true, []byte("no"))
				if reset {
					c.WriteRSTStream(id, http2.ErrCodeNo)
				}
				for id := c.await(); id != 0; id = c.await() {
					c.answer(id)
				}
			})
			v := clear2(t)
			q := v.call("POST", url)
			q.Source = made{1 << 30, 1 << 30}
			r := v.do(q)
			if r.Fail != nil || r.Status != 413 || string(r.Body) != "no" || r.Written {
				t.Errorf("%d %q, written %v: %s", r.Status, r.Body, r.Written, describe(r.Fail))
			}
			want(t, v.get(url), "HTTP/2.0")
			if n := v.n.dialled(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestWindowOfStream refuses more of a body than it has asked for: unread, it is
// held, but only as much as was allowed.
func TestWindowOfStream(t *testing.T) {
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings()
		id := c.await()
		c.header(id, false, ":status", "200")
		if c.await() == 0 {
			return
		}
		for range streamWindow/minFrame + 1 {
			c.WriteData(id, false, make([]byte, minFrame))
		}
		c.idle()
	})
	v := clear2(t)
	q := v.call("GET", url)
	q.Stream = true
	r := v.do(q)
	want(t, r, "HTTP/2.0")
	defer r.Stream.Close()
	if other := v.get(url); other.Fail == nil || other.Fail.Code != codeH2Conn+h2FlowControl {
		t.Errorf("%s", describe(other.Fail))
	}
	n, err := io.Copy(io.Discard, r.Stream)
	if n != streamWindow || r.Stream.Failure(err).Code != codeH2Conn+h2FlowControl {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// FuzzH2 has servers send arbitrary frames. Whatever comes of a call, it
// ends, and nothing is left.
func FuzzH2(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(appendFrame(nil, 0, frameSettings, 0, 0), appendFrame(nil, 1, frameHeaders, flagEndHeaders|flagEndStream, 1)...))
	f.Add([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x05\x00\x00\x00\x01\x88"))
	f.Add([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88\x00\x00\x02\x00\x01\x00\x00\x00\x01ok"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, server)
		go func() {
			server.Write(sent)
			server.Close()
		}()
		n := NewNetwork(func(context.Context, string, string) (net.Conn, error) { return client, nil })
		c := NewClient(NewSettings(n, Options{Version: "2"}), 0)
		defer c.Close()
		target, err := c.set.Target("http://h/")
		if err != nil {
			t.Fatal(err)
		}
		var r Reply
		c.Do(context.Background(), &Call{Method: "POST", Body: "x", Target: target, Deadline: n.Clock() + 5*time.Second}, &r)
		if (r.Fail == nil) != (r.Status >= 200) || r.Fail == FailTimeout {
			t.Errorf("status %d, %s", r.Status, describe(r.Fail))
		}
		if cap(r.Raw) > 8*len(sent)+maxHead+2*firstGrowth {
			t.Errorf("%d bytes became %d", len(sent), cap(r.Raw))
		}
		server.Close()
	})
}
