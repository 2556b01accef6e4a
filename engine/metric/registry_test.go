package metric

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func TestDefine(t *testing.T) {
	r := NewRegistry(Options{})
	for _, m := range Builtin() {
		if got := r.Lookup(m.Name); got == nil || *got != m {
			t.Errorf("%s is %v", m.Name, got)
		}
	}
	first, err := r.Define("my_trend", Trend, Time)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Define("my_trend", Trend, Time)
	if err != nil || again != first || r.Lookup("my_trend") != first {
		t.Errorf("defined again: %v, %v", again, err)
	}
	if r.Lookup("unknown") != nil {
		t.Error("an unknown metric was found")
	}
	for _, name := range []string{"a", "_", "A9_z", strings.Repeat("x", 128)} {
		if _, err := r.Define(name, Counter, Plain); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		name string
		kind Type
		unit Unit
		want string
	}{
		{"my_trend", Rate, Time, `metric "my_trend" is a trend already, not a rate`},
		{"my_trend", Trend, Data, `metric "my_trend" holds times already, not data sizes`},
		{"http_reqs", Trend, Plain, `metric "http_reqs" is a counter already, not a trend`},
		{"", Trend, Plain, `a metric needs a name`},
		{"9a", Trend, Plain, `metric name "9a": use a letter or _, then letters, digits or _`},
		{"a b", Trend, Plain, `metric name "a b": use`},
		{"é", Trend, Plain, `metric name "é": use`},
		{"a\x1b[2J", Trend, Plain, `metric name "a\x1b[2J": use`},
		{"a{b:c}", Trend, Plain, `metric name "a{b:c}": use`},
		{strings.Repeat("x", 129), Trend, Plain, `metric name "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"… is longer than 128 characters`},
		{"ok", 0, Plain, `metric "ok": unknown type 0`},
		{"ok", 5, Plain, `metric "ok": unknown type 5`},
		{"ok", Trend, 3, `metric "ok": unknown unit 3`},
	} {
		if m, err := r.Define(tt.name, tt.kind, tt.unit); err == nil || m != nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Define(%.40q, %s, %d): %v, want %s", tt.name, tt.kind, tt.unit, err, tt.want)
		}
	}
}

func TestNumberOfMetricsIsBounded(t *testing.T) {
	r, set := NewRegistry(Options{}), NewSet()
	for i := range MaxMetrics - len(Builtin()) {
		m, err := r.Define(fmt.Sprint("m", i), Counter, Plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.Define(*m); err != nil {
			t.Fatal(err)
		}
	}
	const want = `metric "more" is one too many: a test has at most 1000 metrics`
	if _, err := r.Define("more", Counter, Plain); err == nil || err.Error() != want {
		t.Errorf("registry: %v", err)
	}
	if err := set.Define(Metric{"more", Counter, Plain}); err == nil || err.Error() != want {
		t.Errorf("set: %v", err)
	}
	if _, err := r.Define("m0", Counter, Plain); err != nil {
		t.Errorf("a known metric: %v", err)
	}
}

func TestSeriesIsOneHandle(t *testing.T) {
	r := NewRegistry(Options{})
	m := r.Lookup(HTTPReqs)
	var wait sync.WaitGroup
	found := make([]*Series, 8)
	for i := range found {
		wait.Go(func() { found[i] = r.Series(m, NewTags(Tag{"b", "2"}, Tag{"a", "1"})) })
	}
	wait.Wait()
	for _, s := range found {
		if s != found[0] {
			t.Fatal("equal arguments gave different handles")
		}
	}
	if s := found[0]; s.Metric() != m || s.Tags().String() != "a=1,b=2" {
		t.Errorf("handle of %s{%s}", s.Metric().Name, s.Tags())
	}
	for _, other := range []*Series{
		r.Series(m, NewTags(Tag{"a", "1"})),
		r.Series(m, NewTags(Tag{"a", "1,b=2"})),
		r.Series(r.Lookup(HTTPReqDuration), found[0].Tags()),
	} {
		if other == found[0] {
			t.Errorf("%s{%s} shares a handle", other.Metric().Name, other.Tags())
		}
	}
}

func TestSeriesOfForeignMetricPanics(t *testing.T) {
	r := NewRegistry(Options{})
	r.Series(r.Lookup(HTTPReqs), NewTags())
	for _, m := range []Metric{{"nowhere", Counter, Plain}, {HTTPReqs, Trend, Plain}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v was taken", m)
				}
			}()
			r.Series(&m, NewTags())
		}()
	}
}

func TestOneExplodingTag(t *testing.T) {
	const limit = 400
	r := NewRegistry(Options{MaxSeries: limit})
	m := r.Lookup(HTTPReqs)
	rec := r.Recorder(0)
	statuses := []string{"200", "404", "500"}
	const urls = 2000
	for i := range urls {
		for _, status := range statuses {
			rec.Record(r.Series(m, NewTags(Tag{"url", fmt.Sprint("/", i)}, Tag{"status", status}, Tag{"scenario", "s"})), 1)
		}
	}
	// What comes late is still told apart: a combination of known values ...
	late := r.Series(m, NewTags(Tag{"url", "/0"}, Tag{"status", "503"}, Tag{"scenario", "s"}))
	if late.Tags().String() != "scenario=s,status=503,url=/0" {
		t.Errorf("a late status of a known url is %s", late.Tags())
	}
	// ... and another metric.
	if other := r.Series(r.Lookup(Checks), NewTags(Tag{"check", "ok"})); other.Tags().String() != "check=ok" {
		t.Errorf("a late metric is %s", other.Tags())
	}
	if got, want := r.Overflowed(), []OverflowNote{{HTTPReqs, "url"}}; !slices.Equal(got, want) {
		t.Errorf("overflowed are %v, want %v", got, want)
	}
	if len(r.series) > limit {
		t.Errorf("%d series", len(r.series))
	}
	set := NewSet()
	if err := set.Merge("a", r.Snapshot(at(1))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		filter Tags
		want   float64
	}{
		{NewTags(), urls * 3},
		{NewTags(Tag{"status", "500"}), urls},
		{NewTags(Tag{"scenario", "s"}), urls * 3},
		{NewTags(Tag{"url", "/3"}, Tag{"status", "404"}), 1},
	} {
		if agg, _ := set.Select(HTTPReqs, tt.filter); agg.Sum != tt.want {
			t.Errorf("{%s} is %v, want %v", tt.filter, agg.Sum, tt.want)
		}
	}
	if agg, _ := set.Select(HTTPReqs, NewTags(Tag{"url", Overflow})); agg.Sum < urls {
		t.Errorf("only %v are in the overflow", agg.Sum)
	}
}

func TestExplodingKeys(t *testing.T) {
	const limit = 50
	r := NewRegistry(Options{MaxSeries: limit})
	m := r.Lookup(HTTPReqs)
	for i := range 5000 {
		r.Recorder(0).Record(r.Series(m, NewTags(Tag{fmt.Sprint("k", i), "v"})), 1)
	}
	if len(r.series) > limit+beyondCap {
		t.Errorf("%d series", len(r.series))
	}
	if n := len(r.Overflowed()); n == 0 || n > maxNotes {
		t.Errorf("%d notes", n)
	}
	if s := r.Series(m, NewTags()); s.Tags().Len() != 0 {
		t.Errorf("without tags is {%s}", s.Tags())
	}
	set := NewSet()
	if err := set.Merge("a", r.Snapshot(at(1))); err != nil {
		t.Fatal(err)
	}
	if agg, _ := set.Select(HTTPReqs, NewTags()); agg.Sum != 5000 {
		t.Errorf("total is %v", agg.Sum)
	}
}

// TestCapAtRandom checks what must hold whatever the tags are: a bounded
// number of series, exact totals, and the same handle for the same arguments.
func TestCapAtRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 60).Draw(t, "limit")
		r := NewRegistry(Options{MaxSeries: limit, Shards: 1})
		type request struct {
			metric *Metric
			tags   Tags
			series *Series
		}
		var requests []request
		total := make(map[string]float64)
		for range rapid.IntRange(1, 150).Draw(t, "requests") {
			m := r.Lookup(rapid.SampledFrom([]string{HTTPReqs, Iterations, DataSent}).Draw(t, "metric"))
			var tags []Tag
			for _, key := range []string{"a", "b", "c"} {
				if values := rapid.SampledFrom([]int{0, 1, 3, 100}).Draw(t, "values"); values > 0 {
					tags = append(tags, Tag{key, fmt.Sprint(rapid.IntRange(1, values).Draw(t, "value"))})
				}
			}
			s := r.Series(m, NewTags(tags...))
			requests = append(requests, request{m, NewTags(tags...), s})
			r.Recorder(0).Record(s, 1)
			total[m.Name]++
		}
		for _, q := range requests {
			if again := r.Series(q.metric, q.tags); again != q.series {
				t.Fatalf("%s{%s} was {%s}, now {%s}", q.metric.Name, q.tags, q.series.Tags(), again.Tags())
			}
			for key, value := range q.series.Tags().All() {
				if want, _ := q.tags.Get(key); value != want && value != Overflow {
					t.Fatalf("{%s} counts in {%s}", q.tags, q.series.Tags())
				}
			}
		}
		if len(r.series) > limit+3*beyondCap {
			t.Fatalf("%d series, limit %d", len(r.series), limit)
		}
		set := NewSet()
		if err := set.Merge("a", r.Snapshot(at(1))); err != nil {
			t.Fatal(err)
		}
		for name, want := range total {
			if agg, _ := set.Select(name, NewTags()); agg.Sum != want {
				t.Fatalf("%s is %v, want %v", name, agg.Sum, want)
			}
		}
	})
}

func TestUnitsAreText(t *testing.T) {
	for u, want := range map[Unit]string{Plain: "plain", Time: "time", Data: "data"} {
		text, err := u.MarshalText()
		var back Unit
		if err != nil || string(text) != want || back.UnmarshalText(text) != nil || back != u {
			t.Errorf("%d is %s, read as %v: %v", u, text, back, err)
		}
	}
	var u Unit
	if err := u.UnmarshalText([]byte("furlong")); err == nil {
		t.Error("an unknown unit was read")
	}
}
