package auth

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	ntlmssp "github.com/Azure/go-ntlmssp"
)

// NTLM is NTLMv2 authentication of one connection, which is what a server
// authenticates: the messages must follow one another on it, and the requests
// after them need nothing. A new connection takes a new NTLM. HTTP/1.1 only.
//
// For each request, send what Authorize gives, if anything. After a 401 call
// Challenge. It is for one goroutine at a time.
type NTLM struct {
	username, password string
	scheme             string // "NTLM" or "Negotiate"
	step               step
	answer             []byte // while challenged
}

type step uint8

const (
	fresh      step = iota // nothing was sent
	negotiated             // the first message was sent
	challenged             // the server's is there
	answered               // the last message was sent
	settled                // the connection is as good as it gets
)

// NewNTLM returns NTLM authentication for a user, written DOMAIN\user,
// user@domain or just user. The user name must not be empty, and neither may
// hold control characters or be longer than 1 KiB.
func NewNTLM(username, password string) (*NTLM, error) {
	if err := checkCredentials(username, password); err != nil {
		return nil, fmt.Errorf("ntlm authentication: %w", err)
	}
	return &NTLM{username: username, password: password, scheme: "NTLM"}, nil
}

// Opening reports whether Authorize will give the first message. The answer to it
// is a 401 by design, so its request is best sent without its body, with
// Content-Length 0 (MS-NTHT, section 3.1.5).
func (n *NTLM) Opening() bool { return n.step == fresh }

// Authorize returns the value of the Authorization header for the next request
// on the connection. Ok is false where it needs none: it is authenticated, or the
// server did not ask for it.
func (n *NTLM) Authorize() (header string, ok bool) {
	switch n.step {
	case fresh:
		// Domain and workstation would be those of this machine, which are nobody's business.
		message, err := ntlmssp.NewNegotiateMessage("", "")
		if err != nil {
			return "", false
		}
		n.step = negotiated
		return n.header(message), true
	case challenged:
		n.step = answered
		header := n.header(n.answer)
		n.answer = nil
		return header, true
	}
	// Whoever comes to the next request was not refused with the last.
	n.step = settled
	return "", false
}

func (n *NTLM) header(message []byte) string {
	return n.scheme + " " + base64.StdEncoding.EncodeToString(message)
}

// Challenge takes the WWW-Authenticate fields of a 401 on the connection. Retry
// says that Authorize will now give the message to send the request again with;
// without it the answer stands. There is no error where NTLM is not offered, or
// the credentials are refused.
func (n *NTLM) Challenge(wwwAuthenticate []string) (retry bool, err error) {
	was := n.step
	n.step = fresh // unless the handshake goes on
	n.answer = nil
	list, err := parseAll(wwwAuthenticate)
	if err != nil && len(list) == 0 {
		return false, err
	}
	token, offered, other := n.offers(list)
	switch {
	case was == negotiated && token != "":
		return n.take(token)
	case (was == negotiated || was == fresh) && !offered && other:
		// Negotiate takes the same messages, at servers that do not offer NTLM.
		n.scheme = "Negotiate"
		return true, nil
	case was == fresh, was == settled:
		// The server authenticates each request, or some pages only.
		return offered, nil
	}
	return false, nil
}

// offers finds the challenge of the scheme in use, and whether Negotiate could be
// used in its place.
func (n *NTLM) offers(list []challenge) (token string, offered, other bool) {
	for _, c := range list {
		if strings.EqualFold(c.scheme, n.scheme) && !offered {
			token, offered = c.token, true
		}
		other = other || n.scheme == "NTLM" && strings.EqualFold(c.scheme, "Negotiate")
	}
	return token, offered, other
}

// take makes the last message of the server's.
func (n *NTLM) take(token string) (bool, error) {
	message, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return false, ErrMalformed
	}
	if err := checkMessage(message); err != nil {
		return false, err
	}
	answer, err := ntlmssp.NewAuthenticateMessage(message, n.username, n.password, nil)
	if err != nil {
		return false, ErrMalformed // the library's text quotes the message
	}
	n.answer, n.step = answer, challenged
	return true, nil
}

// checkMessage looks at a CHALLENGE_MESSAGE (MS-NLMP, section 2.2.1.2) for what
// the library refuses as unsupported, to tell it from what is malformed.
func checkMessage(m []byte) error {
	const (
		signature   = "NTLMSSP\x00"
		unicode     = 0x00000001
		lmKey       = 0x00000080
		keyExchange = 0x40000000
	)
	if len(m) < 48 || string(m[:8]) != signature || binary.LittleEndian.Uint32(m[8:]) != 2 {
		return ErrMalformed
	}
	switch flags := binary.LittleEndian.Uint32(m[20:]); {
	case flags&lmKey != 0:
		return fmt.Errorf("%w: NTLMv1", ErrUnsupported)
	case flags&keyExchange != 0:
		return fmt.Errorf("%w: NTLM with key exchange", ErrUnsupported)
	case flags&unicode == 0:
		return fmt.Errorf("%w: NTLM without Unicode", ErrUnsupported)
	}
	return nil
}
