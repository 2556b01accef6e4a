package executor

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// setupTest is a scenario of two VUs, closed or open, whose vuSetup does
// something.
type setupTest struct {
	name   string
	change func(p *plan.Plan)
	setUp  func(ctx context.Context, attempt int64, v *fakeVU) error
	during func(g *stage)
	closed func(t *testing.T, g *stage)
	open   func(t *testing.T, g *stage)
}

// firsts returns when the first iteration of each VU began.
func firsts(g *stage) map[uint64]time.Duration {
	all := make(map[uint64]time.Duration)
	for _, l := range g.log {
		if l.InVU == 0 {
			all[l.vu.InInstance] = l.begin
		}
	}
	return all
}

func scriptErrors(g *stage) float64 {
	v, _ := g.recorded.Select(metric.ScriptErrors, metric.Tags{})
	return v.Sum
}

var setupTests = []setupTest{
	{
		name: "iterations follow it, and it is no part of them",
		setUp: func(ctx context.Context, _ int64, v *fakeVU) error {
			return sleep(ctx, time.Duration(v.id.InInstance)*time.Second)
		},
		closed: func(t *testing.T, g *stage) {
			if f := firsts(g); f[1] != time.Second || f[2] != 2*time.Second {
				t.Errorf("first iterations at %v", f)
			}
			wantIterations(t, g, 9+8, 0)
			if d, _ := g.recorded.Select(metric.IterationDuration, metric.Tags{}); d.Max != 1000 {
				t.Errorf("iteration_duration up to %v", d.Max)
			}
		},
		open: func(t *testing.T, g *stage) {
			// The schedule begins when all are ready.
			wantIterations(t, g, 10, 0)
			for _, l := range g.log {
				if l.Delay != 0 || l.begin < 2*time.Second {
					t.Errorf("an iteration began at %v, delayed by %v", l.begin, l.Delay)
				}
			}
			if e := g.crew.Elapsed(); e != span {
				t.Errorf("the scenario took %v", e)
			}
		},
	},
	{
		name: "an exception is a script error, and the VU tries again",
		setUp: func(ctx context.Context, attempt int64, v *fakeVU) error {
			if v.id.InInstance == 2 && attempt <= 3 {
				return &vu.Exception{Name: "Error", Message: "no login"}
			}
			return nil
		},
		closed: func(t *testing.T, g *stage) {
			if f := firsts(g); f[1] != 0 || f[2] != 3*time.Second {
				t.Errorf("first iterations at %v", f)
			}
			if len(g.exceptions) != 3 || scriptErrors(g) != 3 {
				t.Errorf("%d exceptions, %v script errors", len(g.exceptions), scriptErrors(g))
			}
		},
		open: func(t *testing.T, g *stage) {
			wantIterations(t, g, 10, 0)
			if len(g.exceptions) != 3 || scriptErrors(g) != 3 {
				t.Errorf("%d exceptions, %v script errors", len(g.exceptions), scriptErrors(g))
			}
		},
	},
	{
		name:   "it has its timeout",
		change: func(p *plan.Plan) { p.VUSetupTimeout = 2 * time.Second },
		setUp: func(ctx context.Context, attempt int64, v *fakeVU) error {
			if attempt == 1 {
				return sleep(ctx, time.Hour)
			}
			return nil
		},
		closed: func(t *testing.T, g *stage) {
			if f := firsts(g); f[1] != 3*time.Second || f[2] != 3*time.Second {
				t.Errorf("first iterations at %v", f)
			}
			if len(g.exceptions) != 2 || g.exceptions[0].Error() != "TimeoutError: vuSetup interrupted after the vuSetupTimeout of 2s" {
				t.Errorf("exceptions %v", g.exceptions)
			}
		},
		open: func(t *testing.T, g *stage) {
			if len(g.exceptions) != 2 || g.crew.Elapsed() != span {
				t.Errorf("exceptions %v, it took %v", g.exceptions, g.crew.Elapsed())
			}
			wantIterations(t, g, 10, 0)
		},
	},
	{
		name: "a fault costs the VU, which is replaced",
		setUp: func(ctx context.Context, attempt int64, v *fakeVU) error {
			if attempt == 1 {
				return errors.New("the runtime is broken")
			}
			return nil
		},
		closed: func(t *testing.T, g *stage) {
			if len(g.faults) != 2 || len(g.script.made) != 4 || len(firsts(g)) != 2 {
				t.Errorf("%d faults, %d VUs made, %d worked", len(g.faults), len(g.script.made), len(firsts(g)))
			}
		},
		open: func(t *testing.T, g *stage) {
			if len(g.faults) != 2 || len(g.script.made) != 4 {
				t.Errorf("%d faults, %d VUs made", len(g.faults), len(g.script.made))
			}
			wantIterations(t, g, 10, 0)
		},
	},
	{
		name: "stop ends it",
		setUp: func(ctx context.Context, _ int64, _ *fakeVU) error {
			return sleep(ctx, time.Hour)
		},
		during: func(g *stage) {
			time.Sleep(3 * time.Second)
			close(g.stop)
		},
		closed: func(t *testing.T, g *stage) {
			wantTook(t, g, 3*time.Second)
			wantIterations(t, g, 0, 0)
			if len(g.exceptions) != 0 {
				t.Errorf("exceptions %v", g.exceptions)
			}
		},
		open: func(t *testing.T, g *stage) {
			if g.took != 3*time.Second || len(g.exceptions) != 0 {
				t.Errorf("it took %v; exceptions %v", g.took, g.exceptions)
			}
			wantIterations(t, g, 0, 0)
		},
	},
}

func TestSetUp(t *testing.T) {
	scenarios := map[string]plan.Scenario{
		"closed": {Name: "work", Executor: plan.ConstantVUs, VUs: 2, Duration: span, GracefulStop: grace},
		"open": {Name: "work", Executor: plan.ConstantArrivalRate, Rate: 1, TimeUnit: time.Second, Duration: span, GracefulStop: grace,
			PreAllocatedVUs: 2, MaxVUs: 2, MaxIterationDelay: 100 * time.Millisecond},
	}
	for _, c := range setupTests {
		for model, scenario := range scenarios {
			t.Run(c.name+"/"+model, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := &plan.Plan{Scenarios: []plan.Scenario{scenario}}
					if c.change != nil {
						c.change(p)
					}
					g := newStage(t, p, 2, func(ctx context.Context, _ *fakeVU, _ vu.Iteration) error { return sleep(ctx, time.Second) })
					var attempts [3]atomic.Int64
					g.script.setUp = func(ctx context.Context, v *fakeVU) error {
						return c.setUp(ctx, attempts[v.id.InInstance].Add(1), v)
					}
					if c.during != nil {
						go c.during(g)
					}
					g.run(t.Context())
					if model == "open" {
						c.open(t, g)
					} else {
						c.closed(t, g)
					}
				})
			})
		}
	}
}

// What a VU has set up stays, whoever works with it next.
func TestSetUpOnce(t *testing.T) {
	p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "work", Executor: plan.PerVUIterations, VUs: 3, Iterations: 4, MaxDuration: span}}}
	g := newStage(t, p, 3, func(context.Context, *fakeVU, vu.Iteration) error { return nil })
	var setUps atomic.Int64
	g.script.setUp = func(context.Context, *fakeVU) error {
		setUps.Add(1)
		return nil
	}
	g.executor.Run(t.Context(), g.stop, g.crew)
	again := NewCrew(g.host, g.scenario)
	e, err := New(g.scenario, plan.Segment{})
	if err != nil {
		t.Fatal(err)
	}
	e.Run(t.Context(), g.stop, again)
	if n := setUps.Load(); n != 3 || again.Started() != 12 {
		t.Errorf("vuSetup ran %d times for %d iterations", n, again.Started())
	}
	g.host.Pool.Close()
}
