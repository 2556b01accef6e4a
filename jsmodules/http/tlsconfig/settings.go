// Package tlsconfig turns the options of TLS into what connections need, and
// what connections tell about TLS into what scripts see.
//
// The idea is one immutable *tls.Config for each host and list of protocols,
// shared by the connections of all VUs: crypto/tls only reads it, so nothing is
// cloned for a connection. What differs between VUs is their sessions, and
// only where resumption is chosen; then each VU has a config of its own.
package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/spelling"
)

// maxConfigs bounds the configs kept. Those beyond it are made for each
// connection: correct, only slower.
const maxConfigs = 4096

// Settings are checked options of TLS. They are immutable but for a cache and
// safe for concurrent use. Making them parses the certificates of the system:
// make them once for each set of options, not for each VU.
type Settings struct {
	base       tls.Config // what all configs have in common; never used itself
	identities []identity
	resumption bool
	plain      VU // the VU without sessions of its own

	mu      sync.RWMutex
	configs map[key]*tls.Config
}

// key is what configs differ by.
type key struct{ host, protos string }

// New checks the options and makes settings of them. With skipVerify any
// certificate of a server is accepted. Secrets of each connection are written
// to keyLog in the format of SSLKEYLOGFILE, a line at a time and not
// concurrently; nil: they are not. An error is a *plan.Fault, which shows neither
// keys nor passwords.
func New(o plan.TLS, skipVerify bool, keyLog io.Writer) (*Settings, error) {
	s := &Settings{resumption: o.Resumption, configs: map[key]*tls.Config{}}
	s.plain.settings = s
	s.base.InsecureSkipVerify = skipVerify
	s.base.KeyLogWriter = keyLog
	if err := s.setVersions(o); err != nil {
		return nil, err
	}
	if err := s.setCipherSuites(o.CipherSuites); err != nil {
		return nil, err
	}
	if err := s.setAuthorities(o.CACerts); err != nil {
		return nil, err
	}
	for i, auth := range o.Auth {
		id, err := newIdentity(auth)
		if err != nil {
			var f *plan.Fault
			if !errors.As(err, &f) {
				return nil, fmt.Errorf("tlsAuth[%d]: %w", i, err)
			}
			return nil, f.Within("tlsAuth", strconv.Itoa(i))
		}
		s.identities = append(s.identities, id)
	}
	return s, nil
}

// For returns the config of a connection to host (a name or an address,
// without port) that offers protos by ALPN, best first; none: it offers
// nothing. It is shared: do not change it.
func (s *Settings) For(host string, protos []string) *tls.Config {
	k := key{canonical(host), strings.Join(protos, ",")}
	s.mu.RLock()
	config := s.configs[k]
	s.mu.RUnlock()
	if config != nil {
		return config
	}
	made := s.make(k.host, protos)
	s.mu.Lock()
	defer s.mu.Unlock()
	if config = s.configs[k]; config != nil {
		return config
	}
	if len(s.configs) < maxConfigs {
		k.host, k.protos = strings.Clone(k.host), strings.Clone(k.protos)
		s.configs[k] = made
	}
	return made
}

// make makes the config that For keeps.
func (s *Settings) make(host string, protos []string) *tls.Config {
	config := s.base.Clone()
	config.ServerName = strings.Clone(host)
	config.NextProtos = slices.Clone(protos)
	if slices.Contains(protos, "h3") {
		config.MinVersion = tls.VersionTLS13 // RFC 9001, section 4.2
	}
	if ids := matching(s.identities, host); len(ids) > 0 {
		config.GetClientCertificate = ids.choose
	}
	return config
}

// QUIC reports whether the versions that are allowed include TLS 1.3, which
// HTTP/3 needs.
func (s *Settings) QUIC() bool {
	return s.base.MaxVersion == 0 || s.base.MaxVersion >= tls.VersionTLS13
}

func (s *Settings) setVersions(o plan.TLS) error {
	for _, end := range []struct {
		name, text string
		dst        *uint16
	}{
		{"min", o.MinVersion, &s.base.MinVersion},
		{"max", o.MaxVersion, &s.base.MaxVersion},
	} {
		version, ok := versions()[end.text]
		if !ok && end.text != "" {
			return unusable(fmt.Sprintf("unknown version %q", shortened(end.text)), "there are tls1.0, tls1.1, tls1.2 and tls1.3", "tlsVersion", end.name)
		}
		*end.dst = version
	}
	low, high := &s.base.MinVersion, s.base.MaxVersion
	switch {
	case high != 0 && *low > high:
		return unusable(fmt.Sprintf("min is %s, above max, which is %s", o.MinVersion, o.MaxVersion), "", "tlsVersion")
	case *low == 0 && high != 0 && high < tls.VersionTLS12:
		*low = tls.VersionTLS10 // Go's own default would exclude all
	}
	return nil
}

func (s *Settings) setCipherSuites(names []string) error {
	known := cipherSuites()
	usable := len(names) == 0
	for i, name := range names {
		suite, ok := known[name]
		if !ok {
			all := make([]string, 0, len(known))
			for name := range known {
				all = append(all, name)
			}
			slices.Sort(all)
			hint := ""
			if meant := spelling.Nearest(name, all); meant != "" {
				hint = fmt.Sprintf("did you mean %q?", meant)
			}
			return unusable(fmt.Sprintf("unknown cipher suite %q", shortened(name)), hint, "tlsCipherSuites", strconv.Itoa(i))
		}
		s.base.CipherSuites = append(s.base.CipherSuites, suite.ID)
		usable = usable || slices.ContainsFunc(suite.SupportedVersions, s.allows)
	}
	// TLS 1.3 always offers all of its own suites.
	if !usable && !s.allows(tls.VersionTLS13) {
		return unusable("none of them is for a version that tlsVersion allows", "", "tlsCipherSuites")
	}
	return nil
}

// allows reports whether a version is between the ends.
func (s *Settings) allows(version uint16) bool {
	low, high := s.base.MinVersion, s.base.MaxVersion
	if low == 0 {
		low = tls.VersionTLS12 // Go's default for clients
	}
	return version >= low && (high == 0 || version <= high)
}

func (s *Settings) setAuthorities(texts []string) error {
	if len(texts) == 0 {
		return nil // the system's, which crypto/tls keeps once for all
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a system without any is no reason to refuse the script's
		pool = x509.NewCertPool()
	}
	for i, text := range texts {
		certs, err := certificates(text)
		if err != nil {
			return unusable(err.Error(), "", "tlsCACerts", strconv.Itoa(i))
		}
		for _, cert := range certs {
			pool.AddCert(cert)
		}
	}
	s.base.RootCAs = pool
	return nil
}

// certificates returns the certificates of a PEM text, at least one.
func certificates(text string) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read: %w", len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("holds no certificate in PEM")
	}
	return certs, nil
}

// canonical returns a host as certificates and domains are compared with it:
// in lower case, without the brackets and zone of an IPv6 address and without
// the dot that ends a full name.
func canonical(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
	}
	if strings.Contains(host, ":") {
		if addr, err := netip.ParseAddr(host); err == nil {
			return addr.WithZone("").String()
		}
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func unusable(message, hint string, path ...string) error {
	return &plan.Fault{Path: path, Message: message, Hint: hint}
}

// shortened keeps an error one readable line.
func shortened(text string) string {
	const most = 80
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
