package executor

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// TestSpin runs scripts that do nothing but fail, in real time: they must
// neither keep each other from running nor hold up a stop.
func TestSpin(t *testing.T) {
	failures := map[string]error{
		"exception":   &vu.Exception{Name: "Error", Message: "at once"},
		"interrupted": &vu.Interrupted{Cause: errors.New("at once")},
		"nothing":     nil,
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			const vus, each = 50, 200
			var turns [vus]atomic.Int64
			var enough atomic.Int64
			p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "work", Executor: plan.ConstantVUs, VUs: vus, Duration: time.Hour}}}
			g := newStage(t, p, vus, nil)
			g.script.iterate = func(_ context.Context, v *fakeVU, _ vu.Iteration) error {
				if turns[v.id.InInstance-1].Add(1) == each && enough.Add(1) == vus {
					close(g.stop)
				}
				return failure
			}
			g.host.Events = ignore{}
			g.executor.Run(t.Context(), g.stop, g.crew)
			g.host.Pool.Close()
			complete, interrupted := g.crew.Ended()
			if got := complete + interrupted; got < vus*each || got != g.crew.Started() {
				t.Errorf("%d iterations ended of %d, want all and at least %d", got, g.crew.Started(), vus*each)
			}
			for i := range turns {
				if n := turns[i].Load(); n < each {
					t.Errorf("VU %d had %d turns", i+1, n)
				}
			}
		})
	}
}

// TestTurns has two VUs on one core that never wait: each lets the other have
// its turn long before the scheduler would make it.
func TestTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "work", Executor: plan.SharedIterations, VUs: 2, Iterations: 100_000, MaxDuration: time.Hour}}}
	g := newStage(t, p, 2, nil)
	var turns atomic.Int64
	var who atomic.Uint64
	g.script.iterate = func(_ context.Context, v *fakeVU, _ vu.Iteration) error {
		if who.Swap(v.id.InInstance) != v.id.InInstance {
			turns.Add(1)
		}
		return nil
	}
	g.executor.Run(t.Context(), g.stop, g.crew)
	g.host.Pool.Close()
	if n := turns.Load(); n < 100_000/yieldEvery/4 {
		t.Errorf("%d turns in 100000 iterations", n)
	}
}

type ignore struct{}

func (ignore) Exception(string, *vu.Exception) {}
func (ignore) Fault(string, error)             {}
