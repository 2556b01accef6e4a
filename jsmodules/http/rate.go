package http

import (
	"context"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/alarm"
)

// rate is the option rps: how many requests may begin in a second, whoever
// begins them. Safe for concurrent use.
//
// Each request takes the next slot of a timetable with equal gaps and sleeps
// until then. Sleepers wake late now and then, all at once when the machine was
// busy; so whoever wakes also looks when the last n requests began, and sleeps
// on unless the first of them was a second ago. In no second begin more than n.
type rate struct {
	n        int
	gap      time.Duration // between slots
	clock    func() time.Duration
	sleepers *alarm.Sleepers

	mu    sync.Mutex
	slot  time.Duration   // the next free one
	begun []time.Duration // when the last requests began, at most n; a ring when full
	first int             // the earliest of begun
}

// maxRate is the rate from which there is no limit: no runner reaches it, and a
// rate takes 8 bytes for each request of a second.
const maxRate = 1_000_000

// newRate returns the limit of n requests a second, nil for none.
func newRate(n int64, clock func() time.Duration, sleepers *alarm.Sleepers) *rate {
	if n <= 0 || n >= maxRate {
		return nil
	}
	return &rate{n: int(n), gap: time.Second / time.Duration(n), clock: clock, sleepers: sleepers}
}

// wait returns when a request may begin, which then counts as begun. It returns
// false if ctx ended before.
func (r *rate) wait(ctx context.Context) bool {
	r.mu.Lock()
	now := r.clock()
	slot := max(r.slot, now)
	r.slot = slot + r.gap
	r.mu.Unlock()
	var bed alarm.Bed
	for d := slot - now; ; {
		if d > 0 && !r.sleepers.Sleep(&bed, d, ctx.Done()) || ctx.Err() != nil {
			return false
		}
		if d = r.begin(); d <= 0 {
			return true
		}
	}
}

// begin notes that a request begins, or returns how long it must wait for that.
func (r *rate) begin() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock()
	if len(r.begun) < r.n {
		r.begun = append(r.begun, now)
		return 0
	}
	if d := r.begun[r.first] + time.Second - now; d > 0 {
		return d
	}
	r.begun[r.first] = now
	r.first = (r.first + 1) % r.n
	return 0
}
