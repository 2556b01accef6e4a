package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// define returns a metric of each type.
func define(t testing.TB, r *Registry) map[Type]*Metric {
	t.Helper()
	metrics := make(map[Type]*Metric)
	for kind := Counter; kind <= Trend; kind++ {
		m, err := r.Define("my_"+kind.String(), kind, Plain)
		if err != nil {
			t.Fatal(err)
		}
		metrics[kind] = m
	}
	return metrics
}

func TestSnapshotOfEachType(t *testing.T) {
	r := NewRegistry(Options{Shards: 2, Start: at(0)})
	series := make(map[Type]*Series)
	for kind, m := range define(t, r) {
		series[kind] = r.Series(m, NewTags(Tag{"k", "v"}))
	}
	if snap := r.Snapshot(at(1)); len(snap.Defs)+len(snap.Deltas) != 0 || !snap.Start.Equal(at(0)) || !snap.End.Equal(at(1)) {
		t.Errorf("nothing was recorded, but the snapshot is %+v", snap)
	}
	record := func(values ...float64) {
		for i, v := range values {
			for _, s := range series {
				r.Recorder(i).Record(s, v)
			}
		}
	}
	id := func(kind Type) uint32 { return series[kind].id }
	check := func(snap *Snapshot, start int, want map[Type]SeriesDelta) {
		t.Helper()
		if !snap.Start.Equal(at(start)) || len(snap.Deltas) != len(want) {
			t.Errorf("snapshot from %v has %d deltas", snap.Start, len(snap.Deltas))
		}
		for kind, d := range want {
			i := slices.IndexFunc(snap.Deltas, func(d SeriesDelta) bool { return d.ID == id(kind) })
			if i < 0 {
				t.Errorf("no delta of the %s", kind)
			} else if d.ID = id(kind); fmt.Sprint(snap.Deltas[i]) != fmt.Sprint(d) {
				t.Errorf("%s is\n%v, want\n%v", kind, snap.Deltas[i], d)
			}
		}
	}

	record(5, 0, -2, 5)
	snap := r.Snapshot(at(2))
	check(snap, 1, map[Type]SeriesDelta{
		Counter: {Count: 4, Sum: 8},
		Gauge:   {Count: 4, Min: -2, Max: 5, Last: 5, LastAt: at(2)},
		Rate:    {Count: 4, NonZero: 3},
		Trend: {Count: 4, Sum: 8, Min: -2, Max: 5, Buckets: []Bucket{
			{BucketIndex(-2), 1}, {0, 1}, {BucketIndex(5), 2},
		}},
	})
	if len(snap.Defs) != 4 {
		t.Fatalf("defined are %v", snap.Defs)
	}
	for _, def := range snap.Defs {
		if def.Metric != *series[def.Metric.Type].Metric() || def.ID != id(def.Metric.Type) || def.Tags.String() != "k=v" {
			t.Errorf("defined is %v", def)
		}
	}

	record(math.Copysign(0, -1), 3)
	snap = r.Snapshot(at(3))
	check(snap, 2, map[Type]SeriesDelta{
		Counter: {Count: 2, Sum: 3},
		Gauge:   {Count: 2, Min: -2, Max: 5, Last: 3, LastAt: at(3)},
		Rate:    {Count: 2, NonZero: 1},
		Trend: {Count: 2, Sum: 3, Min: -2, Max: 5, Buckets: []Bucket{
			{0, 1}, {BucketIndex(3), 1},
		}},
	})
	if len(snap.Defs) != 0 {
		t.Errorf("defined again are %v", snap.Defs)
	}
	if snap := r.Snapshot(at(4)); len(snap.Deltas) != 0 {
		t.Errorf("idle series have deltas: %v", snap.Deltas)
	}
	if snap := r.Snapshot(at(1)); snap.Start.After(snap.End) {
		t.Errorf("clock set back: snapshot from %v to %v", snap.Start, snap.End)
	}
}

func TestNoNegativeZero(t *testing.T) {
	r := NewRegistry(Options{})
	for _, kind := range []Type{Gauge, Trend} {
		r.Recorder(0).Record(r.Series(define(t, r)[kind], NewTags()), math.Copysign(0, -1))
	}
	for _, d := range r.Snapshot(at(1)).Deltas {
		if math.Signbit(d.Min) || math.Signbit(d.Max) || math.Signbit(d.Last) {
			t.Errorf("negative zero in %v", d)
		}
	}
}

func TestInvalidSamples(t *testing.T) {
	r := NewRegistry(Options{Shards: 2})
	for _, m := range define(t, r) {
		for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			r.Recorder(i).Record(r.Series(m, NewTags()), v)
		}
	}
	if got := r.Invalid(); got != 12 {
		t.Errorf("%d invalid samples, want 12", got)
	}
	if snap := r.Snapshot(at(1)); len(snap.Deltas) != 0 {
		t.Errorf("invalid samples were counted: %v", snap.Deltas)
	}
}

func TestRecorderIsChosenModuloShards(t *testing.T) {
	r := NewRegistry(Options{Shards: 3})
	if r.Recorder(1) != r.Recorder(4) || r.Recorder(0) == r.Recorder(1) {
		t.Error("shards are not chosen by n modulo 3")
	}
	if r.Recorder(math.MinInt) == nil || r.Recorder(-1) == nil {
		t.Error("a negative n has no shard")
	}
}

func TestCellFillsACacheLine(t *testing.T) {
	// Of 49 to 64 bytes the allocation is 64, aligned.
	if size := unsafe.Sizeof(cell{}); size <= 48 || size > 64 {
		t.Errorf("a cell is %d bytes", size)
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	r := NewRegistry(Options{})
	for kind, m := range define(t, r) {
		s, rec, v := r.Series(m, NewTags()), r.Recorder(0), 0.0
		if n := testing.AllocsPerRun(1000, func() { v++; rec.Record(s, math.Mod(v, 10)) }); n != 0 {
			t.Errorf("%s: %v allocations per sample", kind, n)
		}
	}
}

// TestSpill fills a 32-bit counter, which takes too long by recording alone.
func TestSpill(t *testing.T) {
	r := NewRegistry(Options{Shards: 2})
	s := r.Series(define(t, r)[Trend], NewTags())
	var want []Bucket
	for _, v := range []float64{-3, 7, 900} {
		for shard := range 2 {
			rec := r.Recorder(shard)
			rec.Record(s, v)
			rec.cell(s.id).counter(BucketIndex(v)).Store(spillAt - 2)
			for range 5 {
				rec.Record(s, v)
			}
		}
		want = append(want, Bucket{BucketIndex(v), 2 * (spillAt + 3)})
	}
	r.Recorder(0).Record(s, 0)
	want = slices.Insert(want, 1, Bucket{0, 1})
	if d := r.Snapshot(at(1)).Deltas[0]; !slices.Equal(d.Buckets, want) || d.Count != 6*(spillAt+3)+1 {
		t.Errorf("count %d, buckets %v, want %v", d.Count, d.Buckets, want)
	}
	if snap := r.Snapshot(at(2)); len(snap.Deltas) != 0 {
		t.Errorf("spilled counts came twice: %v", snap.Deltas)
	}
}

// TestExactlyOnce records from many goroutines while snapshots are taken and
// compares the merged totals with what was recorded.
func TestExactlyOnce(t *testing.T) {
	const writers, samples = 8, 20_000
	r := NewRegistry(Options{Shards: 3})
	metrics := define(t, r)
	set := NewSet()
	var running sync.WaitGroup
	var done atomic.Bool
	started := make(chan struct{})
	var trend [writers][]float64
	for w := range writers {
		running.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			rec := r.Recorder(w)
			for i := range samples {
				if i == samples/2 {
					<-started // so that snapshots and samples do interleave
				}
				tags := NewTags(Tag{"n", fmt.Sprint(i / (samples / 10))})
				v := float64(random.IntN(2000) - 500)
				for _, m := range metrics {
					rec.Record(r.Series(m, tags), v)
				}
				trend[w] = append(trend[w], v)
			}
		})
	}
	snapshots := 0
	merge := func() {
		snapshots++
		snap := r.Snapshot(at(snapshots))
		for _, d := range snap.Deltas {
			for _, b := range d.Buckets {
				if b.Index < BucketIndex(d.Min) || b.Index > BucketIndex(d.Max) {
					t.Errorf("bucket %d is beyond the extremes %v and %v", b.Index, d.Min, d.Max)
				}
			}
		}
		if err := set.Merge("a", snap); err != nil {
			t.Error(err)
		}
	}
	var merging sync.WaitGroup
	merging.Go(func() {
		for !done.Load() {
			if merge(); snapshots == 3 {
				close(started)
			}
			time.Sleep(100 * time.Microsecond)
		}
	})
	running.Wait()
	done.Store(true)
	merging.Wait()
	merge()

	values := slices.Sorted(slices.Values(slices.Concat(trend[:]...)))
	want := Aggregate{Count: writers * samples, Min: values[0], Max: values[len(values)-1]}
	buckets := make(map[int32]uint64)
	for _, v := range values {
		want.Sum += v
		if v != 0 {
			want.NonZero++
		}
		buckets[BucketIndex(v)]++
	}
	for kind, m := range metrics {
		got, _ := set.Select(m.Name, NewTags())
		if got.Count != want.Count {
			t.Errorf("%s: count %d, want %d", kind, got.Count, want.Count)
		}
		if kind == Rate && got.NonZero != want.NonZero {
			t.Errorf("%s: %d not zero, want %d", kind, got.NonZero, want.NonZero)
		}
		if (kind == Counter || kind == Trend) && got.Sum != want.Sum {
			t.Errorf("%s: sum %v, want %v", kind, got.Sum, want.Sum)
		}
		if (kind == Gauge || kind == Trend) && (got.Min != want.Min || got.Max != want.Max) {
			t.Errorf("%s: %v to %v, want %v to %v", kind, got.Min, got.Max, want.Min, want.Max)
		}
		n := 0
		for index, count := range got.Hist.Buckets() {
			n++
			if buckets[index] != count {
				t.Errorf("bucket %d: %d, want %d", index, count, buckets[index])
			}
		}
		if kind == Trend && n != len(buckets) {
			t.Errorf("%d buckets, want %d", n, len(buckets))
		}
	}
}

// TestPartitionsAgainstModel records at random into several runners, with
// snapshots at random moments, and compares what is merged with a model that
// keeps every sample.
func TestPartitionsAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type sample struct {
			tag   string
			value float64
		}
		recorded := make(map[Type][]sample)
		set := NewSet()
		runners := make([]*Registry, rapid.IntRange(1, 4).Draw(rt, "runners"))
		for i := range runners {
			runners[i] = NewRegistry(Options{Shards: rapid.IntRange(1, 3).Draw(rt, "shards")})
		}
		clock := 0
		snapshot := func(i int) {
			clock++
			if err := set.Merge(fmt.Sprint(i), runners[i].Snapshot(at(clock))); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(0, 60).Draw(rt, "samples") {
			i := rapid.IntRange(0, len(runners)-1).Draw(rt, "runner")
			kind := Type(rapid.IntRange(int(Counter), int(Trend)).Draw(rt, "type"))
			tag := rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "tag")
			v := float64(rapid.IntRange(-3, 1000).Draw(rt, "value"))
			m := define(t, runners[i])[kind]
			runners[i].Recorder(rapid.IntRange(0, 2).Draw(rt, "shard")).Record(runners[i].Series(m, NewTags(Tag{"tag", tag})), v)
			recorded[kind] = append(recorded[kind], sample{tag, v})
			if kind == Gauge {
				snapshot(i) // so that the model knows which value is the latest
			}
			if rapid.IntRange(0, 5).Draw(rt, "snapshot") == 0 {
				snapshot(rapid.IntRange(0, len(runners)-1).Draw(rt, "of"))
			}
		}
		for i := range runners {
			snapshot(i)
		}
		for kind, samples := range recorded {
			for _, filter := range []Tags{NewTags(), NewTags(Tag{"tag", "x"})} {
				want := Aggregate{Type: kind}
				for _, s := range samples {
					if filter.Len() > 0 && s.tag != "x" {
						continue
					}
					one := Aggregate{Type: kind, Count: 1}
					switch kind {
					case Counter:
						one.Sum = s.value
					case Gauge:
						one.Min, one.Max, want.Last = s.value, s.value, s.value
					case Rate:
						if s.value != 0 {
							one.NonZero = 1
						}
					case Trend:
						one.Sum, one.Min, one.Max = s.value, s.value, s.value
						one.Hist.Add(BucketIndex(s.value), 1)
					}
					last := want.Last
					want.Merge(&one)
					want.Last = last
				}
				got, _ := set.Select("my_"+kind.String(), filter)
				got.LastAt, got.FirstAt, got.LastSeen = time.Time{}, time.Time{}, time.Time{}
				if describe(&got) != describe(&want) {
					rt.Fatalf("%s{%s} is %s\nwant %s", kind, filter, describe(&got), describe(&want))
				}
			}
		}
	})
}
