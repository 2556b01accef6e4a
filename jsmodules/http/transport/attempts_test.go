package transport

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// TestLostTime has a server keep a request for a while and then close its
// connection: the request is sent again, and what that took is the target's.
func TestLostTime(t *testing.T) {
	const silence = 100 * time.Millisecond
	for name, start := range map[string]func(t *testing.T) (*vu, string){
		"1.1": func(t *testing.T) (*vu, string) {
			s := newTalker(t, nil, &talker{before: func(nc net.Conn, conn, request int) {
				if conn == 0 && request == 1 {
					time.Sleep(silence)
					nc.Close()
				}
			}})
			return newVU(t, nil), s.url
		},
		"1.1 over TLS": func(t *testing.T) (*vu, string) {
			ca := peers.NewCA(t)
			s := newTalker(t, ca, &talker{before: func(nc net.Conn, conn, request int) {
				if conn == 0 && request == 1 {
					time.Sleep(silence)
					nc.Close()
				}
			}})
			return newVU(t, ca), s.url
		},
		"2": func(t *testing.T) (*vu, string) {
			turns := make(chan int, 1)
			turns <- 0
			url := serveRaw(t, func(c *raw) {
				turn := <-turns
				turns <- turn + 1
				c.WriteSettings()
				for id := c.await(); id != 0; id = c.await() {
					if turn == 0 && id == 3 {
						time.Sleep(silence)
						c.Close()
						return
					}
					c.answer(id)
				}
			})
			return clear2(t), url
		},
		"3": func(t *testing.T) (*vu, string) {
			turns := make(chan int, 1)
			turns <- 0
			url, ca := serveQUIC(t, func(c *rawQUIC) {
				turn := <-turns
				turns <- turn + 1
				c.greet()
				for s := c.request(); s != nil; s = c.request() {
					if turn == 0 && s.StreamID() == 4 {
						time.Sleep(silence)
						c.CloseWithError(h3NoError, "")
						return
					}
					s.Write(h3Fields(":status", "200"))
					s.Close()
				}
			})
			return newVU(t, ca, func(o *Options) { o.Version = "3" }), url
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, url := start(t)
			for i, resent := range []bool{false, true} {
				q := v.call("GET", url+"/")
				r := v.do(q)
				took := v.n.Clock() - q.Queued
				if r.Fail != nil || r.Status != 200 || r.Resent != resent {
					t.Fatalf("call %d: %d, sent again %v: %s", i, r.Status, r.Resent, describe(r.Fail))
				}
				if m := r.Timings; resent && (m.Waiting < silence || m.Blocked < 0 || m.Blocked >= silence || m.Duration() > took) {
					t.Errorf("%v passed, and %+v were measured", took, m)
				}
			}
		})
	}
}

// TestLostTimeIsKept counts the time of an attempt although the next one finds
// nobody who listens.
func TestLostTimeIsKept(t *testing.T) {
	const silence = 100 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		br := bufio.NewReader(nc)
		request(br)
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		request(br)
		l.Close()
		time.Sleep(silence)
		nc.Close()
	}()
	v := newVU(t, nil)
	url := "http://" + l.Addr().String() + "/"
	v.get(url)
	r := v.get(url)
	<-ended
	if r.Fail == nil || r.Fail.Code != codeRefused || !r.Resent || !r.Begun || r.Timings.Waiting < silence {
		t.Errorf("%s, sent again %v, begun %v, %+v", describe(r.Fail), r.Resent, r.Begun, r.Timings)
	}
}

// request reads the header of a request.
func request(br *bufio.Reader) {
	for {
		if line, err := br.ReadString('\n'); err != nil || line == "\r\n" {
			return
		}
	}
}

// TestCut ends calls in the middle, as the end of a test does: what is told of
// them says how far they came.
func TestCut(t *testing.T) {
	heldUp := func(c *raw) {
		c.WriteSettings()
		c.await()
	}
	for name, tc := range map[string]struct {
		start  func(t *testing.T, ready chan<- struct{}) (*vu, string)
		upload bool
	}{
		"1.1, upload": {func(t *testing.T, ready chan<- struct{}) (*vu, string) {
			return newVU(t, nil), listen(t, func(nc net.Conn) {
				io.ReadFull(nc, make([]byte, 256<<10))
				close(ready)
			})
		}, true},
		"1.1, download": {func(t *testing.T, ready chan<- struct{}) (*vu, string) {
			return newVU(t, nil), listen(t, func(nc net.Conn) {
				request(bufio.NewReader(nc))
				io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
				close(ready)
			})
		}, false},
		"2, upload": {func(t *testing.T, ready chan<- struct{}) (*vu, string) {
			return clear2(t), serveRaw(t, func(c *raw) {
				heldUp(c)
				close(ready)
				io.Copy(io.Discard, c)
			})
		}, true},
		"2, download": {func(t *testing.T, ready chan<- struct{}) (*vu, string) {
			return clear2(t), serveRaw(t, func(c *raw) {
				c.WriteSettings()
				id := c.await()
				c.header(id, false, ":status", "200")
				c.WriteData(id, false, []byte("some"))
				close(ready)
				io.Copy(io.Discard, c)
			})
		}, false},
		"3, upload": {func(t *testing.T, ready chan<- struct{}) (*vu, string) {
			url, ca := serveQUIC(t, func(c *rawQUIC) {
				c.greet()
				if s := c.request(); s != nil {
					s.Read(make([]byte, 1))
					close(ready)
				}
			})
			return newVU(t, ca, func(o *Options) { o.Version = "3" }), url
		}, true},
		"3, download": {func(t *testing.T, ready chan<- struct{}) (*vu, string) {
			url, ca := serveQUIC(t, func(c *rawQUIC) {
				c.greet()
				if s := c.request(); s != nil {
					s.Write(h3Fields(":status", "200"))
					s.Write(h3Frame(h3Data, []byte("some")))
					close(ready)
				}
			})
			return newVU(t, ca, func(o *Options) { o.Version = "3" }), url
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ready := make(chan struct{})
			v, url := tc.start(t, ready)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			v.Watch(ctx)
			q := v.call("GET", url+"/")
			if tc.upload {
				q.Method, q.Source = "POST", made{1 << 40, 1 << 40}
			}
			go func() {
				<-ready
				time.Sleep(20 * time.Millisecond) // for what was sent to arrive
				cancel()
			}()
			r := &Reply{}
			v.Do(ctx, q, r)
			if r.Fail != FailInterrupted || r.Status != 0 || !r.Begun || r.Sent == 0 || r.Written == tc.upload {
				t.Errorf("%s, status %d, begun %v, written %v, %d bytes sent", describe(r.Fail), r.Status, r.Begun, r.Written, r.Sent)
			}
			if want := map[bool]int{false: 200}[tc.upload]; r.Cut != want {
				t.Errorf("cut at status %d, want %d", r.Cut, want)
			}
		})
	}
}

// TestCutBefore ends a call before it has a connection: the target knows nothing
// of it, but for bytes.
func TestCutBefore(t *testing.T) {
	ready := make(chan struct{})
	url := listen(t, func(nc net.Conn) {
		io.ReadFull(nc, make([]byte, 5)) // of the ClientHello
		close(ready)
	})
	v := newVU(t, peers.NewCA(t))
	ctx, cancel := context.WithCancel(context.Background())
	v.Watch(ctx)
	go func() { <-ready; cancel() }()
	r := &Reply{}
	v.Do(ctx, v.call("GET", "https"+url[len("http"):]+"/"), r)
	if r.Fail != FailInterrupted || r.Begun || r.Sent == 0 {
		t.Errorf("%s, begun %v, %d bytes sent", describe(r.Fail), r.Begun, r.Sent)
	}
}

// listen starts a server that gives its first connection to handle, and closes
// it when the test ends. It returns the URL.
func listen(t testing.TB, handle func(nc net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		handle(nc)
		<-over
		nc.Close()
	}()
	t.Cleanup(func() { close(over); l.Close(); <-ended })
	return "http://" + l.Addr().String()
}
