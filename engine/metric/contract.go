package metric

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import (
	"iter"
	"time"
)

// NewTags returns the set of the given tags; of two with one key the later wins.
func NewTags(pairs ...Tag) Tags { panic("contract") }

// TagsFromMap returns the set holding the entries of m.
func TagsFromMap(m map[string]string) Tags { panic("contract") }

// With returns t with pairs added or replaced.
func (t Tags) With(pairs ...Tag) Tags { panic("contract") }

// Get returns the value of key and whether it is set.
func (t Tags) Get(key string) (string, bool) { panic("contract") }

// All iterates in key order.
func (t Tags) All() iter.Seq2[string, string] { panic("contract") }

// Len returns the number of tags.
func (t Tags) Len() int { panic("contract") }

// Contains reports whether every tag of filter is in t with the same value.
func (t Tags) Contains(filter Tags) bool { panic("contract") }

// String returns `k=v,k2=v2`, canonical: usable as a map key (separators inside values are escaped).
func (t Tags) String() string { panic("contract") }

// Options of NewRegistry.
type Options struct {
	MaxSeries int // most series kept, over all metrics; 0 means DefaultMaxSeries
	Shards    int // number of Recorders; 0 means chosen from GOMAXPROCS
}

// DefaultMaxSeries is the cap on (metric, tag set) pairs of one registry.
const DefaultMaxSeries = 10_000

// Registry holds the metrics and series of one runner. All methods are safe for concurrent use.
type Registry struct{}

// NewRegistry returns a registry with the Builtin metrics defined.
func NewRegistry(o Options) *Registry { panic("contract") }

// Define returns the metric of that name, made if new. It is an error to
// define a name again with another type or unit, or a name that is not
// letter/underscore followed by at most 127 letters, digits, underscores.
func (r *Registry) Define(name string, t Type, u Unit) (*Metric, error) { panic("contract") }

// Lookup returns the metric of that name or nil.
func (r *Registry) Lookup(name string) *Metric { panic("contract") }

// Series returns the handle of (m, tags), the same pointer for equal
// arguments. It takes a lock and hashes the tags: resolve once, cache at the
// place of use. Over the cap the value of the tag key with most distinct
// values is replaced by Overflow (totals stay exact); see Overflowed.
func (r *Registry) Series(m *Metric, tags Tags) *Series { panic("contract") }

// Overflow is the value that stands for all values of a tag over the cap.
const Overflow = "(other)"

// Overflowed lists metric and tag key of each cap that was hit, once each.
func (r *Registry) Overflowed() []OverflowNote { panic("contract") }

// OverflowNote names a tag whose values were too many.
type OverflowNote struct{ Metric, Tag string }

// Recorder returns shard n modulo the number of shards. Give each VU one.
func (r *Registry) Recorder(n int) *Recorder { panic("contract") }

// Series is the handle of one (metric, tag set).
type Series struct{}

// Metric returns the metric of the series.
func (s *Series) Metric() *Metric { panic("contract") }

// Tags returns the tag set of the series.
func (s *Series) Tags() Tags { panic("contract") }

// Recorder is one shard. Record is lock-free, allocates nothing once a series
// has been seen by the shard, and may be called by any number of goroutines;
// it is fastest when few share it.
type Recorder struct{}

// Record adds one sample. NaN and infinities are ignored and counted by the
// registry (Invalid).
func (rec *Recorder) Record(s *Series, value float64) { panic("contract") }

// Invalid returns how many samples were refused because they were not finite.
func (r *Registry) Invalid() uint64 { panic("contract") }

// Snapshot returns what was recorded since the previous call and counts each
// sample in exactly one snapshot. One caller at a time; recording goes on.
func (r *Registry) Snapshot(now time.Time) *Snapshot { panic("contract") }

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
type SeriesDelta struct {
	ID    uint32
	Count uint64  // samples
	Sum   float64 // Counter, Trend
	// Min and Max are exact, over everything recorded so far (not only this interval).
	Min, Max float64
	Last     float64   // Gauge: latest value
	LastAt   time.Time // Gauge: when
	NonZero  uint64    // Rate: samples that were not zero
	Buckets  []Bucket  // Trend: changed buckets by rising index
}

// Bucket is a count of values of one exponential bucket; see BucketIndex.
type Bucket struct {
	Index int32
	Count uint64
}

// Set is the merged state of one run: what all runners recorded. Not safe for
// concurrent use; the coordinator owns it.
type Set struct{}

// NewSet returns an empty set that knows the Builtin metrics.
func NewSet() *Set { panic("contract") }

// Merge adds a snapshot of the runner called source. IDs are per source. A
// snapshot that names an undefined ID or contradicts a known metric is an
// error and changes nothing.
func (s *Set) Merge(source string, snap *Snapshot) error { panic("contract") }

// Metrics returns the known metrics sorted by name.
func (s *Set) Metrics() []Metric { panic("contract") }

// Series iterates over the series of a metric in canonical tag order.
func (s *Set) Series(name string) iter.Seq2[Tags, *Aggregate] { panic("contract") }

// Select merges all series of the metric whose tags contain filter. ok is
// false when the metric is unknown; a known metric with no sample gives an
// Aggregate with Count 0.
func (s *Set) Select(name string, filter Tags) (agg Aggregate, ok bool) { panic("contract") }

// Aggregate is the merged value of one or more series.
type Aggregate struct {
	Type          Type
	Count         uint64
	Sum, Min, Max float64
	Last          float64
	LastAt        time.Time
	NonZero       uint64
	Hist          Histogram // Trend only
}

// Merge adds o to a. Both must have the same Type.
func (a *Aggregate) Merge(o *Aggregate) { panic("contract") }

// Percentile returns the value at or below which p percent of samples lie
// (nearest rank), p in [0, 100], relative error at most 0.3 %, clamped to
// [Min, Max]; 0 without samples.
func (a *Aggregate) Percentile(p float64) float64 { panic("contract") }

// Mean returns Sum/Count, 0 without samples. RateOf returns NonZero/Count.
func (a *Aggregate) Mean() float64 { panic("contract") }

// Share returns NonZero/Count, the value of a Rate; 0 without samples.
func (a *Aggregate) Share() float64 { panic("contract") }

// Histogram counts values by exponential bucket (growth 2^(1/128)).
type Histogram struct{}

// Add adds count values to bucket index.
func (h *Histogram) Add(index int32, count uint64) { panic("contract") }

// Merge adds o's counts.
func (h *Histogram) Merge(o *Histogram) { panic("contract") }

// Buckets iterates over non-empty buckets by rising value.
func (h *Histogram) Buckets() iter.Seq2[int32, uint64] { panic("contract") }

// BucketIndex returns the bucket of v; BucketValue the value that stands for a
// bucket (the relative error of any value in it is at most 0.3 %);
// BucketBounds its limits. Zero and negative values have buckets of their own.
func BucketIndex(v float64) int32 { panic("contract") }

// BucketValue returns the representative of a bucket.
func BucketValue(index int32) float64 { panic("contract") }
