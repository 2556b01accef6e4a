package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// says starts a server that reads a little, sends text and closes.
func says(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				conn.Read(make([]byte, 4096))
				io.WriteString(conn, text)
				conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, conn)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// TestClassify fails handshakes in every way there is.
func TestClassify(t *testing.T) {
	ca, other := peers.NewCA(t), peers.NewCA(t)
	intermediate := peers.NewCA(t) // signs, but is signed by nobody we know
	server := func(change func(*tls.Config), issue ...func(*x509.Certificate)) string {
		config := &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, issue...)}}
		if change != nil {
			change(config)
		}
		addr, _ := serve(t, config)
		return addr
	}
	trusting := plan.TLS{CACerts: []string{ca.PEM()}}
	showing := trusting
	showing.Auth = []plan.TLSAuth{auth(t, other, "not theirs")}
	old := trusting
	old.MaxVersion = "tls1.2"
	suite := old
	suite.CipherSuites = []string{"TLS_RSA_WITH_AES_128_GCM_SHA256"}
	demanding := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) {
			c.MaxVersion, c.ClientAuth, c.ClientCAs = version, tls.RequireAndVerifyClientCert, ca.Pool()
		}
	}
	plain := peers.HTTPBin(t)

	for _, tc := range []struct {
		name, addr, host string
		o                plan.TLS
		protos           []string
		kind             Kind
		text             string
	}{
		{"fine", server(nil), "localhost", trusting, nil, Other, ""},
		{"authority", server(nil), "localhost", plan.TLS{}, nil, Authority, "certificate is signed by an unknown authority"},
		{"unknown intermediate", server(func(c *tls.Config) { c.Certificates[0] = intermediate.Issue(t) }), "localhost", trusting, nil,
			Authority, "certificate is signed by an unknown authority"},
		{"hostname", server(nil), "elsewhere.test", trusting, nil, Hostname, "certificate is not valid for elsewhere.test"},
		{"address", server(nil), "127.0.0.2", trusting, nil, Hostname, "certificate is not valid for 127.0.0.2"},
		{"expired", server(nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "localhost", trusting, nil,
			Certificate, "certificate has expired"},
		{"early", server(nil, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "localhost", trusting, nil,
			Certificate, "certificate is not valid yet"},
		{"usage", server(nil, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), "localhost", trusting, nil,
			Certificate, "certificate is not for servers"},
		{"unreadable", server(func(c *tls.Config) { c.Certificates[0].Certificate = [][]byte{{0x30, 0}} }), "localhost", trusting, nil,
			Certificate, "certificate cannot be read"},
		{"newer only", server(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }), "localhost", old, nil,
			Version, "server refused TLS: protocol version not supported"},
		{"older only", server(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), "localhost", trusting, nil,
			Version, "server refused TLS: protocol version not supported"},
		{"suites", server(nil), "localhost", suite, nil, Alert, "server refused TLS: handshake failure"},
		{"protocols", server(func(c *tls.Config) { c.NextProtos = []string{"h2"} }), "localhost", trusting, []string{"acme"},
			Alert, "server refused TLS: no application protocol"},
		{"demanded, 1.2", server(demanding(tls.VersionTLS12)), "localhost", trusting, nil, Alert, "server refused TLS: handshake failure"},
		{"demanded, 1.3", server(demanding(tls.VersionTLS13)), "localhost", trusting, nil, Demanded, "server refused TLS: certificate required"},
		{"another demanded", server(demanding(tls.VersionTLS13)), "localhost", showing, nil, Demanded, "server refused TLS: unknown certificate authority"},
		{"HTTP", strings.TrimPrefix(plain.HTTP, "http://"), "localhost", trusting, nil, NotTLS, "the server speaks HTTP without TLS here"},
		{"SSH", says(t, "SSH-2.0-OpenSSH\r\n"), "localhost", trusting, nil, NotTLS, "the server does not speak TLS here"},
		{"version of a record", says(t, "\x16\xff\xff\x00\x05hello"), "localhost", trusting, nil, NotTLS, "the server does not speak TLS here"},
		{"SSL 2", says(t, "\x80\x2e\x01\x00\x02"), "localhost", trusting, nil, Protocol, "TLS record not valid"},
		{"large record", says(t, "\x16\x03\x03\xff\xff"), "localhost", trusting, nil, Protocol, "TLS record not valid"},
		{"large message", says(t, "\x16\x03\x03\x00\x04\x02\xff\xff\xff"), "localhost", trusting, nil, Protocol, "server sent a handshake message that is too large"},
		{"wrong message", says(t, "\x16\x03\x03\x00\x04\x0e\x00\x00\x00"), "localhost", trusting, nil, Protocol, "server broke the TLS protocol"},
		{"empty message", says(t, "\x16\x03\x03\x00\x04\x02\x00\x00\x00"), "localhost", trusting, nil, Protocol, "server broke the TLS protocol"},
		{"alert", says(t, "\x15\x03\x03\x00\x02\x02\x50"), "localhost", trusting, nil, Alert, "server refused TLS: internal error"},
		{"strange alert", says(t, "\x15\x03\x03\x00\x02\x02\xee"), "localhost", trusting, nil, Alert, "server refused TLS: alert(238)"},
		{"end", says(t, ""), "localhost", trusting, nil, Other, ""},
		{"cut record", says(t, "\x16\x03\x03\x00\x04\x02"), "localhost", trusting, nil, Other, ""},
	} {
		s := settings(t, tc.o, false, nil)
		raw, err := net.Dial("tcp", tc.addr)
		if err != nil {
			t.Fatal(err)
		}
		raw.SetDeadline(time.Now().Add(10 * time.Second))
		conn := tls.Client(raw, s.For(tc.host, tc.protos))
		if err = conn.Handshake(); err == nil {
			// A server with TLS 1.3 refuses a client's certificate only now.
			conn.Write([]byte("?"))
			_, err = io.ReadFull(conn, make([]byte, 1))
		}
		raw.Close()
		if kind, text := Classify(err); kind != tc.kind || text != tc.text {
			t.Errorf("%s: %d, %q; want %d, %q (%v)", tc.name, kind, text, tc.kind, tc.text, err)
		}
		if tc.name != "fine" && err == nil {
			t.Errorf("%s: no failure", tc.name)
		}
	}
}

// TestClassifyWrapped sees through what other layers wrap errors in.
func TestClassifyWrapped(t *testing.T) {
	unknown := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for name, tc := range map[string]struct {
		err  error
		kind Kind
	}{
		"QUIC, certificate":   {fmt.Errorf("%w%.0w", unknown, tls.AlertError(42)), Authority},
		"QUIC, own words":     {errors.Join(net.ErrClosed, fmt.Errorf("tls: server selected unadvertised ALPN protocol%.0w", tls.AlertError(120))), Protocol},
		"QUIC, alert":         {tls.AlertError(116), Demanded},
		"joined":              {errors.Join(net.ErrClosed, fmt.Errorf("handshake: %w", tls.AlertError(70))), Version},
		"refused by us":       {&net.OpError{Op: "local error", Err: tls.AlertError(10)}, Protocol},
		"refused by them":     {&net.OpError{Op: "remote error", Err: tls.AlertError(40)}, Alert},
		"no roots":            {&tls.CertificateVerificationError{Err: x509.SystemRootsError{}}, Authority},
		"other verification":  {&tls.CertificateVerificationError{Err: x509.UnhandledCriticalExtension{}}, Certificate},
		"chain too long":      {&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}}, Certificate},
		"no authority":        {x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, Certificate},
		"constrained":         {x509.CertificateInvalidError{Reason: x509.CANotAuthorizedForThisName}, Certificate},
		"strange reason":      {x509.CertificateInvalidError{Reason: 999}, Certificate},
		"timeout":             {os.ErrDeadlineExceeded, Other},
		"a network error":     {&net.OpError{Op: "read", Err: errors.New("reset")}, Other},
		"the end":             {io.ErrUnexpectedEOF, Other},
		"nothing":             {nil, Other},
		"no version possible": {errors.New("tls: no supported versions satisfy MinVersion and MaxVersion"), Version},
	} {
		kind, text := Classify(tc.err)
		if kind != tc.kind || (text == "") != (kind == Other) || strings.ContainsAny(text, "\n") {
			t.Errorf("%s: %d, %q; want %d", name, kind, text, tc.kind)
		}
	}
	for kind := Authority; kind < Protocol; kind++ {
		if kind.Hint() == "" {
			t.Errorf("no hint for %d", kind)
		}
	}
	if Other.Hint() != "" || Protocol.Hint() != "" {
		t.Error("a hint for what nobody can help")
	}
}
