package cluster

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

// overtime is how long the load may last beyond its plan, which ends it by
// itself, before the runner is taken for stuck.
const overtime = 30 * time.Second

// longestWindow is how far back the timeline keeps each second for the windows
// of thresholds. Longer ones are judged to the resolution there is.
const longestWindow = time.Hour

// execute runs the load on all runners to its end, unless the run has ended.
func (r *run) execute() {
	if r.err != nil {
		return
	}
	r.observer.Phase("load")
	r.open()
	limit := loadLimit(r.plan, r.exported)
	r.steering = &steering{
		deadline: newDeadline(limit),
		orders:   r.config.Control.waiting(),
		order:    r.obey,
		tick:     r.tick,
		wake:     r.wake,
		drain:    drainLimit(r.plan, r.exported),
	}
	if r.clock.paused {
		r.steering.deadline.hold()
	}
	r.config.Control.begin(r.plan)
	r.call(call{
		phase:    "load",
		timeout:  limit,
		stop:     (*session).stop,
		steering: r.steering,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Start{Start: &wire.Start{SetupData: r.setupData}}}
		},
	}, r.sessions)
	r.config.Control.end()
	r.steering = nil
	r.took = time.Since(r.started)
	if status := r.status(); status.Elapsed > 0 {
		r.took = status.Elapsed // what the numbers belong to
	}
	r.stood = min(r.clock.stood(r.took), r.took)
	r.exceptions.tell(true, r.observer.Exception)
}

// open makes ready what goes with a load.
func (r *run) open() {
	r.started, r.loaded = time.Now(), true
	r.judge = threshold.NewJudge(r.thresholds, 0)
	recent := time.Minute
	for _, t := range r.plan.Thresholds {
		recent = max(recent, sum(threshold.Length(t.Over), 10*time.Second))
	}
	for i := range r.plan.Scenarios {
		switch s := &r.plan.Scenarios[i]; s.Executor {
		case plan.Shape:
			r.shapes = append(r.shapes, newShape(r, s))
		case plan.Capacity:
			r.searches = append(r.searches, newSearch(r, s))
			recent = max(recent, sum(s.Search.Step, s.Search.Hold, 30*time.Second))
		}
	}
	r.timeline = timeline.New(r.started, timeline.Options{Recent: min(recent, longestWindow)})
	for source, defs := range r.defs {
		r.timeline.Add(source, &metric.Snapshot{Start: r.started, End: r.started, Defs: defs})
	}
	r.defs = nil
	if r.plan.Paused {
		r.clock.pause(0)
		r.judge.Pause(0)
		r.say("info", "the test is paused and waits: resume it with the key p or through the API")
	}
}

// record keeps an accepted snapshot by its time.
func (r *run) record(s *session, snap *metric.Snapshot) {
	if r.timeline != nil {
		r.timeline.Add(s.name, snap)
		return
	}
	r.defs[s.name] = append(r.defs[s.name], snap.Defs...)
}

// between returns what was recorded in a part of the load.
func (r *run) between(from, to time.Duration) threshold.Source { return r.timeline.Between(from, to) }

// now returns the time since the start of the load, pauses included.
func (r *run) now() time.Duration { return time.Since(r.started) }

// complete returns the time since the start of the load up to which everything
// recorded has arrived.
func (r *run) complete() time.Duration {
	complete := r.now()
	for _, s := range r.sessions {
		if s.waiting {
			complete = min(complete, s.until.Sub(r.started))
		}
	}
	return max(complete, 0)
}

// loadLimit returns how long the load may last, never for one that nothing but
// a stop ends.
func loadLimit(p *plan.Plan, exported []string) time.Duration {
	for i := range p.Scenarios {
		if p.Scenarios[i].Unbounded() {
			return never
		}
	}
	return sum(p.Duration(), hooks(p, exported), overtime)
}

// drainLimit returns how long the load may go on after a graceful stop.
func drainLimit(p *plan.Plan, exported []string) time.Duration {
	var grace time.Duration
	for _, s := range p.Scenarios {
		grace = max(grace, s.GracefulStop, s.GracefulRampDown)
	}
	return sum(grace, hooks(p, exported), overtime)
}

// hooks returns how long vuSetup and vuTeardown may take: in the worst case one
// VU leaves after the other.
func hooks(p *plan.Plan, exported []string) (limit time.Duration) {
	if slices.Contains(exported, "vuSetup") {
		limit = sum(limit, p.VUSetupTimeout)
	}
	if slices.Contains(exported, "vuTeardown") && p.VUTeardownTimeout > 0 {
		vus := time.Duration(max(p.MaxVUs(), 1))
		if vus > never/p.VUTeardownTimeout {
			return never
		}
		limit = sum(limit, vus*p.VUTeardownTimeout)
	}
	return limit
}

// obey carries out what was ordered through Control.
func (r *run) obey() {
	for _, o := range r.config.Control.take() {
		switch {
		case r.over || r.hard:
		case o.pause:
			r.pause()
		case o.resume:
			r.resume()
		default:
			r.scale(o.scenario, o.to)
			r.say("info", fmt.Sprintf("scenario %s goes to %s", o.scenario, levelText(o.to)))
		}
	}
}

func levelText(l engine.Level) string {
	switch {
	case l.End:
		return "its end"
	case l.Rate != 0:
		return fmt.Sprintf("%g iterations a second", l.Rate)
	}
	return fmt.Sprintf("%d VUs", l.VUs)
}

func (r *run) pause() {
	if r.clock.paused {
		return
	}
	r.clock.pause(r.now())
	r.judge.Pause(r.now())
	r.steering.deadline.hold()
	r.steer(&wire.Control{Order: &wire.Control_Pause{Pause: &wire.Pause{}}})
	r.say("info", "paused")
}

func (r *run) resume() {
	if !r.clock.paused {
		return
	}
	r.clock.resume(r.now())
	r.judge.Resume(r.now())
	r.steering.deadline.release()
	r.steering.awake = true
	for _, s := range r.searches {
		s.restart()
	}
	r.steer(&wire.Control{Order: &wire.Control_Resume{Resume: &wire.Resume{}}})
	r.say("info", "resumed")
}

// scale tells all runners of a scenario's load; each takes its share of it.
func (r *run) scale(scenario string, to engine.Level) {
	r.steer(&wire.Control{Order: &wire.Control_Scale{Scale: &wire.Scale{
		Scenario: wire.Text(scenario), Vus: uint32(min(max(to.VUs, 0), math.MaxInt32)),
		Rate: to.Rate, SpawnRate: to.SpawnRate, End: to.End,
	}}})
}

func (r *run) steer(m *wire.Control) {
	each(r.sessions, func(s *session) { s.send(&wire.Message{Body: &wire.Message_Control{Control: m}}) })
}

func (r *run) say(level, text string) {
	r.observer.Log(LogLine{Level: level, Source: "control", Text: text})
}

// wake lets shapes have their say when it is time. It returns when to call it again.
func (r *run) wake() time.Duration {
	next := never
	for _, s := range r.shapes {
		next = min(next, s.act())
	}
	return next
}

// tick is what happens each second of the load, and when it has just ended.
func (r *run) tick() {
	r.exceptions.tell(true, r.observer.Exception)
	status := r.status()
	for _, s := range status.Scenarios {
		if s.State == "done" {
			r.config.Control.finish(s.Name)
		}
	}
	t := Tick{Status: status, Load: r.clock.read(r.now()), Set: r.set, Timeline: r.timeline}
	abort := -1
	if len(r.searches) == 0 {
		t.Verdicts, abort = r.judge.Judge(r.set, t.Load, r.between, r.complete())
	}
	for _, s := range r.searches {
		s.act()
		t.Searches = append(t.Searches, s.Report())
		if verdicts := s.verdicts(); verdicts != nil {
			t.Verdicts = verdicts
		}
	}
	r.observer.Tick(t)
	if abort >= 0 && r.aborter == nil && !done(status) {
		r.abortedAt, r.aborter = abort, &t.Verdicts[abort]
		r.ended = fmt.Sprintf("threshold %s %s aborted the run", r.aborter.Name, r.aborter.Expression)
		r.over = true
	}
}

// done says whether there is nothing left that could be aborted.
func done(s engine.Status) bool {
	return !slices.ContainsFunc(s.Scenarios, func(s engine.ScenarioStatus) bool { return s.State != "done" })
}

// settle gives the final verdicts, on everything that was merged. A threshold
// that ended the run has failed, whatever came in after. Of a test that
// searched, they are those of the rates that were found: the search broke the
// thresholds on purpose.
func (r *run) settle() {
	if !r.loaded {
		return
	}
	if len(r.searches) > 0 {
		r.settleSearches()
	} else {
		r.settleThresholds()
	}
	var complete, interrupted uint64
	for _, s := range r.status().Scenarios {
		complete += s.Complete
		interrupted += s.Interrupted
	}
	if r.nothing = nothingTested(r.plan, r.set, complete, interrupted); r.nothing != nil {
		r.fail(r.nothing)
	}
}

func (r *run) settleThresholds() {
	// The last second that has data need not have been a whole one.
	end := min(max(r.timeline.End(), r.took), r.now()+threshold.Step).Truncate(threshold.Step)
	r.verdicts, _ = r.judge.Judge(r.set, r.took-r.stood, r.between, end)
	if r.aborter != nil {
		if r.verdicts[r.abortedAt].OK {
			r.verdicts[r.abortedAt] = *r.aborter
		}
		r.verdicts[r.abortedAt].Aborted = true
	}
	if failed := failedOf(r.verdicts); len(failed) > 0 {
		r.fail(&ThresholdsFailed{Failed: failed})
	}
}

func (r *run) settleSearches() {
	e := &ThresholdsFailed{}
	for _, s := range r.searches {
		s.search.Stop(capacity.Stopped) // if it is not over
		r.verdicts = merge(r.verdicts, s.final())
		if report := s.Report(); report.Rate == 0 || report.Rate < report.Demanded {
			e.Searches = append(e.Searches, report)
		}
	}
	if len(e.Searches) > 0 {
		e.Failed = failedOf(r.verdicts)
		r.faults = e.found()
		r.fail(e)
	}
}

// merge puts verdicts on the same thresholds together: what failed anywhere has failed.
func merge(a, b []threshold.Verdict) []threshold.Verdict {
	if len(a) == 0 {
		return slices.Clone(b)
	}
	for i := range min(len(a), len(b)) {
		if a[i].OK && !b[i].OK {
			a[i] = b[i]
		}
	}
	return a
}

func failedOf(verdicts []threshold.Verdict) (failed []threshold.Verdict) {
	for _, v := range verdicts {
		if !v.OK {
			failed = append(failed, v)
		}
	}
	return failed
}

// reports returns what each search found.
func (r *run) reports() (all []capacity.Report) {
	for _, s := range r.searches {
		all = append(all, s.Report())
	}
	return all
}
