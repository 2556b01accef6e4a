package http

import (
	"bufio"
	"context"
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// call is one request as it goes over the wire. A chain of redirects is several.
type call struct {
	method  string
	target  *target  // nil: the URL is not valid, there is nothing to send
	invalid string   // that URL, without credentials
	host    string   // overrides the Host header; "" does not
	headers []header // validated, canonical names; no Host, no Content-Length, no Cookie
	cookie  string   // value of the Cookie header
	body    string
	discard bool // read the response body, but do not keep it

	queued   time.Duration // when the script asked for it
	start    time.Duration // when it could begin
	deadline time.Duration
	slack    time.Duration
}

type header struct{ name, value string }

// timings are the phases of a call. duration is sending + waiting + receiving.
type timings struct {
	blocked, lookingUp, connecting, tlsHandshaking, sending, waiting, receiving time.Duration
}

func (t *timings) duration() time.Duration { return t.sending + t.waiting + t.receiving }

// reply is what came of a call. When fail is set and status is 0 there is no
// response; with failSurplus there is one.
type reply struct {
	status    int
	proto     string
	raw       []byte // status line and headers, then the body, as one allocation
	headLen   int
	body      []byte
	peer      *peer
	timings   timings
	fail      *failure
	sent      int64
	received  int64
	setCookie []string // values of Set-Cookie
	location  string   // of a 3xx response
	written   bool     // the whole request was sent
	resent    bool     // it was sent before, over a connection that ended without an answer
	dropped   bool     // the body was read but not kept
}

// scratch is what a call needs while it runs; pooled.
type scratch struct {
	br   *bufio.Reader
	head fasthttp.ResponseHeader
	out  []byte
}

func newScratch() *scratch {
	s := &scratch{br: bufio.NewReaderSize(nil, readBuffer), out: make([]byte, 0, 512)}
	s.head.SetNoDefaultContentType(true)
	return s
}

func (p *program) acquireScratch() *scratch { return p.scratch.Get().(*scratch) }

func (p *program) releaseScratch(s *scratch) {
	s.br.Reset(nil)
	if cap(s.out) > 2*inlineBody {
		s.out = make([]byte, 0, 512)
	}
	p.scratch.Put(s)
}

// do sends q and reads the response.
//
// A connection kept alive may have been closed by the server at the very moment
// the request was sent. When it ends without one byte of response, the request
// is sent again, once and on a new connection, if RFC 9110 (9.2.2) allows it: its
// method is idempotent, or none of it had been written. The script sees one
// request; the bytes of both attempts are counted, the first attempt's time is
// part of `blocked`, and http_req_retries counts it if the target may have
// received the first attempt too.
func (c *client) do(ctx context.Context, q *call, r *reply) {
	s := c.p.acquireScratch()
	s.out = c.p.appendRequest(s.out[:0], q)
	if !c.p.opt.NoConnectionReuse {
		for cn := c.reuse(q.target.origin); cn != nil; cn = c.reuse(q.target.origin) {
			// Taking a connection from the list costs less than reading the clock.
			r.timings.blocked = q.start - q.queued
			before := r.sent
			outcome := c.converse(cn, q, s, r, q.start)
			if outcome == done {
				c.p.releaseScratch(s)
				return
			}
			*r = reply{sent: r.sent, received: r.received, resent: outcome == resend && r.sent > before}
			if outcome == resend {
				break
			}
		}
	}
	var cn *conn
	cn, r.fail = c.connect(ctx, q.target, q.deadline, &r.timings)
	if cn != nil {
		start := c.p.clock()
		r.timings.blocked = start - q.queued - r.timings.lookingUp - r.timings.connecting - r.timings.tlsHandshaking
		c.converse(cn, q, s, r, start)
	}
	c.p.releaseScratch(s)
}

// outcome says what is to follow an attempt to carry out a call.
type outcome uint8

const (
	done   outcome = iota
	stale          // the connection was dead before anything was sent: take the next
	resend         // it died without an answer: send again, on a new connection
)

// converse sends the request in s.out over cn, reads the response into r and
// disposes of cn.
func (c *client) converse(cn *conn, q *call, s *scratch, r *reply, start time.Duration) outcome {
	w := cn.wire
	used, before := w.used, w.out
	r.peer = cn.peer
	cn.arm(c.p.base, q.deadline, q.slack)
	s.br.Reset(cn.Conn)
	var sent time.Duration
	var sendErr, readErr error
	if w.asker != nil && cn.plain() && len(q.body) <= inlineBody {
		w.request = s.out
		_, readErr = s.br.Peek(1)
		sent, sendErr = w.answer.sentAt, w.answer.sendErr
		if readErr == errStale {
			c.discard(cn)
			return stale
		}
		r.written = w.answer.written == len(s.out)
	} else {
		if used && w.asker != nil && !w.asker.quiet() {
			c.discard(cn)
			return stale
		}
		sendErr = send(cn, s.out, q.body)
		sent = c.p.clock()
		r.written = sendErr == nil
		// A server may answer, with 413 say, and close before it has read the
		// whole request: whatever error sending gave, look for a response.
		_, readErr = s.br.Peek(1)
	}
	w.used = true
	first := c.p.clock()
	if sent < start { // the server spoke before it was asked
		sent = first
	}
	r.timings.sending = sent - start
	r.timings.waiting = first - sent

	keep := false
	switch {
	case readErr == nil:
		if r.fail = r.read(s, cn, q); r.fail == nil || r.fail == failSurplus {
			keep = r.fail == nil && r.written && c.keep(cn, s, q, r)
		} else if sendErr != nil {
			r.fail = ioFailure(sendErr)
		}
		r.timings.receiving = c.p.clock() - first
	case sendErr != nil:
		r.fail = ioFailure(sendErr)
	case readErr == io.EOF:
		r.fail = failNoResponse
	default:
		r.fail = ioFailure(readErr)
	}
	unsent := w.out == before
	in, out := w.taken()
	r.received += in
	r.sent += out
	if keep {
		c.release(cn)
	} else {
		c.discard(cn)
	}
	if r.fail != nil && r.fail != failSurplus {
		r.status = 0
	}
	if used && readErr != nil && closed(r.fail) && (unsent || idempotent(q.method)) {
		return resend
	}
	return done
}

// keep reports whether the connection can carry another request.
func (c *client) keep(cn *conn, s *scratch, q *call, r *reply) bool {
	return !c.p.opt.NoConnectionReuse && !s.head.ConnectionClose() && r.status != 101 &&
		!hasToken(s.head.Peek("Connection"), "close") && !asksClose(q.headers) && cn.drained()
}

// send writes the request: in one piece, unless its body is big.
func send(cn *conn, head []byte, body string) error {
	if _, err := cn.Write(head); err != nil || len(body) <= inlineBody {
		return err
	}
	_, err := io.WriteString(plainWriter{cn}, body)
	return err
}

// plainWriter lets io.WriteString hand over a string without a copy.
type plainWriter struct{ *conn }

func (w plainWriter) WriteString(s string) (int, error) { return w.Write(bytesOf(s)) }

// closed reports whether f means that the other side had hung up.
func closed(f *failure) bool {
	return f != nil && (f == failNoResponse || f.code == codeReset || f.code == codeBrokenPipe)
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
func (p *program) appendRequest(b []byte, q *call) []byte {
	t := q.target
	b = append(b, q.method...)
	b = append(b, t.line...)
	if q.host != "" {
		b = append(b, q.host...)
	} else {
		b = append(b, t.host...)
	}
	b = append(b, "\r\n"...)
	agent, authorization, connection := false, false, false
	for i := range q.headers {
		h := &q.headers[i]
		switch h.name {
		case "User-Agent":
			agent = true
			if h.value == "" {
				continue // as net/http: an empty one asks for none
			}
		case "Authorization":
			authorization = true
		case "Connection":
			connection = true
		}
		b = appendHeader(b, h.name, h.value)
	}
	if !agent && p.userAgent != "" {
		b = appendHeader(b, "User-Agent", p.userAgent)
	}
	if !authorization && t.auth != "" {
		b = appendHeader(b, "Authorization", t.auth)
	}
	if q.cookie != "" {
		b = appendHeader(b, "Cookie", q.cookie)
	}
	if p.opt.NoConnectionReuse && !connection {
		b = appendHeader(b, "Connection", "close")
	}
	if q.body != "" || q.method == "POST" || q.method == "PUT" || q.method == "PATCH" {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, int64(len(q.body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	if len(q.body) <= inlineBody {
		b = append(b, q.body...)
	}
	return b
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
