package http

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// Streaming is a request of another package whose response is read as it
// arrives. It may be sent again and again, one [Live] after the other, all by
// one goroutine: the VU's with Open, or one that [Session.Go] started with
// OpenIn.
type Streaming struct {
	m     *module
	base  request // as the script asked for it
	scope *sandbox.Scope
	place *sandbox.Mark
	w     recorder
	sent  bool
}

// Streaming decodes what a script passed as http.request does, and throws as
// that does. wants says of a response with a body whether it is to be read as it
// arrives; others are read to their end, and redirects and logins are followed
// as ever. It is called on the goroutine that sends the request.
func (s Session) Streaming(where string, method, url, body, params goja.Value, wants func(Answer) bool) *Streaming {
	m := s.m
	m.online(m.session, where)
	q := &Streaming{m: m, scope: m.v.Scope(), place: m.v.Mark(), w: recorder{p: m.p, rec: m.rec.rec}}
	r := &q.base
	m.decode(m.session, where, r, m.verb(where, method), url, body, params)
	r.own()
	r.Stream = true
	r.streams = func(res *response) bool { return wants(Answer{res}) }
	q.w.delay, q.w.scheduled = m.v.Delay()
	return q
}

// Default adds a header unless the script gave one of that canonical name.
func (q *Streaming) Default(name, value string) {
	if !has(q.base.Headers, name) {
		q.base.header(name, value)
	}
}

// Set gives the request a header of that canonical name instead of what it has;
// none if the value is one that headers must not have.
func (q *Streaming) Set(name, value string) {
	q.Drop(name)
	if validHeaderValue(value) {
		q.base.header(name, value)
	}
}

// Drop takes the headers of that canonical name away.
func (q *Streaming) Drop(name string) { q.base.Headers = without(q.base.Headers, name) }

// URL returns the URL asked for, without credentials.
func (q *Streaming) URL() string {
	if q.base.Target == nil {
		return q.base.Invalid
	}
	return q.base.Target.Name
}

// Tags returns the tags of samples about the request as a whole: those in force,
// its URL or name, and its own.
func (q *Streaming) Tags() metric.Tags {
	p, r := q.m.p, &q.base
	name := r.Invalid
	switch {
	case r.tags != nil && r.tags.name != "":
		name = r.tags.name
	case r.Target != nil:
		name = p.labelOf(r.Target)
	}
	var tags []metric.Tag
	if p.system.url {
		tags = append(tags, metric.Tag{Key: "url", Value: name})
	}
	if p.system.name {
		tags = append(tags, metric.Tag{Key: "name", Value: name})
	}
	if r.tags != nil {
		tags = append(tags, r.tags.tags...)
	}
	return scopeTags(q.scope).With(tags...)
}

// Open sends the request and waits for the response; for the VU's goroutine. Its
// body must be read, or the Live ended, before the call of the script returns.
func (q *Streaming) Open() *Live {
	ctx := q.m.context()
	q.m.client.Watch(ctx)
	return q.open(ctx, false)
}

// OpenIn is Open for a goroutine of [Session.Go]. ctx is made from what that was
// given; see [ErrAborted] for why it may end.
func (q *Streaming) OpenIn(ctx context.Context) *Live { return q.open(ctx, true) }

func (q *Streaming) open(ctx context.Context, alone bool) *Live {
	now := q.m.p.net.Clock()
	l := &Live{q: q, r: q.base, ctx: ctx, res: &response{m: q.m, s: q.m.session}, begun: now, counted: now}
	r, res := &l.r, l.res
	r.Alone, r.Queued, r.Start = alone, now, now
	if q.sent && r.login != nil {
		r.login = r.login.anew(r)
	}
	q.sent = true
	q.m.exchange(ctx, r, q.scope, &q.w, res)
	l.opened = q.m.p.net.Clock()
	if res.Stream == nil {
		l.ended = true
		return l
	}
	res.Dropped = true // there is no body to show
	l.fuse = light(ctx, res.Stream)
	return l
}

// Live is what came of a Streaming. It must be ended. For the goroutine that
// opened it, except for Response.
type Live struct {
	q   *Streaming
	r   request
	ctx context.Context
	res *response

	begun, opened   time.Duration // on the clock of the network
	counted         time.Duration // when bytes were last counted
	received, taken int64         // bytes that are counted already
	fuse            *fuse
	ended           bool
}

// Answer returns the response, or why there is none.
func (l *Live) Answer() Answer { return Answer{l.res} }

// Streams reports whether there is a body to be read as it arrives.
func (l *Live) Streams() bool { return l.res.Stream != nil }

// Since returns the time since the request was begun.
func (l *Live) Since() time.Duration { return l.q.m.p.net.Clock() - l.begun }

// Limit makes reads fail with a timeout from d on after now.
func (l *Live) Limit(d time.Duration) {
	l.fuse.limit(l.q.m.p.net.Clock() + max(d, 1))
}

// Read implements io.Reader. The bytes on the wire are recorded meanwhile, at
// most once a second, so that a stream of an hour is seen while it lasts.
func (l *Live) Read(p []byte) (int, error) {
	n, err := l.res.Stream.Read(p)
	if now := l.q.m.p.net.Clock(); now-l.counted >= time.Second {
		l.counted = now
		l.take()
		res := l.res
		l.q.w.transferred(l.q.scope, res.Sent-l.taken, res.Received-l.received)
		l.taken, l.received = res.Sent, res.Received
	}
	return n, err
}

// take adds to the reply what has gone over the wire.
func (l *Live) take() {
	in, out := l.res.Stream.Taken()
	l.res.Received += in
	l.res.Sent += out
}

// Failure says why Read failed; nil when the body has ended as it should, or
// because the script aborted the request.
func (l *Live) Failure(err error) *transport.Failure {
	switch {
	case l.ctx.Err() != nil:
		if f := whyEnded(l.ctx); f != failAborted {
			return f
		}
		return nil
	case err == io.EOF:
		return nil
	}
	return l.res.Stream.Failure(err)
}

// End closes the stream and records the request; f says why it failed, nil that
// it did not. Further calls do nothing.
func (l *Live) End(f *transport.Failure) {
	if l.ended {
		return
	}
	l.ended = true
	l.fuse.putOut()
	res, q := l.res, &l.r.Call
	if f == nil && l.ctx.Err() != nil {
		f = l.Failure(nil)
	}
	res.Timings.Receiving += l.q.m.p.net.Clock() - l.opened
	l.take()
	res.Stream.Close() // never fails
	reply, v := res.Reply, l.r.expect.judge(res.Status)
	if f != nil {
		res.Fail, res.code = f, f.Code
		if reply.Fail, v = f, unjudged; f != transport.FailInterrupted { // else it was answered, as far as it came
			reply.Status, v = 0, l.r.expect.judge(0)
		}
	}
	reply.Sent -= l.taken
	reply.Received -= l.received
	l.q.w.record(l.q.scope, l.r.tags, q, &reply, v, res.code)
}

// Response shows a script what came of the request, once it has ended. f, if not
// nil, says why a response is not what was asked for. A failure is told once to
// the user, and thrown if the script wants that. For the VU's goroutine.
func (l *Live) Response(f *transport.Failure) goja.Value {
	res, r, m := l.res, &l.r, l.q.m
	if f != nil && res.Fail == nil {
		res.Fail, res.code = f, f.Code
	}
	l.Warn()
	if res.Fail != failAborted {
		if text := fatal(r, res); text != "" {
			m.throw("HTTPError", text)
		}
	}
	return m.wrap(res, r.binary)
}

// Warn tells the user of a failure, if there is one that was not told yet, and
// where the request was made. For the VU's goroutine, when the request has ended.
func (l *Live) Warn() {
	if l.res.Fail != failAborted {
		l.q.m.warnLater(&l.r, l.res, l.q.place)
	}
}

// Refuse makes f what has become of a request that has ended, unless it failed
// already.
func (l *Live) Refuse(f *transport.Failure) {
	if l.res.Fail == nil {
		l.res.Fail, l.res.code = f, f.Code
	}
}

// collect reads a body that was to be streamed like that of any other response.
func (s *session) collect(ctx context.Context, q *transport.Call, r *transport.Reply) {
	st := r.Stream
	fuse := light(ctx, st)
	fuse.limit(q.Deadline + q.Slack)
	begun := s.p.net.Clock()
	body := &keeper{net: s.p.net, reply: r, discard: q.Discard}
	_, err := io.Copy(body, st)
	fuse.putOut()
	if err != nil {
		switch {
		case ctx.Err() != nil:
			r.Fail = transport.FailInterrupted
		case body.fail != nil:
			r.Fail = body.fail
		case errors.Is(err, errBodyTooLarge):
			r.Fail = &transport.Failure{Code: transport.CodeBodyTooLarge, Text: err.Error()}
		default:
			r.Fail = st.Failure(err)
		}
		r.Cut, r.Status = r.Status, 0
	}
	in, out := st.Taken()
	r.Received += in
	r.Sent += out
	r.Timings.Receiving += s.p.net.Clock() - begun
	r.Stream, r.Dropped = nil, q.Discard
	st.Close() // never fails
}

var errBodyTooLarge = errors.New("response body larger than 64 MiB")

// keeper takes the body of a reply.
type keeper struct {
	net     *transport.Network
	reply   *transport.Reply
	discard bool
	room    transport.Room
	fail    *transport.Failure // there is no room for more
}

func (k *keeper) Write(p []byte) (int, error) {
	if k.discard {
		return len(p), nil
	}
	if len(k.reply.Body)+len(p) > maxKeptBody {
		return 0, errBodyTooLarge
	}
	if body := k.reply.Body; len(body)+len(p) > cap(body) {
		if body, k.fail = k.room.Grow(k.net, body, min(max(len(p), len(body)), maxKeptBody-len(body))); k.fail != nil {
			return 0, k.fail
		}
		k.reply.Body = body
	}
	k.reply.Body = append(k.reply.Body, p...)
	return len(p), nil
}

// fuse ends reading from a stream when a context ends, until it is put out: then
// the stream's connection may be another request's. It sets all read deadlines,
// so that none is set after the end.
type fuse struct {
	st    transport.Stream
	spare func() bool

	mu   sync.Mutex
	over bool // burnt down, or put out
}

func light(ctx context.Context, st transport.Stream) *fuse {
	f := &fuse{st: st}
	f.spare = context.AfterFunc(ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if !f.over {
			f.over = true
			st.SetReadDeadline(1) // which was long ago
		}
	})
	return f
}

func (f *fuse) limit(t time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.over {
		f.st.SetReadDeadline(t)
	}
}

func (f *fuse) putOut() {
	f.spare()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
}

// Errand is a goroutine that another package has in a VU. For the VU's goroutine.
type Errand struct {
	cancel context.CancelFunc
	done   chan struct{}
	over   bool
}

// Over reports whether the iteration that began it is over, and has ended it.
func (e *Errand) Over() bool { return e.over }

// Go runs f on a goroutine of its own. ctx ends when the iteration does, which
// then waits for f, and when f has returned. f must not touch JavaScript, and not
// panic.
func (s Session) Go(f func(ctx context.Context)) *Errand {
	m := s.m
	parent := m.aloft().ctx
	m.client.Watch(parent)
	ctx, cancel := context.WithCancel(parent)
	e := &Errand{cancel: cancel, done: make(chan struct{})}
	m.errands = slices.DeleteFunc(m.errands, func(other *Errand) bool {
		select {
		case <-other.done:
			return true
		default:
			return false
		}
	})
	m.errands = append(m.errands, e)
	go func() {
		defer close(e.done)
		defer cancel()
		f(ctx)
	}()
	return e
}

// recall ends the errands of an iteration, and waits for them.
func (m *module) recall() {
	for _, e := range m.errands {
		e.over = true
		e.cancel()
	}
	for _, e := range m.errands {
		<-e.done
	}
	clear(m.errands)
	m.errands = m.errands[:0]
}
