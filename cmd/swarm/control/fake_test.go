package control

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// orders is a Control that keeps what it was told, one word an order.
type orders struct {
	mu   sync.Mutex
	all  []string
	fail error
}

func (o *orders) add(format string, args ...any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fail != nil {
		return o.fail
	}
	o.all = append(o.all, fmt.Sprintf(format, args...))
	return nil
}

func (o *orders) Pause() error  { return o.add("pause") }
func (o *orders) Resume() error { return o.add("resume") }
func (o *orders) Stop()         { o.add("stop") }
func (o *orders) Scale(scenario string, to engine.Level) error {
	if scenario == "fixed" || scenario == "" {
		return errors.New("scenario \"fixed\" runs a fixed number of iterations on its VUs")
	}
	return o.add("scale %s %d %g %g", scenario, to.VUs, to.Rate, to.SpawnRate)
}

func (o *orders) taken() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := strings.Join(o.all, ", ")
	o.all = nil
	return out
}

func (o *orders) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

// scenarios of the tests: one of each model.
func scenarios(names ...string) *plan.Plan {
	all := map[string]plan.Scenario{
		"browse": {Name: "browse", Executor: plan.RampingVUs},
		"buy":    {Name: "buy", Executor: plan.ConstantArrivalRate, TimeUnit: time.Second},
		"fixed":  {Name: "fixed", Executor: plan.SharedIterations, Iterations: 10},
		"find":   {Name: "find", Executor: plan.Capacity, TimeUnit: time.Second, Rate: 50, Search: plan.Search{MaxRate: 1000, Step: 10 * time.Second, Hold: 30 * time.Second, Precision: 0.05}},
	}
	p := &plan.Plan{Thresholds: []plan.Threshold{
		{Metric: metric.HTTPReqDuration, Filter: map[string]string{"name": "pay"}, Type: metric.Trend, Unit: metric.Time},
	}}
	for _, name := range names {
		p.Scenarios = append(p.Scenarios, all[name])
	}
	return p
}

// running is the moment of a run in which each scenario is at work.
func running(paused bool) engine.Status {
	return engine.Status{
		Elapsed: 10 * time.Second, VUs: 42, VUsMax: 50, Paused: paused,
		Vitals: health.Vitals{CPU: 0.5, Memory: 1 << 20, Lag: 300 * time.Microsecond},
		Scenarios: []engine.ScenarioStatus{
			{Name: "browse", State: "running", Elapsed: 10 * time.Second, VUs: 19, VUsPlanned: 20, Started: 100, Complete: 81, Progress: 0.5},
			{Name: "buy", State: "running", VUs: 3, RatePlanned: 500, Started: 4990, Complete: 4987, Dropped: 10},
			{Name: "fixed", State: "running", VUs: 2},
			{Name: "find", State: "running", RatePlanned: 75},
		},
	}
}

// tick is that moment with numbers.
func tick(t testing.TB, paused bool) cluster.Tick {
	t.Helper()
	r := metric.NewRegistry(metric.Options{})
	add := func(name string, tags metric.Tags, values ...float64) {
		for _, v := range values {
			r.Recorder(0).Record(r.Series(r.Lookup(name), tags), v)
		}
	}
	pay := metric.NewTags(metric.Tag{Key: "name", Value: "pay"})
	add(metric.HTTPReqs, pay, 1, 1, 1)
	add(metric.HTTPReqDuration, pay, 10, 20, 300)
	add(metric.HTTPReqDuration, metric.Tags{}, 1)
	add(metric.Checks, metric.Tags{}, 1, 1, 1, 0)
	add(metric.VUs, metric.Tags{}, 42)
	set := metric.NewSet()
	if err := set.Merge("1", r.Snapshot(time.Unix(10, 0))); err != nil {
		t.Fatal(err)
	}
	return cluster.Tick{
		Status: running(paused), Load: 10 * time.Second, Set: set,
		Searches: []capacity.Report{{
			Scenario: "find", TimeUnit: time.Second, Broke: 100,
			Steps: []capacity.Step{
				{Probe: capacity.Probe{Rate: 50}, Held: true, Observation: capacity.Observation{Span: time.Second, Achieved: 50}},
				{Probe: capacity.Probe{Rate: 100}, Observation: capacity.Observation{Span: time.Second, Achieved: 100, Dropped: 50}},
			},
		}},
		Verdicts: []threshold.Verdict{
			{Name: "http_req_duration{name:pay}", Expression: "p(95)<200", Observed: 300, Limit: 200},
			{Name: "checks", Expression: "rate>0.5", Observed: 0.75, Limit: 0.5, OK: true},
			{Name: "nothing", Expression: "count>1", NoData: true},
		},
	}
}

func loadedBoard(t testing.TB, names ...string) *Board {
	b := NewBoard("s.js")
	b.Plan(scenarios(names...))
	b.Phase("load")
	b.Tick(tick(t, false))
	return b
}
