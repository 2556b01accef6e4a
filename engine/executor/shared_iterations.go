package executor

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// sharedIterations runs a number of iterations, each on whichever VU is first
// to be free. Of a test in segments each has the iterations that would fall to
// its VUs if they took turns.
type sharedIterations struct {
	*plan.Scenario
	vus   int   // ours
	total int64 // iterations, ours
}

func newSharedIterations(s *plan.Scenario, segment plan.Segment) *sharedIterations {
	vus := int64(s.VUs)
	ours := segment.Share(vus)
	return &sharedIterations{
		Scenario: s,
		vus:      int(ours),
		total:    s.Iterations/vus*ours + segment.Share(s.Iterations%vus),
	}
}

func (e *sharedIterations) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	var claimed atomic.Int64 // passes the total by at most the number of VUs
	s := c.open(ctx, stop)
	s.start(e.vus, func(w *worker) {
		// A claimed iteration always begins, so none is lost between two VUs.
		for w.wanted() && claimed.Add(1) <= e.total && w.iterate() {
		}
	})
	s.wait()
	c.drop(e.total - min(claimed.Load(), e.total))
}

func (e *sharedIterations) Planned(time.Duration) Level { return Level{VUs: e.vus} }

func (e *sharedIterations) Progress(_ time.Duration, ended uint64) float64 {
	return share(float64(ended), float64(e.total))
}

func (e *sharedIterations) Scale(Level) error { return fixed(e.Scenario) }
