package executor

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// ladder is the executor of the closed models: it keeps as many VUs iterating
// as are wanted at each time, by a course that the plan lays and Scale may
// replace. A VU stands on a rung of its own; the lowest rungs are wanted first.
type ladder struct {
	*plan.Scenario
	stripe plan.Stripe // which rungs of the whole test are ours
	grace  time.Duration
	most   int // VUs it can be scaled to, in the whole test

	mu       sync.Mutex
	course   course
	rerouted chan struct{} // closed when there is another course
	shift    *shift        // while it runs
	over     bool          // it has had its time
}

func newLadder(s *plan.Scenario, segment plan.Segment) *ladder {
	e := &ladder{
		Scenario: s,
		stripe:   segment.Stripe(),
		grace:    s.GracefulStop,
		most:     plan.MaxVUs,
		course:   climb{to: s.VUs},
		rerouted: make(chan struct{}),
	}
	if s.MaxVUs > 0 {
		e.most = s.MaxVUs
	}
	switch s.Executor {
	case plan.RampingVUs:
		e.course, e.grace = ramp{s.StartVUs, s.Stages}, s.GracefulRampDown
	case plan.Users:
		if len(s.Classes) > 0 {
			e.most = min(e.most, newMix(s.Classes).room)
		}
		e.course = climb{to: min(s.VUs, e.most), rate: s.SpawnRate}
	case plan.Shape:
		e.course = climb{} // until the shape says more
	}
	return e
}

func (e *ladder) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	s := c.open(ctx, stop)
	l := newRungs(s, e)
	defer l.timer.Stop()
	e.begin(s)
	for {
		course, rerouted := e.route()
		if l.follow(course, rerouted) {
			break
		}
	}
	e.end()
	l.empty()
}

// begin makes the shift known to Scale, end makes it unknown.
func (e *ladder) begin(s *shift) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shift = s
	if e.over {
		s.end()
	}
}

func (e *ladder) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shift, e.over = nil, true
}

func (e *ladder) route() (course, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.course, e.rerouted
}

func (e *ladder) Scale(to Level) error {
	switch {
	case to.End:
	case to.Rate != 0:
		return fmt.Errorf("%s goes by a number of VUs, not by a rate", e.Executor)
	case to.VUs < 0:
		return fmt.Errorf("the number of VUs must be at least 0, got %d", to.VUs)
	case to.VUs > e.most && e.MaxVUs == e.most:
		return fmt.Errorf("the scenario has at most %d VUs (maxVUs), got %d", e.most, to.VUs)
	case to.VUs > e.most && e.Executor == plan.Users && e.most < plan.MaxVUs:
		return fmt.Errorf("the classes have a fixedCount of %d users together and none has a weight, got %d", e.most, to.VUs)
	case to.VUs > e.most:
		return fmt.Errorf("a scenario has at most %d VUs, got %d", e.most, to.VUs)
	case !(to.SpawnRate >= 0) || math.IsInf(to.SpawnRate, 1):
		return fmt.Errorf("the spawn rate must be a number from 0, got %v", to.SpawnRate)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return nil
	}
	if to.End {
		e.over = true
		if e.shift != nil {
			e.shift.end()
		}
		return nil
	}
	next := climb{to: to.VUs, rate: to.SpawnRate}
	if next.rate == 0 {
		next.rate = e.SpawnRate
	}
	if e.shift != nil {
		next.at = e.shift.time.Now() - e.shift.from
		next.from = e.course.vus(next.at)
	}
	e.course = next
	close(e.rerouted)
	e.rerouted = make(chan struct{})
	return nil
}

func (e *ladder) Planned(elapsed time.Duration) Level {
	course, _ := e.route()
	return Level{VUs: e.share(course.vus(elapsed))}
}

// share returns how many of the lowest n rungs of the test are ours.
func (e *ladder) share(n int) int { return int(e.stripe.Share(int64(n))) }

func (e *ladder) Progress(elapsed time.Duration, _ uint64) float64 {
	if e.Unbounded() {
		return 0
	}
	return share(float64(elapsed), float64(e.Span()))
}
