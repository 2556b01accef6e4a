package executor

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// worker is one VU at work in a crew. It belongs to one goroutine.
type worker struct {
	crew   *Crew
	shift  *shift
	member *vu.Member
	role   *role
	rec    *metric.Recorder
	tally  *tally

	// soft and hard are those of the shift, or of a part of it.
	soft <-chan struct{}
	hard context.Context

	it    vu.Iteration  // the latest
	due   time.Duration // load time at which the next iteration is due; negative: at no time
	begun uint64        // iterations begun in this scenario
	lost  bool          // the VU faulted and could not be replaced
	now   time.Duration // latest reading of the clock
	bed   alarm.Bed     // of pause
	limit *limit        // nil without iterationTimeout
	seat                // at the desk, while it waits there
	call  chan bool     // to its next iteration from there; false: home
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
		due:    unscheduled,
		begun:  c.begunBy(m.ID),
		now:    c.host.Clock.Now(),
	}
	w.play(&c.roles[0])
	if d := c.host.Plan.IterationTimeout; d > 0 {
		w.limit = &limit{after: d}
	}
	return w
}

// play gives the worker a role.
func (w *worker) play(r *role) {
	w.role = r
	w.it.Scenario = r.scenario
}

// leave ends the work and returns the VU to the pool. With record the gauge of
// VUs shows it, unless the scenario is ending: then it would only show that.
func (w *worker) leave(record bool) {
	c := w.crew
	if w.limit != nil {
		w.limit.end()
	}
	c.leaves(w.member.ID, w.begun)
	c.count(-1, record && !w.over())
	c.host.Pool.Put(w.member)
}

// wanted reports whether another iteration is to begin, and waits for that
// while the run is paused. Comparing the clock, read anyway, makes the end of
// the span exact however busy the machine is.
func (w *worker) wanted() bool {
	l := w.shift.time.lap.Load()
	if (l.paused || w.now-l.offset >= w.shift.until) && !w.resumes() {
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
	return w.shift.time.lap.Load().at(w.now) >= w.shift.until || w.shift.soft.Err() != nil
}

// yieldEvery is how many iterations a VU runs before it lets others have the
// processor: iterations that never wait must not hold it until they are
// preempted, 10 ms later, which with thousands of VUs would be no turn at all
// for some of them.
const yieldEvery = 64

// unscheduled is the time at which an iteration is due that begins when its VU
// is ready, and not at a time.
const unscheduled = time.Duration(-1)

// iterate runs one iteration, records it and waits for the rest of
// minIterationDuration. It returns false when the worker has no VU any more.
func (w *worker) iterate() bool {
	c := w.crew
	w.it.InVU = w.begun
	w.it.InScenario = c.started.Add(1) - 1
	w.it.InTest = uint64(c.inTest(int64(w.it.InScenario)))
	w.begun++
	ctx := w.hard
	if w.limit != nil {
		ctx = w.limit.begin(w.hard)
	}
	begin := c.host.Clock.Now()
	if w.it.Scheduled = w.due != unscheduled; w.it.Scheduled {
		w.it.Delay = max(0, c.host.Stopwatch.lap.Load().at(begin)-w.due)
	}
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
	w.rec.Record(w.role.iterations, 1)
	w.rec.Record(w.role.duration, milliseconds(took))
	if w.it.Scheduled {
		w.rec.Record(w.role.delay, milliseconds(w.it.Delay))
		w.rec.Record(w.role.response, milliseconds(took+w.it.Delay))
	}
	if c.host.Plan.MinIterationDuration > 0 {
		w.pace(begin)
	} else if w.begun%yieldEvery == 0 {
		runtime.Gosched()
	}
	return true
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// pace makes the next iteration due minIterationDuration after the one that
// began, and waits for that. An iteration that was due anyway has its own time.
func (w *worker) pace(begin time.Duration) {
	least := w.crew.host.Plan.MinIterationDuration
	if !w.crew.plan.Arrives() {
		w.due = w.crew.host.Stopwatch.lap.Load().at(begin) + least
	}
	if rest := begin + least - w.now; rest > 0 {
		w.pause(rest)
	}
}

// failed accounts for an iteration's error. ended says that the iteration came
// to its end nevertheless, by an exception; ok that the worker can go on.
func (w *worker) failed(err error, timedOut bool) (ended, ok bool) {
	c := w.crew
	w.due = unscheduled
	runtime.Gosched() // what fails at once, and again, is no reason to starve others
	if e, is := errors.AsType[*vu.Exception](err); is {
		w.exception(e)
		return true, true
	}
	w.tally.interrupted.Add(1)
	if _, is := errors.AsType[*vu.Interrupted](err); is {
		if timedOut {
			w.exception(timeout("iteration", "iterationTimeout", w.limit.after))
		}
		return false, w.hard.Err() == nil // hard may have ended before soft, its child
	}
	c.host.Events.Fault(c.plan.Name, err)
	return false, w.replace() && w.setUp()
}

func timeout(what, option string, after time.Duration) *vu.Exception {
	return &vu.Exception{Name: "TimeoutError", Message: what + " interrupted after the " + option + " of " + after.String()}
}

func (w *worker) exception(e *vu.Exception) { w.crew.exception(w.rec, w.role, e) }

func (c *Crew) exception(rec *metric.Recorder, r *role, e *vu.Exception) {
	rec.Record(r.exceptions, 1)
	c.host.Events.Exception(c.plan.Name, e)
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

// ready reports whether the worker has a VU that may iterate, after making one
// and setting it up if it must.
func (w *worker) ready() bool {
	return (w.member.VU != nil || w.replace()) && (w.member.IsSetUp() || w.setUp())
}

// setUp runs vuSetup until it succeeds. It returns false when the worker has no
// VU any more, or no iteration would follow.
func (w *worker) setUp() bool {
	c := w.crew
	for {
		err := w.trySetUp()
		w.now = c.host.Clock.Now()
		if err == nil {
			return true
		}
		if !w.wanted() { // that may be why it failed
			return false
		}
		if c.notSetUp(w.rec, w.role, err); !ended(err) && !w.replace() {
			return false
		}
		if !w.shift.time.Await(w.shift.time.Now()+setUpAgain, nil, w.soft) {
			return false
		}
		w.now = c.host.Clock.Now()
	}
}

// trySetUp runs vuSetup for as long as its timeout and the shift last.
func (w *worker) trySetUp() error {
	ctx, cancel := context.WithCancel(w.hard)
	defer cancel()
	defer context.AfterFunc(w.shift.soft, cancel)()
	return w.crew.setUp(ctx, w.member)
}

// pause waits for d, or until no iteration is to begin any more.
func (w *worker) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	w.crew.host.Sleepers.Sleep(&w.bed, d, w.soft)
	w.now = w.crew.host.Clock.Now()
}
