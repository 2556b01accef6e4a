package sandbox

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// later is a module whose function returns a promise that another goroutine
// settles after some milliseconds.
func later(done *sync.WaitGroup) Module {
	return probe(func(v *VU, call goja.FunctionCall) goja.Value {
		promise, resolve, reject := v.Runtime().NewPromise()
		delay, fail := call.Argument(0).ToInteger(), call.Argument(1)
		complete := v.Pending()
		done.Go(func() {
			time.Sleep(time.Duration(delay) * time.Millisecond)
			complete(func() {
				if goja.IsUndefined(fail) {
					_ = resolve(delay)
				} else {
					_ = reject(fail)
				}
			})
		})
		return v.Runtime().ToValue(promise)
	})
}

func TestPending(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
		took       time.Duration
	}{
		"awaited":              {`return (async()=>{ if (await later(5) !== 5) throw 1; await later(7) })()`, ``, 12 * time.Millisecond},
		"together":             {`return Promise.all([later(5), later(9), later(1)]).then(r => { if (r.join() !== "5,9,1") throw r })`, ``, 9 * time.Millisecond},
		"not awaited":          {`later(5)`, ``, 5 * time.Millisecond},
		"left behind":          {`return (async()=>{ later(8) })()`, ``, 8 * time.Millisecond},
		"chained":              {`later(2).then(()=>later(3)).then(()=>later(4))`, ``, 9 * time.Millisecond},
		"race":                 {`return Promise.race([later(5), later(9)])`, ``, 9 * time.Millisecond},
		"rejected":             {`return later(3, new TypeError("bad"))`, `TypeError: bad`, 3 * time.Millisecond},
		"caught":               {`return later(3, 1).catch(()=>{})`, ``, 3 * time.Millisecond},
		"nobody's rejection":   {`later(3, "lost")`, `uncaught: lost`, 3 * time.Millisecond},
		"throws in a reaction": {`later(3).then(()=>{ throw new Error("then") })`, `Error: then`, 3 * time.Millisecond},
		"never after work":     {`return (async()=>{ await later(1); await new Promise(()=>{}) })()`, `can never be settled`, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var done sync.WaitGroup
				v := newVU(t, newProgram(t, newHost(), `const later = require("probe").probe; exports.default = ()=>{`+c.body+`}; exports.fine = async ()=>{ await later(1) }`, later(&done)))
				start := time.Now()
				err := v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario})
				if took := time.Since(start); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if c.want != "" {
					wantException(t, err, c.want)
				} else if err != nil {
					t.Fatal(err)
				}
				if err := v.Iterate(context.Background(), vu.Iteration{Scenario: &vu.Scenario{Exec: "fine"}}); err != nil {
					t.Fatal("afterwards:", err)
				}
				done.Wait()
			})
		})
	}
}

// What is only asked for aside holds nothing up, and comes only while something
// else is waited for.
func TestAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done sync.WaitGroup
		aside := Module{Names: []string{"aside"}, Load: func(*Host) (New, error) {
			return func(v *VU) *goja.Object {
				return v.Func("aside", 2, func(call goja.FunctionCall) goja.Value {
					delay := time.Duration(call.Argument(0).ToInteger()) * time.Millisecond
					fn, _ := goja.AssertFunction(call.Argument(1))
					notify := v.Aside()
					done.Go(func() {
						time.Sleep(delay)
						notify(func() { _, _ = fn(nil) })
					})
					return nil
				})
			}, nil
		}}
		v := newVU(t, newProgram(t, newHost(), `const later = require("probe").probe, aside = require("aside"); let seen = "", n = 0;
			exports.default = async ()=>{
				if (n++) { await later(100); if (seen !== "early") throw new Error(seen); return }
				aside(5, () => { seen += "early" }); aside(50, () => { seen += "late" }); await later(10);
			}`, later(&done), aside))
		for _, want := range []time.Duration{10, 100} {
			start := time.Now()
			if err := v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario}); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != want*time.Millisecond {
				t.Errorf("took %v, want %d ms", took, want)
			}
		}
		done.Wait()
	})
}

// What completes after its iteration was interrupted must not reach a later one.
func TestPendingOfAnEarlierIteration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done sync.WaitGroup
		v := newVU(t, newProgram(t, newHost(), `const later = require("probe").probe; let late = false;
			exports.default = ()=>{ later(50).then(()=>{ late = true }) };
			exports.look = async ()=>{ await later(100); if (late) throw new Error("late") }`, later(&done)))
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		var in *vu.Interrupted
		if err := v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario}); !errors.As(err, &in) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := v.Iterate(context.Background(), vu.Iteration{Scenario: &vu.Scenario{Exec: "look"}}); err != nil {
			t.Fatal(err)
		}
		done.Wait()
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := probe(func(v *VU, call goja.FunctionCall) goja.Value {
			v.Sleep(time.Duration(call.Argument(0).ToInteger()))
			return nil
		})
		v := newVU(t, newProgram(t, newHost(), `const sleep = require("probe").probe; let after = 0;
			exports.default = ()=>{ sleep(1e9); sleep(0); sleep(-1); sleep(2e9) };
			exports.cut = ()=>{ try { sleep(60e9) } catch (e) { after++ } finally { after++ } after++ };
			exports.look = ()=>{ if (after) throw new Error("the script went on") }`, m))
		start := time.Now()
		if err := v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario}); err != nil || time.Since(start) != 3*time.Second {
			t.Fatal(err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start = time.Now()
		err := v.Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "cut"}})
		var in *vu.Interrupted
		if !errors.As(err, &in) || time.Since(start) != time.Second {
			t.Fatal(err, time.Since(start))
		}
		if err := v.Iterate(context.Background(), vu.Iteration{Scenario: &vu.Scenario{Exec: "look"}}); err != nil {
			t.Fatal(err)
		}
	})
}

// An interrupt belongs to one context: the iterations under other contexts,
// however close, never feel it.
func TestInterruptHitsOnlyItsOwn(t *testing.T) {
	v := newVU(t, newProgram(t, newHost(), `let s = 0; exports.default = ()=>{ for (let i = 0; i < 300; i++) s += i }; exports.async = async ()=>{ for (let i = 0; i < 30; i++) await i }`))
	async := &vu.Scenario{Name: "async", Exec: "async"}
	interrupted := 0
	for i := range 1000 {
		scenario := defaultScenario
		if i%3 == 0 {
			scenario = async
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			for range i % 50 * 20 {
				_ = strings.Repeat("x", 3) // some work, so that the ends fall anywhere
			}
			cancel()
		}()
		var in *vu.Interrupted
		if err := v.Iterate(ctx, vu.Iteration{Scenario: scenario}); errors.As(err, &in) {
			interrupted++
		} else if err != nil {
			t.Fatal(err)
		}
		if err := v.Iterate(context.Background(), vu.Iteration{Scenario: scenario}); err != nil {
			t.Fatalf("round %d: an iteration without an end was hit: %v", i, err)
		}
		<-ctx.Done()
	}
	if interrupted == 0 {
		t.Log("no iteration was interrupted this time")
	}
	t.Logf("%d of 1000 interrupted", interrupted)
}

// Iterations under one context keep one watch on it.
func TestWatchIsKept(t *testing.T) {
	v := newVU(t, newProgram(t, newHost(), `exports.default = ()=>{}`))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	iteration := vu.Iteration{Scenario: defaultScenario}
	if err := v.Iterate(ctx, iteration); err != nil {
		t.Fatal(err)
	}
	before := v.watch.generation
	for range 10 {
		if err := v.Iterate(ctx, iteration); err != nil {
			t.Fatal(err)
		}
	}
	if v.watch.generation != before {
		t.Errorf("the watch was moved %d times", v.watch.generation-before)
	}
	other, cancelOther := context.WithCancel(context.Background())
	defer cancelOther()
	if err := v.Iterate(other, iteration); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := v.Iterate(other, iteration); err != nil {
		t.Fatal(err)
	}
}
