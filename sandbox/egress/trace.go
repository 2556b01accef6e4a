package egress

import "context"

// Trace is told of look-ups: Start before and Done after a dial waits for the
// resolver, whether it asks itself or somebody else is asking the same. They
// are not called when the answer is known. Both are called on the goroutine
// that dials; either may be nil.
type Trace struct{ Start, Done func() }

func (t *Trace) start() {
	if t != nil && t.Start != nil {
		t.Start()
	}
}

func (t *Trace) done() {
	if t != nil && t.Done != nil {
		t.Done()
	}
}

type (
	traceKey struct{}
	localKey struct{}
)

// WithTrace returns a context whose dials tell t of their look-ups.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	return t
}

// WithLocal returns a context whose dials are made from the local address of
// VU number n, which counts from 1. Without it, and for 0, the first counts.
func WithLocal(ctx context.Context, n uint64) context.Context {
	return context.WithValue(ctx, localKey{}, n)
}

func localOf(ctx context.Context) uint64 {
	n, _ := ctx.Value(localKey{}).(uint64)
	return n
}
