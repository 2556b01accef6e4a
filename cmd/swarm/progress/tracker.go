package progress

import (
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

const (
	window  = 3  // ticks that arrival rates look back
	history = 60 // ticks a sparkline shows
)

// Tracker computes States. It is for one goroutine.
type Tracker struct {
	state  State
	plan   *plan.Plan
	starts []time.Duration // of the state's scenarios; negative when another's end decides
	ends   []time.Duration // of the state's scenarios, when they end at the latest
	past   []sample        // latest last, at most window+1
	wall   time.Duration   // of the last status: pauses count
	held   time.Duration   // paused in all
}

// sample is what one tick said, in totals since the start.
type sample struct {
	elapsed              time.Duration
	requests, iterations uint64
	in, out              float64
	arrivals             []arrival // by scenario of the state
}

// arrival is how many iterations have begun, and how many should begin per
// second; 0 when none should, as in a pause.
type arrival struct {
	begun   uint64
	planned float64
}

// NewTracker returns a Tracker of a run of the script.
func NewTracker(script string) *Tracker {
	return &Tracker{state: State{Script: script, Phase: "init"}}
}

// State returns the current state. The caller may keep it.
func (t *Tracker) State() State {
	s := t.state
	s.Scenarios = append([]Scenario(nil), s.Scenarios...)
	s.Rates = append([]float64(nil), s.Rates...)
	s.P95s = append([]float64(nil), s.P95s...)
	s.Failing = append([]Failing(nil), s.Failing...)
	s.Searches = append([]control.Search(nil), s.Searches...)
	return s
}

// Plan tells what will run.
func (t *Tracker) Plan(p *plan.Plan) {
	t.plan, t.ends = p, ends(p.Scenarios)
	t.state.Thresholds = len(p.Thresholds)
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		t.starts = append(t.starts, s.StartTime)
		if s.StartAfter != "" {
			t.starts[i] = -1
		}
		out := Scenario{
			Name: s.Name, Executor: s.Executor, State: "waiting",
			Endless: s.Unbounded(), Open: s.Arrives(), Scalable: control.ModelOf(s) != control.Fixed,
		}
		switch s.Executor {
		case plan.SharedIterations:
			out.Iterations = s.Iterations
		case plan.PerVUIterations:
			out.Iterations = s.Iterations * int64(s.VUs)
		}
		t.state.Scenarios = append(t.state.Scenarios, out)
	}
	t.extent()
}

// ends returns when each scenario ends at the latest, if nothing stops it.
func ends(all []plan.Scenario) []time.Duration {
	out := make([]time.Duration, len(all))
	var end func(i, depth int) time.Duration
	end = func(i, depth int) time.Duration {
		if out[i] > 0 || depth > len(all) {
			return out[i]
		}
		start := all[i].StartTime
		for j := range all {
			if after := all[i].StartAfter; after != "" && all[j].Name == after {
				start += end(j, depth+1)
			}
		}
		out[i] = min(start+all[i].Span(), plan.MaxDuration)
		return out[i]
	}
	for i := range all {
		end(i, 0)
	}
	return out
}

// extent computes when the run will have ended, from what has not.
func (t *Tracker) extent() {
	s := &t.state
	total, timed, endless := time.Duration(0), true, false
	for i, c := range s.Scenarios {
		if c.State != "done" {
			total = max(total, t.ends[i])
			timed = timed && c.Iterations == 0 && c.Executor != plan.Capacity
			endless = endless || c.Endless
		}
	}
	if total > 0 { // else all are done: the last word stands
		s.Total, s.Timed, s.Endless = total, timed, endless
	}
}

// Phase tells which phase begins.
func (t *Tracker) Phase(name string) {
	t.state.Phase = name
	t.state.Moving = false
	t.state.Paused = false
}

// Exceptions tells how many exceptions there were so far.
func (t *Tracker) Exceptions(n uint64) { t.state.Exceptions = n }

// Tick takes in the numbers of a tick. It keeps nothing of it.
func (t *Tracker) Tick(tick cluster.Tick) {
	s := &t.state
	before := t.held
	t.hold(tick.Status)
	steady := !tick.Status.Paused && t.held-before < time.Second/4 // nobody paused it since the last tick
	s.Elapsed, s.VUs, s.VUsMax = tick.Status.Elapsed-t.held, tick.Status.VUs, tick.Status.VUsMax
	s.Paused = tick.Status.Paused
	s.Moving = !s.Paused
	v := tick.Status.Vitals
	s.Generator = Generator{Known: v.Memory > 0, CPU: v.CPU, Memory: v.Memory, Lag: v.Lag, Cause: string(v.Cause)}
	s.Failing = failing(tick.Verdicts)
	t.scenarios(tick.Status)
	s.Searches = s.Searches[:0]
	for _, r := range tick.Searches {
		if i := t.find(r.Scenario); i >= 0 {
			s.Searches = append(s.Searches, control.NewSearch(&t.plan.Scenarios[i], r))
		}
	}
	t.extent()
	if tick.Set == nil {
		return
	}
	now := t.read(tick, steady)
	s.Requests, s.Iterations = now.requests, now.iterations
	dropped, _ := tick.Set.Select(metric.DroppedIterations, metric.Tags{})
	s.Dropped = uint64(dropped.Sum)
	checks, _ := tick.Set.Select(metric.Checks, metric.Tags{})
	s.Checks, s.HasChecks = checks.Share(), checks.Count > 0

	var last sample
	if n := len(t.past); n > 0 {
		last = t.past[n-1]
	}
	if seconds := (now.elapsed - last.elapsed).Seconds(); seconds > 0 {
		s.RequestRate = float64(now.requests-last.requests) / seconds
		s.IterationRate = float64(now.iterations-last.iterations) / seconds
		s.In, s.Out = (now.in-last.in)/seconds, (now.out-last.out)/seconds
	}
	t.arrivals(now)
	t.past = append(t.past, now)
	if len(t.past) > window+1 {
		t.past = append(t.past[:0], t.past[1:]...)
	}
	t.latencies(tick.Timeline)
	rate := s.RequestRate
	if s.Requests == 0 {
		rate = s.IterationRate
	}
	s.Rates = latest(append(s.Rates, rate))
	s.P95s = latest(append(s.P95s, s.P95))
}

// find returns the number of a scenario, -1 if there is none.
func (t *Tracker) find(name string) int {
	return slices.IndexFunc(t.state.Scenarios, func(c Scenario) bool { return c.Name == name })
}

// hold keeps account of pauses. The status counts them; the plan, which says
// when the run will have ended, does not. A scenario at work tells how far the
// plan is; where there is none, what passes between paused ticks is taken for it.
func (t *Tracker) hold(status engine.Status) {
	before := t.wall
	t.wall = status.Elapsed
	for _, now := range status.Scenarios {
		if i := t.find(now.Name); i >= 0 && now.State == "running" && t.starts[i] >= 0 {
			t.held = max(status.Elapsed-t.starts[i]-now.Elapsed, 0)
			return
		}
	}
	if status.Paused {
		t.held += max(status.Elapsed-before, 0)
	}
}

// scenarios takes over where each scenario stands.
func (t *Tracker) scenarios(status engine.Status) {
	for _, from := range status.Scenarios {
		if i := t.find(from.Name); i >= 0 {
			to := &t.state.Scenarios[i]
			to.State, to.Progress = from.State, from.Progress
			to.VUs, to.VUsPlanned, to.RatePlanned = from.VUs, from.VUsPlanned, from.RatePlanned
			to.Complete, to.Dropped = from.Complete, from.Dropped
		}
	}
}

// arrivals computes at which rate iterations began in the last seconds, and
// whether that is another than was planned meanwhile.
func (t *Tracker) arrivals(now sample) {
	if len(t.past) == 0 {
		return
	}
	first := t.past[0]
	seconds := (now.elapsed - first.elapsed).Seconds()
	for i := range t.state.Scenarios {
		c := &t.state.Scenarios[i]
		c.Off = false
		if seconds <= 0 || !c.Open {
			continue
		}
		c.Rate = float64(now.arrivals[i].begun-min(first.arrivals[i].begun, now.arrivals[i].begun)) / seconds
		planned, last, steady := 0.0, first, first.arrivals[i].planned > 0
		for _, next := range append(t.past[1:len(t.past):len(t.past)], now) {
			a, b := last.arrivals[i].planned, next.arrivals[i].planned
			planned += (a + b) / 2 * (next.elapsed - last.elapsed).Seconds()
			steady = steady && b > 0
			last = next
		}
		planned /= seconds
		c.Off = steady && math.Abs(c.Rate-planned) > max(0.05*planned, 1)
	}
}

// failing lists the thresholds that fail on what was measured; want of data is
// judged at the end.
func failing(verdicts []threshold.Verdict) (out []Failing) {
	for _, v := range verdicts {
		if v.OK || v.NoData {
			continue
		}
		observed := figure.Plain(v.Observed)
		switch {
		case v.Metric.Unit == metric.Time:
			observed = figure.Milliseconds(v.Observed)
		case v.Metric.Unit == metric.Data:
			observed = figure.Size(v.Observed)
		case v.Metric.Type == metric.Rate:
			observed = figure.Percent(v.Observed)
		}
		out = append(out, Failing{Condition: v.Name + " " + v.Expression, Observed: observed})
	}
	return out
}

// read takes the totals of a tick; steady says that schedules did not stand still.
func (t *Tracker) read(tick cluster.Tick, steady bool) sample {
	get := func(name string) metric.Aggregate {
		agg, _ := tick.Set.Select(name, metric.Tags{})
		return agg
	}
	out := sample{
		elapsed:    tick.Status.Elapsed,
		requests:   uint64(get(metric.HTTPReqs).Sum),
		iterations: uint64(get(metric.Iterations).Sum),
		in:         get(metric.DataReceived).Sum,
		out:        get(metric.DataSent).Sum,
		arrivals:   make([]arrival, len(t.state.Scenarios)),
	}
	for _, from := range tick.Status.Scenarios {
		if i := t.find(from.Name); i >= 0 {
			out.arrivals[i].begun = from.Started
			if from.State == "running" && steady {
				out.arrivals[i].planned = from.RatePlanned
			}
		}
	}
	return out
}

// recent is how far back percentiles and shares look: over the whole run they
// would hide what happens now.
const recent = 5 * time.Second

// latencies reads what the last few seconds looked like.
func (t *Tracker) latencies(line *timeline.Timeline) {
	s := &t.state
	s.Failed = 0
	if line == nil {
		return
	}
	end := line.End()
	view := line.Between(end-recent, end)
	if all, _ := view.Select(metric.HTTPReqDuration, metric.Tags{}); all.Count > 0 {
		s.HasLatency = true
		s.P50, s.P95, s.P99 = all.Percentile(50), all.Percentile(95), all.Percentile(99)
	}
	if all, _ := view.Select(metric.HTTPReqFailed, metric.Tags{}); all.Count > 0 {
		s.Failed = all.Share()
	}
}

func latest(values []float64) []float64 {
	if len(values) > history {
		values = append(values[:0], values[len(values)-history:]...)
	}
	return values
}
