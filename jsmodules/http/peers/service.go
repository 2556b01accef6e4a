package peers

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/ipv4"
)

// mostEntries bounds the log of a server in this process; beyond it, requests
// are not logged.
const mostEntries = 1 << 20

// service is what one peer serves within this process: listeners, what went
// through them, and how to stop them.
type service struct {
	t              testing.TB
	received, sent atomic.Int64 // bytes at the sockets
	serving        sync.WaitGroup
	stops          []func() error

	mu      sync.Mutex
	stopped bool // no handler begins any more
	entries []Entry
	errors  bytes.Buffer // what the servers complained of
}

func newService(t testing.TB) *service { return &service{t: t} }

// stop closes every listener and connection and waits for what served them.
func (s *service) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	for _, stop := range s.stops {
		if err := stop(); err != nil && !errors.Is(err, net.ErrClosed) {
			s.t.Error(err)
		}
	}
	s.stops = nil
	s.serving.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.t.Failed() && s.errors.Len() > 0 {
		s.t.Logf("the servers say:\n%s", s.errors.String())
	}
}

// Write takes the complaints of net/http's servers.
func (s *service) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.errors.Write(b)
}

// plain serves HTTP without TLS and returns the address.
func (s *service) plain(t testing.TB, h http.Handler, p *http.Protocols) string {
	t.Helper()
	l := s.listen(t)
	s.serve(&http.Server{Handler: s.logged(h), Protocols: p}, func(server *http.Server) error { return server.Serve(l) })
	return l.Addr().String()
}

// secure serves HTTP over TLS on a listener.
func (s *service) secure(l net.Listener, h http.Handler, config *tls.Config, p *http.Protocols) {
	s.serve(&http.Server{Handler: s.logged(h), Protocols: p, TLSConfig: config},
		func(server *http.Server) error { return server.ServeTLS(l, "", "") })
}

func (s *service) serve(server *http.Server, serve func(*http.Server) error) {
	server.ErrorLog = log.New(s, "", 0)
	s.stops = append(s.stops, server.Close)
	s.serving.Go(func() {
		if err := serve(server); !errors.Is(err, http.ErrServerClosed) {
			s.Write([]byte(err.Error() + "\n"))
		}
	})
}

// quic serves HTTP/3 on a socket.
func (s *service) quic(socket *net.UDPConn, h http.Handler, config *tls.Config) {
	server := &http3.Server{Handler: s.logged(h), TLSConfig: http3.ConfigureTLSConfig(config)}
	s.stops = append(s.stops, server.Close, socket.Close)
	s.serving.Go(func() {
		err := server.Serve(&countedSocket{UDPConn: socket, batch: ipv4.NewPacketConn(socket), s: s})
		if !errors.Is(err, http.ErrServerClosed) {
			s.Write([]byte(err.Error() + "\n"))
		}
	})
}

func (s *service) listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &countedListener{l, s}
}

// logged makes an entry for each request once it is answered.
func (s *service) logged(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.begin() {
			return
		}
		defer s.serving.Done()
		answer := &counted{ResponseWriter: w}
		body := &countedBody{ReadCloser: r.Body}
		r.Body = body
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.entries) < mostEntries {
				s.entries = append(s.entries, Entry{Method: r.Method, URI: r.URL.RequestURI(), Protocol: r.Proto,
					Status: answer.code(), Received: body.n, Sent: answer.n})
			}
		}()
		h.ServeHTTP(answer, r)
	})
}

// begin counts a handler in, unless the service is being stopped.
func (s *service) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.serving.Add(1)
	}
	return !s.stopped
}

func (s *service) log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Entry(nil), s.entries...)
}

func (s *service) wire() (received, sent int64) { return s.received.Load(), s.sent.Load() }

// counted counts what a handler answers.
type counted struct {
	http.ResponseWriter
	status int
	n      int64
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// Flush is asked for by handlers that stream.
func (c *counted) Flush() { http.NewResponseController(c.ResponseWriter).Flush() }

// Unwrap is how an http.ResponseController finds what else there is.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *counted) code() int {
	if c.status == 0 {
		return http.StatusOK
	}
	return c.status
}

// countedBody counts what a handler reads.
type countedBody struct {
	io.ReadCloser
	n int64
}

func (c *countedBody) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.n += int64(n)
	return n, err
}

// countedListener accepts connections whose bytes count.
type countedListener struct {
	net.Listener
	s *service
}

func (l *countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countedConn{conn, l.s}, nil
}

type countedConn struct {
	net.Conn
	s *service
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.s.received.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.s.sent.Add(int64(n))
	return n, err
}

// CloseWrite lets a handler that took the connection over end its half.
func (c *countedConn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// countedSocket counts datagrams' bytes. quic-go reads batches and writes
// messages; see its OOBCapablePacketConn.
type countedSocket struct {
	*net.UDPConn
	batch *ipv4.PacketConn
	s     *service
}

// ReadBatch implements what quic-go looks for before it reads the socket itself.
func (c *countedSocket) ReadBatch(ms []ipv4.Message, flags int) (int, error) {
	n, err := c.batch.ReadBatch(ms, flags)
	for i := range max(n, 0) {
		c.s.received.Add(int64(ms[i].N))
	}
	return n, err
}

func (c *countedSocket) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	n, oobn, err = c.UDPConn.WriteMsgUDP(b, oob, addr)
	c.s.sent.Add(int64(n))
	return n, oobn, err
}

func (c *countedSocket) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.UDPConn.WriteTo(b, addr)
	c.s.sent.Add(int64(n))
	return n, err
}

// bodies answers /echo, /sink and /zeros/N.
func bodies() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		if r.ContentLength >= 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		}
		// HTTP/1.1 servers stop reading once they answer, unless told.
		http.NewResponseController(w).EnableFullDuplex()
		io.Copy(w, r.Body)
	})
	mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]int64{"received": n})
	})
	mux.HandleFunc("/zeros/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.ParseInt(r.PathValue("n"), 10, 64)
		if err != nil || n < 0 {
			http.Error(w, "how many?", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if !r.URL.Query().Has("chunked") {
			w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
		}
		if r.Method != http.MethodHead {
			io.CopyN(w, zeros{}, n)
		}
	})
	return mux
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// routes are go-httpbin's and those of bodies.
func routes() http.Handler {
	mux := bodies()
	mux.Handle("/", httpbin.New().Handler())
	return mux
}

func http1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// HTTPBin starts go-httpbin (see its front page for the routes) on net/http:
// without TLS as HTTP/1.1 and h2c (HTTP and H2C are one listener), with TLS as
// HTTP/2 or HTTP/1.1 by ALPN (HTTPS and H2 are one listener). The settings of
// TLS can be changed before it starts.
//
// Beside go-httpbin's there are the routes /echo and /sink, which send the
// request's body back, or its length as JSON, and /zeros/N, N zero bytes (with
// ?chunked, without a Content-Length); all without limit.
func HTTPBin(t testing.TB, changes ...func(*tls.Config)) *Server {
	t.Helper()
	s, service := inProcess(t)
	p := http1()
	p.SetUnencryptedHTTP2(true)
	plain := service.plain(t, routes(), p)
	l := service.listen(t)
	p = http1()
	p.SetHTTP2(true)
	service.secure(l, routes(), s.config(t, changes), p)
	s.HTTP, s.H2C = "http://"+plain, "http://"+plain
	s.HTTPS, s.H2 = "https://"+l.Addr().String(), "https://"+l.Addr().String()
	return s
}

// QUIC starts what HTTPBin serves with quic-go's HTTP/3 server, and, on the
// TCP port of the same number, with TLS by net/http (HTTP/2 or HTTP/1.1 by
// ALPN), which advertises HTTP/3 in the header Alt-Svc. So H3, H2 and HTTPS
// are the same URL; the log tells by what protocol requests came.
func QUIC(t testing.TB, changes ...func(*tls.Config)) *Server {
	t.Helper()
	s, service := inProcess(t)
	var l net.Listener
	var socket *net.UDPConn
	persist(t, func() error {
		l = service.listen(t)
		addr := l.Addr().(*net.TCPAddr)
		var err error
		if socket, err = net.ListenUDP("udp4", &net.UDPAddr{IP: addr.IP, Port: addr.Port}); err != nil {
			l.Close()
		}
		return err
	})
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	h := routes()
	advertising := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Alt-Svc", `h3=":`+port+`"; ma=3600`)
		h.ServeHTTP(w, r)
	})
	config := s.config(t, changes)
	service.quic(socket, h, config.Clone())
	p := http1()
	p.SetHTTP2(true)
	service.secure(l, advertising, config, p)
	url := "https://" + l.Addr().String()
	s.H3, s.H2, s.HTTPS = url, url, url
	return s
}

// inProcess returns a server that is a service of this process.
func inProcess(t testing.TB) (*Server, *service) {
	t.Helper()
	service := newService(t)
	return &Server{CA: NewCA(t), t: t, log: service.log, wire: service.wire, close: ended(t, service.stop)}, service
}

// config returns what the server's TLS is by default, changed.
func (s *Server) config(t testing.TB, changes []func(*tls.Config)) *tls.Config {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{s.Issue(t)}}
	for _, change := range changes {
		change(config)
	}
	return config
}
