package plan

import (
	"crypto/tls"
	"encoding/pem"
	"net/netip"
	"slices"
	"strings"
)

// tlsVersions are the versions there are, oldest first.
func tlsVersions() []string { return []string{"tls1.0", "tls1.1", "tls1.2", "tls1.3"} }

// readTLSVersion reads one version or {min, max}.
func (d *draft) readTLSVersion(v value) {
	t := &d.plan.HTTP.TLS
	if v.kind != object {
		if v.kind != null && v.kind != text {
			v.fail(`must be a version such as "tls1.3" or {min, max}, got %s`, v.got())
			return
		}
		if v.setTLSVersion(&t.MinVersion) {
			t.MaxVersion = t.MinVersion
			d.alias(v, "tlsVersion", "min")
			d.alias(v, "tlsVersion", "max")
		}
		return
	}
	v.object("", func(key string, v value) {
		switch key {
		case "min":
			v.setTLSVersion(&t.MinVersion)
		case "max":
			v.setTLSVersion(&t.MaxVersion)
		default:
			v.unknown("end of the range of versions", []string{"min", "max"})
		}
	})
	switch {
	case t.MinVersion > t.MaxVersion && t.MaxVersion != "":
		v.fail("min is %s, above max, which is %s", t.MinVersion, t.MaxVersion)
	case t.MinVersion == "" && t.MaxVersion != "" && t.MaxVersion < "tls1.2":
		t.MinVersion = "tls1.0" // Go's own default would exclude all
	}
}

// setTLSVersion reports whether it read a version.
func (v value) setTLSVersion(dst *string) bool {
	version, ok := v.str()
	if !ok || version == "" {
		return false
	}
	if !slices.Contains(tlsVersions(), version) {
		hint := ""
		// Of versions the closest in spelling is seldom the one that was meant.
		for _, known := range tlsVersions() {
			if tlsDigits(version) == tlsDigits(known) {
				hint = `did you mean "` + known + `"?`
			}
		}
		if version == "ssl3.0" {
			hint = "nobody should speak SSL 3.0 any more, and swarm cannot"
		}
		v.failHint(hint, `must be "tls1.0", "tls1.1", "tls1.2" or "tls1.3", got %s`, v.got())
		return false
	}
	*dst = version
	return true
}

// tlsDigits returns the digits of a version of TLS, however it is written; ""
// when it is none.
func tlsDigits(version string) string {
	version = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(version), "tls"), "v")
	return strings.NewReplacer(".", "", "_", "", " ", "").Replace(version)
}

// readCipherSuites reads names of suites, insecure ones too: a test may need
// to look like an old client.
func (d *draft) readCipherSuites(v value) {
	var names, fixed []string
	for _, s := range tls.CipherSuites() {
		names = append(names, s.Name)
		if !slices.Contains(s.SupportedVersions, tls.VersionTLS12) {
			fixed = append(fixed, s.Name)
		}
	}
	for _, s := range tls.InsecureCipherSuites() {
		names = append(names, s.Name)
	}
	t := &d.plan.HTTP.TLS
	v.list(" of names of cipher suites", 100, func(_ int, v value) {
		name, ok := v.str()
		switch {
		case !ok && v.kind == null:
			v.fail("must be the name of a cipher suite, got null")
		case !ok:
		case !slices.Contains(names, name):
			v.failHint(v.to.didYouMean(name, names), "unknown cipher suite %s", quote(name))
		default:
			t.CipherSuites = addOnce(t.CipherSuites, name)
		}
	})
	for _, name := range t.CipherSuites {
		if slices.Contains(fixed, name) {
			d.note("tlsCipherSuites chooses among the suites of TLS 1.2 and older: TLS 1.3 always offers all of its own")
			return
		}
	}
}

// Bounds of PEM texts, in bytes.
const (
	maxPEM   = 256 << 10
	maxCAPEM = 1 << 20
)

// readTLSAuth reads [{domains, cert, key, password}].
func (d *draft) readTLSAuth(v value) {
	v = v.conceal()
	v.list(" of client certificates", 1_000, func(_ int, v value) {
		a := TLSAuth{Domains: []string{}}
		ok := v.object(" with cert and key", func(key string, v value) {
			switch key {
			case "domains":
				v.readDomains(&a)
			case "cert":
				a.Cert = v.readPEM(maxPEM, "a certificate", isCertificate)
			case "key":
				a.Key = v.readPEM(maxPEM, "a private key", isPrivateKey)
			case "password":
				if a.Password, _ = v.str(); a.Password == mask {
					v.failHint(maskedHint, "the password is masked")
				}
			default:
				v.unknown("part of a client certificate", []string{"domains", "cert", "key", "password"})
			}
		})
		if !ok {
			if v.kind == null {
				v.fail("must be an object with cert and key, got null")
			}
			return
		}
		for _, key := range []string{"cert", "key"} {
			if part, given := v.get(key); part.kind == null && (given || v.lacks(key)) {
				v.failHint(`such as `+key+`: "-----BEGIN …"; --tls-cert and --tls-key read files`, "%s is missing", key)
			}
		}
		if a.Password == "" && isEncrypted(a.Key) {
			v.failHint("SWARM_TLS_KEY_PASSWORD gives the one of --tls-key", "the key is encrypted, and password is missing")
		}
		d.plan.HTTP.TLS.Auth = append(d.plan.HTTP.TLS.Auth, a)
	})
}

func (v value) readDomains(a *TLSAuth) {
	v.list(" of host names", 1_000, func(_ int, v value) {
		text, ok := v.longText(maxQuoted * 4)
		if !ok {
			if v.kind == null {
				v.fail("must be a host name, got null")
			}
			return
		}
		if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
			a.Domains = addOnce(a.Domains, addr.String())
			return
		}
		pattern, ok := hostPattern(text)
		if !ok {
			v.failHint(`such as "example.com" or "*.example.com"; without domains it is shown everywhere`, "%s is not a host name", quote(text))
			return
		}
		a.Domains = addOnce(a.Domains, pattern)
	})
}

// readCACerts reads one PEM text or several.
func (d *draft) readCACerts(v value) {
	add := func(v value) {
		if text := v.readPEM(maxCAPEM, "a certificate", isCertificate); text != "" {
			d.plan.HTTP.TLS.CACerts = append(d.plan.HTTP.TLS.CACerts, text)
		}
	}
	if v.kind == text {
		add(v)
		return
	}
	v.list(" of certificates", 100, func(_ int, v value) {
		if v.kind == null {
			v.fail("must be a certificate, got null")
			return
		}
		add(v)
	})
}

// readPEM reads a text that holds a block that is right for what it is for. It
// never repeats the text, which may be another secret.
func (v value) readPEM(most int, what string, right func(*pem.Block) bool) string {
	written, ok := v.longText(most)
	switch {
	case !ok:
	case written == mask:
		v.failHint(maskedHint, "the key is masked")
	case !hasBlock(written, right):
		hint := `PEM is text that begins with -----BEGIN; --ca-cert, --tls-cert and --tls-key read files`
		if hasBlock(written, func(*pem.Block) bool { return true }) {
			hint = "the PEM text holds something else"
		}
		v.failHint(hint, "must be %s in PEM", what)
	default:
		return written
	}
	return ""
}

func hasBlock(text string, right func(*pem.Block) bool) bool {
	for rest := []byte(text); ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return false
		}
		if right(b) {
			return true
		}
	}
}

func isCertificate(b *pem.Block) bool { return b.Type == "CERTIFICATE" }

func isPrivateKey(b *pem.Block) bool {
	return b.Type == "PRIVATE KEY" || strings.HasSuffix(b.Type, " PRIVATE KEY")
}

func isEncrypted(key string) bool {
	return hasBlock(key, func(b *pem.Block) bool {
		return b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED")
	})
}
