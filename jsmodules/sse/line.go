package sse

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// line runs a subscription on a goroutine of its own and carries what that tells
// to the VU's goroutine, one piece at a time and each only after ask.
//
// The subscription's goroutine has ended when the last ending was taken, or the
// iteration is over. All fields are the VU's but those that never change.
type line struct {
	m    *module
	take func(news)

	turns chan func(func()) // has room for one
	over  context.Context   // ends with the iteration
	own   context.Context   // ends with the stream
	cut   context.CancelCauseFunc

	lazy bool     // that the stream is open is told with the first events
	held *opening // the goroutine's: not yet told

	asked bool // and not yet answered
	done  bool // the last ending was taken
}

// start begins s. take is called on the VU's goroutine with what was asked for.
func (m *module) start(s *subscription, lazy bool, take func(news)) *line {
	l := &line{m: m, take: take, lazy: lazy, turns: make(chan func(func()), 1)}
	ready := make(chan struct{})
	l.over = http.Of(m.v).Go(func(over context.Context) {
		<-ready
		defer l.cut(nil)
		defer func() {
			if p := recover(); p != nil {
				m.v.Log("debug", "sse", fmt.Sprintf("panic in an event stream: %v\n%s", p, debug.Stack()))
				l.tell(news{ended: &ending{fail: &transport.Failure{Code: transport.CodeGeneric, Text: "internal fault"}}})
			}
		}()
		s.run(l.own, func() *http.Live { return s.req.OpenIn(l.own) }, l.tell)
	})
	l.own, l.cut = context.WithCancelCause(l.over)
	close(ready)
	return l
}

// tell waits until the VU asks and hands it n. It returns false when no more is
// wanted. For the subscription's goroutine.
func (l *line) tell(n news) bool {
	if l.lazy && n.opened != nil {
		l.held = n.opened
		return l.own.Err() == nil
	}
	if l.held != nil {
		n.opened, l.held = l.held, nil
	}
	select {
	case resolve := <-l.turns:
		resolve(func() {
			l.asked = false
			l.done = n.ended != nil && !n.ended.again
			l.take(n)
		})
	case <-l.over.Done():
	}
	return l.own.Err() == nil
}

// ask wants the next piece of news: the iteration waits for it.
func (l *line) ask() {
	if !l.asked && !l.ended() {
		l.asked = true
		l.turns <- l.m.v.Pending()
	}
}

// ended reports whether nothing will come any more.
func (l *line) ended() bool { return l.done || l.over.Err() != nil }

// hangUp ends the stream. The last ending is still to be taken.
func (l *line) hangUp() { l.cut(http.ErrAborted) }
