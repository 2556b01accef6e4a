package tlsconfig

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/youmark/pkcs8"
)

const secret = "correct horse"

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// TestPlainKeys reads keys of every kind in every form.
func TestPlainKeys(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return block("PRIVATE KEY", der)
	}
	sec1, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"RSA, PKCS#1":           block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)),
		"RSA, PKCS#8":           form(rsaKey),
		"ECDSA, SEC 1":          block("EC PRIVATE KEY", sec1),
		"ECDSA with parameters": block("EC PARAMETERS", []byte{6, 1, 0}) + block("EC PRIVATE KEY", sec1),
		"ECDSA, PKCS#8":         "Bag Attributes\n" + form(ecKey),
		"Ed25519":               form(edKey),
	} {
		for _, password := range []string{"", "not needed"} {
			signer, err := privateKey(text, password)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !rsaKey.PublicKey.Equal(signer.Public()) && !ecKey.PublicKey.Equal(signer.Public()) && !edKey.Public().(ed25519.PublicKey).Equal(signer.Public()) {
				t.Errorf("%s: another key", name)
			}
		}
	}
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := privateKey(form(x), ""); err != errKeyAlgorithm {
		t.Errorf("a key that cannot sign: %v", err)
	}
}

// opens checks an encrypted key with the right password, a wrong one and none.
func opens(t *testing.T, name, cert, key string) {
	t.Helper()
	for password, want := range map[string]string{
		secret:           "",
		"wrong password": "tlsAuth[0].password: does not open the key (" + passwordHint + ")",
		"":               "tlsAuth[0].password: is missing, and the key is encrypted (" + passwordHint + ")",
	} {
		_, err := New(plan.TLS{Auth: []plan.TLSAuth{{Cert: cert, Key: key, Password: password}}}, false, nil)
		if got := text(err); got != want {
			t.Errorf("%s with %q: %q, want %q", name, password, got, want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestEncryptedKeys(t *testing.T) {
	cert := peers.NewCA(t).Issue(t)
	certPEM, _ := peers.Encode(t, cert)
	sec1, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, cipher := range map[string]x509.PEMCipher{"DES": x509.PEMCipherDES, "3DES": x509.PEMCipher3DES, "AES-128": x509.PEMCipherAES128, "AES-256": x509.PEMCipherAES256} {
		//lint:ignore SA1019 it is what old keys are encrypted with
		b, err := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", sec1, []byte(secret), cipher)
		if err != nil {
			t.Fatal(err)
		}
		opens(t, name, certPEM, string(pem.EncodeToMemory(b)))
	}
	for name, opts := range map[string]*pkcs8.Opts{
		"PBKDF2": pkcs8.DefaultOpts,
		"scrypt": {Cipher: pkcs8.AES128CBC, KDFOpts: pkcs8.ScryptOpts{SaltSize: 8, CostParameter: 1 << 14, BlockSize: 8, ParallelizationParameter: 1}},
		"GCM":    {Cipher: pkcs8.AES256GCM, KDFOpts: pkcs8.DefaultOpts.KDFOpts},
	} {
		der, err := pkcs8.MarshalPrivateKey(cert.PrivateKey, []byte(secret), opts)
		if err != nil {
			t.Fatal(err)
		}
		opens(t, name, certPEM, block("ENCRYPTED PRIVATE KEY", der))
	}
}

// TestOpenSSL reads keys as openssl writes them.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("TEST_READERS") == "require" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(openssl, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for kind, algorithm := range map[string][]string{
		"rsa": {"rsa:2048"},
		"ec":  {"ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"},
	} {
		run(append([]string{"req", "-x509", "-nodes", "-subj", "/CN=a client", "-days", "1", "-keyout", kind, "-out", kind + ".crt", "-newkey"}, algorithm...)...)
		for name, args := range map[string][]string{
			"as it is today":  {"pkcs8", "-topk8"},
			"AES-256, SHA-1":  {"pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"},
			"AES-128 600,000": {"pkcs8", "-topk8", "-v2", "aes-128-cbc", "-iter", "600000"},
			"3DES":            {"pkcs8", "-topk8", "-v2", "des3"},
			"scrypt":          {"pkcs8", "-topk8", "-scrypt"},
			"of old":          {kind, "-aes256"},
		} {
			if name == "of old" && kind == "rsa" {
				args = append(args, "-traditional")
			}
			out := kind + ".enc"
			pass := "-passout"
			run(append(args, "-in", kind, "-out", out, pass, "pass:"+secret)...)
			opens(t, kind+", "+name, read(kind+".crt"), read(out))
		}
	}
}

// encryptedKey is a key whose outside says what it likes.
func encryptedKey(t *testing.T, derivation asn1.ObjectIdentifier, params any, cipher asn1.ObjectIdentifier, iv, data []byte) string {
	t.Helper()
	der := func(v any) []byte {
		b, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return block("ENCRYPTED PRIVATE KEY", der(encrypted{
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, Parameters: asn1.RawValue{FullBytes: der(pbes2{
			Derivation: pkix.AlgorithmIdentifier{Algorithm: derivation, Parameters: asn1.RawValue{FullBytes: der(params)}},
			Cipher:     pkix.AlgorithmIdentifier{Algorithm: cipher, Parameters: asn1.RawValue{FullBytes: der(iv)}},
		})}},
		Data: data,
	}))
}

// TestHostileKeys are keys that would take all time, all memory, or panic.
func TestHostileKeys(t *testing.T) {
	pbkdf2, scrypt := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	aes := asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	type rounds struct {
		Salt   []byte
		Rounds int
	}
	type costs struct {
		Salt    []byte
		N, R, P int
	}
	iv := make([]byte, 16)
	for name, tc := range map[string]struct {
		key  string
		want error
	}{
		"rounds":      {encryptedKey(t, pbkdf2, rounds{iv, 2_000_000_000}, aes, iv, iv), errCostly},
		"no rounds":   {encryptedKey(t, pbkdf2, rounds{iv, -1}, aes, iv, iv), errKeyForm},
		"memory":      {encryptedKey(t, scrypt, costs{iv, 1 << 26, 8, 1}, aes, iv, iv), errCostly},
		"wide":        {encryptedKey(t, scrypt, costs{iv, 2, 1 << 40, 1}, aes, iv, iv), errCostly},
		"repeated":    {encryptedKey(t, scrypt, costs{iv, 1 << 14, 8, 1 << 20}, aes, iv, iv), errCostly},
		"no power":    {encryptedKey(t, scrypt, costs{iv, 3, 8, 1}, aes, iv, iv), errPassword},
		"short iv":    {encryptedKey(t, pbkdf2, rounds{iv, 1}, aes, iv[:3], iv), errKeyForm},
		"odd data":    {encryptedKey(t, pbkdf2, rounds{iv, 1}, aes, iv, iv[:5]), errKeyForm},
		"no data":     {encryptedKey(t, pbkdf2, rounds{iv, 1}, aes, iv, nil), errPassword},
		"cipher":      {encryptedKey(t, pbkdf2, rounds{iv, 1}, pbkdf2, iv, iv), errEncryption},
		"derivation":  {encryptedKey(t, aes, rounds{iv, 1}, aes, iv, iv), errEncryption},
		"nothing":     {block("ENCRYPTED PRIVATE KEY", nil), errKeyForm},
		"old nothing": {"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n", errEncryption},
	} {
		if _, err := privateKey(tc.key, secret); err != tc.want {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// FuzzKeys looks for keys that make reading them panic, or tell a secret.
func FuzzKeys(f *testing.F) {
	for _, kind := range []string{"PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"} {
		f.Add(kind, []byte{0x30, 0x03, 0x02, 0x01, 0x00}, "")
		f.Add(kind, []byte("0000"), "AES-128-CBC,00000000000000000000000000000000")
	}
	f.Fuzz(func(t *testing.T, kind string, der []byte, info string) {
		b := &pem.Block{Type: kind, Bytes: der}
		if info != "" && !strings.ContainsAny(info, ":\r\n") {
			b.Headers = map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": info}
		}
		const password = "a password like no other"
		signer, err := privateKey(string(pem.EncodeToMemory(b)), password)
		if (signer == nil) == (err == nil) {
			t.Fatalf("%v and %v", signer, err)
		}
		if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("the error is %q", err)
		}
	})
}
