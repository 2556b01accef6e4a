package progress

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

// recording feeds a Set as a runner would.
type recording struct {
	t        *testing.T
	registry *metric.Registry
	set      *metric.Set
}

func newRecording(t *testing.T) *recording {
	return &recording{t, metric.NewRegistry(metric.Options{}), metric.NewSet()}
}

func (r *recording) add(name string, values ...float64) {
	s := r.registry.Series(r.registry.Lookup(name), metric.Tags{})
	for _, v := range values {
		r.registry.Recorder(0).Record(s, v)
	}
}

func (r *recording) tick(elapsed time.Duration) cluster.Tick {
	r.t.Helper()
	if err := r.set.Merge("1", r.registry.Snapshot(time.Unix(0, 0).Add(elapsed))); err != nil {
		r.t.Fatal(err)
	}
	return cluster.Tick{Set: r.set, Status: engine.Status{
		Elapsed: elapsed, VUs: 2, VUsMax: 3,
		Scenarios: []engine.ScenarioStatus{{Name: "a", State: "running", Progress: 0.5, VUs: 2, VUsPlanned: 3, Complete: 7}},
	}}
}

func TestTrackerShowsTheLatestSeconds(t *testing.T) {
	r := newRecording(t)
	tr := NewTracker("s.js")
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
	want := []Scenario{{Name: "a", Executor: plan.ConstantVUs, State: "running", Progress: 0.5, VUs: 2, VUsPlanned: 3, Complete: 7}}
	if diff := cmp.Diff(want, s.Scenarios); diff != "" {
		t.Error(diff)
	}
	if s.Total != 20*time.Second || !s.Timed || !s.Moving {
		t.Errorf("%+v", s)
	}
}

func TestTrackerBoundsItsHistory(t *testing.T) {
	r := newRecording(t)
	tr := NewTracker("s.js")
	for second := 1; second <= 200; second++ {
		r.add(metric.Iterations, 1)
		tr.Tick(r.tick(time.Duration(second) * time.Second))
	}
	if s := tr.State(); len(s.Rates) != history || len(s.P95s) != history || len(tr.past) != window+1 {
		t.Errorf("%d rates, %d latencies, %d ticks kept", len(s.Rates), len(s.P95s), len(tr.past))
	}
}

func TestIterationsMakeTheTotalABound(t *testing.T) {
	tr := NewTracker("s.js")
	tr.Plan(&plan.Plan{Scenarios: []plan.Scenario{{Name: "a", Executor: plan.PerVUIterations, VUs: 3, Iterations: 5, MaxDuration: time.Minute}}})
	if s := tr.State(); s.Timed || s.Scenarios[0].Iterations != 15 {
		t.Errorf("%+v", s)
	}
}

func TestTheTotalIsOfWhatIsNotDone(t *testing.T) {
	tr := NewTracker("s.js")
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

func TestMeterReadsThisProcess(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		if g := new(Meter).Read(time.Now()); g.Known {
			t.Errorf("known without /proc: %+v", g)
		}
		return
	}
	var m Meter
	if g := m.Read(time.Unix(100, 0)); g.Known {
		t.Errorf("known at the first reading: %+v", g)
	}
	g := m.Read(time.Unix(101, 0))
	if !g.Known || g.Memory < 1<<20 || g.CPU < 0 || g.CPU > 1 {
		t.Errorf("%+v", g)
	}
}
