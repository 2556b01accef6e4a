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
// Run is called once. The others may be called from any goroutine, before,
// during and after Run; but for what Scale changes, Planned and Progress are
// pure functions of their arguments. Times are load time, see Stopwatch.
type Executor interface {
	// Run works the scenario with c from now to its end: until the span is over,
	// until all iterations are done, until stop is closed (then gracefully) or
	// until ctx ends (then at once). When it returns, every goroutine it
	// started has ended and every VU it took is back in the pool. Iterations
	// that were planned but not begun are in the account as dropped.
	Run(ctx context.Context, stop <-chan struct{}, c *Crew)
	// Scale changes the load from now on, or from the start if that is yet to
	// come; see Level. It may be called from any goroutine, also while Run has
	// not begun or has ended (then it has no effect). The error says why this
	// executor cannot: one lower-case line.
	Scale(to Level) error
	// Planned returns the most VUs that should work at that time after the
	// start of the scenario, or the arrival rate then, or what Scale made of it.
	Planned(elapsed time.Duration) Level
	// Progress returns how far the scenario is, 0 to 1, at that time after its
	// start and with that many iterations ended in one way or another.
	Progress(elapsed time.Duration, ended uint64) float64
}

// Level is how much load a scenario is to make.
type Level struct {
	VUs  int     // closed models
	Rate float64 // open models: iterations per second, all runners together
	// SpawnRate is how many VUs come or go per second on the way; 0: as the
	// plan says, or at once.
	SpawnRate float64
	// End says that the scenario has had its time: no iteration begins any
	// more, and it ends as if its span were over. Shapes and searches use it.
	End bool
}

// New returns the executor of the scenario, for a segment of the test. This
// switch is the list of executors there are.
func New(s *plan.Scenario, segment plan.Segment) (Executor, error) {
	switch s.Executor {
	case plan.SharedIterations:
		return newSharedIterations(s, segment), nil
	case plan.PerVUIterations:
		return newPerVUIterations(s, segment), nil
	case plan.ConstantVUs, plan.RampingVUs, plan.ExternallyControlled, plan.Users:
		return newLadder(s, segment), nil
	case plan.Shape:
		if !s.Open {
			return newLadder(s, segment), nil
		}
		return newArrivals(s, segment), nil
	case plan.ConstantArrivalRate, plan.RampingArrivalRate, plan.Capacity:
		return newArrivals(s, segment), nil
	}
	return nil, fmt.Errorf("scenario %q: unknown executor %q", s.Name, s.Executor)
}

// Scales reports whether the scenario's load can be changed while it runs.
func Scales(s *plan.Scenario) bool {
	return s.Executor != plan.SharedIterations && s.Executor != plan.PerVUIterations
}

// fixed is why an executor refuses to Scale.
func fixed(s *plan.Scenario) error {
	return fmt.Errorf("%s runs a fixed number of iterations on its VUs", s.Executor)
}

// share returns part/whole within 0 and 1; nothing of nothing is all of it.
func share(part, whole float64) float64 {
	if whole <= 0 {
		return 1
	}
	return max(0, min(1, part/whole))
}
