package report

import (
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/timeline"
)

// maxPoints is how many points of a line a screen shows.
const maxPoints = 600

// bins cut the load into equal intervals, as many as a chart shows. What is
// short of a whole one at the end belongs to the last.
type bins struct {
	line *timeline.Timeline
	step time.Duration
	n    int
	took time.Duration
}

// binsOf returns at most most bins; none without a time series.
func binsOf(r *result.Result, most int) bins {
	if r.Timeline == nil || r.Timeline.End() <= 0 {
		return bins{}
	}
	b := bins{line: r.Timeline, step: max(r.Timeline.Resolution(), time.Second), took: r.Timeline.End()}
	if d := r.Summary.Duration; d > 0 && d < b.took {
		b.took = d
	}
	for b.took/b.step > time.Duration(most) {
		b.step *= 2
	}
	b.n = max(int(b.took/b.step), 1)
	return b
}

// of returns the bin a time falls into.
func (b bins) of(at time.Duration) int { return min(max(int(at/b.step), 0), b.n-1) }

// from is when a bin begins; from(n) is the end of the load.
func (b bins) from(i int) time.Duration {
	if i >= b.n {
		return b.took
	}
	return time.Duration(i) * b.step
}

// middle is when half of a bin is over.
func (b bins) middle(i int) time.Duration { return (b.from(i) + b.from(i+1)) / 2 }

// seconds is how long a bin is.
func (b bins) seconds(i int) float64 { return (b.from(i+1) - b.from(i)).Seconds() }

// merged returns all samples of a metric by bin, those of a gauge left out.
func (b bins) merged(name string) []metric.Aggregate {
	all := make([]metric.Aggregate, b.n)
	for series := range b.line.Series(name) {
		for point := range series.Points() {
			all[b.of(point.At)].Merge(point.Agg)
		}
	}
	return all
}

// values makes a line of a metric; where of returns false it has a gap.
func (b bins) values(name string, of func(i int, agg *metric.Aggregate) (float64, bool)) []float64 {
	line := make([]float64, b.n)
	for i, agg := range b.merged(name) {
		v, ok := of(i, &agg)
		if !ok {
			v = gap
		}
		line[i] = v
	}
	return line
}

// perSecond is the rate of a counter.
func (b bins) perSecond(name string) []float64 {
	return b.values(name, func(i int, agg *metric.Aggregate) (float64, bool) { return agg.Sum / b.seconds(i), true })
}

// failedPerSecond is the rate of samples of a rate that are not zero.
func (b bins) failedPerSecond(name string) []float64 {
	return b.values(name, func(i int, agg *metric.Aggregate) (float64, bool) { return float64(agg.NonZero) / b.seconds(i), true })
}

// percentiles are lines of a trend.
func (b bins) percentiles(name string, ps ...float64) [][]float64 {
	all := b.merged(name)
	lines := make([][]float64, len(ps))
	for l, p := range ps {
		lines[l] = make([]float64, b.n)
		for i := range all {
			if lines[l][i] = gap; all[i].Count > 0 {
				lines[l][i] = all[i].Percentile(p)
			}
		}
	}
	return lines
}

// level adds up what the series of a gauge report. Each keeps its value until
// it reports another.
func (b bins) level(name string) []float64 {
	sum := make([]float64, b.n)
	for series := range b.line.Series(name) {
		last, at := 0.0, 0
		for point := range series.Points() {
			i := b.of(point.At)
			for ; at < i; at++ {
				sum[at] += last
			}
			last = point.Agg.Last
		}
		for ; at < b.n; at++ {
			sum[at] += last
		}
	}
	return sum
}

// worst is the largest value of a gauge in each bin.
func (b bins) worst(name string) []float64 {
	return b.values(name, func(_ int, agg *metric.Aggregate) (float64, bool) { return agg.Max, agg.Count > 0 })
}

// nonZero reports whether a line has a value that is not 0.
func nonZero(line []float64) bool {
	for _, v := range line {
		if v != 0 && v == v {
			return true
		}
	}
	return false
}
