package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUnixSocketsNeedPermission(t *testing.T) {
	dir, err := os.MkdirTemp("", "egress") // short: a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := mustNew(t, Options{UnixSockets: []string{dir + "/./s.sock"}})
	for _, allowed := range []string{path, dir + "//x/../s.sock"} {
		conn, err := d.Dial(t.Context(), "unix", allowed)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
	var blocked *BlockedSocket
	for _, refused := range []string{"", dir, path + "x", "s.sock", "@" + path, "\x00" + path, path + "\x00"} {
		if _, err := d.Dial(t.Context(), "unix", refused); !errors.As(err, &blocked) {
			t.Errorf("%q: %v", refused, err)
		}
	}
	if _, err := new(Dialer).Dial(t.Context(), "unix", path); !errors.As(err, &blocked) {
		t.Errorf("the zero Dialer: %v", err)
	}
}

// A name with an address nobody listens on is reached at the other one.
func TestFallsBackToTheOtherFamily(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer l.Close()
	d := mustNew(t, Options{Policy: PreferIPv4, TTL: time.Minute, Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
		return addrs("::1", "127.0.0.1"), nil
	}})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	conn, err := d.Dial(t.Context(), "tcp", "both.test:"+port)
	if err != nil {
		t.Fatal(err)
	}
	if host, _, _ := net.SplitHostPort(conn.RemoteAddr().String()); host != "::1" {
		t.Errorf("connected to %s", host)
	}
	conn.Close()
	l.Close()
	if _, err := d.Dial(t.Context(), "tcp", "both.test:"+port); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody listens: %v", err)
	}
}

// The zero Dialer resolves as the system does.
func TestTheZeroDialer(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	conn, err := new(Dialer).Dial(t.Context(), "tcp", "localhost:"+port)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestPacketsGoToOneAddressAlone(t *testing.T) {
	for _, loopback := range []string{"127.0.0.1", "::1"} {
		server, err := net.ListenPacket("udp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			t.Skipf("no %s here: %v", loopback, err)
		}
		defer server.Close()
		_, port, _ := net.SplitHostPort(server.LocalAddr().String())
		d := mustNew(t, Options{Lookup: func(context.Context, string, string) ([]netip.Addr, error) {
			return addrs("169.254.169.254", loopback), nil
		}})
		conn, to, err := d.DialPacket(t.Context(), "udp.test:"+port)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		udp := conn.(interface {
			WriteToUDP([]byte, *net.UDPAddr) (int, error)
			WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
			WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (int, int, error)
			WriteMsgUDPAddrPort(b, oob []byte, to netip.AddrPort) (int, int, error)
		})
		all := func(to *net.UDPAddr) (errs []error) {
			_, err1 := conn.WriteTo([]byte{1}, to)
			_, err2 := udp.WriteToUDP([]byte{2}, to)
			_, err3 := udp.WriteToUDPAddrPort([]byte{3}, to.AddrPort())
			_, _, err4 := udp.WriteMsgUDP([]byte{4}, nil, to)
			_, _, err5 := udp.WriteMsgUDPAddrPort([]byte{5}, nil, to.AddrPort())
			return []error{err1, err2, err3, err4, err5}
		}
		good := to.(*net.UDPAddr)
		for i, err := range all(good) {
			if err != nil {
				t.Fatalf("write %d to %s: %v", i, good, err)
			}
		}
		server.SetReadDeadline(time.Now().Add(10 * time.Second))
		for i := range 5 {
			b := make([]byte, 10)
			n, from, err := server.ReadFrom(b)
			if err != nil || n != 1 || b[0] != byte(i+1) {
				t.Fatalf("read %d bytes %v, %v", n, b, err)
			}
			if i == 0 {
				if _, err := server.WriteTo([]byte{9}, from); err != nil {
					t.Fatal(err)
				}
			}
		}
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 10)
		if n, from, err := conn.ReadFrom(b); err != nil || n != 1 || from.String() != to.String() {
			t.Errorf("answer of %d bytes from %v, %v", n, from, err)
		}
		for _, bad := range []*net.UDPAddr{
			{IP: good.IP, Port: good.Port%65535 + 1}, {IP: net.ParseIP("169.254.169.254"), Port: good.Port},
		} {
			for i, err := range all(bad) {
				if !errors.Is(err, syscall.EPERM) {
					t.Errorf("write %d to %s: %v", i, bad, err)
				}
			}
		}
		if _, err := conn.WriteTo([]byte{1}, &net.TCPAddr{IP: good.IP, Port: good.Port}); err == nil {
			t.Error("a TCP address was written to")
		}
	}
}

func TestDialPacketRefuses(t *testing.T) {
	d := mustNew(t, Options{Lookup: func(context.Context, string, string) ([]netip.Addr, error) { return addrs("169.254.169.254"), nil }})
	var blocked *Blocked
	for _, address := range []string{"169.254.169.254:443", "[fe80::1]:443", "metadata.test:443"} {
		if _, _, err := d.DialPacket(t.Context(), address); !errors.As(err, &blocked) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
