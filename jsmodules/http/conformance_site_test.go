package http

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	nethttp "net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// site is a target that speaks every version of HTTP and keeps accounts: what
// it says of requests, connections and bytes is what a run's totals must be.
type site struct {
	t         testing.TB
	ca        *peers.CA
	plainAddr string // host:port of HTTP/1.1 and h2c
	tlsAddr   string // host:port of TLS (HTTP/1.1, HTTP/2) and of QUIC
	unix      string // path of a socket that speaks HTTP/1.1

	received, sent atomic.Int64 // bytes at its sockets
	reqs           atomic.Int64 // requests that reached the handler
	conns          atomic.Int64 // connections that were made
	open           atomic.Int64 // of these, not closed yet
	ended          chan struct{}

	mu        sync.Mutex
	now, most int // requests in work at once
	seen      []string
	gates     map[string]chan struct{}
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, ca: peers.NewCA(t), ended: make(chan struct{}), gates: map[string]chan struct{}{}}
	quiet := log.New(io.Discard, "", 0) // clients that go away are part of tests
	handler := nethttp.HandlerFunc(s.serve)
	certificate := s.ca.Issue(t)

	protocols := func(cleartext bool) *nethttp.Protocols {
		p := &nethttp.Protocols{}
		p.SetHTTP1(true)
		p.SetHTTP2(!cleartext)
		p.SetUnencryptedHTTP2(cleartext)
		return p
	}
	connContext := func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, &connState{id: s.conns.Load()})
	}
	plain := &nethttp.Server{Handler: handler, Protocols: protocols(true), ErrorLog: quiet, ConnContext: connContext}
	secure := &nethttp.Server{Handler: handler, Protocols: protocols(false), ErrorLog: quiet, ConnContext: connContext,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	third := &http3.Server{Handler: handler, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}),
		ConnContext: func(ctx context.Context, c *quic.Conn) context.Context {
			s.conns.Add(1)
			s.open.Add(1)
			context.AfterFunc(c.Context(), func() { s.open.Add(-1) })
			return context.WithValue(ctx, connKey{}, &connState{id: s.conns.Load()})
		}}

	var running sync.WaitGroup
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		return &siteListener{l, s}
	}
	l1, lu := listen("tcp", "127.0.0.1:0"), listen("unix", filepath.Join(t.TempDir(), "s"))
	var l2 net.Listener
	var socket *net.UDPConn
	for attempt := 0; socket == nil; attempt++ { // a port that is free in both worlds
		l2 = listen("tcp", "127.0.0.1:0")
		port := l2.Addr().(*net.TCPAddr).Port
		var err error
		if socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err != nil {
			l2.Close()
			if attempt > 20 {
				t.Fatal(err)
			}
		}
	}
	socket.SetReadBuffer(4 << 20) // as much as the machine gives: what does not fit is lost and sent again
	s.plainAddr, s.tlsAddr, s.unix = l1.Addr().String(), l2.Addr().String(), lu.Addr().String()
	running.Go(func() { plain.Serve(l1) })
	running.Go(func() { plain.Serve(lu) })
	running.Go(func() { secure.ServeTLS(l2, "", "") })
	running.Go(func() { third.Serve(&sitePackets{PacketConn: socket, s: s}) })
	t.Cleanup(func() {
		close(s.ended)
		plain.Close()
		secure.Close()
		third.Close()
		socket.Close()
		running.Wait()
	})
	return s
}

// quiesce waits until every connection was closed, so that all bytes have been
// counted.
func (s *site) quiesce() {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); s.open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Errorf("%d connections are still open", s.open.Load())
			return
		}
	}
}

// gate returns a channel that requests for /gate/name wait for.
func (s *site) gate(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gates[name]
	if g == nil {
		g = make(chan struct{})
		s.gates[name] = g
	}
	return g
}

// requests returns what was asked for since the last call: "GET /path".
func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// busiest returns how many requests were in work at once since the last call.
func (s *site) busiest() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := s.most
	s.most = s.now
	return most
}

type connKey struct{}

// connState is what the site knows of a connection.
type connState struct {
	id        int64
	mu        sync.Mutex
	challenge []byte // of NTLM, which logs in a connection
}

// seen is what /echo answers.
type seenRequest struct {
	Method  string              `json:"method"`
	URI     string              `json:"uri"`
	Host    string              `json:"host"`
	Proto   string              `json:"proto"`
	Headers map[string][]string `json:"headers"`
	Length  int                 `json:"length"`
	Sum     string              `json:"sum"`
	Text    string              `json:"text"` // of short bodies
	Conn    int64               `json:"conn"`
}

var binRoutes = httpbin.New(httpbin.WithPrefix("/bin")).Handler()

func (s *site) serve(w nethttp.ResponseWriter, r *nethttp.Request) {
	s.reqs.Add(1)
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	s.seen = append(s.seen, r.Method+" "+r.URL.RequestURI())
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now--
		s.mu.Unlock()
	}()
	query := r.URL.Query()
	number := func(name string) int { n, _ := strconv.Atoi(query.Get(name)); return n }
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	count, _ := strconv.Atoi(rest)
	h := w.Header()
	switch first {
	case "bin":
		binRoutes.ServeHTTP(w, r)
	case "echo":
		s.echo(w, r)
	case "headers": // a response header with all that can be hard about one
		h.Add("X-Two", "1")
		h.Add("X-Two", "2")
		h.Set("X-Empty", "")
		h.Set("X-Latin", "caf\xe9")
		h.Set("x-lower-CASE", "  kept inside  ")
		h.Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, "ok")
	case "status":
		w.WriteHeader(count)
		if count >= 200 && count != 204 && count != 304 {
			fmt.Fprintf(w, "status %d", count)
		}
	case "redirect":
		to := query.Get("to")
		if count := number("n"); count > 0 {
			to = fmt.Sprintf("/redirect/%s?n=%d", rest, count-1)
		} else if to == "" {
			to = "/echo"
		}
		if set := query.Get("cookie"); set != "" {
			h.Add("Set-Cookie", set)
		}
		h.Set("Location", to)
		w.WriteHeader(count)
	case "cookie":
		for _, set := range query["set"] {
			h.Add("Set-Cookie", set)
		}
		io.WriteString(w, r.Header.Get("Cookie"))
	case "bytes":
		h.Set("Content-Type", "application/octet-stream")
		if query.Has("length") {
			h.Set("Content-Length", rest)
		}
		if r.Method != "HEAD" {
			io.CopyN(w, pattern{}, int64(count))
		}
	case "coded":
		h.Set("Content-Encoding", rest)
		w.Write(encoded(rest, query.Get("text")))
	case "delay":
		select {
		case <-time.After(time.Duration(count) * time.Millisecond):
		case <-r.Context().Done():
		}
		io.WriteString(w, "late")
	case "meet": // waits until so many requests are in work, and for one too many
		for range 200 {
			s.mu.Lock()
			met := s.most >= count
			s.mu.Unlock()
			if met {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(10 * time.Millisecond)
		io.WriteString(w, "met")
	case "gate":
		if query.Has("head") {
			io.WriteString(w, "begin ")
			nethttp.NewResponseController(w).Flush()
		}
		select {
		case <-s.gate(rest):
		case <-r.Context().Done():
		case <-s.ended:
		}
		io.WriteString(w, "end")
	case "endless":
		io.Copy(w, pattern{})
	case "drip":
		for {
			if _, err := io.WriteString(w, "x"); err != nil || r.Context().Err() != nil {
				return
			}
			nethttp.NewResponseController(w).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	case "bomb":
		h.Set("Content-Encoding", "gzip")
		w.Write(bomb())
	case "interim":
		h.Set("Link", "</a>")
		for range count {
			w.WriteHeader(103)
		}
		io.WriteString(w, "final")
	case "huge-header":
		for i := range 50 {
			h.Set(fmt.Sprint("X-", i), strings.Repeat("v", 4<<10))
		}
	case "short":
		h.Set("Content-Length", "100")
		io.WriteString(w, "short")
	case "close":
		h.Set("Connection", "close")
		io.WriteString(w, "closed")
	case "refuse": // answers before it has read the body
		w.WriteHeader(413)
	case "ntlm":
		s.ntlm(w, r)
	case "abort":
		panic(nethttp.ErrAbortHandler)
	default:
		w.WriteHeader(404)
	}
}

func (s *site) echo(w nethttp.ResponseWriter, r *nethttp.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(400)
		return
	}
	sum := sha256.Sum256(body)
	out := seenRequest{Method: r.Method, URI: r.URL.RequestURI(), Host: r.Host, Proto: r.Proto, Headers: r.Header, Length: len(body), Sum: hex.EncodeToString(sum[:8])}
	if len(body) < 4096 {
		out.Text = string(body)
	}
	if c, ok := r.Context().Value(connKey{}).(*connState); ok {
		out.Conn = c.id
	}
	text, err := json.Marshal(out)
	if err != nil {
		w.WriteHeader(500)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}

// pattern reads as bytes that tell their place.
type pattern struct{}

func (pattern) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte('a' + i%26)
	}
	return len(p), nil
}

// encoded returns text under a list of codings.
func encoded(list, text string) []byte {
	data := []byte(text)
	for name := range strings.SplitSeq(list, ",") {
		var b bytes.Buffer
		var w io.WriteCloser
		switch strings.TrimSpace(name) {
		case "gzip":
			w = gzip.NewWriter(&b)
		case "deflate":
			w = zlib.NewWriter(&b)
		case "br":
			w = brotli.NewWriter(&b)
		case "zstd":
			w, _ = zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		default:
			return data
		}
		w.Write(data)
		w.Close()
		data = b.Bytes()
	}
	return data
}

// siteListener accepts connections that are counted.
type siteListener struct {
	net.Listener
	s *site
}

func (l *siteListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.s.conns.Add(1)
	l.s.open.Add(1)
	return &siteConn{Conn: c, s: l.s}, nil
}

type siteConn struct {
	net.Conn
	s      *site
	closed atomic.Bool
}

func (c *siteConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.s.received.Add(int64(n))
	return n, err
}

func (c *siteConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.s.sent.Add(int64(n))
	return n, err
}

func (c *siteConn) Close() error {
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	defer c.s.open.Add(-1)
	return c.Conn.Close()
}

// sitePackets counts datagrams. It hides what else a UDP socket can do, so that
// every one goes through here.
type sitePackets struct {
	net.PacketConn
	s *site
}

func (p *sitePackets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := p.PacketConn.ReadFrom(b)
	p.s.received.Add(int64(n))
	return n, addr, err
}

func (p *sitePackets) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := p.PacketConn.WriteTo(b, addr)
	p.s.sent.Add(int64(n))
	return n, err
}
