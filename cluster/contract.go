// Package cluster joins a coordinator, which is trusted, with runners, which
// are not. A local run is a cluster of one.
package cluster

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import (
	"context"
	"io"
	"time"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
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
	Observer  Observer
	// Stop, once closed, ends the run gracefully: full summary, teardown included.
	Stop <-chan struct{}
}

// Link is the stream to one runner and the handle on what runs it.
type Link interface {
	io.ReadWriteCloser
	// Wait returns how the runner ended ("exit status 2", "signal: killed"),
	// after its stream was closed or broke.
	Wait() error
	// Kill ends it at once.
	Kill()
}

// Observer follows a run; calls come from one goroutine, in order.
type Observer interface {
	// Planned is called once, before load, when the options were accepted.
	Planned(p *plan.Plan)
	// Phase announces "init", "setup", "load", "teardown", "summary".
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
	Set      *metric.Set // merged so far; valid during the call
	Verdicts []threshold.Verdict
}

// LogLine is one line for the user.
type LogLine struct {
	Level, Text, Source, Scenario string
	VU                            uint64
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
	// Files is what handleSummary wants written, by name; nil without one.
	Files map[string][]byte
}

// Run executes one test. Result is nil only if no load was sent; otherwise it
// holds what was received, also beside an error. Errors a caller tells apart:
// plan.Problems, *ScriptError, *TimeoutError, *RunnerDied, *ThresholdsFailed,
// *Stopped.
func Run(ctx context.Context, c Config) (*Result, error) { panic("contract") }

// ScriptError says that the script threw where that ends the test.
type ScriptError struct {
	Phase string // "init", "setup", "teardown", "handleSummary"
	Err   *vu.Exception
}

// TimeoutError says that a phase took too long.
type TimeoutError struct {
	Phase string
	After time.Duration
}

// RunnerDied says that a runner ended without being told to.
type RunnerDied struct{ Cause string }

// ThresholdsFailed lists what crossed.
type ThresholdsFailed struct{ Failed []threshold.Verdict }

// Stopped says that Config.Stop or ctx ended the run.
type Stopped struct{ Hard bool }

func (e *ScriptError) Error() string      { panic("contract") }
func (e *TimeoutError) Error() string     { panic("contract") }
func (e *RunnerDied) Error() string       { panic("contract") }
func (e *ThresholdsFailed) Error() string { panic("contract") }
func (e *Stopped) Error() string          { panic("contract") }

// RunnerConfig is what the runner side needs; the JavaScript side is injected,
// so that this package knows nothing of it.
type RunnerConfig struct {
	// Load makes the script of a bundle ready.
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
	Log      func(LogLine)
}

// Inspection mirrors sandbox.Inspection.
type Inspection struct {
	Options []byte
	Exports []string
	Metrics []metric.Metric
}

// Serve is the runner: it speaks the protocol on stream until it is told to
// end or the stream breaks.
func Serve(ctx context.Context, stream io.ReadWriteCloser, c RunnerConfig) error { panic("contract") }
