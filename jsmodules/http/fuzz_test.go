package http

import (
	"bufio"
	"bytes"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/sandbox"
	"pgregory.net/rapid"
)

// canned is a connection on which the server has already said everything.
type canned struct{ io.Reader }

func (canned) Write(p []byte) (int, error)      { return len(p), nil }
func (canned) Close() error                     { return nil }
func (canned) LocalAddr() net.Addr              { return nil }
func (canned) RemoteAddr() net.Addr             { return nil }
func (canned) SetDeadline(time.Time) error      { return nil }
func (canned) SetReadDeadline(time.Time) error  { return nil }
func (canned) SetWriteDeadline(time.Time) error { return nil }

// FuzzResponse reads arbitrary bytes as a response. It must not panic, must not
// hold more than came, and what both it and net/http take for a response must
// be the same response.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 103 Early\r\n\r\nHTTP/1.0 200\r\nSet-Cookie: a=b\r\n\r\nrest",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 200 OK\n\nx", "HTTP/1.1 301 M\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	p, err := newProgram(&sandbox.Host{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, head bool) {
		if bytes.Contains(bytes.ToLower(data), []byte("content-encoding")) {
			return // net/http leaves bodies as they are
		}
		q := &call{method: "GET"}
		if head {
			q.method = "HEAD"
		}
		w := newWire(canned{bytes.NewReader(data)}, p.clock)
		cn := &conn{Conn: w, wire: w, peer: &peer{}}
		s := newScratch()
		s.br.Reset(cn)
		var r reply
		if _, err := s.br.Peek(1); err != nil {
			return
		}
		fail := r.read(s, cn, q)
		if len(r.raw) > len(data) || cap(r.raw) > 4*len(data)+2*firstGrowth {
			t.Fatalf("%d bytes became %d (room for %d)", len(data), len(r.raw), cap(r.raw))
		}
		if fail != nil && fail != failSurplus {
			return
		}
		br := bufio.NewReader(bytes.NewReader(data))
		var res *nethttp.Response
		for {
			var err error
			if res, err = nethttp.ReadResponse(br, &nethttp.Request{Method: q.method}); err != nil {
				return
			}
			if res.StatusCode >= 200 || res.StatusCode == 101 {
				break
			}
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode == 101 {
			return
		}
		if res.StatusCode != r.status || !bytes.Equal(body, r.body) {
			t.Errorf("net/http reads %d %q, we read %d %q", res.StatusCode, body, r.status, r.body)
		}
	})
}

// FuzzTarget parses arbitrary URLs. Whatever is accepted makes a request of
// exactly one line and one Host.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"http://h/", "https://user:pass@h:8443/a b?q=ü#f", "http://[::1]:80/x", "http://bücher.example/", "/rel", "http://h/%zz", "http://h?x y"} {
		f.Add(s)
	}
	p, err := newProgram(&sandbox.Host{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := p.parseTarget(raw)
		if err != nil {
			return
		}
		request := string(p.appendRequest(nil, &call{method: "GET", target: target}))
		parsed, err := nethttp.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			t.Fatalf("%q makes the request %q: %v", raw, request, err)
		}
		if parsed.Host != target.host || len(parsed.Header) > 1 || parsed.URL.Host != "" && parsed.URL.Host != target.host {
			t.Errorf("%q makes the request %q", raw, request)
		}
		if target.auth != "" && strings.Contains(target.name, "pass@") {
			t.Errorf("%q is called %q", raw, target.name)
		}
	})
}

// TestCacheModel compares the cache with a map.
func TestCacheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		c := cache[int, int]{limit: limit}
		model := map[int]int{}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			k := rapid.IntRange(0, 30).Draw(t, "key")
			got, want := c.get(k, func() int { return i }), i
			if old, ok := model[k]; ok {
				want = old
			} else if len(model) < limit {
				model[k] = i
			}
			if got != want {
				t.Fatalf("get(%d) is %d, want %d", k, got, want)
			}
			_, kept := model[k]
			if v, ok := c.lookup(k); ok != kept || ok && v != want {
				t.Fatalf("lookup(%d) is %d, %v", k, v, ok)
			}
		}
	})
}

func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want time.Duration
		ok   bool
	}{
		{int64(500), 500 * time.Millisecond, true}, {0.5, 500 * time.Microsecond, true}, {"1m30s", 90 * time.Second, true},
		{"250", 250 * time.Millisecond, true}, {1e300, maxTimeout, true}, {"9999999h", 0, false}, {"200h", maxTimeout, true},
		{int64(0), 0, false}, {int64(-1), 0, false}, {"-1s", 0, false}, {"x", 0, false}, {"NaN", 0, false}, {nil, 0, false}, {true, 0, false},
	} {
		d, ok := parseTimeout(tt.in)
		if ok != tt.ok || ok && d != tt.want {
			t.Errorf("parseTimeout(%v) is %v, %v", tt.in, d, ok)
		}
	}
}
