package cluster

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/plan"
)

var steerable = &plan.Plan{Scenarios: []plan.Scenario{
	{Name: "browse", Executor: plan.RampingVUs},
	{Name: "buy", Executor: plan.ConstantArrivalRate, MaxVUs: 10},
	{Name: "manual", Executor: plan.ExternallyControlled, MaxVUs: 10},
	{Name: "crowd", Executor: plan.Users},
	{Name: "once", Executor: plan.SharedIterations},
	{Name: "each", Executor: plan.PerVUIterations},
	{Name: "wave", Executor: plan.Shape, Shape: "wave"},
	{Name: "find", Executor: plan.Capacity},
}}

func TestControlOutsideTheLoad(t *testing.T) {
	c := NewControl()
	for _, state := range []string{"not begun", "ended"} {
		for name, err := range map[string]error{"pause": c.Pause(), "resume": c.Resume(), "scale": c.Scale("", engine.Level{})} {
			if err == nil || !strings.Contains(err.Error(), state) {
				t.Errorf("%s: %v, want %q", name, err, state)
			}
		}
		c.begin(steerable)
		c.end()
	}
	c.Stop()
	c.Stop()
	select {
	case <-c.stopping():
	default:
		t.Error("stop was not heard")
	}
}

// A nil Control is one that nobody uses.
func TestNoControl(t *testing.T) {
	var c *Control
	c.begin(steerable)
	c.finish("browse")
	c.end()
	if c.waiting() != nil || c.stopping() != nil {
		t.Error("a nil control has channels")
	}
}

func TestScaleIsChecked(t *testing.T) {
	c := NewControl()
	c.begin(steerable)
	c.finish("crowd")
	for _, tc := range []struct {
		scenario string
		to       engine.Level
		want     string // "" is fine
	}{
		{"browse", engine.Level{VUs: 5}, ""},
		{"browse", engine.Level{}, ""},
		{"browse", engine.Level{VUs: plan.MaxVUs, SpawnRate: 0.5}, ""},
		{"browse", engine.Level{End: true}, ""},
		{"buy", engine.Level{Rate: 1e6}, ""},
		{"buy", engine.Level{}, ""},
		{"manual", engine.Level{VUs: 10}, ""},
		{"manual", engine.Level{VUs: 11}, `scenario "manual" has at most 10 VUs, got 11`},
		{"browse", engine.Level{VUs: plan.MaxVUs + 1}, "at most 1,000,000 VUs"},
		{"browse", engine.Level{VUs: -1}, "at least 0, got -1"},
		{"browse", engine.Level{VUs: 1, Rate: 1}, `scenario "browse" goes by VUs, not by a rate`},
		{"browse", engine.Level{Rate: math.NaN()}, "goes by VUs"},
		{"browse", engine.Level{VUs: 1, SpawnRate: math.NaN()}, "a spawn rate is a number from 0, got NaN"},
		{"browse", engine.Level{VUs: 1, SpawnRate: math.Inf(1)}, "got +Inf"},
		{"browse", engine.Level{VUs: 1, SpawnRate: -1}, "got -1"},
		{"buy", engine.Level{VUs: 3}, `scenario "buy" goes by a rate, not by VUs`},
		{"buy", engine.Level{Rate: math.NaN()}, "got NaN"},
		{"buy", engine.Level{Rate: -1}, "got -1"},
		{"buy", engine.Level{Rate: math.Inf(1)}, "got +Inf"},
		{"buy", engine.Level{Rate: 1e300}, "from 0 to 10,000,000 a second, got 1e+300"},
		{"brwse", engine.Level{VUs: 1}, `there is no scenario "brwse": did you mean "browse"?`},
		{"zzz", engine.Level{VUs: 1}, `there is no scenario "zzz"`},
		{"", engine.Level{VUs: 1}, "say which scenario: browse, buy, manual, crowd"},
		{"once", engine.Level{VUs: 1}, "fixed number of iterations on its VUs"},
		{"each", engine.Level{VUs: 1}, "fixed number of iterations on its VUs"},
		{"wave", engine.Level{VUs: 1}, "does what its function wave() says"},
		{"find", engine.Level{Rate: 1}, "searches its rate by itself"},
		{"crowd", engine.Level{VUs: 1}, `scenario "crowd" has ended`},
	} {
		err := c.Scale(tc.scenario, tc.to)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s to %+v: %v, want %q", tc.scenario, tc.to, err, tc.want)
		}
	}
}

func TestTheOnlyScenarioIsMeant(t *testing.T) {
	for _, tc := range []struct{ scenarios, want string }{
		{"browse", ""},
		{"browse once", ""},
		{"once", "fixed number"},
		{"once find", "no scenario of this test can be scaled"},
	} {
		p := &plan.Plan{}
		for name := range strings.FieldsSeq(tc.scenarios) {
			for _, s := range steerable.Scenarios {
				if s.Name == name {
					p.Scenarios = append(p.Scenarios, s)
				}
			}
		}
		c := NewControl()
		c.begin(p)
		err := c.Scale("", engine.Level{VUs: 3})
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.scenarios, err, tc.want)
		}
		if o := c.take(); err == nil && (len(o) != 1 || o[0].scenario != "browse" || o[0].to.VUs != 3) {
			t.Errorf("%s: orders %+v", tc.scenarios, o)
		}
	}
}

// However many orders come from however many sides, few wait, and the last of
// each kind counts.
func TestOrdersDoNotPileUp(t *testing.T) {
	c := NewControl()
	c.begin(steerable)
	var working sync.WaitGroup
	for range 8 {
		working.Go(func() {
			for i := range 1000 {
				c.Pause()
				c.Resume()
				c.Scale("browse", engine.Level{VUs: i})
				c.Scale("buy", engine.Level{Rate: float64(i)})
			}
		})
	}
	working.Wait()
	<-c.waiting()
	orders := c.take()
	if got := fmt.Sprintf("%+v", orders); len(orders) != 3 || !strings.Contains(got, "VUs:999") || !strings.Contains(got, "Rate:999") || !strings.Contains(got, "resume:true") {
		t.Errorf("orders %s", got)
	}
	select {
	case <-c.waiting():
		t.Error("told of orders that were taken")
	default:
	}
}

func TestLoadClock(t *testing.T) {
	var c loadClock
	steps := []struct {
		at    time.Duration
		do    func(time.Duration)
		reads time.Duration
	}{
		{1, nil, 1}, {2, c.resume, 2}, {3, c.pause, 3}, {5, nil, 3}, {6, c.pause, 3}, {7, c.resume, 3}, {9, nil, 5}, {10, c.pause, 6}, {20, c.resume, 6}, {21, nil, 7},
	}
	for _, s := range steps {
		if s.do != nil {
			s.do(s.at)
		}
		if got := c.read(s.at); got != s.reads {
			t.Errorf("at %d: %d, want %d", s.at, got, s.reads)
		}
	}
}
