package main

import (
	"context"
	"sync"
	"time"
)

// brake ends a run, harder each time it is pressed: gently, at once, and with
// the whole process. Safe for concurrent use.
type brake struct {
	gentle chan struct{} // closed when the run shall end gracefully
	hard   context.CancelFunc
	tell   func() // called once, when the run was first asked to end
	exit   func() // ends the process

	mu      sync.Mutex
	pressed int
	force   *time.Timer
}

// How hard a brake is pressed.
const (
	released = iota
	gently
	atOnce
	outright
)

// forceAfter is how long a run may take to end after it was told to end at once.
const forceAfter = 10 * time.Second

func newBrake(hard context.CancelFunc, tell, exit func()) *brake {
	return &brake{gentle: make(chan struct{}), hard: hard, tell: tell, exit: exit}
}

// harder presses one step harder than before: what a signal does.
func (b *brake) harder() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.press(b.pressed + 1)
}

// to presses at least so hard.
func (b *brake) to(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.press(n)
}

// noticed says that somebody else has begun to end the run gently, as the API
// does: the next press is harder than that.
func (b *brake) noticed() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pressed == released {
		b.pressed = gently
		b.tell()
	}
}

func (b *brake) press(n int) {
	for b.pressed < min(n, outright) {
		b.pressed++
		switch b.pressed {
		case gently:
			close(b.gentle)
			b.tell()
		case atOnce:
			b.hard()
			b.force = time.AfterFunc(forceAfter, b.exit)
		case outright:
			b.exit()
		}
	}
}

// release says that the run has ended: nothing happens any more.
func (b *brake) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pressed = outright
	if b.force != nil {
		b.force.Stop()
	}
}
