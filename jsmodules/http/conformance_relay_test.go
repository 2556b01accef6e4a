package http

import (
	"errors"
	"io"
	"log"
	"net"
	nethttp "net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"testing"
)

// relay stands in front of another server and counts what goes through.
type relay struct {
	addr           string
	received, sent atomic.Int64 // bytes from and to clients
	open           atomic.Int64
}

func newRelay(t testing.TB, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	keep := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		open[c] = true
	}
	pass := func(to, from net.Conn, count *atomic.Int64) {
		var b [32 << 10]byte
		for {
			n, err := from.Read(b[:])
			count.Add(int64(n))
			if n > 0 {
				if _, werr := to.Write(b[:n]); werr != nil {
					err = errors.Join(err, werr)
				}
			}
			if err != nil {
				if c, ok := to.(*net.TCPConn); ok {
					c.CloseWrite()
				}
				return
			}
		}
	}
	running.Go(func() {
		for {
			front, err := l.Accept()
			if err != nil {
				return
			}
			r.open.Add(1)
			running.Go(func() {
				defer r.open.Add(-1)
				back, err := net.Dial("tcp", to)
				if err != nil {
					front.Close()
					return
				}
				keep(front)
				keep(back)
				running.Go(func() { pass(back, front, &r.received) })
				pass(front, back, &r.sent)
				front.Close()
				back.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return r
}

// newForward starts an HTTP proxy for absolute URLs that keeps connections and
// headers as they are, which tinyproxy does not: it drops repeated ones.
func newForward(t testing.TB) string {
	t.Helper()
	onward := &nethttp.Transport{DisableCompression: true, DisableKeepAlives: true}
	pass := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}, Transport: onward, ErrorLog: log.New(io.Discard, "", 0)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &nethttp.Server{Handler: nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
			w.WriteHeader(407)
			return
		}
		r.Header.Del("Proxy-Authorization")
		pass.ServeHTTP(w, r)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { proxy.Serve(l) })
	t.Cleanup(func() {
		proxy.Close()
		serving.Wait()
	})
	return l.Addr().String()
}
