package progress

import (
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

const (
	window  = 5  // ticks that percentiles and shares look back
	history = 60 // ticks a sparkline shows
)

// Tracker computes States. It is for one goroutine.
type Tracker struct {
	state State
	ends  []time.Duration // of the state's scenarios, when they end at the latest
	past  []sample        // latest last, at most window+1
}

// sample is what one tick said, in totals since the start.
type sample struct {
	elapsed                               time.Duration
	requests, iterations, failed, failedN uint64
	in, out                               float64
	latency                               metric.Histogram
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
	return s
}

// Plan tells what will run.
func (t *Tracker) Plan(p *plan.Plan) {
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		t.ends = append(t.ends, s.StartTime+s.Span())
		out := Scenario{Name: s.Name, Executor: s.Executor, State: "waiting"}
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

// extent computes when the run will have ended, from what has not.
func (t *Tracker) extent() {
	s := &t.state
	total, timed := time.Duration(0), true
	for i, c := range s.Scenarios {
		if c.State != "done" {
			total = max(total, t.ends[i])
			timed = timed && c.Iterations == 0
		}
	}
	if total > 0 { // else all are done: the last word stands
		s.Total, s.Timed = total, timed
	}
}

// Phase tells which phase begins.
func (t *Tracker) Phase(name string) {
	t.state.Phase = name
	t.state.Moving = false
}

// Exceptions tells how many exceptions there were so far.
func (t *Tracker) Exceptions(n uint64) { t.state.Exceptions = n }

// Generator tells what the generator uses.
func (t *Tracker) Generator(g Generator) { t.state.Generator = g }

// Tick takes in the numbers of a tick. It keeps nothing of it.
func (t *Tracker) Tick(tick cluster.Tick) {
	s := &t.state
	s.Elapsed, s.VUs, s.VUsMax = tick.Status.Elapsed, tick.Status.VUs, tick.Status.VUsMax
	s.Moving = true
	for _, from := range tick.Status.Scenarios {
		for i := range s.Scenarios {
			if to := &s.Scenarios[i]; to.Name == from.Name {
				to.State, to.Progress = from.State, from.Progress
				to.VUs, to.VUsPlanned, to.Complete = from.VUs, from.VUsPlanned, from.Complete
			}
		}
	}
	t.extent()
	if tick.Set == nil {
		return
	}
	now := t.read(tick)
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
	t.past = append(t.past, now)
	if len(t.past) > window+1 {
		t.past = append(t.past[:0], t.past[1:]...)
	}
	t.latencies(now)
	rate := s.RequestRate
	if s.Requests == 0 {
		rate = s.IterationRate
	}
	s.Rates = latest(append(s.Rates, rate))
	s.P95s = latest(append(s.P95s, s.P95))
}

func (t *Tracker) read(tick cluster.Tick) sample {
	get := func(name string) metric.Aggregate {
		agg, _ := tick.Set.Select(name, metric.Tags{})
		return agg
	}
	failed := get(metric.HTTPReqFailed)
	return sample{
		elapsed:    tick.Status.Elapsed,
		requests:   uint64(get(metric.HTTPReqs).Sum),
		iterations: uint64(get(metric.Iterations).Sum),
		failed:     failed.NonZero,
		failedN:    failed.Count,
		in:         get(metric.DataReceived).Sum,
		out:        get(metric.DataSent).Sum,
		latency:    get(metric.HTTPReqDuration).Hist, // Select made it: ours to keep
	}
}

// latencies computes what the last few seconds looked like: a percentile over
// the whole run would hide what happens now.
func (t *Tracker) latencies(now sample) {
	s := &t.state
	var before sample
	if len(t.past) > window {
		before = t.past[0]
	}
	recent := since(&now.latency, &before.latency)
	if recent.Count > 0 {
		s.HasLatency = true
		s.P50, s.P95, s.P99 = recent.Percentile(50), recent.Percentile(95), recent.Percentile(99)
	}
	s.Failed = 0
	if n := now.failedN - before.failedN; n > 0 {
		s.Failed = float64(now.failed-before.failed) / float64(n)
	}
}

// since returns what now holds and before did not.
func since(now, before *metric.Histogram) metric.Aggregate {
	old := map[int32]uint64{}
	for index, count := range before.Buckets() {
		old[index] = count
	}
	out := metric.Aggregate{Type: metric.Trend}
	for index, count := range now.Buckets() {
		n := count - old[index]
		if n == 0 {
			continue
		}
		v := metric.BucketValue(index)
		if out.Count == 0 {
			out.Min = v
		}
		out.Max = v
		out.Count += n
		out.Hist.Add(index, n)
	}
	return out
}

func latest(values []float64) []float64 {
	if len(values) > history {
		values = append(values[:0], values[len(values)-history:]...)
	}
	return values
}
