package executor

import (
	"context"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// rampingVUs keeps as many VUs iterating as its ramp plans. The VU that came
// last goes down first: it ends its iteration, within gracefulRampDown, and
// goes on if the ramp wants it back before that.
type rampingVUs struct {
	*plan.Scenario
	ramp ramp
}

func (e *rampingVUs) Run(ctx context.Context, stop <-chan struct{}, c *Crew) {
	l := &ladder{
		shift: c.open(ctx, stop),
		slots: make([]slot, e.Peak()),
		grace: e.GracefulRampDown,
		timer: time.NewTimer(0),
	}
	defer l.timer.Stop()
	begin := l.shift.until - e.Span()
	for s := range e.ramp.steps() {
		if !l.await(begin+s.at, l.shift.soft.Done()) {
			break
		}
		l.set(s.vus)
	}
	l.await(l.shift.until, l.shift.soft.Done()) // a ramp that ends at 0 has its length too
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.shift.wait()
	}()
	l.await(forever, done)
	<-done
}

func (e *rampingVUs) Planned(elapsed time.Duration) Level { return Level{VUs: e.ramp.vus(elapsed)} }

func (e *rampingVUs) Progress(elapsed time.Duration, _ uint64) float64 {
	return share(float64(elapsed), float64(e.Span()))
}

// ladder holds the VUs of a ramp, one a slot; the lowest slots are wanted
// first. It belongs to the goroutine of Run.
type ladder struct {
	shift *shift
	slots []slot
	level int // slots below are wanted
	grace time.Duration
	down  []descent // whose grace runs, by rising time
	timer *time.Timer
}

// descent is a slot told to go down, and when its patience ends.
type descent struct {
	slot *slot
	turn int
	at   time.Duration
}

// await waits for a moment of the clock, and meanwhile cuts off those who went
// down and outstay their grace. It returns false when quit is closed before.
func (l *ladder) await(at time.Duration, quit <-chan struct{}) bool {
	for {
		now := l.shift.crew.host.Clock.Now()
		for len(l.down) > 0 && l.down[0].at <= now {
			l.down[0].slot.cut(l.down[0].turn)
			l.down = l.down[1:]
		}
		if now >= at {
			return true
		}
		select {
		case <-quit:
			return false
		default:
		}
		next := at
		if len(l.down) > 0 {
			next = min(at, l.down[0].at)
		}
		l.timer.Reset(next - now)
		select {
		case <-l.timer.C:
		case <-quit: // the moment may have come as well: look again
		}
	}
}

// set makes the lowest n slots wanted and the others not.
func (l *ladder) set(n int) {
	now := l.shift.crew.host.Clock.Now()
	for l.level > n {
		l.level--
		s := &l.slots[l.level]
		l.down = append(l.down, descent{s, s.lower(), now + l.grace})
	}
	var idle []*slot
	for l.level < n {
		if s := &l.slots[l.level]; s.raise() {
			idle = append(idle, s)
		}
		l.level++
	}
	for i, m := range l.shift.take(len(idle)) {
		l.shift.workers.Go(func() {
			idle[i].man(l.shift, m, spread(i, len(idle), l.shift.crew.plan.StartJitter))
		})
	}
}

// slot is a place for one VU of a ramp. A goroutine of its own works for it
// from raise until it finds itself not wanted.
type slot struct {
	mu     sync.Mutex
	wanted bool
	busy   bool // has its goroutine
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
	s.busy = true
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

// man is the slot's goroutine.
func (s *slot) man(sh *shift, m *vu.Member, delay time.Duration) {
	w := sh.hire(m)
	for s.enter(w) {
		w.pause(delay)
		delay = 0
		for w.wanted() && w.ready() && w.iterate() {
		}
	}
	if w != nil {
		w.leave(true)
	}
}

// enter begins a period of work, unless the slot is not wanted or has no VU:
// then the goroutine's time is over. A period ends when the slot is lowered;
// when it is raised before the goroutine sees that, another follows.
func (s *slot) enter(w *worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release()
	if w == nil || w.lost || !s.wanted || w.over() {
		s.busy = false
		return false
	}
	w.hard, s.kill = context.WithCancelCause(w.shift.hard)
	soft, end := context.WithCancel(w.shift.soft)
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

func (e *rampingVUs) Scale(Level) error { panic("contract") }
