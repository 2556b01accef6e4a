package metric

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options of NewRegistry.
type Options struct {
	MaxSeries int       // most series kept, over all metrics; 0 means DefaultMaxSeries
	Shards    int       // number of Recorders; 0 means chosen from GOMAXPROCS
	Start     time.Time // Start of the first Snapshot; zero means now
	// Keep names the metrics that are recorded; empty means all. Others can be
	// defined and looked up as ever; their samples go nowhere.
	Keep []string
}

// DefaultMaxSeries is the cap on (metric, tag set) pairs of one registry.
const DefaultMaxSeries = 10_000

// MaxMetrics is the cap on metrics of one registry or Set.
const MaxMetrics = 1_000

const maxNameLength = 128

// Registry holds the metrics and series of one runner. All methods are safe for concurrent use.
type Registry struct {
	maxSeries int
	recorders []*Recorder
	keep      map[string]struct{} // nil: all

	mu       sync.RWMutex // guards what follows
	families map[string]*family
	series   []*Series // by id
	notes    []OverflowNote

	snapshots sync.Mutex // held during Snapshot; guards what follows
	end       time.Time  // of the latest snapshot
	scratch   []Bucket
}

// family is a metric and its series.
type family struct {
	metric   Metric
	series   map[string]*Series             // by Tags.String
	distinct map[string]map[string]struct{} // values seen, by tag key
	rest     *Series                        // takes what fits nowhere else, or nil
	void     *Series                        // stands for all series if the metric is not kept, else nil
}

// Series is the handle of one (metric, tag set).
type Series struct {
	id     uint32
	kind   Type
	sent   bool // introduced by a snapshot; guarded by Registry.snapshots
	metric *Metric
	tags   Tags
	// last is the latest value of a Gauge. It is not sharded: one place for
	// all is what makes one of the values the latest.
	last atomic.Uint64
}

// NewRegistry returns a registry with the Builtin metrics defined.
func NewRegistry(o Options) *Registry {
	if o.MaxSeries <= 0 {
		o.MaxSeries = DefaultMaxSeries
	}
	if o.Shards <= 0 {
		o.Shards = defaultShards(runtime.GOMAXPROCS(0))
	}
	if o.Start.IsZero() {
		o.Start = time.Now()
	}
	r := &Registry{
		maxSeries: o.MaxSeries,
		recorders: make([]*Recorder, o.Shards),
		families:  make(map[string]*family),
		end:       o.Start,
	}
	for i := range r.recorders {
		r.recorders[i] = newRecorder(o.MaxSeries + beyondCap*MaxMetrics)
	}
	if len(o.Keep) > 0 {
		r.keep = make(map[string]struct{}, len(o.Keep))
		for _, name := range o.Keep {
			r.keep[name] = struct{}{}
		}
	}
	for _, m := range Builtin() {
		r.families[m.Name] = r.newFamily(m)
	}
	return r
}

// defaultShards returns two shards per processor: VUs of one shard may run at
// the same time, and with twice as many they meet seldom. A single processor
// never meets itself.
func defaultShards(processors int) int {
	if processors == 1 {
		return 1
	}
	return min(2*processors, 64)
}

func (r *Registry) newFamily(m Metric) *family {
	f := &family{
		metric:   m,
		series:   make(map[string]*Series),
		distinct: make(map[string]map[string]struct{}),
	}
	if !r.Keeps(m.Name) {
		// No kind, so that Record does nothing, at the cost of finding that
		// out where it looks at the kind anyway; and the last ID there is,
		// which no snapshot looks at.
		f.void = &Series{id: uint32(r.maxSeries + beyondCap*MaxMetrics), metric: &f.metric}
	}
	return f
}

// Keeps reports whether samples of the metric of that name are recorded; see
// [Options.Keep].
func (r *Registry) Keeps(name string) bool {
	_, kept := r.keep[name]
	return kept || r.keep == nil
}

// Define returns the metric of that name, made if new. It is an error to
// define a name again with another type or unit, or a name that is not
// letter/underscore followed by at most 127 letters, digits, underscores, or
// more than [MaxMetrics] metrics.
func (r *Registry) Define(name string, t Type, u Unit) (*Metric, error) {
	m := Metric{name, t, u}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.families[name]; f != nil {
		if err := m.mustEqual(f.metric); err != nil {
			return nil, err
		}
		return &f.metric, nil
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if len(r.families) >= MaxMetrics {
		return nil, tooManyMetrics(name)
	}
	m.Name = strings.Clone(name) // the script's string may be part of a longer one
	f := r.newFamily(m)
	r.families[m.Name] = f
	return &f.metric, nil
}

// Lookup returns the metric of that name or nil.
func (r *Registry) Lookup(name string) *Metric {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if f := r.families[name]; f != nil {
		return &f.metric
	}
	return nil
}

// Series returns the handle of (m, tags), the same pointer for equal
// arguments. It takes a lock and hashes the tags: resolve once, cache at the
// place of use. Over the cap the value of the tag key with most distinct
// values is replaced by Overflow (totals stay exact); see Overflowed. A metric
// that is not kept has one series without tags, which records nothing.
//
// m must be defined in this registry.
func (r *Registry) Series(m *Metric, tags Tags) *Series {
	var buf [256]byte
	key := tags.appendKey(buf[:0])
	r.mu.RLock()
	f := r.families[m.Name]
	var s *Series
	if f != nil {
		s = f.series[string(key)]
	}
	r.mu.RUnlock()
	if f == nil || &f.metric != m && f.metric != *m {
		panic(fmt.Sprintf("metric: %s %q is not of this registry", m.Type, m.Name))
	}
	if s != nil {
		return s
	}
	if f.void != nil {
		return f.void
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admit(f, tags)
}

// add makes the series of (f, tags), which does not exist. The caller holds mu.
func (r *Registry) add(f *family, tags Tags) *Series {
	tags = tags.clone()
	s := &Series{
		id:     uint32(len(r.series)),
		kind:   f.metric.Type,
		metric: &f.metric,
		tags:   tags,
	}
	r.series = append(r.series, s)
	f.series[tags.String()] = s
	f.learn(tags)
	return s
}

// Recorder returns shard n modulo the number of shards. Give each VU one.
func (r *Registry) Recorder(n int) *Recorder {
	return r.recorders[uint(n)%uint(len(r.recorders))]
}

// Invalid returns how many samples were refused because they were not finite.
func (r *Registry) Invalid() uint64 {
	var sum uint64
	for _, rec := range r.recorders {
		sum += rec.invalid.Load()
	}
	return sum
}

// Metric returns the metric of the series.
func (s *Series) Metric() *Metric { return s.metric }

// Tags returns the tag set of the series.
func (s *Series) Tags() Tags { return s.tags }
