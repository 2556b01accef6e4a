package auth

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"
	"strings"
	"sync"

	"github.com/icholy/digest"
)

// Digest is digest authentication of one user at one origin. It keeps the
// server's challenge, so that only the first request costs a round more.
//
// It speaks MD5, SHA-256 and SHA-512-256, each with and without -sess, with
// qop auth (preferred), auth-int or none, and hashed user names. It is safe for
// concurrent use.
type Digest struct {
	username, password string
	nonce              func() string // makes a client nonce

	mu      sync.Mutex
	current *session // nil until there was a challenge
}

// session is what a challenge began; it goes on until the next.
type session struct {
	challenge digest.Challenge // with an algorithm that the library knows
	algorithm string           // as the server wrote it, "" if it did not
	a1        string
	cnonce    string // of all requests where the algorithm is -sess
	count     int64  // requests with this nonce; under Digest.mu
}

// NewDigest returns digest authentication for a user. The user name must not be
// empty, and neither may hold control characters or be longer than 1 KiB.
func NewDigest(username, password string) (*Digest, error) {
	if err := checkCredentials(username, password); err != nil {
		return nil, fmt.Errorf("digest authentication: %w", err)
	}
	return &Digest{username: username, password: password, nonce: newNonce}, nil
}

// newNonce makes a nonce of 128 bits.
func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, as it documents
	return hex.EncodeToString(b[:])
}

// Authorize returns the value of the Authorization header for a request, whose
// uri is as in its request line. Ok is false until a challenge was seen: send it
// without. Each value is for one time of sending: it is numbered. Body is read
// only where [Digest.SignsBody].
func (d *Digest) Authorize(method, uri string, body []byte) (header string, ok bool) {
	if strings.ContainsFunc(uri, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false
	}
	d.mu.Lock()
	s := d.current
	if s == nil || s.count == math.MaxInt32 {
		d.current = nil // the server shall give a new nonce when numbers run out
		d.mu.Unlock()
		return "", false
	}
	s.count++
	count := s.count
	d.mu.Unlock()
	cnonce := s.cnonce
	if cnonce == "" {
		cnonce = d.nonce()
	}
	c, err := digest.Digest(&s.challenge, digest.Options{
		Method: method, URI: uri, Username: d.username, Password: d.password, A1: s.a1, Cnonce: cnonce, Count: int(count),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
	})
	if err != nil {
		return "", false // what the library does not know was refused in Challenge
	}
	return format(c, s.algorithm), true
}

// SignsBody reports whether the server wants a digest of each request's body too.
func (d *Digest) SignsBody() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current != nil && len(d.current.challenge.QOP) == 1 && d.current.challenge.QOP[0] == "auth-int"
}

// format writes credentials as every server reads them: what RFC 7616, section
// 3.4 says comes in quotes does, the rest does not, and the response comes last.
func format(c *digest.Credentials, algorithm string) string {
	b := make([]byte, 0, 512)
	quoted := func(name, value string) { b = appendQuoted(append(b, name...), value) }
	quoted(`Digest username=`, c.Username)
	quoted(`, realm=`, c.Realm)
	quoted(`, nonce=`, c.Nonce)
	quoted(`, uri=`, c.URI)
	if algorithm != "" {
		b = append(append(b, ", algorithm="...), algorithm...)
	}
	if c.Opaque != "" {
		quoted(`, opaque=`, c.Opaque)
	}
	if c.QOP != "" {
		b = append(append(b, ", qop="...), c.QOP...)
		b = fmt.Appendf(b, ", nc=%08x", c.Nc)
		quoted(`, cnonce=`, c.Cnonce)
	}
	if c.Userhash {
		b = append(b, ", userhash=true"...)
	}
	quoted(`, response=`, c.Response)
	return string(b)
}

// Challenge takes the WWW-Authenticate fields of a 401 and the Authorization that
// its request carried, "" if none. Retry says that Authorize will now give
// something that may be accepted; without it the answer stands. There is no error
// where digest authentication is not offered, or the credentials are refused.
func (d *Digest) Challenge(sent string, wwwAuthenticate []string) (retry bool, err error) {
	next, stale, err := d.choose(wwwAuthenticate)
	if err != nil || next == nil {
		return false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if rejected := sentDigest(sent); rejected != nil && !stale {
		// With the first use of a nonce the credentials were what was wrong, unless
		// they were for another realm. A later use may fail as the nonce has
		// expired, which not every server says with stale.
		fresh := rejected.get("nc") == "" || rejected.get("nc") == "00000001"
		same := rejected.get("nonce") == next.challenge.Nonce
		if (fresh || same) && rejected.get("realm") == next.challenge.Realm {
			if d.current != nil && d.current.challenge.Nonce == rejected.get("nonce") {
				d.current = nil
			}
			return false, nil
		}
	}
	d.current = next
	return true, nil
}

// Info takes the Authentication-Info fields of a response: a server may name the
// nonce that it wants next (RFC 7616, section 3.5). What cannot be read is left
// alone: the next challenge will tell.
func (d *Digest) Info(authenticationInfo []string) {
	for _, field := range authenticationInfo {
		if len(field) > maxHeader {
			continue
		}
		list, err := parse("Digest " + field)
		if err != nil || len(list) != 1 {
			continue
		}
		nonce := list[0].get("nextnonce")
		d.mu.Lock()
		if s := d.current; nonce != "" && s != nil && nonce != s.challenge.Nonce {
			// The session goes on, and its A1 with it.
			next := *s
			next.challenge.Nonce, next.count = nonce, 0
			d.current = &next
		}
		d.mu.Unlock()
	}
}

// sentDigest reads a header that Authorize gave.
func sentDigest(sent string) *challenge {
	list, err := parse(sent)
	if err != nil || len(list) != 1 || !strings.EqualFold(list[0].scheme, "Digest") {
		return nil
	}
	return &list[0]
}

// choose makes a session of the first digest challenge that is spoken here, as
// the server's order is that of its preference (RFC 7616, section 3.7).
func (d *Digest) choose(fields []string) (s *session, stale bool, err error) {
	list, err := parseAll(fields)
	for i := range list {
		if !strings.EqualFold(list[i].scheme, "Digest") {
			continue
		}
		s, e := d.begin(&list[i])
		if e == nil {
			return s, strings.EqualFold(list[i].get("stale"), "true"), nil
		}
		err = e
	}
	return nil, false, err
}

// begin makes a session of a challenge.
func (d *Digest) begin(c *challenge) (*session, error) {
	s := &session{algorithm: c.get("algorithm"), challenge: digest.Challenge{
		Realm: c.get("realm"), Nonce: c.get("nonce"), Opaque: c.get("opaque"), Userhash: strings.EqualFold(c.get("userhash"), "true"),
	}}
	if c.token != "" || s.challenge.Nonce == "" {
		return nil, ErrMalformed
	}
	base, sess := strings.CutSuffix(strings.ToUpper(s.algorithm), "-SESS")
	h := hashOf(base)
	if h == nil {
		return nil, fmt.Errorf("%w: unknown digest algorithm", ErrUnsupported)
	}
	s.challenge.Algorithm = base
	qop, err := qualities(c)
	if err != nil {
		return nil, err
	}
	s.challenge.QOP = qop
	s.a1 = digestOf(h, d.username, s.challenge.Realm, d.password)
	if sess {
		if qop == nil {
			// The server could not know the client nonce that A1 is made of.
			return nil, fmt.Errorf("%w: a session algorithm without quality of protection", ErrUnsupported)
		}
		// RFC 7616, section 3.4.2: made of the first client nonce, and kept. That
		// nonce is used throughout, as some servers make A1 of that of each request.
		s.cnonce = d.nonce()
		s.a1 = digestOf(h, s.a1, s.challenge.Nonce, s.cnonce)
	}
	return s, nil
}

// qualities returns the quality of protection to use, nil for that of RFC 2069.
func qualities(c *challenge) ([]string, error) {
	offered := c.get("qop")
	if strings.TrimSpace(offered) == "" {
		return nil, nil
	}
	found := ""
	for q := range strings.SplitSeq(offered, ",") {
		switch q = strings.ToLower(strings.TrimSpace(q)); {
		case q == "auth", q == "auth-int" && found == "":
			found = q
		}
	}
	if found == "" {
		return nil, fmt.Errorf("%w: unknown quality of protection", ErrUnsupported)
	}
	return []string{found}, nil
}

// hashOf returns the hash of an algorithm's name in upper case, nil if unknown.
func hashOf(algorithm string) hash.Hash {
	switch algorithm {
	case "", "MD5":
		return md5.New()
	case "SHA-256":
		return sha256.New()
	case "SHA-512-256":
		return sha512.New512_256()
	}
	return nil
}

// digestOf is H(part:part:…) in hexadecimal.
func digestOf(h hash.Hash, parts ...string) string {
	h.Reset()
	_, _ = io.WriteString(h, strings.Join(parts, ":"))
	return hex.EncodeToString(h.Sum(nil))
}
