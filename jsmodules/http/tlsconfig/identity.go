package tlsconfig

import (
	"cmp"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/swarmload/swarm/engine/plan"
)

// identity is a client certificate and where it is shown.
type identity struct {
	domains []string // canonical; none: everywhere
	cert    *tls.Certificate
}

// newIdentity checks one client certificate. Its error is a *plan.Fault of the
// field. A certificate that has expired is no error: a test may
// want to see it refused.
func newIdentity(a plan.TLSAuth) (identity, error) {
	var id identity
	for i, domain := range a.Domains {
		if !isDomain(domain) {
			return id, unusable(fmt.Sprintf("%q is not a host name", shortened(domain)), "", "domains", strconv.Itoa(i))
		}
		id.domains = append(id.domains, canonical(domain))
	}
	chain, err := certificates(a.Cert)
	if err != nil {
		return id, unusable(err.Error(), "", "cert")
	}
	signer, err := privateKey(a.Key, a.Password)
	if err != nil {
		return id, err
	}
	switch i := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return belongs(signer, c) }); {
	case i < 0:
		return id, unusable("does not belong to the certificate", "", "key")
	case i > 0:
		return id, unusable(fmt.Sprintf("the key belongs to certificate %d of %d, which must stand first", i+1, len(chain)), "", "cert")
	}
	id.cert = &tls.Certificate{PrivateKey: signer, Leaf: chain[0]}
	for _, c := range chain {
		id.cert.Certificate = append(id.cert.Certificate, c.Raw)
	}
	return id, nil
}

// belongs reports whether a key is that of a certificate.
func belongs(signer crypto.Signer, c *x509.Certificate) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(signer.Public())
}

// isDomain reports whether text is a host name, an address, or "*." and a name.
func isDomain(text string) bool {
	text = canonical(text)
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	name := strings.TrimPrefix(text, "*.")
	if len(name) == 0 || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || strings.ContainsFunc(label, func(r rune) bool {
			return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' || r == '_')
		}) {
			return false
		}
	}
	return true
}

// How well a domain fits a host, worst first.
const (
	apart = iota
	everywhere
	wildcard // "*.example.com" fits names with exactly one label more
	exact
)

// fit returns how well the best of an identity's domains fits a canonical host.
func (id identity) fit(host string) int {
	if len(id.domains) == 0 {
		return everywhere
	}
	best := apart
	for _, domain := range id.domains {
		if domain == host {
			return exact
		}
		if parent, ok := strings.CutPrefix(domain, "*"); ok {
			if label, ok := strings.CutSuffix(host, parent); ok && label != "" && !strings.Contains(label, ".") {
				best = wildcard
			}
		}
	}
	return best
}

// matches are the identities for one host, best first.
type matches []*tls.Certificate

// matching returns the identities that fit a canonical host. Of those that fit
// equally well, the one written first is better.
func matching(ids []identity, host string) matches {
	fitting := slices.DeleteFunc(slices.Clone(ids), func(id identity) bool { return id.fit(host) == apart })
	slices.SortStableFunc(fitting, func(a, b identity) int { return cmp.Compare(b.fit(host), a.fit(host)) })
	var certs matches
	for _, id := range fitting {
		certs = append(certs, id.cert)
	}
	return certs
}

// choose returns the best identity that the server says it would accept, and
// the best of all where it accepts none: its refusal then says more than if it
// had been shown nothing. crypto/tls calls it when a server asks.
func (m matches) choose(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	for _, cert := range m {
		if asked.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	return m[0], nil
}
