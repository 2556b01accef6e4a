// Package executor decides when virtual users run iterations.
//
// An [Executor] is the timetable of one scenario; a [Crew] is the VUs that work
// by it and the account of what they did. The life of every scenario is the
// same whatever its executor:
//
//	running   VUs begin iterations as the executor says
//	stopping  the span is over or a stop was asked for: no iteration begins, the
//	          running ones have gracefulStop to end
//	done      what still ran has been interrupted; all VUs are back in the pool
//
// What is planned over time is computed by the pure functions of schedule.go.
package executor

import (
	"context"
	"fmt"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// Executor runs one scenario.
//
// Run is called once. Planned and Progress are pure functions of their
// arguments and may be called from any goroutine, before, during and after Run.
type Executor interface {
	// Run works the scenario with c from now to its end: until the span is over,
	// until all iterations are done, until stop is closed (then gracefully) or
	// until ctx ends (then at once). When it returns, every goroutine it
	// started has ended and every VU it took is back in the pool. Iterations
	// that were planned but not begun are in the account as dropped.
	Run(ctx context.Context, stop <-chan struct{}, c *Crew)
	// Planned returns the most VUs that should work at that time after the
	// start of the scenario.
	Planned(elapsed time.Duration) int
	// Progress returns how far the scenario is, 0 to 1, at that time after its
	// start and with that many iterations ended in one way or another.
	Progress(elapsed time.Duration, ended uint64) float64
}

// New returns the executor of the scenario. This switch is the list of
// executors there are.
func New(s *plan.Scenario) (Executor, error) {
	switch s.Executor {
	case plan.ConstantVUs:
		return &constantVUs{s}, nil
	case plan.SharedIterations:
		return &sharedIterations{s}, nil
	case plan.PerVUIterations:
		return &perVUIterations{s}, nil
	case plan.RampingVUs:
		return &rampingVUs{s, ramp{s.StartVUs, s.Stages}}, nil
	}
	return nil, fmt.Errorf("scenario %q: unknown executor %q", s.Name, s.Executor)
}

// share returns part/whole within 0 and 1; nothing of nothing is all of it.
func share(part, whole float64) float64 {
	if whole <= 0 {
		return 1
	}
	return max(0, min(1, part/whole))
}
