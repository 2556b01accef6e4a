package http

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// client holds the connections and cookies of one VU: no other VU ever uses
// them, as no two people share a browser.
//
// Its methods may be called from several goroutines (those of http.batch).
type client struct {
	p *program

	mu    sync.Mutex
	idle  []*conn // free for reuse, most recently used last
	open  *conn   // list of all open connections, idle and in use
	epoch uint64  // counts contexts; a late end of an earlier one is told by it
	ended bool    // the context has ended: open nothing

	ctx    context.Context // watched; VU's goroutine only
	unwind func() bool

	jar jar // the VU's cookies
}

func newClient(p *program) *client { return &client{p: p} }

// watch makes the end of ctx close the client's connections, so that a blocked
// read ends at once. One watch serves all requests under one context.
func (c *client) watch(ctx context.Context) {
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
	})
}

// unwatch lets the connections outlive the context: another one follows.
func (c *client) unwatch() {
	if c.unwind != nil {
		c.unwind()
		c.unwind, c.ctx = nil, nil
	}
}

// reset closes the idle connections.
func (c *client) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cn := range c.idle {
		c.unlink(cn)
		cn.wire.Conn.Close()
	}
	c.idle = nil
}

// close ends the client for good.
func (c *client) close() {
	if c.unwind != nil {
		c.unwind()
	}
	c.reset()
}

// reuse returns an idle connection to origin, or nil.
func (c *client) reuse(origin string) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.idle) - 1; i >= 0; i-- {
		cn := c.idle[i]
		if cn.origin != origin {
			continue
		}
		c.idle = slices.Delete(c.idle, i, i+1)
		return cn
	}
	return nil
}

// release gives a connection back for reuse.
func (c *client) release(cn *conn) {
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
func (c *client) discard(cn *conn) {
	c.mu.Lock()
	c.unlink(cn)
	c.mu.Unlock()
	cn.wire.Conn.Close()
}

// unlink takes cn off the list of open connections; c.mu is held.
func (c *client) unlink(cn *conn) {
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
func (c *client) link(cn *conn) bool {
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

// connect opens a connection to t, TLS included, by deadline, and notes how
// long the steps took.
func (c *client) connect(ctx context.Context, t *target, deadline time.Duration, tm *timings) (*conn, *failure) {
	p := c.p
	var lookup lookupTimer
	dialCtx, cancel := context.WithDeadline(ctx, p.base.Add(deadline))
	defer cancel()
	start := p.clock()
	nc, err := p.host.Dial(lookup.trace(dialCtx, p), "tcp", t.addr)
	now := p.clock()
	tm.lookingUp += lookup.took()
	tm.connecting += now - start - lookup.took()
	if err != nil {
		if ctx.Err() != nil {
			return nil, failInterrupted
		}
		return nil, dialFailure(err, t.addr)
	}
	w := newWire(nc, p.clock)
	cn := &conn{Conn: w, wire: w, origin: t.origin, peer: newPeer(nc)}
	if !c.link(cn) {
		nc.Close()
		return nil, failInterrupted
	}
	if !t.secure {
		return cn, nil
	}
	cfg := p.tls.Clone()
	cfg.ServerName = t.sni
	tc := tls.Client(w, cfg)
	cn.arm(p.base, deadline, 0)
	err = tc.Handshake()
	tm.tlsHandshaking += p.clock() - now
	if err != nil {
		c.discard(cn)
		return nil, handshakeFailure(err, t.sni)
	}
	state := tc.ConnectionState()
	cn.peer.tlsVersion = tlsVersionName(state.Version)
	cn.peer.tlsCipher = tls.CipherSuiteName(state.CipherSuite)
	cn.Conn = tc
	return cn, nil
}

// lookupTimer measures name resolution inside a dial.
type lookupTimer struct {
	mu          sync.Mutex // a dial that is given up may still report
	start, done time.Duration
}

func (l *lookupTimer) trace(ctx context.Context, p *program) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.start = p.clock()
		},
		DNSDone: func(httptrace.DNSDoneInfo) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.done = p.clock()
		},
	})
}

func (l *lookupTimer) took() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done <= l.start {
		return 0
	}
	return l.done - l.start
}
