package metric

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// dump tells everything a set holds.
func dump(s *Set) string {
	var b strings.Builder
	for _, m := range s.Metrics() {
		fmt.Fprintln(&b, m)
		for tags, agg := range s.Series(m.Name) {
			fmt.Fprintf(&b, "  {%s} %s\n", tags, describe(agg))
		}
	}
	return b.String()
}

func TestSetKnowsMetrics(t *testing.T) {
	s := NewSet()
	names := func() (names []string) {
		for _, m := range s.Metrics() {
			names = append(names, m.Name)
		}
		return names
	}
	if got := names(); len(got) != len(Builtin()) || !slices.IsSorted(got) {
		t.Errorf("metrics are %v", got)
	}
	if agg, ok := s.Select(HTTPReqDuration, NewTags()); !ok || agg.Type != Trend || agg.Count != 0 {
		t.Errorf("without samples: %+v, %v", agg, ok)
	}
	if _, ok := s.Select("mine", NewTags()); ok {
		t.Error("an unknown metric was found")
	}
	for range s.Series("mine") {
		t.Error("an unknown metric has series")
	}
	for range 2 {
		if err := s.Define(Metric{"mine", Rate, Plain}); err != nil {
			t.Error(err)
		}
	}
	if agg, ok := s.Select("mine", NewTags()); !ok || agg.Type != Rate {
		t.Errorf("defined: %+v, %v", agg, ok)
	}
	if err := s.Define(Metric{"mine", Trend, Plain}); err == nil {
		t.Error("the type of a metric could be changed")
	}
	if err := s.Define(Metric{"not mine", Trend, Plain}); err == nil {
		t.Error("a bad name was taken")
	}
}

func TestSeriesAreInOrder(t *testing.T) {
	r, s := NewRegistry(Options{}), NewSet()
	for _, v := range []string{"b", "c", "a", ""} {
		r.Recorder(0).Record(r.Series(r.Lookup(HTTPReqs), NewTags(Tag{"k", v})), 1)
	}
	if err := s.Merge("x", r.Snapshot(at(1))); err != nil {
		t.Fatal(err)
	}
	var got []string
	for tags := range s.Series(HTTPReqs) {
		got = append(got, tags.String())
	}
	if want := []string{"k=", "k=a", "k=b", "k=c"}; !slices.Equal(got, want) {
		t.Errorf("series are %v, want %v", got, want)
	}
	for range s.Series(HTTPReqs) {
		break // stopping early must be possible
	}
}

func TestSelectOwnsItsResult(t *testing.T) {
	r, s := NewRegistry(Options{}), NewSet()
	series := r.Series(r.Lookup(HTTPReqDuration), NewTags())
	merge := func(second int) {
		r.Recorder(0).Record(series, 5)
		if err := s.Merge("x", r.Snapshot(at(second))); err != nil {
			t.Fatal(err)
		}
	}
	merge(1)
	agg, _ := s.Select(HTTPReqDuration, NewTags())
	before := describe(&agg)
	merge(2)
	if describe(&agg) != before {
		t.Error("a later snapshot changed what Select had returned")
	}
}

func TestFirstAndLastActivity(t *testing.T) {
	s := NewSet()
	for i, seconds := range [][]int{{30, 90}, {10, 60}} {
		r := NewRegistry(Options{Start: at(0)})
		series := r.Series(r.Lookup(HTTPReqs), NewTags(Tag{"i", fmt.Sprint(i)}))
		for second := 1; second <= 100; second++ {
			if slices.Contains(seconds, second) {
				r.Recorder(0).Record(series, 1)
			}
			if err := s.Merge(fmt.Sprint(i), r.Snapshot(at(second))); err != nil {
				t.Fatal(err)
			}
		}
	}
	agg, _ := s.Select(HTTPReqs, NewTags())
	if !agg.FirstAt.Equal(at(9)) || !agg.LastSeen.Equal(at(90)) {
		t.Errorf("seen from %v to %v", agg.FirstAt, agg.LastSeen)
	}
	agg, _ = s.Select(HTTPReqs, NewTags(Tag{"i", "0"}))
	if !agg.FirstAt.Equal(at(29)) || !agg.LastSeen.Equal(at(90)) {
		t.Errorf("the first runner: seen from %v to %v", agg.FirstAt, agg.LastSeen)
	}
}

// gauge merges one gauge sample of a source.
func gauge(t *testing.T, s *Set, source, name string, tags Tags, v float64, end time.Time) {
	t.Helper()
	id := uint32(len(name)<<8 + tags.Len())
	err := s.Merge(source, &Snapshot{
		Start: end.Add(-time.Second), End: end,
		Defs:   []SeriesDef{{id, Metric{name, Gauge, Plain}, tags}},
		Deltas: []SeriesDelta{{ID: id, Count: 1, Min: v, Max: v, Last: v, LastAt: end}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLatestGaugeOfSeveralSources(t *testing.T) {
	s := NewSet()
	check := func(want float64) {
		t.Helper()
		if agg, _ := s.Select("level", NewTags()); agg.Last != want {
			t.Errorf("level is %v, want %v", agg.Last, want)
		}
	}
	gauge(t, s, "a", "level", NewTags(), 5, at(10))
	gauge(t, s, "b", "level", NewTags(), 7, at(9))
	check(5)
	gauge(t, s, "b", "level", NewTags(), 2, at(11))
	check(2)
	gauge(t, s, "b", "level", NewTags(), 1, at(11)) // of one source the order decides
	check(1)
	gauge(t, s, "b", "level", NewTags(), 3, at(8)) // its clock was set back
	check(5)
	gauge(t, s, "a", "level", NewTags(Tag{"k", "v"}), 9, at(12))
	check(9)
	if agg, _ := s.Select("level", NewTags()); agg.Min != 1 || agg.Max != 9 || agg.Count != 6 {
		t.Errorf("level is %+v", agg)
	}
}

func TestVUsOfSeveralSourcesAddUp(t *testing.T) {
	s := NewSet()
	for _, name := range []string{VUs, VUsMax} {
		gauge(t, s, "a", name, NewTags(), 10, at(1))
		gauge(t, s, "b", name, NewTags(), 5, at(2))
		gauge(t, s, "c", name, NewTags(Tag{"k", "v"}), 100, at(2))
		gauge(t, s, "a", name, NewTags(), 20, at(3))
		agg, _ := s.Select(name, NewTags())
		if agg.Last != 125 || agg.Max != 125 || agg.Min != 125 || !agg.LastAt.Equal(at(3)) {
			t.Errorf("%s is %+v", name, agg)
		}
	}
}

// good is a snapshot that a set takes.
func good() *Snapshot {
	return &Snapshot{
		Start: at(0), End: at(1),
		Defs: []SeriesDef{
			{1, Metric{HTTPReqDuration, Trend, Time}, NewTags(Tag{"a", "b"})},
			{2, Metric{"mine", Counter, Plain}, NewTags()},
		},
		Deltas: []SeriesDelta{
			{ID: 1, Count: 3, Sum: 7, Min: 1, Max: 5, Buckets: []Bucket{{BucketIndex(1), 2}, {BucketIndex(5), 1}}},
			{ID: 2, Count: 1, Sum: 1},
		},
	}
}

func TestMergeRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*Snapshot)
		want  string
	}{
		"undefined":        {func(s *Snapshot) { s.Deltas[1].ID = 9 }, "series 9 is not defined"},
		"type":             {func(s *Snapshot) { s.Defs[0].Metric.Type = Rate }, "is a trend already"},
		"unit":             {func(s *Snapshot) { s.Defs[0].Metric.Unit = Data }, "holds times already"},
		"unknown type":     {func(s *Snapshot) { s.Defs[1].Metric.Type = 77 }, "unknown type 77"},
		"name":             {func(s *Snapshot) { s.Defs[1].Metric.Name = "\x1b[2J" }, `metric name "\x1b[2J"`},
		"two types":        {func(s *Snapshot) { s.Defs = append(s.Defs, SeriesDef{3, Metric{"mine", Rate, Plain}, Tags{}}) }, "is a counter already"},
		"defined twice":    {func(s *Snapshot) { s.Defs = append(s.Defs, SeriesDef{1, s.Defs[1].Metric, Tags{}}) }, "series 1 is defined twice"},
		"other tags":       {func(s *Snapshot) { s.Defs = append(s.Defs, SeriesDef{2, s.Defs[1].Metric, NewTags(Tag{"x", "y"})}) }, "series 2 is defined twice"},
		"sum NaN":          {func(s *Snapshot) { s.Deltas[1].Sum = math.NaN() }, "mine: value NaN is not finite"},
		"sum infinite":     {func(s *Snapshot) { s.Deltas[1].Sum = math.Inf(1) }, "not finite"},
		"min infinite":     {func(s *Snapshot) { s.Deltas[0].Min = math.Inf(-1) }, "not finite"},
		"max NaN":          {func(s *Snapshot) { s.Deltas[0].Max = math.NaN() }, "not finite"},
		"last NaN":         {func(s *Snapshot) { s.Deltas[0].Last = math.NaN() }, "not finite"},
		"min above max":    {func(s *Snapshot) { s.Deltas[0].Min = 6 }, "minimum 6 is above maximum 5"},
		"count":            {func(s *Snapshot) { s.Deltas[1].Count = math.MaxUint64 }, "count 18446744073709551615 is too large"},
		"not zero":         {func(s *Snapshot) { s.Deltas[1].NonZero = 1 << 60 }, "is too large"},
		"buckets of count": {func(s *Snapshot) { s.Deltas[1].Buckets = []Bucket{{0, 1}} }, "a counter has no buckets"},
		"bucket too high":  {func(s *Snapshot) { s.Deltas[0].Buckets[1].Index = maxIndex + 1 }, "does not exist"},
		"bucket too low":   {func(s *Snapshot) { s.Deltas[0].Buckets[0].Index = math.MinInt32 }, "does not exist"},
		"bucket order":     {func(s *Snapshot) { s.Deltas[0].Buckets[1].Index = 0 }, "out of order"},
		"bucket twice":     {func(s *Snapshot) { s.Deltas[0].Buckets[1].Index = s.Deltas[0].Buckets[0].Index }, "out of order"},
		"bucket count":     {func(s *Snapshot) { s.Deltas[0].Buckets[0].Count = math.MaxUint64 }, "is too large"},
		"bucket sum": {func(s *Snapshot) {
			s.Deltas[0].Buckets[0].Count, s.Deltas[0].Buckets[1].Count = 1<<53, 1<<53
		}, "is too large"},
		"wrong sum": {func(s *Snapshot) { s.Deltas[0].Count = 4 }, "count 4 is not the sum 3"},
	} {
		t.Run(name, func(t *testing.T) {
			set, snap := NewSet(), good()
			tt.spoil(snap)
			before := dump(set)
			err := set.Merge("bad", snap)
			if err == nil || !strings.HasPrefix(err.Error(), "snapshot of bad: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
			if dump(set) != before {
				t.Error("a refused snapshot changed the set")
			}
			// An ID that was refused is free, and other sources go on.
			for _, source := range []string{"bad", "other"} {
				if err := set.Merge(source, good()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestDefinitionsMayRepeat(t *testing.T) {
	set := NewSet()
	for range 2 {
		if err := set.Merge("a", good()); err != nil {
			t.Fatal(err)
		}
	}
	if agg, _ := set.Select("mine", NewTags()); agg.Sum != 2 {
		t.Errorf("sum is %v", agg.Sum)
	}
	other := good()
	other.Defs[0].ID, other.Defs[1].ID = 2, 1 // IDs are per source
	other.Deltas[0].ID, other.Deltas[1].ID = 2, 1
	if err := set.Merge("a", other); err == nil {
		t.Error("IDs could be exchanged")
	}
	if err := set.Merge("b", other); err != nil {
		t.Error(err)
	}
}

func TestTooManyMetricsInOneSnapshot(t *testing.T) {
	set, snap := NewSet(), &Snapshot{}
	for i := range MaxMetrics {
		snap.Defs = append(snap.Defs, SeriesDef{uint32(i), Metric{fmt.Sprint("m", i), Counter, Plain}, Tags{}})
	}
	before := dump(set)
	if err := set.Merge("a", snap); err == nil || dump(set) != before {
		t.Errorf("%d metrics were merged: %v", MaxMetrics, err)
	}
}

// TestSetIsBounded sends ever new series with buckets everywhere.
func TestSetIsBounded(t *testing.T) {
	set := NewSet()
	var wide []Bucket
	for i := int32(-maxIndex); i <= maxIndex; i += histogramRun {
		wide = append(wide, Bucket{i, 1})
	}
	refused := false
	for id := uint32(0); id < 10_000 && !refused; id++ {
		refused = set.Merge("a", &Snapshot{
			Defs:   []SeriesDef{{id, Metric{HTTPReqDuration, Trend, Time}, NewTags(Tag{"id", fmt.Sprint(id)})}},
			Deltas: []SeriesDelta{{ID: id, Count: uint64(len(wide)), Buckets: wide}},
		}) != nil
		if set.size > maxSize/64 {
			set.size += maxSize / 64 // as if there were many more
		}
	}
	if !refused {
		t.Errorf("a set of %d bytes takes more", set.size)
	}
}

// FuzzMerge checks that however samples are dealt out over runners, shards and
// snapshots, the merged whole is that of one runner.
func FuzzMerge(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5)))
	f.Add([]byte{7, 255, 9}, make([]byte, 64))
	f.Fuzz(func(t *testing.T, deal, data []byte) {
		values := floats(data)
		if len(deal) == 0 {
			deal = []byte{0}
		}
		whole, parts := NewSet(), NewSet()
		single := NewRegistry(Options{Shards: 1})
		var runners [4]*Registry
		for i := range runners {
			runners[i] = NewRegistry(Options{Shards: 2})
		}
		record := func(r *Registry, shard int, v float64) {
			r.Recorder(shard).Record(r.Series(r.Lookup(HTTPReqDuration), NewTags()), v)
		}
		merge := func(set *Set, source int, r *Registry, second int) {
			if err := set.Merge(fmt.Sprint(source), r.Snapshot(at(second))); err != nil {
				t.Fatal(err)
			}
		}
		for i, v := range values {
			how := int(deal[i%len(deal)])
			record(single, 0, v)
			record(runners[how%4], how/4, v)
			if how >= 200 {
				merge(parts, how%4, runners[how%4], i)
			}
		}
		merge(whole, 0, single, len(values))
		for i, r := range runners {
			merge(parts, i, r, len(values))
		}
		want, _ := whole.Select(HTTPReqDuration, NewTags())
		got, _ := parts.Select(HTTPReqDuration, NewTags())
		if want.Count != uint64(len(values)) {
			t.Fatalf("count %d of %d", want.Count, len(values))
		}
		for _, a := range []*Aggregate{&want, &got} {
			// Of floats of any size the sum depends on the order.
			a.Sum, a.FirstAt, a.LastSeen = 0, time.Time{}, time.Time{}
		}
		if describe(&got) != describe(&want) {
			t.Fatalf("parts are %s\nwhole is %s", describe(&got), describe(&want))
		}
		previous := want.Min
		for p := 0.0; p <= 100; p += 0.5 {
			v := want.Percentile(p)
			if v != got.Percentile(p) || v < previous || v > want.Max {
				t.Fatalf("p%v is %v after %v; of the parts %v", p, v, previous, got.Percentile(p))
			}
			previous = v
		}
	})
}

// FuzzHostileSnapshot merges what no registry sends: no panic, no number that
// is not finite, and no change by what is refused.
func FuzzHostileSnapshot(f *testing.F) {
	f.Add(make([]byte, 200))
	f.Add([]byte("\x04\x01\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x02\xff\xff\xff\xff"))
	f.Add(slices.Repeat([]byte{0xff}, 300))
	f.Add(slices.Repeat([]byte{1, 2, 3, 0, 0}, 60))
	f.Fuzz(func(t *testing.T, data []byte) {
		set := NewSet()
		if err := set.Merge("honest", good()); err != nil {
			t.Fatal(err)
		}
		in := input{data}
		for range 4 {
			before := dump(set)
			if err := set.Merge("hostile", in.snapshot()); err != nil && dump(set) != before {
				t.Fatalf("refused (%v), but changed\n%s to\n%s", err, before, dump(set))
			}
		}
		for _, m := range set.Metrics() {
			agg, ok := set.Select(m.Name, NewTags())
			if !ok {
				t.Fatalf("%v is unknown", m)
			}
			for _, v := range []float64{agg.Sum, agg.Min, agg.Max, agg.Last, agg.Mean(), agg.Share(), agg.Percentile(50), agg.Percentile(99.9)} {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("%s has the value %v", m.Name, v)
				}
			}
			if m.Type == Trend && agg.Percentile(99) > agg.Max {
				t.Fatalf("%s: p99 %v, max %v", m.Name, agg.Percentile(99), agg.Max)
			}
		}
	})
}

// input makes values from fuzz data; zero when there is no more.
type input struct{ data []byte }

func (in *input) byte() byte {
	if len(in.data) == 0 {
		return 0
	}
	b := in.data[0]
	in.data = in.data[1:]
	return b
}

func (in *input) uint64() (v uint64) {
	// The first byte chooses among small numbers, which get further, and any.
	if b := in.byte(); b < 192 {
		return uint64(b % 8)
	}
	for range 8 {
		v = v<<8 | uint64(in.byte())
	}
	return v
}

func (in *input) float() float64 {
	if b := in.byte(); b < 192 {
		return float64(int8(b))
	}
	return math.Float64frombits(in.uint64())
}

func (in *input) snapshot() *Snapshot {
	snap := &Snapshot{Start: at(int(in.byte())), End: at(int(in.byte()))}
	names := []string{HTTPReqDuration, HTTPReqs, "mine", "other", VUs, "bad name"}
	for range in.byte() % 5 {
		m := Metric{names[int(in.byte())%len(names)], Type(in.byte() % 6), Unit(in.byte() % 4)}
		for _, known := range Builtin() {
			if known.Name == m.Name && in.byte()%4 != 0 {
				m = known
			}
		}
		snap.Defs = append(snap.Defs, SeriesDef{uint32(in.uint64()), m, NewTags(Tag{"k", string(rune(in.byte()))})})
	}
	for range in.byte() % 5 {
		d := SeriesDelta{
			ID: uint32(in.uint64()), Count: in.uint64(), Sum: in.float(), Min: in.float(), Max: in.float(),
			Last: in.float(), LastAt: at(int(in.byte())), NonZero: in.uint64(),
		}
		var sum uint64
		for range in.byte() % 5 {
			b := Bucket{int32(in.uint64()), in.uint64()}
			d.Buckets, sum = append(d.Buckets, b), sum+b.Count
		}
		if d.Buckets != nil && in.byte()%4 != 0 {
			slices.SortFunc(d.Buckets, func(a, b Bucket) int { return int(a.Index) - int(b.Index) })
			d.Count = sum
		}
		snap.Deltas = append(snap.Deltas, d)
	}
	return snap
}
