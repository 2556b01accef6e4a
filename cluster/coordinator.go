package cluster

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/sandbox/bundle"
)

const (
	// initTimeout is for running the script's top level, and for making all VUs.
	initTimeout = 60 * time.Second
	// overtime is how long the load may last beyond its plan, which ends it by
	// itself, before the runner is taken for stuck.
	overtime = 30 * time.Second
)

// Run executes one test. Result is nil only if no traffic can have been sent;
// from setup on it holds what was received, also beside an error.
//
// Errors a caller tells apart: plan.Problems, *ScriptError, *TimeoutError,
// *RunnerDied, *ThresholdsFailed, *NothingTested, *Stopped. If several apply, the one returned
// is that which says most about how far the result can be trusted: a runner
// that died, a hard stop, then whatever went wrong in a phase (the first of
// them), a graceful stop, failed thresholds, nothing tested. The summary names the reasons
// either way.
//
// When ctx ends, the load is cut off at once and neither teardown nor
// handleSummary run; Run returns within about a second.
func Run(ctx context.Context, c Config) (*Result, error) {
	r := newRun(ctx, c)
	defer r.close()

	r.observer.Phase("init")
	if !r.connect() {
		return nil, r.err
	}
	inspection, ok := r.load()
	if !ok {
		return nil, r.err
	}
	p, err := plan.Parse(inspection.Options, c.Overrides, plan.Source{
		Exports: inspection.Exports,
		Metrics: inspection.Metrics,
		Locate:  locate(c.Bundle),
	})
	if err != nil {
		return nil, err
	}
	if err := r.accept(p, inspection); err != nil {
		return nil, err
	}
	if !r.prepare() {
		return nil, r.err
	}

	if !r.setup() {
		return r.conclude(), r.err
	}
	r.execute()
	r.teardown()
	r.judge()
	return r.conclude(), r.err
}

// connect starts the runners and greets them.
func (r *run) connect() bool {
	link, err := r.config.Connect(r.ctx)
	if err != nil {
		r.fail(fmt.Errorf("start runner: %w", err))
		return false
	}
	r.join(link)
	r.call(call{
		phase:   "init",
		timeout: initTimeout,
		stop:    (*session).cancel,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Hello{Hello: wire.NewHello(wire.RoleCoordinator)}}
		},
	}, r.sessions)
	return r.err == nil
}

// load gives the script to the runners and returns what it says of itself.
func (r *run) load() (Inspection, bool) {
	env := make(map[string][]byte, len(r.config.Env))
	for name, value := range r.config.Env {
		env[wire.Text(name)] = []byte(value)
	}
	answers := r.call(call{
		phase:   "init",
		timeout: initTimeout,
		stop:    (*session).cancel,
		command: func(s *session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Load{Load: &wire.Load{
				Bundle: wire.FromBundle(r.config.Bundle),
				Env:    env,
				Seed:   r.config.Seed,
				Epoch:  s.receiver.Ack().GetEpoch(),
			}}}
		},
	}, r.sessions)
	if r.err != nil {
		return Inspection{}, false
	}
	m := answers[0].GetInspection()
	metrics, err := wire.ToMetrics(m.GetMetrics())
	if err != nil {
		r.fail(&RunnerDied{Cause: "broke the protocol: " + err.Error()})
		return Inspection{}, false
	}
	return Inspection{Options: m.GetOptions(), Exports: m.GetExports(), Metrics: metrics}, true
}

// accept keeps what the run goes by from here on.
func (r *run) accept(p *plan.Plan, i Inspection) error {
	r.plan, r.exported = p, i.Exports
	for _, m := range i.Metrics {
		if err := r.set.Define(m); err != nil {
			return fmt.Errorf("metrics of the script: %w", err)
		}
	}
	if !p.NoThresholds {
		var err error
		if r.thresholds, err = p.Compile(); err != nil {
			return err
		}
	}
	r.observer.Planned(p)
	return nil
}

// prepare makes the runners ready: all VUs exist after it. It comes before
// setup so that a script that cannot start has no effect on anything.
func (r *run) prepare() bool {
	data, err := wire.FromPlan(r.plan)
	if err != nil {
		r.fail(err)
		return false
	}
	r.call(call{
		phase:   "init",
		timeout: initTimeout,
		stop:    (*session).cancel,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Prepare{Prepare: &wire.Prepare{Plan: data}}}
		},
	}, r.sessions)
	return r.err == nil
}

// setup runs setup(), if there is one, on one runner and keeps its result; it
// returns whether it was completed. A stop cuts it off, and there is then
// neither load nor teardown.
func (r *run) setup() bool {
	if !r.exports("setup") || r.plan.NoSetup {
		return true
	}
	r.observer.Phase("setup")
	answers := r.call(call{
		phase:   "setup",
		timeout: r.plan.SetupTimeout,
		stop:    (*session).cancel,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Setup{Setup: &wire.Setup{}}}
		},
	}, r.sessions[:1])
	r.setupData = answers[0].GetSetupData()
	return answers[0] != nil && answers[0].GetFailure() == nil
}

// execute runs the load on all runners to its end, unless the run has ended.
func (r *run) execute() {
	if r.err != nil {
		return
	}
	r.observer.Phase("load")
	r.started = time.Now()
	r.loaded = true
	r.call(call{
		phase:   "load",
		timeout: min(r.plan.Duration(), math.MaxInt64-overtime) + overtime,
		stop:    (*session).stop,
		tick:    r.tick,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Start{Start: &wire.Start{SetupData: r.setupData}}}
		},
	}, r.sessions)
	r.took = time.Since(r.started)
	if status := r.status(); status.Elapsed > 0 {
		r.took = status.Elapsed // what the numbers belong to
	}
	r.exceptions.tell(true, r.observer.Exception)
}

// tick is what happens each second of the load, and when it has just ended.
func (r *run) tick() {
	r.exceptions.tell(true, r.observer.Exception)
	verdicts, abort := threshold.Evaluate(r.thresholds, r.set, time.Since(r.started))
	status := r.status()
	r.observer.Tick(Tick{Status: status, Set: r.set, Verdicts: verdicts})
	if abort >= 0 && r.aborted == nil && !done(status) {
		r.abortedAt, r.aborted = abort, &verdicts[abort]
		r.ended = fmt.Sprintf("threshold %s %s aborted the run", r.aborted.Name, r.aborted.Expression)
		for _, s := range r.live() {
			s.stop()
		}
	}
}

// done says whether there is nothing left that could be aborted.
func done(s engine.Status) bool {
	return !slices.ContainsFunc(s.Scenarios, func(s engine.ScenarioStatus) bool { return s.State != "done" })
}

// teardown runs teardown(data), if there is one, on one runner. A graceful stop lets it go on.
func (r *run) teardown() {
	live := r.live()
	if !r.exports("teardown") || r.plan.NoTeardown || r.hard || len(live) == 0 {
		return
	}
	r.observer.Phase("teardown")
	r.call(call{
		phase:   "teardown",
		timeout: r.plan.TeardownTimeout,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_Teardown{Teardown: &wire.Teardown{}}}
		},
	}, live[:1])
}

// judge gives the final verdicts, on everything that was merged. A threshold
// that ended the run has failed, whatever came in after.
func (r *run) judge() {
	if !r.loaded {
		return
	}
	r.verdicts, _ = threshold.Evaluate(r.thresholds, r.set, r.took)
	if r.aborted != nil {
		if r.verdicts[r.abortedAt].OK {
			r.verdicts[r.abortedAt] = *r.aborted
		}
		r.verdicts[r.abortedAt].Aborted = true
	}
	var failed []threshold.Verdict
	for _, v := range r.verdicts {
		if !v.OK {
			failed = append(failed, v)
		}
	}
	if len(failed) > 0 {
		r.fail(&ThresholdsFailed{Failed: failed})
	}
	interrupted := uint64(0)
	for _, s := range r.status().Scenarios {
		interrupted += s.Interrupted
	}
	if r.nothing = nothingTested(r.plan, r.set, interrupted); r.nothing != nil {
		r.fail(r.nothing)
	}
}

// conclude builds the summary and lets the script have its say on it.
func (r *run) conclude() *Result {
	r.observer.Phase("summary")
	ended := r.ended
	if rank(r.err) > rank(&ThresholdsFailed{}) {
		ended = r.err.Error()
	}
	status := r.status()
	in := summary.Input{
		Script:     r.config.Bundle.Entry,
		Started:    r.started,
		Duration:   r.took,
		Plan:       r.plan,
		Set:        r.set,
		Verdicts:   r.verdicts,
		Exceptions: r.exceptions.summarise(),
		VUsMax:     status.VUsMax,
		Isolation:  r.config.Isolation,
		Notes:      slices.Concat(r.plan.Notes, r.notes),
		Ended:      ended,
		Failed:     rank(r.err) > rank(&Stopped{}) || r.nothing != nil,
	}
	if r.nothing != nil {
		in.Faults = append(in.Faults, r.nothing.Error())
	}
	for _, s := range r.plan.Scenarios {
		sum := summary.Scenario{Name: s.Name, Executor: s.Executor}
		for _, o := range status.Scenarios {
			if o.Name == s.Name {
				sum.Iterations, sum.Interrupted = o.Complete, o.Interrupted
			}
		}
		in.Scenarios = append(in.Scenarios, sum)
	}
	result := &Result{Plan: r.plan, Summary: summary.Build(in)}
	r.handleSummary(result)
	return result
}

// handleSummary asks the script, if it has the function, what it wants written.
func (r *run) handleSummary(result *Result) {
	if !r.exports("handleSummary") {
		return
	}
	live := r.live()
	if r.hard || len(live) == 0 {
		result.Summary.Notes = append(result.Summary.Notes, "handleSummary did not run: the runner is gone")
		return
	}
	data := summary.HandleSummaryData(result.Summary, r.setupData)
	before := r.err
	answers := r.call(call{
		phase:   "handleSummary",
		timeout: r.plan.HandleSummaryTimeout,
		command: func(*session) *wire.Message {
			return &wire.Message{Body: &wire.Message_HandleSummary{HandleSummary: &wire.HandleSummary{Data: data}}}
		},
	}, live[:1])
	if files := answers[0].GetFiles(); files != nil {
		result.Files = files.GetByName()
		if result.Files == nil {
			result.Files = map[string][]byte{}
		}
	}
	if r.err != before {
		result.Summary.Passed = false
		result.Summary.Reasons = append(result.Summary.Reasons, r.err.Error())
	}
}

// locate adapts Bundle.Locate to what plan.Parse asks for.
func locate(b *bundle.Bundle) func(path []string) plan.Position {
	return func(path []string) plan.Position {
		at := b.Locate(path)
		return plan.Position{File: at.File, Line: at.Line, Column: at.Column}
	}
}
