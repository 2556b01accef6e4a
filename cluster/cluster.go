// Package cluster joins a coordinator, which is trusted, with runners, which
// are not. A local run is a cluster of one.
//
// [Run] is the coordinator: it reads top to bottom as the way of one run. Its
// only goroutine of consequence handles, in order, everything that arrives
// from any runner; it alone merges metrics and calls the Observer. [Serve] is
// the runner. Between them lies a [Link]: a child process ([StartProcess]) or
// the same process ([StartInProcess]).
package cluster

import (
	"context"
	"io"
	"time"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// Config describes one run.
type Config struct {
	Bundle    *bundle.Bundle
	Overrides plan.Overrides
	Env       map[string]string
	Seed      uint64
	// Connect starts a runner and returns the stream to it.
	Connect func(ctx context.Context) (Link, error)
	// Isolation is what Link provides: "process" or "off".
	Isolation string
	// Observer may be nil.
	Observer Observer
	// Stop, once closed, ends the run gracefully: full summary, teardown
	// included. Before the load it ends the run without one. May be nil.
	Stop <-chan struct{}
	// Control steers the run while it goes on; see NewControl. May be nil.
	Control *Control
	// InitTimeout bounds how long the script's top level may run before its
	// options are known; 0 means 60 s.
	InitTimeout time.Duration
	// Check has the last word on a plan, as plan.Source has it. May be nil.
	Check func(p *plan.Plan) error
}

// Link is the stream to one runner and the handle on what runs it. Close
// unblocks Read and Write; Wait and Kill may be called from any goroutine,
// repeatedly.
type Link interface {
	io.ReadWriteCloser
	// Wait returns how the runner ended ("exit status 2", "signal: killed"),
	// after its stream was closed or broke. nil means that it ended well.
	Wait() error
	// Kill ends it at once.
	Kill()
}

// Diagnoser is a Link that can tell more of a runner's end than Wait.
type Diagnoser interface {
	// Diagnosis returns one line for the user, such as "crash: index out of
	// range", "" if there is nothing to add. Call it after Wait.
	Diagnosis() string
}

// Observer follows a run; calls come from one goroutine, in order. They hold
// up the run while they last.
type Observer interface {
	// Planned is called once, before load, when the options were accepted.
	Planned(p *plan.Plan)
	// Phase announces "init", "setup", "load", "teardown", "summary". Phases
	// that the script has no function for are left out.
	Phase(name string)
	// Tick is called about once a second during load, after the merge.
	Tick(t Tick)
	// Log passes on a line of the script's console or a warning.
	Log(l LogLine)
	// Exception is called for the first of each kind and then whenever its
	// count has changed since, at most once a second.
	Exception(e Exception)
}

// Tick is a moment of a run, merged over all runners.
type Tick struct {
	Status   engine.Status
	Load     time.Duration      // for which the load ran so far: Status.Elapsed without pauses
	Set      *metric.Set        // merged so far; valid during the call
	Timeline *timeline.Timeline // the same by time; valid during the call
	Searches []capacity.Report  // searches under way or done
	Verdicts []threshold.Verdict
}

// LogLine is one line for the user. Everything in it may come from the script.
type LogLine struct {
	Level, Text, Source, Scenario string
	VU                            uint64
	At                            vu.Frame // where in the script; zero when unknown
	Hint                          string   // what to do about it; may be empty
}

// Exception is a kind of script error with its count so far.
type Exception struct {
	Scenario    string
	Error       *vu.Exception
	Count       uint64
	First, Last time.Duration // since the start of load
}

// Result is what a run came to.
type Result struct {
	Summary *summary.Summary
	Plan    *plan.Plan
	// Timeline is what was recorded, by time; nil without load.
	Timeline *timeline.Timeline
	// Files is what handleSummary wants written, by name; nil without one.
	Files map[string][]byte
}

// RunnerConfig is what the runner side needs; the JavaScript side is injected,
// so that this package knows nothing of it.
type RunnerConfig struct {
	// Load makes the script of a bundle ready. The bundle's hash was verified.
	Load func(b *bundle.Bundle) (Loaded, error)
}

// Loaded is a script on the runner side.
type Loaded interface {
	// Inspect runs init once.
	Inspect(ctx context.Context, h RunnerHost) (Inspection, error)
	// Program prepares VUs for the plan.
	Program(h RunnerHost, p *plan.Plan) (vu.Script, error)
}

// RunnerHost is what a runner provides to a script.
type RunnerHost struct {
	Registry *metric.Registry
	Env      map[string]string
	Seed     uint64
	// Log takes a line for the user. It never blocks; what comes faster than
	// the user could read is counted instead. Safe for concurrent use.
	Log func(LogLine)
	// Abort asks for the end of the whole test, gracefully; Fail lets it go on
	// and makes it fail. Both never block and are safe for concurrent use.
	Abort, Fail func(reason string)
	// Status returns where this runner's load stands; the zero Status outside it.
	Status func() engine.Status
	// SocketError counts a request that failed on the generator's account.
	SocketError func()
	// Sleepers are where VUs wait; nil while a script is only being inspected.
	Sleepers *alarm.Sleepers
}

// Inspection mirrors sandbox.Inspection.
type Inspection struct {
	Options []byte
	Exports []string
	Metrics []metric.Metric
}
