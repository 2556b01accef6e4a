// Package auth answers the challenges of HTTP authentication that take more than
// a header to meet: [Digest] (RFC 7616, and RFC 2617 for servers of its age) and
// [NTLM] (MS-NLMP, MS-NTHT).
//
// Both are state machines without a connection: the caller sends what Authorize
// gives, and hands Challenge the WWW-Authenticate fields of a 401; it says
// whether sending again is of use. Challenges come from servers that nobody
// trusts: they are bounded and checked, what is malformed or unknown is an error
// without a byte of it in its text, and nothing of them gets into a request
// unquoted.
package auth

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrMalformed says that a challenge cannot be read.
	ErrMalformed = errors.New("malformed authentication challenge")
	// ErrUnsupported says that a challenge asks for what is not spoken here: an
	// unknown algorithm or quality of protection, NTLMv1, or keys to sign with.
	ErrUnsupported = errors.New("unsupported authentication challenge")
)

// MaxRounds is how often one request is sent at most, with every answer a 401:
// without credentials, with ones that have become stale, and as the one or two
// new challenges want it. A caller stops there, whatever Challenge says: a server
// can call everything stale for ever.
const MaxRounds = 4

const (
	maxHeader     = 16 << 10 // bytes of all fields that challenge one request
	maxChallenges = 32
	maxParams     = 32
	maxCredential = 1 << 10 // bytes of a user name, and of a password
)

// checkCredentials refuses what cannot be sent.
func checkCredentials(username, password string) error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case username == "":
		return errors.New("the user name is empty")
	case strings.ContainsFunc(username, control), strings.ContainsFunc(password, control):
		return errors.New("the user name or password has a control character")
	case len(username) > maxCredential, len(password) > maxCredential:
		return fmt.Errorf("the user name or password has more than %d bytes", maxCredential)
	}
	return nil
}
