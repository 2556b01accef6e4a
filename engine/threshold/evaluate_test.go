package threshold

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/engine/metric"
)

// set returns what two pages of a small run left behind.
func set(t *testing.T) *metric.Set {
	t.Helper()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := metric.NewRegistry(metric.Options{Shards: 1})
	r.Snapshot(start)
	add := func(name, page string, value float64) {
		r.Recorder(0).Record(r.Series(r.Lookup(name), metric.NewTags(metric.Tag{Key: "name", Value: page})), value)
	}
	if _, err := r.Define("stock", metric.Gauge, metric.Plain); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		add(metric.HTTPReqs, "list", 1)
		add(metric.HTTPReqDuration, "list", float64(i+1))
		add(metric.HTTPReqs, "pay", 2)
		add(metric.HTTPReqDuration, "pay", 1000+float64(i))
		add(metric.Checks, "pay", float64(min(i, 1)))
	}
	add("stock", "pay", 7)
	s := metric.NewSet()
	if err := s.Merge("a", r.Snapshot(start.Add(time.Second))); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEvaluate(t *testing.T) {
	const seconds = 50
	pay := map[string]string{"name": "pay"}
	types := map[string]metric.Type{
		metric.HTTPReqs: metric.Counter, metric.HTTPReqDuration: metric.Trend, metric.Checks: metric.Rate,
		"stock": metric.Gauge, metric.ScriptErrors: metric.Counter, metric.GroupDuration: metric.Trend, "never": metric.Counter,
		"neverTrend": metric.Trend,
	}
	s := set(t)
	for _, c := range []struct {
		metric     string
		filter     map[string]string
		expression string
		observed   float64
		ok, noData bool
	}{
		{metric.HTTPReqs, nil, "count==300", 300, true, false},
		{metric.HTTPReqs, pay, "count<200", 200, false, false},
		{metric.HTTPReqs, nil, "rate>=6", 6, true, false},
		{metric.HTTPReqs, map[string]string{"name": "other"}, "count==0", 0, true, false},
		{metric.HTTPReqDuration, map[string]string{"name": "list"}, "max<=100", 100, true, false},
		{metric.HTTPReqDuration, pay, "min>1000", 1000, false, false},
		{metric.HTTPReqDuration, pay, "avg==1049.5", 1049.5, true, false},
		{metric.HTTPReqDuration, nil, "p(0)==1", 1, true, false},
		{metric.HTTPReqDuration, nil, "p(100)==1099", 1099, true, false},
		{metric.HTTPReqDuration, map[string]string{"name": "other"}, "max<5", 0, false, true},
		{metric.Checks, nil, "rate>0.98", 0.99, true, false},
		{"stock", nil, "value!=7", 7, false, false},
		// Never sampled: a counter is 0, the rest has no data.
		{metric.ScriptErrors, nil, "count==0", 0, true, false},
		{metric.GroupDuration, nil, "avg<1", 0, false, true},
		{"never", nil, "rate<1", 0, true, false},
		{"neverTrend", nil, "med<1", 0, false, true},
	} {
		compiled, err := Compile(Spec{Metric: c.metric, Filter: c.filter, Expression: c.expression, Type: types[c.metric]})
		if err != nil {
			t.Fatal(err)
		}
		verdicts, abort := Evaluate([]Compiled{compiled}, s, seconds*time.Second)
		want := []Verdict{{
			Name: FormatSelector(c.metric, c.filter), Expression: c.expression, Observed: c.observed, Limit: compiled.expression.Limit(),
			OK: c.ok, NoData: c.noData, Metric: metric.Metric{Name: c.metric, Type: types[c.metric]},
		}}
		if diff := cmp.Diff(want, verdicts); diff != "" || abort != -1 {
			t.Errorf("%s %s: abort %d, verdict differs (-want +got):\n%s", c.metric, c.expression, abort, diff)
		}
	}
}

func TestMedianAndPercentiles(t *testing.T) {
	s := set(t)
	agg, _ := s.Select(metric.HTTPReqDuration, metric.TagsFromMap(map[string]string{"name": "list"}))
	for name, exact := range map[string]float64{"med": 50, "p(50)": 50, "p(90)": 90, "p(99)": 99} {
		m, err := ParseMethod(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Of(&agg, 1); got < exact*0.997 || got > exact*1.003 {
			t.Errorf("%s = %v, want %v within 0.3 %%", name, got, exact)
		}
	}
}

func TestAbort(t *testing.T) {
	s := set(t)
	spec := func(expression string, abort bool, delay time.Duration) Spec {
		return Spec{Metric: metric.HTTPReqs, Type: metric.Counter, Expression: expression, AbortOnFail: abort, DelayAbortEval: delay}
	}
	noSample := spec("count>5", true, 0)
	noSample.Filter = map[string]string{"name": "other"}
	for _, c := range []struct {
		name    string
		specs   []Spec
		elapsed time.Duration
		want    int
	}{
		{"nothing asks", []Spec{spec("count<1", false, 0)}, time.Minute, -1},
		{"the first that fails", []Spec{spec("count>1", true, 0), spec("count<1", true, 0), spec("count<2", true, 0)}, time.Minute, 1},
		{"too early", []Spec{spec("count<1", true, 10*time.Second)}, 10*time.Second - 1, -1},
		{"just in time", []Spec{spec("count<1", true, 10*time.Second)}, 10 * time.Second, 0},
		{"no sample yet", []Spec{noSample}, time.Minute, -1},
		{"none", nil, time.Minute, -1},
	} {
		var all []Compiled
		for _, s := range c.specs {
			compiled, err := Compile(s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, compiled)
		}
		verdicts, abort := Evaluate(all, s, c.elapsed)
		if abort != c.want || len(verdicts) != len(c.specs) {
			t.Errorf("%s: abort %d, want %d", c.name, abort, c.want)
		}
		for _, v := range verdicts {
			if v.Aborted {
				t.Errorf("%s: Evaluate decides what only its caller knows", c.name)
			}
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for want, s := range map[string]Spec{
		"threshold on m{a:b}: column 1: expected a condition such as p(95)<200, got nothing": {Metric: "m", Filter: map[string]string{"a": "b"}, Type: metric.Trend},
		"threshold on m: p(95) needs a trend; m is a rate":                                   {Metric: "m", Expression: "p(95)<1", Type: metric.Rate},
	} {
		if _, err := Compile(s); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

// TestCompiledOwnsItsFilter changes the map a threshold was compiled from.
func TestCompiledOwnsItsFilter(t *testing.T) {
	filter := map[string]string{"name": "pay"}
	c, err := Compile(Spec{Metric: metric.HTTPReqs, Type: metric.Counter, Filter: filter, Expression: "count==200"})
	if err != nil {
		t.Fatal(err)
	}
	filter["name"] = "list"
	if v, _ := c.Judge(set(t), time.Second); !v.OK || v.Name != "http_reqs{name:pay}" {
		t.Errorf("verdict %+v", v)
	}
}

func TestRateWithoutTime(t *testing.T) {
	e, err := Parse("rate==0")
	if err != nil {
		t.Fatal(err)
	}
	agg := metric.Aggregate{Type: metric.Counter, Count: 1, Sum: 5}
	if observed, ok, noData := e.Judge(&agg, 0); observed != 0 || !ok || noData {
		t.Errorf("rate over no time: %v %v %v", observed, ok, noData)
	}
	agg.Sum = 1e308
	if observed, _, _ := e.Judge(&agg, 1e-9); observed != 1.7976931348623157e308 {
		t.Errorf("an overflowing rate is %v", observed)
	}
}
