package control

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
)

// DefaultPort is k6's too.
const DefaultPort = "6565"

// AddressError says why the API cannot listen on an address, and what would do.
type AddressError struct{ Message, Hint string }

func (e *AddressError) Error() string { return e.Message }

// ParseAddress checks the address the API shall listen on, such as
// 127.0.0.1:6565, [::1]:6565 or localhost:6565: a port of this machine that no
// other can reach. The error is an *AddressError.
func ParseAddress(text string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		hint := "such as 127.0.0.1:" + DefaultPort
		if ip, wrong := netip.ParseAddr(text); wrong == nil && ip.IsLoopback() || text == "localhost" {
			hint = "with a port: " + net.JoinHostPort(text, DefaultPort)
		}
		return netip.AddrPort{}, &AddressError{fmt.Sprintf("%q is not an address and a port", text), hint}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, &AddressError{fmt.Sprintf("%q is not a port", port), "a number from 0 to 65535; 0 takes any that is free"}
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() {
		hint := net.JoinHostPort("127.0.0.1", port) + "; from another machine, forward the port: ssh -L " + port + ":127.0.0.1:" + port + " HOST"
		if host == "" {
			return netip.AddrPort{}, &AddressError{"an address without a host would be open to other machines", hint}
		}
		return netip.AddrPort{}, &AddressError{fmt.Sprintf("%s is not on loopback: whoever reached it could steer the load", host), hint}
	}
	return netip.AddrPortFrom(ip, uint16(number)), nil
}

// MinToken is how many characters a token that was chosen by somebody has at least.
const MinToken = 32

// NewToken returns a token nobody can guess: 256 random bits.
func NewToken() string {
	var bits [32]byte
	rand.Read(bits[:]) // never fails
	return hex.EncodeToString(bits[:])
}

// WriteToken writes a token to a file that its owner alone can read. What is
// there of that name is replaced; a link is not followed.
func WriteToken(name, token string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".swarm-token-*") // 0600
	if err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
			err = fmt.Errorf("write the token: %w", err)
		}
	}()
	_, err = f.WriteString(token + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// CheckToken says what is wrong with a token that somebody chose.
func CheckToken(token string) error {
	if len(token) < MinToken {
		return fmt.Errorf("a token has at least %d characters", MinToken)
	}
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return errors.New("a token is made of letters, digits and other characters that fit in a header, without spaces")
		}
	}
	return nil
}
