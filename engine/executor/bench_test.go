package executor

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// An iteration of a script that does nothing, all accounts included.
func BenchmarkIteration(b *testing.B) {
	benchmarkIterations(b, &plan.Plan{}, 1)
}

// The same with iterationTimeout, whose timer is set anew each time.
func BenchmarkIterationWithTimeout(b *testing.B) {
	benchmarkIterations(b, &plan.Plan{IterationTimeout: time.Minute}, 1)
}

// The same by as many VUs as there are cores: what they share costs.
func BenchmarkIterationAllCores(b *testing.B) {
	benchmarkIterations(b, &plan.Plan{}, runtime.GOMAXPROCS(0))
}

// benchmarkIterations divides b.N iterations among the VUs.
func benchmarkIterations(b *testing.B, p *plan.Plan, vus int) {
	p.Scenarios = []plan.Scenario{{Name: "work", Executor: plan.ConstantVUs, VUs: vus, Duration: time.Hour}}
	g := newStage(b, p, vus, nil)
	last := uint64(b.N/vus + 1)
	g.script.iterate = func(_ context.Context, v *fakeVU, it vu.Iteration) error {
		if it.InVU == last && v.id.InInstance == 1 {
			close(g.stop)
		}
		return nil
	}
	b.ReportAllocs()
	b.ResetTimer()
	g.executor.Run(b.Context(), g.stop, g.crew)
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(g.crew.Started()), "ns/iteration")
	g.host.Pool.Close()
}

// Making VUs that cost nothing, and putting them back: what the pool costs.
func BenchmarkStartVUs(b *testing.B) {
	const vus = 10_000
	p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "work", Executor: plan.PerVUIterations, VUs: vus, Iterations: 1, MaxDuration: time.Hour}}}
	g := newStage(b, p, vus, func(context.Context, *fakeVU, vu.Iteration) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		g.executor.Run(b.Context(), g.stop, g.crew)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/vus, "ns/VU")
	g.host.Pool.Close()
}
