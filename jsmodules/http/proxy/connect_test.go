package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	xproxy "golang.org/x/net/proxy"
	"pgregory.net/rapid"
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

// readRequest reads a request's header.
func readRequest(c net.Conn) string {
	r := bufio.NewReader(c)
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		b.WriteString(line)
		if err != nil || line == "\r\n" {
			return b.String()
		}
	}
}

func TestTunnelRequest(t *testing.T) {
	got := make(chan string, 1)
	addr := serve(t, func(c net.Conn) {
		got <- readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
	})
	for _, tt := range []struct{ proxy, target, want string }{
		{"http://p", "example.com:443", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"},
		{"http://u:p@p", "example.com:443", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"},
		{"http://p", "192.0.2.1:80", "CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n"},
		{"http://p", "[2001:DB8::1]:80", "CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"},
		{"http://p", "[::ffff:192.0.2.1]:80", "CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n"},
	} {
		conn, err := parse(t, tt.proxy).Connect(t.Context(), dialTCP(addr), nil, tt.target)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := conn.(*net.TCPConn); !ok {
			t.Errorf("the connection is a %T", conn)
		}
		conn.Close()
		if s := <-got; s != tt.want {
			t.Errorf("sent %q, want %q", s, tt.want)
		}
	}
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

// TestAnswers has an HTTP proxy give every kind of answer.
func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n\r\n"
	continues := strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 20)
	for _, tt := range []struct {
		name, answer string
		close        bool
		status       int // of the RefusedError
		err          error
		rest         string // what the connection gives
	}{
		{"ok", ok, true, 0, nil, ""},
		{"any 2xx", "HTTP/1.1 299 Sure\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true, 0, nil, ""},
		{"HTTP/1.0 without a reason", "HTTP/1.0 200\r\nVia: x\r\n\r\n", true, 0, nil, ""},
		{"bare line feeds", "HTTP/1.1 200 OK\nVia: x\n\n", true, 0, nil, ""},
		{"mixed line ends", "HTTP/1.1 200 OK\r\nVia: x\n\r\n", true, 0, nil, ""},
		{"reason in another language", "HTTP/1.1 200 \xc3\xa9tabli\r\nX:\ty\r\n\r\n", true, 0, nil, ""},
		{"early bytes", ok + "SSH-2.0-x\r\n", true, 0, nil, "SSH-2.0-x\r\n"},
		{"early bytes like an answer", ok + ok, true, 0, nil, ok},
		{"interim responses", continues + ok + "x", true, 0, nil, "x"},
		{"large header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 60<<10) + "\r\n\r\nrest", true, 0, nil, "rest"},

		{"forbidden", "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", false, 403, nil, ""},
		{"bad gateway", "HTTP/1.1 502 \r\n\r\n", false, 502, nil, ""},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", false, 302, nil, ""},
		{"switching", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, 101, nil, ""},
		{"authentication", "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", false, 407, ErrAuthRequired, ""},

		{"silence and close", "", true, 0, ErrClosed, ""},
		{"cut status", "HTTP/1.1 20", true, 0, ErrClosed, ""},
		{"cut header", "HTTP/1.1 200 OK\r\nVia: x\r\n", true, 0, ErrClosed, ""},
		{"cut after interim", continues, true, 0, ErrClosed, ""},
		{"garbage", "\x05\x00", false, 0, ErrMalformed, ""},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x16", false, 0, ErrMalformed, ""},
		{"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", false, 0, ErrMalformed, ""},
		{"no status", "HTTP/1.1\r\n\r\n", false, 0, ErrMalformed, ""},
		{"status with letters", "HTTP/1.1 2x0 OK\r\n\r\n", false, 0, ErrMalformed, ""},
		{"status 099", "HTTP/1.1 099 OK\r\n\r\n", false, 0, ErrMalformed, ""},
		{"four digits", "HTTP/1.1 2000 OK\r\n\r\n", false, 0, ErrMalformed, ""},
		{"line without colon", "HTTP/1.1 200 OK\r\nhello\r\n\r\n", false, 0, ErrMalformed, ""},
		{"folded line", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", false, 0, ErrMalformed, ""},
		{"control character", "HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n", false, 0, ErrMalformed, ""},
		{"bare carriage return", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", false, 0, ErrMalformed, ""},
		{"empty lines first", "\r\n\r\n" + ok, false, 0, ErrMalformed, ""},
		{"endless header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20), false, 0, ErrTooLarge, ""},
		{"endless lines", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 1<<17), false, 0, ErrTooLarge, ""},
		{"endless interim responses", strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 1<<14), false, 0, ErrTooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := serve(t, func(c net.Conn) {
				readRequest(c)
				io.WriteString(c, tt.answer)
				if !tt.close {
					io.Copy(io.Discard, c)
				}
			})
			p := parse(t, "http://"+addr)
			conn, err := p.Connect(t.Context(), dialTCP(addr), nil, "example.com:443")
			var refused *RefusedError
			if tt.status != 0 {
				if !errors.As(err, &refused) || refused.Status != tt.status || tt.err != nil && !errors.Is(err, tt.err) {
					t.Errorf("%v, want status %d", err, tt.status)
				}
				return
			}
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("%v, want %v", err, tt.err)
			}
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || e.Op != "connect" || e.Address != addr {
					t.Errorf("%#v", err)
				}
				return
			}
			defer conn.Close()
			got, err := io.ReadAll(conn)
			if err != nil || string(got) != tt.rest {
				t.Errorf("the connection gives %q and %v, want %q", got, err, tt.rest)
			}
			if _, raw := conn.(*net.TCPConn); !raw {
				below, ok := conn.(interface{ NetConn() net.Conn })
				if !ok {
					t.Fatalf("a %T", conn)
				}
				if _, raw = below.NetConn().(*net.TCPConn); !raw || tt.rest == "" {
					t.Errorf("a %T over a %T with nothing early", conn, below.NetConn())
				}
			}
		})
	}
}

// TestAnswerText pins what users may see: nothing the proxy said.
func TestAnswerText(t *testing.T) {
	for answer, want := range map[string]string{
		"HTTP/1.1 403 secret\r\n\r\n": "proxy p:80: tunnel is refused with status 403",
		"HTTP/1.1 407 secret\r\n\r\n": "proxy p:80: authentication is required: tunnel is refused with status 407",
		"secret":                      "proxy p:80: malformed answer",
		"HTTP/1.":                     "proxy p:80: connection was closed before the answer was complete",
	} {
		addr := serve(t, func(c net.Conn) { readRequest(c); io.WriteString(c, answer) })
		if _, err := parse(t, "http://p").Connect(t.Context(), dialTCP(addr), nil, "example.com:443"); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	addr := serve(t, func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 407 x\r\n\r\n") })
	if _, err := parse(t, "http://u:secret@p").Connect(t.Context(), dialTCP(addr), nil, "example.com:443"); !errors.Is(err, ErrAuthRefused) || errors.Is(err, ErrAuthRequired) {
		t.Errorf("credentials that are refused: %v", err)
	}
}

// TestMemory checks that an endless answer costs no more than its limit.
func TestMemory(t *testing.T) {
	line := bytes.Repeat([]byte("x"), 1<<20)
	addr := serve(t, func(c net.Conn) {
		readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 ")
		for {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := parse(t, "http://p").Connect(t.Context(), dialTCP(addr), nil, "example.com:443")
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 4*maxHead {
		t.Errorf("%d bytes were allocated", n)
	}
}

// TestSplit has answers arrive in pieces: it makes no difference where they are cut.
func TestSplit(t *testing.T) {
	const text = "HTTP/1.1 100 \r\n\r\nHTTP/1.1 200 OK\r\nVia: x\n\r\nearly"
	rapid.Check(t, func(t *rapid.T) {
		cuts := rapid.SliceOfN(rapid.IntRange(1, 9), 60, 60).Draw(t, "cuts")
		client, server := net.Pipe()
		defer client.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			defer server.Close()
			rest := text
			for _, n := range cuts {
				n = min(n, len(rest))
				if _, err := io.WriteString(server, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		})
		status, rest, err := readAnswer(client)
		if status != 200 || err != nil {
			t.Fatalf("%d, %v", status, err)
		}
		more, err := io.ReadAll(client)
		if string(rest)+string(more) != "early" || err != nil {
			t.Fatalf("%q and %q, %v", rest, more, err)
		}
		wg.Wait()
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nVia: x\r\n\r\nearly"))
	f.Add([]byte("HTTP/1.0 100\n\nHTTP/1.1 407 \n\n"))
	f.Add([]byte("\x05\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		status, rest, err := readAnswer(&script{in: answer})
		if err == nil && (status != 101 && status < 200 || status > 999 || !bytes.HasSuffix(answer, rest)) {
			t.Fatalf("%q: %d, %q", answer, status, rest)
		}
		if err != nil && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
		if s, r, e := readAnswer(&script{in: answer, slow: true}); s != status && err == nil || err != e || err == nil && !bytes.HasSuffix(rest, r) {
			t.Fatalf("byte by byte: %d %v, at once: %d %v", s, e, status, err)
		}
	})
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

// TestSocks has a SOCKS5 proxy give every kind of answer.
func TestSocks(t *testing.T) {
	const v4 = "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"
	for _, tt := range []struct {
		name, answer, sent, rest string
		auth                     bool
		err                      error
		reply                    Reply
	}{
		{"no authentication", "\x05\x00" + v4, "\x05\x01\x00\x05\x01\x00\x03\x01h\x00\x50", "", false, nil, 0},
		{"bound to IPv6", "\x05\x00\x05\x00\x00\x04" + strings.Repeat("x", 18), "", "", false, nil, 0},
		{"bound to a name", "\x05\x00\x05\x00\x00\x03\xff" + strings.Repeat("x", 257), "", "", false, nil, 0},
		{"bound to an empty name", "\x05\x00\x05\x00\x00\x03\x00xx", "", "", false, nil, 0},
		{"early bytes", "\x05\x00" + v4 + "SSH-2.0", "", "SSH-2.0", false, nil, 0},
		{"password", "\x05\x02\x01\x00" + v4, "\x05\x02\x00\x02\x01\x01u\x06secret\x05\x01\x00\x03\x01h\x00\x50", "", true, nil, 0},
		{"password not wanted", "\x05\x00" + v4, "\x05\x02\x00\x02\x05\x01\x00\x03\x01h\x00\x50", "", true, nil, 0},
		{"answer of version 5 to the password", "\x05\x02\x05\x00" + v4, "", "", true, nil, 0},

		{"password required", "\x05\xff", "\x05\x01\x00", "", false, ErrAuthRequired, 0},
		{"no method fits", "\x05\xff", "\x05\x02\x00\x02", "", true, ErrAuthRefused, 0},
		{"wrong password", "\x05\x02\x01\x01", "", "", true, ErrAuthRefused, 0},
		{"password that was not offered", "\x05\x02", "", "", false, ErrMalformed, 0},
		{"GSSAPI", "\x05\x01", "", "", true, ErrMalformed, 0},
		{"version 4", "\x04\x00", "", "", false, ErrMalformed, 0},
		{"an HTTP proxy", "HTTP/1.1 400 Bad Request\r\n\r\n", "", "", false, ErrMalformed, 0},
		{"version 9 to the password", "\x05\x02\x09\x00", "", "", true, ErrMalformed, 0},
		{"reply of version 4", "\x05\x00\x04\x00", "", "", false, ErrMalformed, 0},
		{"unknown address type", "\x05\x00\x05\x00\x00\x02", "", "", false, ErrMalformed, 0},
		{"nothing", "", "", "", false, ErrClosed, 0},
		{"half a greeting", "\x05", "", "", false, ErrClosed, 0},
		{"cut after greeting", "\x05\x00", "", "", false, ErrClosed, 0},
		{"cut password answer", "\x05\x02\x01", "", "", true, ErrClosed, 0},
		{"cut address", "\x05\x00\x05\x00\x00\x01\x7f", "", "", false, ErrClosed, 0},
		{"cut name", "\x05\x00\x05\x00\x00\x03", "", "", false, ErrClosed, 0},

		{"general", "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00", "", "", false, nil, GeneralFailure},
		{"not allowed, and closed", "\x05\x00\x05\x02", "", "", false, nil, NotAllowed},
		{"network", "\x05\x00\x05\x03", "", "", false, nil, NetworkUnreachable},
		{"host", "\x05\x00\x05\x04", "", "", false, nil, HostUnreachable},
		{"refused", "\x05\x00\x05\x05", "", "", false, nil, ConnectionRefused},
		{"ttl", "\x05\x00\x05\x06", "", "", false, nil, TTLExpired},
		{"command", "\x05\x00\x05\x07", "", "", false, nil, CommandUnsupported},
		{"address type", "\x05\x00\x05\x08", "", "", false, nil, AddressTypeRejected},
		{"unknown", "\x05\x00\x05\xfe", "", "", false, nil, 0xfe},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := "socks5h://p"
			if tt.auth {
				raw = "socks5h://u:secret@p"
			}
			for _, slow := range []bool{false, true} {
				peer := &script{in: []byte(tt.answer), slow: slow}
				conn, err := parse(t, raw).Connect(t.Context(), func(context.Context, string, string) (net.Conn, error) { return peer, nil }, nil, "h:80")
				var reply *ReplyError
				switch {
				case tt.reply != 0:
					if !errors.As(err, &reply) || reply.Reply != tt.reply || strings.Contains(err.Error(), "secret") {
						t.Errorf("%v, want %v", err, tt.reply)
					}
				case !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil):
					t.Errorf("%v, want %v", err, tt.err)
				case err == nil:
					if conn != net.Conn(peer) {
						t.Errorf("the connection is a %T", conn)
					}
					if got, _ := io.ReadAll(conn); string(got) != tt.rest {
						t.Errorf("it gives %q, want %q", got, tt.rest)
					}
				}
				if tt.sent != "" && string(peer.out) != tt.sent {
					t.Errorf("sent %q, want %q", peer.out, tt.sent)
				}
			}
		})
	}
}

// TestSocksLibrary compares what is sent with golang.org/x/net/proxy.
func TestSocksLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.OneOf(rapid.StringMatching(`[a-z][a-z0-9.-]{0,253}[a-z]`), rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "0.0.0.0"})).Draw(t, "host")
		target := net.JoinHostPort(host, rapid.SampledFrom([]string{"1", "443", "65535"}).Draw(t, "port"))
		answer, raw := "\x05\x00", "socks5h://p"
		var auth *xproxy.Auth
		if rapid.Bool().Draw(t, "auth") {
			answer, raw, auth = "\x05\x02\x01\x00", "socks5h://u:pw@p", &xproxy.Auth{User: "u", Password: "pw"}
		}
		answer += "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"
		ours, theirs := &script{in: []byte(answer)}, &script{in: []byte(answer)}
		d, err := xproxy.SOCKS5("tcp", "p:1080", auth, dialer(func() net.Conn { return theirs }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Dial("tcp", target); err != nil {
			t.Fatal(err)
		}
		p, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Connect(context.Background(), func(context.Context, string, string) (net.Conn, error) { return ours, nil }, nil, target); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours.out, theirs.out) {
			t.Fatalf("ours sends %x, the library %x", ours.out, theirs.out)
		}
	})
}

type dialer func() net.Conn

func (d dialer) Dial(_, _ string) (net.Conn, error) { return d(), nil }

func FuzzSocks(f *testing.F) {
	f.Add([]byte("\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90rest"))
	f.Add([]byte("\x05\x00\x05\x00\x00\x03\x01xxx"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		p := parse(t, "socks5h://u:p@x")
		err := p.negotiate(&script{in: answer}, target{name: "h", port: binary.BigEndian.Uint16([]byte{0, 80})})
		var reply *ReplyError
		if err != nil && !errors.As(err, &reply) && !errors.Is(err, ErrClosed) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrAuthRefused) {
			t.Fatal(err)
		}
	})
}

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
