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
// The subscription's goroutine ends when the last ending was handed over, or the
// iteration is over.
type line struct {
	m     *module
	take  func(news)
	turns chan func(func()) // has room for one
	lazy  bool              // that the stream is open is told with the first events

	// Of the subscription's goroutine.
	over, own context.Context // end with the iteration, with the stream
	held      *opening        // not yet told

	// Of the VU's goroutine.
	errand *http.Errand
	cut    context.CancelCauseFunc // ends own
	asked  bool                    // and not yet answered
	done   bool                    // the last ending was taken
}

// start begins s. take is called on the VU's goroutine with what was asked for.
func (m *module) start(s *subscription, lazy bool, take func(news)) *line {
	l := &line{m: m, take: take, lazy: lazy, turns: make(chan func(func()), 1)}
	ready := make(chan struct{})
	l.errand = http.Of(m.v).Go(func(over context.Context) {
		l.over = over
		l.own, l.cut = context.WithCancelCause(over)
		close(ready)
		defer l.cut(nil)
		defer func() {
			if p := recover(); p != nil {
				m.v.Log("debug", "sse", fmt.Sprintf("panic in an event stream: %v\n%s", p, debug.Stack()))
				l.tell(news{ended: &ending{fail: &transport.Failure{Code: transport.CodeGeneric, Text: "internal fault"}}})
			}
		}()
		s.run(l.own, func() *http.Live { return s.req.OpenIn(l.own) }, l.tell)
	})
	<-ready
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

// ended reports whether nothing will come any more: it was all taken, or the
// iteration that began the stream is over.
func (l *line) ended() bool { return l.done || l.errand.Over() }

// hangUp ends the stream. The last ending is still to be taken.
func (l *line) hangUp() { l.cut(http.ErrAborted) }
