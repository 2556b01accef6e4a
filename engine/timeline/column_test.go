package timeline

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/swarmload/swarm/engine/metric"
	"pgregory.net/rapid"
)

// drawPoint makes a point of whole numbers, whose sums are exact.
func drawPoint(t *rapid.T, s shape) point {
	number := func(label string) float64 { return float64(rapid.IntRange(-1000, 1000).Draw(t, label)) }
	p := point{count: uint64(rapid.IntRange(1, 300).Draw(t, "count"))}
	switch s {
	case counter:
		p.sum = number("sum")
	case rate:
		p.nonZero = uint64(rapid.IntRange(0, int(p.count)).Draw(t, "nonZero"))
	case gauge:
		p.min, p.last, p.max = number("min"), number("last"), number("max")
		p.min, p.max = min(p.min, p.last, p.max), max(p.min, p.last, p.max)
		p.lastAt = int64(rapid.IntRange(-5, 1<<40).Draw(t, "lastAt"))
	case level:
		p.last, p.min, p.max = number("change"), math.Abs(number("below")), math.Abs(number("above"))
		p.lastAt = int64(rapid.IntRange(-5, 1<<40).Draw(t, "lastAt"))
	case trend:
		p.sum = number("sum") / 3
		p.count = 0
		counts := rapid.MapOfN(rapid.Int32Range(-outermost, outermost), rapid.Uint64Range(1, 1<<20), 0, 20).Draw(t, "buckets")
		for index, n := range counts {
			p.buckets = append(p.buckets, metric.Bucket{Index: index, Count: n})
			p.count += n
		}
		slices.SortFunc(p.buckets, func(a, b metric.Bucket) int { return int(a.Index - b.Index) })
	}
	return p
}

func drawShape(t *rapid.T) shape {
	return rapid.SampledFrom([]shape{counter, gauge, rate, trend, level}).Draw(t, "shape")
}

func (p *point) String() string {
	return fmt.Sprintf("%d %.6f %d %v %v..%v @%d %v", p.count, p.sum, p.nonZero, p.last, p.min, p.max, p.lastAt, p.buckets)
}

func TestPointsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		p := drawPoint(t, s)
		written := p.append(nil, s)
		var read point
		if !read.read(written, s) || read.String() != p.String() {
			t.Fatalf("wrote %v\nread  %v", &p, &read)
		}
		for i := range written {
			read.read(written[:i], s) // must not panic
		}
		if again := read.read(append(slices.Clone(written), 0x80), s); again {
			t.Fatalf("%v was read with a broken number behind it", &p)
		}
	})
}

func TestFloats(t *testing.T) {
	for _, f := range []float64{0, 1, -1, 0.5, 1e300, -1e300, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1<<53 - 1, -1 << 53, 1 << 63, -1 << 63, math.Pi} {
		r := reader{b: appendFloat(nil, f)}
		if got := r.float(); got != f || r.bad || len(r.b) != 0 {
			t.Errorf("%v is read as %v", f, got)
		}
	}
	if n := len(appendFloat(nil, 31)); n != 1 {
		t.Errorf("a small whole number takes %d bytes", n)
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		r := reader{b: appendFloat(nil, f)}
		if r.float(); !r.bad {
			t.Errorf("%v was read", f)
		}
	}
}

// model is what a column is to hold.
type model map[int64]*point

func (m model) merge(number int64, p *point, s shape) {
	var tmp []metric.Bucket
	own := *p
	own.buckets = slices.Clone(p.buckets)
	if held := m[number]; held != nil {
		held.join(&own, s, &tmp)
		held.buckets = slices.Clone(held.buckets)
		return
	}
	m[number] = &own
}

// same compares a column with a model.
func (m model) same(t *rapid.T, c *column, s shape) {
	t.Helper()
	n, before, tail, prev := 0, int64(-1), 0, int64(-1)
	var p point
	for cur := c.cursor(); ; n++ {
		begin := cur.end
		if !cur.next() {
			break
		}
		if cur.number <= before {
			t.Fatalf("%d comes after %d", cur.number, before)
		}
		prev, before, tail = before, cur.number, begin
		want := m[cur.number]
		if !p.read(cur.body, s) || want == nil || p.String() != want.String() {
			t.Fatalf("interval %d holds %v\nwant %v", cur.number, &p, want)
		}
	}
	if n != len(m) || n != c.n || before != c.last || tail != c.tail || prev != c.prev {
		t.Fatalf("%d records, want %d; column says n %d last %d tail %d prev %d, it is last %d tail %d prev %d",
			n, len(m), c.n, c.last, c.tail, c.prev, before, tail, prev)
	}
	loaded, ok := load(c.width, c.data, s)
	if !ok || loaded.n != c.n || loaded.last != c.last || loaded.tail != c.tail || loaded.prev != c.prev {
		t.Fatalf("loaded as %+v, %v; want %+v", loaded, ok, c)
	}
}

// TestColumnInAnyOrder merges points into intervals in any order.
func TestColumnInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		c, m := newColumn(1), model{}
		var tmp scratch
		numbers := rapid.SliceOfN(rapid.Int64Range(0, 300), 0, 30).Draw(t, "numbers")
		for _, number := range numbers {
			p := drawPoint(t, s)
			m.merge(number, &p, s)
			c.merge(number, &p, s, false, &tmp)
			m.same(t, &c, s)
		}
		for width := int64(2); width <= 64; width *= 4 {
			coarse := model{}
			for _, number := range slices.Sorted(keys(m)) {
				into := number * c.width / width
				if held := coarse[into]; held != nil {
					var buckets []metric.Bucket
					held.follow(m[number], s, &buckets)
					held.buckets = slices.Clone(held.buckets)
				} else {
					coarse[into] = m[number]
				}
			}
			c.coarsen(width, s, &tmp)
			coarse.same(t, &c, s)
			m = coarse
		}
	})
}

func keys(m model) func(func(int64) bool) {
	return func(yield func(int64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestColumnsJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawShape(t)
		var tmp scratch
		m := model{}
		columns := [2]column{newColumn(1), newColumn(1)}
		for i := range columns {
			for _, number := range rapid.SliceOfNDistinct(rapid.Int64Range(0, 40), 0, 20, rapid.ID).Draw(t, "numbers") {
				p := drawPoint(t, s)
				columns[i].merge(number, &p, s, false, &tmp)
				m.merge(number, &p, s)
			}
		}
		columns[0].join(&columns[1], s, &tmp)
		m.same(t, &columns[0], s)
	})
}
