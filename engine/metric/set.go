package metric

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// Set is the merged state of one run: what all runners recorded. Not safe for
// concurrent use; the coordinator owns it.
type Set struct {
	families map[string]*setFamily
	sources  map[string]*source
	size     int // estimated bytes held
}

// source is what is known of one runner.
type source struct {
	number int // from 0, in order of appearance
	series map[uint32]*setSeries
}

// setFamily is a metric and its merged series.
type setFamily struct {
	metric Metric
	byKey  map[string]*setSeries
	sorted []*setSeries // by key
}

// setSeries is one merged series.
type setSeries struct {
	metric Metric
	key    string // Tags.String
	tags   Tags
	agg    Aggregate
	levels []level // Gauge: what each source reports, by source.number
}

// level is a gauge as one source reports it.
type level struct {
	last, min, max float64
	at             time.Time
	seen           bool
}

// NewSet returns an empty set that knows the Builtin metrics.
func NewSet() *Set {
	s := &Set{
		families: make(map[string]*setFamily),
		sources:  make(map[string]*source),
	}
	for _, m := range Builtin() {
		s.family(m)
	}
	return s
}

// Define makes a metric known before its first sample, so that Select finds
// it. It is an error if the name is known with another type or unit, or
// invalid.
func (s *Set) Define(m Metric) error {
	if err := s.check(m); err != nil {
		return err
	}
	s.family(m)
	return nil
}

// Metrics returns the known metrics sorted by name.
func (s *Set) Metrics() []Metric {
	all := make([]Metric, 0, len(s.families))
	for _, f := range s.families {
		all = append(all, f.metric)
	}
	slices.SortFunc(all, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Series iterates over the series of a metric in canonical tag order. The
// aggregates belong to the set: read them before the next Merge, change
// nothing.
func (s *Set) Series(name string) iter.Seq2[Tags, *Aggregate] {
	return func(yield func(Tags, *Aggregate) bool) {
		f := s.families[name]
		if f == nil {
			return
		}
		for _, e := range f.sorted {
			if !yield(e.tags, &e.agg) {
				return
			}
		}
	}
}

// Select merges all series of the metric whose tags contain filter. ok is
// false when the metric is unknown; a known metric with no sample gives an
// Aggregate with Count 0. The caller owns the result.
func (s *Set) Select(name string, filter Tags) (agg Aggregate, ok bool) {
	f := s.families[name]
	if f == nil {
		return Aggregate{}, false
	}
	agg.Type = f.metric.Type
	var sum level
	for _, e := range f.sorted {
		if !e.tags.Contains(filter) {
			continue
		}
		agg.Merge(&e.agg)
		sum.add(level{last: e.agg.Last, min: e.agg.Min, max: e.agg.Max})
	}
	if f.metric.AddsUp() {
		agg.Last, agg.Min, agg.Max = sum.last, sum.min, sum.max
	}
	return agg, true
}

func (l *level) add(o level) {
	l.last = addFinite(l.last, o.last)
	l.min = addFinite(l.min, o.min)
	l.max = addFinite(l.max, o.max)
}

// check reports whether m could be defined.
func (s *Set) check(m Metric) error {
	if f := s.families[m.Name]; f != nil {
		return m.mustEqual(f.metric)
	}
	if err := m.Validate(); err != nil {
		return err
	}
	if len(s.families) >= MaxMetrics {
		return tooManyMetrics(m.Name)
	}
	return nil
}

// family returns the family of m, made if new.
func (s *Set) family(m Metric) *setFamily {
	f := s.families[m.Name]
	if f == nil {
		f = &setFamily{metric: m, byKey: make(map[string]*setSeries)}
		s.families[m.Name] = f
	}
	return f
}

// series returns the series of (m, tags), made if new.
func (s *Set) series(m Metric, tags Tags) *setSeries {
	f := s.family(m)
	key := tags.String()
	if e := f.byKey[key]; e != nil {
		return e
	}
	e := &setSeries{metric: m, key: key, tags: tags, agg: Aggregate{Type: m.Type}}
	i, _ := slices.BinarySearchFunc(f.sorted, key, func(e *setSeries, key string) int {
		return cmp.Compare(e.key, key)
	})
	f.sorted = slices.Insert(f.sorted, i, e)
	f.byKey[key] = e
	s.size += seriesSize + 2*len(key)
	return e
}
