package tlsconfig

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"golang.org/x/crypto/ocsp"
)

// answer signs an OCSP response with the issuer's key, or a responder's.
func answer(t testing.TB, issuer *peers.CA, responder *tls.Certificate, r ocsp.Response) []byte {
	t.Helper()
	cert, key := issuer.Cert, crypto.Signer(issuer.Key)
	if responder != nil {
		cert, key = responder.Leaf, responder.PrivateKey.(crypto.Signer)
		r.Certificate = cert
	}
	der, err := ocsp.CreateResponse(issuer.Cert, cert, r, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestStaple sends staples through real handshakes.
func TestStaple(t *testing.T) {
	ca, other := peers.NewCA(t), peers.NewCA(t)
	server, another := ca.Issue(t), ca.Issue(t)
	signer := ca.Issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	retired := ca.Issue(t, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		c.NotAfter = time.Now().Add(-time.Minute)
	})
	foreign := other.Issue(t, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })

	now := time.Now().Truncate(time.Second)
	good := ocsp.Response{Status: ocsp.Good, SerialNumber: server.Leaf.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
	but := func(change func(*ocsp.Response)) ocsp.Response {
		r := good
		change(&r)
		return r
	}
	revoked := but(func(r *ocsp.Response) {
		r.Status, r.RevokedAt, r.RevocationReason = ocsp.Revoked, now.Add(-2*time.Hour), ocsp.KeyCompromise
	})
	times := OCSP{ThisUpdate: good.ThisUpdate.UnixMilli(), NextUpdate: good.NextUpdate.UnixMilli()}
	is := func(status string) OCSP {
		o := times
		o.Status = status
		return o
	}
	isRevoked := is("revoked")
	isRevoked.RevokedAt, isRevoked.RevocationReason = revoked.RevokedAt.UnixMilli(), "key_compromise"
	unspecified := isRevoked
	unspecified.RevocationReason = "unspecified"
	untold := OCSP{Status: "unknown"}
	was := is("unknown")
	was.NextUpdate = now.Add(-30 * time.Minute).UnixMilli()
	willBe := is("unknown")
	willBe.ThisUpdate = now.Add(30 * time.Minute).UnixMilli()
	valid := answer(t, ca, nil, good)

	for _, tc := range []struct {
		name   string
		staple []byte
		want   OCSP
	}{
		{"good", valid, is("good")},
		{"revoked", answer(t, ca, nil, revoked), isRevoked},
		{"revoked, reason 7", answer(t, ca, nil, but(func(r *ocsp.Response) { *r = revoked; r.RevocationReason = 7 })), unspecified},
		{"revoked, reason 99", answer(t, ca, nil, but(func(r *ocsp.Response) { *r = revoked; r.RevocationReason = 99 })), unspecified},
		{"unknown", answer(t, ca, nil, but(func(r *ocsp.Response) { r.Status = ocsp.Unknown })), is("unknown")},
		{"of the past", answer(t, ca, nil, but(func(r *ocsp.Response) { r.NextUpdate = now.Add(-30 * time.Minute) })), was},
		{"of the future", answer(t, ca, nil, but(func(r *ocsp.Response) { r.ThisUpdate = now.Add(30 * time.Minute) })), willBe},
		{"of another certificate", answer(t, ca, nil, but(func(r *ocsp.Response) { r.SerialNumber = another.Leaf.SerialNumber })), untold},
		{"of another issuer", answer(t, other, nil, good), untold},
		{"by a responder", answer(t, ca, &signer, good), is("good")},
		{"by a responder that may no more", answer(t, ca, &retired, good), untold},
		{"by a responder of another issuer", answer(t, ca, &foreign, good), untold},
		{"by the server itself", answer(t, ca, &server, good), untold},
		{"flipped", flipped(valid), untold},
		{"cut", valid[:len(valid)-10], untold},
		{"garbage", []byte("garbage"), untold},
		{"none", nil, untold},
		{"try later", []byte{0x30, 3, 0x0a, 1, 3}, OCSP{Status: "server_failed"}},
	} {
		server.OCSPStaple = tc.staple
		chained := server
		chained.Certificate = append(slices.Clone(server.Certificate), ca.Cert.Raw)
		for _, side := range []struct {
			name string
			cert tls.Certificate
			skip bool
			want OCSP
		}{
			{"verified", server, false, tc.want},
			{"not verified, issuer sent", chained, true, tc.want},
			{"not verified", server, true, untold},
		} {
			for _, version := range []string{"tls1.2", "tls1.3"} {
				addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{side.cert}})
				s := settings(t, plan.TLS{MaxVersion: version, CACerts: []string{ca.PEM()}}, side.skip, nil)
				m := meet(t, addr, states, s.For("localhost", nil))
				if m.err != nil {
					t.Fatalf("%s: %v", tc.name, m.err)
				}
				got := Staple(&m.client)
				produced := time.UnixMilli(got.ProducedAt)
				if (got.ThisUpdate != 0) != (got.ProducedAt != 0) || got.ProducedAt != 0 && time.Since(produced).Abs() > 10*time.Minute {
					t.Errorf("%s: produced at %v", tc.name, produced)
				}
				got.ProducedAt = 0
				if got != side.want {
					t.Errorf("%s, %s, %s:\n got %+v\nwant %+v", tc.name, side.name, version, got, side.want)
				}
			}
		}
	}
	if got := Staple(new(tls.ConnectionState)); got != untold {
		t.Errorf("nothing at all: %+v", got)
	}
}

// TestStapleResumed sees that a resumed session still knows what was stapled.
func TestStapleResumed(t *testing.T) {
	ca := peers.NewCA(t)
	server := ca.Issue(t)
	server.OCSPStaple = answer(t, ca, nil, ocsp.Response{Status: ocsp.Good, SerialNumber: server.Leaf.SerialNumber,
		ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)})
	addr, states := serve(t, &tls.Config{Certificates: []tls.Certificate{server}})
	config := settings(t, plan.TLS{CACerts: []string{ca.PEM()}, Resumption: true}, false, nil).ForVU().For("localhost", nil)
	for i := range 2 {
		m := meet(t, addr, states, config)
		if m.err != nil || m.client.DidResume != (i > 0) || Staple(&m.client).Status != "good" {
			t.Errorf("connection %d: resumed %v, %+v, %v", i, m.client.DidResume, Staple(&m.client), m.err)
		}
	}
}

func flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// FuzzStaple looks for staples that panic or are believed.
func FuzzStaple(f *testing.F) {
	ca := peers.NewCA(f)
	cert := ca.Issue(f)
	valid := answer(f, ca, nil, ocsp.Response{Status: ocsp.Revoked, SerialNumber: cert.Leaf.SerialNumber, ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)})
	f.Add(flipped(valid))
	f.Add(valid[:20])
	f.Add([]byte{0x30, 3, 0x0a, 1, 3})
	f.Fuzz(func(t *testing.T, staple []byte) {
		state := &tls.ConnectionState{OCSPResponse: staple, VerifiedChains: [][]*x509.Certificate{{cert.Leaf, ca.Cert}}}
		if o := Staple(state); (o.Status == "good" || o.Status == "revoked") && !slices.Equal(staple, valid) {
			t.Errorf("believes %x: %+v", staple, o)
		}
	})
}
