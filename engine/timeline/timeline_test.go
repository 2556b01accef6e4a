package timeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func at(d time.Duration) time.Time { return start().Add(d) }

// pair feeds a set and a timeline the way a coordinator does.
type pair struct {
	t interface {
		Helper()
		Fatal(...any)
	}
	set  *metric.Set
	line *Timeline
}

func newPair(t testing.TB, o Options) *pair { return &pair{t, metric.NewSet(), New(start(), o)} }

func (b *pair) merge(from string, s *metric.Snapshot) {
	b.t.Helper()
	if err := b.set.Merge(from, s); err != nil {
		b.t.Fatal(err)
	}
	b.line.Add(from, s)
}

func record(r *metric.Registry, name string, v float64, tags ...metric.Tag) {
	r.Recorder(0).Record(r.Series(r.Lookup(name), metric.NewTags(tags...)), v)
}

// facts tells what of an aggregate must not depend on when it was recorded.
func facts(a *metric.Aggregate) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s n=%d sum=%v min=%v max=%v not0=%d last=%v@%v", a.Type, a.Count, a.Sum, a.Min, a.Max, a.NonZero, a.Last, a.LastAt.UnixNano())
	for index, n := range a.Hist.Buckets() {
		fmt.Fprintf(&b, " %d:%d", index, n)
	}
	return b.String()
}

// brief makes facts readable.
func brief(a *metric.Aggregate) string {
	text := facts(a)
	return text[:min(len(text), 300)]
}

func TestPointsOfOneRunner(t *testing.T) {
	b := newPair(t, Options{})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 5; second++ {
		for i := range second {
			record(r, metric.HTTPReqDuration, float64(10*second+i))
			record(r, metric.HTTPReqs, 1)
		}
		record(r, metric.VUs, float64(second))
		// A little late, as timers are.
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second+3*time.Millisecond)))
	}
	if end := b.line.End(); end != 5*time.Second {
		t.Errorf("ends at %v", end)
	}
	if b.line.Resolution() != time.Second || !b.line.Start().Equal(start()) {
		t.Errorf("resolution %v, start %v", b.line.Resolution(), b.line.Start())
	}
	want := map[string]func(second int, a *metric.Aggregate) bool{
		metric.HTTPReqs: func(second int, a *metric.Aggregate) bool {
			return a.Sum == float64(second) && a.Count == uint64(second)
		},
		metric.HTTPReqDuration: func(second int, a *metric.Aggregate) bool {
			near := func(got float64, want int) bool {
				return got >= float64(want)*.997 && got <= float64(want)*1.003
			}
			return a.Count == uint64(second) && near(a.Min, 10*second) && near(a.Max, 11*second-1) &&
				near(a.Percentile(50), 10*second+(second-1)/2)
		},
		metric.VUs: func(second int, a *metric.Aggregate) bool {
			return a.Last == float64(second) && a.Max == a.Last && a.Min == a.Last
		},
	}
	for name, good := range want {
		var series int
		for s := range b.line.Series(name) {
			series++
			second := 0
			for p := range s.Points() {
				second++
				if p.At != time.Duration(second-1)*time.Second || !good(second, p.Agg) {
					t.Errorf("%s: point %d at %v: %s", name, second, p.At, brief(p.Agg))
				}
				if !p.Agg.FirstAt.Equal(at(p.At)) || !p.Agg.LastSeen.Equal(at(p.At+time.Second)) {
					t.Errorf("%s: point %d seen %v to %v", name, second, p.Agg.FirstAt, p.Agg.LastSeen)
				}
			}
			if second != 5 {
				t.Errorf("%s has %d points", name, second)
			}
		}
		if series != 1 {
			t.Errorf("%s has %d series", name, series)
		}
	}
	var names []string
	for _, m := range b.line.Metrics() {
		names = append(names, m.Name)
	}
	if !slices.Equal(names, []string{metric.HTTPReqDuration, metric.HTTPReqs, metric.VUs}) {
		t.Errorf("metrics are %v", names)
	}
}

func TestBetween(t *testing.T) {
	b := newPair(t, Options{})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 20; second++ {
		record(r, metric.HTTPReqs, float64(second), metric.Tag{Key: "parity", Value: fmt.Sprint(second % 2)})
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
	}
	even := metric.NewTags(metric.Tag{Key: "parity", Value: "0"})
	sec := time.Second
	for _, tt := range []struct {
		from, to  time.Duration
		filter    metric.Tags
		sum       float64
		firstSeen time.Duration
	}{
		{0, 20 * sec, metric.Tags{}, 210, 0},
		{-sec, 1000 * sec, metric.Tags{}, 210, 0},
		{2 * sec, 4 * sec, metric.Tags{}, 3 + 4, 2 * sec},
		{2*sec + 400*time.Millisecond, 4*sec + 400*time.Millisecond, metric.Tags{}, 3 + 4, 2 * sec},
		{1600 * time.Millisecond, 3600 * time.Millisecond, metric.Tags{}, 3 + 4, 2 * sec},
		{2 * sec, 6 * sec, even, 4 + 6, 3 * sec},
	} {
		agg, ok := b.line.Between(tt.from, tt.to).Select(metric.HTTPReqs, tt.filter)
		if !ok || agg.Sum != tt.sum || !agg.FirstAt.Equal(at(tt.firstSeen)) {
			t.Errorf("%v to %v {%s}: %s from %v, %v", tt.from, tt.to, tt.filter, brief(&agg), agg.FirstAt, ok)
		}
	}
	for _, v := range []View{b.line.Between(4*sec, 4*sec), b.line.Between(5*sec, 4*sec), b.line.Between(50*sec, 60*sec)} {
		if agg, ok := v.Select(metric.HTTPReqs, metric.Tags{}); !ok || agg.Count != 0 || agg.Type != metric.Counter {
			t.Errorf("an empty view holds %s", brief(&agg))
		}
	}
	if agg, ok := b.line.Between(0, sec).Select(metric.HTTPReqFailed, metric.Tags{}); !ok || agg.Type != metric.Rate || agg.Count != 0 {
		t.Errorf("a metric without samples: %s, %v", brief(&agg), ok)
	}
	if _, ok := b.line.Between(0, sec).Select("mine", metric.Tags{}); ok {
		t.Error("an unknown metric was found")
	}
}

// TestVUsAddUp has three sources whose reports come at other times, of which
// one comes late, out of order.
func TestVUsAddUp(t *testing.T) {
	b := newPair(t, Options{})
	sources := map[string]*metric.Registry{}
	vus := func(from string, second int, n float64) *metric.Snapshot {
		r := sources[from]
		if r == nil {
			r = metric.NewRegistry(metric.Options{Start: start(), Shards: 1})
			sources[from] = r
		}
		record(r, metric.VUs, n)
		return r.Snapshot(at(time.Duration(second)*time.Second + time.Duration(len(sources))*time.Millisecond))
	}
	b.merge("a", vus("a", 1, 10))
	b.merge("b", vus("b", 1, 5))
	held := vus("c", 1, 100)
	b.merge("a", vus("a", 2, 20))
	b.merge("b", vus("b", 2, 6))
	b.merge("a", vus("a", 3, 0))
	b.merge("c", held)
	b.merge("c", vus("c", 2, 90))
	b.merge("b", vus("b", 4, 1))
	var got []float64
	for s := range b.line.Series(metric.VUs) {
		for p := range s.Points() {
			got = append(got, p.Agg.Last)
		}
	}
	if want := []float64{115, 116, 96, 91}; !slices.Equal(got, want) {
		t.Errorf("vus are %v, want %v", got, want)
	}
	agg, _ := b.line.Between(time.Second, 3*time.Second).Select(metric.VUs, metric.Tags{})
	if agg.Last != 96 || agg.Max != 116 || agg.Min != 96 {
		t.Errorf("from second 1 to 3: %s", brief(&agg))
	}
}

// TestVUsOfSeveralTags says that tag sets add up too, also one that reported
// before the view only.
func TestVUsOfSeveralTags(t *testing.T) {
	b := newPair(t, Options{})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 4; second++ {
		record(r, metric.VUs, 7, metric.Tag{Key: "scenario", Value: "a"})
		if second == 1 {
			record(r, metric.VUs, 30, metric.Tag{Key: "scenario", Value: "b"})
		}
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
	}
	if agg, _ := b.line.Between(2*time.Second, 4*time.Second).Select(metric.VUs, metric.Tags{}); agg.Last != 37 || agg.Max != 37 {
		t.Errorf("vus are %s", brief(&agg))
	}
}

// TestGaugeExtremesBelongToTheirInterval: a snapshot tells the extremes of the
// whole run so far.
func TestGaugeExtremesBelongToTheirInterval(t *testing.T) {
	b := newPair(t, Options{})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second, values := range [][]float64{{5, 9, 6}, {7}, {1, 7}, {8}} {
		for _, v := range values {
			record(r, metric.GeneratorCPU, v)
		}
		b.merge("a", r.Snapshot(at(time.Duration(second+1)*time.Second)))
	}
	var got [][3]float64
	for s := range b.line.Series(metric.GeneratorCPU) {
		for p := range s.Points() {
			got = append(got, [3]float64{p.Agg.Min, p.Agg.Max, p.Agg.Last})
		}
	}
	if want := [][3]float64{{5, 9, 6}, {7, 7, 7}, {1, 7, 7}, {8, 8, 8}}; !slices.Equal(got, want) {
		t.Errorf("points are %v, want %v", got, want)
	}
}

func TestClocksOutOfReason(t *testing.T) {
	b := newPair(t, Options{})
	r := metric.NewRegistry(metric.Options{Start: at(-time.Hour)})
	for _, end := range []time.Duration{-time.Minute, 3 * time.Second, 1 << 62, -1 << 62, 4 * time.Second} {
		record(r, metric.HTTPReqs, 1)
		b.merge("a", r.Snapshot(at(end)))
	}
	record(r, metric.HTTPReqs, 1)
	b.merge("a", r.Snapshot(time.Time{}))
	if end := b.line.End(); end != 4*time.Second {
		t.Errorf("ends at %v", end)
	}
	var got []string
	for s := range b.line.Series(metric.HTTPReqs) {
		for p := range s.Points() {
			got = append(got, fmt.Sprint(p.At, " ", p.Agg.Sum))
		}
	}
	if want := []string{"0s 3", "2s 2", "3s 1"}; !slices.Equal(got, want) {
		t.Errorf("points are %v, want %v", got, want)
	}
}

func TestDeltasOfUnknownSeries(t *testing.T) {
	line := New(start(), Options{})
	line.Add("a", &metric.Snapshot{End: at(1), Deltas: []metric.SeriesDelta{{ID: 7, Count: 1, Sum: 1}}})
	if len(line.Metrics()) != 0 {
		t.Errorf("metrics are %v", line.Metrics())
	}
}

// TestSixteenRunnersAsOne deals the samples of one runner out to sixteen: all
// points have the same percentiles.
func TestSixteenRunnersAsOne(t *testing.T) {
	one, many := newPair(t, Options{}), newPair(t, Options{})
	single := metric.NewRegistry(metric.Options{Start: start()})
	var runners [16]*metric.Registry
	for i := range runners {
		runners[i] = metric.NewRegistry(metric.Options{Start: start()})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for second := range 10 {
		for range 2000 {
			v := random.ExpFloat64() * 40
			record(single, metric.HTTPReqDuration, v)
			record(runners[random.IntN(16)], metric.HTTPReqDuration, v)
		}
		end := time.Duration(second+1) * time.Second
		one.merge("a", single.Snapshot(at(end)))
		for i, r := range runners {
			// No two timers fire at once.
			many.merge(fmt.Sprint(i), r.Snapshot(at(end+time.Duration(i*29)*time.Millisecond)))
		}
	}
	values := func(line *Timeline) (all []string) {
		describe := func(a *metric.Aggregate) string {
			var b strings.Builder
			for _, p := range []float64{0, 1, 50, 90, 95, 99, 99.9, 99.99, 100} {
				fmt.Fprint(&b, a.Percentile(p), " ")
			}
			return b.String()
		}
		for s := range line.Series(metric.HTTPReqDuration) {
			for p := range s.Points() {
				all = append(all, fmt.Sprint(p.At, " ", p.Agg.Count, " ", describe(p.Agg)))
			}
		}
		for from := range 8 {
			agg, _ := line.Between(time.Duration(from)*time.Second, time.Duration(from+3)*time.Second).Select(metric.HTTPReqDuration, metric.Tags{})
			all = append(all, describe(&agg))
		}
		return all
	}
	if a, b := values(one.line), values(many.line); !slices.Equal(a, b) {
		t.Errorf("one runner:\n%s\nsixteen:\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

// TestHostileRunner sends histograms as wide as they can be of many metrics:
// there is nothing to fold, and a minute of them is too much.
func TestHostileRunner(t *testing.T) {
	const maxBytes, metrics = 1 << 20, 20
	b := newPair(t, Options{MaxBytes: maxBytes})
	var wide []metric.Bucket
	for i := -outermost; i <= outermost; i += 4 {
		wide = append(wide, metric.Bucket{Index: i, Count: 1})
	}
	for second := 1; second <= 100; second++ {
		snap := &metric.Snapshot{Start: at(time.Duration(second-1) * time.Second), End: at(time.Duration(second) * time.Second)}
		for id := range uint32(metrics) {
			if second == 1 {
				snap.Defs = append(snap.Defs, metric.SeriesDef{ID: id, Metric: metric.Metric{Name: fmt.Sprint("m", id), Type: metric.Trend}})
			}
			snap.Deltas = append(snap.Deltas, metric.SeriesDelta{ID: id, Count: uint64(len(wide)), Buckets: wide})
		}
		b.merge("a", snap)
		if b.line.bytes > 2*maxBytes+metrics*len(wide)*3 {
			t.Fatalf("%d bytes after %d seconds", b.line.bytes, second)
		}
	}
	for id := range metrics {
		agg, _ := b.line.Between(0, b.line.End()).Select(fmt.Sprint("m", id), metric.Tags{})
		if agg.Count != uint64(100*len(wide)) {
			t.Fatalf("m%d: %d samples", id, agg.Count)
		}
	}
}
