package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// DialFunc opens a connection to address, "host:port".
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// SecureFunc does the TLS handshake of a client with host over conn. It must
// obey ctx. On failure the caller closes conn.
type SecureFunc func(ctx context.Context, conn net.Conn, host string) (net.Conn, error)

// Dial connects to the proxy itself, with TLS where it has an https URL: the way
// of plain http:// requests where [Proxy.Absolute]. See [Proxy.Connect].
func (p *Proxy) Dial(ctx context.Context, dial DialFunc, secure SecureFunc) (net.Conn, error) {
	return p.open(ctx, dial, secure, func(conn net.Conn) (net.Conn, error) { return conn, nil })
}

// Connect opens a connection to target, "host:port", through the proxy: it
// dials the proxy, does TLS with it where it has an https URL, and asks it for
// the connection. Host is a name in ASCII or a literal address; unless
// [Proxy.Resolves] only the latter. Whether the target may be reached at all is
// for the caller to check first.
//
// The connection returned is the one that dial, or secure, gave. Only where the
// target's first bytes came together with the proxy's answer it is another, which
// gives these bytes first and has a method NetConn that returns the one beneath.
// No deadline is left on it.
//
// When ctx ends the connection is closed and the error wraps that of ctx. Every
// error is an *[Error].
func (p *Proxy) Connect(ctx context.Context, dial DialFunc, secure SecureFunc, target string) (net.Conn, error) {
	to, err := p.parseTarget(target)
	if err != nil {
		return nil, p.wrap("connect", err)
	}
	return p.open(ctx, dial, secure, func(conn net.Conn) (net.Conn, error) {
		if p.socks() {
			return conn, p.negotiate(conn, to)
		}
		return tunnel(conn, to.String(), p.Authorization())
	})
}

// open dials the proxy and has ask talk to it, under the context.
func (p *Proxy) open(ctx context.Context, dial DialFunc, secure SecureFunc, ask func(net.Conn) (net.Conn, error)) (net.Conn, error) {
	raw, err := dial(ctx, "tcp", p.address)
	if err != nil {
		return nil, p.wrap("dial", err)
	}
	stop := watch(ctx, raw)
	conn, op := raw, "connect"
	if p.Secure() {
		if conn, err = secure(ctx, raw, p.host); err == nil {
			err = ctx.Err() // secure may have cleared the deadline that watch set
		}
		if err != nil {
			op = "secure"
		}
	}
	if err == nil {
		conn, err = ask(conn)
	}
	if ended := stop(); ended != nil {
		err = ended
	}
	if err != nil {
		// The raw one: TLS would first say goodbye, to somebody who may not listen.
		_ = raw.Close()
		return nil, p.wrap(op, err)
	}
	return conn, nil
}

func (p *Proxy) wrap(op string, err error) error {
	return &Error{Address: p.address, Op: op, Err: err}
}

// watch ends all reads and writes of conn when ctx ends. The function returned
// ends the watch, and says why ctx ended if it did before.
func watch(ctx context.Context, conn net.Conn) func() error {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetDeadline(time.Unix(1, 0))
	})
	return func() error {
		if stop() {
			return nil
		}
		<-done
		return ctx.Err()
	}
}

// target is a host and port; addr is valid where the host is a literal address.
type target struct {
	name string
	addr netip.Addr
	port uint16
}

func (t target) String() string {
	host := t.name
	if t.addr.IsValid() {
		host = t.addr.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(t.port)))
}

func (p *Proxy) parseTarget(s string) (target, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return target{}, ErrTarget
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return target{}, fmt.Errorf("%w: the port is not a number from 1 to 65535", ErrTarget)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" {
			return target{}, fmt.Errorf("%w: an address with a zone means nothing to a proxy", ErrTarget)
		}
		return target{addr: addr.Unmap(), port: uint16(n)}, nil
	}
	switch {
	case !validName(host):
		return target{}, fmt.Errorf("%w: the host is not a name in ASCII or an address", ErrTarget)
	case !p.Resolves():
		return target{}, fmt.Errorf("%w: through socks5 names are resolved before (socks5h leaves it to the proxy)", ErrTarget)
	}
	return target{name: host, port: uint16(n)}, nil
}

// validName reports whether a name can stand in a request: nothing in it can be
// taken for anything else.
func validName(name string) bool {
	if name == "" || len(name) > 255 {
		return false
	}
	for _, b := range []byte(name) {
		letter := 'a' <= b|0x20 && b|0x20 <= 'z'
		if !letter && (b < '0' || b > '9') && b != '-' && b != '.' && b != '_' {
			return false
		}
	}
	return true
}

// closed replaces the two errors of an early end.
func closed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrClosed
	}
	return err
}
