package wire

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func drawTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" zero") {
		return time.Time{}
	}
	return time.Unix(0, rapid.Int64().Draw(t, label))
}

func drawFloat(t *rapid.T, label string) float64 {
	return rapid.OneOf(
		rapid.Float64(),
		rapid.Map(rapid.IntRange(-1000, 1000), func(n int) float64 { return float64(n) }),
		rapid.SampledFrom([]float64{math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64}),
	).Draw(t, label)
}

func drawSnapshot(t *rapid.T) *metric.Snapshot {
	s := &metric.Snapshot{Start: drawTime(t, "start"), End: drawTime(t, "end")}
	for range rapid.IntRange(0, 5).Draw(t, "defs") {
		tags := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "tags")
		s.Defs = append(s.Defs, metric.SeriesDef{
			ID: rapid.Uint32().Draw(t, "id"),
			Metric: metric.Metric{
				Name: rapid.String().Draw(t, "name"),
				Type: metric.Type(rapid.IntRange(1, 4).Draw(t, "type")),
				Unit: metric.Unit(rapid.IntRange(0, 2).Draw(t, "unit")),
			},
			Tags: metric.TagsFromMap(tags),
		})
	}
	for range rapid.IntRange(0, 5).Draw(t, "deltas") {
		d := metric.SeriesDelta{
			ID:      rapid.Uint32().Draw(t, "id"),
			Count:   rapid.Uint64().Draw(t, "count"),
			Sum:     drawFloat(t, "sum"),
			Min:     drawFloat(t, "min"),
			Max:     drawFloat(t, "max"),
			Last:    drawFloat(t, "last"),
			LastAt:  drawTime(t, "lastAt"),
			NonZero: rapid.Uint64().Draw(t, "nonZero"),
		}
		indexes := rapid.SliceOfDistinct(
			rapid.OneOf(rapid.Int32(), rapid.Int32Range(-20, 20)), rapid.ID).Draw(t, "buckets")
		slices.Sort(indexes)
		for _, index := range indexes {
			d.Buckets = append(d.Buckets, metric.Bucket{Index: index, Count: rapid.Uint64Min(1).Draw(t, "n")})
		}
		s.Deltas = append(s.Deltas, d)
	}
	return s
}

func sameTime(a, b time.Time) bool { return a.IsZero() == b.IsZero() && a.Equal(b) }

func sameFloat(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func checkSame(t interface {
	Helper()
	Fatalf(string, ...any)
}, got, want *metric.Snapshot) {
	t.Helper()
	if !sameTime(got.Start, want.Start) || !sameTime(got.End, want.End) {
		t.Fatalf("times %v %v, want %v %v", got.Start, got.End, want.Start, want.End)
	}
	if len(got.Defs) != len(want.Defs) || len(got.Deltas) != len(want.Deltas) {
		t.Fatalf("%d defs, %d deltas, want %d, %d", len(got.Defs), len(got.Deltas), len(want.Defs), len(want.Deltas))
	}
	for i, w := range want.Defs {
		g := got.Defs[i]
		if g.ID != w.ID || g.Metric != w.Metric || g.Tags.String() != w.Tags.String() {
			t.Fatalf("def %d: got %v, want %v", i, g, w)
		}
	}
	for i, w := range want.Deltas {
		g := got.Deltas[i]
		if g.ID != w.ID || g.Count != w.Count || g.NonZero != w.NonZero || !sameTime(g.LastAt, w.LastAt) ||
			!sameFloat(g.Sum, w.Sum) || !sameFloat(g.Min, w.Min) || !sameFloat(g.Max, w.Max) || !sameFloat(g.Last, w.Last) ||
			!slices.Equal(g.Buckets, w.Buckets) {
			t.Fatalf("delta %d: got %+v, want %+v", i, g, w)
		}
	}
}

func TestSnapshotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSnapshot(t)
		data, err := proto.Marshal(FromSnapshot(want))
		if err != nil {
			t.Fatal(err)
		}
		m := new(Snapshot)
		if err := proto.Unmarshal(data, m); err != nil {
			t.Fatal(err)
		}
		got, err := ToSnapshot(m)
		if err != nil {
			t.Fatal(err)
		}
		checkSame(t, got, want)
	})
}

func TestSnapshotTextIsMadeUTF8(t *testing.T) {
	s := &metric.Snapshot{Defs: []metric.SeriesDef{{
		ID:     1,
		Metric: metric.Metric{Name: "m", Type: metric.Counter},
		Tags:   metric.NewTags(metric.Tag{Key: "k\xff", Value: "\xfe\xfd"}),
	}}}
	if _, err := proto.Marshal(FromSnapshot(s)); err != nil {
		t.Error(err)
	}
}

func TestToSnapshotRefuses(t *testing.T) {
	for name, m := range map[string]*Snapshot{
		"type 0":         {Defs: []*SeriesDef{{Name: "m"}}},
		"type 260":       {Defs: []*SeriesDef{{Name: "m", Type: 260}}},
		"unit 9":         {Defs: []*SeriesDef{{Name: "m", Type: 1, Unit: 9}}},
		"odd tags":       {Defs: []*SeriesDef{{Name: "m", Type: 1, Tags: []string{"k"}}}},
		"cut buckets":    {Deltas: []*SeriesDelta{{Buckets: []uint64{0}}}},
		"long run":       {Deltas: []*SeriesDelta{{Buckets: []uint64{0, 5, 1}}}},
		"endless run":    {Deltas: []*SeriesDelta{{Buckets: []uint64{0, math.MaxUint64, 1}}}},
		"out of order":   {Deltas: []*SeriesDelta{{Buckets: []uint64{zigzag(5), 1, 1, zigzag(-3), 1, 1}}}},
		"index too high": {Deltas: []*SeriesDelta{{Buckets: []uint64{zigzag(math.MaxInt32), 2, 1, 1}}}},
		"gap overflows":  {Deltas: []*SeriesDelta{{Buckets: []uint64{zigzag(math.MaxInt64), 1, 1, zigzag(math.MaxInt64), 1, 1}}}},
	} {
		if s, err := ToSnapshot(m); err == nil {
			t.Errorf("%s: accepted as %+v", name, s)
		}
	}
}

func TestSplitKeepsEverythingInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSnapshot(t)
		got := &metric.Snapshot{Start: want.Start, End: want.End}
		for i, part := range Split(want, rapid.IntRange(0, 500).Draw(t, "size")) {
			if i > 0 && len(part.Defs)+len(part.Deltas) == 0 {
				t.Fatalf("part %d is empty", i)
			}
			if len(part.Defs) > 0 && len(got.Deltas) > 0 {
				t.Fatalf("part %d defines series after deltas", i)
			}
			got.Defs = append(got.Defs, part.Defs...)
			got.Deltas = append(got.Deltas, part.Deltas...)
		}
		checkSame(t, got, want)
	})
}

// traffic records what one second of a busy test does to the 50 series of an
// HTTP script: 10 requests, each with a counter, a rate and three trends, one
// of which has a latency's spread.
func traffic(r *metric.Registry, n int) {
	rec := r.Recorder(0)
	for req := range 10 {
		tags := metric.NewTags(metric.Tag{Key: "method", Value: "GET"}, metric.Tag{Key: "name", Value: "http://target/items/" + string(rune('a'+req))},
			metric.Tag{Key: "scenario", Value: "browse"}, metric.Tag{Key: "status", Value: "200"})
		reqs := r.Series(r.Lookup(metric.HTTPReqs), tags)
		failed := r.Series(r.Lookup(metric.HTTPReqFailed), tags)
		duration := r.Series(r.Lookup(metric.HTTPReqDuration), tags)
		blocked := r.Series(r.Lookup(metric.HTTPReqBlocked), tags)
		sending := r.Series(r.Lookup(metric.HTTPReqSending), tags)
		for i := range n {
			x := float64(i*7919%1000) / 1000
			rec.Record(reqs, 1)
			rec.Record(failed, 0)
			rec.Record(duration, 1.1*math.Exp(x*x*1.4)) // 1.1 to 4.5 ms
			rec.Record(blocked, 0)
			rec.Record(sending, 0.01+x*0.004)
		}
	}
}

// Budget B11: at most 100 bytes per active series and second.
func TestSnapshotIsCompact(t *testing.T) {
	r := metric.NewRegistry(metric.Options{})
	now := time.Unix(1_700_000_000, 0)
	traffic(r, 100)
	r.Snapshot(now)
	for _, n := range []int{1, 10, 100, 1000} {
		traffic(r, n)
		now = now.Add(time.Second)
		s := r.Snapshot(now)
		size := proto.Size(FromSnapshot(s))
		t.Logf("%4d requests/s each: %d series, %d bytes, %.0f a series", n, len(s.Deltas), size, float64(size)/float64(len(s.Deltas)))
		if size > 100*len(s.Deltas) {
			t.Errorf("%d bytes for %d series", size, len(s.Deltas))
		}
	}
}

func BenchmarkSnapshotEncode(b *testing.B) {
	r := metric.NewRegistry(metric.Options{})
	traffic(r, 1000)
	s := r.Snapshot(time.Unix(1_700_000_000, 0))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := proto.Marshal(FromSnapshot(s)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSnapshotDecode(b *testing.B) {
	r := metric.NewRegistry(metric.Options{})
	traffic(r, 1000)
	m := &Message{Body: &Message_Delta{Delta: &Delta{Snapshot: FromSnapshot(r.Snapshot(time.Unix(1_700_000_000, 0)))}}}
	frame, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m, err := decode(frame)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ToSnapshot(m.GetDelta().GetSnapshot()); err != nil {
			b.Fatal(err)
		}
	}
}
