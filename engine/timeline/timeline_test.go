package timeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"pgregory.net/rapid"
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

// load drives a random test: sources, series, late and skewed reports.
type testLoad struct {
	b       *pair
	sources []*testSource
}

type testSource struct {
	name     string
	skew     time.Duration
	now      time.Duration
	registry *metric.Registry
	held     []*metric.Snapshot // not yet delivered
}

func newTestLoad(t *rapid.T, o Options) *testLoad {
	l := &testLoad{b: &pair{t, metric.NewSet(), New(start(), o)}}
	for i := range rapid.IntRange(1, 4).Draw(t, "sources") {
		l.sources = append(l.sources, &testSource{
			name: fmt.Sprint("s", i),
			// No two at the same instant: which gauge is the latest is clear.
			skew:     time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "skew"))*time.Millisecond + time.Duration(i)*time.Microsecond,
			registry: metric.NewRegistry(metric.Options{Start: start(), Shards: 1, MaxSeries: 1000}),
		})
	}
	return l
}

// second lets every source record, and report unless it is held up.
func (l *testLoad) second(t *rapid.T, random *rand.Rand, tags int) {
	for _, s := range l.sources {
		s.now += time.Second
		for range random.IntN(6) {
			tag := metric.Tag{Key: "name", Value: fmt.Sprint(random.IntN(tags))}
			fixed := metric.Tag{Key: "status", Value: fmt.Sprint(200 + random.IntN(2))}
			record(s.registry, metric.HTTPReqs, float64(random.IntN(5)), tag, fixed)
			record(s.registry, metric.HTTPReqFailed, float64(random.IntN(2)), tag)
			record(s.registry, metric.HTTPReqDuration, float64(random.IntN(1<<16)), tag, fixed)
			record(s.registry, metric.GeneratorCPU, float64(random.IntN(100)), fixed)
			record(s.registry, metric.VUs, float64(random.IntN(50)), fixed)
			record(s.registry, metric.VUsMax, 50)
		}
		s.held = append(s.held, s.registry.Snapshot(at(s.now+s.skew)))
		if random.IntN(8) > 0 {
			s.deliver(l.b)
		}
	}
}

func (s *testSource) deliver(b *pair) {
	for _, snap := range s.held {
		b.merge(s.name, snap)
	}
	s.held = nil
}

func (l *testLoad) finish() {
	for _, s := range l.sources {
		s.deliver(l.b)
	}
}

var (
	allMetrics = []string{metric.HTTPReqs, metric.HTTPReqFailed, metric.HTTPReqDuration, metric.GeneratorCPU, metric.VUs, metric.VUsMax}
	someTags   = metric.NewTags(metric.Tag{Key: "status", Value: "200"})
)

// check compares the timeline with the set it was fed beside.
func (b *pair) check(t *rapid.T) {
	t.Helper()
	line := b.line
	for _, name := range allMetrics {
		for _, filter := range []metric.Tags{{}, someTags} {
			if line.Folded() > 0 && filter.Len() > 0 {
				continue
			}
			want, _ := b.set.Select(name, filter)
			got, ok := line.Between(0, line.End()).Select(name, filter)
			if !ok || facts(&got) != facts(&want) {
				t.Fatalf("%s{%s} is %s\nwant %s", name, filter, brief(&got), brief(&want))
			}
			// Cut in two, nothing is lost or doubled.
			cut := time.Duration(rapid.Int64Range(-1e9, int64(line.End())+1e9).Draw(t, "cut"))
			first, _ := line.Between(0, cut).Select(name, filter)
			second, _ := line.Between(cut, line.End()).Select(name, filter)
			if first.Count+second.Count != want.Count || first.Sum+second.Sum != want.Sum || first.NonZero+second.NonZero != want.NonZero {
				t.Fatalf("%s cut at %v is %s\nand %s\nwant %s", name, cut, brief(&first), brief(&second), brief(&want))
			}
			first.Hist.Merge(&second.Hist)
			if h, w := facts(&metric.Aggregate{Hist: first.Hist}), facts(&metric.Aggregate{Hist: want.Hist}); h != w {
				t.Fatalf("%s cut at %v is %s\nwant %s", name, cut, h, w)
			}
		}
		if line.Folded() == 0 {
			for tags, agg := range b.set.Series(name) {
				b.checkSeries(t, name, tags, agg)
			}
		}
	}
}

// checkSeries compares the merged points of a series with what the set has.
func (b *pair) checkSeries(t *rapid.T, name string, tags metric.Tags, want *metric.Aggregate) {
	t.Helper()
	var got metric.Aggregate
	found := false
	for s := range b.line.Series(name) {
		if s.Tags.String() != tags.String() {
			continue
		}
		found = true
		before := time.Duration(-1)
		for p := range s.Points() {
			if p.At <= before || p.At%b.line.Resolution() != 0 || p.At >= b.line.End() {
				t.Fatalf("%s{%s}: point at %v after %v, end %v", name, tags, p.At, before, b.line.End())
			}
			before = p.At
			got.Merge(p.Agg)
		}
	}
	whole := *want
	if s := shapeOf(metric.Metric{Name: name, Type: want.Type}); s == level {
		// The extremes of a sum are not the sum of the extremes.
		got.Min, got.Max, whole.Min, whole.Max = 0, 0, 0, 0
		got.Last, whole.Last = 0, 0 // by time, and not by the clocks of sources
		got.LastAt, whole.LastAt = time.Time{}, time.Time{}
	}
	if !found || facts(&got) != facts(&whole) {
		t.Fatalf("%s{%s} has points of %s\nwant %s", name, tags, brief(&got), brief(&whole))
	}
}

func TestWholeEqualsSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{
			MaxBytes: rapid.SampledFrom([]int{1 << 30, 60_000, 30_000, 1000}).Draw(t, "bytes"),
			Recent:   time.Duration(rapid.SampledFrom([]int{1, 3, 10, 60}).Draw(t, "recent")) * time.Second,
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		l := newTestLoad(t, o)
		tags := rapid.IntRange(1, 20).Draw(t, "tags")
		for range rapid.IntRange(1, 150).Draw(t, "seconds") {
			l.second(t, random, tags)
		}
		l.finish()
		l.b.check(t)
		l.b.line.checkBytes(t)

		data, err := l.b.line.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var read Timeline
		if err := read.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if a, b := dump(l.b.line), dump(&read); a != b {
			t.Fatalf("wrote %s\nread  %s", a, b)
		}
		(&pair{t, l.b.set, &read}).check(t)
		again, err := read.MarshalBinary()
		if err != nil || string(again) != string(data) {
			t.Fatalf("%d bytes written again as %d: %v", len(data), len(again), err)
		}
	})
}

// checkBytes compares the account of bytes with what there is.
func (t *Timeline) checkBytes(f *rapid.T) {
	f.Helper()
	total, n := 0, 0
	for _, e := range t.series {
		total += e.size()
	}
	for _, fam := range t.families {
		n += len(fam.byKey)
		if len(fam.byKey) != len(fam.sorted) {
			f.Fatalf("%s has %d series and %d in order", fam.metric.Name, len(fam.byKey), len(fam.sorted))
		}
	}
	if n != len(t.series) {
		f.Fatalf("%d series, %d of families", len(t.series), n)
	}
	if total != t.bytes {
		f.Fatalf("bytes are %d, accounted are %d", total, t.bytes)
	}
}

// dump tells all that can be seen of a timeline.
func dump(t *Timeline) string {
	var b strings.Builder
	fmt.Fprintln(&b, t.Start(), t.Resolution(), t.End(), t.Folded())
	for _, m := range t.Metrics() {
		fmt.Fprintln(&b, m)
		for s := range t.Series(m.Name) {
			fmt.Fprintf(&b, " {%s}\n", s.Tags)
			for p := range s.Points() {
				fmt.Fprintf(&b, "  %v %s\n", p.At, facts(p.Agg))
			}
		}
		for from := time.Duration(0); from < t.End(); from += 7 * time.Second {
			agg, ok := t.Between(from, from+5*time.Second).Select(m.Name, someTags)
			fmt.Fprintf(&b, " %v %s %v\n", from, facts(&agg), ok)
		}
	}
	return b.String()
}

// TestRecentStaysFine runs under pressure: windows within Recent are exact to
// a second all the same.
func TestRecentStaysFine(t *testing.T) {
	b := newPair(t, Options{MaxBytes: 20_000, Recent: 20 * time.Second})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 3600; second++ {
		for i := range 20 {
			record(r, metric.HTTPReqDuration, float64(second+i*i))
		}
		record(r, metric.HTTPReqs, float64(second))
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
		if second%100 != 0 {
			continue
		}
		now := time.Duration(second) * time.Second
		for back := range min(20, second) {
			from := now - time.Duration(back+1)*time.Second
			agg, _ := b.line.Between(from, from+time.Second).Select(metric.HTTPReqs, metric.Tags{})
			if agg.Sum != float64(second-back) {
				t.Fatalf("second %d at %d: %s", second-back, second, brief(&agg))
			}
		}
	}
	if b.line.bytes > 20_000 || b.line.Resolution() < 8*time.Second || b.line.Folded() != 0 {
		t.Errorf("%d bytes, resolution %v, %d folded", b.line.bytes, b.line.Resolution(), b.line.Folded())
	}
	if n := int(b.line.End() / b.line.Resolution()); n < fewest {
		t.Errorf("%d intervals are left", n)
	}
}

// TestTooManySeriesAreFolded has more series than fit: rare ones give way,
// frequent ones stay, sums stay exact.
func TestTooManySeriesAreFolded(t *testing.T) {
	const maxBytes = 1 << 20
	b := newPair(t, Options{MaxBytes: maxBytes, Recent: 5 * time.Second})
	r := metric.NewRegistry(metric.Options{Start: start(), MaxSeries: 20_000})
	random := rand.New(rand.NewPCG(3, 4))
	most := 0
	for second := 1; second <= 90; second++ {
		for range 400 {
			name := metric.Tag{Key: "name", Value: fmt.Sprint(random.IntN(5000))}
			record(r, metric.HTTPReqDuration, random.ExpFloat64()*50, name, metric.Tag{Key: "status", Value: "200"})
		}
		for i := range 40 {
			record(r, metric.HTTPReqDuration, 10, metric.Tag{Key: "name", Value: "often"}, metric.Tag{Key: "status", Value: fmt.Sprint(200 + i%2)})
		}
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
		most = max(most, b.line.bytes)
	}
	if b.line.Folded() == 0 || most > maxBytes {
		t.Errorf("%d series were folded; at most %d bytes", b.line.Folded(), most)
	}
	whole := b.line.Between(0, b.line.End())
	for _, filter := range []metric.Tags{
		{}, someTags,
		metric.NewTags(metric.Tag{Key: "name", Value: "often"}),
		metric.NewTags(metric.Tag{Key: "name", Value: "often"}, metric.Tag{Key: "status", Value: "201"}),
	} {
		want, _ := b.set.Select(metric.HTTPReqDuration, filter)
		got, _ := whole.Select(metric.HTTPReqDuration, filter)
		got.Sum, want.Sum = 0, 0
		if facts(&got) != facts(&want) {
			t.Errorf("{%s}: %s\nwant %s", filter, brief(&got), brief(&want))
		}
	}
	other, _ := whole.Select(metric.HTTPReqDuration, metric.NewTags(metric.Tag{Key: "name", Value: metric.Overflow}))
	if other.Count == 0 {
		t.Error("what was folded cannot be found")
	}
}

// TestUnboundable says that a bound that cannot be held costs no fact and no
// endless loop.
func TestUnboundable(t *testing.T) {
	b := newPair(t, Options{MaxBytes: 1})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 300; second++ {
		record(r, metric.HTTPReqs, 1, metric.Tag{Key: "name", Value: fmt.Sprint(second % 7)})
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
	}
	if agg, _ := b.line.Between(0, b.line.End()).Select(metric.HTTPReqs, metric.Tags{}); agg.Sum != 300 {
		t.Errorf("%s", facts(&agg))
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
