// Package timeline keeps what was recorded by when: for every series an
// aggregate a second, histograms included, in bounded memory for a run of any
// length. When the bound is reached, neighbouring intervals are merged, oldest
// resolution first, so that a long run has coarser intervals and no fewer facts.
//
// Windows of thresholds, the search for capacity, charts, heat maps, the CSV
// time series and comparisons all read it.
//
// Each series has two columns of encoded points: the newest, which keep the
// finest resolution, and all older ones, whose intervals double in length
// when room is needed, one series after the other. If a run has so many series
// that this does not help, those with the fewest samples are added to series
// with [metric.Overflow] in the place of the tag that has most values, as a
// registry does beyond its cap: totals stay exact, and [Timeline.Folded] tells.
package timeline

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Options bound a Timeline. Zero values mean the defaults.
type Options struct {
	Resolution time.Duration // of the finest interval; 1 s
	// MaxBytes bounds the estimated bytes held; 64 MiB. It is exceeded, up to
	// twice as much, when the recent intervals of series that cannot be folded
	// take more.
	MaxBytes int
	// Recent is how far back intervals keep the finest resolution, up to twice
	// MaxBytes: the longest window anybody will ask for. 1 min.
	Recent time.Duration
}

const (
	defaultResolution = time.Second
	defaultMaxBytes   = 64 << 20
	defaultRecent     = time.Minute

	// fewest is how many intervals a run keeps: with less a chart shows
	// nothing, and rather are series folded.
	fewest = 64
	// lastTick bounds how long a run can be: 68 years of seconds.
	lastTick = 1<<31 - 1
	// farAhead is by how much a source may be ahead of all others before its
	// clock is not believed: live runners report every second.
	farAhead = time.Hour
)

// Timeline belongs to one goroutine, as the metric.Set beside it.
type Timeline struct {
	start    time.Time
	tick     time.Duration // the finest resolution
	recent   int64         // ticks
	maxBytes int

	families map[string]*family
	sources  map[string]source
	series   []*series // in order of appearance; folded ones are gone
	end      int64     // ticks

	bytes    int   // estimated
	coarsest int64 // widest intervals of any series, in ticks
	target   int64 // width that the sweep is making
	sweep    int   // number of the series to merge next
	fewest   int64 // intervals to leave
	patience int64 // tick before which nothing more can be merged, unless
	excess   int   // there are more bytes than that
	folded   int
	tmp      scratch
}

// family is a metric and its series.
type family struct {
	metric metric.Metric
	byKey  map[string]*series // without folded ones
	sorted []*series          // the same by key
}

// source is what is known of one runner: its series by their IDs.
type source map[uint32]*track

// track is one series of one source.
type track struct {
	*series
	seen bool
	extent
}

// extent is a gauge as its source reported it last.
type extent struct{ last, min, max float64 }

// series is one series of points.
type series struct {
	metric metric.Metric
	shape  shape
	tags   metric.Tags
	key    string  // tags.String()
	into   *series // what it was folded into

	old      column
	recent   column
	boundary int64   // ticks before it are old
	aging    int64   // tick at which more become old
	base     float64 // level: the value at the boundary

	count    uint64
	min, max float64 // over all points, exact; of a level the sums over sources
}

// seriesBytes is what a series without points and tags takes, about.
const seriesBytes = 512

// New returns a timeline of a load that began at start.
func New(start time.Time, o Options) *Timeline {
	if o.Resolution <= 0 {
		o.Resolution = defaultResolution
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Recent <= 0 {
		o.Recent = defaultRecent
	}
	return &Timeline{
		start:    start,
		tick:     o.Resolution,
		recent:   int64(min((o.Recent+o.Resolution-1)/o.Resolution, lastTick/4)),
		maxBytes: o.MaxBytes,
		families: make(map[string]*family),
		sources:  make(map[string]source),
		coarsest: 1,
		target:   2,
		fewest:   fewest,
	}
}

// Add takes in a delta of a source, which metric.Set.Merge has accepted: series
// are known by the definitions of earlier snapshots of the same source. The
// delta belongs to the interval in which most of the last Resolution before
// its End lies: what a runner reports at 3.01 s was recorded in the third
// second. What was recorded before Start belongs to the first interval.
func (t *Timeline) Add(from string, s *metric.Snapshot) {
	src := t.sources[from]
	if src == nil {
		src = make(source)
		t.sources[from] = src
	}
	for _, def := range s.Defs {
		if src[def.ID] == nil {
			src[def.ID] = &track{series: t.find(def.Metric, def.Tags)}
		}
	}
	if len(s.Deltas) == 0 {
		return
	}
	tick := t.tickOf(s)
	t.end = max(t.end, tick+1)
	var p point
	for i := range s.Deltas {
		d := &s.Deltas[i]
		known := src[d.ID]
		if known == nil {
			continue // no set accepts this
		}
		e := known.series
		p = point{count: d.Count, sum: d.Sum, nonZero: d.NonZero, buckets: d.Buckets}
		if e.shape == gauge || e.shape == level {
			if d.Count == 0 {
				continue
			}
			p.lastAt = int64(d.LastAt.Sub(t.start))
			known.gauge(d, &p)
		}
		e.widen(d)
		t.account(e, func() { e.add(tick, &p, t) })
	}
	if t.bytes > t.maxBytes && (t.end >= t.patience || t.bytes > t.excess) {
		t.bound()
	}
}

// tickOf returns the number of the interval a snapshot belongs to.
func (t *Timeline) tickOf(s *metric.Snapshot) int64 {
	at := s.End.Sub(t.start) - min(max(s.End.Sub(s.Start), 0), t.tick)/2
	if at < 0 {
		return 0
	}
	tick := int64(at / t.tick)
	if tick > t.end+int64(farAhead/t.tick) {
		return max(t.end-1, 0)
	}
	return tick
}

// gauge completes p: a snapshot tells the extremes since the runner began, and
// those that are new were seen in this interval.
func (k *track) gauge(d *metric.SeriesDelta, p *point) {
	before := k.extent
	k.extent = extent{d.Last, d.Min, d.Max}
	p.last, p.min, p.max = d.Last, d.Last, d.Last
	if !k.seen || d.Min < before.min {
		p.min = d.Min
	}
	if !k.seen || d.Max > before.max {
		p.max = d.Max
	}
	k.seen = true
	if k.shape == level {
		k.series.min = finite(k.series.min - before.min + d.Min)
		k.series.max = finite(k.series.max - before.max + d.Max)
		p.last = finite(d.Last - before.last)
		p.min, p.max = max(d.Last-p.min, 0), max(p.max-d.Last, 0)
	}
}

// widen makes the totals cover d.
func (e *series) widen(d *metric.SeriesDelta) {
	if d.Count == 0 {
		return
	}
	if e.shape == gauge || e.shape == trend {
		if e.count == 0 {
			e.min, e.max = d.Min, d.Max
		}
		e.min, e.max = min(e.min, d.Min), max(e.max, d.Max)
	}
	e.count = add(e.count, d.Count)
}

// find returns the series of (m, tags), made if new.
func (t *Timeline) find(m metric.Metric, tags metric.Tags) *series {
	f := t.families[m.Name]
	if f == nil {
		f = &family{metric: m, byKey: make(map[string]*series)}
		t.families[m.Name] = f
	}
	key := tags.String()
	if e := f.byKey[key]; e != nil {
		return e
	}
	e := &series{
		metric: m, shape: shapeOf(m), tags: tags, key: key,
		old: newColumn(t.coarsest), recent: newColumn(1),
		// Not all at once.
		aging: t.end + t.recent + int64(len(t.series))%t.recent,
	}
	f.byKey[key] = e
	i, _ := f.search(key)
	f.sorted = slices.Insert(f.sorted, i, e)
	t.series = append(t.series, e)
	t.bytes += e.size()
	return e
}

func (f *family) search(key string) (i int, found bool) {
	return slices.BinarySearchFunc(f.sorted, key, func(e *series, key string) int {
		return cmp.Compare(e.key, key)
	})
}

// survivor returns what counts the samples of e now.
func (e *series) survivor() *series {
	for e.into != nil {
		e = e.into
	}
	return e
}

// size returns the estimated bytes of e. Each tag is there twice, in the key
// and by itself.
func (e *series) size() int {
	return seriesBytes + 3*len(e.key) + cap(e.old.data) + cap(e.recent.data)
}

// add adds p to the interval that is tick.
func (e *series) add(tick int64, p *point, t *Timeline) {
	if tick < e.boundary {
		e.addOld(tick, p, false, t)
		return
	}
	e.recent.merge(tick, p, e.shape, false, &t.tmp)
	// Points grow old by the minute, so that most of the time nothing moves.
	if tick >= e.aging {
		e.aging = tick + t.recent
		e.retire(tick-t.recent, t)
	}
}

func (e *series) addOld(tick int64, p *point, later bool, t *Timeline) {
	if e.old.n == 0 {
		e.old.width = t.coarsest
	}
	if e.shape == level {
		e.base = finite(e.base + p.last)
	}
	e.old.merge(tick/e.old.width, p, e.shape, later, &t.tmp)
}

// retire moves the points before a tick to the old ones.
func (e *series) retire(before int64, t *Timeline) {
	if before <= e.boundary {
		return
	}
	e.boundary = before
	rest := newColumn(1)
	rest.data = t.tmp.rest[:0]
	var p point
	for cur := e.recent.cursor(); cur.next(); {
		if cur.number >= before {
			rest.appendBody(cur.number, cur.body)
			continue
		}
		p.read(cur.body, e.shape)
		e.addOld(cur.number, &p, true, t)
	}
	t.tmp.rest = rest.data
	room := e.recent.data[:0]
	if cap(room) > 4*len(rest.data) {
		room = nil // it will not be needed again soon
	}
	rest.data = append(room, rest.data...)
	e.recent = rest
}

// Start returns when the load began.
func (t *Timeline) Start() time.Time { return t.start }

// Resolution returns how long the intervals of Points are now.
func (t *Timeline) Resolution() time.Duration { return time.Duration(t.coarsest) * t.tick }

// End returns the end of the last interval with data, since Start.
func (t *Timeline) End() time.Duration { return time.Duration(t.end) * t.tick }

// Folded returns how often a series was added to another for want of room: what
// is asked for by its tags is missing from then on, what is asked for without
// is complete.
func (t *Timeline) Folded() int { return t.folded }

// Metrics returns the metrics that have points, sorted by name.
func (t *Timeline) Metrics() []metric.Metric {
	var all []metric.Metric
	for _, f := range t.families {
		if slices.ContainsFunc(f.sorted, func(e *series) bool { return e.old.n+e.recent.n > 0 }) {
			all = append(all, f.metric)
		}
	}
	slices.SortFunc(all, func(a, b metric.Metric) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Series iterates over the series of a metric in canonical tag order.
func (t *Timeline) Series(name string) iter.Seq[Series] {
	return func(yield func(Series) bool) {
		f := t.families[name]
		if f == nil {
			return
		}
		for _, e := range f.sorted {
			if !yield(Series{Metric: e.metric, Tags: e.tags, e: e, t: t}) {
				return
			}
		}
	}
}
