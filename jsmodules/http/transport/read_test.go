package transport

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestMarks(t *testing.T) {
	for _, tt := range []struct {
		lines string
		want  marks
	}{
		{"", 0},
		{"Content-Type: a|Content-Length: 2|Cache-Control: no-store|Server: s|Strict-Transport-Security: x|Connection: keep-alive", 0},
		{"Connection: close", markConnection},
		{"connection: keep-alive", markConnection}, // not worth telling
		{"Connection: keep-alive, close", markConnection},
		{"CONTENT-ENCODING: br", markEncoding},
		{"set-cookie: a=b", markCookies},
		{"Set-Cookie: a=b|Content-Encoding: gzip|Connection:close", markAll},
		{"Connection: keep-alive| , close", markAll},
	} {
		head := strings.ReplaceAll("HTTP/1.1 200 OK|"+tt.lines+"||", "|", "\r\n")
		if tt.lines == "" {
			head = "HTTP/1.1 200 OK\r\n\r\n"
		}
		if got, whole := scanHead([]byte(head), 0); got != tt.want || !whole {
			t.Errorf("%q: marks %b, whole %v, want %b", tt.lines, got, whole, tt.want)
		}
	}
}

// FuzzMarks holds that what has no mark is not in the header.
func FuzzMarks(f *testing.F) {
	f.Add([]byte("Connection: keep-alive\r\n , close\r\nset-cookie: a=b\r\nContent-Encoding\t: gzip\r\n"))
	f.Add([]byte("connection: x\nCONTENT-encoding: br\n\tgzip\nA: b\r\nSet-Cookie:\r\n x=y\r\n"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		b := append(append([]byte("HTTP/1.1 200 OK\r\n"), lines...), "\r\n\r\n"...)
		m, whole := scanHead(b, 0)
		var h fasthttp.ResponseHeader
		if !whole || h.Read(bufio.NewReader(bytes.NewReader(b))) != nil {
			return
		}
		if m&markConnection == 0 && !h.ConnectionClose() && hasToken(h.Peek("Connection"), "close") {
			t.Errorf("%q has Connection: %q", b, h.Peek("Connection"))
		}
		if m&markEncoding == 0 && len(h.ContentEncoding()) > 0 {
			t.Errorf("%q has Content-Encoding: %q", b, h.ContentEncoding())
		}
		if m&markCookies == 0 {
			for name := range h.Cookies() {
				t.Errorf("%q has the cookie %q", b, name)
			}
		}
	})
}

// A response that arrives in pieces is read as one that comes at once, and only
// then is there a time of receiving.
func TestPieces(t *testing.T) {
	const response = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Encoding: identity\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok"
	for _, cut := range []int{0, 1, 17, 18, 25, 60, 85, len(response) - 3, len(response) - 1} {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			s := newTalker(t, nil, &talker{before: func(nc net.Conn, _, _ int) {
				nc.Write([]byte(response[:cut]))
				time.Sleep(5 * time.Millisecond)
				nc.Write([]byte(response[cut:]))
				nc.Close()
			}})
			v := newVU(t, nil)
			r := v.get(s.url + "/")
			if r.Fail != nil || string(r.Body) != "ok" || len(r.SetCookie) != 1 || len(v.idle) != 0 {
				t.Errorf("%q %v, cookies %q, %d connections kept", r.Body, r.Fail, r.SetCookie, len(v.idle))
			}
			if pieces := cut > 0; pieces != (r.Timings.Receiving > 0) {
				t.Errorf("receiving took %v", r.Timings.Receiving)
			}
		})
	}
}

// BenchmarkRead reads the response of an nginx and decides about the connection.
func BenchmarkRead(b *testing.B) {
	const response = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 09:00:00 GMT\r\n" +
		"Content-Type: application/json\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"
	set := NewSettings(NewNetwork(nil), Options{})
	c := NewClient(set, 0)
	src := strings.NewReader(response)
	w := newWire(canned{src}, set.net.Clock)
	cn := &conn{Conn: w, net: set.net, wire: w}
	s, q := newScratch(), &Call{Method: "GET"}
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(response)
		s.br.Reset(cn)
		var r Reply
		s.br.Peek(1)
		if fail := r.read(s, cn, q); fail != nil || !c.keep(s, q, &r) {
			b.Fatal(fail)
		}
	}
}
