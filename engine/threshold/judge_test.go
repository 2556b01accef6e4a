package threshold

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/timeline"
	"pgregory.net/rapid"
)

// sample is one value and the second of the load in which it arrived.
type sample struct {
	second int
	value  float64
}

// samples is a Source made the plain way.
type samples struct {
	kind metric.Type
	all  []sample
}

func (s samples) Select(string, metric.Tags) (metric.Aggregate, bool) {
	agg := metric.Aggregate{Type: s.kind}
	for _, x := range s.all {
		if agg.Count == 0 {
			agg.Min, agg.Max = x.value, x.value
		}
		agg.Count++
		agg.Sum += x.value
		agg.Min, agg.Max = min(agg.Min, x.value), max(agg.Max, x.value)
		if x.value != 0 {
			agg.NonZero++
		}
	}
	return agg, true
}

// between returns those of some seconds.
func (s samples) between(from, to time.Duration) samples {
	part := samples{kind: s.kind}
	for _, x := range s.all {
		if at := time.Duration(x.second) * time.Second; from <= at && at < to {
			part.all = append(part.all, x)
		}
	}
	return part
}

func compile(t rapid.TB, s Spec) Compiled {
	t.Helper()
	c, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The verdict of a window, judged again and again as data comes in, is what
// looking at every window of all samples at the end gives.
func TestWindowsAreJudgedAsByBruteForce(t *testing.T) {
	methods := map[metric.Type][]string{
		metric.Trend: {"avg", "min", "max"}, metric.Counter: {"count", "rate"}, metric.Rate: {"rate"},
	}
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]metric.Type{metric.Trend, metric.Counter, metric.Rate}).Draw(t, "type")
		method := rapid.SampledFrom(methods[kind]).Draw(t, "method")
		operator := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator")
		limit := rapid.IntRange(0, 10).Draw(t, "limit")
		src := method + operator + formatNumber(float64(limit))
		over := rapid.IntRange(1, 8).Draw(t, "over")
		c := compile(t, Spec{Metric: "m", Type: kind, Expression: src, Over: time.Duration(over) * time.Second, AbortOnFail: true})

		seconds := rapid.IntRange(0, 30).Draw(t, "seconds")
		all := samples{kind: kind}
		for i := range seconds {
			for range rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "samples") {
				all.all = append(all.all, sample{i, float64(rapid.IntRange(0, 8).Draw(t, "value"))})
			}
		}
		origin := rapid.IntRange(0, 3).Draw(t, "from")
		pause := rapid.IntRange(0, 40).Draw(t, "pause")
		paused := rapid.IntRange(0, 5).Draw(t, "paused")

		j := NewJudge([]Compiled{c}, time.Duration(origin)*time.Second)
		var verdict Verdict
		abort := -1
		for now := 0; ; now += rapid.IntRange(1, 4).Draw(t, "apart") {
			now = min(now, seconds)
			if paused > 0 && pause <= now {
				j.Pause(time.Duration(pause) * time.Second)
				j.Resume(time.Duration(pause+paused) * time.Second)
				paused = -paused // told once
			}
			// What has arrived is no more than what is said to be complete.
			complete := time.Duration(now) * time.Second
			verdicts, ends := j.Judge(all.between(0, complete), complete,
				func(from, to time.Duration) Source { return all.between(from, to) }, complete)
			verdict, abort = verdicts[0], ends
			if now == seconds {
				break
			}
		}

		worst, found, seen := 0.0, false, false
		var at []time.Duration
		for begin := origin; begin+over <= seconds; begin++ {
			if paused < 0 && begin < pause-paused && pause < begin+over {
				continue
			}
			from := time.Duration(begin) * time.Second
			agg, _ := all.between(from, from+time.Duration(over)*time.Second).Select("", metric.Tags{})
			if agg.Count == 0 && (kind != metric.Counter || !seen) {
				continue
			}
			seen = true
			value := c.expression.method.Of(&agg, float64(over))
			if !found || c.expression.worse(value, worst) {
				worst, at = value, nil
			}
			found = true
			if value == worst {
				at = append(at, from+time.Duration(over)*time.Second)
			}
		}
		if !found {
			whole, _ := c.Judge(all, time.Duration(seconds)*time.Second)
			if verdict != whole || abort != -1 || verdict.At != 0 {
				t.Fatalf("no window: %+v, want %+v", verdict, whole)
			}
			return
		}
		holds := c.expression.operator.holds(worst, float64(limit))
		if verdict.Observed != worst || verdict.OK != holds || verdict.NoData || verdict.At != at[0] || verdict.Over != c.spec.Over {
			t.Fatalf("%s over %d s: %+v, want %v at %v, %v", src, over, verdict, worst, at, holds)
		}
		if (abort == 0) == holds {
			t.Fatalf("abort %d of %+v", abort, verdict)
		}
	})
}

// The verdict fails exactly when some window fails: worst is no matter of taste.
func TestWorstFailsFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Expression{
			operator: operator(rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator")),
			limit:    float64(rapid.IntRange(-3, 3).Draw(t, "limit")),
		}
		values := rapid.SliceOfN(rapid.IntRange(-5, 5), 1, 10).Draw(t, "values")
		worst := float64(values[0])
		holds := true
		for _, v := range values {
			if e.worse(float64(v), worst) {
				worst = float64(v)
			}
			holds = holds && e.operator.holds(float64(v), e.limit)
		}
		if e.operator.holds(worst, e.limit) != holds {
			t.Fatalf("%v of %v: worst %v", e, values, worst)
		}
	})
}

// From the registry over snapshots and a timeline, to the accuracy of a histogram.
func TestWindowsOfATimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		r := metric.NewRegistry(metric.Options{Shards: 1})
		r.Snapshot(start)
		set, line := metric.NewSet(), timeline.New(start, timeline.Options{})
		over := rapid.IntRange(1, 5).Draw(t, "over")
		c := compile(t, Spec{
			Metric: metric.HTTPReqDuration, Type: metric.Trend, Unit: metric.Time,
			Filter: map[string]string{"name": "pay"}, Expression: "p(90)<100", Over: time.Duration(over) * time.Second,
		})
		j := NewJudge([]Compiled{c}, 0)
		var verdict Verdict
		var bySecond [][]float64
		for second := range rapid.IntRange(1, 12).Draw(t, "seconds") {
			var values []float64
			for range rapid.IntRange(0, 5).Draw(t, "samples") {
				values = append(values, rapid.Float64Range(1, 1000).Draw(t, "value"))
			}
			bySecond = append(bySecond, values)
			series := r.Series(r.Lookup(metric.HTTPReqDuration), metric.NewTags(metric.Tag{Key: "name", Value: "pay"}))
			other := r.Series(r.Lookup(metric.HTTPReqDuration), metric.NewTags(metric.Tag{Key: "name", Value: "list"}))
			for _, v := range values {
				r.Recorder(0).Record(series, v)
			}
			r.Recorder(0).Record(other, 1e6)
			now := time.Duration(second+1) * time.Second
			snap := r.Snapshot(start.Add(now - time.Millisecond))
			if err := set.Merge("a", snap); err != nil {
				t.Fatal(err)
			}
			line.Add("a", snap)
			verdicts, _ := j.Judge(set, now, func(from, to time.Duration) Source { return line.Between(from, to) }, now)
			verdict = verdicts[0]
		}
		worst, found := 0.0, false
		for i := 0; i+over <= len(bySecond); i++ {
			values := slices.Concat(bySecond[i : i+over]...)
			if len(values) == 0 {
				continue
			}
			slices.Sort(values)
			p90 := values[int(math.Ceil(0.9*float64(len(values))))-1]
			worst, found = max(worst, p90), true
		}
		if !found {
			if verdict.At != 0 {
				t.Fatalf("judged no window: %+v", verdict)
			}
			return
		}
		if verdict.Observed < worst*0.99 || verdict.Observed > worst*1.01 || verdict.At == 0 {
			t.Fatalf("%+v, want %v", verdict, worst)
		}
	})
}

func TestNoData(t *testing.T) {
	none := samples{kind: metric.Trend}
	for _, c := range []struct {
		name string
		spec Spec
		ok   bool
		data bool
	}{
		{"a trend", Spec{Type: metric.Trend, Expression: "p(95)<1"}, false, false},
		{"a trend that may", Spec{Type: metric.Trend, Expression: "p(95)<1", NoDataOK: true}, true, false},
		{"a window", Spec{Type: metric.Rate, Expression: "rate<1", Over: time.Second}, false, false},
		{"a window that may", Spec{Type: metric.Rate, Expression: "rate<1", Over: time.Second, NoDataOK: true}, true, false},
		{"a counter that is 0", Spec{Type: metric.Counter, Expression: "count<1"}, true, true},
		{"a counter that should not be", Spec{Type: metric.Counter, Expression: "count>1"}, false, true},
		{"a counter that may", Spec{Type: metric.Counter, Expression: "count>1", NoDataOK: true}, true, false},
	} {
		c.spec.Metric, c.spec.AbortOnFail = "m", true
		none.kind = c.spec.Type
		j := NewJudge([]Compiled{compile(t, c.spec)}, 0)
		verdicts, abort := j.Judge(none, 10*time.Second, func(time.Duration, time.Duration) Source { return none }, 10*time.Second)
		if v := verdicts[0]; v.OK != c.ok || v.NoData == c.data || abort != -1 {
			t.Errorf("%s: %+v, abort %d", c.name, v, abort)
		}
	}
}

// A window asks for the end of the run once it has failed and the delay is over.
func TestWindowAborts(t *testing.T) {
	all := samples{kind: metric.Counter, all: []sample{{0, 5}, {3, 9}, {9, 1}}}
	j := NewJudge([]Compiled{compile(t, Spec{
		Metric: "m", Type: metric.Counter, Expression: "count<9", Over: 1500 * time.Millisecond, // judged as 2 s
		AbortOnFail: true, DelayAbortEval: 6 * time.Second,
	})}, 0)
	for now := range 8 {
		at := time.Duration(now) * time.Second
		verdicts, abort := j.Judge(all.between(0, at), at, func(from, to time.Duration) Source { return all.between(from, to) }, at)
		if (abort == 0) != (now >= 6) {
			t.Errorf("second %d: abort %d, %+v", now, abort, verdicts)
		}
	}
	verdicts, _ := j.Judge(all, 7*time.Second, func(from, to time.Duration) Source { return all.between(from, to) }, 7*time.Second)
	if v := verdicts[0]; v.At != 4*time.Second || v.Observed != 9 || v.Over != 1500*time.Millisecond {
		t.Errorf("%+v", v)
	}
}

func TestLength(t *testing.T) {
	for in, want := range map[time.Duration]time.Duration{
		0: 0, 1: time.Second, time.Second: time.Second, 61*time.Second + 1: 62 * time.Second, math.MaxInt64: math.MaxInt64,
	} {
		if got := Length(in); got != want {
			t.Errorf("Length(%v) = %v, want %v", in, got, want)
		}
	}
}
