// Package egress decides where a script may connect to, and gets there: it
// resolves names, checks what they came to and opens the connection. The check
// is on the address that is dialled, after names were resolved: a name, a
// redirect or a second look-up cannot lead around it. Names, sockets and what a
// proxy is asked for have checks of their own beside it.
package egress

import (
	"fmt"
	"net/netip"
	"strings"
)

// Blocked says that policy refuses an address.
type Blocked struct {
	Addr   netip.Addr
	Reason string // "link-local", "cloud metadata", "blacklisted", …
}

// Error is one line for the user.
func (b *Blocked) Error() string {
	article := "a"
	if strings.HasPrefix(b.Reason, "unspecified") {
		article = "an"
	}
	return fmt.Sprintf("egress blocked: %s is %s %s address", b.Addr, article, b.Reason)
}

// Check returns a *Blocked if addr is one that no run may ever reach: an
// unspecified, link-local or multicast address, a cloud's metadata service, or
// an IPv6 form that carries one of these inside. Loopback and private
// addresses pass. The invalid Addr is refused.
func Check(addr netip.Addr) error { return check(addr, nil) }

// check is Check that also refuses the addresses of a blacklist, in any form.
func check(addr netip.Addr, blacklist []netip.Prefix) error {
	if reason := refusal(addr, blacklist, 0); reason != "" {
		return &Blocked{Addr: addr, Reason: reason}
	}
	return nil
}

// refusal returns why addr is refused, "" when it is not. depth ends a chain
// of addresses within addresses.
func refusal(addr netip.Addr, blacklist []netip.Prefix, depth int) string {
	if !addr.IsValid() {
		return "invalid"
	}
	addr = addr.WithZone("").Unmap()
	for _, r := range refusedRanges {
		if r.prefix.Contains(addr) {
			return r.reason
		}
	}
	for _, prefix := range blacklist {
		if prefix.Contains(addr) {
			return "blacklisted"
		}
	}
	if addr.Is4() || depth > 2 {
		return ""
	}
	for _, inner := range embedded(addr) {
		if reason := refusal(inner, blacklist, depth+1); reason != "" {
			return reason + " (inside IPv6)"
		}
	}
	return ""
}

type refusedRange struct {
	prefix netip.Prefix
	reason string
}

// refusedRanges has those of metadata services first, so that the reason given
// is the telling one. It never changes.
var refusedRanges = []refusedRange{
	{netip.MustParsePrefix("169.254.169.254/32"), "cloud metadata"}, // AWS, Azure, Google, and others
	{netip.MustParsePrefix("169.254.170.2/32"), "cloud metadata"},   // AWS containers
	{netip.MustParsePrefix("100.100.100.200/32"), "cloud metadata"}, // Alibaba
	{netip.MustParsePrefix("168.63.129.16/32"), "cloud metadata"},   // Azure's platform address
	{netip.MustParsePrefix("192.0.0.192/32"), "cloud metadata"},     // Oracle
	{netip.MustParsePrefix("fd00:ec2::254/128"), "cloud metadata"},  // AWS
	{netip.MustParsePrefix("fd00:ec2::23/128"), "cloud metadata"},   // AWS containers
	{netip.MustParsePrefix("fd20:ce::254/128"), "cloud metadata"},   // Google
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},             // RFC 1122, "this network"
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("255.255.255.255/32"), "broadcast"},
}

// embedded returns the IPv4 addresses that the forms of transition between
// IPv6 and IPv4 carry in addr.
func embedded(addr netip.Addr) []netip.Addr {
	b := addr.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	var out []netip.Addr
	if zero(b[:12]) && !zero(b[12:15]) { // ::a.b.c.d, deprecated; ::1 is loopback
		out = append(out, at(12))
	}
	if zero(b[:8]) && b[8] == 0xff && b[9] == 0xff && zero(b[10:12]) { // ::ffff:0:a.b.c.d, RFC 2765
		out = append(out, at(12))
	}
	switch {
	case b[0] == 0x20 && b[1] == 0x02: // 6to4, RFC 3056
		out = append(out, at(2))
	case b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0: // Teredo, RFC 4380
		client := [4]byte{^b[12], ^b[13], ^b[14], ^b[15]}
		out = append(out, at(4), netip.AddrFrom4(client))
	case b[0] == 0 && b[1] == 0x64 && b[2] == 0xff && b[3] == 0x9b: // NAT64, RFC 6052 and 8215
		if b[4] != 0 || b[5] != 1 {
			out = append(out, at(12)) // 64:ff9b::/96
			break
		}
		// Under 64:ff9b:1::/48 the network chooses the length of its prefix, so
		// every place counts; those not in use are zero.
		for _, inner := range [...][4]byte{
			{b[6], b[7], b[9], b[10]}, {b[7], b[9], b[10], b[11]}, [4]byte(b[9:13]), [4]byte(b[12:16]),
		} {
			if inner[0] != 0 {
				out = append(out, netip.AddrFrom4(inner))
			}
		}
	}
	if (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP, RFC 5214
		out = append(out, at(12))
	}
	return out
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
