package executor

import (
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// desk hands out the iterations of a timetable to VUs.
//
// A VU that has ended its iteration comes to the desk: if the next iteration is
// due it takes it and goes, else it sits down among the idle. The herald, a
// goroutine with an alarm set for the time at which the next iteration is due,
// then calls one of them. So an iteration costs a visit under the desk's lock
// and, unless the VU is busy all the time, one call.
//
// Who is called is who sat down last, because the memory of its VU is still in
// the processor's caches: an iteration of a VU whose turn comes once in a
// thousand costs more than twice as much. But one call in fairness goes to who
// has been idle the longest, and all do when that is longestIdle or more: so
// all VUs take part, their connections stay in use, and below one iteration per
// second for each VU they simply take turns.
//
// The herald calls few at a time and then reads what came in meanwhile. A
// generator that stood still (the collector, another process) finds many
// iterations due at once: were they all to begin at once, nobody would read the
// answers for a while, all VUs would be under way with cold memory, and it
// would stay slow. So those who come back have the first turn, and idle VUs
// join them only as fast as these go round, and slower when the herald itself
// comes late, for then the processor is what is short, not VUs.
//
// When nobody is idle, the next iteration waits until somebody comes; if that
// takes longer than maxIterationDelay it is dropped. One that is late although
// VUs are idle, because the generator is, is dropped after hopeless at the
// earliest. One more goroutine, the clerk, sees to that and to all that happens
// rarely: it has VUs made while iterations wait, and it looks after changes of
// time.
type desk struct {
	shift    *shift
	stripe   plan.Stripe
	patience time.Duration // of iterations, maxIterationDelay
	most     int           // VUs
	alarm    alarm.Alarm   // the herald's
	batch    int           // VUs it calls at a time
	changed  chan struct{} // holds a token when the timetable has changed

	mu     sync.Mutex
	rates  rates
	next   int64         // our iterations numbered below are begun or dropped
	due    time.Duration // load time when the next one is; forever if never
	idle   seats
	rings  time.Duration // load time for which the alarm is set
	closed bool          // no iteration begins any more
	hired  int           // VUs at work or on their way
	coming int           // of them, those who were not at the desk yet
	hiring bool          // hire runs
	retry  time.Duration // time before which nobody is hired
}

const (
	// fairness is of how many calls one goes to the VU that has been idle the
	// longest, longestIdle the time after which it gets the next.
	fairness    = 16
	longestIdle = time.Second
	// breath is the least time between two deeds of the herald.
	breath = 50 * time.Microsecond
	// overslept is how late the herald comes when the processor is short.
	overslept = time.Millisecond
	// hopeless is how late an iteration may begin that finds an idle VU.
	hopeless = time.Second
)

func newDesk(s *shift, e *arrivals) *desk {
	d := &desk{
		shift:    s,
		stripe:   e.stripe,
		patience: e.MaxIterationDelay,
		most:     e.most,
		batch:    4 * runtime.GOMAXPROCS(0),
		changed:  make(chan struct{}, 1),
		rates:    e.rates,
	}
	newAlarm := s.crew.host.Alarm
	if newAlarm == nil {
		newAlarm = alarm.NewTimer
	}
	d.alarm = newAlarm()
	d.proceed(0)
	return d
}

// time returns the load time since the scenario began.
func (d *desk) time() time.Duration { return d.shift.time.Now() - d.shift.from }

// change puts another timetable in force.
func (d *desk) change(r rates) {
	d.mu.Lock()
	d.rates = r
	d.proceed(d.next)
	d.mu.Unlock()
	select {
	case d.changed <- struct{}{}: // the clerk looks
	default:
	}
}

// proceed makes iteration k of ours the next. The caller holds the lock.
func (d *desk) proceed(k int64) {
	d.next = k
	d.due = forever
	if due := d.shift.from + d.rates.due(d.stripe.Item(k)); due < d.shift.until {
		d.due = due
	}
}

// serve hands out iterations, first to these members, until the shift ends.
func (d *desk) serve(members []*vu.Member) {
	d.shift.crew.count(len(members), len(members) > 0)
	d.hired, d.coming = len(members), len(members)
	for _, m := range members {
		d.shift.workers.Go(func() { d.man(m) })
	}
	heralded := make(chan struct{})
	go func() {
		defer close(heralded)
		d.herald()
	}()
	at := d.clerk()
	d.alarm.Stop()
	d.shift.wait()
	<-heralded
	// What was due and did not begin is dropped, what was not yet due is not.
	d.dropTo(d.stripe.Share(d.rates.count(at)))
}

// man is the goroutine of a VU.
func (d *desk) man(m *vu.Member) {
	w := newWorker(d.shift, m)
	ready := w.ready()
	d.mu.Lock()
	d.coming--
	d.mu.Unlock()
	if ready {
		w.call = make(chan bool, 1)
		for more := d.sit(w); more && w.iterate(); {
			more = d.visit(w)
		}
	}
	d.dismiss(w.lost)
	w.leave(true)
}

// dismiss forgets a worker. When the last VU is lost nothing can be done any
// more.
func (d *desk) dismiss(lost bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hired--
	if lost {
		d.most = min(d.most-1, d.hired) // another would be lost as well
		if d.hired == 0 {
			d.shift.end()
		}
	}
}

// visit gives a worker that has ended an iteration its next one, after waiting
// for it if need be. It returns false when there is none any more.
func (d *desk) visit(w *worker) bool {
	d.mu.Lock()
	if l := d.shift.time.lap.Load(); !l.paused && !d.closed {
		now := l.at(w.now)
		d.dropLate(now)
		if d.due <= now && now < d.shift.until {
			d.take(w)
			d.mu.Unlock()
			return true
		}
	}
	d.mu.Unlock()
	return d.sit(w)
}

// sit seats the worker among the idle until it is called for its next
// iteration. It returns false when there is none any more.
func (d *desk) sit(w *worker) bool {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return false
	}
	l := d.shift.time.lap.Load()
	now := l.at(w.now)
	first := d.idle.last == nil
	d.idle.push(w, now)
	if first && !l.paused {
		d.set(now, max(d.due-now, 0))
	}
	d.mu.Unlock()
	more := <-w.call
	w.now = w.crew.host.Clock.Now()
	return more
}

// set sets the herald's alarm, unless no iteration is due ever. The caller
// holds the lock.
func (d *desk) set(now, wait time.Duration) {
	if d.due == forever {
		wait = forever
	}
	d.rings = now + min(wait, forever-now)
	d.alarm.Set(wait)
}

// herald calls the idle when iterations are due, until the desk closes.
func (d *desk) herald() {
	for d.alarm.Wait() {
		d.mu.Lock()
		l := d.shift.time.lap.Load()
		now := l.at(d.shift.crew.host.Clock.Now())
		if !d.closed && !l.paused && now < d.shift.until { // else the clerk sees to it
			d.dropLate(now)
			batch := d.batch
			if now-d.rings > overslept {
				batch = 1
			}
			d.callDue(now, batch)
			if d.idle.last != nil {
				d.set(now, max(d.due-now, breath))
			}
		}
		d.mu.Unlock()
	}
}

// callDue calls as many idle VUs as iterations are due, and at most that many.
// The caller holds the lock.
func (d *desk) callDue(now time.Duration, most int) {
	for range most {
		w := d.idle.last
		if w == nil || d.due > now {
			return
		}
		if first := d.idle.first; d.next%fairness == 0 || d.due-first.since >= longestIdle {
			w = first
		}
		d.call(w)
	}
}

// call calls an idle VU for the next iteration. The caller holds the lock.
func (d *desk) call(w *worker) {
	d.idle.remove(w)
	d.take(w)
	w.call <- true
}

// take gives the worker the next iteration, which is due. The caller holds the
// lock.
func (d *desk) take(w *worker) {
	w.due = d.due
	d.proceed(d.next + 1)
}

// dropLate drops the iterations that are too late at a load time. The caller
// holds the lock.
func (d *desk) dropLate(now time.Duration) {
	patience := d.patience
	if d.idle.last != nil {
		patience = max(patience, hopeless)
	}
	if late := now - patience; d.due < late {
		d.dropTo(d.stripe.Share(d.rates.count(late - d.shift.from)))
	}
}

// dropTo drops our iterations numbered below k that did not begin. The caller
// holds the lock, or nobody else is there.
func (d *desk) dropTo(k int64) {
	if d.next < k {
		d.shift.crew.drop(k - d.next)
		d.proceed(k)
	}
}

// Times of the clerk.
const (
	// shortage is how long an iteration must have been due without a VU before
	// another one is made: less may be just the processor's other work.
	shortage = time.Millisecond
	// lookout is how often the clerk looks while VUs are short.
	lookout = 2 * time.Millisecond
)

// clerk works until no iteration may begin any more, and returns when that was.
func (d *desk) clerk() (at time.Duration) {
	s := d.shift
	timer := time.NewTimer(forever)
	defer timer.Stop()
	for {
		l := s.time.lap.Load()
		now := l.at(s.crew.host.Clock.Now())
		timer.Reset(d.look(now, l.paused))
		select {
		case <-timer.C:
			continue
		case <-d.changed:
		case <-l.over:
		case <-s.soft.Done():
			at = min(d.time(), s.until-s.from)
			d.close()
			return at
		}
		d.mu.Lock()
		d.set(d.shift.time.Now(), 0) // the herald looks at the new time
		d.mu.Unlock()
	}
}

// close sends the idle home, at the end of the span or before.
func (d *desk) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.shift.time.Now(); now >= d.shift.until && d.shift.hard.Err() == nil {
		// The alarm may be late: what was due in the span and had its VU then
		// begins nevertheless.
		for w := d.idle.first; w != nil && w.since <= d.due && d.due <= now; w = d.idle.first {
			d.call(w)
		}
	}
	d.closed = true
	for w := d.idle.last; w != nil; w = d.idle.last {
		d.idle.remove(w)
		w.call <- false
	}
}

// look does what is to be done at a load time and returns how long there is
// nothing more to do.
func (d *desk) look(now time.Duration, paused bool) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch wait := d.due + shortage - now; {
	case paused || d.due == forever:
		return forever
	case wait > 0:
		return max(wait, lookout)
	}
	d.dropLate(now)
	if !d.hiring && d.short(now) {
		d.hiring = true
		d.shift.workers.Go(d.hire)
	}
	return lookout
}

// short reports whether another VU should come: there is room, and more
// iterations are due than VUs are on their way. The caller holds the lock.
func (d *desk) short(now time.Duration) bool {
	if d.hired >= d.most || d.idle.last != nil || d.shift.soft.Err() != nil || now-d.shift.from < d.retry {
		return false
	}
	due := d.stripe.Share(d.rates.count(now - d.shift.from - shortage + 1))
	return due-d.next > int64(d.coming)
}

// hire has VUs made beside the load, one at a time so that the load keeps the
// processor, for as long as they are short.
func (d *desk) hire() {
	c := d.shift.crew
	for {
		d.mu.Lock()
		if d.hiring = d.short(d.shift.time.Now()); !d.hiring {
			d.mu.Unlock()
			return
		}
		d.hired++
		d.coming++
		d.mu.Unlock()
		m := c.host.Pool.Take()
		var err error
		if m == nil {
			m, err = c.host.Pool.Grow(d.shift.soft)
		}
		if m != nil {
			c.count(1, true)
			d.shift.workers.Go(func() { d.man(m) })
			continue
		}
		d.mu.Lock()
		d.coming--
		d.mu.Unlock()
		if errors.Is(err, vu.ErrFull) || d.shift.soft.Err() != nil {
			d.dismiss(false)
			d.mu.Lock()
			d.retry = d.time() + lookout
			d.mu.Unlock()
		} else {
			c.lose(err)
			d.dismiss(true)
		}
	}
}

// seats is where the idle sit: those who sat down first at one end, last at the
// other.
type seats struct{ first, last *worker }

// seat is a worker's place among the idle.
type seat struct {
	prev, next *worker
	since      time.Duration // load time when it sat down
}

func (s *seats) push(w *worker, now time.Duration) {
	w.seat = seat{prev: s.last, since: now}
	if s.last == nil {
		s.first = w
	} else {
		s.last.next = w
	}
	s.last = w
}

func (s *seats) remove(w *worker) {
	if w.prev == nil {
		s.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		s.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.seat = seat{}
}
