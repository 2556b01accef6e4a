package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// DialPacket resolves and checks host:port as Dial does and opens an
// unconnected UDP socket for the first address in the order that Policy and
// Select give; nothing is sent, so nobody can tell whether it answers. The
// socket sends to the address returned and to no other. It is the caller's to
// close.
func (d *Dialer) DialPacket(ctx context.Context, address string) (net.PacketConn, net.Addr, error) {
	routes, port, err := d.routes(ctx, "udp", address)
	if err != nil {
		return nil, nil, err
	}
	r := routes[0]
	network, local := "udp6", netip.IPv6Unspecified()
	if r.remote.Is4() {
		network, local = "udp4", netip.IPv4Unspecified()
	}
	if r.local.IsValid() {
		local = r.local
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, nil, foreign(err, r.local, r.remote)
	}
	to := netip.AddrPortFrom(r.remote, port)
	return &tied{UDPConn: conn, to: to}, net.UDPAddrFromAddrPort(to), nil
}

// tied is a UDP socket that sends to one address alone: a peer that asks to be
// contacted elsewhere, as QUIC servers may, cannot lead around the checks. It
// has all methods of a *net.UDPConn, which QUIC needs to be fast.
type tied struct {
	*net.UDPConn
	to netip.AddrPort
}

func (t *tied) check(to netip.AddrPort) error {
	if netip.AddrPortFrom(to.Addr().Unmap(), to.Port()) != t.to {
		return &net.OpError{Op: "write", Net: "udp", Err: fmt.Errorf("egress blocked: the socket is for another address: %w", syscall.EPERM)}
	}
	return nil
}

// WriteTo sends a datagram, if to is the address the socket is for.
func (t *tied) WriteTo(b []byte, to net.Addr) (int, error) {
	if u, ok := to.(*net.UDPAddr); !ok {
		return 0, &net.OpError{Op: "write", Net: "udp", Err: syscall.EINVAL}
	} else if err := t.check(u.AddrPort()); err != nil {
		return 0, err
	}
	return t.UDPConn.WriteTo(b, to)
}

// WriteToUDP is WriteTo.
func (t *tied) WriteToUDP(b []byte, to *net.UDPAddr) (int, error) { return t.WriteTo(b, to) }

// WriteToUDPAddrPort is WriteTo.
func (t *tied) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if err := t.check(to); err != nil {
		return 0, err
	}
	return t.UDPConn.WriteToUDPAddrPort(b, to)
}

// WriteMsgUDP is WriteTo with control messages.
func (t *tied) WriteMsgUDP(b, oob []byte, to *net.UDPAddr) (n, oobn int, err error) {
	if err := t.check(to.AddrPort()); err != nil {
		return 0, 0, err
	}
	return t.UDPConn.WriteMsgUDP(b, oob, to)
}

// WriteMsgUDPAddrPort is WriteTo with control messages.
func (t *tied) WriteMsgUDPAddrPort(b, oob []byte, to netip.AddrPort) (n, oobn int, err error) {
	if err := t.check(to); err != nil {
		return 0, 0, err
	}
	return t.UDPConn.WriteMsgUDPAddrPort(b, oob, to)
}
