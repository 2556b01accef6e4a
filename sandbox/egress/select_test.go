package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// refusing is a network on which nothing answers; it keeps what was dialled.
type refusing struct{ dialed []string }

func (r *refusing) dial(_ context.Context, _, address string, _ netip.Addr) (net.Conn, error) {
	r.dialed = append(r.dialed, address)
	return nil, errors.New("refused")
}

func TestPolicyAndFamily(t *testing.T) {
	six, four := []string{"[2001:db8::1]:80", "[2001:db8::2]:80"}, []string{"192.0.2.1:80", "192.0.2.2:80"}
	mixed := []string{six[0], four[0], six[1], four[1]}
	for _, c := range []struct {
		policy        Policy
		network, asks string
		want          []string
	}{
		{"", "tcp", "ip", mixed},
		{Any, "tcp", "ip", mixed},
		{PreferIPv4, "tcp", "ip", slices.Concat(four, six)},
		{PreferIPv6, "tcp", "ip", slices.Concat(six, four)},
		{OnlyIPv4, "tcp", "ip4", four},
		{OnlyIPv6, "tcp", "ip6", six},
		{Any, "tcp4", "ip", four},
		{PreferIPv4, "tcp6", "ip", six},
		{OnlyIPv4, "tcp6", "ip4", nil},
	} {
		r := &refusing{}
		asks := ""
		d := mustNew(t, Options{Policy: c.policy, DialIP: r.dial, Lookup: func(_ context.Context, network, _ string) ([]netip.Addr, error) {
			asks = network
			return addrs("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"), nil
		}})
		_, err := d.Dial(t.Context(), c.network, "a.test:80")
		if err == nil || !slices.Equal(r.dialed, c.want) || asks != c.asks {
			t.Errorf("%s on %s: dialled %q, want %q; asked for %s, want %s (%v)", c.policy, c.network, r.dialed, c.want, asks, c.asks, err)
		}
		var dns *net.DNSError
		if len(c.want) == 0 && !errors.As(err, &dns) {
			t.Errorf("%s on %s: %v", c.policy, c.network, err)
		}
	}
}

// Whatever the selection, each dial tries every address once, preferred ones
// first; turns go around exactly, random ones about.
func TestSelectionIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "addresses")
		dials := rapid.IntRange(1, 40).Draw(t, "dials")
		selection := rapid.SampledFrom([]Select{"", First, Random, RoundRobin}).Draw(t, "select")
		shuffle := rapid.Bool().Draw(t, "the server shuffles")
		ttl := rapid.SampledFrom([]time.Duration{0, time.Minute, -1}).Draw(t, "ttl")
		var all []netip.Addr
		for i := range n {
			all = append(all, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		}
		r := &refusing{}
		turn := 0
		d, err := New(Options{TTL: ttl, Select: selection, DialIP: r.dial, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			turn++
			if shuffle { // as many name servers do
				return append(slices.Clone(all[turn%n:]), all[:turn%n]...), nil
			}
			return all, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		first := map[string]int{}
		for range dials {
			r.dialed = nil
			d.Dial(context.Background(), "tcp", "a.test:80")
			seen := slices.Compact(slices.Sorted(slices.Values(r.dialed)))
			if len(seen) != n || len(r.dialed) != n {
				t.Fatalf("tried %q", r.dialed)
			}
			first[r.dialed[0]]++
		}
		switch {
		case selection == RoundRobin:
			for i := range n {
				if got := first[netip.AddrPortFrom(all[i], 80).String()]; got < dials/n || got > (dials+n-1)/n {
					t.Fatalf("%d of %d dials began with address %d of %d", got, dials, i, n)
				}
			}
		case selection != Random && !shuffle && first["192.0.2.0:80"] != dials:
			t.Fatalf("first is not always first: %v", first)
		}
	})
}

func TestRandomSelectionIsEven(t *testing.T) {
	r := &refusing{}
	d := mustNew(t, Options{TTL: -1, Select: Random, Policy: PreferIPv4, DialIP: r.dial, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		return addrs("192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"), nil
	}})
	const dials = 9000
	first := map[string]int{}
	for range dials {
		r.dialed = nil
		d.Dial(t.Context(), "tcp", "a.test:80")
		first[r.dialed[0]]++
		if r.dialed[3] != "[2001:db8::1]:80" {
			t.Fatalf("tried %q", r.dialed)
		}
	}
	for _, a := range []string{"192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"} {
		if n := first[a]; n < 2700 || n > 3300 { // 6.7 standard deviations
			t.Errorf("%s was first in %d of %d dials", a, n, dials)
		}
	}
}

func TestBlockedHosts(t *testing.T) {
	d := mustNew(t, Options{BlockHosts: []string{"Example.COM.", "*.wild.test", "bücher.example", "*.xn--bcher-kva.test"}})
	for name, want := range map[string]string{
		"example.com": "example.com", "EXAMPLE.com.": "example.com", "sub.example.com": "", "notexample.com": "", "com": "",
		"wild.test": "", "a.wild.test": "a.wild.test", "A.b.WILD.test.": "a.b.wild.test", "awild.test": "",
		"BÜCHER.example": "xn--bcher-kva.example", "xn--BCHER-kva.example": "xn--bcher-kva.example", "bücher。example": "xn--bcher-kva.example",
		"ａ.wild.test": "a.wild.test", "a.bücher.test": "a.xn--bcher-kva.test", "127.0.0.1": "", "::1": "",
	} {
		err := d.CheckHost(name)
		var blocked *BlockedHost
		if want == "" && err != nil || want != "" && (!errors.As(err, &blocked) || blocked.Host != want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if want == "" {
			continue
		}
		d.names.lookup = func(context.Context, string, string) ([]netip.Addr, error) {
			t.Errorf("%s was looked up", name)
			return nil, nil
		}
		if _, err := d.Dial(t.Context(), "tcp", net.JoinHostPort(name, "80")); !errors.As(err, &blocked) {
			t.Errorf("dial %s: %v", name, err)
		}
		if _, _, err := d.DialPacket(t.Context(), net.JoinHostPort(name, "80")); !errors.As(err, &blocked) {
			t.Errorf("dial packets to %s: %v", name, err)
		}
		if err := d.Permit(t.Context(), net.JoinHostPort(name, "80")); !errors.As(err, &blocked) {
			t.Errorf("permit %s: %v", name, err)
		}
	}
	all := mustNew(t, Options{BlockHosts: []string{"*"}})
	for _, name := range []string{"a.test", "127.0.0.1", "::1", "localhost"} {
		if err := all.CheckHost(name); err == nil {
			t.Errorf("%s passes *", name)
		}
	}
	for _, bad := range []string{"", "*.", "a.*.b", "*a.test", strings.Repeat("a", 254), "ab\u0080"} {
		if _, err := New(Options{BlockHosts: []string{bad}}); err == nil {
			t.Errorf("pattern %q is accepted", bad)
		}
	}
}

func TestHostsThatAreNone(t *testing.T) {
	d := mustNew(t, Options{TTL: -1, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		t.Error("looked up")
		return nil, errors.New("looked up")
	}})
	for _, host := range []string{"", ".", strings.Repeat("a.", 128), strings.Repeat("x", 1<<20), "b\u0080cher.test"} {
		_, err := d.Dial(t.Context(), "tcp", host+":80")
		if err == nil || len(err.Error()) > 1000 {
			t.Errorf("%.20q: %.200v", host, err)
		}
	}
	if len(d.names.records) > 0 {
		t.Errorf("%d records", len(d.names.records))
	}
}

func TestBlacklist(t *testing.T) {
	d := mustNew(t, Options{Blacklist: []netip.Prefix{
		netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("::ffff:192.0.2.0/120"), netip.MustParsePrefix("2001:db8::/32"),
	}})
	for text, want := range map[string]string{
		"10.255.0.1": "blacklisted", "11.0.0.1": "", "192.0.2.9": "blacklisted", "192.0.3.9": "", "2001:db8:1::": "blacklisted", "2001:db9::": "",
		"::ffff:10.0.0.1": "blacklisted", "64:ff9b::10.0.0.1": "blacklisted (inside IPv6)", "2002:0a00:0001::1": "blacklisted (inside IPv6)",
		"169.254.169.254": "cloud metadata", "127.0.0.1": "",
	} {
		err := d.Check(netip.MustParseAddr(text))
		var blocked *Blocked
		if want == "" && err != nil || want != "" && (!errors.As(err, &blocked) || blocked.Reason != want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if Check(netip.MustParseAddr("10.0.0.1")) != nil {
		t.Error("the blacklist of one Dialer counts everywhere")
	}
}

// An IPv4 address of a blacklist is refused in every IPv6 form.
func TestBlacklistedFormsAreRefusedAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v4 := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		p, _ := v4.Prefix(rapid.IntRange(1, 32).Draw(t, "bits"))
		d, err := New(Options{Blacklist: []netip.Prefix{p}})
		if err != nil {
			t.Fatal(err)
		}
		b := v4.As4()
		for _, form := range []netip.Addr{
			v4, netip.AddrFrom16(v4.As16()),
			netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}),
			netip.AddrFrom16([16]byte{0: 0x20, 1: 2, 2: b[0], 3: b[1], 4: b[2], 5: b[3]}),
		} {
			if d.Check(form) == nil {
				t.Fatalf("%s passes a blacklist of %s", form, p)
			}
		}
	})
}

func TestPermit(t *testing.T) {
	d := mustNew(t, Options{
		Blacklist: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, BlockHosts: []string{"blocked.test"},
		Lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
			switch host {
			case "metadata.test":
				return addrs("169.254.169.254", "fd00:ec2::254"), nil
			case "black.test":
				return addrs("192.0.2.1"), nil
			case "both.test":
				return addrs("169.254.169.254", "127.0.0.1"), nil
			case "fine.test":
				return addrs("198.51.100.1"), nil
			}
			return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
		},
	})
	for address, want := range map[string]string{
		"fine.test:443": "", "both.test:80": "", "inside.corp:80": "", "127.0.0.1:80": "", "[::1]:80": "",
		"metadata.test:80": "cloud metadata", "METADATA.test.:80": "cloud metadata", "black.test:80": "blacklisted",
		"169.254.169.254:80": "cloud metadata", "[::ffff:169.254.169.254]:80": "cloud metadata", "192.0.2.7:80": "blacklisted",
		"blocked.test:80": "the host name blocked.test is blocked", "fine.test": "missing port", "fine.test:0": "must be a number", ":80": "not valid",
	} {
		err := d.Permit(t.Context(), address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestResolve(t *testing.T) {
	d := mustNew(t, Options{LocalAddrs: []Range{{netip.MustParseAddr("::1"), netip.MustParseAddr("::1")}}, Lookup: func(_ context.Context, _, host string) ([]netip.Addr, error) {
		return addrs(map[string]string{"a.test": "192.0.2.1", "b.test": "169.254.169.254"}[host]), nil
	}})
	// The proxy connects, not this machine: its local addresses do not matter.
	if got, err := d.Resolve(t.Context(), "a.test:80"); err != nil || got != "192.0.2.1:80" {
		t.Errorf("%s, %v", got, err)
	}
	var blocked *Blocked
	if _, err := d.Resolve(t.Context(), "b.test:80"); !errors.As(err, &blocked) {
		t.Error(err)
	}
}

func TestOptionsThatCannotBeUsed(t *testing.T) {
	for _, o := range []Options{
		{Policy: "ipv4"}, {Select: "last"}, {Blacklist: make([]netip.Prefix, 1)}, {LocalAddrs: make([]Range, 1)},
		{LocalAddrs: []Range{{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")}}},
		{LocalAddrs: []Range{{netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("::1")}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func TestErrorsAreLines(t *testing.T) {
	for _, err := range []error{
		&Blocked{netip.MustParseAddr("10.0.0.1"), "blacklisted"}, &BlockedHost{"a.test"}, &BlockedSocket{"/run/x\n.sock"},
		&NoLocal{Remote: netip.MustParseAddr("::1")}, &NoLocal{Remote: netip.MustParseAddr("::1"), Local: netip.MustParseAddr("::2")},
	} {
		if text := fmt.Sprint(err); strings.Contains(text, "\n") || len(text) < 20 {
			t.Errorf("%q", text)
		}
	}
}
