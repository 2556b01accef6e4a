package http

import (
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"
)

// conn is one connection of one VU. It holds no buffers: those belong to the
// request that uses it. Only the goroutine that acquired it may use it; close
// alone may be called from elsewhere.
type conn struct {
	net.Conn // what requests are written to and responses read from: wire, or TLS over it
	wire     *wire
	origin   string
	peer     *peer
	deadline time.Duration // in force, on the program's clock; 0: none
	used     bool          // has carried a request

	prev, next *conn // the client's list of open connections
}

// peer is what a response tells about the other side. Immutable.
type peer struct {
	ip         string
	port       int
	tlsVersion string // "tls1.3"
	tlsCipher  string // "TLS_AES_128_GCM_SHA256"
}

// wire counts the bytes that cross the network, TLS included, and remembers why
// reading from it failed.
type wire struct {
	net.Conn
	in, out int64
	err     error // last error of Read
	hold    bool  // Read takes nothing from the network

	raw   syscall.RawConn
	probe func(fd uintptr) bool
	quiet bool // result of probe
}

func newWire(nc net.Conn) *wire {
	w := &wire{Conn: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			w.raw = raw
			w.probe = w.peek
		}
	}
	return w
}

func (w *wire) Read(p []byte) (int, error) {
	if w.hold {
		return 0, errHeld
	}
	n, err := w.Conn.Read(p)
	w.in += int64(n)
	if err != nil {
		w.err = err
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.out += int64(n)
	return n, err
}

// errHeld is what a held wire answers. TLS forgets it, as it does any timeout.
var errHeld net.Error = held{}

type held struct{}

func (held) Error() string   { return "read held back" }
func (held) Timeout() bool   { return true }
func (held) Temporary() bool { return true }

// drained reports whether the TLS layer holds no bytes that came after the
// response; they would be taken for the beginning of the next one.
func (c *conn) drained() bool {
	if c.Conn == net.Conn(c.wire) {
		return true
	}
	var b [1]byte
	c.wire.hold = true
	n, err := c.Conn.Read(b[:])
	c.wire.hold = false
	return n == 0 && errors.Is(err, errHeld)
}

// taken returns the bytes counted since the last call.
func (w *wire) taken() (in, out int64) {
	in, out = w.in, w.out
	w.in, w.out = 0, 0
	return in, out
}

// idle reports whether the connection is still open and has nothing to say. A
// server that closed it, or sent bytes nobody asked for, is found out before a
// request is wasted on it or a left-over is taken for its response.
func (w *wire) idle() bool {
	if w.raw == nil {
		return true
	}
	w.quiet = false
	err := w.raw.Read(w.probe)
	return err == nil && w.quiet
}

// peek looks for readable bytes without taking or waiting for any.
func (w *wire) peek(fd uintptr) bool {
	w.quiet = nothingToRead(fd)
	return true
}

// arm makes I/O on the connection fail at deadline, or up to slack later.
func (c *conn) arm(base time.Time, deadline, slack time.Duration) {
	if c.deadline >= deadline && c.deadline <= deadline+slack {
		return
	}
	c.deadline = deadline + slack
	c.wire.SetDeadline(base.Add(c.deadline)) // fails only on a closed connection, as the next write will
}

func newPeer(nc net.Conn) *peer {
	p := &peer{}
	if addr := nc.RemoteAddr(); addr != nil {
		host, port, err := net.SplitHostPort(addr.String())
		if err == nil {
			p.ip = host
			p.port, _ = strconv.Atoi(port)
		}
	}
	return p
}

func tlsVersionName(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "tls1.0"
	case tls.VersionTLS11:
		return "tls1.1"
	case tls.VersionTLS12:
		return "tls1.2"
	case tls.VersionTLS13:
		return "tls1.3"
	}
	return ""
}
