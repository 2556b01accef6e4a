package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Dialer opens connections to addresses that pass [Check]. The zero value
// resolves and dials as package net does. Safe for concurrent use.
type Dialer struct {
	// Lookup resolves a host name to "ip" addresses; nil means the system's resolver.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// DialIP opens a connection to one literal address; nil means a net.Dialer.
	DialIP func(ctx context.Context, network, address string) (net.Conn, error)
}

// Dial connects to host:port. Every address the host resolves to is checked
// before any is dialled; those refused are left out, and if none remains the
// error is a *Blocked. The others are tried in order until one answers.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("dial %s: port %q must be a number from 1 to 65535", address, port)
	}
	addrs, err := d.resolve(ctx, network, host)
	if err != nil {
		return nil, err
	}
	allowed, err := permitted(addrs)
	if err != nil {
		return nil, err
	}
	return d.try(ctx, network, allowed, uint16(n))
}

func (d *Dialer) resolve(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	family := "ip"
	switch network {
	case "tcp4", "udp4":
		family = "ip4"
	case "tcp6", "udp6":
		family = "ip6"
	}
	lookup := d.Lookup
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNetIP
	}
	addrs, err := lookup(ctx, family, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// permitted returns the addresses that pass. The error, given when none does,
// is that of the first.
func permitted(addrs []netip.Addr) ([]netip.Addr, error) {
	var ok []netip.Addr
	var first error
	for _, a := range addrs {
		if err := Check(a); err == nil {
			ok = append(ok, a.Unmap())
		} else if first == nil {
			first = err
		}
	}
	if len(ok) == 0 {
		return nil, first
	}
	return ok, nil
}

// try dials one after the other and gives each a fair share of the time left,
// so that a silent address does not use it up.
func (d *Dialer) try(ctx context.Context, network string, addrs []netip.Addr, port uint16) (net.Conn, error) {
	dial := d.DialIP
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	var errs []error
	for i, a := range addrs {
		conn, err := dialWithin(ctx, dial, network, netip.AddrPortFrom(a, port).String(), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, errors.Join(errs...)
}

func dialWithin(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), network, address string, shares int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(deadline)/time.Duration(shares), 2*time.Second))
		defer cancel()
	}
	return dial(ctx, network, address)
}
