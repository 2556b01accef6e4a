package proxy

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	xproxy "golang.org/x/net/proxy"
	"pgregory.net/rapid"
)

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
