package transport

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
	"github.com/swarmload/swarm/sandbox/egress"
)

// Client holds the connections of one VU: no other VU ever uses them, as no two
// people share a browser.
//
// Its methods may be called from several goroutines (those of http.batch).
type Client struct {
	net *Network
	set *Settings
	tls *tlsconfig.VU

	mu      sync.Mutex
	idle    []*conn // free for reuse, most recently used last
	joints  []joint // shared connections
	opening []*opening
	old     []string // origins that TLS has led to HTTP/1.1
	alts    []alternative
	open    *conn  // list of all open connections, idle and in use
	epoch   uint64 // counts contexts; a late end of an earlier one is told by it
	ended   bool   // the context has ended: open nothing

	opened atomic.Uint32 // connections, so far

	vu     uint64          // which of the local addresses to send from; 0: any
	ctx    context.Context // watched; VU's goroutine only
	unwind func() bool
}

// NewClient returns a client without connections. Where there are several local
// addresses to send from, it uses the one for VU number vu, which counts from 1.
func NewClient(s *Settings, vu uint64) *Client {
	return &Client{net: s.net, set: s, tls: s.opt.TLS.ForVU(), vu: vu}
}

// Watch makes the end of ctx close the client's connections, so that a blocked
// read ends at once. One watch serves all requests under one context.
func (c *Client) Watch(ctx context.Context) {
	if ctx == c.ctx {
		return
	}
	if c.unwind != nil {
		c.unwind()
	}
	c.ctx = ctx
	c.mu.Lock()
	c.epoch++
	epoch := c.epoch
	c.ended = false
	c.mu.Unlock()
	c.unwind = context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.epoch != epoch {
			return
		}
		c.ended = true
		for cn := c.open; cn != nil; cn = cn.next {
			cn.wire.Conn.Close() // whoever uses it notices and takes it off the list
		}
		for _, cn := range c.idle {
			c.unlink(cn)
		}
		c.idle = nil
		c.endShared()
	})
}

// Unwatch lets the connections outlive the context: another one follows.
func (c *Client) Unwatch() {
	if c.unwind != nil {
		c.unwind()
		c.unwind, c.ctx = nil, nil
	}
}

// Reset closes the idle connections.
func (c *Client) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cn := range c.idle {
		c.unlink(cn)
		cn.wire.Conn.Close()
	}
	c.idle = nil
	c.resetShared()
}

// Close ends the client for good.
func (c *Client) Close() {
	if c.unwind != nil {
		c.unwind()
	}
	c.mu.Lock()
	c.endShared()
	c.mu.Unlock()
	c.Reset()
}

// reuse returns an idle connection to origin through px, or nil.
func (c *Client) reuse(origin string, px *proxy.Proxy) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.idle) - 1; i >= 0; i-- {
		cn := c.idle[i]
		if cn.proxy != px || cn.origin != origin {
			continue
		}
		c.idle = slices.Delete(c.idle, i, i+1)
		if life := c.set.opt.Lifetime; life > 0 && c.net.Clock()-cn.born >= life {
			c.unlink(cn)
			cn.wire.Conn.Close()
			continue
		}
		return cn
	}
	return nil
}

// release gives a connection back for reuse.
func (c *Client) release(cn *conn) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		c.discard(cn)
		return
	}
	var oldest *conn
	if len(c.idle) >= maxIdle {
		oldest = c.idle[0]
		c.idle = slices.Delete(c.idle, 0, 1)
	}
	c.idle = append(c.idle, cn)
	c.mu.Unlock()
	if oldest != nil {
		c.discard(oldest)
	}
}

// discard closes a connection that is not on the idle list. Closing only the
// wire spares the server a TLS goodbye nobody waits for.
func (c *Client) discard(cn *conn) {
	c.mu.Lock()
	c.unlink(cn)
	c.mu.Unlock()
	cn.wire.Conn.Close()
}

// unlink takes cn off the list of open connections; c.mu is held.
func (c *Client) unlink(cn *conn) {
	if cn.prev != nil {
		cn.prev.next = cn.next
	} else if c.open == cn {
		c.open = cn.next
	}
	if cn.next != nil {
		cn.next.prev = cn.prev
	}
	cn.prev, cn.next = nil, nil
}

// link puts cn on the list, unless the context has ended meanwhile.
func (c *Client) link(cn *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return false
	}
	cn.next = c.open
	if c.open != nil {
		c.open.prev = cn
	}
	c.open = cn
	return true
}

// proxy returns what q goes through, nil for nothing.
func (c *Client) proxy(q *Call) *proxy.Proxy {
	switch {
	case q.Direct || q.Target.network == "unix":
		return nil
	case q.Proxy != nil:
		return q.Proxy
	}
	return q.Target.proxy
}

// connect opens a connection for q through px, TLS included, by q's deadline,
// offering the protocols of alpn, and notes how long the steps took. What a
// proxy does is part of connecting.
//
// Lookup, dial and handshake take a deeper stack than a request, and a goroutine
// keeps the stack that it has needed once. So they have a goroutine of their own,
// which ends and gives it back. Whoever opens connections all the time needs the
// stack all the time, and goes without.
func (c *Client) connect(ctx context.Context, q *Call, px *proxy.Proxy, alpn []string, r *Reply) (cn *conn, fail *Failure) {
	if c.opened.Add(1) > maxAside {
		return c.establish(ctx, q, px, alpn, r)
	}
	var steps sync.WaitGroup
	steps.Go(func() { cn, fail = c.establish(ctx, q, px, alpn, r) })
	steps.Wait()
	return cn, fail
}

// establish does the work of connect.
func (c *Client) establish(ctx context.Context, q *Call, px *proxy.Proxy, alpn []string, r *Reply) (*conn, *Failure) {
	n, t := c.net, q.Target
	if n.CheckHost != nil {
		if err := n.CheckHost(t.SNI); err != nil {
			return nil, DialFailure(err, t.addr)
		}
	}
	dialCtx, cancel := context.WithDeadline(ctx, n.base.Add(q.Deadline))
	defer cancel()
	names := lookup{n: n}
	start := n.Clock()
	cn, err := c.dial(names.trace(dialCtx), t, px, r)
	now := n.Clock()
	r.Timings.LookingUp += names.took
	r.Timings.Connecting += now - start - names.took
	if err != nil {
		switch {
		case ctx.Err() != nil:
			return nil, FailInterrupted
		case px != nil:
			return nil, proxyFailure(err, px, t.addr)
		}
		return nil, DialFailure(err, t.addr)
	}
	cn.born, cn.origin, cn.proxy = now, t.Origin, px
	if !c.link(cn) {
		cn.wire.Conn.Close()
		return nil, FailInterrupted
	}
	if !t.secure {
		return cn, nil
	}
	tc := tls.Client(cn.Conn, c.tls.For(t.SNI, alpn))
	cn.arm(n.base, q.Deadline, 0)
	defer cn.endWith(ctx)()
	err = tc.Handshake()
	r.Timings.TLSHandshaking += n.Clock() - now
	if err != nil {
		r.count(cn.wire)
		c.discard(cn)
		return nil, handshakeFailure(err, t.SNI)
	}
	state := tc.ConnectionState()
	cn.peer.secured(&state)
	cn.alpn = state.NegotiatedProtocol
	cn.Conn = tc
	return cn, nil
}

// dial opens a connection to t, or has px do it.
func (c *Client) dial(ctx context.Context, t *Target, px *proxy.Proxy, r *Reply) (*conn, error) {
	n := c.net
	var w *wire
	open := func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.vu != 0 {
			ctx = egress.WithLocal(ctx, c.vu)
		}
		nc, err := n.Dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		w = newWire(nc, n.Clock)
		return w, nil
	}
	var nc net.Conn
	var err error
	if px == nil {
		nc, err = open(ctx, t.network, t.addr)
	} else {
		nc, err = c.dialThrough(ctx, open, t, px)
	}
	if err != nil {
		if w != nil {
			r.count(w) // what was said to a proxy
		}
		return nil, err
	}
	return &conn{Conn: nc, net: n, wire: w, peer: newPeer(w.Conn)}, nil
}

// dialThrough has px open a connection to t, unless t's requests go to px itself.
func (c *Client) dialThrough(ctx context.Context, open proxy.DialFunc, t *Target, px *proxy.Proxy) (net.Conn, error) {
	n, addr := c.net, t.addr
	if n.CheckHost != nil {
		if err := n.CheckHost(px.Host()); err != nil {
			return nil, err
		}
	}
	if n.Permit != nil {
		if err := n.Permit(ctx, addr); err != nil {
			return nil, err
		}
	}
	if px.Absolute() && !t.secure {
		return px.Dial(ctx, open, c.secure)
	}
	if !px.Resolves() && n.Resolve != nil {
		var err error
		if addr, err = n.Resolve(ctx, addr); err != nil {
			return nil, err
		}
	}
	return px.Connect(ctx, open, c.secure, addr)
}

// secure does the TLS handshake with a proxy.
func (c *Client) secure(ctx context.Context, nc net.Conn, host string) (net.Conn, error) {
	tc := tls.Client(nc, c.tls.For(host, nil))
	return tc, tc.HandshakeContext(ctx)
}

// lookup measures name resolution inside a dial, on the goroutine that dials.
type lookup struct {
	n     *Network
	start time.Duration
	took  time.Duration
}

func (l *lookup) trace(ctx context.Context) context.Context {
	return egress.WithTrace(ctx, &egress.Trace{
		Start: func() { l.start = l.n.Clock() },
		Done:  func() { l.took += l.n.Clock() - l.start },
	})
}

// Unhold lets h's connection carry other calls again.
func (c *Client) Unhold(h *Hold) {
	if h.cn != nil {
		c.release(h.cn)
		h.cn = nil
	}
}
