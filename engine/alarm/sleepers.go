package alarm

import (
	"runtime"
	"sync"
	"time"
)

// Sleepers are the goroutines that wait for a time of their own, all on one
// Alarm. Those whose time has come are woken few at a time, and what has
// arrived on sockets meanwhile is read in between. When the process stood still
// (the collector, another process) there are many; were they woken at once,
// each would wait for the processor behind all others, call that the target's
// latency, sleep as long as the others, and meet them again for ever.
//
// Safe for concurrent use.
type Sleepers struct {
	zero  time.Time
	alarm Alarm
	batch int
	ended chan struct{} // closed when the goroutine that wakes them has ended

	mu     sync.Mutex
	beds   []*Bed        // a heap, the next to be woken first
	rings  time.Duration // since zero, when the alarm will ring
	closed bool
}

// Bed is where one goroutine sleeps, again and again. The zero value is ready.
type Bed struct {
	wake  chan struct{}
	at    time.Duration
	index int // in the heap, -1 when woken
}

const (
	// breath is the least time between two groups that are woken.
	breath = 50 * time.Microsecond
	// overslept is how late an alarm comes when the processor is short; then
	// they are woken one by one.
	overslept = time.Millisecond
	// patience is how late a sleeper may be woken for the sake of the others.
	// Where the processor stays short all would be woken later and later, so
	// from then on more are woken at once: the square of the milliseconds above.
	// That is few after a moment's standstill, and as many as become due soon.
	patience = 10 * time.Millisecond
)

// NewSleepers returns sleepers that go by an alarm, which is theirs from now on.
func NewSleepers(a Alarm) *Sleepers {
	s := &Sleepers{
		zero:  time.Now(),
		alarm: a,
		batch: 4 * runtime.GOMAXPROCS(0),
		ended: make(chan struct{}),
		rings: Never,
	}
	go s.watch()
	return s
}

// Sleep waits for d. It returns false when done was closed before that. Without
// Sleepers (nil) it goes by a timer of its own.
func (s *Sleepers) Sleep(b *Bed, d time.Duration, done <-chan struct{}) bool {
	if s == nil {
		return pause(d, done)
	}
	if b.wake == nil {
		b.wake = make(chan struct{}, 1)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return pause(d, done)
	}
	now := time.Since(s.zero)
	b.at = now + min(d, Never-now)
	s.push(b)
	if b.at < s.rings {
		s.set(now, b.at)
	}
	s.mu.Unlock()
	select {
	case <-b.wake:
		return true
	case <-done:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.index < 0 {
		<-b.wake // both happened
	} else {
		s.remove(b.index)
	}
	return false
}

// pause is Sleep by a timer of its own.
func pause(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}

// Close ends the watch. Who still sleeps is woken; who comes later sleeps by a
// timer of its own. It is called once.
func (s *Sleepers) Close() {
	s.mu.Lock()
	s.closed = true
	for len(s.beds) > 0 {
		s.rouse()
	}
	s.mu.Unlock()
	s.alarm.Stop()
	<-s.ended
}

// watch wakes the sleepers until Close.
func (s *Sleepers) watch() {
	defer close(s.ended)
	for s.alarm.Wait() {
		s.mu.Lock()
		if !s.closed {
			now := time.Since(s.zero)
			for batch := s.wakes(now); batch > 0 && len(s.beds) > 0 && s.beds[0].at <= now; batch-- {
				s.rouse()
			}
			if len(s.beds) == 0 {
				s.rings = Never
			} else {
				s.set(now, max(s.beds[0].at, now+breath))
			}
		}
		s.mu.Unlock()
	}
}

// wakes returns how many may be woken now. The caller holds the lock.
func (s *Sleepers) wakes(now time.Duration) int {
	if now-s.rings <= overslept {
		return s.batch
	}
	above := max(s.late(now)-patience, 0).Seconds() * 1000
	return 1 + int(min(above*above, float64(len(s.beds))))
}

// Late returns how long ago the next sleeper was due: what the processor owes
// them. It is 0 when nobody sleeps, and for nil.
func (s *Sleepers) Late() time.Duration {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.late(time.Since(s.zero))
}

// late is Late at a time. The caller holds the lock.
func (s *Sleepers) late(now time.Duration) time.Duration {
	if len(s.beds) == 0 {
		return 0
	}
	return max(now-s.beds[0].at, 0)
}

// set makes the alarm ring at a time. The caller holds the lock.
func (s *Sleepers) set(now, at time.Duration) {
	s.rings = at
	s.alarm.Set(at - now)
}

// rouse wakes who is next. The caller holds the lock.
func (s *Sleepers) rouse() {
	b := s.beds[0]
	s.remove(0)
	b.wake <- struct{}{} // there is room: it was emptied when it last woke
}

func (s *Sleepers) push(b *Bed) {
	b.index = len(s.beds)
	s.beds = append(s.beds, b)
	s.up(b.index)
}

func (s *Sleepers) remove(i int) {
	b, last := s.beds[i], len(s.beds)-1
	s.swap(i, last)
	s.beds[last] = nil
	s.beds = s.beds[:last]
	if i < last {
		s.down(i)
		s.up(i)
	}
	b.index = -1
}

func (s *Sleepers) swap(i, j int) {
	s.beds[i], s.beds[j] = s.beds[j], s.beds[i]
	s.beds[i].index, s.beds[j].index = i, j
}

func (s *Sleepers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if s.beds[parent].at <= s.beds[i].at {
			return
		}
		s.swap(i, parent)
		i = parent
	}
}

func (s *Sleepers) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(s.beds); child++ {
			if s.beds[child].at < s.beds[least].at {
				least = child
			}
		}
		if least == i {
			return
		}
		s.swap(i, least)
		i = least
	}
}
