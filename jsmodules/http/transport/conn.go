package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
)

// conn is one connection of one VU. It holds no buffers: those belong to the
// request that uses it. Only the goroutine that acquired it may use it; close
// alone may be called from elsewhere.
type conn struct {
	net.Conn // what requests are written to and responses read from: wire, or TLS over it
	net      *Network
	wire     *wire
	born     time.Duration // on the Network's clock
	origin   string
	proxy    *proxy.Proxy // what it goes through; nil: nothing
	peer     *Peer
	alpn     string        // the protocol that TLS chose; "": none
	deadline time.Duration // in force, on the program's clock; 0: none

	prev, next *conn // the client's list of open connections
}

// Peer is what a response tells about the other side. Immutable.
type Peer struct {
	IP         string
	Port       int
	TLSVersion string          // "tls1.3"
	TLSCipher  string          // "TLS_AES_128_GCM_SHA256"
	OCSP       *tlsconfig.OCSP // that the server sent along; nil: none
}

// wire counts the bytes that cross the network, TLS included, and remembers why
// reading from it failed.
type wire struct {
	net.Conn
	in, out atomic.Int64 // with HTTP/2, reading and writing are not one goroutine's
	err     error        // last error of Read
	busy    bool         // Read was called, or what it gave took time to decode; cleared by whoever wants to know
	hold    bool         // Read takes nothing from the network
	surplus [1]byte      // of drained; here, lest it is allocated each time
	ready   bool         // Read takes only what is there already

	clock   func() time.Duration
	asker   *asker  // nil when the connection is no socket
	catch   *[]byte // takes what is written instead of the network; nil: nothing does
	request []byte  // to be sent by the next Read
	used    bool    // has carried a request before
	answer  answer  // of the last request sent by Read
}

func newWire(nc net.Conn, clock func() time.Duration) *wire {
	return &wire{Conn: nc, clock: clock, asker: newAsker(nc, clock)}
}

func (w *wire) Read(p []byte) (int, error) {
	if w.hold {
		return 0, errHeld
	}
	w.busy = true
	if w.request != nil {
		return w.ask(p)
	}
	if w.ready && w.asker != nil {
		n, err := w.asker.now(p)
		w.in.Add(int64(n))
		return n, err
	}
	n, err := w.Conn.Read(p)
	w.in.Add(int64(n))
	if err != nil {
		w.err = err
	}
	return n, err
}

// errStale says that a connection kept alive had something to say before it was
// asked; nothing has been sent.
var errStale = errors.New("stale connection")

// ask sends the request and reads what comes first.
func (w *wire) ask(p []byte) (int, error) {
	request := w.request
	w.request = nil
	a := w.asker.ask(request, p, w.used)
	if a.sendErr == nil && a.written < len(request) && !a.stale && a.readErr == nil && a.n == 0 {
		// The socket is full. The rest goes the usual way, which can wait.
		var n int
		n, a.sendErr = w.Conn.Write(request[a.written:])
		a.written += n
		a.sentAt = w.clock()
		a.n, a.readErr = w.Conn.Read(p)
	}
	w.answer = a
	if a.stale {
		return 0, errStale
	}
	w.out.Add(int64(a.written))
	w.in.Add(int64(a.n))
	if a.readErr != nil {
		w.err = a.readErr
	}
	return a.n, a.readErr
}

func (w *wire) Write(p []byte) (int, error) {
	if w.catch != nil {
		*w.catch = append(*w.catch, p...)
		return len(p), nil
	}
	n, err := w.Conn.Write(p)
	w.out.Add(int64(n))
	return n, err
}

// errHeld is what a held wire answers. TLS forgets it, as it does any timeout.
var errHeld net.Error = held{}

type held struct{}

func (held) Error() string   { return "read held back" }
func (held) Timeout() bool   { return true }
func (held) Temporary() bool { return true }

// direct reports whether nothing lies over the wire: no TLS, and no bytes that
// a proxy sent ahead.
func (c *conn) direct() bool { return c.Conn == net.Conn(c.wire) }

// drained reports whether the layers over the wire hold no bytes that came after the
// response; they would be taken for the beginning of the next one.
func (c *conn) drained() bool {
	if c.direct() {
		return true
	}
	c.wire.hold = true
	n, err := c.Conn.Read(c.wire.surplus[:])
	c.wire.hold = false
	return n == 0 && errors.Is(err, errHeld)
}

// taken returns the bytes counted since the last call.
func (w *wire) taken() (in, out int64) {
	return w.in.Swap(0), w.out.Swap(0)
}

// count adds the bytes of a connection that came to nothing.
func (r *Reply) count(w interface{ taken() (in, out int64) }) {
	in, out := w.taken()
	r.Received += in
	r.Sent += out
}

// arm makes I/O on the connection fail at deadline, or up to slack later.
func (c *conn) arm(base time.Time, deadline, slack time.Duration) {
	if c.deadline >= deadline && c.deadline <= deadline+slack {
		return
	}
	c.deadline = deadline + slack
	c.wire.SetDeadline(base.Add(c.deadline)) // fails only on a closed connection, as the next write will
}

// endWith closes the connection when ctx ends. spared ends that, once, and
// reports whether the connection was left alone; later calls do nothing.
func (c *conn) endWith(ctx context.Context) (spared func() bool) {
	return context.AfterFunc(ctx, func() { c.wire.Conn.Close() })
}

func always() bool { return true }

func newPeer(nc net.Conn) *Peer {
	p := &Peer{}
	if addr := nc.RemoteAddr(); addr != nil {
		host, port, err := net.SplitHostPort(addr.String())
		if err == nil {
			p.IP = host
			p.Port, _ = strconv.Atoi(port)
		}
	}
	return p
}

// secured notes what was agreed on in a TLS handshake.
func (p *Peer) secured(state *tls.ConnectionState) {
	p.TLSVersion = tlsconfig.Name(state.Version)
	p.TLSCipher = tlsconfig.CipherName(state.CipherSuite)
	if len(state.OCSPResponse) > 0 {
		status := tlsconfig.Staple(state)
		p.OCSP = &status
	}
}
