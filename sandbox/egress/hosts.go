package egress

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// BlockedHost says that the test itself refuses a host name (blockHostnames).
type BlockedHost struct {
	Host string // in lower case, without a trailing dot
}

// Error is one line for the user.
func (b *BlockedHost) Error() string {
	return fmt.Sprintf("egress blocked: the host name %s is blocked", b.Host)
}

// maxHost is the longest name the domain name system knows, in bytes.
const maxHost = 253

// canonical returns the one form in which names are compared and looked up:
// lower-case ASCII without the dot of the root at its end.
func canonical(host string) (string, error) {
	host = strings.TrimSuffix(host, ".")
	for i := 0; i < len(host); i++ {
		if host[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(host)
			if err != nil {
				return "", fmt.Errorf("host name is not valid: %w", err)
			}
			host = strings.TrimSuffix(ascii, ".")
			break
		}
	}
	if host == "" || len(host) > maxHost {
		return "", fmt.Errorf("host name is not valid: it has %d bytes", len(host))
	}
	return strings.ToLower(host), nil
}

// blocklist is a set of host name patterns. Immutable.
type blocklist struct {
	all   bool                // "*"
	exact map[string]struct{} // "example.com"
	below map[string]struct{} // "example.com" of "*.example.com"
}

// newBlocklist reads patterns: a name, "*." before a name for all names below
// it at any depth (not the name itself), or "*" for everything.
func newBlocklist(patterns []string) (blocklist, error) {
	b := blocklist{exact: map[string]struct{}{}, below: map[string]struct{}{}}
	for _, p := range patterns {
		rest, wild := strings.CutPrefix(p, "*.")
		name, err := canonical(rest)
		switch {
		case p == "*":
			b.all = true
		case err != nil || strings.Contains(name, "*"):
			return blocklist{}, fmt.Errorf("blocked host names: %.100q is no name, nor one with *. in front", p)
		case wild:
			b.below[name] = struct{}{}
		default:
			b.exact[name] = struct{}{}
		}
	}
	return b, nil
}

// matches reports whether a canonical name is blocked.
func (b *blocklist) matches(name string) bool {
	if b.all {
		return true
	}
	if _, found := b.exact[name]; found {
		return true
	}
	if len(b.below) == 0 {
		return false
	}
	for {
		dot := strings.IndexByte(name, '.')
		if dot < 0 {
			return false
		}
		name = name[dot+1:]
		if _, found := b.below[name]; found {
			return true
		}
	}
}
