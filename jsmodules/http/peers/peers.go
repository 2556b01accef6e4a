// Package peers starts servers and proxies that nobody here wrote, for tests
// to talk to: nginx, tinyproxy and microsocks as Debian ships them, and
// go-httpbin, served by Go's net/http and by quic-go.
//
// It is imported by tests alone; a test of its own holds that the swarm binary
// does not contain it.
//
// Every function takes the test it serves. What it starts listens on loopback
// only, and is gone when the test has ended: programs are killed and waited
// for, goroutines have returned. Cleanups run last in, first out, so a test
// that looks for leaked goroutines registers that look before it starts a peer
// (t.Cleanup, not defer), or calls Close itself.
//
// Where a program is missing the test is skipped, unless TEST_READERS=require
// is in the environment: then it fails.
package peers

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Server is a running HTTP server. The URLs have no slash at their end and are
// empty where the server does not offer the protocol. Its methods may be
// called from any goroutine.
type Server struct {
	*CA // signed the server's certificate

	HTTP  string // http://, HTTP/1.1
	HTTPS string // https://, HTTP/1.1 or what ALPN offers: see each constructor
	H2    string // https://, HTTP/2 by ALPN, HTTP/1.1 without it
	H2C   string // http://, HTTP/2 without TLS, by prior knowledge
	H3    string // https://, HTTP/3 over UDP
	Unix  string // the path of a unix socket that speaks HTTP/1.1

	t     testing.TB
	log   func() []Entry
	wire  func() (received, sent int64)
	close func()
}

// Entry is one request as the server saw it.
type Entry struct {
	Method   string `json:"method"`
	URI      string `json:"uri"`      // path and query
	Protocol string `json:"protocol"` // "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"
	Status   int    `json:"status"`
	// Received and Sent are bytes: nginx counts request and response with
	// their heads, before TLS; the others count bodies only.
	Received int64 `json:"received"`
	Sent     int64 `json:"sent"`
	// Connection tells connections apart and Nth counts their requests from 1
	// (nginx only).
	Connection int64 `json:"connection"`
	Nth        int64 `json:"nth"`
}

// Log returns the requests that the server has finished, oldest first. Servers
// write their logs after the response, so it waits until there are at least n,
// and fails the test when they do not come within ten seconds.
func (s *Server) Log(n int) []Entry {
	s.t.Helper()
	var entries []Entry
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if entries = s.log(); len(entries) >= n {
			return entries
		}
		if time.Now().After(deadline) {
			s.t.Errorf("the server logged %d requests, want at least %d", len(entries), n)
			return entries
		}
	}
}

// Requests returns how many finished requests came by a protocol ("HTTP/1.1",
// "HTTP/2.0", "HTTP/3.0"), by any where it is empty. See Log for waiting.
func (s *Server) Requests(protocol string) int {
	return len(slices.DeleteFunc(s.log(), func(e Entry) bool {
		return protocol != "" && e.Protocol != protocol
	}))
}

// Wire returns the bytes that went through the server's sockets so far. Those
// of TLS, of HTTP/2's frames and of QUIC's datagrams count, those of TCP, UDP
// and IP do not. nginx's are the sums of its log, so they are right for
// HTTP/1.1 without TLS alone.
func (s *Server) Wire() (received, sent int64) { return s.wire() }

// Close stops the server and waits for what it started. The end of the test
// does the same; closing twice is harmless.
func (s *Server) Close() { s.close() }

// ended registers end with the test and returns it as a function that acts once.
func ended(t testing.TB, end func()) func() {
	once := sync.OnceFunc(end)
	t.Cleanup(once)
	return once
}

// Credentials are what a proxy asks for.
type Credentials struct{ User, Password string }

// Proxy is a running proxy.
type Proxy struct {
	URL  string // "http://127.0.0.1:port" or "socks5://…", with the credentials if any
	TLS  string // the same forward proxy spoken to through TLS, "https://…"; empty for SOCKS
	Addr string // host:port of URL
	*CA         // signed the certificate of TLS

	t     testing.TB
	lines func() []string
	close func()
}

// Log returns the lines the proxy has logged that contain the text. A proxy
// logs while it connects, so it waits until there are at least n, and fails
// the test when they do not come within ten seconds.
func (p *Proxy) Log(n int, text string) []string {
	p.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		lines := containing(p.lines(), text)
		if len(lines) >= n {
			return lines
		}
		if time.Now().After(deadline) {
			p.t.Errorf("the proxy logged %d lines with %q, want at least %d", len(lines), text, n)
			return lines
		}
	}
}

// Close stops the proxy; see Server.Close.
func (p *Proxy) Close() { p.close() }

// one returns the only element of a variadic option, or its zero value.
func one[T any](t testing.TB, what string, given []T) (v T, ok bool) {
	t.Helper()
	switch len(given) {
	case 0:
		return v, false
	case 1:
		return given[0], true
	}
	t.Fatalf("at most one %s, not %d", what, len(given))
	return v, false
}
