package transport

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// counted counts the bytes that cross a server's side of a connection.
type counted struct {
	net.Conn
	in, out *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	c.out.Add(int64(len(p))) // before the other side can have it
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n - len(p)))
	return n, err
}

// talker is an HTTP/1.1 server that answers with what it was asked for: the
// connection's number, method, path and length of the body. After an answer it
// may do something else to the connection.
type talker struct {
	url     string
	in, out atomic.Int64
	after   func(nc net.Conn, conn, request int) // may close nc
	before  func(nc net.Conn, conn, request int) // when the request was read; may close nc
}

func newTalker(t *testing.T, ca *peers.CA, s *talker) *talker {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	var cfg *tls.Config
	if ca != nil {
		s.url = "https://" + l.Addr().String()
		cfg = &tls.Config{Certificates: []tls.Certificate{ca.Issue(t)}}
	}
	var all sync.WaitGroup
	all.Go(func() {
		for n := 0; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc = counted{nc, &s.in, &s.out}
			if cfg != nil {
				nc = tls.Server(nc, cfg)
			}
			all.Go(func() {
				defer nc.Close()
				s.serve(nc, n)
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return s
}

func (s *talker) serve(nc net.Conn, conn int) {
	br := bufio.NewReader(nc)
	for n := 0; ; n++ {
		q, err := nethttp.ReadRequest(br)
		if err != nil {
			return
		}
		size, _ := io.Copy(io.Discard, q.Body)
		if s.before != nil {
			s.before(nc, conn, n)
		}
		answer := fmt.Sprintf("%d %s %s %d", conn, q.Method, q.URL.Path, size)
		if _, err := fmt.Fprintf(nc, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer); err != nil {
			return
		}
		if s.after != nil {
			s.after(nc, conn, n)
		}
	}
}

// heard waits until something has arrived on the idle connection of c. There is
// none when it came with the answer.
func heard(t *testing.T, c *Client) {
	t.Helper()
	for range 1000 {
		if len(c.idle) == 0 || !c.idle[0].wire.asker.quiet() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("nothing arrived")
}

// A connection kept alive carries one request and its response, then the next,
// whatever the server does in between; with TLS as without.
func TestKeptAlive(t *testing.T) {
	ca := peers.NewCA(t)
	for name, ca := range map[string]*peers.CA{"plain": nil, "tls": ca} {
		t.Run(name, func(t *testing.T) {
			t.Run("in turn", func(t *testing.T) {
				s := newTalker(t, ca, &talker{})
				v := newVU(t, ca)
				var sent, received int64
				for i := range 20 {
					q := v.call("POST", s.url+"/"+itoa(int64(i)))
					q.Body = strings.Repeat("x", i*850) // up to what is sent with the header
					r := v.do(q)
					if got, want := string(r.Body), fmt.Sprintf("0 POST /%d %d", i, i*850); r.Fail != nil || got != want {
						t.Fatalf("got %q %v, want %q", got, r.Fail, want)
					}
					if !r.Written || r.Timings.Sending <= 0 || r.Timings.Waiting <= 0 || r.Timings.Blocked < 0 {
						t.Errorf("written %v, timings %+v", r.Written, r.Timings)
					}
					sent += r.Sent
					received += r.Received
				}
				if sent != s.in.Load() || received != s.out.Load() {
					t.Errorf("replies count %d sent and %d received, the server %d and %d", sent, received, s.in.Load(), s.out.Load())
				}
			})
			t.Run("server speaks out of turn", func(t *testing.T) {
				s := newTalker(t, ca, &talker{after: func(nc net.Conn, conn, _ int) {
					if conn == 0 {
						io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen")
					}
				}})
				v := newVU(t, ca)
				v.get(s.url + "/first")
				heard(t, v.Client)
				in := s.in.Load()
				r := v.do(v.call("POST", s.url+"/second"))
				if r.Fail != nil || string(r.Body) != "1 POST /second 0" || r.Resent {
					t.Errorf("%q %v resent %v, want the answer to the second request", r.Body, r.Fail, r.Resent)
				}
				if got := s.in.Load() - in; r.Sent != got {
					t.Errorf("sent %d, the server received %d: none of it was for the first connection", r.Sent, got)
				}
			})
			t.Run("server hangs up while idle", func(t *testing.T) {
				s := newTalker(t, ca, &talker{after: func(nc net.Conn, conn, _ int) {
					if conn == 0 {
						nc.Close()
					}
				}})
				v := newVU(t, ca)
				v.get(s.url + "/first")
				heard(t, v.Client)
				if r := v.do(v.call("POST", s.url+"/second")); r.Fail != nil || string(r.Body) != "1 POST /second 0" || r.Resent {
					t.Errorf("%q %v resent %v, want the second connection's answer", r.Body, r.Fail, r.Resent)
				}
			})
			t.Run("server hangs up when asked", func(t *testing.T) {
				s := newTalker(t, ca, &talker{before: func(nc net.Conn, conn, request int) {
					if conn%2 == 0 && request == 1 {
						nc.Close()
					}
				}})
				v := newVU(t, ca)
				v.get(s.url + "/first")
				if r := v.get(s.url + "/second"); r.Fail != nil || string(r.Body) != "1 GET /second 0" || !r.Resent {
					t.Errorf("%q %v resent %v, want it sent again", r.Body, r.Fail, r.Resent)
				}
				v.Reset()
				v.get(s.url + "/first")
				if r := v.do(v.call("POST", s.url+"/second")); r.Fail != failNoResponse || !r.Written || r.Sent == 0 {
					t.Errorf("%q %v, written %v, %d bytes, want no response: POST is not sent twice", r.Body, r.Fail, r.Written, r.Sent)
				}
			})
			t.Run("server is silent", func(t *testing.T) {
				release := make(chan struct{})
				s := newTalker(t, ca, &talker{before: func(_ net.Conn, _, request int) {
					if request == 1 {
						<-release
					}
				}})
				defer close(release)
				v := newVU(t, ca)
				v.get(s.url + "/first")
				q := v.call("GET", s.url+"/second")
				q.Deadline, q.Slack = q.Start+30*time.Millisecond, 0
				if r := v.do(q); r.Fail != FailTimeout || !r.Written {
					t.Errorf("%q %v, written %v, want a timeout", r.Body, r.Fail, r.Written)
				}
			})
		})
	}
}
