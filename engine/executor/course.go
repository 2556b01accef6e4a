package executor

import (
	"iter"
	"math"
	"time"
)

// course is the wanted number of VUs as a function of the time since the start
// of the scenario. It is a pure function.
type course interface {
	vus(t time.Duration) int
	// steps yields the changes that are ahead for who follows the course, by
	// rising time, and the number of VUs from then on.
	steps() iter.Seq[step]
}

// climb leads from one number of VUs to another, one VU at a time, the first at
// once; then nothing changes.
type climb struct {
	at       time.Duration // when it begins
	from, to int
	rate     float64 // VUs per second; 0: all at once
}

// vus returns the number of VUs at t, not before the climb begins.
func (c climb) vus(t time.Duration) int {
	n := abs(c.to - c.from)
	if c.rate <= 0 || n == 0 {
		return c.to
	}
	// The first k for which the step after it is not due.
	k := 0
	if t >= c.at {
		k = min(n, max(0, int(min((t-c.at).Seconds()*c.rate, float64(n)))-1))
		for k < n && c.due(k) <= t {
			k++
		}
	}
	return c.from + sign(c.to-c.from)*k
}

// due returns when the k-th step is, from 0.
func (c climb) due(k int) time.Duration {
	after := math.Ceil(float64(k) / c.rate * float64(time.Second))
	if after >= float64(forever-c.at) {
		return forever
	}
	return c.at + time.Duration(after)
}

func (c climb) steps() iter.Seq[step] {
	return func(yield func(step) bool) {
		n := abs(c.to - c.from)
		if c.rate <= 0 || n == 0 {
			yield(step{c.at, c.to})
			return
		}
		for k := range n {
			if !yield(step{c.due(k), c.from + sign(c.to-c.from)*(k+1)}) {
				return
			}
		}
	}
}
