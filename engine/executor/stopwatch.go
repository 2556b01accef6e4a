package executor

import (
	"context"
	"time"
)

// Stopwatch is the time by which a run's schedules go: it counts from 0 when
// the load begins, and stands still while the run is paused. What is measured
// (how long an iteration took) goes by the Clock. Safe for concurrent use;
// reading it takes no lock.
type Stopwatch struct {
	clock Clock
}

// NewStopwatch returns a stopwatch that stands at 0, paused.
func NewStopwatch(c Clock) *Stopwatch { panic("contract") }

// Now returns the load time.
func (w *Stopwatch) Now() time.Duration { panic("contract") }

// Paused reports whether it stands still.
func (w *Stopwatch) Paused() bool { panic("contract") }

// Pause stops it; Resume lets it go on (and start). Repeating one is harmless.
func (w *Stopwatch) Pause()  { panic("contract") }
func (w *Stopwatch) Resume() { panic("contract") }

// Running waits while the stopwatch is paused; false says that quit was closed
// before it went on.
func (w *Stopwatch) Running(quit <-chan struct{}) bool { panic("contract") }

// Await waits until load time at, however often the run is paused meanwhile.
// It returns false when quit is closed before. The timer is the caller's, to
// be used again; nil makes one.
func (w *Stopwatch) Await(at time.Duration, timer *time.Timer, quit <-chan struct{}) bool {
	panic("contract")
}

// WithDeadline returns a context that ends with parent or at load time at.
func (w *Stopwatch) WithDeadline(parent context.Context, at time.Duration) (context.Context, context.CancelFunc) {
	panic("contract")
}
