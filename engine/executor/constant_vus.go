package executor

import (
	"context"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// constantVUs keeps a number of VUs iterating for a time.
type constantVUs struct{ *plan.Scenario }

func (e *constantVUs) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	s := c.open(ctx, stop)
	s.start(e.VUs, func(w *worker) {
		for w.wanted() && w.iterate() {
		}
	})
	s.wait()
}

func (e *constantVUs) Planned(time.Duration) Level { return Level{VUs: e.VUs} }

func (e *constantVUs) Progress(elapsed time.Duration, _ uint64) float64 {
	return share(float64(elapsed), float64(e.Span()))
}

func (e *constantVUs) Scale(Level) error { panic("contract") }
