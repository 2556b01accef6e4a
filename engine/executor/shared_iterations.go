package executor

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// sharedIterations runs a number of iterations, each on whichever VU is first
// to be free.
type sharedIterations struct{ *plan.Scenario }

func (e *sharedIterations) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	var claimed atomic.Int64 // passes the total by at most the number of VUs
	s := c.open(ctx, stop)
	s.start(e.VUs, func(w *worker) {
		// A claimed iteration always begins, so none is lost between two VUs.
		for w.wanted() && claimed.Add(1) <= e.Iterations && w.iterate() {
		}
	})
	s.wait()
	c.drop(e.Iterations - min(claimed.Load(), e.Iterations))
}

func (e *sharedIterations) Planned(time.Duration) Level { return Level{VUs: e.VUs} }

func (e *sharedIterations) Progress(_ time.Duration, ended uint64) float64 {
	return share(float64(ended), float64(e.Iterations))
}

func (e *sharedIterations) Scale(Level) error { panic("contract") }
