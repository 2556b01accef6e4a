package tlsconfig

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/youmark/pkcs8"
)

// Faults of keys name the field and nothing of its content.
var (
	errNoKey        = keyFault("holds no private key in PEM", "")
	errKeyForm      = keyFault("cannot be read", "RSA, ECDSA and Ed25519 keys in PKCS#1, SEC 1 or PKCS#8 can")
	errNoPassword   = &plan.Fault{Path: []string{"password"}, Message: "is missing, and the key is encrypted", Hint: passwordHint}
	errPassword     = &plan.Fault{Path: []string{"password"}, Message: "does not open the key", Hint: passwordHint}
	errEncryption   = keyFault("is encrypted in a way that is not known", "AES or 3DES in CBC mode with PBKDF2 (SHA-1, SHA-256) or scrypt is")
	errCostly       = keyFault("costs too much to open", "the limits are ten million rounds of PBKDF2 and 128 MB for scrypt")
	errKeyAlgorithm = keyFault("is neither RSA, ECDSA nor Ed25519", "")
)

const passwordHint = "the password of a key of tlsAuth stands beside it; that of --tls-key is SWARM_TLS_KEY_PASSWORD"

func keyFault(message, hint string) *plan.Fault {
	return &plan.Fault{Path: []string{"key"}, Message: message, Hint: hint}
}

// privateKey returns the first private key of a PEM text, opened with the
// password if it is encrypted.
func privateKey(text, password string) (crypto.Signer, error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errNoKey
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue // certificates, and the parameters that openssl puts before EC keys
		}
		key, err := openKey(block, password)
		if err != nil {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, errKeyAlgorithm // X25519, for one, cannot sign
		}
		return signer, nil
	}
}

func openKey(block *pem.Block, password string) (any, error) {
	// The encryption of PEM itself (RFC 1423) is broken by design, as x509
	// says; keys made that way are about nevertheless.
	legacy := x509.IsEncryptedPEMBlock(block) //lint:ignore SA1019 see above
	if !legacy && block.Type != "ENCRYPTED PRIVATE KEY" {
		return parseKey(block.Bytes, errKeyForm)
	}
	if password == "" {
		return nil, errNoPassword
	}
	if !legacy {
		return openPKCS8(block.Bytes, password)
	}
	der, err := x509.DecryptPEMBlock(block, []byte(password)) //lint:ignore SA1019 see above
	switch {
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, errPassword
	case err != nil:
		return nil, errEncryption
	}
	// Its padding lets one wrong password in 256 through.
	return parseKey(der, errPassword)
}

// parseKey reads a key in any of the forms there are.
func parseKey(der []byte, otherwise error) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, otherwise
}

// Bounds of what opening a key may cost. OpenSSL makes keys with 2,048 rounds,
// advice of today is 600,000.
const (
	maxRounds = 10_000_000
	maxScrypt = 128 << 20 // bytes; also of those it works through
)

// encrypted is the outside of an encrypted key (RFC 5958, RFC 8018).
type encrypted struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct{ Derivation, Cipher pkix.AlgorithmIdentifier }

// openPKCS8 opens an encrypted PKCS#8 key. The library believes what the key
// says of itself, so what it says is checked before.
func openPKCS8(der []byte, password string) (key any, err error) {
	var outside encrypted
	var how pbes2
	if rest, err := asn1.Unmarshal(der, &outside); err != nil || len(rest) > 0 {
		return nil, errKeyForm
	}
	if !outside.Algorithm.Algorithm.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}) {
		return nil, errEncryption
	}
	if _, err := asn1.Unmarshal(outside.Algorithm.Parameters.FullBytes, &how); err != nil {
		return nil, errKeyForm
	}
	if err := affordable(how.Derivation); err != nil {
		return nil, err
	}
	// It panics where a length does not fit the cipher.
	defer func() {
		if recover() != nil {
			key, err = nil, errKeyForm
		}
	}()
	key, err = pkcs8.ParsePKCS8PrivateKey(der, []byte(password))
	switch {
	case err == nil:
		return key, nil
	case strings.Contains(err.Error(), "unsupported"):
		return nil, errEncryption
	}
	return nil, errPassword
}

// affordable refuses to derive a key for minutes or with all memory.
func affordable(how pkix.AlgorithmIdentifier) error {
	switch {
	case how.Algorithm.Equal(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}): // PBKDF2
		var p struct {
			Salt   []byte
			Rounds int
			Length int                      `asn1:"optional"`
			PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(how.Parameters.FullBytes, &p); err != nil || p.Rounds < 1 {
			return errKeyForm
		}
		if p.Rounds > maxRounds {
			return errCostly
		}
	case how.Algorithm.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}): // scrypt
		var p struct {
			Salt                         []byte
			Cost, BlockSize, Parallelism int
			Length                       int `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(how.Parameters.FullBytes, &p); err != nil || p.Cost < 1 || p.BlockSize < 1 || p.Parallelism < 1 {
			return errKeyForm
		}
		// 128·N·r bytes of memory, gone through p times (RFC 7914).
		if max(p.Cost, p.BlockSize, p.Parallelism) > maxScrypt || p.Cost > maxScrypt/128/p.BlockSize/p.Parallelism {
			return errCostly
		}
	default:
		return errEncryption
	}
	return nil
}
