package sandbox

import (
	"context"
	"reflect"
	"sync"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// loop is a VU's event loop: what other goroutines finished and the VU's
// goroutine must act upon. Promise jobs are not here; goja runs them whenever
// a call into it returns. A VU that never waits for anything has none.
type loop struct {
	pending int           // announced and not yet acted upon; the owner's alone
	wake    chan struct{} // has room for one

	mu    sync.Mutex
	epoch uint64 // raised by reset: completions of an older epoch are dropped
	ready []func()
}

// reset forgets all work; what completes later is dropped.
func (l *loop) reset() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.epoch++
	l.ready = nil
	l.mu.Unlock()
	l.pending = 0
}

// take returns what has completed, nil for nothing.
func (l *loop) take() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	ready := l.ready
	l.ready = nil
	return ready
}

// Pending announces work that will complete later on another goroutine. The
// iteration does not end before resolve was called; resolve may be called from
// any goroutine, once, and runs fn on the VU's goroutine. When the iteration
// was interrupted meanwhile, fn is dropped.
func (v *VU) Pending() (resolve func(fn func())) {
	if v.loop == nil {
		v.loop = &loop{wake: make(chan struct{}, 1)}
	}
	l := v.loop
	l.pending++
	epoch, wake := l.epoch, l.wake
	return func(fn func()) {
		l.mu.Lock()
		if l.epoch == epoch {
			l.ready = append(l.ready, fn)
		}
		l.mu.Unlock()
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

var promiseType = reflect.TypeFor[*goja.Promise]()

// settle runs the event loop until nothing is pending. When result is a
// promise it returns what the promise was fulfilled with, and an error if it
// was rejected or can never be settled.
func (v *VU) settle(result goja.Value) (goja.Value, error) {
	for v.loop != nil && v.loop.pending > 0 {
		ready := v.loop.take()
		if ready == nil {
			select {
			case <-v.loop.wake:
			case <-v.ctx.Done():
				v.loop.reset()
				return nil, &vu.Interrupted{Cause: context.Cause(v.ctx)}
			}
			continue
		}
		for _, fn := range ready {
			v.loop.pending--
			if thrown := v.rt.Try(fn); thrown != nil {
				return nil, thrown
			}
			if v.ctx.Err() != nil {
				return nil, &goja.InterruptedError{}
			}
		}
	}
	obj, ok := result.(*goja.Object)
	if !ok || obj.ExportType() != promiseType {
		return result, nil
	}
	promise := obj.Export().(*goja.Promise)
	switch promise.State() {
	case goja.PromiseStateFulfilled:
		return promise.Result(), nil
	case goja.PromiseStateRejected:
		v.trackRejection(promise, goja.PromiseRejectionHandle)
		return nil, v.thrown(promise.Result())
	}
	return nil, &vu.Exception{Name: "Error", Message: "the promise the function returned can never be settled: nothing is left to wait for"}
}

// trackRejection keeps the list of rejected promises nobody handles.
func (v *VU) trackRejection(p *goja.Promise, op goja.PromiseRejectionOperation) {
	if op == goja.PromiseRejectionReject {
		v.rejected = append(v.rejected, p)
		return
	}
	for i, known := range v.rejected {
		if known == p {
			v.rejected = append(v.rejected[:i], v.rejected[i+1:]...)
			return
		}
	}
}

// unhandled returns the first rejection that nobody handled as an error.
func (v *VU) unhandled() error {
	first := v.rejected[0]
	v.rejected = nil
	return v.thrown(first.Result())
}

// thrown returns value as the exception it would be had it been thrown here;
// an Error keeps the stack of where it was made.
func (v *VU) thrown(value goja.Value) error {
	if value == nil {
		value = goja.Undefined()
	}
	return v.rt.Try(func() { panic(value) })
}
