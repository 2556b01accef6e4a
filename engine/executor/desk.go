package executor

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// desk hands out the iterations of a timetable. A VU that is free claims the
// next one, at whatever time it will be due, and waits for that time by a timer
// of its own. So there is nobody in between: an iteration costs one addition
// that VUs share, no channel and no lock, and it begins on a VU that has been
// waiting for it. VUs take turns, which keeps all their connections in use.
// When all are busy the next iteration is not claimed until one comes free; if
// that takes longer than maxIterationDelay it is dropped.
//
// One goroutine, the clerk, looks after the rest: it wakes the waiting when
// their time has changed, drops what nobody can claim any more, and has VUs
// made while iterations are due that nobody has claimed.
type desk struct {
	shift    *shift
	stripe   plan.Stripe
	patience time.Duration // of iterations, maxIterationDelay
	most     int           // VUs

	rates   atomic.Pointer[rates]
	turn    atomic.Uint64 // counts changes of anything that says who waits how long
	claimed atomic.Int64  // our iterations numbered below are claimed or dropped
	changed chan struct{} // holds a token when the clerk should look

	mu       sync.Mutex
	staff    map[*worker]struct{}
	hired    int           // VUs at work or on their way
	hiring   bool          // hire runs
	retry    time.Duration // time before which nobody is hired
	left     []int64       // claimed by those who left, and not begun
	closedAt time.Duration // time when the shift ended: the clerk's, until it has ended
}

func newDesk(s *shift, e *arrivals) *desk {
	return &desk{
		shift:    s,
		stripe:   e.stripe,
		patience: e.MaxIterationDelay,
		most:     e.most,
		changed:  make(chan struct{}, 1),
		staff:    make(map[*worker]struct{}),
	}
}

// time returns the load time since the scenario began.
func (d *desk) time() time.Duration { return d.shift.time.Now() - d.shift.from }

// change puts another timetable in force.
func (d *desk) change(r *rates) {
	d.rates.Store(r)
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// serve hands out iterations, first to these members, until the shift ends.
func (d *desk) serve(members []*vu.Member) {
	d.shift.crew.count(len(members), len(members) > 0)
	d.hired = len(members)
	for _, m := range members {
		d.shift.workers.Go(func() { d.man(m) })
	}
	d.clerk()
	d.shift.wait()
	d.settle()
}

// man is the goroutine of a VU.
func (d *desk) man(m *vu.Member) {
	w := newWorker(d.shift, m)
	if w.ready() {
		w.timer = time.NewTimer(forever)
		d.mu.Lock()
		d.staff[w] = struct{}{}
		d.mu.Unlock()
		for d.claim(w) && w.iterate() {
		}
	}
	d.dismiss(w, w.lost)
	w.leave(true)
}

// dismiss forgets a worker, nil for one that never came. When the last VU is
// lost nothing can be done any more.
func (d *desk) dismiss(w *worker, lost bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.staff, w)
	d.hired--
	if lost {
		d.retry = d.time() + setUpAgain
		if d.hired == 0 {
			d.shift.end()
		}
	}
}

// claim waits for the worker's next iteration. It returns false when there is
// none any more.
func (d *desk) claim(w *worker) bool {
	for {
		k := d.claimed.Add(1) - 1
		begins, late := d.await(w, k)
		switch {
		case begins:
			return true
		case !late:
			d.mu.Lock()
			d.left = append(d.left, k)
			d.mu.Unlock()
			return false
		}
		d.shift.crew.drop(1)
		d.dropLate(w.now)
	}
}

// await waits until our k-th iteration is due and the worker may begin it. Else
// late says that it was due too long ago when the worker claimed it, and if not
// late the shift has ended.
func (d *desk) await(w *worker, k int64) (begins, late bool) {
	s := d.shift
	i := d.stripe.Item(k)
	for free := false; ; { // whether the worker was free when it was due
		turn := d.turn.Load()
		w.due = s.from + d.rates.Load().due(i)
		l := s.time.lap.Load()
		now := l.at(w.now)
		select {
		case <-w.soft:
			// The span may have ended while a timer was late: what was due in it
			// and has its VU begins nevertheless.
			return free && w.due < s.until && s.time.Now() >= s.until && s.hard.Err() == nil, false
		default:
		}
		left := forever
		if !l.paused && w.due < s.until {
			left = w.due - now
			if left <= 0 && (free || now < s.until) {
				return free || -left <= d.patience, true
			}
		}
		free = free || left > 0 && w.due < s.until
		w.timer.Reset(left)
		if d.turn.Load() == turn { // else whoever changed it did not see this timer
			<-w.timer.C
		}
		w.now = s.crew.host.Clock.Now()
	}
}

// dropLate drops all iterations that nobody has claimed and that are too late
// at a reading of the clock.
func (d *desk) dropLate(clock time.Duration) {
	late := d.shift.time.lap.Load().at(clock) - d.shift.from - d.patience
	if late > 0 {
		d.dropTo(d.stripe.Share(d.rates.Load().count(late)))
	}
}

// dropTo drops our unclaimed iterations numbered below k.
func (d *desk) dropTo(k int64) {
	for {
		from := d.claimed.Load()
		if from >= k {
			return
		}
		if d.claimed.CompareAndSwap(from, k) {
			d.shift.crew.drop(k - from)
			return
		}
	}
}

// settle accounts for the end: what was due and did not begin is dropped, what
// was not yet due is not.
func (d *desk) settle() {
	due := d.stripe.Share(d.rates.Load().count(d.closedAt))
	var dropped int64
	for _, k := range d.left {
		if k < due {
			dropped++
		}
	}
	d.shift.crew.drop(dropped)
	d.dropTo(due)
}

// Times of the clerk.
const (
	// shortage is how long an iteration must have been due and unclaimed before
	// another VU is made: less may be just the processor's other work.
	shortage = time.Millisecond
	// lookout is how often the clerk looks while VUs are short.
	lookout = 2 * time.Millisecond
)

// clerk works until no iteration may begin any more.
func (d *desk) clerk() {
	s := d.shift
	timer := time.NewTimer(forever)
	defer timer.Stop()
	for {
		l := s.time.lap.Load()
		now := l.at(s.crew.host.Clock.Now()) - s.from
		left := forever
		if !l.paused {
			left = d.look(now)
		}
		timer.Reset(left)
		select {
		case <-timer.C:
			continue
		case <-d.changed:
		case <-l.over:
		case <-s.soft.Done():
			d.closedAt = min(d.time(), s.until-s.from)
			d.wake()
			return
		}
		d.wake()
	}
}

// wake makes all who wait look at the time again.
func (d *desk) wake() {
	d.turn.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.staff {
		w.timer.Reset(0)
	}
}

// look does what is to be done at a time and returns how long there is nothing
// more to do.
func (d *desk) look(now time.Duration) time.Duration {
	k := d.claimed.Load()
	r := d.rates.Load()
	if wait := r.due(d.stripe.Item(k)) + shortage - now; wait > 0 {
		return wait
	}
	if now > d.patience {
		d.dropTo(d.stripe.Share(r.count(now - d.patience)))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.hiring && d.short() {
		d.hiring = true
		d.shift.workers.Go(d.hire)
	}
	return lookout
}

// short reports whether another VU should come: there is room, and more
// iterations are due than VUs are on their way. The caller holds the lock.
func (d *desk) short() bool {
	now := d.time()
	due := d.stripe.Share(d.rates.Load().count(now - shortage + 1))
	return d.hired < d.most && now >= d.retry && d.shift.soft.Err() == nil &&
		due-d.claimed.Load() > int64(d.hired-len(d.staff))
}

// hire has VUs made beside the load, one at a time so that the load keeps the
// processor, for as long as they are short.
func (d *desk) hire() {
	c := d.shift.crew
	for {
		d.mu.Lock()
		if d.hiring = d.short(); !d.hiring {
			d.mu.Unlock()
			return
		}
		d.hired++
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
		if full := errors.Is(err, vu.ErrFull); full || d.shift.soft.Err() != nil {
			d.dismiss(nil, false)
			d.wait(lookout)
		} else {
			c.lose(err)
			d.dismiss(nil, true)
		}
	}
}

// wait lets nobody be hired for a time.
func (d *desk) wait(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retry = d.time() + t
}
