package sandbox

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// maxCallStack is the number of nested calls a script may have open. A frame
// of goja takes about 200 bytes of heap which the runtime keeps, and when
// calls go through native functions (Array.prototype.map and the like) up to
// 2 KB of Go stack.
const maxCallStack = 2000

// VU is one runtime with its event loop. Everything here is for the goroutine
// that owns the VU, except where stated.
type VU struct {
	program  *Program
	id       vu.Identity
	recorder *metric.Recorder

	// What belongs to the runtime; start makes it anew.
	rt       *goja.Runtime
	exports  *goja.Object
	modules  []*goja.Object // by module; nil until required
	own      *belongings    // nil until needed
	loop     *loop          // nil until something is waited for
	watch    watch
	hooks    []hook
	rejected []*goja.Promise // rejections nobody handles
	stale    bool            // the runtime must not be used again
	phase    Phase           // in force; here it takes no room

	// What is in force.
	ctx      context.Context
	root     *Scope // outside groups, without overlay
	scope    *Scope
	overlay  *overlay      // what the script changed about its tags; nil: nothing
	aborted  *Aborted      // the script asked for the end of the test; until begin
	exec     goja.Callable // the scenario's function
	it       vu.Iteration  // the current one; the last one outside iterations. Its Scenario is nil before the first.
	begun    uint64        // iterations, of all scenarios
	dataText *[]byte       // setup data that args[0] was parsed from
	args     [2]goja.Value // of the scenario's function: what setup and vuSetup returned
	life     *life         // nil when the script has no vuSetup and no vuTeardown

	bed *alarm.Bed // for Sleep; nil until used
}

var _ vu.VU = (*VU)(nil)

// start gives v a new runtime and runs the script's top level in it.
func (v *VU) start(ctx context.Context) error {
	rt := goja.New()
	v.rt = rt
	v.stale = true // until the script has run
	v.exports, v.modules, v.own = nil, nil, nil
	v.hooks, v.rejected = nil, nil
	v.it.Scenario, v.exec, v.dataText, v.args = nil, nil, nil, [2]goja.Value{}
	v.root = v.program.scopes.test
	v.scope, v.overlay = v.root, nil
	earlier := v.life
	v.life = nil

	rt.SetMaxCallStackSize(maxCallStack)
	rt.SetRandSource(v.random(v.program.host.Seed))
	if now := v.program.host.Now; now != nil {
		rt.SetTimeSource(now)
	}
	rt.SetPromiseRejectionTracker(v.trackRejection)
	rt.SetAsyncContextTracker((*scopeTracker)(v))
	refuseCodeGeneration(rt)
	// Own properties of the global object cost each VU a copy of the list of
	// its names; properties of its prototype cost nothing.
	if err := rt.GlobalObject().SetPrototype(v.program.shape.New(v, v)); err != nil {
		return fmt.Errorf("install globals: %w", err)
	}

	return v.enter(ctx, Init, func() error {
		wrapped, err := rt.RunProgram(v.program.script.program)
		if err != nil {
			return err
		}
		run, ok := goja.AssertFunction(wrapped)
		if !ok {
			return fmt.Errorf("the bundle is not a CommonJS module")
		}
		module, exports := rt.NewObject(), rt.NewObject()
		if err := module.Set("exports", exports); err != nil {
			return err
		}
		result, err := run(goja.Undefined(), module, exports, v.Func("require", 1, v.require))
		if err != nil {
			return err
		}
		if _, err := v.settle(result); err != nil {
			return err
		}
		v.exports, ok = module.Get("exports").(*goja.Object)
		if !ok {
			return &vu.Exception{Name: "TypeError", Message: "module.exports must be an object"}
		}
		v.findLife(earlier)
		v.stale = false
		return nil
	})
}

// random returns a source for Math.random that is the VU's own.
func (v *VU) random(seed uint64) goja.RandSource {
	return rand.New(rand.NewPCG(seed, v.id.InTest)).Float64
}

// Close frees connections and timers. It is called once.
func (v *VU) Close() {
	v.discard()
}

// discard ends everything that belongs to the present runtime.
func (v *VU) discard() {
	v.stale = true
	v.watch.end(v.rt)
	v.loop.reset()
	for i := len(v.hooks) - 1; i >= 0; i-- {
		if v.hooks[i].close {
			v.hooks[i].fn()
		}
	}
	v.hooks = nil
}

// Runtime returns the VU's JavaScript runtime.
func (v *VU) Runtime() *goja.Runtime { return v.rt }

// Host returns what the VU may touch.
func (v *VU) Host() *Host { return v.program.host }

// Identity returns the VU's numbers; zero in init, setup, teardown.
func (v *VU) Identity() vu.Identity { return v.id }

// Context ends when the running phase or iteration must end.
func (v *VU) Context() context.Context { return v.ctx }

// Recorder is where the VU's samples go.
func (v *VU) Recorder() *metric.Recorder { return v.recorder }

// Phase returns the current phase. Modules that use the network refuse in Init and Summary.
func (v *VU) Phase() Phase { return v.phase }

// Iteration returns the current iteration, outside iterations the last one.
func (v *VU) Iteration() vu.Iteration { return v.it }

// Begun returns how many iterations the VU has begun in its life, the current
// one included.
func (v *VU) Begun() uint64 { return v.begun }

// Delay returns how long after it was due the current iteration began; ok is
// false when it was not due at a time, and outside iterations.
func (v *VU) Delay() (d time.Duration, ok bool) {
	return v.it.Delay, v.it.Scheduled && v.phase == Running
}

// DefineMetric returns the custom metric of that name, made if new; see
// [metric.Registry.Define]. Inspect reports what was defined this way.
func (v *VU) DefineMetric(name string, t metric.Type, u metric.Unit) (*metric.Metric, error) {
	return v.program.define(name, t, u)
}

// Reseed makes the random numbers of the VU start again from seed.
func (v *VU) Reseed(seed uint64) { v.rt.SetRandSource(v.random(seed)) }

// Log gives the user a line about this VU.
func (v *VU) Log(level, source, text string) {
	line := LogLine{Level: level, Source: source, Text: text, VU: v.id.InTest}
	if s := v.it.Scenario; s != nil {
		line.Scenario = s.Name
	}
	v.program.host.log(line)
}

// Sleep blocks the VU for d, or until Context ends; then it stops the script
// in a way that no catch or finally of the script can hold up.
func (v *VU) Sleep(d time.Duration) {
	v.StopIfDone()
	if d <= 0 {
		return
	}
	if v.bed == nil {
		v.bed = new(alarm.Bed)
	}
	if !v.program.host.Sleepers.Sleep(v.bed, d, v.ctx.Done()) {
		v.StopIfDone()
	}
}

// StopIfDone stops the script, past every catch and finally, when Context has
// ended. Modules call it after they waited for something. It then does not
// return, so nothing that must be undone may be pending without a defer.
func (v *VU) StopIfDone() {
	if v.ctx.Err() != nil {
		// The runtime treats this panic as it does its own interrupts.
		panic(&goja.InterruptedError{})
	}
}

// hook is a function of a module that runs when something of the VU ends.
type hook struct {
	fn    func()
	close bool // the VU, not an iteration
}

// endIteration runs what modules registered for the end of one.
func (v *VU) endIteration() {
	for i := range v.hooks {
		if !v.hooks[i].close {
			v.hooks[i].fn()
		}
	}
}

// OnClose registers fn to run when the VU is closed.
func (v *VU) OnClose(fn func()) { v.hooks = append(v.hooks, hook{fn, true}) }

// OnIterationEnd registers fn to run at the end of every iteration, such as
// resetting cookies, and at the end of vuSetup, as Phase then tells.
func (v *VU) OnIterationEnd(fn func()) { v.hooks = append(v.hooks, hook{fn, false}) }
