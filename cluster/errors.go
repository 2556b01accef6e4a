package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/vu"
)

// ScriptError says that the script threw where that ends the test, or that a
// function the test goes by gave no answer one can go by.
type ScriptError struct {
	Phase string // "init", "setup", "teardown", "handleSummary", or the name of the function
	Err   *vu.Exception
	// Wrong says that the function did not throw: Err tells what it did, as in
	// `returned {"users":-1}: users must be at least 0`.
	Wrong bool
}

// TimeoutError says that a phase took too long.
type TimeoutError struct {
	Phase string // "init", "setup", "load", "teardown", "handleSummary"
	After time.Duration
}

// RunnerDied says that a runner ended without being told to.
type RunnerDied struct{ Cause string }

// ThresholdsFailed lists what crossed.
type ThresholdsFailed struct {
	Failed []threshold.Verdict
	// Searches are those that found no rate, or too low a one.
	Searches []capacity.Report
}

// Aborted says that the script ended the test: test.abort.
type Aborted struct{ Reason string }

// Failed says that the script marked the test as failed: test.fail.
type Failed struct{ Reason string }

// Stopped says that Config.Stop or Control.Stop (gracefully) or ctx (Hard)
// ended the run.
type Stopped struct {
	Hard    bool
	Control bool // it was Control.Stop
}

// Error names the phase, what was thrown, and where.
func (e *ScriptError) Error() string {
	if e.Wrong {
		return e.Phase + "() " + e.Err.Error()
	}
	text := e.Phase + " threw " + e.Err.Error()
	if len(e.Err.Stack) > 0 {
		at := e.Err.Stack[0]
		text += fmt.Sprintf(" (%s:%d:%d)", at.File, at.Line, at.Column)
	}
	return text
}

// Steering reports whether it was a function that steers the load, such as a
// shape, and not a phase of the run.
func (e *ScriptError) Steering() bool {
	return !slices.Contains([]string{"init", "setup", "teardown", "handleSummary"}, e.Phase)
}

// Unwrap returns the exception.
func (e *ScriptError) Unwrap() error { return e.Err }

// Error names the phase and the limit.
func (e *TimeoutError) Error() string { return fmt.Sprintf("%s took longer than %s", e.Phase, e.After) }

// Error names the cause.
func (e *RunnerDied) Error() string { return "runner died: " + e.Cause }

// Error lists the thresholds.
func (e *ThresholdsFailed) Error() string {
	var names []string
	for _, v := range e.Failed {
		names = append(names, v.Name+" "+v.Expression)
	}
	return "thresholds failed: " + strings.Join(append(names, e.found()...), ", ")
}

// found says what the searches found.
func (e *ThresholdsFailed) found() (texts []string) {
	for _, s := range e.Searches {
		switch {
		case s.Rate == 0:
			texts = append(texts, "no rate held in "+s.Scenario)
		default:
			texts = append(texts, fmt.Sprintf("%s held in %s, less than %s",
				summary.RateIn(float64(s.Rate), s.TimeUnit), s.Scenario, summary.RateIn(float64(s.Demanded), s.TimeUnit)))
		}
	}
	return texts
}

// Error gives the reason.
func (e *Aborted) Error() string { return because("the script aborted the test", e.Reason) }

// Error gives the reason.
func (e *Failed) Error() string { return because("the script failed the test", e.Reason) }

func because(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + reason
}

// Error says who ended the run.
func (e *Stopped) Error() string {
	switch {
	case e.Hard:
		return "stopped at once by the user"
	case e.Control:
		return "stopped on request"
	}
	return "stopped by the user"
}

// rank orders what may go wrong in one run; Run returns the highest, of equals
// the first.
func rank(err error) int {
	var (
		died    *RunnerDied
		stopped *Stopped
		failed  *ThresholdsFailed
		nothing *NothingTested
		marked  *Failed
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed), errors.As(err, &nothing):
		return 1
	case errors.As(err, &marked):
		return 2
	case errors.As(err, &stopped) && !stopped.Hard:
		return 3
	case errors.As(err, &stopped):
		return 5
	case errors.As(err, &died):
		return 6
	}
	return 4 // a script, also one that aborted; a timeout; a fault of ours
}
