package executor

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// worker is one VU at work in a crew. It belongs to one goroutine.
type worker struct {
	crew   *Crew
	shift  *shift
	member *vu.Member
	rec    *metric.Recorder
	tally  *tally

	// soft and hard are those of the shift, or of a part of it.
	soft <-chan struct{}
	hard context.Context

	it    vu.Iteration  // the latest
	begun uint64        // iterations begun in this scenario
	lost  bool          // the VU faulted and could not be replaced
	now   time.Duration // latest reading of the clock
	timer *time.Timer   // of pause; nil before the first
	limit *limit        // nil without iterationTimeout
}

func newWorker(s *shift, m *vu.Member) *worker {
	c := s.crew
	n := int(m.ID.InInstance)
	w := &worker{
		crew:   c,
		shift:  s,
		member: m,
		rec:    c.host.Registry.Recorder(n),
		tally:  &c.tallies[n%len(c.tallies)],
		soft:   s.soft.Done(),
		hard:   s.hard,
		it:     vu.Iteration{Scenario: c.scenario},
		begun:  c.begun[n-1],
		now:    c.host.Clock.Now(),
	}
	if d := c.host.Plan.IterationTimeout; d > 0 {
		w.limit = &limit{after: d}
	}
	return w
}

// leave ends the work and returns the VU to the pool. With record the gauge of
// VUs shows it, unless the scenario is ending: then it would only show that.
func (w *worker) leave(record bool) {
	c := w.crew
	if w.limit != nil {
		w.limit.end()
	}
	c.begun[w.member.ID.InInstance-1] = w.begun
	c.count(-1, record && !w.over())
	c.host.Pool.Put(w.member)
}

// wanted reports whether another iteration is to begin. Comparing the clock,
// read anyway, makes the end of the span exact however busy the machine is.
func (w *worker) wanted() bool {
	if w.now >= w.shift.until {
		return false
	}
	select {
	case <-w.soft:
		return false
	default:
		return true
	}
}

// over reports whether the whole shift has ended.
func (w *worker) over() bool {
	return w.now >= w.shift.until || w.shift.soft.Err() != nil
}

// yieldEvery is how many iterations a VU runs before it lets others have the
// processor: iterations that never wait must not hold it until they are
// preempted, 10 ms later, which with thousands of VUs would be no turn at all
// for some of them.
const yieldEvery = 64

// iterate runs one iteration, records it and waits for the rest of
// minIterationDuration. It returns false when the worker has no VU any more.
func (w *worker) iterate() bool {
	c := w.crew
	w.it.InVU = w.begun
	w.it.InScenario = c.started.Add(1) - 1
	w.begun++
	ctx := w.hard
	if w.limit != nil {
		ctx = w.limit.begin(w.hard)
	}
	begin := c.host.Clock.Now()
	err := w.member.VU.Iterate(ctx, w.it)
	w.now = c.host.Clock.Now()
	timedOut := w.limit != nil && w.limit.reached()

	if err != nil {
		if ended, ok := w.failed(err, timedOut); !ended {
			return ok
		}
	}
	took := w.now - begin
	w.tally.complete.Add(1)
	w.rec.Record(c.iterations, 1)
	w.rec.Record(c.duration, float64(took)/float64(time.Millisecond))
	if least := c.host.Plan.MinIterationDuration; took < least {
		w.pause(least - took)
	} else if w.begun%yieldEvery == 0 {
		runtime.Gosched()
	}
	return true
}

// failed accounts for an iteration's error. ended says that the iteration came
// to its end nevertheless, by an exception; ok that the worker can go on.
func (w *worker) failed(err error, timedOut bool) (ended, ok bool) {
	c := w.crew
	runtime.Gosched() // what fails at once, and again, is no reason to starve others
	if e, is := errors.AsType[*vu.Exception](err); is {
		w.exception(e)
		return true, true
	}
	w.tally.interrupted.Add(1)
	if _, is := errors.AsType[*vu.Interrupted](err); is {
		if timedOut {
			w.exception(&vu.Exception{Name: "TimeoutError", Message: "iteration interrupted after the iterationTimeout of " + w.limit.after.String()})
		}
		return false, true
	}
	c.host.Events.Fault(c.plan.Name, err)
	return false, w.replace()
}

func (w *worker) exception(e *vu.Exception) {
	w.rec.Record(w.crew.exceptions, 1)
	w.crew.host.Events.Exception(w.crew.plan.Name, e)
}

// replace gives the worker a new VU, and returns whether it has one. That it
// does not because the scenario was cut off meanwhile is no loss.
func (w *worker) replace() bool {
	err := w.crew.host.Pool.Replace(w.hard, w.member)
	w.now = w.crew.host.Clock.Now()
	if err == nil {
		return true
	}
	if w.hard.Err() == nil {
		w.lost = true
		w.crew.lose(err)
	}
	return false
}

// ready reports whether the worker has a VU, after making one if it must.
func (w *worker) ready() bool { return w.member.VU != nil || w.replace() }

// pause waits for d, or until no iteration is to begin any more.
func (w *worker) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	if w.timer == nil {
		w.timer = time.NewTimer(d)
	} else {
		w.timer.Reset(d)
	}
	select {
	case <-w.timer.C:
	case <-w.soft:
		w.timer.Stop()
	}
	w.now = w.crew.host.Clock.Now()
}
