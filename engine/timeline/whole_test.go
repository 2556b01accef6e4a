package timeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"pgregory.net/rapid"
)

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
