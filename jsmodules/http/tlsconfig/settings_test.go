package tlsconfig

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"pgregory.net/rapid"
)

// TestVersionsAndSuites negotiates every version with every suite of it.
func TestVersionsAndSuites(t *testing.T) {
	ca := peers.NewCA(t)
	all := slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())
	server := &tls.Config{MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{ca.Issue(t), issueRSA(t, ca)}}
	for _, suite := range all {
		server.CipherSuites = append(server.CipherSuites, suite.ID)
	}
	addr, states := serve(t, server)
	met := 0
	for _, version := range []string{"tls1.0", "tls1.1", "tls1.2", "tls1.3"} {
		for _, suite := range all {
			o := plan.TLS{MinVersion: version, MaxVersion: version, CipherSuites: []string{suite.Name}, CACerts: []string{ca.PEM()}}
			fits := slices.Contains(suite.SupportedVersions, versions()[version])
			s, err := New(o, false, nil)
			if !fits && version != "tls1.3" {
				if err == nil || !strings.HasPrefix(err.Error(), "tlsCipherSuites: ") {
					t.Errorf("%s with %s: %v", version, suite.Name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s with %s: %v", version, suite.Name, err)
				continue
			}
			m := meet(t, addr, states, s.For("localhost", nil))
			if m.err != nil {
				t.Errorf("%s with %s: %v", version, suite.Name, m.err)
				continue
			}
			met++
			if got := Name(m.client.Version); got != version {
				t.Errorf("%s became %s", version, got)
			}
			if got := CipherName(m.client.CipherSuite); got != suite.Name && version != "tls1.3" {
				t.Errorf("%s became %s", suite.Name, got)
			}
		}
	}
	if met < 30 {
		t.Errorf("only %d pairs of version and suite", met)
	}
}

// TestRealServer does the same with OpenSSL on the other side.
func TestRealServer(t *testing.T) {
	for _, tc := range []struct{ min, max, suite, want, wantSuite string }{
		{"", "", "", "tls1.3", ""},
		{"", "tls1.2", "", "tls1.2", ""},
		{"", "tls1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "tls1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
		{"", "tls1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "tls1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		{"tls1.3", "tls1.3", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "tls1.3", ""},
	} {
		server := peers.Nginx(t)
		o := plan.TLS{MinVersion: tc.min, MaxVersion: tc.max, CACerts: []string{server.PEM()}}
		if tc.suite != "" {
			o.CipherSuites = []string{tc.suite}
		}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(server.H2, "https://"), settings(t, o, false, nil).For("127.0.0.1", []string{"h2", "http/1.1"}))
		if err != nil {
			t.Errorf("%v: %v", tc, err)
			continue
		}
		state := conn.ConnectionState()
		conn.Close()
		if Name(state.Version) != tc.want || tc.wantSuite != "" && CipherName(state.CipherSuite) != tc.wantSuite || state.NegotiatedProtocol != "h2" {
			t.Errorf("%v: %s, %s, %s", tc, Name(state.Version), CipherName(state.CipherSuite), state.NegotiatedProtocol)
		}
		server.Close()
	}
}

func TestAuthorities(t *testing.T) {
	ca, other := peers.NewCA(t), peers.NewCA(t)
	addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t)}})
	known, knownStates := serve(t, &tls.Config{Certificates: []tls.Certificate{systemCA.Issue(t)}})
	for _, tc := range []struct {
		name       string
		cas        []string
		skip       bool
		ours, syss Kind // Other: it works
	}{
		{"the system's", nil, false, Authority, Other},
		{"in addition", []string{ca.PEM()}, false, Other, Other},
		{"two in one text", []string{"a comment\n" + other.PEM() + ca.PEM()}, false, Other, Other},
		{"the second text", []string{other.PEM(), ca.PEM()}, false, Other, Other},
		{"another", []string{other.PEM()}, false, Authority, Other},
		{"any", nil, true, Other, Other},
	} {
		s := settings(t, plan.TLS{CACerts: tc.cas}, tc.skip, nil)
		if kind, text := Classify(meet(t, addr, states, s.For("localhost", nil)).err); kind != tc.ours {
			t.Errorf("%s: %v %s", tc.name, kind, text)
		}
		if kind, text := Classify(meet(t, known, knownStates, s.For("localhost", nil)).err); kind != tc.syss {
			t.Errorf("%s, server of the system's: %v %s", tc.name, kind, text)
		}
	}
}

func TestRefused(t *testing.T) {
	ca := peers.NewCA(t)
	good := auth(t, ca, "good")
	with := func(change func(*plan.TLSAuth)) plan.TLS {
		bad := good
		change(&bad)
		return plan.TLS{Auth: []plan.TLSAuth{good, bad}}
	}
	foreign := auth(t, ca, "foreign")
	for _, tc := range []struct {
		name, want string
		o          plan.TLS
	}{
		{"min", `tlsVersion.min: unknown version "ssl3.0" (there are tls1.0, tls1.1, tls1.2 and tls1.3)`, plan.TLS{MinVersion: "ssl3.0"}},
		{"max", `tlsVersion.max: unknown version "1.2" (there are tls1.0, tls1.1, tls1.2 and tls1.3)`, plan.TLS{MaxVersion: "1.2"}},
		{"range", `tlsVersion: min is tls1.3, above max, which is tls1.2`, plan.TLS{MinVersion: "tls1.3", MaxVersion: "tls1.2"}},
		{"suite", `tlsCipherSuites[1]: unknown cipher suite "TLS_AES_128_GCM_SHA255" (did you mean "TLS_AES_128_GCM_SHA256"?)`,
			plan.TLS{CipherSuites: []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA255"}}},
		{"strange suite", `tlsCipherSuites[0]: unknown cipher suite "\x1b[2J"`, plan.TLS{CipherSuites: []string{"\x1b[2J"}}},
		{"useless suite", `tlsCipherSuites: none of them is for a version that tlsVersion allows`,
			plan.TLS{MaxVersion: "tls1.2", CipherSuites: []string{"TLS_AES_128_GCM_SHA256"}}},
		{"no CA", `tlsCACerts[1]: holds no certificate in PEM`, plan.TLS{CACerts: []string{ca.PEM(), good.Key}}},
		{"broken CA", `tlsCACerts[0]: certificate 1 cannot be read: x509: malformed certificate`,
			plan.TLS{CACerts: []string{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}}},
		{"no cert", `tlsAuth[1].cert: holds no certificate in PEM`, with(func(a *plan.TLSAuth) { a.Cert = "" })},
		{"no key", `tlsAuth[1].key: holds no private key in PEM`, with(func(a *plan.TLSAuth) { a.Key = a.Cert })},
		{"broken key", `tlsAuth[1].key: cannot be read (RSA, ECDSA and Ed25519 keys in PKCS#1, SEC 1 or PKCS#8 can)`,
			with(func(a *plan.TLSAuth) { a.Key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" })},
		{"another key", `tlsAuth[1].key: does not belong to the certificate`, with(func(a *plan.TLSAuth) { a.Key = foreign.Key })},
		{"order", `tlsAuth[1].cert: the key belongs to certificate 2 of 2, which must stand first`,
			with(func(a *plan.TLSAuth) { a.Cert = ca.PEM() + a.Cert })},
		{"domain", `tlsAuth[1].domains[1]: "https://example.com" is not a host name`,
			with(func(a *plan.TLSAuth) { a.Domains = []string{"example.com", "https://example.com"} })},
		{"star", `tlsAuth[1].domains[0]: "a.*.com" is not a host name`, with(func(a *plan.TLSAuth) { a.Domains = []string{"a.*.com"} })},
		{"star alone", `tlsAuth[1].domains[0]: "*" is not a host name`, with(func(a *plan.TLSAuth) { a.Domains = []string{"*"} })},
	} {
		if _, err := New(tc.o, false, nil); err == nil || err.Error() != tc.want {
			t.Errorf("%s:\n got %v\nwant %s", tc.name, err, tc.want)
		}
	}
	expired := good
	cert, key := peers.Encode(t, ca.Issue(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))
	expired.Cert, expired.Key = cert, key
	if _, err := New(plan.TLS{Auth: []plan.TLSAuth{expired}}, false, nil); err != nil {
		t.Errorf("an expired certificate is refused: %v", err)
	}
}

// TestClientCertificates lets a server tell which one it was shown.
func TestClientCertificates(t *testing.T) {
	ca := peers.NewCA(t)
	o := plan.TLS{CACerts: []string{ca.PEM()}, Auth: []plan.TLSAuth{
		auth(t, ca, "wild", "*.Example.com", "*.b.example.com"),
		auth(t, ca, "host", "a.example.com", "::1", "127.0.0.1"),
		auth(t, ca, "second", "a.example.com"),
	}}
	anywhere := o
	anywhere.Auth = append([]plan.TLSAuth{auth(t, ca, "any")}, o.Auth...)
	addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t, func(c *x509.Certificate) {
		c.DNSNames = []string{"example.com", "*.example.com", "*.b.example.com", "example.org"}
	})}, ClientAuth: tls.RequestClientCert})
	for _, tc := range []struct{ host, want, wantAnywhere string }{
		{"example.com", "", "any"},
		{"a.example.com", "host", "host"},
		{"A.Example.COM.", "host", "host"},
		{"x.example.com", "wild", "wild"},
		{"x.b.example.com", "wild", "wild"},
		{"127.0.0.1", "host", "host"},
		{"[::1]", "host", "host"},
		{"::1%lo", "host", "host"},
		{"example.org", "", "any"},
	} {
		for _, side := range []struct {
			o    plan.TLS
			want string
		}{{o, tc.want}, {anywhere, tc.wantAnywhere}} {
			m := meet(t, addr, states, settings(t, side.o, false, nil).For(tc.host, nil))
			if m.err != nil {
				t.Errorf("%s: %v", tc.host, m.err)
				continue
			}
			got := ""
			if certs := m.server.PeerCertificates; len(certs) > 0 {
				got = certs[0].Subject.CommonName
			}
			if got != side.want {
				t.Errorf("%s was shown %q, want %q", tc.host, got, side.want)
			}
		}
	}
	if id := (identity{domains: []string{"*.example.com"}}); id.fit("x.y.example.com") != apart || id.fit(".example.com") != apart {
		t.Error("a star is more, or less, than one label")
	}
}

// TestServersChoice sees that a server's list of authorities decides among
// certificates that fit equally, and that one is shown even if none is listed.
func TestServersChoice(t *testing.T) {
	ca, first, second, none := peers.NewCA(t), peers.NewCA(t), peers.NewCA(t), peers.NewCA(t)
	o := plan.TLS{CACerts: []string{ca.PEM()}, Auth: []plan.TLSAuth{
		auth(t, first, "first"), auth(t, second, "second"), auth(t, second, "third"),
	}}
	for want, listed := range map[string]*peers.CA{"first": none, "second": second} {
		addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t)}, ClientAuth: tls.RequireAnyClientCert, ClientCAs: listed.Pool()})
		m := meet(t, addr, states, settings(t, o, false, nil).For("localhost", nil))
		if m.err != nil || m.server.PeerCertificates[0].Subject.CommonName != want {
			t.Errorf("want %s: %v, %v", want, m.server.PeerCertificates, m.err)
		}
	}
}

// TestKeyLog decodes what is written for Wireshark.
func TestKeyLog(t *testing.T) {
	ca := peers.NewCA(t)
	addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t)}})
	for version, labels := range map[string][]string{
		"tls1.2": {"CLIENT_RANDOM"},
		"tls1.3": {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0", "SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"},
	} {
		var log lockedBuffer
		config := settings(t, plan.TLS{MaxVersion: version, CACerts: []string{ca.PEM()}}, false, &log).For("localhost", nil)
		const handshakes = 20
		var all sync.WaitGroup
		for range handshakes {
			all.Go(func() {
				if m := meet(t, addr, states, config); m.err != nil {
					t.Error(m.err)
				}
			})
		}
		all.Wait()
		randoms := map[string]map[string]bool{}
		for lines := bufio.NewScanner(&log.b); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) != 3 {
				t.Fatalf("%s: line %q", version, lines.Text())
			}
			random, err := hex.DecodeString(fields[1])
			if err != nil || len(random) != 32 {
				t.Errorf("%s: client random %q", version, fields[1])
			}
			if secret, err := hex.DecodeString(fields[2]); err != nil || len(secret) < 32 {
				t.Errorf("%s: secret of %d bytes, %v", version, len(secret), err)
			}
			if randoms[fields[0]] == nil {
				randoms[fields[0]] = map[string]bool{}
			}
			randoms[fields[0]][fields[1]] = true
		}
		for _, label := range labels {
			if n := len(randoms[label]); n != handshakes {
				t.Errorf("%s: %s for %d handshakes, want %d", version, label, n, handshakes)
			}
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// TestResumption sees that sessions are resumed by choice only, and never
// those of another VU, host or list of protocols.
func TestResumption(t *testing.T) {
	ca := peers.NewCA(t)
	addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue(t)}, NextProtos: []string{"h2", "http/1.1"}})
	for _, version := range []string{"tls1.2", "tls1.3"} {
		for _, chosen := range []bool{false, true} {
			s := settings(t, plan.TLS{MaxVersion: version, CACerts: []string{ca.PEM()}, Resumption: chosen}, false, nil)
			a, b := s.ForVU(), s.ForVU()
			for i, step := range []struct {
				vu      *VU
				host    string
				protos  []string
				resumes bool
			}{
				{a, "localhost", nil, false},
				{a, "localhost", nil, true},
				{a, "LOCALHOST.", nil, true},
				{b, "localhost", nil, false},
				{b, "localhost", nil, true},
				{a, "a.example.test", nil, false},
				{a, "localhost", []string{"http/1.1"}, false},
				{a, "localhost", []string{"http/1.1"}, true},
			} {
				m := meet(t, addr, states, step.vu.For(step.host, step.protos))
				if m.err != nil {
					t.Fatal(m.err)
				}
				if want := step.resumes && chosen; m.client.DidResume != want || m.server.DidResume != want {
					t.Errorf("%s, chosen %v, step %d: resumed %v and %v, want %v", version, chosen, i, m.client.DidResume, m.server.DidResume, want)
				}
			}
			a.Forget()
			if m := meet(t, addr, states, a.For("localhost", nil)); m.err != nil || m.client.DidResume {
				t.Errorf("%s, chosen %v: resumed what was forgotten, %v", version, chosen, m.err)
			}
		}
	}
}

// TestResumptionBounded has a VU meet more hosts than it keeps sessions of.
func TestResumptionBounded(t *testing.T) {
	vu := settings(t, plan.TLS{Resumption: true}, false, nil).ForVU()
	for i := range 10 * maxSessionHosts {
		config := vu.For(fmt.Sprintf("host%d.test", i), nil)
		if config.ClientSessionCache == nil || config != vu.For(config.ServerName, nil) {
			t.Fatalf("host %d has no session", i)
		}
		if len(vu.own) > maxSessionHosts {
			t.Fatalf("%d sessions", len(vu.own))
		}
	}
}

func TestShared(t *testing.T) {
	s := settings(t, plan.TLS{}, false, nil)
	h2 := []string{"h2", "http/1.1"}
	if s.For("a.test", h2) != s.For("A.test.", h2) || s.ForVU().For("a.test", h2) != s.For("a.test", h2) {
		t.Error("not shared")
	}
	if s.For("a.test", h2) == s.For("a.test", nil) || s.For("a.test", h2) == s.For("b.test", h2) {
		t.Error("shared too much")
	}
	if c := s.For("a.test", h2); c.ServerName != "a.test" || !slices.Equal(c.NextProtos, h2) || c.MinVersion != 0 || c.GetClientCertificate != nil {
		t.Errorf("%+v", c)
	}
	if c := s.For("a.test", []string{"h3"}); c.MinVersion != tls.VersionTLS13 {
		t.Error("QUIC with an older version")
	}
	if !s.QUIC() || !settings(t, plan.TLS{MaxVersion: "tls1.3"}, false, nil).QUIC() || settings(t, plan.TLS{MaxVersion: "tls1.2"}, false, nil).QUIC() {
		t.Error("QUIC")
	}
	vu := s.ForVU()
	if n := testing.AllocsPerRun(100, func() { s.ForVU(); vu.For("a.test", nil); vu.For("a.test", h2[:1]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 3 * maxConfigs / 2 {
				if name := fmt.Sprintf("host%d.test", i); s.For(name, nil).ServerName != name {
					t.Error("another host's config")
				}
			}
		})
	}
	all.Wait()
	if n := len(s.configs); n != maxConfigs {
		t.Errorf("%d configs are kept", n)
	}
}

// TestBestMatch holds the choice of certificates against a naive reading.
func TestBestMatch(t *testing.T) {
	labels := rapid.SampledFrom([]string{"a", "b", "c"})
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(labels, 1, 3).Draw(t, "labels"), ".")
	})
	pattern := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "star") {
			return "*." + name.Draw(t, "name")
		}
		return name.Draw(t, "name")
	})
	rapid.Check(t, func(t *rapid.T) {
		var ids []identity
		for _, domains := range rapid.SliceOfN(rapid.SliceOfN(pattern, 0, 3), 0, 5).Draw(t, "domains") {
			ids = append(ids, identity{domains: domains, cert: new(tls.Certificate)})
		}
		host := name.Draw(t, "host")
		_, parent, _ := strings.Cut(host, ".")
		var want []*tls.Certificate
		for _, fits := range []func(identity) bool{
			func(id identity) bool { return slices.Contains(id.domains, host) },
			func(id identity) bool { return parent != "" && slices.Contains(id.domains, "*."+parent) },
			func(id identity) bool { return len(id.domains) == 0 },
		} {
			for _, id := range ids {
				if fits(id) && !slices.Contains(want, id.cert) {
					want = append(want, id.cert)
				}
			}
		}
		if got := matching(ids, host); !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", host, got, want)
		}
	})
}

func TestConstants(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Constants() {
		if seen[c.Name] || seen[c.Value] {
			t.Errorf("%s = %q is there twice", c.Name, c.Value)
		}
		seen[c.Name], seen[c.Value] = true, true
		if strings.HasPrefix(c.Name, "TLS_") && versions()[c.Value] == 0 {
			t.Errorf("%s = %q is no version", c.Name, c.Value)
		}
	}
	for _, reason := range reasons() {
		if reason != "" && !seen[reason] {
			t.Errorf("no constant for %q", reason)
		}
	}
	if Name(0) != "" || Name(0x0300) != "" {
		t.Error("there is no such version")
	}
}
