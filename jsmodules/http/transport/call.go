package transport

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"strconv"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/valyala/fasthttp"
)

// Call is one request as it goes over the wire. A chain of redirects is several.
// It belongs to whoever calls [Client.Do]; nothing in it is changed.
type Call struct {
	Method  string
	Target  *Target  // nil: the URL is not valid, there is nothing to send
	Invalid string   // that URL, without credentials
	Host    string   // overrides the Host header; "" does not
	Headers []Header // validated, canonical names; no Host, no Content-Length, no Cookie
	Cookie  string   // value of the Cookie header
	Body    string
	Source  Source // instead of Body, when it is not nil
	Discard bool   // read the response body, but do not keep it
	// Stream leaves the response body to be read from Reply.Stream. The call has
	// then ended when the header was there; Deadline holds for the header alone.
	Stream bool
	// Version is the protocol for this call, see Options; "" is that of the client.
	Version string
	// Alone means that the context of Do is the call's own, not that of Watch: its
	// end ends this call and closes its connection, and no other.
	Alone bool
	// Proxy is what the call goes through; nil: that of the client.
	Proxy *proxy.Proxy
	// Direct has the call go through no proxy.
	Direct bool
	// Hold pins the call to a connection of its own; nil: any that is free.
	Hold *Hold

	// Times on the clock of the Network.
	Queued   time.Duration // when the script asked for it
	Start    time.Duration // when it could begin
	Deadline time.Duration // when it must have ended
	Slack    time.Duration // how much later than Deadline it may end
}

// Header is one field of a request's header.
type Header struct{ Name, Value string }

// Source is a request body that is made while it is sent. Safe for concurrent
// use; it may be read several times, also at once.
type Source interface {
	Size() int64       // bytes; -1: not known, sent in chunks
	Reader() io.Reader // from the beginning; an io.Closer is closed
}

// Hold keeps the connection of one call for the next, for protocols that log in
// a connection, not a request (NTLM). For one call at a time. It must be given
// back with [Client.Unhold].
type Hold struct{ cn *conn }

// Stream is a response body that is read as it arrives. It must be closed. For
// one goroutine, but Close and SetReadDeadline may be called from any.
type Stream interface {
	io.ReadCloser
	// SetReadDeadline makes reads fail after t, on the Network's clock; 0: never.
	SetReadDeadline(t time.Duration)
	// Taken returns the bytes counted on the wire since the last call, and so
	// after those in the Reply.
	Taken() (in, out int64)
	// Failure says in the terms of replies what a Read returned as err.
	Failure(err error) *Failure
}

// Timings are the phases of a call. With HTTP/1.1 Receiving is 0 when the whole
// response came at once, and not compressed. Of a call that was sent again,
// Waiting includes the time of the attempts before, and the phases of connecting
// are those of all.
type Timings struct {
	Blocked, LookingUp, Connecting, TLSHandshaking, Sending, Waiting, Receiving time.Duration
}

// Duration is how long the exchange took: sending + waiting + receiving.
func (t *Timings) Duration() time.Duration { return t.Sending + t.Waiting + t.Receiving }

// Reply is what came of a call. When Fail is set and Status is 0 there is no
// response; with CodeSurplus there is one.
type Reply struct {
	Status    int
	Proto     string // "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"
	Raw       []byte // status line and headers as in HTTP/1.1, names canonical; then, in the same allocation, the body if it was kept as it came
	HeadLen   int    // bytes of Raw before the body
	Body      []byte // decompressed
	Stream    Stream // of a call that asked for one, when there is a response
	Peer      *Peer  // nil: no connection was made
	Timings   Timings
	Fail      *Failure
	Sent      int64    // bytes on the wire, all attempts; TLS and framing included
	Received  int64    // the same
	SetCookie []string // values of Set-Cookie
	Location  string   // of a 3xx response
	Challenge []string // values of WWW-Authenticate of a 401
	Begun     bool     // some of the request was sent, by any attempt: the target may know of it
	Written   bool     // the whole request was sent
	Resent    bool     // it was sent before, over a connection that ended without an answer
	Cut       int      // the status of a response that was given up while it came, and Status is 0
	Dropped   bool     // the body was read but not kept

	streamed bool // Stream was made, and has the connection
}

// scratch is what a call needs while it runs; pooled.
type scratch struct {
	br    *bufio.Reader
	head  fasthttp.ResponseHeader
	marks marks  // of head
	out   []byte // the request
	tls   []byte // the same as TLS makes it
}

func newScratch() *scratch {
	s := &scratch{br: bufio.NewReaderSize(nil, readBuffer), out: make([]byte, 0, 512)}
	s.head.SetNoDefaultContentType(true)
	return s
}

func (n *Network) acquire() *scratch { return n.scratch.Get().(*scratch) }

func (n *Network) release(s *scratch) {
	s.br.Reset(nil)
	if cap(s.out) > 2*inlineBody {
		s.out = make([]byte, 0, 512)
	}
	if cap(s.tls) > 2*inlineBody {
		s.tls = nil
	}
	n.scratch.Put(s)
}

// Do sends q and reads the response.
//
// A connection kept alive may have been closed by the server at the very moment
// the request was sent. When it ends without one byte of response, the request
// is sent again, once and on a new connection, if RFC 9110 (9.2.2) allows it: its
// method is idempotent, or none of it had been written. The script sees one
// request; the bytes of both attempts are counted, the first attempt's time is
// part of Waiting, for the target is what took it, and http_req_retries counts
// the request if the target may have received the first attempt too.
func (c *Client) Do(ctx context.Context, q *Call, r *Reply) {
	px := c.proxy(q)
	var fresh *conn
	if v := c.version(q); v != only1 {
		if v == agreed && c.follows(q) {
			defer c.learn(q, r)
		}
		var handled bool
		if fresh, handled = c.doShared(ctx, q, px, v, r); handled {
			return
		}
	}
	s := c.net.acquire()
	s.out = c.set.appendRequest(s.out[:0], q, px)
	if held := q.Hold.take(); held != nil {
		r.Timings.Blocked = q.Start - q.Queued
		if c.converse(ctx, held, q, s, r, q.Start) == stale {
			r.Fail = failNoResponse
		}
		c.done(s, r)
		return
	}
	if !c.set.opt.NoReuse && fresh == nil {
		for cn := c.reuse(q.Target.Origin, px); cn != nil; cn = c.reuse(q.Target.Origin, px) {
			// Taking a connection from the list costs less than reading the clock.
			start := q.Start
			if r.Begun { // and not by HTTP/1.1
				start = c.net.Clock()
			}
			r.blocked(q, start)
			before := r.Sent
			outcome := c.converse(ctx, cn, q, s, r, start)
			if outcome == done {
				c.done(s, r)
				return
			}
			r.again(outcome == resend && r.Sent > before)
			if q.Alone && ctx.Err() != nil {
				r.Fail = FailInterrupted
				c.done(s, r)
				return
			}
			if outcome == resend {
				break
			}
		}
	}
	cn := fresh
	if cn == nil {
		cn, r.Fail = c.connect(ctx, q, px, nil, r)
	}
	if cn != nil {
		start := c.net.Clock()
		r.blocked(q, start)
		c.converse(ctx, cn, q, s, r, start)
	}
	c.done(s, r)
}

// again makes r ready for another attempt at the call, keeping what counts of
// those before. resent tells that the target may have received the last one.
func (r *Reply) again(resent bool) {
	t := r.Timings
	*r = Reply{Sent: r.Sent, Received: r.Received, Begun: r.Begun, Resent: r.Resent || resent, Timings: Timings{
		LookingUp: t.LookingUp, Connecting: t.Connecting, TLSHandshaking: t.TLSHandshaking, Waiting: t.Duration(),
	}}
}

// blocked notes what came before an attempt that begins at start and is of no
// other phase.
func (r *Reply) blocked(q *Call, start time.Duration) {
	t := &r.Timings
	t.Blocked = start - q.Queued - t.LookingUp - t.Connecting - t.TLSHandshaking - t.Waiting
}

// done gives s back, unless the stream of r needs it still.
func (c *Client) done(s *scratch, r *Reply) {
	if !r.streamed {
		c.net.release(s)
	}
}

// take returns the connection kept, if any.
func (h *Hold) take() *conn {
	if h == nil {
		return nil
	}
	cn := h.cn
	h.cn = nil
	return cn
}

// outcome says what is to follow an attempt to carry out a call.
type outcome uint8

const (
	done   outcome = iota // r says what came of it
	stale                 // the connection was dead before anything was sent: take the next
	resend                // it died without an answer: send again, on a new connection
)

// converse sends the request in s.out over cn, reads the response into r and
// disposes of cn.
func (c *Client) converse(ctx context.Context, cn *conn, q *Call, s *scratch, r *Reply, start time.Duration) outcome {
	w := cn.wire
	used, before := w.used, w.out.Load()
	r.Peer = cn.peer
	spared := always
	if q.Alone {
		spared = cn.endWith(ctx)
		defer spared()
	}
	cn.arm(c.net.base, q.Deadline, q.Slack)
	s.br.Reset(cn.Conn)
	var sent time.Duration
	var sendErr, readErr error
	var up *upload
	if request := cn.toAsk(s, q); request != nil {
		w.request = request
		_, readErr = s.br.Peek(1)
		if w.request != nil || w.answer.stale { // TLS did not get to reading, or too much to read
			w.request = nil
			c.discard(cn)
			return stale
		}
		sent, sendErr = w.answer.sentAt, w.answer.sendErr
		r.Written = w.answer.written == len(request)
	} else {
		if used && w.asker != nil && !w.asker.quiet() {
			c.discard(cn)
			return stale
		}
		if q.inline() {
			_, sendErr = cn.Write(s.out)
			sent = c.net.Clock()
			r.Written = sendErr == nil
			// A server may answer and close before it has read the whole
			// request: whatever error sending gave, look for a response.
			_, readErr = s.br.Peek(1)
		} else {
			up = c.upload(cn, s.out, q)
			_, readErr = s.br.Peek(1)
		}
	}
	w.used = true
	first := c.net.Clock()
	if up != nil {
		sent = up.ended(first)
	}
	if sent < start { // the server spoke before it was asked
		sent = first
	}
	r.Timings.Sending = sent - start
	r.Timings.Waiting += first - sent

	if readErr == nil {
		w.busy = false
		r.Fail = r.read(s, cn, q)
		if w.busy {
			r.Timings.Receiving = c.net.Clock() - first
		}
	}
	if up != nil {
		// What the server has not taken by now it does not want.
		r.Written, sendErr = up.finish(readErr == nil && r.Fail == nil)
	}
	keep := false
	switch {
	case readErr == nil && (r.Fail == nil || r.Fail == failSurplus):
		keep = r.Fail == nil && r.Written && !r.streamed && c.keep(s, q, r) && cn.drained() && spared()
	case sendErr != nil:
		r.Fail = IOFailure(sendErr)
	case readErr == io.EOF:
		r.Fail = failNoResponse
	case readErr != nil:
		r.Fail = IOFailure(readErr)
	}
	unsent := w.out.Load() == before
	r.Begun = r.Begun || !unsent
	in, out := w.taken()
	r.Received += in
	r.Sent += out
	switch {
	case r.streamed && r.Fail == nil:
		// From here the connection and s are the stream's.
		r.Stream.(*bodyStream).adopt(c, r.Written && c.keep(s, q, r))
		return done
	case keep && q.Hold != nil:
		q.Hold.cn = cn
	case keep:
		c.release(cn)
	default:
		c.discard(cn)
	}
	if r.Fail != nil && r.Fail != failSurplus {
		r.Cut, r.Status = r.Status, 0
	}
	if used && readErr != nil && closed(r.Fail) && (unsent || idempotent(q.Method)) {
		return resend
	}
	return done
}

// toAsk returns the bytes of the request if it can be sent by what reads the
// response, nil if it cannot.
//
// Over TLS only a connection used before can do that: on a new one the server may
// send session tickets, and the first bytes that arrive are not the answer.
func (cn *conn) toAsk(s *scratch, q *Call) []byte {
	if cn.wire.asker == nil || !q.inline() {
		return nil
	}
	if cn.direct() {
		return s.out
	}
	if _, ok := cn.Conn.(*tls.Conn); !ok || !cn.wire.used {
		return nil
	}
	s.tls = s.tls[:0]
	cn.wire.catch = &s.tls
	_, err := cn.Write(s.out)
	cn.wire.catch = nil
	if err != nil {
		return nil // nothing was sent, and nothing will be
	}
	return s.tls
}

// keep reports whether the connection may carry another request, once the body
// was read.
func (c *Client) keep(s *scratch, q *Call, r *Reply) bool {
	return !c.set.opt.NoReuse && !s.head.ConnectionClose() && r.Status != 101 &&
		(s.marks&markConnection == 0 || !hasToken(s.head.Peek("Connection"), "close")) && !asksClose(q.Headers)
}

// closed reports whether f means that the other side had hung up.
func closed(f *Failure) bool {
	return f != nil && (f == failNoResponse || f.Code == codeReset || f.Code == codeBrokenPipe)
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE":
		return true
	}
	return false
}

// appendRequest appends the request's header, and its body when that is small.
//
// It is written here and not by fasthttp.Request because nearly all of it is
// ready in the target.
func (set *Settings) appendRequest(b []byte, q *Call, px *proxy.Proxy) []byte {
	t := q.Target
	b = append(b, q.Method...)
	absolute := px != nil && px.Absolute() && !t.secure
	if absolute { // RFC 9112, 3.2.2
		b = append(b, " http://"...)
		b = append(b, t.host...)
		b = append(b, t.line[1:]...)
	} else {
		b = append(b, t.line...)
	}
	if q.Host != "" {
		b = append(b, q.Host...)
	} else {
		b = append(b, t.host...)
	}
	b = append(b, "\r\n"...)
	agent, authorization, connection := false, false, false
	for i := range q.Headers {
		h := &q.Headers[i]
		switch h.Name {
		case "User-Agent":
			agent = true
			if h.Value == "" {
				continue // as net/http: an empty one asks for none
			}
		case "Authorization":
			authorization = true
			if h.Value == "" {
				continue // holds back the URL's credentials
			}
		case "Connection":
			connection = true
		}
		b = appendHeader(b, h.Name, h.Value)
	}
	if !agent && set.opt.UserAgent != "" {
		b = appendHeader(b, "User-Agent", set.opt.UserAgent)
	}
	if !authorization && t.auth != "" {
		b = appendHeader(b, "Authorization", t.auth)
	}
	if q.Cookie != "" {
		b = appendHeader(b, "Cookie", q.Cookie)
	}
	if absolute && px.Authorization() != "" {
		b = appendHeader(b, "Proxy-Authorization", px.Authorization())
	}
	if set.opt.NoReuse && !connection {
		b = appendHeader(b, "Connection", "close")
	}
	switch {
	case q.Source != nil && q.Source.Size() < 0:
		b = appendHeader(b, "Transfer-Encoding", "chunked")
	case q.Source != nil:
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, q.Source.Size(), 10)
		b = append(b, "\r\n"...)
	case q.Body != "" || q.Method == "POST" || q.Method == "PUT" || q.Method == "PATCH":
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(q.Body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	if q.inline() {
		b = append(b, q.Body...)
	}
	return b
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
