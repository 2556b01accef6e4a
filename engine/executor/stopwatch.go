package executor

import (
	"context"
	"sync/atomic"
	"time"
)

// Stopwatch is the time by which a run's schedules go: it counts from 0 when
// the load begins, and stands still while the run is paused. What is measured
// (how long an iteration took) goes by the Clock. Safe for concurrent use;
// reading it takes no lock.
type Stopwatch struct {
	clock Clock
	lap   atomic.Pointer[lap]
}

// lap is the time between two presses of the button. It does not change: who
// has one knows the time of it, and that it is told when the lap is over.
type lap struct {
	paused bool
	stood  time.Duration // load time when it began, all the while if paused
	offset time.Duration // clock minus load time while not paused
	over   chan struct{} // closed when the next lap has begun
}

// at returns the load time at a reading of the clock.
func (l *lap) at(clock time.Duration) time.Duration {
	if l.paused {
		return l.stood
	}
	return max(l.stood, clock-l.offset) // the reading may be older than the lap
}

// NewStopwatch returns a stopwatch that stands at 0, paused.
func NewStopwatch(c Clock) *Stopwatch {
	w := &Stopwatch{clock: c}
	w.lap.Store(&lap{paused: true, over: make(chan struct{})})
	return w
}

// Now returns the load time.
func (w *Stopwatch) Now() time.Duration {
	for {
		l := w.lap.Load()
		now := l.at(w.clock.Now())
		if w.lap.Load() == l {
			return now
		}
		// It was pressed in between: the clock may say more than the lap lasted.
	}
}

// Paused reports whether it stands still.
func (w *Stopwatch) Paused() bool { return w.lap.Load().paused }

// Pause stops it; Resume lets it go on (and start). Repeating one is harmless.
func (w *Stopwatch) Pause()  { w.press(true) }
func (w *Stopwatch) Resume() { w.press(false) }

func (w *Stopwatch) press(pause bool) {
	next := &lap{paused: pause, over: make(chan struct{})}
	for {
		l := w.lap.Load()
		if l.paused == pause {
			return
		}
		now := w.clock.Now()
		next.stood = l.at(now)
		next.offset = now - next.stood
		if w.lap.CompareAndSwap(l, next) {
			close(l.over)
			return
		}
	}
}

// Running waits while the stopwatch is paused; false says that quit was closed
// before it went on.
func (w *Stopwatch) Running(quit <-chan struct{}) bool {
	for {
		l := w.lap.Load()
		if !l.paused {
			return true
		}
		select {
		case <-l.over:
		case <-quit:
			return false
		}
	}
}

// Await waits until load time at, however often the run is paused meanwhile,
// and if it is paused then, until it goes on. It returns false when quit is
// closed before, or already was. The timer is the caller's, to be used again;
// nil makes one.
func (w *Stopwatch) Await(at time.Duration, timer *time.Timer, quit <-chan struct{}) bool {
	for {
		select {
		case <-quit:
			return false
		default:
		}
		left, over := w.left(at)
		if left <= 0 {
			return true
		}
		var fires <-chan time.Time
		if left < forever {
			if timer == nil {
				timer = time.NewTimer(left)
				defer timer.Stop()
			} else {
				timer.Reset(left)
			}
			fires = timer.C
		}
		select {
		case <-fires:
		case <-over:
		case <-quit:
		}
		if fires != nil {
			timer.Stop()
		}
	}
}

// forever is longer than any run.
const forever = time.Duration(1<<63 - 1)

// left returns how long it is from now until load time at, at most 0 when that
// has come: forever while paused. It holds until over is closed.
func (w *Stopwatch) left(at time.Duration) (d time.Duration, over <-chan struct{}) {
	l := w.lap.Load()
	if l.paused || at == forever {
		return forever, l.over
	}
	return at - l.at(w.clock.Now()), l.over
}

// WithDeadline returns a context that ends with parent or at load time at.
// Cancelling it frees what it holds.
func (w *Stopwatch) WithDeadline(parent context.Context, at time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		if w.Await(at, nil, ctx.Done()) {
			cancel(context.DeadlineExceeded)
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}
