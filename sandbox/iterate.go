package sandbox

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// Iterate runs one iteration and waits for it, promises and timers included.
func (v *VU) Iterate(ctx context.Context, it vu.Iteration) error {
	if v.stale {
		// The last iteration left the runtime in a state nobody can vouch for.
		if err := v.revive(ctx); err != nil {
			return err
		}
	}
	if v.life != nil && v.life.begun && v.life.setup != nil && v.args[1] == nil {
		if err := v.Setup(ctx); err != nil {
			return err
		}
	}
	err := v.run(ctx, it)
	v.endIteration()
	return err
}

func (v *VU) run(ctx context.Context, it vu.Iteration) (err error) {
	if err := v.begin(ctx, Running); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = v.panicked(r)
		}
	}()
	v.begun++
	if it.Scenario != v.it.Scenario {
		if err := v.work(it.Scenario); err != nil {
			return v.failure(err)
		}
	}
	v.it = it
	if v.program.setupData.Load() != v.dataText || v.args[0] == nil {
		if _, err := v.setupValue(); err != nil {
			return v.failure(err)
		}
	}
	args := v.args[:1]
	if v.args[1] != nil {
		args = v.args[:]
	}
	v.setScope(v.root)
	result, err := v.exec(goja.Undefined(), args...)
	if err != nil {
		return v.failure(err)
	}
	if _, err := v.settle(result); err != nil {
		return v.failure(err)
	}
	if len(v.rejected) > 0 {
		return v.failure(v.unhandled())
	}
	if v.aborted != nil {
		return v.failure(v.aborted)
	}
	return nil
}

// work makes v ready to run iterations of scenario s.
func (v *VU) work(s *vu.Scenario) error {
	exec, err := v.exported(s.Exec)
	if err != nil {
		return err
	}
	if v.own != nil && v.own.env != nil {
		v.fillEnv(s)
	}
	if v.it.Scenario != nil {
		v.overlay = nil // what was said of one scenario does not hold for another
		if v.life != nil {
			v.overlay = v.life.tags
		}
	}
	v.exec, v.root = exec, v.program.scopes.scenario(s)
	return nil
}

// exported returns the exported function of that name.
func (v *VU) exported(name string) (goja.Callable, error) {
	fn, ok := goja.AssertFunction(v.exports.Get(name))
	if !ok {
		return nil, &vu.Exception{Name: "ReferenceError", Message: fmt.Sprintf("the script exports no function %q", name)}
	}
	return fn, nil
}

// begin makes ctx and phase those in force.
func (v *VU) begin(ctx context.Context, phase Phase) error {
	if ctx.Err() != nil {
		return &vu.Interrupted{Cause: context.Cause(ctx)}
	}
	v.ctx, v.phase = ctx, phase
	v.setScope(v.root)
	if v.aborted != nil {
		v.aborted = nil
		v.watch.end(v.rt) // clears the interrupt
	}
	v.watch.follow(ctx, v.rt)
	return nil
}

// enter runs f, which runs JavaScript, in the given phase and turns whatever
// comes out of it into what the engine understands.
func (v *VU) enter(ctx context.Context, phase Phase, f func() error) (err error) {
	if err := v.begin(ctx, phase); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = v.panicked(r)
		}
	}()
	// What f reads of the script's objects may run getters that throw.
	if thrown := v.rt.Try(func() { err = f() }); thrown != nil {
		err = thrown
	}
	if err == nil && len(v.rejected) > 0 {
		err = v.unhandled()
	}
	if err == nil && v.aborted != nil {
		err = v.aborted
	}
	if err != nil {
		return v.failure(err)
	}
	return nil
}

// panicked turns a recovered panic into an error. The runtime is not used again.
func (v *VU) panicked(r any) error {
	v.stale = true
	v.loop.reset()
	switch r := r.(type) {
	case *goja.InterruptedError:
		return v.failure(r)
	case *goja.StackOverflowError:
		return v.failure(r)
	case *goja.Exception:
		return v.failure(r)
	}
	text := fmt.Sprint(r)
	stack := debug.Stack()
	v.Log("debug", "sandbox", "panic: "+text+"\n"+string(stack))
	if panickedInGoja() {
		// A script can make goja itself stumble; that is the script's doing.
		return &vu.Exception{Name: "InternalError", Message: "the JavaScript engine failed: " + text}
	}
	return fmt.Errorf("internal fault in VU %d: %s", v.id.InTest, text)
}

const (
	gojaPath = "github.com/dop251/goja"
	ownPath  = "github.com/swarmload/swarm/"
)

// panickedInGoja reports whether the panic being recovered started in goja's
// code rather than in a host function of ours. goja recovers and panics again
// on the way, so of the panics on the stack the deepest is the first. What
// panics may also be the standard library; then its caller tells.
func panickedInGoja() (yes bool) {
	var pcs [512]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for panicking, more := false, true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicking = true
		case panicking && strings.HasPrefix(frame.Function, gojaPath):
			yes, panicking = true, false
		case panicking && strings.HasPrefix(frame.Function, ownPath):
			yes, panicking = false, false
		}
	}
	return yes
}
