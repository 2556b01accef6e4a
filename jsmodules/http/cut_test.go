package http

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// TestCut ends iterations while a request is under way. Whatever it had come to,
// the target may have counted it: so do we, with the status it was answered with,
// and all bytes. It says nothing about the target.
func TestCut(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		handle       func(c net.Conn)
		status       string // of the one sample; "": there is none
		sent         float64
	}{
		{"upload", "http.post(url, 'x'.repeat(64 << 20))", func(c net.Conn) { io.ReadFull(c, make([]byte, 1<<20)) }, "0", 1 << 20},
		{"download", "http.get(url)", func(c net.Conn) {
			readRequest(bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome")
		}, "200", 40},
		{"login", "http.get(url.replace('//', '//u:p@'), {auth: 'digest'})", func(c net.Conn) {
			r := bufio.NewReader(c)
			readRequest(r)
			io.WriteString(c, "HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n\r\n")
			readRequest(r)
		}, "0", 80},
		{"handshake", "http.get(url.replace('http:', 'https:'))", func(c net.Conn) { io.ReadFull(c, make([]byte, 5)) }, "", 100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ready, over := make(chan struct{}), make(chan struct{})
			url := rawServer(t, func(c net.Conn) {
				tc.handle(c)
				close(ready)
				<-over
			})
			defer close(over)
			w := newWorld(t, newPlan(), "", fmt.Sprintf("const url = '%s/'; %s", url, tc.script))
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-ready
				time.Sleep(20 * time.Millisecond) // for what was sent to arrive
				cancel()
			}()
			if err := w.iterate(ctx); err == nil {
				t.Error("the iteration was not interrupted")
			}
			if tc.status == "" {
				if n := w.value("http_reqs").Sum; n != 0 {
					t.Errorf("%v requests were counted", n)
				}
			} else if a := w.value("http_reqs", "status", tc.status, "error_code", "1051"); a.Sum != 1 {
				t.Errorf("%v requests with status %s were counted, want 1", a.Sum, tc.status)
			}
			if got := w.value("data_sent").Sum; got < tc.sent {
				t.Errorf("%v bytes sent were counted, want %v at least", got, tc.sent)
			}
			for _, name := range []string{"http_req_failed", "http_req_duration"} {
				if a := w.value(name, "error_code", "1051"); a.Count != 0 {
					t.Errorf("%s has %d samples", name, a.Count)
				}
			}
		})
	}
}
