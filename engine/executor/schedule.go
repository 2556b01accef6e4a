package executor

import (
	"iter"
	"math/bits"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// ramp is the planned number of VUs as a function of time: from start, each
// stage leads in a straight line to its target, rounded towards where it comes
// from. A stage of no duration is a jump. After the last stage nothing changes.
type ramp struct {
	start  int
	stages []plan.Stage
}

// step is a moment at which the planned number of VUs changes, and the number
// from then on.
type step struct {
	at  time.Duration
	vus int
}

// vus returns the number of VUs planned at t after the start of the scenario.
func (r ramp) vus(t time.Duration) int {
	if t < 0 {
		return 0
	}
	from := r.start
	for _, s := range r.stages {
		if t < s.Duration {
			return from + sign(s.Target-from)*scale(t, abs(s.Target-from), s.Duration)
		}
		t -= s.Duration
		from = s.Target
	}
	return from
}

// steps yields every change by rising time, the first at 0 unless the ramp
// starts with no VU. Moments are distinct: what happens at one moment is one
// step, so a jump there and back is none.
func (r ramp) steps() iter.Seq[step] {
	return func(yield func(step) bool) {
		now := 0                             // VUs as the consumer knows them
		pending := step{at: 0, vus: r.start} // not yielded: more may happen at that moment
		flush := func() bool {
			if pending.vus == now {
				return true
			}
			now = pending.vus
			return yield(pending)
		}
		var begin time.Duration
		from := r.start
		for _, s := range r.stages {
			n, up := abs(s.Target-from), sign(s.Target-from)
			k := 1
			if s.Duration == 0 {
				k = max(n, 1) // a jump has no steps between
			}
			for ; k <= n; k++ {
				at := begin + due(k, n, s.Duration)
				if at != pending.at && !flush() {
					return
				}
				pending = step{at: at, vus: from + up*k}
			}
			begin += s.Duration
			from = s.Target
		}
		flush()
	}
}

// scale returns n·t/d rounded down, for 0 ≤ t < d.
func scale(t time.Duration, n int, d time.Duration) int {
	hi, lo := bits.Mul64(uint64(t), uint64(n))
	q, _ := bits.Div64(hi, lo, uint64(d)) // hi < d because t < d and n < 2^64
	return int(q)
}

// due returns when the k-th of n even steps over d is complete: k·d/n rounded
// up, so that scale(due(k, n, d), n, d) is k.
func due(k, n int, d time.Duration) time.Duration {
	hi, lo := bits.Mul64(uint64(d), uint64(k))
	q, rest := bits.Div64(hi, lo, uint64(n))
	if rest > 0 {
		q++
	}
	return time.Duration(q)
}

// spread returns how long after its turn the i-th of n VUs that start together
// begins, so that they lie evenly over the span.
func spread(i, n int, over time.Duration) time.Duration {
	if over <= 0 || n <= 1 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(over), uint64(i))
	q, _ := bits.Div64(hi, lo, uint64(n))
	return time.Duration(q)
}

func abs(n int) int { return max(n, -n) }

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
