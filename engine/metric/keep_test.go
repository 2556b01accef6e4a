package metric

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestKeep(t *testing.T) {
	r := NewRegistry(Options{Keep: []string{HTTPReqs, "mine"}, Shards: 2})
	metrics := define(t, r)
	mine, err := r.Define("mine", Gauge, Plain)
	if err != nil {
		t.Fatal(err)
	}
	if r.Lookup(HTTPReqDuration) == nil || r.Lookup("mine") != mine || !r.Keeps("mine") || r.Keeps(VUs) {
		t.Error("lookup and keep disagree")
	}
	if _, err := r.Define(HTTPReqDuration, Counter, Plain); err == nil {
		t.Error("the type of a metric that is not kept could be changed")
	}
	for shard := range 2 {
		rec := r.Recorder(shard)
		for _, m := range metrics { // of each type, none is kept
			rec.Record(r.Series(m, NewTags(Tag{"k", "v"})), 5)
			rec.Record(r.Series(m, NewTags()), 0)
			rec.Record(r.Series(m, NewTags()), -7)
		}
		rec.Record(r.Series(r.Lookup(VUs), NewTags()), 3)
		rec.Record(r.Series(r.Lookup(HTTPReqs), NewTags()), 1)
		rec.Record(r.Series(mine, NewTags()), 9)
	}
	snap := r.Snapshot(at(1))
	var got []string
	for _, d := range snap.Defs {
		got = append(got, d.Metric.Name)
	}
	if len(snap.Deltas) != 2 || strings.Join(got, " ") != HTTPReqs+" mine" {
		t.Errorf("recorded %v: %+v", got, snap.Deltas)
	}
	s := r.Series(r.Lookup(HTTPReqDuration), NewTags(Tag{"k", "v"}))
	if s != r.Series(r.Lookup(HTTPReqDuration), NewTags(Tag{"k", "v"})) || s.Metric().Name != HTTPReqDuration {
		t.Error("the handle of a metric that is not kept is not one")
	}
}

// TestKeepSparesTheCap makes more series than fit of a metric that is not kept.
func TestKeepSparesTheCap(t *testing.T) {
	r := NewRegistry(Options{Keep: []string{HTTPReqs}, MaxSeries: 10})
	for i := range 1000 {
		r.Recorder(i).Record(r.Series(r.Lookup(HTTPReqDuration), NewTags(Tag{"name", fmt.Sprint(i)})), 1)
	}
	for i := range 5 {
		r.Recorder(i).Record(r.Series(r.Lookup(HTTPReqs), NewTags(Tag{"name", fmt.Sprint(i)})), 1)
	}
	if notes := r.Overflowed(); len(notes) != 0 {
		t.Errorf("over the cap: %v", notes)
	}
	if n := len(r.Snapshot(at(1)).Deltas); n != 5 {
		t.Errorf("%d series", n)
	}
}

// TestKeepAtTheCap fills a registry to its last series: the place where samples
// are lost on purpose must not be one of them.
func TestKeepAtTheCap(t *testing.T) {
	for _, maxSeries := range []int{1, 127, 128, 129, 256} {
		r := NewRegistry(Options{Keep: []string{HTTPReqs}, MaxSeries: maxSeries, Shards: 1})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 400 {
					r.Recorder(0).Record(r.Series(r.Lookup(HTTPReqs), NewTags(Tag{"name", fmt.Sprint(g, i)})), 1)
					r.Recorder(0).Record(r.Series(r.Lookup(HTTPReqDuration), NewTags()), math.Pi)
				}
			})
		}
		wg.Wait()
		set := NewSet()
		if err := set.Merge("a", r.Snapshot(at(1))); err != nil {
			t.Fatal(err)
		}
		if agg, _ := set.Select(HTTPReqs, NewTags()); agg.Sum != 1600 {
			t.Errorf("cap %d: %v counted", maxSeries, agg.Sum)
		}
		if agg, _ := set.Select(HTTPReqDuration, NewTags()); agg.Count != 0 {
			t.Errorf("cap %d: %v recorded", maxSeries, agg.Count)
		}
	}
}

// TestTotalsStayExactOverTheCap records any mix of tags under any cap and any
// choice of metrics: the totals of what is kept are those of all samples, for
// any number of runners.
func TestTotalsStayExactOverTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		maxSeries := rapid.IntRange(1, 60).Draw(t, "cap")
		var keep []string
		if rapid.Bool().Draw(t, "choose") {
			keep = []string{HTTPReqs, Checks}
		}
		runners := make([]*Registry, rapid.IntRange(1, 4).Draw(t, "runners"))
		for i := range runners {
			runners[i] = NewRegistry(Options{MaxSeries: maxSeries, Keep: keep, Shards: 2, Start: at(0)})
		}
		names := []string{HTTPReqs, Checks, HTTPReqDuration}
		want := map[string]*[3]uint64{HTTPReqs: {}, Checks: {}, HTTPReqDuration: {}} // count, sum, not zero
		set := NewSet()
		for second := range rapid.IntRange(1, 4).Draw(t, "seconds") {
			for range rapid.IntRange(0, 200).Draw(t, "samples") {
				r := runners[rapid.IntRange(0, len(runners)-1).Draw(t, "runner")]
				name := rapid.SampledFrom(names).Draw(t, "metric")
				tags := NewTags(Tag{"url", fmt.Sprint(rapid.IntRange(0, 200).Draw(t, "url"))},
					Tag{"status", fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "status"))})
				v := rapid.IntRange(0, 3).Draw(t, "value")
				r.Recorder(v).Record(r.Series(r.Lookup(name), tags), float64(v))
				want[name][0]++
				want[name][1] += uint64(v)
				want[name][2] += uint64(min(v, 1))
			}
			for i, r := range runners {
				if err := set.Merge(fmt.Sprint(i), r.Snapshot(at(second+1))); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, r := range runners {
			if n := len(r.series); n > maxSeries+beyondCap*len(names) {
				t.Fatalf("%d series under a cap of %d", n, maxSeries)
			}
		}
		for _, name := range names {
			agg, _ := set.Select(name, NewTags())
			got := [3]uint64{agg.Count, uint64(agg.Sum), agg.NonZero}
			w := *want[name]
			if keep != nil && name == HTTPReqDuration {
				w = [3]uint64{}
			}
			switch agg.Type {
			case Counter, Trend:
				w[2] = 0
			case Rate:
				w[1] = 0
			}
			if got != w {
				t.Fatalf("%s: %v, want %v", name, got, w)
			}
		}
	})
}
