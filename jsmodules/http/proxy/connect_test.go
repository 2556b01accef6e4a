package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func parse(t testing.TB, raw string) *Proxy {
	t.Helper()
	p, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// dialTCP is how the tests dial; to is where, whatever the proxy's name.
func dialTCP(to string) DialFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, to)
	}
}

// serve runs handle for each connection to an address, and waits for all.
func serve(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String()
}

// TestTargets refuses what could be taken for something else, before dialling.
func TestTargets(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, io.EOF
	}
	for _, target := range []string{"", "host", "host:", ":80", "host:0", "host:65536", "host:http", "a b:80", "a\r\nX: y:80", "a@b:80", "bücher:80",
		"[fe80::1%eth0]:80", "[::1:80", "host:80:80", strings.Repeat("a", 256) + ":80", "a/b:80", "a%2eb:80"} {
		for _, raw := range []string{"http://p", "socks5h://p"} {
			if _, err := parse(t, raw).Connect(t.Context(), dial, nil, target); !errors.Is(err, ErrTarget) || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%.40q through %s: %v", target, raw, err)
			}
		}
	}
	if _, err := parse(t, "socks5://p").Connect(t.Context(), dial, nil, "example.com:80"); !errors.Is(err, ErrTarget) || !strings.Contains(err.Error(), "socks5h") {
		t.Errorf("a name through socks5: %v", err)
	}
}

// script is a connection that plays back an answer and keeps what is written.
type script struct {
	net.Conn
	in   []byte
	out  []byte
	slow bool
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.in) == 0 {
		return 0, io.EOF
	}
	if s.slow {
		p = p[:1]
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) { s.out = append(s.out, p...); return len(p), nil }

func (s *script) SetDeadline(time.Time) error { return nil }

func (s *script) Close() error { return nil }

// secureWith is TLS as a client that trusts what the test server shows.
func secureWith(srv *httptest.Server) SecureFunc {
	cfg := srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	return func(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
		cfg := cfg.Clone()
		cfg.ServerName = host
		c := tls.Client(conn, cfg)
		return c, c.HandshakeContext(ctx)
	}
}

// TestSecure talks to a proxy over TLS.
func TestSecure(t *testing.T) {
	echo := serve(t, func(c net.Conn) { io.Copy(c, c) })
	var wg sync.WaitGroup
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "CONNECT" || r.Header.Get("Proxy-Authorization") != "Basic dTpw" {
			w.WriteHeader(407)
			return
		}
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		down, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		wg.Go(func() { defer up.Close(); io.Copy(up, rw) })
		wg.Go(func() { defer down.Close(); io.Copy(down, up) })
	}))
	defer wg.Wait()
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	conn, err := parse(t, "https://u:p@example.com").Connect(t.Context(), dialTCP(addr), secureWith(srv), echo)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	tlsConn, ok := conn.(*tls.Conn)
	if !ok {
		t.Fatalf("a %T", conn)
	}
	if _, ok := tlsConn.NetConn().(*net.TCPConn); !ok {
		t.Errorf("over a %T", tlsConn.NetConn())
	}
	io.WriteString(conn, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}

	if _, err := parse(t, "https://example.com").Connect(t.Context(), dialTCP(addr), secureWith(srv), echo); !errors.Is(err, ErrAuthRequired) {
		t.Errorf("without credentials: %v", err)
	}
	var e *Error
	_, err = parse(t, "https://u:p@other.invalid").Connect(t.Context(), dialTCP(addr), secureWith(srv), echo)
	var name *tls.CertificateVerificationError
	if !errors.As(err, &e) || e.Op != "secure" || !errors.As(err, &name) {
		t.Errorf("a certificate of another name: %v", err)
	}
	direct, err := parse(t, "https://example.com").Dial(t.Context(), dialTCP(addr), secureWith(srv))
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	io.WriteString(direct, "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n")
	line, err := bufio.NewReader(direct).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 407") {
		t.Errorf("%q, %v", line, err)
	}
}

func TestDialError(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, err = parse(t, "http://"+addr).Connect(t.Context(), dialTCP(addr), nil, "h:80")
	var e *Error
	if !errors.As(err, &e) || e.Op != "dial" || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
}

// TestTime lets proxies stall at every step, in a time of our own: the context's
// end is the end of Connect, to the instant.
func TestTime(t *testing.T) {
	const timeout = 10 * time.Second
	drip := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			for i := range text {
				time.Sleep(time.Second)
				if _, err := io.WriteString(c, text[i:i+1]); err != nil {
					return
				}
			}
		}
	}
	after := func(n int, then func(net.Conn)) func(net.Conn) {
		return func(c net.Conn) {
			if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
				return
			}
			then(c)
		}
	}
	connect := len("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n")
	silent := func(c net.Conn) { io.Copy(io.Discard, c) }
	hang := func(ctx context.Context, conn net.Conn, _ string) (net.Conn, error) {
		<-ctx.Done()
		conn.SetDeadline(time.Time{}) // as if its own deadline were over
		return conn, nil
	}
	for _, tt := range []struct {
		name, proxy string
		server      func(net.Conn)
		secure      SecureFunc
	}{
		{"request is not read", "http://p", func(net.Conn) { time.Sleep(time.Hour) }, nil},
		{"silence", "http://p", silent, nil},
		{"one byte a second", "http://p", after(connect, drip("HTTP/1.1 200 Connection established\r\n\r\n")), nil},
		{"endless header", "http://p", after(connect, drip("HTTP/1.1 200 OK\r\n"+strings.Repeat("A: b\r\n", 100))), nil},
		{"interim responses", "http://p", after(connect, drip(strings.Repeat("HTTP/1.1 100\r\n\r\n", 100))), nil},
		{"greeting is not read", "socks5h://p", func(net.Conn) { time.Sleep(time.Hour) }, nil},
		{"socks silence", "socks5h://p", silent, nil},
		{"socks password", "socks5h://u:p@p", after(4, func(c net.Conn) { io.WriteString(c, "\x05\x02"); silent(c) }), nil},
		{"socks, one byte a second", "socks5h://p", after(3, func(c net.Conn) {
			io.WriteString(c, "\x05\x00")
			after(18, drip("\x05\x00\x00\x03\xff"+strings.Repeat("x", 257)))(c)
		}), nil},
		{"TLS", "https://p", silent, func(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
			c := tls.Client(conn, &tls.Config{ServerName: host})
			return c, c.HandshakeContext(ctx)
		}},
		{"TLS that ends with the context", "https://p", silent, hang},
	} {
		for _, how := range []string{"deadline", "cancel"} {
			t.Run(tt.name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var ctx context.Context
					var cancel context.CancelFunc
					want := context.DeadlineExceeded
					if how == "deadline" {
						ctx, cancel = context.WithTimeout(t.Context(), timeout)
					} else {
						ctx, cancel = context.WithCancel(t.Context())
						time.AfterFunc(timeout, cancel)
						want = context.Canceled
					}
					defer cancel()
					client, server := net.Pipe()
					var wg sync.WaitGroup
					wg.Go(func() { defer server.Close(); tt.server(server) })
					start := time.Now()
					conn, err := parse(t, tt.proxy).Connect(ctx, func(context.Context, string, string) (net.Conn, error) { return client, nil }, tt.secure, "example.com:443")
					if conn != nil || !errors.Is(err, want) {
						t.Errorf("%v, want %v", err, want)
					}
					if took := time.Since(start); took != timeout {
						t.Errorf("it took %v", took)
					}
					if _, err := client.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
						t.Errorf("the connection is left open: %v", err)
					}
					wg.Wait()
				})
			})
		}
	}
}

// TestSlowSuccess takes its time but succeeds: no deadline is left behind.
func TestSlowSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		client, server := net.Pipe()
		defer client.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			defer server.Close()
			readRequest(server)
			for _, b := range []byte("HTTP/1.1 200 OK\r\n\r\n") {
				time.Sleep(time.Second)
				server.Write([]byte{b})
			}
			time.Sleep(time.Hour)
			io.WriteString(server, "late")
		})
		conn, err := parse(t, "http://p").Connect(ctx, func(context.Context, string, string) (net.Conn, error) { return client, nil }, nil, "h:80")
		if err != nil {
			t.Fatal(err)
		}
		if conn != client {
			t.Errorf("a %T", conn)
		}
		cancel()
		if got, err := io.ReadAll(conn); err != nil || string(got) != "late" {
			t.Errorf("%q, %v", got, err)
		}
		wg.Wait()
	})
}

// TestCancelTCP cancels on a real socket, whose deadline wakes the read.
func TestCancelTCP(t *testing.T) {
	got := make(chan struct{})
	addr := serve(t, func(c net.Conn) {
		readRequest(c)
		close(got)
		io.Copy(io.Discard, c)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-got; cancel() }()
	if _, err := parse(t, "http://p").Connect(ctx, dialTCP(addr), nil, "h:80"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkConnect(b *testing.B) {
	for _, tt := range []struct{ name, proxy, answer string }{
		{"http", "http://u:p@p", "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"},
		{"socks5", "socks5h://u:p@p", "\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			p, conn := parse(b, tt.proxy), &script{}
			dial := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				conn.in, conn.out = []byte(tt.answer), conn.out[:0]
				if _, err := p.Connect(ctx, dial, nil, "example.com:443"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
