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
	ready []task
}

// task is what the VU's goroutine is to run.
type task struct {
	fn      func()
	pending bool // it was announced
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
func (l *loop) take() []task {
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
	l := v.looping()
	l.pending++
	epoch := l.epoch
	return func(fn func()) { l.post(epoch, task{fn, true}) }
}

// Aside is for what may happen and is worth no waiting, such as a time limit.
// notify may be called from any goroutine and runs fn on the VU's goroutine, if
// the iteration in which it was asked for still waits for something then.
func (v *VU) Aside() (notify func(fn func())) {
	l := v.looping()
	epoch := l.epoch
	return func(fn func()) { l.post(epoch, task{fn, false}) }
}

func (v *VU) looping() *loop {
	if v.loop == nil {
		v.loop = &loop{wake: make(chan struct{}, 1)}
	}
	return v.loop
}

// post hands t to the VU's goroutine, unless the epoch it is of has ended.
func (l *loop) post(epoch uint64, t task) {
	l.mu.Lock()
	if l.epoch == epoch {
		l.ready = append(l.ready, t)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
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
		if v.ctx.Err() != nil { // what completes now does so because of it
			v.loop.reset()
			return nil, &vu.Interrupted{Cause: context.Cause(v.ctx)}
		}
		for _, t := range ready {
			if t.pending {
				v.loop.pending--
			}
			if thrown := v.rt.Try(t.fn); thrown != nil {
				return nil, thrown
			}
			if v.ctx.Err() != nil {
				return nil, &goja.InterruptedError{}
			}
		}
	}
	v.loop.reset() // what was only asked for aside comes too late now
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
