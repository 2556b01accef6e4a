package transport

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/proxy"
)

// version is how a call may be carried.
type version uint8

const (
	only1  version = iota // HTTP/1.1
	agreed                // HTTP/2 or HTTP/1.1, as TLS negotiates
	only2                 // HTTP/2
	only3                 // HTTP/3
)

// version returns how q is to be carried, by its own wish or the client's.
func (c *Client) version(q *Call) version {
	v := q.Version
	if v == "" {
		v = c.set.opt.Version
	}
	switch {
	case q.Hold != nil || v == "1.1":
		return only1
	case v == "2" || v == "h2c" && !q.Target.secure:
		return only2
	case v == "3":
		return only3
	case q.Target.secure:
		return agreed
	}
	return only1
}

// carrier is a connection that several calls share.
type carrier interface {
	// exchange carries out q, which may begin at start, and disposes of nothing
	// but its own part of the connection. stale: the connection is of no use, and
	// nothing was sent.
	exchange(ctx context.Context, q *Call, r *Reply, start time.Duration) outcome
	// usable reports whether the connection takes more calls. One that was opened
	// before born does not.
	usable(born time.Duration) bool
	// retire lets the calls that run end and takes no more. It reports whether
	// there are none, and the connection is to be closed.
	retire() (useless bool)
	// close ends the connection and every call on it.
	close()
}

// share tells what calls may share a connection.
type share struct {
	origin string
	proxy  *proxy.Proxy
	quic   bool
}

// joint is a connection that is shared, and by whom.
type joint struct {
	share
	carrier
}

// opening is a shared connection that is being opened; other calls wait for it.
type opening struct {
	share
	done chan struct{}
}

// doShared carries q out by HTTP/2 or HTTP/3. It reports false when q is to be
// carried by HTTP/1.1, over fresh when that is not nil.
//
// A call is sent again, once, under the conditions of Do, and also when the
// server says that it has done nothing about it (RFC 9113, 8.7).
func (c *Client) doShared(ctx context.Context, q *Call, px *proxy.Proxy, v version, r *Reply) (fresh *conn, handled bool) {
	resent := false
	for attempt := range maxAttempts {
		alternative := ""
		via := v
		if v == agreed && c.follows(q) {
			if alternative = c.alternative(q.Target.Origin); alternative != "" {
				via = only3
			}
		}
		k, cn, reused, fail := c.join(ctx, q, px, via, alternative, r)
		if fail != nil {
			if alternative != "" && fail != FailInterrupted && c.net.Clock() < q.Deadline {
				c.avoid(q.Target.Origin)
				continue
			}
			r.Fail = fail
			return nil, true
		}
		if k == nil {
			return cn, false
		}
		start := q.Start
		if !reused || attempt > 0 {
			start = c.net.Clock()
		}
		before := r.Sent
		o := k.exchange(ctx, q, r, start)
		if alternative != "" && r.Fail != nil && (r.Fail == FailTimeout || r.Fail.Code >= codeH3) {
			c.avoid(q.Target.Origin)
		}
		if c.set.opt.NoReuse || asksClose(q.Headers) {
			c.forget(k)
		}
		downgrade := v == agreed && r.Fail != nil && (r.Fail.Code == codeH2Stream+h2HTTP11Required || r.Fail.Code == codeH2GoAway+h2HTTP11Required)
		if o == done && !downgrade || o == resend && resent {
			return nil, true
		}
		if o == stale {
			c.forget(k)
		}
		if q.Alone && ctx.Err() != nil {
			r.again(false)
			r.Fail = FailInterrupted
			return nil, true
		}
		r.again(o != stale && (r.Sent > before || r.Written))
		if downgrade {
			c.forget(k)
			c.mu.Lock()
			c.old = append(c.old, q.Target.Origin)
			c.mu.Unlock()
			return nil, false
		}
		resent = resent || o == resend
	}
	r.Fail = failNoResponse
	return nil, true
}

// maxAttempts is how many connections a call tries that turn out to be dead
// before anything was sent.
const maxAttempts = 8

// join returns a connection for q: a shared one, reused or not, or one for
// HTTP/1.1 that was just opened (or none, and it is to be HTTP/1.1).
func (c *Client) join(ctx context.Context, q *Call, px *proxy.Proxy, v version, alternative string, r *Reply) (k carrier, cn *conn, reused bool, fail *Failure) {
	key := share{q.Target.Origin, px, v == only3}
	alone := c.set.opt.NoReuse
	waited := false
	c.mu.Lock()
	for !alone {
		if k := c.shared(key); k != nil {
			c.mu.Unlock()
			return k, nil, !waited, nil
		}
		if v == agreed && slices.Contains(c.old, q.Target.Origin) {
			c.mu.Unlock()
			return nil, nil, false, nil
		}
		i := slices.IndexFunc(c.opening, func(o *opening) bool { return o.share == key })
		if i < 0 {
			break
		}
		done := c.opening[i].done
		c.mu.Unlock()
		waited = true
		if fail := c.await(ctx, done, q.Deadline); fail != nil {
			return nil, nil, false, fail
		}
		c.mu.Lock()
	}
	o := &opening{share: key}
	if !alone {
		o.done = make(chan struct{})
		c.opening = append(c.opening, o)
	}
	c.mu.Unlock()
	k, cn, fail = c.openShared(ctx, q, px, v, alternative, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !alone {
		c.opening = slices.DeleteFunc(c.opening, func(other *opening) bool { return other == o })
		close(o.done)
	}
	switch {
	case cn != nil && !slices.Contains(c.old, q.Target.Origin):
		c.old = append(c.old, q.Target.Origin)
	case k != nil && c.ended:
		go k.close() // which may wait for goroutines of its own
		return nil, nil, false, FailInterrupted
	case k != nil && !alone:
		c.joints = append(c.joints, joint{key, k})
		if len(c.joints) > maxIdle {
			c.leaveOut(0)
		}
	}
	return k, cn, false, fail
}

// await waits for done.
func (c *Client) await(ctx context.Context, done <-chan struct{}, deadline time.Duration) *Failure {
	timer := time.NewTimer(deadline - c.net.Clock())
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return FailInterrupted
	case <-timer.C:
		return FailTimeout
	}
}

// openShared opens a connection for q, to another address if alternative is one.
func (c *Client) openShared(ctx context.Context, q *Call, px *proxy.Proxy, v version, alternative string, r *Reply) (carrier, *conn, *Failure) {
	if v == only3 {
		switch {
		case !q.Target.secure:
			return nil, nil, failNoH3
		case px != nil || q.Target.network == "unix":
			return nil, nil, failH3Proxy
		case c.net.DialPacket == nil:
			return nil, nil, failH3Absent
		case !c.set.opt.TLS.QUIC():
			return nil, nil, failH3TLS
		}
		addr, deadline := q.Target.addr, q.Deadline
		if alternative != "" {
			addr, deadline = alternative, min(deadline, c.net.Clock()+altConnect)
		}
		k, fail := c.dialQUIC(ctx, q, addr, deadline, r)
		if fail != nil {
			return nil, nil, fail
		}
		return k, nil, nil
	}
	var alpn []string
	switch {
	case v == agreed:
		alpn = []string{"h2", "http/1.1"}
	case q.Target.secure:
		alpn = []string{"h2"}
	case px != nil && px.Absolute():
		return nil, nil, failH2Proxy
	}
	cn, fail := c.connect(ctx, q, px, alpn, r)
	if fail != nil {
		if v == only2 && fail.Code == codeTLS && strings.Contains(fail.Text, "no application protocol") {
			fail = failNoH2
		}
		return nil, nil, fail
	}
	if q.Target.secure && cn.alpn != "h2" {
		if v == agreed {
			return nil, cn, nil
		}
		r.count(cn.wire)
		c.discard(cn)
		return nil, nil, failNoH2
	}
	return newMux(c, cn), nil, nil
}

// shared returns a connection that takes calls of key; c.mu is held.
func (c *Client) shared(key share) carrier {
	born := time.Duration(0)
	if life := c.set.opt.Lifetime; life > 0 {
		born = c.net.Clock() - life
	}
	for i := len(c.joints) - 1; i >= 0; i-- {
		j := &c.joints[i]
		if j.share != key {
			continue
		}
		if j.usable(born) {
			return j.carrier
		}
		c.leaveOut(i)
	}
	return nil
}

// leaveOut takes no more calls on joint i; c.mu is held.
func (c *Client) leaveOut(i int) {
	k := c.joints[i].carrier
	c.joints = slices.Delete(c.joints, i, i+1)
	if k.retire() {
		c.end(k)
	}
}

// forget takes no more calls on k.
func (c *Client) forget(k carrier) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.joints = slices.DeleteFunc(c.joints, func(j joint) bool { return j.carrier == k })
	if k.retire() {
		c.end(k)
	}
}

// drop closes k, which has no calls any more.
func (c *Client) drop(k carrier) {
	c.mu.Lock()
	c.joints = slices.DeleteFunc(c.joints, func(j joint) bool { return j.carrier == k })
	c.end(k)
	c.mu.Unlock()
}

// end closes k; c.mu is held.
func (c *Client) end(k carrier) {
	if m, ok := k.(*mux); ok {
		c.unlink(m.cn)
	}
	k.close()
}

// resetShared takes no more calls on the shared connections; c.mu is held.
func (c *Client) resetShared() {
	for len(c.joints) > 0 {
		c.leaveOut(len(c.joints) - 1)
	}
	c.old = nil
}

// endShared ends all shared connections, with their calls; c.mu is held.
func (c *Client) endShared() {
	for _, j := range c.joints {
		c.end(j.carrier)
	}
	c.joints = nil
}

func (m *mux) usable(born time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open() && m.cn.born >= born
}

func (m *mux) retire() (useless bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.retired = true
	return m.useless()
}

var failH2Proxy = &Failure{Code: codeH2, Text: "HTTP/2 without TLS does not go through an HTTP proxy"}
