package main

import (
	"errors"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// Exit codes. Those from 99 on are k6's where k6 has one.
const (
	exitUsage           = 2
	exitThresholds      = 99
	exitSetupTimeout    = 100
	exitTeardownTimeout = 101
	exitTimeout         = 102
	exitAPI             = 103
	exitConfiguration   = 104
	exitSignal          = 105
	exitCannotStart     = 106
	exitScript          = 107
	exitAborted         = 108
	exitInternal        = 109
	exitMarked          = 110
	exitRunnerDied      = 111
)

const exitHelp = `Exit codes:
    0  passed
    2  the command line is wrong
   99  a threshold failed, iterations of the script threw, or nothing was
       tested: no request was answered, or no iteration got anywhere; of
       swarm compare --fail-on: a value is worse, or none could be compared
  100  setup() took too long
  101  teardown() took too long
  102  something else took too long
  103  stopped through the API
  104  the options are wrong, or a result cannot be written
  105  stopped by a signal, Ctrl-C or a key
  106  cannot start: no script to read, or no runner
  107  the script is wrong: it does not parse, an import is missing, it threw
       outside an iteration
  108  the script ended the test with test.abort()
  109  a fault of swarm itself
  110  the script marked the test as failed with test.fail()
  111  the runner died
`

// usageError is a mistake in the command line.
type usageError struct {
	message, hint string
}

func (e *usageError) Error() string { return e.message }

// configError is a setting that cannot be used.
type configError struct{ err error }

func (e *configError) Error() string { return e.err.Error() }
func (e *configError) Unwrap() error { return e.err }

// startError says that a run could not begin for lack of something outside the script.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// exitCode is the only place that turns an error into an exit code. Of errors
// that were joined the gravest counts.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case is[*usageError](err):
		return exitUsage
	case is[*startError](err):
		return exitCannotStart
	case is[*cluster.RunnerDied](err):
		return exitRunnerDied
	case is[*cluster.ScriptError](err):
		return exitScript
	case is[*cluster.TimeoutError](err):
		return timeoutCode(err)
	case is[*cluster.Aborted](err):
		return exitAborted
	case is[*cluster.Stopped](err):
		return stoppedCode(err)
	case is[plan.Problems](err), is[*configError](err):
		return exitConfiguration
	case is[bundle.Diagnostics](err):
		return diagnosticsCode(err)
	case is[*cluster.Failed](err):
		return exitMarked
	case is[*cluster.ThresholdsFailed](err), is[*cluster.NothingTested](err), is[*regressed](err), is[*unjudged](err):
		return exitThresholds
	}
	return exitInternal
}

func timeoutCode(err error) int {
	var timeout *cluster.TimeoutError
	errors.As(err, &timeout)
	switch timeout.Phase {
	case "setup":
		return exitSetupTimeout
	case "teardown":
		return exitTeardownTimeout
	}
	return exitTimeout
}

// stoppedCode tells who stopped the run.
func stoppedCode(err error) int {
	var stopped *cluster.Stopped
	if errors.As(err, &stopped); stopped.Control && !stopped.Hard {
		return exitAPI
	}
	return exitSignal
}

// diagnosticsCode tells a script that is wrong from one that is not there: what
// has no line was never read.
func diagnosticsCode(err error) int {
	var found bundle.Diagnostics
	errors.As(err, &found)
	for _, d := range found {
		if d.At.Line > 0 {
			return exitScript
		}
	}
	return exitCannotStart
}

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}
