package metric

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Snapshot is a delta. It is plain data: the wire package encodes it.
type Snapshot struct {
	Start, End time.Time
	Defs       []SeriesDef   // series that appear for the first time
	Deltas     []SeriesDelta // series that changed
}

// SeriesDef introduces a series under an ID local to its registry.
type SeriesDef struct {
	ID     uint32
	Metric Metric
	Tags   Tags
}

// SeriesDelta is what was recorded of a series in one snapshot interval.
//
// Of a sample that is recorded while the snapshot is taken, Count may be in
// one snapshot and Sum or NonZero in the one before or after; so Count may be 0
// beside a Sum. Each is in exactly one.
type SeriesDelta struct {
	ID    uint32
	Count uint64  // samples; of a Trend the sum of Buckets
	Sum   float64 // Counter, Trend
	// Min and Max are exact, over everything recorded so far (not only this
	// interval). Gauge, Trend.
	Min, Max float64
	Last     float64   // Gauge: latest value
	LastAt   time.Time // Gauge: when, which is the end of the snapshot
	NonZero  uint64    // Rate: samples that were not zero
	Buckets  []Bucket  // Trend: changed buckets by rising index
}

// Bucket is a count of values of one exponential bucket; see BucketIndex.
type Bucket struct {
	Index int32
	Count uint64
}

// Snapshot returns what was recorded since the previous call and counts each
// sample in exactly one snapshot. One caller at a time; recording goes on.
func (r *Registry) Snapshot(now time.Time) *Snapshot {
	r.snapshots.Lock()
	defer r.snapshots.Unlock()
	snap := &Snapshot{Start: r.end, End: now}
	if snap.Start.After(now) {
		snap.Start = now
	}
	r.end = now

	r.mu.RLock()
	series := r.series // grows, but what is there stays
	r.mu.RUnlock()
	cells := make([]*cell, 0, len(r.recorders))
	for _, s := range series {
		cells = cells[:0]
		for _, rec := range r.recorders {
			if c := rec.cell(s.id); c != nil {
				cells = append(cells, c)
			}
		}
		delta, ok := r.take(s, cells, now)
		if !ok {
			continue
		}
		if !s.sent {
			s.sent = true
			snap.Defs = append(snap.Defs, SeriesDef{s.id, *s.metric, s.tags})
		}
		snap.Deltas = append(snap.Deltas, delta)
	}
	return snap
}

// take collects the delta of a series from its cells. ok is false when nothing
// was recorded.
func (r *Registry) take(s *Series, cells []*cell, now time.Time) (d SeriesDelta, ok bool) {
	d.ID = s.id
	switch s.kind {
	case Counter:
		for _, c := range cells {
			d.takeCount(c)
			d.Sum = addFinite(d.Sum, c.takeSum())
		}
	case Rate:
		for _, c := range cells {
			d.takeCount(c)
			if c.nonZero.Load() != 0 {
				d.NonZero += c.nonZero.Swap(0)
			}
		}
	case Gauge:
		for _, c := range cells {
			d.takeCount(c)
		}
		if d.Count == 0 {
			return d, false
		}
		d.Last, d.LastAt = math.Float64frombits(s.last.Load())+0, now
		d.takeExtremes(cells)
	case Trend:
		if !r.takeTrend(&d, cells) {
			return d, false
		}
		d.takeExtremes(cells)
	}
	return d, d.Count != 0 || d.Sum != 0 || d.NonZero != 0
}

// takeTrend collects Count, Sum and Buckets. ok is false when no cell changed.
func (r *Registry) takeTrend(d *SeriesDelta, cells []*cell) (ok bool) {
	for _, c := range cells {
		if c.dirty.Load() != 0 {
			c.dirty.Store(0)
			ok = true
		}
	}
	if !ok {
		return false
	}
	var zero uint64
	var positive, negative []*sketch
	for _, c := range cells {
		if c.count.Load() != 0 {
			zero += c.count.Swap(0)
		}
		if sk := c.positive.Load(); sk != nil {
			positive = append(positive, sk)
		}
		if sk := c.negative.Load(); sk != nil {
			negative = append(negative, sk)
		}
	}
	buckets := takeSide(r.scratch[:0], negative, true)
	if zero != 0 {
		buckets = append(buckets, Bucket{0, zero})
	}
	buckets = takeSide(buckets, positive, false)
	for _, rec := range r.recorders {
		for index, count := range rec.takeSpilled(d.ID) {
			buckets = addToBuckets(buckets, index, count)
		}
	}
	r.scratch = buckets
	d.Buckets = slices.Clone(buckets)
	for _, b := range buckets {
		d.Count += b.Count
	}
	for _, c := range cells {
		d.Sum = addFinite(d.Sum, c.takeSum())
	}
	return true
}

// takeExtremes reads the extremes of all cells, at least one of which has seen
// a sample.
func (d *SeriesDelta) takeExtremes(cells []*cell) {
	d.Min, d.Max = math.Inf(1), math.Inf(-1)
	for _, c := range cells {
		d.Min = min(d.Min, math.Float64frombits(c.min.Load()))
		d.Max = max(d.Max, math.Float64frombits(c.max.Load()))
	}
	d.Min, d.Max = d.Min+0, d.Max+0 // no negative zero
}

func (d *SeriesDelta) takeCount(c *cell) {
	if c.count.Load() != 0 {
		d.Count += c.count.Swap(0)
	}
}

// addToBuckets adds to a bucket of a sorted list.
func addToBuckets(buckets []Bucket, index int32, count uint64) []Bucket {
	i, found := slices.BinarySearchFunc(buckets, index, func(b Bucket, index int32) int {
		return cmp.Compare(b.Index, index)
	})
	if found {
		buckets[i].Count += count
		return buckets
	}
	return slices.Insert(buckets, i, Bucket{index, count})
}
