package control

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/plan"
	"pgregory.net/rapid"
)

func searched(most int64) *plan.Scenario {
	return &plan.Scenario{
		Name: "find", Executor: plan.Capacity, Rate: 100, TimeUnit: 2 * time.Second, MaxDuration: time.Hour,
		Search: plan.Search{MaxRate: most, Step: 10 * time.Second, Settle: 2 * time.Second, Hold: 30 * time.Second, Precision: 0.05},
	}
}

// saw is what a target shows that can do so many iterations per time unit.
func saw(p capacity.Probe, capable int64) capacity.Observation {
	o := capacity.Observation{Span: p.Length - p.Settle, Achieved: float64(p.Rate)}
	if p.Rate > capable {
		o.Achieved, o.Dropped = float64(capable), 1_000_000
	}
	return o
}

// TestSearchIsFollowed: what is shown is the probe under way, at every step.
func TestSearchIsFollowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := searched(rapid.Int64Range(100, 100_000).Draw(t, "most"))
		capable := rapid.Int64Range(1, 200_000).Draw(t, "capable")
		search := capacity.New(p)
		for steps := 0; ; steps++ {
			probe, more := search.Next()
			report := search.Report()
			got := NewSearch(p, report)
			want := Search{Scenario: "find", Phase: probe.Phase, Rate: float64(probe.Rate) / 2, Best: got.Best, Broke: float64(report.Broke) / 2, Steps: steps}
			if !more {
				want.Phase, want.Rate, want.Best = "done", 0, float64(report.Rate)/2
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			if got.Broke > 0 && got.Best >= got.Broke || got.Best > float64(capable)/2 {
				t.Fatalf("best %g of a target that can %g; broke %g", got.Best, float64(capable)/2, got.Broke)
			}
			if !more {
				return
			}
			search.Saw(saw(probe, capable))
		}
	})
}
