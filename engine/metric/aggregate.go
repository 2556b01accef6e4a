package metric

import (
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Aggregate is the merged value of one or more series. Without samples all but
// Type is zero.
type Aggregate struct {
	Type     Type
	Count    uint64    // samples
	Sum      float64   // Counter, Trend
	Min, Max float64   // Gauge, Trend: exact
	Last     float64   // Gauge
	LastAt   time.Time // Gauge: when Last was seen
	NonZero  uint64    // Rate
	Hist     Histogram // Trend only

	// FirstAt is the start of the first snapshot that held a sample, LastSeen
	// the end of the last one: exact to an interval between snapshots, by the
	// clock of the runner.
	FirstAt, LastSeen time.Time
}

// Merge adds o to a. Both must have the same Type; an a without one takes o's.
// The result does not depend on order or grouping, but for the last bits of
// Sum.
func (a *Aggregate) Merge(o *Aggregate) {
	if a.Type == 0 {
		a.Type = o.Type
	}
	if a.Type != o.Type {
		panic(fmt.Sprintf("metric: merge of a %s into a %s", o.Type, a.Type))
	}
	a.Sum = addFinite(a.Sum, o.Sum)
	if o.Count == 0 {
		return
	}
	if a.Count == 0 {
		a.Min, a.Max = o.Min, o.Max
		a.Last, a.LastAt = o.Last, o.LastAt
		a.FirstAt, a.LastSeen = o.FirstAt, o.LastSeen
	} else {
		a.Min, a.Max = min(a.Min, o.Min), max(a.Max, o.Max)
		// Of two values of one instant the larger stays, for some rule must
		// make the order of merging irrelevant.
		if o.LastAt.After(a.LastAt) || o.LastAt.Equal(a.LastAt) && o.Last > a.Last {
			a.Last, a.LastAt = o.Last, o.LastAt
		}
		if o.FirstAt.Before(a.FirstAt) {
			a.FirstAt = o.FirstAt
		}
		if o.LastSeen.After(a.LastSeen) {
			a.LastSeen = o.LastSeen
		}
	}
	a.Count = addCounts(a.Count, o.Count)
	a.NonZero = addCounts(a.NonZero, o.NonZero)
	a.Hist.Merge(&o.Hist)
}

// Percentile returns the value at or below which p percent of samples lie
// (nearest rank), p in [0, 100], relative error at most 0.3 %, clamped to
// [Min, Max]; 0 without samples. p counts to nine decimals. The first and the
// last rank are exact.
func (a *Aggregate) Percentile(p float64) float64 {
	switch rank := nearestRank(p, a.Count); {
	case a.Count == 0:
		return 0
	case rank == 1:
		return a.Min
	case rank == a.Count:
		return a.Max
	default:
		index, ok := a.Hist.rank(rank)
		if !ok {
			return a.Max
		}
		return min(max(BucketValue(index), a.Min), a.Max)
	}
}

// nearestRank returns ceil(p/100·count), in 1 to count. It computes in
// integers: in floats, 99.9 percent of 1000 is a little more than 999.
func nearestRank(p float64, count uint64) uint64 {
	const unit = 1_000_000_000 // parts of a percent
	if !(p > 0) {
		return 1
	}
	if p >= 100 {
		return count
	}
	// The quotient fits: parts is at most 100·unit, so that high is less.
	parts := uint64(math.Round(p * unit))
	high, low := bits.Mul64(parts, count)
	rank, rest := bits.Div64(high, low, 100*unit)
	if rest > 0 {
		rank++
	}
	return max(rank, 1)
}

// Mean returns Sum/Count, 0 without samples.
func (a *Aggregate) Mean() float64 {
	if a.Count == 0 {
		return 0
	}
	return a.Sum / float64(a.Count)
}

// Share returns NonZero/Count, the value of a Rate; 0 without samples.
func (a *Aggregate) Share() float64 {
	if a.Count == 0 {
		return 0
	}
	// Of a sample recorded during a snapshot NonZero may arrive before Count.
	return min(float64(a.NonZero)/float64(a.Count), 1)
}

// addFinite adds finite numbers and stays finite: results are printed as JSON,
// which has no infinity.
func addFinite(a, b float64) float64 {
	return min(max(a+b, -math.MaxFloat64), math.MaxFloat64)
}
