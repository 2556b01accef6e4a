package compare

import (
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/timeline"
)

var trials = flag.Int("trials", 3, "pairs of runs that are simulated for each figure")

// model says how simulated runs come about.
type model struct {
	seconds   int
	perSecond int
	memory    float64 // correlation of the level from second to second
	wander    float64 // standard deviation of the level, of the logarithm
	noise     float64 // of one request, of the logarithm
	shift     float64 // by how much times are longer
	failed    float64 // share of requests
	warmUp    int     // seconds with twice the time, falling
	ramp      bool    // the load and with it the times rise
}

// run simulates a run: log-normal times whose level wanders as an
// autoregressive process, as latencies of servers do.
func (m model) run(t testing.TB, seed uint64) *result.Result {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 17))
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	registry, set, line := metric.NewRegistry(metric.Options{Shards: 1}), metric.NewSet(), timeline.New(start, timeline.Options{})
	registry.Snapshot(start)
	series := map[string][2]*metric.Series{}
	for _, name := range []string{metric.HTTPReqs, metric.HTTPReqDuration, metric.HTTPReqFailed} {
		for i, path := range []string{"/a", "/b"} {
			pair := series[name]
			pair[i] = registry.Series(registry.Lookup(name), metric.NewTags(metric.Tag{Key: "method", Value: "GET"}, metric.Tag{Key: "name", Value: path}))
			series[name] = pair
		}
	}
	recorder := registry.Recorder(0)
	level := random.NormFloat64() * m.wander
	for second := range m.seconds {
		level = m.memory*level + math.Sqrt(1-m.memory*m.memory)*m.wander*random.NormFloat64()
		now, requests := level, m.perSecond
		if second < m.warmUp {
			now += math.Ln2 * float64(m.warmUp-second) / float64(m.warmUp)
		}
		if m.ramp {
			share := float64(second+1) / float64(m.seconds)
			now += 2 * share
			requests = int(float64(requests) * share)
		}
		for i := range requests {
			recorder.Record(series[metric.HTTPReqs][i%2], 1)
			recorder.Record(series[metric.HTTPReqDuration][i%2], 100*(1+m.shift)*math.Exp(now+m.noise*random.NormFloat64()))
			failed := 0.0
			if random.Float64() < m.failed {
				failed = 1
			}
			recorder.Record(series[metric.HTTPReqFailed][i%2], failed)
		}
		s := registry.Snapshot(start.Add(time.Duration(second+1) * time.Second))
		if err := set.Merge("runner", s); err != nil {
			t.Fatal(err)
		}
		line.Add("runner", s)
	}
	took := time.Duration(m.seconds) * time.Second
	p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "default", Executor: plan.ConstantVUs, VUs: 10, Duration: took}}}
	if m.ramp {
		p.Scenarios[0].Stages = []plan.Stage{{Duration: took, Target: 100}}
	}
	return &result.Result{
		ID: "7f3c", Plan: p, Timeline: line,
		Summary: summary.Build(summary.Input{Script: "s.js", Started: start, Duration: took, Plan: p, Set: set}),
	}
}

func compare(t testing.TB, a, b *result.Result, bounds Bounds) *Comparison {
	t.Helper()
	c, err := Compare(a, b, bounds)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *Comparison) row(t testing.TB, name string) Row {
	t.Helper()
	for _, r := range c.Rows {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no row %q in %+v", name, c.Rows)
	return Row{}
}

// TestErrorRates measures how often runs of the same are called different, and
// how often a tenth more is found. docs/compare.md tells the figures of
// `go test ./engine/compare -run ErrorRates -v -trials 400`.
func TestErrorRates(t *testing.T) {
	for name, m := range map[string]model{
		"a minute, independent":    {seconds: 60, perSecond: 50, wander: 0.05, noise: 0.4},
		"three minutes, some":      {seconds: 180, perSecond: 50, memory: 0.5, wander: 0.1, noise: 0.4},
		"three minutes, strong":    {seconds: 180, perSecond: 50, memory: 0.8, wander: 0.1, noise: 0.4},
		"ten minutes, strong":      {seconds: 600, perSecond: 20, memory: 0.8, wander: 0.1, noise: 0.4},
		"three minutes, a ramp":    {seconds: 180, perSecond: 80, memory: 0.5, wander: 0.1, noise: 0.4, ramp: true},
		"three minutes, a warm-up": {seconds: 180, perSecond: 50, memory: 0.5, wander: 0.1, noise: 0.4, warmUp: 20},
	} {
		t.Run(name, func(t *testing.T) {
			if raceDetector && m.seconds > 60 {
				t.Skip("simulated without the race detector")
			}
			t.Parallel()
			m.failed = 0.01
			slower := m
			slower.shift = 0.10
			var any, beyond, single, found, gated int
			p95 := []string{"http_req_duration p(95)"}
			for i := range *trials {
				a, b, slow := m.run(t, uint64(2*i+1)), m.run(t, uint64(2*i+2)), slower.run(t, uint64(2*i+2))
				c := compare(t, a, b, Bounds{})
				if slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Judges && (r.Verdict == worse || r.Verdict == better) }) {
					any++
				}
				single += min(len(c.Regressions), 1)
				beyond += len(compare(t, a, b, Bounds{Regression: 0.05, Metrics: p95}).Regressions)
				c = compare(t, a, slow, Bounds{Regression: 0.05, Metrics: p95})
				gated += len(c.Regressions)
				if c.row(t, p95[0]).Verdict == worse {
					found++
				}
			}
			share := func(n int) float64 { return float64(n) / float64(*trials) }
			t.Logf("%-26s equal runs: %.3f differ, %.3f regress, %.3f regress beyond 5 %%; 10 %% slower: %.3f found, %.3f beyond 5 %%", name, share(any), share(single), share(beyond), share(found), share(gated))
			// Three standard errors above 10 %: twice what was asked for.
			if limit := 0.10 + 3*math.Sqrt(0.1*0.9/float64(*trials)); share(any) > limit {
				t.Errorf("of equal runs %.3f are called different, at most %.3f may be", share(any), limit)
			}
			if share(beyond) > 0.05 {
				t.Errorf("of equal runs %.3f regress beyond 5 %%", share(beyond))
			}
		})
	}
}
