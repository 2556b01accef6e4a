package transport

import (
	"bufio"
	"bytes"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"
	"time"
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
	set := NewSettings(NewNetwork(nil), Options{})
	f.Fuzz(func(t *testing.T, data []byte, head bool) {
		if bytes.Contains(bytes.ToLower(data), []byte("content-encoding")) {
			return // net/http leaves bodies as they are
		}
		q := &Call{Method: "GET"}
		if head {
			q.Method = "HEAD"
		}
		w := newWire(canned{bytes.NewReader(data)}, set.net.Clock)
		cn := &conn{Conn: w, net: set.net, wire: w, peer: &Peer{}}
		s := newScratch()
		s.br.Reset(cn)
		var r Reply
		if _, err := s.br.Peek(1); err != nil {
			return
		}
		fail := r.read(s, cn, q)
		if len(r.Raw) > len(data) || cap(r.Raw) > 4*len(data)+2*firstGrowth {
			t.Fatalf("%d bytes became %d (room for %d)", len(data), len(r.Raw), cap(r.Raw))
		}
		if fail != nil && fail != failSurplus {
			return
		}
		br := bufio.NewReader(bytes.NewReader(data))
		var res *nethttp.Response
		for {
			var err error
			if res, err = nethttp.ReadResponse(br, &nethttp.Request{Method: q.Method}); err != nil {
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
		if res.StatusCode != r.Status || !bytes.Equal(body, r.Body) {
			t.Errorf("net/http reads %d %q, we read %d %q", res.StatusCode, body, r.Status, r.Body)
		}
	})
}

// FuzzTarget parses arbitrary URLs. Whatever is accepted makes a request of
// exactly one line and one Host.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"http://h/", "https://user:pass@h:8443/a b?q=ü#f", "http://[::1]:80/x", "http://bücher.example/", "/rel", "http://h/%zz", "http://h?x y"} {
		f.Add(s)
	}
	set := NewSettings(NewNetwork(nil), Options{})
	f.Fuzz(func(t *testing.T, raw string) {
		target, err := set.parseTarget(raw)
		if err != nil {
			return
		}
		request := string(set.appendRequest(nil, &Call{Method: "GET", Target: target}, nil))
		parsed, err := nethttp.ReadRequest(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			t.Fatalf("%q makes the request %q: %v", raw, request, err)
		}
		if parsed.Host != target.host || len(parsed.Header) > 1 || parsed.URL.Host != "" && parsed.URL.Host != target.host {
			t.Errorf("%q makes the request %q", raw, request)
		}
		if target.auth != "" && strings.Contains(target.Name, "pass@") {
			t.Errorf("%q is called %q", raw, target.Name)
		}
	})
}
