package cluster

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/vu"
)

// ScriptError says that the script threw where that ends the test.
type ScriptError struct {
	Phase string // "init", "setup", "teardown", "handleSummary"
	Err   *vu.Exception
}

// TimeoutError says that a phase took too long.
type TimeoutError struct {
	Phase string // "init", "setup", "load", "teardown", "handleSummary"
	After time.Duration
}

// RunnerDied says that a runner ended without being told to.
type RunnerDied struct{ Cause string }

// ThresholdsFailed lists what crossed.
type ThresholdsFailed struct{ Failed []threshold.Verdict }

// Stopped says that Config.Stop (gracefully) or ctx (Hard) ended the run.
type Stopped struct{ Hard bool }

// Error names the phase and what was thrown.
func (e *ScriptError) Error() string { return e.Phase + " threw " + e.Err.Error() }

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
	return "thresholds failed: " + strings.Join(names, ", ")
}

// Error says who ended the run.
func (e *Stopped) Error() string {
	if e.Hard {
		return "stopped at once by signal"
	}
	return "stopped by signal"
}

// rank orders what may go wrong in one run; Run returns the highest, of equals
// the first.
func rank(err error) int {
	var (
		died    *RunnerDied
		stopped *Stopped
		failed  *ThresholdsFailed
		nothing *NothingTested
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &failed), errors.As(err, &nothing):
		return 1
	case errors.As(err, &stopped) && !stopped.Hard:
		return 2
	case errors.As(err, &stopped):
		return 4
	case errors.As(err, &died):
		return 5
	}
	return 3 // a script, a timeout, a fault of ours
}
