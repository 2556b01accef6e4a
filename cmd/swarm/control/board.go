package control

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// Board holds the latest of a run: the run writes, keys and the API read. All
// methods are safe for concurrent use.
type Board struct {
	script string
	now    func() time.Time

	mu       sync.Mutex
	phase    string
	stopping bool
	plan     *plan.Plan
	status   engine.Status
	verdicts []threshold.Verdict
	searches []capacity.Report

	// Merging all series of all metrics is work, which is done when somebody asks.
	wanted    bool
	metrics   []Metric
	metricsAt time.Time
	renewed   chan struct{} // closed, and replaced, when metrics were read
}

const (
	// freshFor is how old metrics may be before they are read anew; a little
	// more than the time between two ticks, so that each tick is enough.
	freshFor = 1500 * time.Millisecond
	// waitFor is how long a reader waits for the next tick.
	waitFor = 3 * time.Second
)

// NewBoard returns the board of a run of the script that has not begun.
func NewBoard(script string) *Board {
	return &Board{script: script, now: time.Now, phase: "init", renewed: make(chan struct{})}
}

// Plan tells what will run.
func (b *Board) Plan(p *plan.Plan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan = p
}

// Phase tells which phase begins.
func (b *Board) Phase(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.phase = name
	b.renew() // no tick will come: whoever waits gets what there is
}

// Stopping tells that the run was asked to end.
func (b *Board) Stopping() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopping = true
}

// Tick takes in the numbers of a tick. It keeps nothing that belongs to it.
func (b *Board) Tick(t cluster.Tick) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = t.Status
	b.status.Scenarios = slices.Clone(t.Status.Scenarios)
	b.verdicts = slices.Clone(t.Verdicts)
	b.searches = slices.Clone(t.Searches)
	if t.Set == nil || !b.wanted && !b.over() {
		return
	}
	b.metrics = readMetrics(t.Set, b.plan, b.verdicts, t.Load)
	b.metricsAt = b.now()
	b.wanted = false
	b.renew()
}

// over says that the load is: what a tick brings now is the last.
func (b *Board) over() bool {
	return !slices.ContainsFunc(b.status.Scenarios, func(s engine.ScenarioStatus) bool { return s.State != "done" })
}

func (b *Board) renew() {
	close(b.renewed)
	b.renewed = make(chan struct{})
}

// Metrics returns the merged values of all metrics that have samples, as of the
// last second. It may wait for the next tick, or until ctx ends.
func (b *Board) Metrics(ctx context.Context) []Metric {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.phase != "load" || b.now().Sub(b.metricsAt) < freshFor {
		return b.metrics
	}
	b.wanted = true
	renewed := b.renewed
	b.mu.Unlock()
	timer := time.NewTimer(waitFor)
	defer timer.Stop()
	select {
	case <-renewed:
	case <-timer.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	return b.metrics
}

// Paused reports whether the run is known to be paused.
func (b *Board) Paused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status.Paused
}

// Scaled is a scenario whose load can be set by hand.
type Scaled struct {
	Name  string
	Model Model
	Level engine.Level // as it should be now
}

// Scalable returns the scenarios whose load can be set by hand and that are
// not over, in the order of the plan.
func (b *Board) Scalable() (all []Scaled) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.plan == nil {
		return nil
	}
	for i := range b.plan.Scenarios {
		s := &b.plan.Scenarios[i]
		m := ModelOf(s)
		if m == Fixed {
			continue
		}
		level := engine.Level{}
		over := false
		for _, now := range b.status.Scenarios {
			if now.Name == s.Name {
				level.VUs, level.Rate = now.VUsPlanned, now.RatePlanned
				over = now.State == "done" || now.State == "stopping"
			}
		}
		if !over {
			all = append(all, Scaled{Name: s.Name, Model: m, Level: level})
		}
	}
	return all
}

// scenario returns the plan of a scenario; nil if there is none of that name.
func (b *Board) scenario(name string) *plan.Scenario {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.plan == nil {
		return nil
	}
	for i := range b.plan.Scenarios {
		if b.plan.Scenarios[i].Name == name {
			return &b.plan.Scenarios[i]
		}
	}
	return nil
}

// names returns the names of all scenarios.
func (b *Board) names() (names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.plan != nil {
		for _, s := range b.plan.Scenarios {
			names = append(names, s.Name)
		}
	}
	return names
}

// readMetrics reads every metric with samples, and the sub-metrics that
// thresholds judge, of a load that ran so long.
func readMetrics(set *metric.Set, p *plan.Plan, verdicts []threshold.Verdict, load time.Duration) []Metric {
	out := []Metric{}
	add := func(name string, m metric.Metric, filter metric.Tags) {
		agg, ok := set.Select(m.Name, filter)
		if !ok || agg.Count == 0 && m.Type != metric.Counter {
			return
		}
		if agg.Count == 0 && agg.Sum == 0 {
			return
		}
		out = append(out, newMetric(name, m, &agg, load, verdicts))
	}
	for _, m := range set.Metrics() {
		add(m.Name, m, metric.Tags{})
	}
	if p == nil {
		return out
	}
	seen := map[string]bool{}
	sub := func(name string, t metric.Type, u metric.Unit, filter map[string]string) {
		full := threshold.FormatSelector(name, filter)
		if len(filter) > 0 && !seen[full] {
			seen[full] = true
			add(full, metric.Metric{Name: name, Type: t, Unit: u}, metric.TagsFromMap(filter))
		}
	}
	for _, t := range p.Thresholds {
		sub(t.Metric, t.Type, t.Unit, t.Filter)
	}
	slices.SortStableFunc(out, func(a, b Metric) int { return strings.Compare(a.ID, b.ID) })
	return out
}
