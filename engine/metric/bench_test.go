package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
)

// latencies returns values spread over eight octaves, as a busy target gives.
func latencies() []float64 {
	random := rand.New(rand.NewPCG(5, 6))
	values := make([]float64, 4096)
	for i := range values {
		values[i] = math.Exp2(random.Float64() * 8)
	}
	return values
}

func BenchmarkRecord(b *testing.B) {
	values := latencies()
	zeros := make([]float64, len(values))
	r := NewRegistry(Options{})
	metrics := define(b, r)
	for _, bb := range []struct {
		name   string
		kind   Type
		values []float64
	}{
		{"Counter", Counter, values},
		{"Gauge", Gauge, values},
		{"Rate", Rate, values},
		{"Trend", Trend, values},
		{"TrendOfZeros", Trend, zeros},
	} {
		s, rec := r.Series(metrics[bb.kind], NewTags(Tag{"bench", bb.name})), r.Recorder(0)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				rec.Record(s, bb.values[i%len(bb.values)])
				i++
			}
		})
	}
}

// BenchmarkRecordNotKept records what the test does not want.
func BenchmarkRecordNotKept(b *testing.B) {
	values := latencies()
	r := NewRegistry(Options{Keep: []string{HTTPReqs}})
	s, rec := r.Series(r.Lookup(HTTPReqDuration), NewTags()), r.Recorder(0)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		rec.Record(s, values[i%len(values)])
		i++
	}
}

// BenchmarkRecordParallel records one series, each goroutine into its shard.
func BenchmarkRecordParallel(b *testing.B) {
	values := latencies()
	for kind := Counter; kind <= Trend; kind++ {
		b.Run(kind.String(), func(b *testing.B) {
			r := NewRegistry(Options{})
			s := r.Series(define(b, r)[kind], NewTags())
			shards := make(chan int, runtime.GOMAXPROCS(0))
			for i := range cap(shards) {
				shards <- i
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				rec, i := r.Recorder(<-shards), 0
				for pb.Next() {
					rec.Record(s, values[i%len(values)])
					i++
				}
			})
		})
	}
}

func BenchmarkBucketIndex(b *testing.B) {
	values := latencies()
	var sum int32
	i := 0
	for b.Loop() {
		sum += BucketIndex(values[i%len(values)])
		i++
	}
	_ = sum
}

func BenchmarkSeries(b *testing.B) {
	r := NewRegistry(Options{})
	m := r.Lookup(HTTPReqDuration)
	tags := NewTags(Tag{"method", "GET"}, Tag{"name", "http://localhost:8080/items"},
		Tag{"scenario", "default"}, Tag{"status", "200"}, Tag{"expected_response", "true"})
	b.ReportAllocs()
	for b.Loop() {
		r.Series(m, tags)
	}
}

func BenchmarkSeriesOverCap(b *testing.B) {
	r := NewRegistry(Options{MaxSeries: 100})
	m := r.Lookup(HTTPReqDuration)
	tags := make([]Tags, 4096)
	for i := range tags {
		tags[i] = NewTags(Tag{"method", "GET"}, Tag{"name", fmt.Sprint("/items/", i)})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Series(m, tags[i%len(tags)])
		i++
	}
}

func BenchmarkTagsWith(b *testing.B) {
	tags := NewTags(Tag{"method", "GET"}, Tag{"scenario", "default"}, Tag{"group", "::a"})
	b.ReportAllocs()
	for b.Loop() {
		tags.With(Tag{"status", "200"}, Tag{"name", "/items"})
	}
}

// busy returns a registry with 50 series, 20 of them Trends of eight octaves,
// and a function that records 2,000 samples into them.
func busy() (r *Registry, record func()) {
	r = NewRegistry(Options{Start: at(0)})
	random := rand.New(rand.NewPCG(7, 8))
	values := latencies()
	var series []*Series
	for i := range 50 {
		name := [...]string{HTTPReqDuration, HTTPReqBlocked, HTTPReqs, HTTPReqFailed, DataSent}[i%5]
		series = append(series, r.Series(r.Lookup(name), NewTags(Tag{"name", fmt.Sprint("/items/", i)})))
	}
	return r, func() {
		for i := range 2000 {
			r.Recorder(i).Record(series[i%len(series)], values[random.IntN(len(values))])
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	b.Run("Busy", func(b *testing.B) { // 50 series
		r, record := busy()
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			record()
			b.StartTimer()
			r.Snapshot(at(1))
		}
	})
	b.Run("Idle", func(b *testing.B) { // 10,000 series
		r := NewRegistry(Options{})
		for i := range DefaultMaxSeries {
			s := r.Series(r.Lookup(HTTPReqDuration), NewTags(Tag{"name", fmt.Sprint(i)}))
			r.Recorder(i).Record(s, 1)
		}
		r.Snapshot(at(1))
		b.ReportAllocs()
		for b.Loop() {
			r.Snapshot(at(2))
		}
	})
}

// BenchmarkMerge merges the snapshot of a busy second, one of 1,000 runners.
func BenchmarkMerge(b *testing.B) {
	r, record := busy()
	record()
	first := r.Snapshot(at(1))
	record()
	snap := r.Snapshot(at(2))
	set := NewSet()
	sources := make([]string, 1000)
	for i := range sources {
		sources[i] = fmt.Sprint("runner", i)
		if err := set.Merge(sources[i], first); err != nil {
			b.Fatal(err)
		}
	}
	buckets := 0
	for _, d := range snap.Deltas {
		buckets += len(d.Buckets)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := set.Merge(sources[i%len(sources)], snap); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(len(snap.Deltas)), "series")
	b.ReportMetric(float64(buckets), "buckets")
}

func BenchmarkPercentile(b *testing.B) {
	a := Aggregate{Type: Trend, Min: 1, Max: 256}
	for _, v := range latencies() {
		a.Hist.Add(BucketIndex(v), 1)
		a.Count++
	}
	b.ReportAllocs()
	for b.Loop() {
		a.Percentile(99)
	}
}

func BenchmarkSelect(b *testing.B) {
	r, record := busy()
	record()
	set := NewSet()
	if err := set.Merge("a", r.Snapshot(at(1))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		set.Select(HTTPReqDuration, NewTags())
	}
}

// BenchmarkMemory tells what a Trend series costs in one shard.
func BenchmarkMemory(b *testing.B) {
	values := latencies()
	for _, bb := range []struct {
		name   string
		values []float64
	}{
		{"TrendOfZeros", []float64{0}},
		{"TrendOfEightOctaves", values},
		{"TrendOfTenSamples", values[:10]},
	} {
		b.Run(bb.name, func(b *testing.B) {
			const n = 1000
			r := NewRegistry(Options{Shards: 1})
			series := make([]*Series, n)
			for i := range series {
				series[i] = r.Series(r.Lookup(HTTPReqDuration), NewTags(Tag{"name", fmt.Sprint(i)}))
			}
			before := heap()
			for _, s := range series {
				for _, v := range bb.values {
					r.Recorder(0).Record(s, v)
				}
			}
			b.ReportMetric(float64(heap()-before)/n, "B/series")
			b.ReportMetric(0, "ns/op")
			runtime.KeepAlive(r)
			for range b.N {
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
