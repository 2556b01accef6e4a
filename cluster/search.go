package cluster

import (
	"fmt"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
)

// search drives a capacity scenario: it gives the runners the rates that the
// search wants to see, and the search what came of them.
//
// A probe is observed from the first report of each runner after it has settled
// to the first after its length. Reports are a second apart, so that a probe
// takes up to two seconds longer than its length.
type search struct {
	run        *run
	scenario   *plan.Scenario
	search     *capacity.Search
	thresholds []threshold.Compiled

	probe  capacity.Probe
	active bool
	began  time.Duration // of the probe, since the start of the load
	bases  map[*session]base
	vus    int // most that were there, after it has settled
	slow   int // ticks of the observed part at which the generator was slow
	ticks  int
	over   bool

	judged  []threshold.Verdict // of the probe under way
	settled []threshold.Verdict // of the last probe
	held    []threshold.Verdict // of the last hold that held
}

// base is where a runner stood at the beginning of what is observed.
type base struct {
	at               time.Duration // since the start of the load
	started, dropped uint64
}

// mostSlow is the share of a probe for which the generator may be slow.
const mostSlow = 0.1

func newSearch(r *run, s *plan.Scenario) *search {
	// The thresholds guide the search also when the run is not to fail by them.
	judged := *r.plan
	judged.NoThresholds = false
	compiled, err := judged.Compile()
	if err != nil {
		compiled = r.thresholds
	}
	return &search{run: r, scenario: s, search: capacity.New(s), thresholds: compiled}
}

// act is called after each tick.
func (s *search) act() {
	if s.over || s.run.over || s.run.clock.paused {
		return
	}
	switch s.of(s.run.status()).State {
	case "", "waiting":
		return
	case "stopping", "done":
		s.over = true
		s.search.Stop(capacity.MaxDuration)
		return
	}
	if s.active && s.watch() {
		s.active = false
	}
	if !s.active {
		s.begin()
	}
}

// restart begins the probe anew: what was seen of it before a pause is void.
func (s *search) restart() {
	if s.active && !s.over {
		s.start()
	}
}

// begin starts the next probe, or ends the scenario when there is none.
func (s *search) begin() {
	p, ok := s.search.Next()
	if !ok {
		s.over = true
		s.run.scale(s.scenario.Name, engine.Level{End: true})
		return
	}
	s.probe, s.active = p, true
	s.start()
	s.run.scale(s.scenario.Name, engine.Level{Rate: float64(p.Rate) / timeUnit(s.scenario)})
	s.run.say("debug", fmt.Sprintf("capacity of %s: %s at %s", s.scenario.Name, p.Phase, summary.RateIn(float64(p.Rate), s.scenario.TimeUnit)))
}

func (s *search) start() {
	s.began, s.bases, s.vus, s.slow, s.ticks, s.judged = s.run.now(), map[*session]base{}, 0, 0, 0, nil
}

// watch looks at the probe under way and reports whether it is over.
func (s *search) watch() bool {
	working := slices.DeleteFunc(s.run.live(), func(o *session) bool { return !o.waiting })
	end := never
	for _, o := range working {
		at := o.until.Sub(s.run.started)
		end = min(end, at)
		if _, known := s.bases[o]; !known && at >= s.began+s.probe.Settle {
			stands := s.of(o.status)
			s.bases[o] = base{at, stands.Started, stands.Dropped}
		}
	}
	if len(working) == 0 || len(s.bases) < len(working) {
		return false
	}
	s.ticks++
	s.vus = max(s.vus, s.of(s.run.status()).VUs)
	if s.run.status().Vitals.Cause != "" {
		s.slow++
	}
	from := time.Duration(0)
	for _, b := range s.bases {
		from = max(from, b.at)
	}
	length := end - from
	if length < time.Second/2 {
		return false // nothing was reported since
	}
	// A report belongs to the interval in which it ends.
	from, to := from.Truncate(threshold.Step)+threshold.Step, end.Truncate(threshold.Step)+threshold.Step
	s.judged = s.judge(from, to)
	if end < s.began+s.probe.Length {
		return false
	}
	o := capacity.Observation{Verdicts: s.judged, Span: length, VUs: s.vus, Generator: s.generator(from, to)}
	for _, w := range working {
		b, stands := s.bases[w], s.of(w.status)
		seconds := (w.until.Sub(s.run.started) - b.at).Seconds()
		o.Achieved += float64(risen(b.started, stands.Started)) / seconds * timeUnit(s.scenario)
		o.Dropped += risen(b.dropped, stands.Dropped)
	}
	if agg, ok := s.run.timeline.Between(from, to).Select(metric.HTTPReqResponseTime, metric.Tags{}); ok {
		o.P95 = agg.Percentile(95)
	}
	s.search.Saw(o)
	steps := s.search.Report().Steps
	s.settled = s.judged
	if last := steps[len(steps)-1]; last.Held && last.Phase == capacity.Hold {
		s.held = s.judged
	}
	return true
}

// risen returns by how much a count has grown; one that fell was no honest one.
func risen(from, to uint64) uint64 { return max(from, to) - from }

// judge gives the verdicts on a part of the load alone.
func (s *search) judge(from, to time.Duration) []threshold.Verdict {
	j := threshold.NewJudge(s.thresholds, from)
	verdicts, _ := j.Judge(s.run.between(from, to), to-from, s.run.between, to)
	return verdicts
}

// generator says why the generator was slow for too much of a part of the load,
// "" when it was not.
func (s *search) generator(from, to time.Duration) string {
	var marked time.Duration
	cause := s.run.status().Vitals.Cause
	for _, m := range s.run.marks {
		if overlap := min(m.To, to) - max(m.From, from); overlap > 0 {
			marked += overlap
			cause = m.Cause
		}
	}
	share := max(marked.Seconds()/(to-from).Seconds(), float64(s.slow)/float64(s.ticks))
	if share <= mostSlow {
		return ""
	}
	if cause == "" {
		cause = "for a while"
	}
	return string(cause)
}

// of returns where the scenario stands.
func (s *search) of(st engine.Status) engine.ScenarioStatus {
	for _, o := range st.Scenarios {
		if o.Name == s.scenario.Name {
			return o
		}
	}
	return engine.ScenarioStatus{}
}

// Report returns what was found so far.
func (s *search) Report() capacity.Report { return s.search.Report() }

// verdicts returns those on the probe under way as far as there are any, else
// the final ones.
func (s *search) verdicts() []threshold.Verdict {
	if s.active && s.judged != nil {
		return s.judged
	}
	return s.final()
}

// final returns the verdicts on the rate that was found, or on the last probe
// when none was.
func (s *search) final() []threshold.Verdict {
	if s.held != nil {
		return s.held
	}
	return s.settled
}
