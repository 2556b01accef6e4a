package sandbox

import (
	"context"
	"sync"

	"github.com/dop251/goja"
)

// watch interrupts a runtime when the context it follows ends.
//
// The engine calls Iterate with one context again and again, so the watch is
// kept from iteration to iteration and only moved when the context changes.
// Moving it is the delicate part: the function that context.AfterFunc runs may
// be anywhere between "about to start" and "done". It interrupts under mu and
// only if the generation it was made for still stands; end ends the generation
// under mu before it clears the flag. So an interrupt meant for one
// context is either cleared here or never sent.
type watch struct {
	ctx  context.Context // followed; nil for none
	stop func() bool

	mu         sync.Mutex
	generation uint64
}

// follow makes w interrupt rt when ctx ends, and no longer for any other
// context. The runtime must not be running.
func (w *watch) follow(ctx context.Context, rt *goja.Runtime) {
	if ctx == w.ctx {
		return
	}
	generation := w.end(rt)
	w.ctx = ctx
	if ctx.Done() == nil {
		return
	}
	w.stop = context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.generation == generation {
			rt.Interrupt(nil)
		}
	})
}

// end ends the watch and returns the generation of the next. The runtime must
// not be running.
func (w *watch) end(rt *goja.Runtime) uint64 {
	if w.stop != nil {
		w.stop()
		w.stop = nil
	}
	w.ctx = nil
	w.mu.Lock()
	w.generation++
	generation := w.generation
	w.mu.Unlock()
	rt.ClearInterrupt()
	return generation
}
