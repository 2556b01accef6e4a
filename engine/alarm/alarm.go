// Package alarm wakes goroutines when their time has come: punctually, and few
// at a time.
//
// A load generator measures what happens after it wakes. If it wakes late, or
// a thousand goroutines in one instant, what it measures is itself.
package alarm

import "time"

// Never is a time that does not come.
const Never = time.Duration(1<<63 - 1)

// Alarm wakes one goroutine at a time that any other may set.
type Alarm interface {
	// Set makes Wait return after d, at once when that is 0 or less, never when
	// it is Never. It replaces what was set before. Safe for concurrent use.
	Set(d time.Duration)
	// Wait waits for the time that is set. It may return early or without
	// need. It returns false after Stop. One goroutine may call it.
	Wait() bool
	// Stop ends Wait for good. It is called once; Set must not be called after.
	Stop()
}

// timerAlarm is an Alarm by a timer of the Go runtime. While a process has
// nothing to do such a timer fires up to a millisecond late, and while it has a
// lot to do, before the answers are read that have come meanwhile.
type timerAlarm struct {
	timer *time.Timer
	quit  chan struct{}
}

// NewTimer returns an Alarm by a timer of the Go runtime, which may be faked.
func NewTimer() Alarm {
	return &timerAlarm{timer: time.NewTimer(Never), quit: make(chan struct{})}
}

func (a *timerAlarm) Set(d time.Duration) { a.timer.Reset(max(d, 0)) }

func (a *timerAlarm) Wait() bool {
	select {
	case <-a.timer.C:
		return true
	case <-a.quit:
		return false
	}
}

func (a *timerAlarm) Stop() {
	a.timer.Stop()
	close(a.quit)
}
