package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/jsmodules/http/proxy"
)

var who = peers.Credentials{User: "tester", Password: "pass-word_1"}

// echo is a server that sends back what it gets.
func echo(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); io.Copy(c, c) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// nobody is an address where nobody listens.
func nobody(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// counted is how a caller that counts bytes dials.
type counted struct {
	net.Conn
	in, out int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in += n
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out += n
	return n, err
}

func dialReal(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &counted{Conn: c}, nil
}

// trusting is TLS that trusts a peer's certificate.
func trusting(ca *peers.CA) proxy.SecureFunc {
	return func(ctx context.Context, conn net.Conn, host string) (net.Conn, error) {
		c := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: ca.Pool()})
		return c, c.HandshakeContext(ctx)
	}
}

func parsed(t testing.TB, raw string) *proxy.Proxy {
	t.Helper()
	p, err := proxy.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pass has a megabyte go to and fro through the proxy.
func pass(t *testing.T, p *proxy.Proxy, secure proxy.SecureFunc, target string) net.Conn {
	t.Helper()
	conn, err := p.Connect(t.Context(), dialReal, secure, target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	body := strings.Repeat("0123456789abcdef", 1<<16)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := io.WriteString(conn, body); err != nil {
			t.Error(err)
		}
	})
	got := make([]byte, len(body))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != body {
		t.Errorf("through %s came other bytes: %v", p, err)
	}
	wg.Wait()
	return conn
}

func TestForwardProxy(t *testing.T) {
	target := echo(t)
	open, closed := peers.ForwardProxy(t), peers.ForwardProxy(t, who)
	for _, peer := range []*peers.Proxy{open, closed} {
		conn := pass(t, parsed(t, peer.URL), nil, target)
		c, ok := conn.(*counted)
		if !ok {
			t.Fatalf("the connection is a %T", conn)
		}
		if c.in <= 1<<20 || c.out <= 1<<20 || c.in > 1<<20+1<<10 || c.out > 1<<20+1<<10 {
			t.Errorf("counted %d and %d bytes for a megabyte and what the proxy takes", c.in, c.out)
		}
		pass(t, parsed(t, peer.TLS), trusting(peer.CA), target)
		peer.Log(2, "CONNECT "+target+" HTTP/1.1")
	}

	var refused *proxy.RefusedError
	_, err := parsed(t, "http://"+closed.Addr).Connect(t.Context(), dialReal, nil, target)
	if !errors.Is(err, proxy.ErrAuthRequired) || !errors.As(err, &refused) || refused.Status != 407 {
		t.Errorf("without credentials: %v", err)
	}
	_, err = parsed(t, "http://tester:wrong@"+closed.Addr).Connect(t.Context(), dialReal, nil, target)
	if !errors.As(err, &refused) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := parsed(t, open.URL).Connect(t.Context(), dialReal, nil, nobody(t)); !errors.As(err, &refused) || refused.Status/100 != 5 {
		t.Errorf("to nobody: %v", err)
	}
	// It waits for the end of a line, and only the context ends that.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := parsed(t, "socks5://"+open.Addr).Connect(ctx, dialReal, nil, target); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("SOCKS to an HTTP proxy: %v", err)
	}
}

// TestAbsolute sends what a plain http:// request is through such a proxy.
func TestAbsolute(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the credentials reached the target")
		}
		io.WriteString(w, "hello from "+r.URL.Path)
	}))
	defer srv.Close()
	peer := peers.ForwardProxy(t, who)
	for raw, secure := range map[string]proxy.SecureFunc{peer.URL: nil, peer.TLS: trusting(peer.CA)} {
		p := parsed(t, raw)
		if !p.Absolute() {
			t.Fatal(p)
		}
		conn, err := p.Dial(t.Context(), dialReal, secure)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET "+srv.URL+"/there HTTP/1.1\r\nHost: x\r\nConnection: close\r\nProxy-Authorization: "+p.Authorization()+"\r\n\r\n")
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") || !strings.HasSuffix(string(answer), "hello from /there") {
			t.Errorf("%q, %v", answer, err)
		}
		conn.Close()
	}
	peer.Log(2, "GET "+srv.URL+"/there")
}

func TestSOCKSProxy(t *testing.T) {
	target := echo(t)
	_, port, _ := net.SplitHostPort(target)
	open, closed := peers.SOCKS(t), peers.SOCKS(t, who)
	for _, peer := range []*peers.Proxy{open, closed} {
		conn := pass(t, parsed(t, peer.URL), nil, target)
		if _, ok := conn.(*counted); !ok {
			t.Fatalf("the connection is a %T", conn)
		}
		pass(t, parsed(t, strings.Replace(peer.URL, "socks5:", "socks5h:", 1)), nil, "localhost:"+port)
		peer.Log(1, "connected to "+target)
		peer.Log(1, "connected to localhost:"+port)
	}
	var reply *proxy.ReplyError
	if _, err := parsed(t, "socks5://"+closed.Addr).Connect(t.Context(), dialReal, nil, target); !errors.Is(err, proxy.ErrAuthRequired) {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := parsed(t, "socks5://tester:wrong@"+closed.Addr).Connect(t.Context(), dialReal, nil, target); !errors.Is(err, proxy.ErrAuthRefused) {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := parsed(t, open.URL).Connect(t.Context(), dialReal, nil, nobody(t)); !errors.As(err, &reply) || reply.Reply != proxy.ConnectionRefused {
		t.Errorf("to nobody: %v", err)
	}
	if _, err := parsed(t, "http://"+open.Addr).Connect(t.Context(), dialReal, nil, target); !errors.Is(err, proxy.ErrMalformed) && !errors.Is(err, proxy.ErrClosed) {
		t.Errorf("HTTP to a SOCKS proxy: %v", err)
	}
}
