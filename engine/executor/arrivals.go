package executor

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// arrivals is the executor of the open models: iterations begin when they are
// due, by a timetable that the plan lays and Scale may change from then on,
// and no VU's slowness puts one off. What cannot begin within
// maxIterationDelay because no VU is free is dropped, and counted.
type arrivals struct {
	*plan.Scenario
	stripe plan.Stripe // which iterations of the whole test are ours
	vus    int         // to begin with
	most   int

	mu    sync.Mutex
	rates rates
	desk  *desk // while it runs
	over  bool  // it has had its time
}

func newArrivals(s *plan.Scenario, segment plan.Segment) *arrivals {
	e := &arrivals{
		Scenario: s,
		stripe:   segment.Stripe(),
		vus:      int(segment.Share(int64(s.PreAllocatedVUs))),
	}
	e.most = max(e.vus, int(segment.Share(int64(s.MaxVUs))))
	switch s.Executor {
	case plan.RampingArrivalRate:
		e.rates = rampingRate(s.StartRate, s.Stages, s.TimeUnit)
	case plan.Shape:
		e.rates = constantRate(0, time.Second) // until the shape says more
	default:
		e.rates = constantRate(s.Rate, s.TimeUnit)
	}
	return e
}

func (e *arrivals) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	members := c.prepare(ctx, stop, e.vus)
	select {
	case <-stop:
		for _, m := range members {
			c.host.Pool.Put(m)
		}
		return
	default:
	}
	d := e.begin(c.open(ctx, stop))
	d.serve(members)
	e.end()
}

// begin makes a desk that is known to Scale, end makes it unknown.
func (e *arrivals) begin(s *shift) *desk {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.desk = newDesk(s, e)
	if e.over {
		s.end()
	}
	return e.desk
}

func (e *arrivals) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.desk, e.over = nil, true
}

func (e *arrivals) Scale(to Level) error {
	switch {
	case to.End:
	case to.VUs != 0:
		return fmt.Errorf("%s goes by a rate, not by a number of VUs", e.Executor)
	case !(to.Rate >= 0) || math.IsInf(to.Rate, 1):
		return fmt.Errorf("the rate must be a number from 0, got %v", to.Rate)
	case to.Rate > maxScaled:
		return fmt.Errorf("the rate must be at most %v per second, got %v", maxScaled, to.Rate)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return nil
	}
	if to.End {
		e.over = true
		if e.desk != nil {
			e.desk.shift.end()
		}
		return nil
	}
	if e.desk == nil { // it is yet to begin
		e.rates = constantRate(0, time.Second).scaled(0, to.Rate, 0)
		return nil
	}
	e.rates = e.rates.scaled(e.desk.time(), to.Rate, e.MaxIterationDelay+time.Second)
	e.desk.change(e.rates)
	return nil
}

// Planned returns our share of the rate.
func (e *arrivals) Planned(elapsed time.Duration) Level {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Level{Rate: e.rates.at(elapsed) * e.stripe.Part()}
}

func (e *arrivals) Progress(elapsed time.Duration, _ uint64) float64 {
	if e.Unbounded() {
		return 0
	}
	return share(float64(elapsed), float64(e.Span()))
}
