package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// initTimeout is for running the script's top level, and for making all VUs,
// unless Config and plan say otherwise.
const initTimeout = 60 * time.Second

// Run executes one test. Result is nil only if no traffic can have been sent;
// from setup on it holds what was received, also beside an error.
//
// Errors a caller tells apart: plan.Problems, *ScriptError, *TimeoutError,
// *RunnerDied, *Aborted, *Failed, *ThresholdsFailed, *NothingTested, *Stopped.
// If several apply, the one returned is that which says most about how far the
// result can be trusted: a runner that died, a hard stop, then what went wrong
// in a phase or the script's own abort (the first of them), a graceful stop, a
// test the script marked as failed, failed thresholds or nothing tested. The
// summary names the reasons either way.
//
// A script that aborts the test ends it as a graceful stop does, but teardown
// and handleSummary run even if it did so in setup; in init nothing has begun,
// so nothing follows.
//
// When ctx ends, the load is cut off at once and neither teardown nor
// handleSummary run; Run returns within about a second.
func Run(ctx context.Context, c Config) (*Result, error) {
	r := newRun(ctx, c)
	defer r.close()

	r.observer.Phase("init")
	inspection, ok := r.inspect()
	if !ok {
		return nil, r.err
	}
	p, err := plan.Parse(inspection.Options, c.Overrides, plan.Source{
		Exports: inspection.Exports,
		Metrics: inspection.Metrics,
		Locate:  locate(c.Bundle),
		Check:   c.Check,
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

	if !r.setup() && !r.aborted {
		return r.conclude(), r.err
	}
	r.execute()
	r.teardown()
	r.settle()
	return r.conclude(), r.err
}

// Inspect finds out what the script says of itself: it starts a runner, runs
// the script's top level once, and ends the runner. Errors are those of Run.
// Of the Config, Overrides and Control have no effect.
func Inspect(ctx context.Context, c Config) (Inspection, error) {
	r := newRun(ctx, c)
	defer r.close()
	inspection, ok := r.inspect()
	if !ok {
		return Inspection{}, r.err
	}
	return inspection, nil
}

// inspect connects and loads the script.
func (r *run) inspect() (Inspection, bool) {
	if !r.connect() {
		return Inspection{}, false
	}
	return r.load()
}

// initLimit returns how long init may take.
func (r *run) initLimit() time.Duration {
	switch {
	case r.plan != nil && r.plan.InitTimeout > 0:
		return r.plan.InitTimeout
	case r.config.InitTimeout > 0:
		return r.config.InitTimeout
	}
	return initTimeout
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
		timeout: r.initLimit(),
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
		timeout: r.initLimit(),
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
		timeout: r.initLimit(),
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

// conclude builds the summary and lets the script have its say on it.
func (r *run) conclude() *Result {
	r.observer.Phase("summary")
	ended := r.ended
	if rank(r.err) >= rank(&Stopped{}) {
		ended = r.err.Error()
	}
	status := r.status()
	in := summary.Input{
		Script:     r.config.Bundle.Entry,
		Started:    r.started,
		Duration:   r.took,
		Paused:     r.stood,
		Plan:       r.plan,
		Set:        r.set,
		Verdicts:   r.verdicts,
		Exceptions: r.exceptions.summarise(),
		VUsMax:     status.VUsMax,
		Isolation:  r.config.Isolation,
		Notes:      slices.Concat(r.plan.Notes, r.notes),
		Ended:      ended,
		Failed:     rank(r.err) > rank(&Stopped{}) || r.nothing != nil || r.marked != nil || len(r.faults) > 0,
		Faults:     r.faults,
		Marks:      r.marks,
		Capacity:   r.reports(),
		Timeline:   r.timeline,
	}
	if r.marked != nil {
		in.Faults = append(in.Faults, r.marked.Error())
		r.fail(r.marked)
	}
	if r.nothing != nil {
		in.Faults = append(in.Faults, r.nothing.Error())
	}
	for _, s := range r.plan.Scenarios {
		sum := summary.Scenario{Name: s.Name, Executor: s.Executor}
		for _, o := range status.Scenarios {
			if o.Name == s.Name {
				sum.Iterations, sum.Interrupted, sum.Dropped = o.Complete, o.Interrupted, o.Dropped
			}
		}
		in.Scenarios = append(in.Scenarios, sum)
	}
	result := &Result{Plan: r.plan, Summary: summary.Build(in), Timeline: r.timeline}
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
	before, marked := r.err, r.marked
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
	if r.marked != marked { // in there
		r.fail(r.marked)
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
