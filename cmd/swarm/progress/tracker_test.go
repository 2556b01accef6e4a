package progress

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

// recording feeds a Set as a runner would.
type recording struct {
	t        *testing.T
	registry *metric.Registry
	set      *metric.Set
	line     *timeline.Timeline
}

func newTracker() *Tracker { return NewTracker("s.js") }

func newRecording(t *testing.T) *recording {
	return &recording{t, metric.NewRegistry(metric.Options{}), metric.NewSet(), timeline.New(time.Unix(0, 0), timeline.Options{})}
}

func (r *recording) add(name string, values ...float64) {
	s := r.registry.Series(r.registry.Lookup(name), metric.Tags{})
	for _, v := range values {
		r.registry.Recorder(0).Record(s, v)
	}
}

func (r *recording) tick(elapsed time.Duration) cluster.Tick {
	r.t.Helper()
	snapshot := r.registry.Snapshot(time.Unix(0, 0).Add(elapsed))
	if err := r.set.Merge("1", snapshot); err != nil {
		r.t.Fatal(err)
	}
	r.line.Add("1", snapshot)
	return cluster.Tick{Set: r.set, Timeline: r.line, Status: engine.Status{
		Elapsed: elapsed, VUs: 2, VUsMax: 3,
		Scenarios: []engine.ScenarioStatus{{Name: "a", State: "running", Elapsed: elapsed, Progress: 0.5, VUs: 2, VUsPlanned: 3, Complete: 7}},
	}}
}

func TestTrackerShowsTheLatestSeconds(t *testing.T) {
	r := newRecording(t)
	tr := newTracker()
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{{Name: "a", Executor: plan.ConstantVUs, VUs: 3, Duration: 20 * time.Second}}})
	for second := 1; second <= 12; second++ {
		latency := 10.0
		if second > 6 {
			latency = 500 // from here on, slow: the window must forget the fast start
		}
		for range 4 {
			r.add(metric.HTTPReqs, 1)
			r.add(metric.HTTPReqDuration, latency)
			r.add(metric.HTTPReqFailed, 0)
		}
		r.add(metric.HTTPReqFailed, 1)
		r.add(metric.Checks, 1, 0)
		r.add(metric.DataReceived, 1000)
		r.add(metric.Iterations, 1, 1)
		tr.Tick(r.tick(time.Duration(second) * time.Second))
	}
	s := tr.State()
	if s.Requests != 48 || s.RequestRate != 4 || s.Iterations != 24 || s.IterationRate != 2 || s.In != 1000 {
		t.Errorf("requests %d at %g/s, iterations %d at %g/s, %g B/s", s.Requests, s.RequestRate, s.Iterations, s.IterationRate, s.In)
	}
	if s.P50 < 498 || s.P50 > 502 {
		t.Errorf("p50 %g, want that of the last seconds, 500", s.P50)
	}
	if s.Failed != 0.2 || s.Checks != 0.5 || len(s.Rates) != 12 {
		t.Errorf("failed %g, checks %g, %d rates", s.Failed, s.Checks, len(s.Rates))
	}
	want := []Scenario{{Name: "a", Executor: plan.ConstantVUs, State: "running", Progress: 0.5, VUs: 2, VUsPlanned: 3, Complete: 7, Scalable: true}}
	if diff := cmp.Diff(want, s.Scenarios); diff != "" {
		t.Error(diff)
	}
	if s.Total != 20*time.Second || !s.Timed || !s.Moving {
		t.Errorf("%+v", s)
	}
}

func TestTrackerBoundsItsHistory(t *testing.T) {
	r := newRecording(t)
	tr := newTracker()
	for second := 1; second <= 200; second++ {
		r.add(metric.Iterations, 1)
		tr.Tick(r.tick(time.Duration(second) * time.Second))
	}
	if s := tr.State(); len(s.Rates) != history || len(s.P95s) != history || len(tr.past) != window+1 {
		t.Errorf("%d rates, %d latencies, %d ticks kept", len(s.Rates), len(s.P95s), len(tr.past))
	}
}

func TestIterationsMakeTheTotalABound(t *testing.T) {
	tr := newTracker()
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{{Name: "a", Executor: plan.PerVUIterations, VUs: 3, Iterations: 5, MaxDuration: time.Minute}}})
	if s := tr.State(); s.Timed || s.Scenarios[0].Iterations != 15 {
		t.Errorf("%+v", s)
	}
}

func TestTheTotalIsOfWhatIsNotDone(t *testing.T) {
	tr := newTracker()
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{
		{Name: "a", Executor: plan.ConstantVUs, VUs: 3, Duration: 20 * time.Second},
		{Name: "b", Executor: plan.SharedIterations, VUs: 3, Iterations: 5, MaxDuration: 10 * time.Minute},
	}})
	if s := tr.State(); s.Total != 10*time.Minute || s.Timed {
		t.Errorf("at first %s, timed %v", s.Total, s.Timed)
	}
	for _, state := range []string{"running", "done"} {
		tr.Tick(cluster.Tick{Status: engine.Status{Scenarios: []engine.ScenarioStatus{
			{Name: "a", State: state, Progress: 0.5}, {Name: "b", State: "done", Progress: 1},
		}}})
		if s := tr.State(); s.Total != 20*time.Second || !s.Timed {
			t.Errorf("a %s: %s, timed %v", state, s.Total, s.Timed)
		}
	}
}

func TestTrackerFollowsRates(t *testing.T) {
	tr := newTracker()
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{
		{Name: "buy", Executor: plan.ConstantArrivalRate, Rate: 100, TimeUnit: time.Second, Duration: time.Minute, MaxVUs: 10},
		{Name: "ramp", Executor: plan.RampingArrivalRate, TimeUnit: time.Second, Duration: time.Minute, MaxVUs: 10},
		{Name: "find", Executor: plan.Capacity, TimeUnit: time.Second, MaxDuration: time.Minute, MaxVUs: 10},
	}})
	set := metric.NewSet()
	tick := func(second int, rate float64, paused bool) State {
		tr.Tick(cluster.Tick{
			Set: set,
			Status: engine.Status{Elapsed: time.Duration(second) * time.Second, Paused: paused, Scenarios: []engine.ScenarioStatus{
				{Name: "buy", State: "running", Elapsed: time.Duration(second) * time.Second, VUs: 4, RatePlanned: 100, Started: uint64(second) * uint64(rate), Dropped: uint64(second) * 20},
				// 10 more each second: begun is the integral.
				{Name: "ramp", State: "running", RatePlanned: float64(10 * second), Started: uint64(5 * second * second)},
			}},
			Searches: []capacity.Report{{Scenario: "find"}, {Scenario: "unknown"}},
			Verdicts: []threshold.Verdict{
				{Name: "http_req_duration", Expression: "p(95)<200", Observed: 231.2, Metric: metric.Metric{Type: metric.Trend, Unit: metric.Time}},
				{Name: "checks", Expression: "rate>0.9", NoData: true, Metric: metric.Metric{Type: metric.Rate}},
				{Name: "errors", Expression: "rate<0.1", OK: true, Metric: metric.Metric{Type: metric.Rate}},
			},
		})
		return tr.State()
	}
	var s State
	for second := range 10 {
		s = tick(second+1, 80, false)
	}
	if buy := s.Scenarios[0]; !buy.Open || buy.Rate != 80 || buy.RatePlanned != 100 || buy.Dropped != 200 || !buy.Off {
		t.Errorf("80 of 100: %+v", buy)
	}
	if ramp := s.Scenarios[1]; ramp.Off {
		t.Errorf("a ramp is taken for late: %+v", ramp)
	}
	if diff := cmp.Diff([]Failing{{"http_req_duration p(95)<200", "231 ms"}}, s.Failing); diff != "" {
		t.Error(diff) // want of data is judged at the end
	}
	if s.Timed {
		t.Error("the end of a search is taken for known")
	}
	if len(s.Searches) != 1 || s.Searches[0].Scenario != "find" {
		t.Errorf("searches %+v", s.Searches)
	}
	if s = tick(11, 80, true); s.Scenarios[0].Off {
		t.Error("a pause is taken for a lack of VUs")
	}
	tr.past = tr.past[:1]
	tr.Tick(cluster.Tick{Set: set, Status: engine.Status{ // a pause between two ticks
		Elapsed: 15 * time.Second, Scenarios: []engine.ScenarioStatus{{Name: "buy", State: "running", Elapsed: 12 * time.Second, RatePlanned: 100}},
	}})
	if tr.State().Scenarios[0].Off {
		t.Error("a pause between two ticks is taken for a lack of VUs")
	}
}

func TestTrackerOfAnEndlessRun(t *testing.T) {
	tr := newTracker()
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{
		{Name: "a", Executor: plan.ConstantVUs, VUs: 1, Duration: time.Minute},
		{Name: "b", Executor: plan.ExternallyControlled, VUs: 1, MaxVUs: 10},
		{Name: "c", Executor: plan.ConstantVUs, VUs: 1, StartAfter: "a", StartTime: time.Second, Duration: time.Minute},
	}})
	if s := tr.State(); !s.Endless || !s.Scenarios[1].Endless || s.Scenarios[0].Endless {
		t.Errorf("%+v", s)
	}
	tr.Tick(cluster.Tick{Status: engine.Status{Paused: true, Scenarios: []engine.ScenarioStatus{
		{Name: "a", State: "running"}, {Name: "b", State: "done"}, {Name: "c", State: "waiting"},
	}}})
	if s := tr.State(); s.Endless || !s.Paused || s.Moving || s.Total != 2*time.Minute+time.Second {
		t.Errorf("endless %v, paused %v, moving %v, total %s", s.Endless, s.Paused, s.Moving, s.Total)
	}
}

// TestPausesDoNotCount: the clock of the view goes by the plan, which says when
// the run will have ended.
func TestPausesDoNotCount(t *testing.T) {
	tr := newTracker()
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{
		{Name: "a", Executor: plan.ConstantVUs, VUs: 1, Duration: time.Minute, StartTime: 5 * time.Second},
		{Name: "b", Executor: plan.ConstantVUs, VUs: 1, StartAfter: "a", Duration: time.Minute},
	}})
	for _, c := range []struct {
		wall, scenario, want int
		a, b                 string
		paused               bool
	}{
		{1, 0, 0, "waiting", "waiting", true}, // begun paused
		{2, 0, 0, "waiting", "waiting", true},
		{3, 0, 1, "waiting", "waiting", false},
		{8, 1, 6, "running", "waiting", false},
		{10, 2, 7, "running", "waiting", true},
		{13, 2, 7, "running", "waiting", true},
		{14, 3, 8, "running", "waiting", false},
		{15, 0, 9, "done", "running", false},
		{16, 0, 9, "done", "running", true},
		{17, 0, 10, "done", "running", false},
	} {
		tr.Tick(cluster.Tick{Status: engine.Status{
			Elapsed: time.Duration(c.wall) * time.Second, Paused: c.paused,
			Scenarios: []engine.ScenarioStatus{{Name: "a", State: c.a, Elapsed: time.Duration(c.scenario) * time.Second}, {Name: "b", State: c.b}},
		}})
		if got := tr.State().Elapsed; got != time.Duration(c.want)*time.Second {
			t.Errorf("after %d s: %s, want %d s", c.wall, got, c.want)
		}
	}
}

func TestTrackerTellsOfTheGenerator(t *testing.T) {
	tr := newTracker()
	tr.Tick(cluster.Tick{Status: engine.Status{Vitals: health.Vitals{CPU: 0.5, Memory: 1 << 20, Lag: time.Millisecond, Cause: health.GC}}})
	want := Generator{Known: true, CPU: 0.5, Memory: 1 << 20, Lag: time.Millisecond, Cause: "gc"}
	if got := tr.State().Generator; got != want {
		t.Errorf("%+v", got)
	}
	tr.Tick(cluster.Tick{})
	if tr.State().Generator.Known {
		t.Error("known without vitals")
	}
}
