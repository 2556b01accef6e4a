package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

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
