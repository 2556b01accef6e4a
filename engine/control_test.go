package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// after runs something so long after the start of Execute, in order.
func (b *bench) after(what ...any) {
	begin := time.Now()
	go func() {
		for i := 0; i < len(what); i += 2 {
			time.Sleep(what[i].(time.Duration) - time.Since(begin))
			synctest.Wait()
			what[i+1].(func())()
		}
	}()
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Error(err)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestControlOutsideOfTheLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 3, time.Second, "100")}})
		all := func(want string) {
			t.Helper()
			wantError(t, b.Pause(), want)
			wantError(t, b.Resume(), want)
			wantError(t, b.Scale("a", Level{VUs: 1}), want)
		}
		all("the load has not begun")
		b.execute(t.Context())
		all("the load has ended")
		if b.Status().Paused {
			t.Error("paused after the end")
		}
	})
}

func TestPauseMovesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{
			constant("a", 0, 3, 10*time.Second, "400"),
			constant("b", 6*time.Second, 2, 10*time.Second, "500"),
		}})
		b.after(
			4*time.Second, func() {
				b.must(b.Pause())
				b.must(b.Pause())
				if !b.Status().Paused {
					t.Error("not paused")
				}
			},
			8*time.Second, func() {
				st := b.Status()
				if a := st.Scenarios[0]; st.Elapsed != 8*time.Second || a.Elapsed != 4*time.Second || a.Progress != 0.4 || a.VUs != 3 || a.State != "running" {
					t.Errorf("%+v", st)
				}
			},
			9*time.Second, func() {
				b.must(b.Resume())
				b.must(b.Resume())
				if b.Status().Paused {
					t.Error("paused after Resume")
				}
			},
		)
		if took := b.execute(t.Context()); took != 21*time.Second {
			t.Errorf("took %v", took)
		}
		if first := b.script.begun["b"][0]; first != 11*time.Second {
			t.Errorf("b began at %v", first)
		}
		if st := b.Status(); st.Scenarios[0].Complete != 78 || st.Scenarios[1].Complete != 40 || st.Elapsed != 21*time.Second {
			t.Errorf("%+v", st)
		}
	})
}

func TestPausedFromTheStart(t *testing.T) {
	tests := []struct {
		name  string
		end   func(b *bench, hard context.CancelFunc) // after 5 s
		took  time.Duration
		begun int
	}{
		{"resumed", func(b *bench, _ context.CancelFunc) { b.must(b.Resume()) }, 7 * time.Second, 60},
		{"stopped", func(b *bench, _ context.CancelFunc) { b.Stop() }, 5 * time.Second, 0},
		{"cancelled", func(_ *bench, hard context.CancelFunc) { hard() }, 5 * time.Second, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, &plan.Plan{Paused: true, Scenarios: []plan.Scenario{constant("a", 0, 3, 2*time.Second, "100")}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				b.after(5*time.Second, func() {
					if st := b.Status(); !st.Paused || st.Scenarios[0].State != "waiting" || st.VUsMax != 3 {
						t.Errorf("%+v", st)
					}
					tt.end(b, cancel)
				})
				if took := b.execute(ctx); took != tt.took {
					t.Errorf("took %v", took)
				}
				if n := len(b.script.begun["a"]); n != tt.begun {
					t.Errorf("%d iterations", n)
				}
			})
		})
	}
}

// What is ordered between Init and Execute is in force from the start.
func TestOrdersBeforeExecute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 3, 2*time.Second, "100")}})
		if err := b.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.must(b.Pause())
		b.must(b.Scale("a", Level{VUs: 7}))
		b.after(time.Second, func() { b.must(b.Resume()) })
		b.script.zero = time.Now()
		if err := b.Execute(t.Context()); err != nil {
			t.Error(err)
		}
		begun := b.script.begun["a"]
		if len(begun) != 7*20 || slices.Min(begun) != time.Second || len(b.script.used["a"]) != 7 {
			t.Errorf("%d iterations from %v on by %d VUs", len(begun), slices.Min(begun), len(b.script.used["a"]))
		}
		if n := b.script.open.Load(); n != 0 {
			t.Errorf("%d VUs open", n)
		}
	})
}

func TestScale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{
			constant("short", 0, 1, time.Second, "100"),
			constant("long", 0, 1, 10*time.Second, "100"),
			{Name: "shared", Executor: plan.SharedIterations, VUs: 1, Iterations: 100, MaxDuration: time.Minute, Env: map[string]string{"TAKES": "100"}},
		}})
		b.after(2*time.Second, func() {
			wantError(t, b.Scale("brief", Level{VUs: 2}), `there is no scenario "brief"`)
			wantError(t, b.Scale("", Level{VUs: 2}), `say which scenario: "short", "long"`)
			wantError(t, b.Scale("short", Level{VUs: 2}), `scenario "short" has ended`)
			wantError(t, b.Scale("shared", Level{VUs: 2}), `scenario "shared": shared-iterations runs a fixed number of iterations on its VUs`)
			wantError(t, b.Scale("long", Level{VUs: -2}), `scenario "long": the number of VUs must be at least 0, got -2`)
			b.must(b.Scale("long", Level{VUs: 20}))
			synctest.Wait()
			if st := b.Status(); st.Scenarios[1].VUs != 20 || st.Scenarios[1].VUsPlanned != 20 || st.VUs != 21 || st.VUsMax < 21 {
				t.Errorf("%+v", st)
			}
		})
		if took := b.execute(t.Context()); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if st := b.Status(); st.Scenarios[1].Complete != 20+20*80 {
			t.Errorf("%+v", st)
		}
		most, _ := b.metrics().Select(metric.VUsMax, metric.Tags{})
		if most.Max < 21 {
			t.Errorf("vus_max up to %v", most.Max)
		}
	})
}

func TestScaleTheOnlyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := plan.Scenario{Name: "shared", Executor: plan.SharedIterations, VUs: 1, Iterations: 10, MaxDuration: time.Minute, Env: map[string]string{"TAKES": "100"}}
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 1, 2*time.Second, "100"), shared}})
		b.after(time.Second, func() { b.must(b.Scale("", Level{VUs: 3})) })
		b.execute(t.Context())
		if st := b.Status(); st.Scenarios[0].Complete != 10+30 {
			t.Errorf("%+v", st)
		}
		none := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{shared}})
		none.after(500*time.Millisecond, func() {
			wantError(t, none.Scale("", Level{VUs: 3}), "no scenario can be scaled: all run a fixed number of iterations")
		})
		none.execute(t.Context())
	})
}

// A scenario waits for the end of the other, whenever that is, and then for its
// own startTime, which stands still in a pause.
func TestStartAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := plan.Scenario{Name: "first", Executor: plan.PerVUIterations, VUs: 2, Iterations: 7, MaxDuration: time.Hour, Env: map[string]string{"TAKES": "100"}}
		second := constant("second", 2*time.Second, 2, time.Second, "300")
		second.StartAfter = "first"
		third := constant("third", 0, 2, time.Second, "100")
		third.StartAfter = "second"
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{third, second, first}})
		b.after(time.Second, func() { b.must(b.Pause()) }, 4*time.Second, func() { b.must(b.Resume()) })
		took := b.execute(t.Context())
		// first ends at 0.7 s, second begins 2 s of load later and ends with its
		// iterations 1.2 s after that.
		if got := b.script.begun["second"][0]; got != 5700*time.Millisecond {
			t.Errorf("second began at %v", got)
		}
		if got := b.script.begun["third"][0]; got != 6900*time.Millisecond {
			t.Errorf("third began at %v", got)
		}
		if took != 7900*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if used := b.script.used["third"]; len(used) != 2 || b.Status().VUsMax != 0 {
			t.Errorf("VUs %v", used)
		}
	})
}

func TestStartAfterWhatWasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := constant("next", 0, 2, time.Second, "300")
		next.StartAfter = "a"
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 1, time.Hour, "1000"), next}})
		b.after(2500*time.Millisecond, b.Stop)
		if took := b.execute(t.Context()); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if s := b.Status().Scenarios[1]; s.Started != 0 || s.State != "done" {
			t.Errorf("%+v", s)
		}
	})
}

func TestStartAfterNothing(t *testing.T) {
	a, z := constant("a", 0, 1, time.Second, "100"), constant("z", 0, 1, time.Second, "100")
	a.StartAfter = "b"
	b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{a, z}})
	wantError(t, b.Init(t.Context()), `scenario "a": startAfter names no scenario: "b"`)
	b.Close()
	a.StartAfter, z.StartAfter = "z", "a"
	b = newBench(t, &plan.Plan{Scenarios: []plan.Scenario{a, z}})
	wantError(t, b.Init(t.Context()), `scenario "a" waits for itself by startAfter`)
	b.Close()
}

// vuTeardown runs once on each VU that was set up, after the last iteration and
// before Close; what it throws is reported and counted.
func TestVUTeardown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{VUTeardownTimeout: 3 * time.Second, Scenarios: []plan.Scenario{constant("a", 0, 4, 2*time.Second, "300")}})
		var setUp, tornDown sync.Map
		b.script.setup = func(id vu.Identity) error {
			if _, again := setUp.LoadOrStore(id, true); again {
				t.Errorf("VU %d set up again", id.InInstance)
			}
			return nil
		}
		b.script.teardown = func(ctx context.Context, id vu.Identity) error {
			if _, again := tornDown.LoadOrStore(id, true); again {
				t.Errorf("VU %d torn down again", id.InInstance)
			}
			if b.Status().VUs != 0 || b.script.open.Load() != 4 {
				t.Errorf("torn down while %d VUs are at work, %d open", b.Status().VUs, b.script.open.Load())
			}
			switch id.InInstance {
			case 1:
				return &vu.Exception{Name: "Error", Message: "cannot log out"}
			case 2:
				<-ctx.Done()
				return &vu.Interrupted{Cause: context.Cause(ctx)}
			case 3:
				return errors.New("the runtime is broken")
			}
			return nil
		}
		if took := b.execute(t.Context()); took != 2100*time.Millisecond+3*time.Second {
			t.Errorf("took %v", took)
		}
		for n := range uint64(4) {
			if _, ok := tornDown.Load(vu.Identity{InInstance: n + 1, InTest: n + 1}); !ok {
				t.Errorf("VU %d was not torn down", n+1)
			}
		}
		if e, f := b.events.exceptions.Load(), b.events.faults.Load(); e != 2 || f != 1 {
			t.Errorf("%d exceptions, %d faults", e, f)
		}
		if n, _ := b.metrics().Select(metric.ScriptErrors, metric.Tags{}); n.Sum != 2 {
			t.Errorf("%v script errors", n.Sum)
		}
		if e := b.Status().Elapsed; e != 2100*time.Millisecond {
			t.Errorf("the load took %v", e)
		}
	})
}

func TestNoVUTeardownForTheImpatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 4, time.Hour, "300")}})
		b.script.teardown = func(context.Context, vu.Identity) error {
			t.Error("torn down")
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		b.after(time.Second, func() { cancel() })
		if took := b.execute(ctx); took != time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// After Execute the registry holds the last of all numbers, and no more come.
func TestNothingRecordsAfterExecute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 4, 2*time.Second, "300")}})
		var torn atomic.Int64
		custom := b.registry.Series(b.registry.Lookup(metric.DataSent), metric.Tags{})
		b.script.teardown = func(_ context.Context, id vu.Identity) error {
			time.Sleep(1300 * time.Millisecond)
			torn.Add(1)
			b.registry.Recorder(int(id.InInstance)).Record(custom, 1)
			return nil
		}
		b.execute(t.Context())
		set := b.metrics()
		if n, _ := set.Select(metric.Iterations, metric.Tags{}); n.Sum != 28 {
			t.Errorf("%v iterations", n.Sum)
		}
		if n, _ := set.Select(metric.DataSent, metric.Tags{}); n.Sum != 4 || torn.Load() != 4 {
			t.Errorf("%v of %d samples of vuTeardown", n.Sum, torn.Load())
		}
		if lag, _ := set.Select(metric.GeneratorLag, metric.Tags{}); lag.Count < 100 {
			t.Errorf("the generator was looked at %d times", lag.Count)
		}
		time.Sleep(time.Minute)
		if late := b.registry.Snapshot(time.Now()); len(late.Deltas) != 0 {
			t.Errorf("%d series changed afterwards", len(late.Deltas))
		}
	})
}

func TestVitalsAndMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 1, 3*time.Second, "300")}})
		b.after(2500*time.Millisecond, func() {
			b.SocketError()
			if v := b.Status().Vitals; v.Memory == 0 {
				t.Errorf("vitals %+v", v)
			}
		})
		b.execute(t.Context())
		if n, _ := b.metrics().Select(metric.GeneratorSocketErrors, metric.Tags{}); n.Sum != 1 {
			t.Errorf("%v socket errors", n.Sum)
		}
		marks := b.Marks()
		if len(marks) != 1 || marks[0].Cause != "sockets" {
			t.Errorf("marks %+v", marks)
		}
	})
}

// Runs of the segments of a test divide its VUs and their numbers.
func TestSegments(t *testing.T) {
	seen := make(map[uint64]int)
	for i := range 3 {
		synctest.Test(t, func(t *testing.T) {
			third := func(n int64) plan.Fraction { return plan.Fraction{Num: n, Den: 3} }
			b := newBench(t, &plan.Plan{
				Segment:   plan.Segment{Bounds: []plan.Fraction{{Num: 0, Den: 1}, third(1), third(2), {Num: 1, Den: 1}}, Index: i},
				Scenarios: []plan.Scenario{constant("a", 0, 8, time.Second, "100"), constant("tiny", 0, 1, time.Second, "100")},
			})
			var mu sync.Mutex
			mine := make(map[uint64]bool)
			b.script.top = func(id vu.Identity) error {
				mu.Lock()
				defer mu.Unlock()
				mine[id.InTest] = true
				return nil
			}
			b.execute(t.Context())
			for n := range mine {
				seen[n]++
			}
		})
	}
	for n, times := range seen {
		if times != 1 {
			t.Errorf("VU %d exists %d times", n, times)
		}
	}
	if len(seen) != 9 {
		t.Errorf("VUs %v, want 9", seen)
	}
}
