package executor

import (
	"context"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// perVUIterations runs a number of iterations on each VU.
type perVUIterations struct {
	*plan.Scenario
	vus int // ours
}

func newPerVUIterations(s *plan.Scenario, segment plan.Segment) *perVUIterations {
	return &perVUIterations{s, int(segment.Share(int64(s.VUs)))}
}

func (e *perVUIterations) total() int64 { return int64(e.vus) * e.Iterations }

func (e *perVUIterations) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	s := c.open(ctx, stop)
	s.start(e.vus, func(w *worker) {
		for left := e.Iterations; left > 0 && w.wanted() && w.iterate(); left-- {
		}
	})
	s.wait()
	c.drop(e.total() - int64(c.Started()))
}

func (e *perVUIterations) Planned(time.Duration) Level { return Level{VUs: e.vus} }

func (e *perVUIterations) Progress(_ time.Duration, ended uint64) float64 {
	return share(float64(ended), float64(e.total()))
}

func (e *perVUIterations) Scale(Level) error { return fixed(e.Scenario) }
