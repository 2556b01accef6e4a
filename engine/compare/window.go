package compare

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
)

const (
	// maxIntervals bounds the work; more are put together.
	maxIntervals = 400
	// minIntervals is how many it takes to tell noise from difference.
	minIntervals = 20
)

// windows are what is compared of both runs.
type windows struct {
	a, b  side
	step  time.Duration
	notes []string
	lack  string // what the runs lack to know their noise, "" if nothing
	// paired says that the same intervals of both runs belong together, since
	// the same load was planned for them; what the plan makes vary then cancels.
	paired bool
}

// side is one run.
type side struct {
	*result.Result
	names summary.Naming
	all   []int // the intervals that count, in order
	warm  []int // those of them that come after the warm-up
}

func sideOf(r *result.Result) side {
	s := side{Result: r}
	if r.Timeline != nil {
		s.names = summary.NamingOf(func(yield func(metric.Tags) bool) {
			for series := range r.Timeline.Series(metric.HTTPReqs) {
				if !yield(series.Tags) {
					return
				}
			}
		})
	}
	return s
}

// windowsOf decides which intervals count.
func windowsOf(a, b *result.Result, samePlan bool) *windows {
	w := &windows{a: sideOf(a), b: sideOf(b), paired: samePlan}
	if a.Timeline == nil || b.Timeline == nil {
		w.lack = "a run has no time series: nothing is known of its noise"
		w.notes = append(w.notes, w.lack)
		return w
	}
	w.step = max(a.Timeline.Resolution(), b.Timeline.Resolution(), time.Second)
	for max(length(a), length(b))/w.step > maxIntervals {
		w.step *= 2
	}
	na, nb := int(length(a)/w.step), int(length(b)/w.step)
	slowA, slowB := slow(a, na, w.step), slow(b, nb, w.step)
	if w.paired {
		na = min(na, nb)
		nb = na
		for i := range na {
			slowA[i] = slowA[i] || slowB[i]
		}
		slowB = slowA
	}
	w.a.all, w.b.all = w.spare(slowA[:na], "the baseline"), w.spare(slowB[:nb], "the other run")
	w.warmUp()
	if least := min(len(w.a.warm), len(w.b.warm)); least < minIntervals {
		intervals := fmt.Sprintf("%d intervals of %s that count", minIntervals, figure.Length(w.step))
		w.notes = append(w.notes, fmt.Sprintf("too short to know the noise: it takes %s, there are %d", intervals, least))
		w.lack = "the runs are too short: each needs at least " + intervals
	}
	return w
}

// length is how long the load took, as far as it was recorded.
func length(r *result.Result) time.Duration {
	if r.Summary.Duration > 0 {
		return min(r.Summary.Duration, r.Timeline.End())
	}
	return r.Timeline.End()
}

// slow tells in which intervals the generator, not the target, was slow.
func slow(r *result.Result, n int, step time.Duration) []bool {
	marked := make([]bool, n)
	for _, m := range r.Summary.Generator.Marks {
		first, last := int(max(m.From, 0)/step), int((m.To-1)/step)
		for i := first; i <= min(last, n-1); i++ {
			marked[i] = true
		}
	}
	return marked
}

// spare lists the intervals that are not marked, unless hardly any are left.
func (w *windows) spare(marked []bool, whose string) []int {
	var all, rest []int
	for i, slow := range marked {
		if all = append(all, i); !slow {
			rest = append(rest, i)
		}
	}
	switch {
	case len(rest) == len(all):
		return all
	case len(rest) < len(all)/2:
		w.notes = append(w.notes, "in most of "+whose+" the generator was slow: differences may be its own")
		return all
	}
	if note := fmt.Sprintf("left out %s in which the generator was slow", figure.Length(time.Duration(len(all)-len(rest))*w.step)); !slices.Contains(w.notes, note) {
		w.notes = append(w.notes, note)
	}
	return rest
}

// warmUp finds out from when on the runs had settled. Only times leave the
// warm-up out: an error is an error when it comes early, too.
func (w *windows) warmUp() {
	cut := 0
	if !varies(w.a.Result) && !varies(w.b.Result) {
		cut = max(w.a.settled(w.step), w.b.settled(w.step))
	}
	cut = min(cut, len(w.a.all), len(w.b.all))
	w.a.warm, w.b.warm = w.a.all[cut:], w.b.all[cut:]
	if cut > 0 {
		w.notes = append(w.notes, "times leave out the warm-up: the first "+figure.Length(time.Duration(cut)*w.step))
	}
}

// settled returns how many of the first intervals to cut.
func (s *side) settled(step time.Duration) int {
	for _, name := range []string{metric.HTTPReqDuration, metric.IterationDuration} {
		c := s.column(selection{metric: name}, s.all, step)
		if c.samples() == 0 {
			continue
		}
		return warmUp(c.level(percentile))
	}
	return 0
}

// varies reports whether the plan changes the load while it goes on, so that
// nothing ever settles.
func varies(r *result.Result) bool {
	if r.Plan == nil {
		return false
	}
	for i := range r.Plan.Scenarios {
		s := &r.Plan.Scenarios[i]
		if len(s.Stages) > 0 || s.StartTime > 0 || s.StartAfter != "" || s.Shape != "" || s.Search.Step > 0 {
			return true
		}
	}
	return false
}

// batch is how many intervals the warm-up rule takes together.
const batch = 5

// warmUp returns how many values to cut from the front of x by the rule MSER-5:
// the cut after which the standard error of the mean of what remains, taken by
// batches of five, is smallest (White, Cobb and Spratt, A comparison of five
// steady-state truncation heuristics for simulation, 2000). A minimum beyond
// the middle says that x never settled; then nothing is cut.
func warmUp(x []float64) int {
	n := len(x) / batch
	if n < 4 {
		return 0
	}
	means := make([]float64, n)
	for i := range means {
		means[i] = mean(x[i*batch : (i+1)*batch])
	}
	best, cut := math.Inf(1), 0
	for d := range n - 1 {
		rest := means[d:]
		m, sum := mean(rest), 0.0
		for _, v := range rest {
			sum += (v - m) * (v - m)
		}
		if mser := sum / float64(len(rest)*len(rest)); mser < best {
			best, cut = mser, d
		}
	}
	if cut > n/2 {
		return 0
	}
	return cut * batch
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(max(len(x), 1))
}
