package timeline

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// busySecond returns the snapshot of a second of a test with that many series,
// two fifths of them trends with latencies around a median, and a factory of
// more of the same.
func busySecond(series, samples int) (first *metric.Snapshot, next func(second int) *metric.Snapshot) {
	r := metric.NewRegistry(metric.Options{Start: start(), Shards: 1, MaxSeries: 2 * series})
	random := rand.New(rand.NewPCG(7, 8))
	var all []*metric.Series
	for i := range series {
		name := [...]string{metric.HTTPReqDuration, metric.HTTPReqWaiting, metric.HTTPReqs, metric.HTTPReqFailed, metric.DataSent}[i%5]
		all = append(all, r.Series(r.Lookup(name), metric.NewTags(
			metric.Tag{Key: "name", Value: fmt.Sprint("/items/", i/5)}, metric.Tag{Key: "method", Value: "GET"},
			metric.Tag{Key: "scenario", Value: "default"}, metric.Tag{Key: "status", Value: "200"})))
	}
	next = func(second int) *metric.Snapshot {
		for i, s := range all {
			for range samples {
				v := 20 * math.Exp(random.NormFloat64()/2)
				if i%5 == 3 {
					v = 0
				}
				r.Recorder(0).Record(s, v)
			}
		}
		return r.Snapshot(at(time.Duration(second) * time.Second))
	}
	return next(1), next
}

// BenchmarkAdd adds a second of one source, ever the next one.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{50, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			line := New(start(), Options{})
			first, next := busySecond(n, 40)
			line.Add("a", first)
			var seconds []*metric.Snapshot
			for i := range 8 {
				seconds = append(seconds, next(i+2))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				s := *seconds[i%len(seconds)]
				s.Start, s.End = at(time.Duration(i+1)*time.Second), at(time.Duration(i+2)*time.Second)
				line.Add("a", &s)
				i++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/series")
		})
	}
}

// BenchmarkAddSources adds a second of each of 1,000 sources with 50 series
// (B11), whose timers are spread over the second.
func BenchmarkAddSources(b *testing.B) {
	const sources = 1000
	line := New(start(), Options{})
	first, next := busySecond(50, 4)
	var names []string
	for i := range sources {
		names = append(names, fmt.Sprint("runner", i))
		line.Add(names[i], &metric.Snapshot{Start: start(), End: start(), Defs: first.Defs})
	}
	var snaps []*metric.Snapshot
	for i := range 64 {
		snaps = append(snaps, next(i+2))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s := *snaps[i%len(snaps)]
		s.End = at(time.Second + time.Duration(i)*time.Second/sources)
		s.Start = s.End.Add(-time.Second)
		line.Add(names[i%sources], &s)
		i++
	}
	b.ReportMetric(100*1000*b.Elapsed().Seconds()/float64(b.N), "%core")
}

func BenchmarkWindow(b *testing.B) {
	line := New(start(), Options{})
	first, next := busySecond(50, 40)
	line.Add("a", first)
	for second := 2; second < 1000; second++ {
		line.Add("a", next(second))
	}
	b.ReportAllocs()
	for b.Loop() {
		line.Between(line.End()-30*time.Second, line.End()).Select(metric.HTTPReqDuration, metric.Tags{})
	}
}

// BenchmarkRun runs for hours and tells what that takes: the bytes that are
// estimated, those of the heap, and those of a saved timeline.
func BenchmarkRun(b *testing.B) {
	for _, bb := range []struct {
		series, hours int
		options       Options
	}{
		{50, 1, Options{}},
		{50, 24, Options{}},
		{50, 24, Options{MaxBytes: 16 << 20}},
		{5000, 1, Options{}},
	} {
		b.Run(fmt.Sprintf("%dx%dh/%dMB", bb.series, bb.hours, cmp.Or(bb.options.MaxBytes, defaultMaxBytes)>>20), func(b *testing.B) {
			first, next := busySecond(bb.series, 40)
			var seconds []*metric.Snapshot
			for i := range 16 {
				seconds = append(seconds, next(i+2))
			}
			for b.Loop() {
				before := heap()
				line := New(start(), bb.options)
				line.Add("a", first)
				var worst time.Duration
				most := 0
				for second := 2; second <= bb.hours*3600; second++ {
					s := *seconds[second%len(seconds)]
					s.Start, s.End = at(time.Duration(second-1)*time.Second), at(time.Duration(second)*time.Second)
					began := time.Now()
					line.Add("a", &s)
					worst = max(worst, time.Since(began))
					most = max(most, line.bytes)
				}
				const mb = 1 << 20
				b.ReportMetric(float64(heap()-before)/mb, "MB-heap")
				b.ReportMetric(float64(most)/mb, "MB-most")
				b.ReportMetric(float64(len(marshal(b, line)))/mb, "MB-saved")
				b.ReportMetric(line.Resolution().Seconds(), "s-resolution")
				b.ReportMetric(float64(line.Folded()), "folded")
				b.ReportMetric(float64(worst)/1e6, "ms-worst-add")
				runtime.KeepAlive(line)
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
