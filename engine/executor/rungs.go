package executor

import (
	"context"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/vu"
)

// rungs are the places of a ladder, each for one VU. The VU that came last goes
// down first: it ends its iteration, within its grace, and goes on if it is
// wanted back before that. Rungs belong to the goroutine of Run.
type rungs struct {
	shift   *shift
	ladder  *ladder
	planned int  // lower rungs are in the plan, so that VUs are made for them
	mix     *mix // nil but for users
	slots   []*slot
	level   int           // slots below are wanted
	down    []descent     // whose grace runs, by rising time
	lost    chan struct{} // a VU is gone for good: look who is left
	timer   *time.Timer
}

// descent is a slot told to go down, and when its patience ends.
type descent struct {
	slot *slot
	turn int
	at   time.Duration // by the clock
}

func newRungs(s *shift, e *ladder) *rungs {
	l := &rungs{
		shift:   s,
		ladder:  e,
		planned: e.share(e.Initial()),
		lost:    make(chan struct{}, 1),
		timer:   time.NewTimer(forever),
	}
	if len(e.Classes) > 0 {
		l.mix = newMix(e.Classes)
	}
	return l
}

// follow keeps as many VUs as the course wants until the shift ends; false says
// that there is another course before that.
func (l *rungs) follow(c course, rerouted <-chan struct{}) (ended bool) {
	for s := range c.steps() {
		if !l.await(l.shift.from+s.at, rerouted, l.shift.soft.Done()) {
			return l.shift.soft.Err() != nil
		}
		l.set(l.ladder.share(s.vus))
	}
	// Who arrives early stays: a ramp that ends at 0 has its length too.
	return l.await(l.shift.until, rerouted, l.shift.soft.Done()) || l.shift.soft.Err() != nil
}

// empty waits until all VUs have left.
func (l *rungs) empty() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.shift.wait()
	}()
	l.await(forever, nil, done)
	<-done
}

// await waits for a load time, and meanwhile cuts off those who went down and
// outstay their grace. It returns false when one of the channels is closed
// before.
func (l *rungs) await(at time.Duration, rerouted, ended <-chan struct{}) bool {
	for {
		now := l.shift.crew.host.Clock.Now()
		for len(l.down) > 0 && l.down[0].at <= now {
			l.down[0].slot.cut(l.down[0].turn)
			l.down = l.down[1:]
		}
		left, over := l.shift.time.left(at)
		if left <= 0 {
			return true
		}
		select {
		case <-ended:
			return false
		case <-rerouted:
			return false
		default:
		}
		if len(l.down) > 0 {
			left = min(left, l.down[0].at-now)
		}
		l.timer.Reset(left)
		select {
		case <-l.timer.C:
		case <-over:
		case <-rerouted:
		case <-ended:
		case <-l.lost:
			if l.deserted() {
				l.shift.end()
			}
		}
	}
}

// deserted reports whether all who are wanted are lost.
func (l *rungs) deserted() bool {
	for _, s := range l.slots[:l.level] {
		if !s.isLost() {
			return false
		}
	}
	return l.level > 0
}

// set makes the lowest n slots wanted and the others not.
func (l *rungs) set(n int) {
	now := l.shift.crew.host.Clock.Now()
	for l.level > n {
		l.level--
		s := l.slots[l.level]
		l.down = append(l.down, descent{s, s.lower(), now + l.ladder.grace})
	}
	var idle []*slot
	for ; l.level < n && l.shift.soft.Err() == nil; l.level++ {
		if l.level == len(l.slots) {
			l.slots = append(l.slots, l.slot(l.level))
		}
		if s := l.slots[l.level]; s.raise() {
			idle = append(idle, s)
		}
	}
	if len(idle) == 0 {
		return
	}
	for i, m := range l.shift.take(len(idle)) {
		l.shift.workers.Go(func() {
			l.man(idle[i], m, spread(i, len(idle), l.ladder.StartJitter))
		})
	}
}

// slot returns the n-th of our slots.
func (l *rungs) slot(n int) *slot {
	s := &slot{role: &l.shift.crew.roles[0], planned: n < l.planned}
	if l.mix != nil {
		s.role = &l.shift.crew.roles[l.mix.class(int(l.ladder.stripe.Item(int64(n))))]
	}
	return s
}

// man is the goroutine of a slot, from when it was raised until it finds itself
// not wanted.
func (l *rungs) man(s *slot, m *vu.Member, delay time.Duration) {
	w := l.shift.hire(m, s.planned)
	if w != nil {
		w.play(s.role)
	}
	for s.enter(w, l.shift) {
		w.pause(delay)
		delay = 0
		for w.wanted() && w.ready() && w.iterate() {
		}
	}
	if w != nil {
		w.leave(true)
	}
	if s.isLost() {
		select {
		case l.lost <- struct{}{}:
		default: // it is about to look anyway
		}
	}
}

// slot is a place for one VU.
type slot struct {
	role    *role
	planned bool

	mu     sync.Mutex
	wanted bool
	busy   bool // has its goroutine
	lost   bool // its VU is gone for good
	turn   int  // counts lower
	end    context.CancelFunc
	kill   context.CancelCauseFunc
}

// raise wants the slot, and returns whether a goroutine must be started for it.
func (s *slot) raise() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = true
	if s.busy {
		return false
	}
	s.busy, s.lost = true, false
	return true
}

// lower wants the slot no more: its VU ends the iteration it is in.
func (s *slot) lower() (turn int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = false
	s.turn++
	if s.end != nil {
		s.end()
	}
	return s.turn
}

// cut interrupts what still runs since the slot was lowered that turn.
func (s *slot) cut(turn int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn == turn && !s.wanted && s.kill != nil {
		s.kill(errGracefulRampDown)
	}
}

func (s *slot) isLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// enter begins a period of work, unless the slot is not wanted or has no VU:
// then the goroutine's time is over. A period ends when the slot is lowered;
// when it is raised before the goroutine sees that, another follows.
func (s *slot) enter(w *worker, sh *shift) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
	if w == nil || w.lost || !s.wanted || w.over() {
		s.busy = false
		s.lost = (w == nil || w.lost) && sh.soft.Err() == nil
		return false
	}
	w.hard, s.kill = context.WithCancelCause(sh.hard)
	soft, end := context.WithCancel(sh.soft)
	w.soft, s.end = soft.Done(), end
	return true
}

// release frees the contexts of the period that ended.
func (s *slot) release() {
	if s.end != nil {
		s.end()
		s.kill(context.Canceled)
		s.end, s.kill = nil, nil
	}
}
