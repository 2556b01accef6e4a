package threshold

import (
	"math"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Step is how far one window of a threshold begins after the one before.
const Step = time.Second

// Judge judges the thresholds of a run again and again while it goes on.
//
// A threshold without a window is judged on everything so far. One with a
// window ("p(95)<200 over 30s") is judged once for each span of that length, a
// new one beginning each second, as soon as the span is complete; what counts is
// the worst of them. A span in which the metric has no sample, or which overlaps
// a pause of the run, says nothing and is passed over; a counter is 0 from its
// first sample on, so that a rate that falls to nothing does fail. As long as
// there was no span to judge, everything so far is.
//
// Not safe for concurrent use.
type Judge struct {
	all     []Compiled
	from    time.Duration
	windows []window
	pauses  []span
}

// window is where the judgement of one threshold with a window stands.
type window struct {
	begin  time.Duration // of the next span to judge
	seen   bool          // the metric had a sample in some span
	worst  Verdict       // of those judged
	judged bool
}

// span is a stretch of the load; to is negative while it goes on.
type span struct{ from, to time.Duration }

// NewJudge returns a judge for what is recorded from that time on, since the
// start of the load.
func NewJudge(all []Compiled, from time.Duration) *Judge {
	j := &Judge{all: all, from: from, windows: make([]window, len(all))}
	for i := range j.windows {
		j.windows[i].begin = from
	}
	return j
}

// Pause says that the run was paused at a time since the start of the load,
// Resume that it goes on. Repeating one is harmless.
func (j *Judge) Pause(at time.Duration) {
	if n := len(j.pauses); n == 0 || j.pauses[n-1].to >= 0 {
		j.pauses = append(j.pauses, span{at, -1})
	}
}

// Resume ends the pause.
func (j *Judge) Resume(at time.Duration) {
	if n := len(j.pauses); n > 0 && j.pauses[n-1].to < 0 {
		j.pauses[n-1].to = at
	}
}

// Judge returns the verdicts, in the order of the thresholds, and the index of
// the first that asks to end the run, -1 when none does. whole is everything
// recorded since the judge's beginning, during elapsed of load; between returns
// what was recorded from one time to another since the start of the load, and
// everything before complete has arrived.
func (j *Judge) Judge(whole Source, elapsed time.Duration, between func(from, to time.Duration) Source, complete time.Duration) (verdicts []Verdict, abort int) {
	verdicts, abort = make([]Verdict, len(j.all)), -1
	for i, c := range j.all {
		var ends bool
		if c.spec.Over <= 0 {
			verdicts[i], ends = c.Judge(whole, elapsed)
		} else {
			verdicts[i], ends = j.slide(&j.windows[i], c, whole, elapsed, between, complete)
		}
		if ends && abort < 0 {
			abort = i
		}
	}
	return verdicts, abort
}

// slide judges the windows of one threshold that have become complete.
func (j *Judge) slide(w *window, c Compiled, whole Source, elapsed time.Duration, between func(from, to time.Duration) Source, complete time.Duration) (Verdict, bool) {
	length := Length(c.spec.Over)
	for ; length <= complete-w.begin; w.begin += Step {
		end := w.begin + length
		if j.paused(w.begin, end) {
			continue
		}
		agg := c.sel(between(w.begin, end))
		if agg.Count == 0 && (!w.seen || c.spec.Type != metric.Counter) {
			continue
		}
		w.seen = true
		v := c.verdict(&agg, length)
		v.At = end
		if !w.judged || c.expression.worse(v.Observed, w.worst.Observed) {
			w.worst, w.judged = v, true
		}
	}
	if !w.judged {
		v, _ := c.Judge(whole, elapsed)
		return v, false // its window is yet to come
	}
	return w.worst, c.aborts(w.worst, elapsed)
}

// paused reports whether the run stood still at some time in the span.
func (j *Judge) paused(from, to time.Duration) bool {
	for i := len(j.pauses) - 1; i >= 0; i-- {
		p := j.pauses[i]
		if p.to >= 0 && p.to <= from {
			return false // and so are those before
		}
		if p.from < to {
			return true
		}
	}
	return false
}

// Length returns the length of the spans a window is judged on: whole steps.
func Length(over time.Duration) time.Duration {
	if rest := over % Step; rest > 0 && over <= math.MaxInt64-Step {
		over += Step - rest
	}
	return over
}

// worse reports whether a is further on the wrong side of the limit than b, or
// nearer to it on the right one.
func (e Expression) worse(a, b float64) bool {
	switch e.operator {
	case "<", "<=":
		return a > b
	case ">", ">=":
		return a < b
	case "!=":
		return math.Abs(a-e.limit) < math.Abs(b-e.limit)
	}
	return math.Abs(a-e.limit) > math.Abs(b-e.limit)
}
