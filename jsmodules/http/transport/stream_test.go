package transport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newTestClient returns a client that dials as package net does.
func newTestClient(t testing.TB, o Options) *Client {
	t.Helper()
	var d net.Dialer
	c := NewClient(NewSettings(NewNetwork(d.DialContext), o), 0)
	t.Cleanup(c.Close)
	return c
}

// newCall returns a call to url that may take 5 s.
func newCall(t testing.TB, c *Client, method, url string) *Call {
	t.Helper()
	target, err := c.set.Target(url)
	if err != nil {
		t.Fatal(err)
	}
	now := c.net.Clock()
	return &Call{Method: method, Target: target, Queued: now, Start: now, Deadline: now + 5*time.Second}
}

func do(c *Client, q *Call) *Reply {
	r := new(Reply)
	c.Do(context.Background(), q, r)
	return r
}

// made is a body of n letters x; a negative total is not announced.
type made struct{ total, n int64 }

func (m made) Size() int64       { return m.total }
func (m made) Reader() io.Reader { return io.LimitReader(letters{}, m.n) }

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestSourceIsSent(t *testing.T) {
	s := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err, r.ContentLength, r.TransferEncoding)
	}))
	defer s.Close()
	c := newTestClient(t, Options{})
	for _, tt := range []struct {
		source made
		want   string
	}{
		{made{3 << 20, 3 << 20}, "3145728 <nil> 3145728 []"},
		{made{-1, 3 << 20}, "3145728 <nil> -1 [chunked]"},
		{made{0, 0}, "0 <nil> 0 []"},
		{made{1, 1}, "1 <nil> 1 []"},
	} {
		q := newCall(t, c, "POST", s.URL)
		q.Source = tt.source
		r := do(c, q)
		if r.Fail != nil || string(r.Body) != tt.want {
			t.Errorf("%v: the server saw %q (%v), want %q", tt.source, r.Body, r.Fail, tt.want)
		}
		if r.Sent < tt.source.n {
			t.Errorf("%v: %d bytes counted", tt.source, r.Sent)
		}
	}
	q := newCall(t, c, "POST", s.URL)
	q.Source = made{10, 5}
	if r := do(c, q); r.Fail != failSource {
		t.Errorf("a source that ends early gives %v", r.Fail)
	}
}

// A server that answers before it has read the request is heard, and its
// connection is not used again.
func TestEarlyAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{}, 10)
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- struct{}{}
			defer nc.Close()
			if _, err := nethttp.ReadRequest(bufio.NewReaderSize(nc, 16)); err != nil {
				t.Error(err)
			}
			io.WriteString(nc, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
		}
	}()
	c := newTestClient(t, Options{})
	for range 2 {
		q := newCall(t, c, "POST", "http://"+l.Addr().String())
		q.Source = made{1 << 30, 1 << 30}
		r := do(c, q)
		if r.Fail != nil || r.Status != 413 || string(r.Body) != "no" {
			t.Fatalf("got %d %q, %v", r.Status, r.Body, r.Fail)
		}
		if r.Written || r.Sent >= 1<<30 {
			t.Errorf("%d bytes sent, written is %v", r.Sent, r.Written)
		}
	}
	if len(accepted) != 2 {
		t.Errorf("%d connections for 2 requests", len(accepted))
	}
	l.Close()
	<-served
}

// A server that reads nothing and says nothing costs no more than the timeout.
func TestUploadTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := newTestClient(t, Options{})
	q := newCall(t, c, "POST", "http://"+l.Addr().String())
	q.Source = made{1 << 30, 1 << 30}
	q.Deadline = q.Start + 100*time.Millisecond
	if r := do(c, q); r.Fail != FailTimeout {
		t.Errorf("got %v", r.Fail)
	}
}

func TestStreamIsReadAsItArrives(t *testing.T) {
	more := make(chan string)
	for _, framing := range []string{"chunked", "length", "close"} {
		t.Run(framing, func(t *testing.T) {
			s := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
				switch framing {
				case "length":
					w.Header().Set("Content-Length", "6")
				case "close":
					w.Header().Set("Connection", "close")
				}
				w.WriteHeader(200)
				w.(nethttp.Flusher).Flush()
				for text := range 3 {
					_ = text
					io.WriteString(w, <-more)
					w.(nethttp.Flusher).Flush()
				}
			}))
			defer s.Close()
			c := newTestClient(t, Options{})
			for range 2 {
				q := newCall(t, c, "GET", s.URL)
				q.Stream = true
				r := do(c, q)
				if r.Fail != nil || r.Status != 200 || r.Stream == nil {
					t.Fatalf("got %d, %v", r.Status, r.Fail)
				}
				for _, text := range []string{"ab", "cd", "ef"} {
					more <- text
					p := make([]byte, 2)
					r.Stream.SetReadDeadline(c.net.Clock() + 5*time.Second)
					if _, err := io.ReadFull(r.Stream, p); err != nil || string(p) != text {
						t.Fatalf("read %q, %v, want %q", p, err, text)
					}
				}
				if n, err := r.Stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Errorf("at the end: %d, %v", n, err)
				}
				if in, out := r.Stream.Taken(); in < 6 && framing != "length" || out != 0 {
					t.Errorf("%d bytes in and %d out after the header", in, out)
				}
				r.Stream.Close()
				r.Stream.Close()
			}
			if want := map[string]int{"chunked": 1, "length": 1}[framing]; len(c.idle) != want {
				t.Errorf("%d idle connections, want %d", len(c.idle), want)
			}
		})
	}
}

func TestStreamEnds(t *testing.T) {
	s := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		io.WriteString(w, strings.Repeat("x", 100))
		w.(nethttp.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	c := newTestClient(t, Options{})
	open := func(ctx context.Context) Stream {
		q, r := newCall(t, c, "GET", s.URL), new(Reply)
		q.Stream = true
		c.Watch(ctx)
		c.Do(ctx, q, r)
		if r.Stream == nil {
			t.Fatal(r.Fail)
		}
		if _, err := io.ReadFull(r.Stream, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		return r.Stream
	}
	stream := open(context.Background())
	stream.SetReadDeadline(c.net.Clock() + 10*time.Millisecond)
	if _, err := stream.Read(make([]byte, 1)); stream.Failure(err) != FailTimeout {
		t.Errorf("after its deadline: %v", err)
	}
	stream.Close()

	ctx, cancel := context.WithCancel(context.Background())
	stream = open(ctx)
	go cancel()
	if _, err := stream.Read(make([]byte, 1)); stream.Failure(err) != FailInterrupted {
		t.Errorf("after the end of the context: %v", err)
	}
	stream.Close()

	stream = open(context.Background())
	go stream.Close()
	if _, err := stream.Read(make([]byte, 1)); stream.Failure(err) != FailInterrupted {
		t.Errorf("after Close: %v", err)
	}
	stream.Close()
}

func TestLifetimeOfConnections(t *testing.T) {
	s := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, r.RemoteAddr) }))
	defer s.Close()
	for _, tt := range []struct {
		life time.Duration
		same bool
	}{{time.Nanosecond, false}, {time.Hour, true}, {0, true}} {
		c := newTestClient(t, Options{Lifetime: tt.life})
		first, second := do(c, newCall(t, c, "GET", s.URL)), do(c, newCall(t, c, "GET", s.URL))
		if same := string(first.Body) == string(second.Body); same != tt.same {
			t.Errorf("lifetime %v: same connection %v", tt.life, same)
		}
	}
}
