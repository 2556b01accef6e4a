package tlsconfig

import (
	"crypto/tls"
	"slices"
)

// Constant is a constant of the module http.
type Constant struct{ Name, Value string }

// Constants returns the constants about TLS, with the names and values that
// k6 documents.
func Constants() []Constant {
	return []Constant{
		{"TLS_1_0", "tls1.0"},
		{"TLS_1_1", "tls1.1"},
		{"TLS_1_2", "tls1.2"},
		{"TLS_1_3", "tls1.3"},

		{"OCSP_STATUS_GOOD", statusGood},
		{"OCSP_STATUS_REVOKED", statusRevoked},
		{"OCSP_STATUS_SERVER_FAILED", statusServerFailed},
		{"OCSP_STATUS_UNKNOWN", statusUnknown},

		{"OCSP_REASON_UNSPECIFIED", "unspecified"},
		{"OCSP_REASON_KEY_COMPROMISE", "key_compromise"},
		{"OCSP_REASON_CA_COMPROMISE", "ca_compromise"},
		{"OCSP_REASON_AFFILIATION_CHANGED", "affiliation_changed"},
		{"OCSP_REASON_SUPERSEDED", "superseded"},
		{"OCSP_REASON_CESSATION_OF_OPERATION", "cessation_of_operation"},
		{"OCSP_REASON_CERTIFICATE_HOLD", "certificate_hold"},
		{"OCSP_REASON_REMOVE_FROM_CRL", "remove_from_crl"},
		{"OCSP_REASON_PRIVILEGE_WITHDRAWN", "privilege_withdrawn"},
		{"OCSP_REASON_AA_COMPROMISE", "aa_compromise"},
	}
}

// Name returns a version as scripts see it, such as "tls1.3"; "" for one that
// there is not.
func Name(version uint16) string {
	switch version {
	case tls.VersionTLS10:
		return "tls1.0"
	case tls.VersionTLS11:
		return "tls1.1"
	case tls.VersionTLS12:
		return "tls1.2"
	case tls.VersionTLS13:
		return "tls1.3"
	}
	return ""
}

// CipherName returns the standard name of a cipher suite, such as
// "TLS_AES_128_GCM_SHA256".
func CipherName(id uint16) string { return tls.CipherSuiteName(id) }

// versions returns the versions by name.
func versions() map[string]uint16 {
	all := map[string]uint16{}
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		all[Name(v)] = v
	}
	return all
}

// cipherSuites returns the suites by name, insecure ones too: a test may need
// to look like an old client.
func cipherSuites() map[string]*tls.CipherSuite {
	all := map[string]*tls.CipherSuite{}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		all[suite.Name] = suite
	}
	return all
}
