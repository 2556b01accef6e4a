package control

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// What the API answers. docs/openapi.yaml describes the same; a test holds
// real answers against it.

// Status is the answer of /v1/status. Times are seconds.
type Status struct {
	Script    string     `json:"script"`
	Phase     string     `json:"phase"` // "init", "setup", "load", "teardown", "summary"
	Paused    bool       `json:"paused"`
	Stopping  bool       `json:"stopping"`
	Elapsed   float64    `json:"elapsed"`
	VUs       int        `json:"vus"`
	VUsMax    int        `json:"vusMax"`
	Scenarios []Scenario `json:"scenarios"`
	Searches  []Search   `json:"searches"`
	Generator Generator  `json:"generator"`
	// Data is the same for programs that know k6's API.
	Data resource[k6Status] `json:"data"`
}

// Scenario is one scenario of the Status.
type Scenario struct {
	Name        string  `json:"name"`
	Executor    string  `json:"executor"`
	Scalable    Model   `json:"scalable"` // by what it can be scaled
	State       string  `json:"state"`    // "waiting", "running", "stopping", "done"
	Progress    float64 `json:"progress"` // 0 to 1
	Elapsed     float64 `json:"elapsed"`
	VUs         int     `json:"vus"`
	VUsPlanned  int     `json:"vusPlanned"`
	RatePlanned float64 `json:"ratePlanned"` // iterations per second
	Started     uint64  `json:"started"`
	Complete    uint64  `json:"complete"`
	Interrupted uint64  `json:"interrupted"`
	Dropped     uint64  `json:"dropped"`
}

// Search is where a capacity scenario stands. Rates are per second.
type Search struct {
	Scenario string  `json:"scenario"`
	Phase    string  `json:"phase"` // "ramp", "bisect", "hold", "done"
	Rate     float64 `json:"rate"`  // tried now
	Best     float64 `json:"best"`  // highest that held so far; 0: none
	Broke    float64 `json:"broke"` // lowest that did not; 0: none
	Steps    int     `json:"steps"` // done
}

// Generator is the health of the load generator.
type Generator struct {
	CPU    float64 `json:"cpu"`    // share, 0 to 1
	Memory uint64  `json:"memory"` // bytes
	Lag    float64 `json:"lag"`    // milliseconds
	Cause  string  `json:"cause"`  // why it is slow; "" when it is well
}

type resource[T any] struct {
	Type       string `json:"type"`
	ID         string `json:"id"`
	Attributes T      `json:"attributes"`
}

type k6Status struct {
	Paused  bool `json:"paused"`
	VUs     int  `json:"vus"`
	VUsMax  int  `json:"vus-max"`
	Stopped bool `json:"stopped"`
	Running bool `json:"running"`
	Tainted bool `json:"tainted"` // a threshold fails as things stand
}

// Metric is one metric with its values so far, as k6's API has it.
type Metric = resource[metricValues]

type metricValues struct {
	Type     string `json:"type"`     // "counter", "gauge", "rate", "trend"
	Contains string `json:"contains"` // "default", "time" (milliseconds), "data" (bytes)
	// Tainted says whether a threshold on it fails; null without any.
	Tainted *bool              `json:"tainted"`
	Sample  map[string]float64 `json:"sample"`
}

// Threshold is one threshold as things stand.
type Threshold struct {
	Name       string  `json:"name"`
	Expression string  `json:"expression"`
	Observed   float64 `json:"observed"`
	Limit      float64 `json:"limit"`
	OK         bool    `json:"ok"`
	NoData     bool    `json:"noData"`
	Default    bool    `json:"default"` // not written by the user
}

// Status returns where the run stands.
func (b *Board) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Status{
		Script: b.script, Phase: b.phase, Paused: b.status.Paused, Stopping: b.stopping,
		Elapsed: seconds(b.status.Elapsed), VUs: b.status.VUs, VUsMax: b.status.VUsMax,
		Scenarios: []Scenario{}, Searches: []Search{},
		Generator: Generator{
			CPU: finite(b.status.Vitals.CPU), Memory: b.status.Vitals.Memory,
			Lag: milliseconds(b.status.Vitals.Lag), Cause: string(b.status.Vitals.Cause),
		},
	}
	s.Data = resource[k6Status]{Type: "status", ID: "default", Attributes: k6Status{
		Paused: s.Paused, VUs: s.VUs, VUsMax: s.VUsMax, Stopped: b.stopping,
		Running: b.phase == "load",
		Tainted: slices.ContainsFunc(b.verdicts, func(v threshold.Verdict) bool { return fails(v) }),
	}}
	if b.plan == nil {
		return s
	}
	for i := range b.plan.Scenarios {
		p := &b.plan.Scenarios[i]
		out := Scenario{Name: p.Name, Executor: p.Executor, Scalable: ModelOf(p), State: "waiting"}
		for _, now := range b.status.Scenarios {
			if now.Name != p.Name {
				continue
			}
			out.State, out.Progress, out.Elapsed = now.State, finite(now.Progress), seconds(now.Elapsed)
			out.VUs, out.VUsPlanned, out.RatePlanned = now.VUs, now.VUsPlanned, finite(now.RatePlanned)
			out.Started, out.Complete, out.Interrupted, out.Dropped = now.Started, now.Complete, now.Interrupted, now.Dropped
		}
		s.Scenarios = append(s.Scenarios, out)
		for _, r := range b.searches {
			if r.Scenario == p.Name {
				s.Searches = append(s.Searches, NewSearch(p, r))
			}
		}
	}
	return s
}

// Thresholds returns all thresholds as things stand.
func (b *Board) Thresholds() []Threshold {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []Threshold{}
	for _, v := range b.verdicts {
		out = append(out, Threshold{
			Name: v.Name, Expression: v.Expression, Observed: finite(v.Observed), Limit: finite(v.Limit),
			OK: v.OK, NoData: v.NoData, Default: v.Default,
		})
	}
	return out
}

// fails says whether a threshold fails on what was measured, rather than for
// want of anything measured so far.
func fails(v threshold.Verdict) bool { return !v.OK && !v.NoData }

// NewSearch tells where the search of a scenario stands. A search is a pure
// function of what it saw: going through the steps again gives the probe that
// is under way.
func NewSearch(p *plan.Scenario, r capacity.Report) Search {
	search := capacity.New(p)
	best, unsure := int64(0), false
	for _, step := range r.Steps {
		search.Next()
		search.Saw(step.Observation)
		if step.Held {
			best = max(best, step.Rate)
		}
		// A hold that broke tells more than short probes that held.
		unsure = unsure || step.Phase == capacity.Hold && !step.Held
	}
	if unsure {
		best = r.Rate
	}
	unit := max(p.TimeUnit, 1).Seconds()
	s := Search{
		Scenario: r.Scenario, Phase: "done", Steps: len(r.Steps),
		Best: float64(best) / unit, Broke: float64(r.Broke) / unit,
	}
	probe, more := search.Next()
	switch {
	case !more || r.Complete || r.Limit != "":
		s.Best = float64(r.Rate) / unit
	default:
		s.Phase, s.Rate = probe.Phase, float64(probe.Rate)/unit
	}
	return s
}

func newMetric(id string, m metric.Metric, agg *metric.Aggregate, elapsed time.Duration, verdicts []threshold.Verdict) Metric {
	v := metricValues{Type: m.Type.String(), Contains: m.Unit.Contains(), Sample: map[string]float64{}}
	for _, verdict := range verdicts {
		if verdict.Name == id {
			tainted := fails(verdict) || v.Tainted != nil && *v.Tainted
			v.Tainted = &tainted
		}
	}
	set := func(key string, value float64) { v.Sample[key] = finite(value) }
	switch m.Type {
	case metric.Counter:
		set("count", agg.Sum)
		rate := 0.0
		if elapsed > 0 {
			rate = agg.Sum / elapsed.Seconds()
		}
		set("rate", rate)
	case metric.Gauge:
		set("value", agg.Last)
		set("min", agg.Min)
		set("max", agg.Max)
	case metric.Rate:
		set("rate", agg.Share())
	case metric.Trend:
		set("avg", agg.Mean())
		set("min", agg.Min)
		set("med", agg.Percentile(50))
		set("max", agg.Max)
		set("p(90)", agg.Percentile(90))
		set("p(95)", agg.Percentile(95))
		set("p(99)", agg.Percentile(99))
		set("count", float64(agg.Count))
	}
	return Metric{Type: "metrics", ID: id, Attributes: v}
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

func milliseconds(d time.Duration) float64 { return math.Round(d.Seconds()*1e6) / 1e3 }

// finite keeps numbers that JSON has no word for out of it.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// encode writes v as JSON that reads well.
func encode(v any) []byte {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // all that is encoded here is ours
	}
	return append(text, '\n')
}
