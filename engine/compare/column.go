package compare

import (
	"math"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// column holds the samples of one selection of one run, interval by interval.
type column struct {
	count, nonZero []float64
	sum            []float64
	hist           [][]bucket
	seconds        float64 // of one interval
}

// bucket counts values of one bucket of the histogram.
type bucket struct {
	index int32
	count float64
}

// column reads the intervals that count from the run's time series.
func (s *side) column(sel selection, intervals []int, step time.Duration) *column {
	c := newColumn(len(intervals), step)
	if len(intervals) == 0 {
		return c
	}
	place := make([]int, intervals[len(intervals)-1]+1)
	for i := range place {
		place[i] = -1
	}
	for i, at := range intervals {
		place[at] = i
	}
	merged := make([]metric.Aggregate, len(intervals))
	for series := range s.Timeline.Series(sel.metric) {
		if !sel.has(series.Tags, s.names) {
			continue
		}
		for point := range series.Points() {
			if at := int(point.At / step); at < len(place) && place[at] >= 0 {
				merged[place[at]].Merge(point.Agg)
			}
		}
	}
	for i := range merged {
		c.set(i, &merged[i])
	}
	return c
}

func newColumn(n int, step time.Duration) *column {
	return &column{
		count: make([]float64, n), nonZero: make([]float64, n), sum: make([]float64, n), hist: make([][]bucket, n),
		seconds: step.Seconds(),
	}
}

func (c *column) set(i int, agg *metric.Aggregate) {
	c.count[i], c.nonZero[i], c.sum[i] = float64(agg.Count), float64(agg.NonZero), agg.Sum
	for index, count := range agg.Hist.Buckets() {
		c.hist[i] = append(c.hist[i], bucket{index, float64(count)})
	}
}

func (c *column) samples() (n float64) {
	for _, count := range c.count {
		n += count
	}
	return n
}

// level is the statistic's level by interval, the series whose correlation is
// that of the statistic. An interval without samples continues the one before.
func (c *column) level(stat statistic) []float64 {
	x := make([]float64, len(c.count))
	for i, n := range c.count {
		switch {
		case stat == perSecond:
			x[i] = c.sum[i]
		case n == 0 && i > 0:
			x[i] = x[i-1]
		case n == 0:
		case stat == percentile:
			x[i] = c.sum[i] / n
		default:
			x[i] = c.nonZero[i] / n
		}
	}
	return x
}

// evaluator computes a statistic of a column with each interval taken so many
// times as its weight says.
type evaluator struct {
	*column
	stat statistic
	p    float64

	lowest  int32 // bucket of hist[0]
	buckets []float64
}

func (c *column) evaluator(stat statistic, p float64) *evaluator {
	e := &evaluator{column: c, stat: stat, p: p}
	if stat != percentile {
		return e
	}
	low, high := int32(math.MaxInt32), int32(math.MinInt32)
	for _, h := range c.hist {
		if len(h) > 0 {
			low, high = min(low, h[0].index), max(high, h[len(h)-1].index)
		}
	}
	if low <= high {
		e.lowest, e.buckets = low, make([]float64, high-low+1)
	}
	return e
}

// of returns the statistic; ok is false without samples. Nil weights are ones.
func (e *evaluator) of(weights []float64) (v float64, ok bool) {
	weight := func(i int) float64 {
		if weights == nil {
			return 1
		}
		return weights[i]
	}
	switch e.stat {
	case perSecond:
		sum, taken := 0.0, 0.0
		for i, v := range e.sum {
			sum += v * weight(i)
			taken += weight(i)
		}
		return sum / (taken * e.seconds), taken > 0
	case percentile:
		return e.percentile(weight)
	}
	count, nonZero := 0.0, 0.0
	for i, n := range e.count {
		count += n * weight(i)
		nonZero += e.nonZero[i] * weight(i)
	}
	if e.stat == unshare {
		nonZero = count - nonZero
	}
	return nonZero / count, count > 0
}

// percentile walks the weighted histogram. Within a bucket it goes by the share
// of the bucket's values that lie below: steps of half a percent would hide
// noise that is smaller.
func (e *evaluator) percentile(weight func(int) float64) (v float64, ok bool) {
	clear(e.buckets)
	total := 0.0
	for i, h := range e.hist {
		w := weight(i)
		if w == 0 {
			continue
		}
		for _, b := range h {
			e.buckets[b.index-e.lowest] += w * b.count
			total += w * b.count
		}
	}
	if total == 0 {
		return 0, false
	}
	rank, seen := e.p/100*total, 0.0
	for i, n := range e.buckets {
		if n > 0 && (seen+n >= rank || seen+n >= total) {
			low, high := metric.BucketBounds(e.lowest + int32(i))
			return low + (high-low)*min(max((rank-seen)/n, 0), 1), true
		}
		seen += n
	}
	return 0, false
}
