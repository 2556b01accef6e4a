package tlsconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// The statuses of a certificate.
const (
	statusGood         = "good"
	statusRevoked      = "revoked"
	statusUnknown      = "unknown"
	statusServerFailed = "server_failed"
)

// OCSP is what a server stapled to its handshake about its certificate: the
// property ocsp of a response. Times are milliseconds since 1970, 0 for none.
type OCSP struct {
	// Status is "good", "revoked", "unknown" or "server_failed". It is unknown
	// where nothing is stapled, and where what is stapled is not to be believed:
	// broken, of another certificate, not signed by the issuer or one it
	// entrusted with that, or out of date. It is server_failed where the
	// certificate authority sent the server an error. "" without TLS.
	Status string
	// RevocationReason is one of Constants' where Status is revoked, else "".
	RevocationReason string

	ProducedAt, ThisUpdate, NextUpdate, RevokedAt int64
}

// clockSkew is by how much the clocks of the responder and here may differ.
const clockSkew = 5 * time.Minute

// reasons are the values of CRLReason (RFC 5280, section 5.3.1); 7 is not used.
func reasons() []string {
	return []string{
		"unspecified", "key_compromise", "ca_compromise", "affiliation_changed", "superseded",
		"cessation_of_operation", "certificate_hold", "", "remove_from_crl", "privilege_withdrawn", "aa_compromise",
	}
}

// Staple returns what is stapled to a connection. Nothing is asked of any
// responder. Checking takes a signature or two: do it once for a connection.
func Staple(state *tls.ConnectionState) OCSP { return staple(state, time.Now()) }

func staple(state *tls.ConnectionState, now time.Time) OCSP {
	unknown := OCSP{Status: statusUnknown}
	leaf, issuer := ends(state)
	if len(state.OCSPResponse) == 0 || issuer == nil {
		return unknown
	}
	answer, err := ocsp.ParseResponseForCert(state.OCSPResponse, leaf, issuer)
	var failed ocsp.ResponseError
	switch {
	case errors.As(err, &failed):
		return OCSP{Status: statusServerFailed}
	case err != nil, !entrusted(answer.Certificate, issuer, now):
		return unknown
	}
	o := OCSP{
		Status:     statusUnknown,
		ProducedAt: milliseconds(answer.ProducedAt),
		ThisUpdate: milliseconds(answer.ThisUpdate),
		NextUpdate: milliseconds(answer.NextUpdate),
	}
	// RFC 6960, section 4.2.2.1: neither of the future nor of the past.
	if answer.ThisUpdate.After(now.Add(clockSkew)) || !answer.NextUpdate.IsZero() && answer.NextUpdate.Before(now.Add(-clockSkew)) {
		return o
	}
	switch answer.Status {
	case ocsp.Good:
		o.Status = statusGood
	case ocsp.Revoked:
		o.Status = statusRevoked
		o.RevokedAt = milliseconds(answer.RevokedAt)
		o.RevocationReason = "unspecified"
		if all := reasons(); answer.RevocationReason > 0 && answer.RevocationReason < len(all) && all[answer.RevocationReason] != "" {
			o.RevocationReason = all[answer.RevocationReason]
		}
	}
	return o
}

// ends returns the server's certificate and that of its issuer, nil if the
// connection does not tell. Where certificates are not verified, the one that
// the server sent next is the issuer if it signed the first.
func ends(state *tls.ConnectionState) (leaf, issuer *x509.Certificate) {
	if len(state.VerifiedChains) > 0 {
		chain := state.VerifiedChains[0]
		return chain[0], chain[min(1, len(chain)-1)]
	}
	if len(state.PeerCertificates) == 0 {
		return nil, nil
	}
	leaf = state.PeerCertificates[0]
	for _, c := range state.PeerCertificates[min(1, len(state.PeerCertificates)-1):] {
		if c.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
			return leaf, c
		}
	}
	return leaf, nil
}

// entrusted reports whether a certificate that came with an answer, which the
// issuer has signed, may sign answers for it (RFC 6960, section 4.2.2.2). Any
// other could be the server's own.
func entrusted(responder, issuer *x509.Certificate, now time.Time) bool {
	return responder == nil || responder.Equal(issuer) ||
		slices.Contains(responder.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) &&
			!now.Before(responder.NotBefore) && !now.After(responder.NotAfter)
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
