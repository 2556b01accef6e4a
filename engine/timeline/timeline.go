// Package timeline keeps what was recorded by when: for every series an
// aggregate a second, histograms included, in bounded memory for a run of any
// length. When the bound is reached, neighbouring intervals are merged, oldest
// resolution first, so that a long run has coarser intervals and no fewer facts.
//
// Windows of thresholds, the search for capacity, charts, heat maps, the CSV
// time series and comparisons all read it.
package timeline

import (
	"iter"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Options bound a Timeline. Zero values mean the defaults.
type Options struct {
	Resolution time.Duration // of the finest interval; 1 s
	MaxBytes   int           // estimated bytes held; 64 MiB
	// Recent is how far back intervals keep the finest resolution whatever
	// MaxBytes says: the longest window anybody will ask for. 1 min.
	Recent time.Duration
}

// Timeline belongs to one goroutine, as the metric.Set beside it.
type Timeline struct{}

// New returns a timeline of a load that began at start.
func New(start time.Time, o Options) *Timeline { panic("contract") }

// Add takes in a delta of a source, which metric.Set.Merge has accepted: series
// are known by the definitions of earlier snapshots of the same source. The
// delta belongs to the interval in which its End lies.
func (t *Timeline) Add(source string, s *metric.Snapshot) { panic("contract") }

// Start returns when the load began; Resolution how long the intervals of
// Points are now; End the end of the last interval with data, since Start.
func (t *Timeline) Start() time.Time          { panic("contract") }
func (t *Timeline) Resolution() time.Duration { panic("contract") }
func (t *Timeline) End() time.Duration        { panic("contract") }

// Between returns a view of the intervals from one time to another since Start,
// to the resolution there. A view reads the timeline: use it before the next Add.
func (t *Timeline) Between(from, to time.Duration) View { panic("contract") }

// View selects from some intervals. It has the Select of a metric.Set.
type View struct{}

// Select merges, over the view's intervals, all series of the metric whose tags
// contain filter; see metric.Set.Select. Min and Max are exact to a bucket.
func (v View) Select(name string, filter metric.Tags) (agg metric.Aggregate, ok bool) {
	panic("contract")
}

// Metrics returns the metrics that have points, sorted by name.
func (t *Timeline) Metrics() []metric.Metric { panic("contract") }

// Series iterates over the series of a metric in canonical tag order.
func (t *Timeline) Series(name string) iter.Seq[Series] { panic("contract") }

// Series is the points of one series.
type Series struct {
	Metric metric.Metric
	Tags   metric.Tags
}

// Points yields the intervals in which the series has samples, by time. Each
// is At to At+Resolution() since Start.
func (s Series) Points() iter.Seq[Point] { panic("contract") }

// Point is one interval of one series. Agg is valid until the next point.
type Point struct {
	At  time.Duration
	Agg *metric.Aggregate
}

// MarshalBinary and UnmarshalBinary are the form in which results are saved.
// What cannot have come from MarshalBinary is an error, never a panic or an
// allocation beyond a small multiple of its size.
func (t *Timeline) MarshalBinary() ([]byte, error)    { panic("contract") }
func (t *Timeline) UnmarshalBinary(data []byte) error { panic("contract") }
