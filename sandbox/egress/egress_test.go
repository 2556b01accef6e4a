package egress_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/swarmload/swarm/sandbox/egress"
	"pgregory.net/rapid"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ addr, reason string }{
		{"127.0.0.1", ""}, {"::1", ""}, {"10.0.0.1", ""}, {"192.168.1.1", ""}, {"fd12::1", ""},
		{"192.0.2.1", ""}, {"2001:db8::1", ""}, {"::ffff:127.0.0.1", ""}, {"64:ff9b::127.0.0.1", ""},
		{"100.100.100.201", ""}, {"168.63.129.17", ""}, {"2002:7f00:1::", ""}, {"64:ff9b:1:7f00:0:100::", ""},

		{"169.254.169.254", "cloud metadata"}, {"169.254.170.2", "cloud metadata"},
		{"100.100.100.200", "cloud metadata"}, {"168.63.129.16", "cloud metadata"},
		{"fd00:ec2::254", "cloud metadata"}, {"fd20:ce::254", "cloud metadata"},
		{"169.254.1.1", "link-local"}, {"fe80::1", "link-local"}, {"fe80::1%eth0", "link-local"}, {"febf::1", "link-local"},
		{"0.0.0.0", "unspecified"}, {"0.1.2.3", "unspecified"}, {"::", "unspecified"},
		{"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"}, {"ff02::1", "multicast"},
		{"255.255.255.255", "broadcast"},

		{"::ffff:169.254.169.254", "cloud metadata"},                 // v4-mapped
		{"::ffff:0:169.254.169.254", "cloud metadata (inside IPv6)"}, // v4-translated
		{"::169.254.169.254", "cloud metadata (inside IPv6)"},        // v4-compatible
		{"64:ff9b::169.254.169.254", "cloud metadata (inside IPv6)"},
		{"64:ff9b::100.100.100.200", "cloud metadata (inside IPv6)"},
		{"64:ff9b:1::169.254.169.254", "cloud metadata (inside IPv6)"},
		{"64:ff9b:1:a9fe:a9:fe00::", "cloud metadata (inside IPv6)"}, // RFC 6052, /48
		{"2002:a9fe:a9fe::", "cloud metadata (inside IPv6)"},         // 6to4
		{"2002:e000:1::1", "multicast (inside IPv6)"},
		{"2001:0:a9fe:a9fe::1", "cloud metadata (inside IPv6)"},        // Teredo server
		{"2001:0:7f00:1::5601:5601", "cloud metadata (inside IPv6)"},   // Teredo client, inverted
		{"fd12::5efe:169.254.169.254", "cloud metadata (inside IPv6)"}, // ISATAP
	} {
		err := egress.Check(netip.MustParseAddr(c.addr))
		var blocked *egress.Blocked
		switch {
		case c.reason == "" && err != nil:
			t.Errorf("%s: %v, want it allowed", c.addr, err)
		case c.reason != "" && (!errors.As(err, &blocked) || blocked.Reason != c.reason):
			t.Errorf("%s: %v, want %s", c.addr, err, c.reason)
		}
	}
	if egress.Check(netip.Addr{}) == nil {
		t.Error("the invalid address was allowed")
	}
}

// Whatever IPv4 address is refused is refused in every IPv6 form as well.
func TestFormsAreRefusedAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v4 := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		b := v4.As4()
		refused := egress.Check(v4) != nil
		nat64 := netip.AddrFrom16([16]byte{0: 0, 1: 0x64, 2: 0xff, 3: 0x9b, 12: b[0], 13: b[1], 14: b[2], 15: b[3]})
		sixToFour := netip.AddrFrom16([16]byte{0: 0x20, 1: 2, 2: b[0], 3: b[1], 4: b[2], 5: b[3]})
		mapped := netip.AddrFrom16(v4.As16())
		for _, form := range []netip.Addr{nat64, sixToFour, mapped} {
			if (egress.Check(form) != nil) != refused {
				t.Fatalf("%s refused: %v, but %s: %v", v4, refused, form, !refused)
			}
		}
	})
}

// network records what was dialled; nothing in these tests opens a connection.
type network struct {
	names   map[string][]string
	dialed  []string
	answer  string // the only address that answers
	dialing func()
}

func (n *network) dialer(o egress.Options) *egress.Dialer {
	o.Lookup = func(_ context.Context, _, host string) (out []netip.Addr, err error) {
		for _, s := range n.names[host] {
			out = append(out, netip.MustParseAddr(s))
		}
		return out, nil
	}
	o.DialIP = func(_ context.Context, _, address string, _ netip.Addr) (net.Conn, error) {
		n.dialed = append(n.dialed, address)
		if n.dialing != nil {
			n.dialing()
		}
		if address != n.answer {
			return nil, errors.New("refused by " + address)
		}
		client, server := net.Pipe()
		server.Close()
		return client, nil
	}
	d, err := egress.New(o)
	if err != nil {
		panic(err)
	}
	return d
}

func TestDialNeverReachesARefusedAddress(t *testing.T) {
	for _, c := range []struct {
		address string
		dialed  string
		errText string
	}{
		{"169.254.169.254:80", "", "egress blocked: 169.254.169.254 is a cloud metadata address"},
		{"0.0.0.0:80", "", "egress blocked: 0.0.0.0 is an unspecified address"},
		{"[fe80::1%eth0]:80", "", "link-local"},
		{"[::ffff:169.254.169.254]:80", "", "cloud metadata"},
		{"metadata.example:80", "", "cloud metadata"},
		{"rebind.example:80", "127.0.0.1:80", ""},
		{"two.example:80", "[::1]:80 127.0.0.1:80", ""},
		{"dead.example:80", "192.0.2.1:80 192.0.2.2:80", "refused by 192.0.2.2:80"},
		{"nowhere.example:80", "", "no addresses"},
		{"127.0.0.1:0", "", "must be a number"},
		{"127.0.0.1:http", "", "must be a number"},
		{"127.0.0.1", "", "missing port"},
	} {
		n := &network{answer: "127.0.0.1:80", names: map[string][]string{
			"metadata.example": {"169.254.169.254", "fd00:ec2::254"},
			"rebind.example":   {"169.254.169.254", "127.0.0.1"},
			"two.example":      {"::1", "127.0.0.1"},
			"dead.example":     {"192.0.2.1", "192.0.2.2"},
		}}
		conn, err := n.dialer(egress.Options{}).Dial(context.Background(), "tcp", c.address)
		if err == nil {
			conn.Close()
		}
		if got := strings.Join(n.dialed, " "); got != c.dialed {
			t.Errorf("%s: dialled %q, want %q", c.address, got, c.dialed)
		}
		if (err == nil) != (c.errText == "") || err != nil && !strings.Contains(err.Error(), c.errText) {
			t.Errorf("%s: error %v, want %q", c.address, err, c.errText)
		}
	}
}

func TestDialStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := &network{names: map[string][]string{"dead.example": {"192.0.2.1", "192.0.2.2"}}}
	n.dialing = cancel
	if _, err := n.dialer(egress.Options{}).Dial(ctx, "tcp", "dead.example:80"); err == nil || len(n.dialed) != 1 {
		t.Errorf("error %v after dialling %q, want an end after the first", err, n.dialed)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte{169, 254, 169, 254})
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		addr, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		bad := addr.Unmap().IsLinkLocalUnicast() || addr.Unmap().IsMulticast() || addr.Unmap().IsUnspecified()
		if bad && egress.Check(addr) == nil {
			t.Errorf("%s was allowed", addr)
		}
	})
}
