package egress

import (
	"context"
	"errors"
	"math"
	"math/big"
	"net"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1": "127.0.0.1 127.0.0.1 1", "10.0.0.2-10.0.0.9": "10.0.0.2 10.0.0.9 8", "::1": "::1 ::1 1",
		"10.0.0.77/24": "10.0.0.1 10.0.0.254 254", "10.0.0.4/31": "10.0.0.4 10.0.0.5 2", "10.0.0.4/32": "10.0.0.4 10.0.0.4 1",
		"10.0.0.0/30": "10.0.0.1 10.0.0.2 2", "10.0.0.0/8": "10.0.0.1 10.255.255.254 16777214", "0.0.0.0/0": "0.0.0.1 255.255.255.254 4294967294",
		"fd00::/120": "fd00:: fd00::ff 256", "fd00::/64": "fd00:: fd00::ffff:ffff:ffff:ffff 18446744073709551615",
		"::ffff:10.0.0.1": "10.0.0.1 10.0.0.1 1", "fd00::fffe-fd00::1:1": "fd00::fffe fd00::1:1 4",
	} {
		r, err := ParseRange(text)
		if got := r.First.String() + " " + r.Last.String() + " " + new(big.Int).SetUint64(r.size()).String(); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "a", "1.2.3", "10.0.0.9-10.0.0.2", "10.0.0.1-::1", "10.0.0.0/33", "::ffff:10.0.0.0/120", "fe80::1%eth0", "1.1.1.1-", "-", "10.0.0.1/"} {
		if r, err := ParseRange(bad); err == nil {
			t.Errorf("%q reads as %v", bad, r)
		}
	}
}

// Of any ranges, VUs one after the other get all addresses in order, and then
// the first again; each within its range, of the family asked for.
func TestLocalAddressesGoAround(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranges []Range
		var all []netip.Addr
		for range rapid.IntRange(1, 4).Draw(t, "ranges") {
			start := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "start")))
			r := Range{start, start}
			for range rapid.IntRange(0, 300).Draw(t, "more") {
				if next := r.Last.Next(); next.IsValid() {
					r.Last = next
				}
			}
			ranges = append(ranges, r)
			for a := r.First; ; a = a.Next() {
				all = append(all, a)
				if a == r.Last {
					break
				}
			}
		}
		six := netip.MustParseAddr("fd00::1")
		l := newLocals(append(ranges, Range{six, six}))
		n := rapid.Uint64Range(1, 3*uint64(len(all))).Draw(t, "n")
		if got, ok := l.pick(n, netip.MustParseAddr("127.0.0.1")); !ok || got != all[(n-1)%uint64(len(all))] {
			t.Fatalf("VU %d sends from %v, want %v", n, got, all[(n-1)%uint64(len(all))])
		}
		if got, ok := l.pick(n, netip.MustParseAddr("::1")); !ok || got != six {
			t.Fatalf("VU %d sends over IPv6 from %v", n, got)
		}
	})
}

func TestHugeRanges(t *testing.T) {
	whole := Range{netip.IPv6Unspecified(), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")}
	l := newLocals([]Range{whole, whole})
	for _, n := range []uint64{0, 1, math.MaxUint64 - 1, math.MaxUint64} {
		if a, ok := l.pick(n, netip.MustParseAddr("::1")); !ok || !a.Is6() {
			t.Errorf("VU %d: %v", n, a)
		}
	}
	if a, ok := l.pick(1, netip.MustParseAddr("127.0.0.1")); ok {
		t.Errorf("sends over IPv4 from %v", a)
	}
	if a, ok := newPair().pick(2, netip.MustParseAddr("::1")); !ok || a != netip.MustParseAddr("fd00::1:0:0:0:0") {
		t.Errorf("after the low half comes %v", a)
	}
}

// newPair is a range that crosses the middle of an address.
func newPair() *locals {
	l := newLocals([]Range{{netip.MustParseAddr("fd00::ffff:ffff:ffff:ffff"), netip.MustParseAddr("fd00::1:0:0:0:0")}})
	return &l
}

func FuzzParseRange(f *testing.F) {
	f.Add("10.0.0.0/8")
	f.Add("10.0.0.2-10.0.0.9")
	f.Add("fd00::/65")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		if err != nil {
			return
		}
		if r.Last.Less(r.First) || r.First.Is4() != r.Last.Is4() || r.size() == 0 || r.First.Is4In6() {
			t.Fatalf("%q reads as %v", text, r)
		}
		if size := r.size(); size < math.MaxUint64 && r.at(size-1) != r.Last {
			t.Fatalf("%q: the last of %d is %v, not %v", text, size, r.at(size-1), r.Last)
		}
		if p, err := netip.ParsePrefix(text); err == nil && (!p.Contains(r.First) || !p.Contains(r.Last)) {
			t.Fatalf("%q reads as %v", text, r)
		}
		if again, err := ParseRange(r.First.String() + "-" + r.Last.String()); err != nil || again != r {
			t.Fatalf("%v reads as %v, %v", r, again, err)
		}
	})
}

func TestDialsFromLocalAddresses(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := ParseRange("127.0.0.2-127.0.0.4")
	if err != nil {
		t.Fatal(err)
	}
	d := mustNew(t, Options{LocalAddrs: []Range{r}})
	for n, want := range map[uint64]string{0: "127.0.0.2", 1: "127.0.0.2", 2: "127.0.0.3", 3: "127.0.0.4", 4: "127.0.0.2"} {
		conn, err := d.Dial(WithLocal(t.Context(), n), "tcp", l.Addr().String())
		if err != nil {
			t.Skipf("this machine has but one loopback address: %v", err)
		}
		served, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(served.RemoteAddr().String()); host != want {
			t.Errorf("VU %d sends from %s, want %s", n, host, want)
		}
		served.Close()
		conn.Close()
		packets, _, err := d.DialPacket(WithLocal(t.Context(), n), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if host, _, _ := net.SplitHostPort(packets.LocalAddr().String()); host != want {
			t.Errorf("VU %d sends datagrams from %s, want %s", n, host, want)
		}
		packets.Close()
	}
	var none *NoLocal
	if _, err := d.Dial(t.Context(), "tcp", "[::1]:1"); !errors.As(err, &none) || none.Local.IsValid() {
		t.Errorf("to another family: %v", err)
	}
	// Of a name with both, the family that can be sent from counts.
	d = mustNew(t, Options{LocalAddrs: []Range{r}, DialIP: new(piped).dial, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		return addrs("::1", "127.0.0.1"), nil
	}})
	mustDial(t, t.Context(), d, "a.test:80")
}

// An address that is not this machine's is told as such: the system's own word
// for it is also that for a lack of ports.
func TestForeignLocalAddress(t *testing.T) {
	foreign := netip.MustParseAddr("192.0.2.77")
	d := mustNew(t, Options{LocalAddrs: []Range{{foreign, foreign}}})
	var none *NoLocal
	if _, err := d.Dial(t.Context(), "tcp", "127.0.0.1:1"); !errors.As(err, &none) || none.Local != foreign {
		t.Errorf("%v", err)
	}
	if _, _, err := d.DialPacket(t.Context(), "127.0.0.1:1"); !errors.As(err, &none) || none.Local != foreign {
		t.Errorf("%v", err)
	}
}
