package metric

import (
	"fmt"
	"math"
	"slices"
)

// Limits of what Merge believes. Runners are not trusted: one must not make
// the coordinator run out of memory, nor make the numbers of others wrap.
const (
	maxCount   = 1 << 53   // samples of a series in one snapshot
	maxSize    = 256 << 20 // bytes of a Set; ten thousand Trends of eight octaves take a third
	seriesSize = 512       // bytes of a series without tags and buckets, about
)

// Merge adds a snapshot of the runner called from. IDs are per source. A
// snapshot that names an undefined ID or contradicts a known metric is an
// error and changes nothing; so does one with values no Registry produces
// (not finite, buckets out of order or range, counts that do not add up), and
// any once the set has grown beyond all reason. Snapshots of one source are
// merged in the order in which they were taken.
func (s *Set) Merge(from string, snap *Snapshot) error {
	if s.size > maxSize {
		return fmt.Errorf("snapshot of %s refused: metrics hold more than %d MB", from, maxSize>>20)
	}
	src := s.sources[from]
	if src == nil {
		src = &source{number: len(s.sources), series: make(map[uint32]*setSeries)}
	}
	if err := s.validate(src, snap); err != nil {
		return fmt.Errorf("snapshot of %s: %w", from, err)
	}
	s.sources[from] = src
	for _, def := range snap.Defs {
		src.series[def.ID] = s.series(def.Metric, def.Tags)
		s.size += seriesSize / 8
	}
	for i := range snap.Deltas {
		d := &snap.Deltas[i]
		s.size += src.series[d.ID].merge(src, d, snap)
	}
	return nil
}

// validate reports why snap cannot be merged.
func (s *Set) validate(src *source, snap *Snapshot) error {
	fresh, err := s.checkDefs(src, snap.Defs)
	if err != nil {
		return err
	}
	for i := range snap.Deltas {
		d := &snap.Deltas[i]
		var m Metric
		if e := src.series[d.ID]; e != nil {
			m = e.metric
		} else if def, ok := fresh[d.ID]; ok {
			m = def.Metric
		} else {
			return fmt.Errorf("series %d is not defined", d.ID)
		}
		if err := d.validate(m); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

// checkDefs returns the definitions by ID.
func (s *Set) checkDefs(src *source, defs []SeriesDef) (map[uint32]SeriesDef, error) {
	if len(defs) == 0 {
		return nil, nil
	}
	fresh := make(map[uint32]SeriesDef, len(defs))
	metrics := make(map[string]Metric)
	for _, def := range defs {
		if err := s.check(def.Metric); err != nil {
			return nil, err
		}
		if m, ok := metrics[def.Metric.Name]; ok {
			if err := def.Metric.mustEqual(m); err != nil {
				return nil, err
			}
		} else if s.families[def.Metric.Name] == nil {
			metrics[def.Metric.Name] = def.Metric
		}
		if e := src.series[def.ID]; e != nil && !sameSeries(def, e.metric, e.tags) {
			return nil, fmt.Errorf("series %d is defined twice", def.ID)
		}
		if d, ok := fresh[def.ID]; ok && !sameSeries(def, d.Metric, d.Tags) {
			return nil, fmt.Errorf("series %d is defined twice", def.ID)
		}
		fresh[def.ID] = def
	}
	if len(s.families)+len(metrics) > MaxMetrics {
		return nil, fmt.Errorf("%d more metrics are too many: a test has at most %d", len(metrics), MaxMetrics)
	}
	return fresh, nil
}

func sameSeries(def SeriesDef, m Metric, t Tags) bool {
	return def.Metric == m && slices.Equal(def.Tags.pairs, t.pairs)
}

// validate reports what a delta of m cannot be.
func (d *SeriesDelta) validate(m Metric) error {
	for _, v := range [...]float64{d.Sum, d.Min, d.Max, d.Last} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("value %v is not finite", v)
		}
	}
	switch {
	case d.Count > maxCount:
		return fmt.Errorf("count %d is too large", d.Count)
	case d.NonZero > maxCount:
		return fmt.Errorf("count %d is too large", d.NonZero)
	case d.Min > d.Max:
		return fmt.Errorf("minimum %v is above maximum %v", d.Min, d.Max)
	case m.Type != Trend:
		if len(d.Buckets) != 0 {
			return fmt.Errorf("a %s has no buckets", m.Type)
		}
		return nil
	}
	var sum uint64
	for i, b := range d.Buckets {
		switch {
		case b.Index < -maxIndex || b.Index > maxIndex:
			return fmt.Errorf("bucket %d does not exist", b.Index)
		case i > 0 && b.Index <= d.Buckets[i-1].Index:
			return fmt.Errorf("bucket %d is out of order", b.Index)
		case b.Count > maxCount:
			return fmt.Errorf("count %d is too large", b.Count)
		}
		sum += b.Count // at most 2^15 buckets of 2^53: no overflow before the check
		if sum > maxCount {
			return fmt.Errorf("count %d is too large", sum)
		}
	}
	if sum != d.Count {
		return fmt.Errorf("count %d is not the sum %d of its buckets", d.Count, sum)
	}
	return nil
}

// merge adds a valid delta and returns by how many bytes the series grew.
func (e *setSeries) merge(src *source, d *SeriesDelta, snap *Snapshot) (grown int) {
	delta := Aggregate{
		Type:  e.metric.Type,
		Count: d.Count, Sum: d.Sum, NonZero: d.NonZero,
		Min: d.Min, Max: d.Max,
		Last: d.Last, LastAt: d.LastAt,
		FirstAt: snap.Start, LastSeen: snap.End,
	}
	if delta.FirstAt.IsZero() || delta.FirstAt.After(delta.LastSeen) {
		delta.FirstAt = delta.LastSeen
	}
	e.agg.Merge(&delta)
	if e.metric.Type == Gauge && d.Count != 0 {
		if missing := src.number + 1 - len(e.levels); missing > 0 {
			e.levels = append(e.levels, make([]level, missing)...)
		}
		e.levels[src.number] = level{d.Last, d.Min, d.Max, d.LastAt, true}
		e.judgeLevels()
	}
	for _, b := range d.Buckets {
		grown += e.agg.Hist.add(b.Index, b.Count)
	}
	return grown
}

// judgeLevels computes the gauge from what its sources reported last. Between
// snapshots of one source their order decides which is later, not a clock that
// may have been set back.
func (e *setSeries) judgeLevels() {
	var sum level
	first := true
	for _, l := range e.levels {
		if !l.seen {
			continue
		}
		if first || l.at.After(e.agg.LastAt) || l.at.Equal(e.agg.LastAt) && l.last > e.agg.Last {
			e.agg.Last, e.agg.LastAt = l.last, l.at
		}
		first = false
		sum.add(l)
	}
	if e.metric.AddsUp() {
		e.agg.Last, e.agg.Min, e.agg.Max = sum.last, sum.min, sum.max
	}
}
