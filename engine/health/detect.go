package health

import (
	"cmp"
	"slices"
	"time"
)

// Thresholds. A span begins with a reading that is slow and goes on while
// readings are uneasy, so that a generator at the edge gives one span and not
// fifty.
const (
	// lateAfter is when a timer counts as late: Go lets a goroutine run for
	// 10 ms before another gets its turn, so that more means that several
	// wait for one processor. Less than that is seen on idle machines too.
	lateAfter = 10 * time.Millisecond
	// slowShare of timers late makes a reading slow: in a tenth of the second
	// VUs had to wait. A single hiccup of up to 100 ms does not.
	slowShare = 0.1
	// uneasyShare keeps a span going.
	uneasyShare = 0.025
	// busyCPU is the share of processors above which there is nothing to
	// spare; accounting is not more exact. Below, lateness has other reasons:
	// other programs, a paused virtual machine.
	busyCPU = 0.95
	// busyCollector is the share of the program's own processor time from
	// which the collector is what the others wait for; it aims at a quarter.
	busyCollector = 0.35
	// longPause of the collector delays everything that ends meanwhile. Go
	// aims at well below a millisecond.
	longPause = 10 * time.Millisecond

	// calm is how many good readings end a span; after each manySpans spans it
	// takes twice as many, so that their number grows with the logarithm of
	// the length of a run.
	calm      = 3
	manySpans = 64
)

// reading is what was seen in a second or so.
type reading struct {
	from, to    time.Duration // since the start of load
	beats, late int           // timers that were due, and that fired late
	lag         time.Duration // worst
	cpu         float64       // share of processors used
	collector   float64       // share of that which the collector used
	pause       time.Duration // longest stop of the world
	sockets     uint64        // refused
}

// causes in order of gravity.
var causes = [...]Cause{Sockets, CPU, GC, Lag}

// judge says how bad a reading is, for each cause in that order: the value
// that tells how much, 0 when it is well; and whether it is slow or only
// uneasy. Lateness counts for one cause alone.
func (r *reading) judge() (worst [len(causes)]float64, slow [len(causes)]bool) {
	const (
		sockets = iota
		cpu
		gc
		lag
	)
	if r.sockets > 0 {
		worst[sockets], slow[sockets] = float64(r.sockets), true
	}
	if r.pause > longPause {
		worst[gc], slow[gc] = milliseconds(r.pause), true
	}
	// The last reading of a run is short: two timers are no tenth of a second.
	share := float64(r.late) / float64(max(r.beats, int(every/beat)))
	if share < uneasyShare {
		return worst, slow
	}
	late := share >= slowShare
	switch {
	case r.cpu > busyCPU:
		worst[cpu], slow[cpu] = r.cpu, late
	case r.collector > busyCollector || slow[gc]:
		worst[gc], slow[gc] = max(worst[gc], milliseconds(r.lag)), slow[gc] || late
	default:
		worst[lag], slow[lag] = milliseconds(r.lag), late
	}
	return worst, slow
}

// detector makes spans of readings. The zero value is ready.
type detector struct {
	open  [len(causes)]openMark
	ended []Mark
	spans int // ended so far
}

// openMark is a span that goes on, if it has an end.
type openMark struct {
	Mark
	calm int // readings since
}

// see takes in the next reading.
func (d *detector) see(r reading) {
	worst, slow := r.judge()
	for i := range d.open {
		o := &d.open[i]
		switch {
		case o.To == 0 && slow[i]:
			o.Mark = Mark{From: r.from, To: r.to, Cause: causes[i], Worst: worst[i]}
		case o.To == 0:
		case worst[i] > 0:
			o.To, o.calm = r.to, 0
			if o.Cause == Sockets {
				o.Worst += worst[i]
			} else {
				o.Worst = max(o.Worst, worst[i])
			}
		default:
			if o.calm++; o.calm >= calm<<min(d.spans/manySpans, 20) {
				d.close(o)
			}
		}
	}
}

func (d *detector) close(o *openMark) {
	d.ended = append(d.ended, o.Mark)
	d.spans++
	*o = openMark{}
}

// end closes all spans.
func (d *detector) end() {
	for i := range d.open {
		if d.open[i].To != 0 {
			d.close(&d.open[i])
		}
	}
}

// now returns the gravest cause that the last reading had a part in.
func (d *detector) now() Cause {
	for i := range d.open {
		if o := &d.open[i]; o.To != 0 && o.calm == 0 {
			return o.Cause
		}
	}
	return ""
}

// take returns what ended since the last call, by time.
func (d *detector) take() []Mark {
	marks := d.ended
	d.ended = nil
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.From, b.From) })
	return marks
}
