package tlsconfig

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"go.uber.org/goleak"
)

// systemCA is the only authority of the system that the tests see.
var systemCA *peers.CA

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tlsconfig")
	if err != nil {
		panic(err)
	}
	systemCA = peers.NewCA(new(testing.B)) // fails only where there is no randomness
	file := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(file, []byte(systemCA.PEM()), 0o600); err != nil {
		panic(err)
	}
	// x509 reads them when they are first used.
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", dir)
	code := m.Run()
	os.RemoveAll(dir)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// settings returns the settings of options that are right.
func settings(t testing.TB, o plan.TLS, skipVerify bool, keyLog io.Writer) *Settings {
	t.Helper()
	s, err := New(o, skipVerify, keyLog)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// meeting is what became of a connection.
type meeting struct {
	client, server tls.ConnectionState
	err            error // the client's
}

// serve starts a server that sends each client one byte, once it has received
// one, and returns its address and the states of its connections.
func serve(t testing.TB, config *tls.Config) (addr string, states <-chan tls.ConnectionState) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	seen := make(chan tls.ConnectionState, 10_000)
	running.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				conn := tls.Server(raw, config)
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				if _, err := conn.Read(make([]byte, 1)); err != nil {
					return
				}
				seen <- conn.ConnectionState()
				conn.Write([]byte("!"))
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String(), seen
}

// meet connects with a config and exchanges a byte each way.
func meet(t testing.TB, addr string, states <-chan tls.ConnectionState, config *tls.Config) meeting {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		return meeting{err: err}
	}
	if _, err := conn.Write([]byte("?")); err != nil {
		return meeting{err: err}
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return meeting{err: err}
	}
	return meeting{client: conn.ConnectionState(), server: <-states}
}

// issueRSA is CA.Issue for an RSA key, which old cipher suites need.
func issueRSA(t testing.TB, ca *peers.CA) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		DNSNames:     peers.Hosts(),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Cert, &key.PublicKey, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// named changes the name in a certificate that is about to be issued.
func named(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName = name }
}

// auth issues a client certificate and returns it as an option.
func auth(t testing.TB, ca *peers.CA, name string, domains ...string) plan.TLSAuth {
	t.Helper()
	cert, key := peers.Encode(t, ca.Issue(t, named(name)))
	return plan.TLSAuth{Domains: domains, Cert: cert, Key: key}
}
