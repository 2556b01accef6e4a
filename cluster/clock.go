package cluster

import (
	"math"
	"time"
)

// never is a time that does not come.
const never = time.Duration(math.MaxInt64)

// loadClock is the coordinator's reckoning of load time: since the start of the
// load, pauses left out. Moments are given as real time since that start.
type loadClock struct {
	paused bool
	since  time.Duration // of the pause
	lost   time.Duration // in pauses that have ended
}

func (c *loadClock) pause(at time.Duration) {
	if !c.paused {
		c.paused, c.since = true, at
	}
}

func (c *loadClock) resume(at time.Duration) {
	if c.paused {
		c.paused, c.lost = false, c.lost+at-c.since
	}
}

// read returns the load time.
func (c *loadClock) read(at time.Duration) time.Duration {
	return at - c.stood(at)
}

// stood returns how long the load has been paused in all.
func (c *loadClock) stood(at time.Duration) time.Duration {
	if c.paused {
		return c.lost + max(at-c.since, 0)
	}
	return c.lost
}

// deadline is a time limit that can be held up. C receives once when it is over.
type deadline struct {
	C     <-chan time.Time
	limit time.Duration // as set last, for messages

	timer *time.Timer
	at    time.Time
	left  time.Duration // while held
	held  bool
}

func newDeadline(limit time.Duration) *deadline {
	timer := time.NewTimer(limit)
	return &deadline{C: timer.C, limit: limit, timer: timer, at: time.Now().Add(limit)}
}

// hold stops the time, release lets it go on. Repeating one is harmless.
func (d *deadline) hold() {
	if !d.held {
		d.held, d.left = true, time.Until(d.at)
		d.timer.Stop()
	}
}

func (d *deadline) release() {
	if d.held {
		d.held = false
		d.reset(d.left)
	}
}

// cap moves the deadline so that at most that much time is left, and lets it go on.
func (d *deadline) cap(left time.Duration) {
	if d.held {
		d.at = time.Now().Add(d.left)
	}
	d.held = false
	if time.Until(d.at) > left {
		d.limit = left
	} else {
		left = time.Until(d.at)
	}
	d.reset(left)
}

func (d *deadline) reset(left time.Duration) {
	d.at = time.Now().Add(left)
	d.timer.Reset(max(left, 0))
}

func (d *deadline) stop() { d.timer.Stop() }

// sum adds durations that are not negative; it never overflows.
func sum(all ...time.Duration) time.Duration {
	total := time.Duration(0)
	for _, d := range all {
		if d > never-total {
			return never
		}
		total += d
	}
	return total
}
