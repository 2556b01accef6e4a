package executor

import (
	"context"
	"time"
)

// limit bounds the time of each iteration of one worker. Its context is made
// anew only after an iteration reached the limit or the parent changed: the
// others cost a timer's reset and no allocation.
type limit struct {
	after time.Duration

	parent context.Context
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// begin returns the context of an iteration that begins now.
func (l *limit) begin(parent context.Context) context.Context {
	if l.parent == parent && l.ctx.Err() == nil {
		l.timer.Reset(l.after)
		return l.ctx
	}
	l.end()
	ctx, cancel := context.WithCancelCause(parent)
	l.parent, l.ctx, l.cancel = parent, ctx, cancel
	l.timer = time.AfterFunc(l.after, func() { cancel(errIterationTimeout) })
	return ctx
}

// reached ends the iteration's time and reports whether it was over before.
func (l *limit) reached() bool {
	if !l.timer.Stop() {
		<-l.ctx.Done() // the timer's function has begun: let it end
	}
	return context.Cause(l.ctx) == errIterationTimeout
}

// end frees what the limit holds.
func (l *limit) end() {
	if l.cancel != nil {
		l.cancel(context.Canceled)
	}
}
