package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"
)

// Kind is why there is no TLS with a server.
type Kind int

const (
	Other       Kind = iota // not TLS's fault: a timeout, a reset, an end of the test
	Authority               // the certificate is of an unknown authority
	Hostname                // the certificate is of another host
	Certificate             // the certificate is not valid otherwise: expired, not for servers
	Version                 // no version of TLS in common
	Demanded                // the server demands a client certificate, or another one
	Alert                   // the server refused otherwise
	NotTLS                  // the server does not speak TLS at all
	Protocol                // the server breaks the protocol
)

// Hint says what to look at first; empty when that is not known.
func (k Kind) Hint() string {
	switch k {
	case Authority:
		return "the option tlsCACerts adds authorities; insecureSkipTLSVerify accepts any certificate"
	case Hostname, Certificate:
		return "the option insecureSkipTLSVerify accepts any certificate"
	case Version:
		return "the option tlsVersion says which versions are offered (default: tls1.2 and tls1.3)"
	case Demanded:
		return "the option tlsAuth holds client certificates and the domains they are for"
	case Alert:
		return "are the options tlsCipherSuites, tlsVersion and tlsAuth as the server wants them?"
	case NotTLS:
		return "is it http:// or another port?"
	}
	return ""
}

// Classify says why a handshake failed, or a connection after it: with TLS 1.3
// a server refuses a client's certificate only then. The text is stable, lower
// case, and holds nothing that the server chose but which alert it sent; it is
// empty for Other. An alert that QUIC brought is to be wrapped as a
// tls.AlertError.
func Classify(err error) (Kind, string) {
	var authority x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	// Certificates first: QUIC wraps every error into an alert as well.
	switch {
	case errors.As(err, &authority):
		return Authority, "certificate is signed by an unknown authority"
	case errors.As(err, &roots):
		return Authority, "this machine knows no certificate authorities"
	case errors.As(err, &hostname):
		return Hostname, "certificate is not valid for " + shortened(hostname.Host)
	case errors.As(err, &invalid):
		return Certificate, "certificate " + fault(invalid)
	case errors.As(err, &verification):
		return Certificate, "certificate is not valid"
	case errors.As(err, &record):
		switch {
		case record.Conn == nil: // after the first record
			return Protocol, "TLS record not valid"
		case string(record.RecordHeader[:]) == "HTTP/":
			return NotTLS, "the server speaks HTTP without TLS here"
		}
		return NotTLS, "the server does not speak TLS here"
	}
	if alert, ok := received(err); ok {
		return refusal(alert)
	}
	return own(err)
}

// received returns the alert that the server sent, if that is what err is
// about. Over TCP, crypto/tls has a type of its own for alerts, which it does
// not export but prints alike.
func received(err error) (tls.AlertError, bool) {
	var op *net.OpError
	var alert tls.AlertError
	if errors.As(err, &op) && op.Op == "remote error" {
		for n := range 256 {
			if alert = tls.AlertError(n); alert.Error() == op.Err.Error() {
				return alert, true
			}
		}
	}
	// QUIC: its own refusals have words beside the alert.
	if _, ok := words(err); !ok && errors.As(err, &alert) {
		return alert, true
	}
	return 0, false
}

// refusal classifies an alert (RFC 8446, section 6.2).
func refusal(alert tls.AlertError) (Kind, string) {
	text := "server refused TLS: " + strings.TrimPrefix(alert.Error(), "tls: ")
	switch alert {
	case 70, 86: // protocol_version, inappropriate_fallback
		return Version, text
	case 41, 42, 43, 44, 45, 46, 48, 116: // no_, bad_, unsupported_certificate, certificate_revoked, _expired, _unknown, unknown_ca, certificate_required
		return Demanded, text
	}
	return Alert, text
}

// fault says what is wrong with a certificate.
func fault(e x509.CertificateInvalidError) string {
	switch e.Reason {
	case x509.Expired:
		if e.Cert != nil && time.Now().Before(e.Cert.NotBefore) {
			return "is not valid yet"
		}
		return "has expired"
	case x509.NotAuthorizedToSign:
		return "is signed by one that may not sign"
	case x509.TooManyIntermediates:
		return "has a chain longer than its authority permits"
	case x509.IncompatibleUsage:
		return "is not for servers"
	case x509.CANotAuthorizedForThisName, x509.CANotAuthorizedForExtKeyUsage:
		return "is for what its authority may not sign"
	}
	return "is not valid"
}

// own classifies what crypto/tls says in words only: what the server did wrong.
// The words may hold what the server sent, so only their beginnings are known
// and none is repeated.
func own(err error) (Kind, string) {
	text, ok := words(err)
	if !ok {
		return Other, ""
	}
	for _, known := range []struct {
		begins string
		kind   Kind
		text   string
	}{
		{"server selected unsupported protocol version", Version, "server chose a version of TLS that was not offered"},
		{"no supported versions satisfy", Version, "no version of TLS is allowed here"},
		{"downgrade attempt detected", Protocol, "server chose an older version of TLS than it speaks"},
		{"failed to parse certificate from server", Certificate, "certificate cannot be read"},
		{"received empty certificates message", Certificate, "server sent no certificate"},
		{"server chose an unconfigured cipher suite", Protocol, "server chose a cipher suite that was not offered"},
		{"server selected unadvertised ALPN protocol", Protocol, "server chose a protocol that was not offered"},
		{"invalid signature by the server certificate", Protocol, "server's signature is not valid"},
		{"handshake message of length", Protocol, "server sent a handshake message that is too large"},
	} {
		if strings.HasPrefix(text, known.begins) {
			return known.kind, known.text
		}
	}
	return Protocol, "server broke the TLS protocol"
}

// words returns what crypto/tls itself says somewhere in the tree of err: in
// words, or by the alert that it sent to the server.
func words(err error) (string, bool) {
	var op *net.OpError
	if _, ok := err.(tls.AlertError); ok || err == nil {
		return "", false
	}
	if errors.As(err, &op) && op.Op == "local error" {
		return op.Err.Error(), true
	}
	if text, ok := strings.CutPrefix(err.Error(), "tls: "); ok {
		return text, true
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return words(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			if text, ok := words(inner); ok {
				return text, true
			}
		}
	}
	return "", false
}
