package timeline

import (
	"iter"
	"math"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// View selects from some intervals. It has the Select of a metric.Set.
type View struct {
	t        *Timeline
	from, to time.Duration
}

// Between returns a view of the intervals from one time to another since
// Start: those whose middle lies there, so that views which share a limit
// share no interval. A view reads the timeline: use it before the next Add.
func (t *Timeline) Between(from, to time.Duration) View { return View{t, from, to} }

// Select merges, over the view's intervals, all series of the metric whose tags
// contain filter; see metric.Set.Select. Min and Max are exact to a bucket, and
// quite exact over everything. FirstAt and LastSeen are limits of intervals.
func (v View) Select(name string, filter metric.Tags) (agg metric.Aggregate, ok bool) {
	f := v.t.families[name]
	if f == nil {
		return unseen(name)
	}
	agg.Type = f.metric.Type
	var sum extent
	var c collector
	for _, e := range f.sorted {
		if !e.tags.Contains(filter) {
			continue
		}
		c.begin(e, v.t)
		for s, body := range e.records(v.from, &c) {
			if middle := s.middle(v.t.tick); middle < v.from {
				c.pass(body)
			} else if middle < v.to {
				c.add(body, s, &agg.Hist)
			}
		}
		one := c.end()
		if e.shape == level && v.all() {
			one.Min, one.Max = e.min, e.max
		}
		agg.Merge(&one)
		sum.last = finite(sum.last + one.Last)
		sum.min = finite(sum.min + one.Min)
		sum.max = finite(sum.max + one.Max)
	}
	if agg.Count > 0 && f.metric.AddsUp() {
		agg.Last, agg.Min, agg.Max = sum.last, sum.min, sum.max
	}
	return agg, true
}

// unseen is what a view selects of a metric that has no series.
func unseen(name string) (agg metric.Aggregate, ok bool) {
	for _, m := range metric.Builtin() {
		if m.Name == name {
			return metric.Aggregate{Type: m.Type}, true
		}
	}
	return metric.Aggregate{}, false
}

// all reports whether v leaves nothing out.
func (v View) all() bool { return v.from <= 0 && v.to >= v.t.End() }

// Series is the points of one series.
type Series struct {
	Metric metric.Metric
	Tags   metric.Tags

	e *series
	t *Timeline
}

// Points yields the intervals in which the series has samples, by time. Each
// is At to At+Resolution() since Start.
func (s Series) Points() iter.Seq[Point] {
	return func(yield func(Point) bool) {
		var agg metric.Aggregate
		var c collector
		c.begin(s.e, s.t)
		width := s.t.coarsest
		flush := func(number int64) bool {
			if number < 0 {
				return true
			}
			one := c.end()
			one.Hist = agg.Hist
			agg = one
			more := yield(Point{At: time.Duration(number*width) * s.t.tick, Agg: &agg})
			agg.Hist.Reset()
			c.next()
			return more
		}
		number := int64(-1)
		for at, body := range s.e.records(0, &c) {
			if n := at.first / width; n != number {
				if !flush(number) {
					return
				}
				number = n
			}
			c.add(body, at, &agg.Hist)
		}
		flush(number)
	}
}

// Point is one interval of one series. Agg is valid until the next point.
type Point struct {
	At  time.Duration
	Agg *metric.Aggregate
}

// span is the ticks of an interval, from first to end-1.
type span struct{ first, end int64 }

func (s span) middle(tick time.Duration) time.Duration {
	return time.Duration(s.first+s.end) * tick / 2
}

// records iterates over the encoded points of e by time. It leaves out the old
// ones when all of them lie before from, and tells c.
func (e *series) records(from time.Duration, c *collector) iter.Seq2[span, []byte] {
	return func(yield func(span, []byte) bool) {
		if time.Duration(e.boundary)*c.t.tick <= from {
			c.level += e.base
		} else {
			w := e.old.width
			for cur := e.old.cursor(); cur.next(); {
				// The last interval may go on into the recent ones.
				s := span{cur.number * w, min((cur.number+1)*w, e.boundary)}
				if !yield(s, cur.body) {
					return
				}
			}
		}
		for cur := e.recent.cursor(); cur.next(); {
			if !yield(span{cur.number, cur.number + 1}, cur.body) {
				return
			}
		}
	}
}

// collector merges points of one series into an aggregate. Buckets go straight
// to where they are wanted.
type collector struct {
	t *Timeline
	e *series
	p point

	agg    metric.Aggregate // without Hist
	lo, hi int32            // trend: lowest and highest bucket
	level  float64          // level: after what was read
}

func (c *collector) begin(e *series, t *Timeline) {
	c.t, c.e, c.level = t, e, 0
	c.next()
}

// next begins another aggregate of the same series.
func (c *collector) next() {
	c.agg = metric.Aggregate{Type: c.e.metric.Type}
	c.lo, c.hi = math.MaxInt32, math.MinInt32
}

// pass leaves a point out.
func (c *collector) pass(body []byte) {
	if c.e.shape == level {
		c.p.read(body, level)
		c.level = finite(c.level + c.p.last)
	}
}

func (c *collector) add(body []byte, s span, hist *metric.Histogram) {
	p, a := &c.p, &c.agg
	p.read(body, c.e.shape)
	if p.count > 0 && a.Count == 0 {
		a.FirstAt = c.t.moment(s.first)
	}
	if p.count > 0 {
		a.LastSeen = c.t.moment(s.end)
	}
	switch c.e.shape {
	case counter:
		a.Sum = finite(a.Sum + p.sum)
	case rate:
		a.NonZero = add(a.NonZero, p.nonZero)
	case trend:
		a.Sum = finite(a.Sum + p.sum)
		for _, b := range p.buckets {
			hist.Add(b.Index, b.Count)
		}
		if n := len(p.buckets); n > 0 {
			c.lo, c.hi = min(c.lo, p.buckets[0].Index), max(c.hi, p.buckets[n-1].Index)
		}
	case level:
		c.level = finite(c.level + p.last)
		p.last, p.min, p.max = c.level, finite(c.level-p.min), finite(c.level+p.max)
		c.gauge()
	case gauge:
		c.gauge()
	}
	a.Count = add(a.Count, p.count)
}

func (c *collector) gauge() {
	p, a := &c.p, &c.agg
	at := c.t.start.Add(time.Duration(p.lastAt))
	if a.Count == 0 {
		a.Min, a.Max, a.Last, a.LastAt = p.min, p.max, p.last, at
		return
	}
	a.Min, a.Max = min(a.Min, p.min), max(a.Max, p.max)
	// Of a level the later point counts, of a gauge the later value.
	if c.e.shape == level || at.After(a.LastAt) || at.Equal(a.LastAt) && p.last > a.Last {
		a.Last = p.last
	}
	if at.After(a.LastAt) {
		a.LastAt = at
	}
}

// end returns the aggregate. A level without points in it is what it was.
func (c *collector) end() metric.Aggregate {
	a := c.agg
	switch c.e.shape {
	case level:
		if a.Count == 0 {
			a.Last, a.Min, a.Max = c.level, c.level, c.level
		}
	case trend:
		if a.Count > 0 {
			a.Min, a.Max = c.e.extreme(c.lo, c.e.min), c.e.extreme(c.hi, c.e.max)
		}
	}
	return a
}

// extreme returns an extreme value of points of which that is the outermost
// bucket: the exact one of the whole series if it lies in the same.
func (e *series) extreme(bucket int32, whole float64) float64 {
	if metric.BucketIndex(whole) == bucket {
		return whole
	}
	return min(max(metric.BucketValue(bucket), e.min), e.max)
}

func (t *Timeline) moment(tick int64) time.Time { return t.start.Add(time.Duration(tick) * t.tick) }
