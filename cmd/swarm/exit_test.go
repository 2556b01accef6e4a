package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

func TestExitCode(t *testing.T) {
	at := func(line int) bundle.Diagnostics {
		return bundle.Diagnostics{{At: bundle.Position{File: "a.js", Line: line}}}
	}
	thresholds := &cluster.ThresholdsFailed{}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&usageError{message: "x"}, 2},
		{thresholds, 99},
		{&cluster.TimeoutError{Phase: "setup"}, 100},
		{&cluster.TimeoutError{Phase: "teardown"}, 101},
		{&cluster.TimeoutError{Phase: "init"}, 102},
		{plan.Problems{{}}, 104},
		{&configError{errors.New("x")}, 104},
		{&cluster.Stopped{}, 105},
		{&cluster.Stopped{Hard: true}, 105},
		{&cluster.Stopped{Control: true}, 103},
		{&cluster.Stopped{Hard: true, Control: true}, 105},
		{&cluster.Aborted{Reason: "enough"}, 108},
		{&cluster.Failed{Reason: "not good"}, 110},
		{&located{error: errors.Join(&cluster.Failed{}, &configError{errors.New("disk full")}), told: true}, 104},
		{at(0), 106},
		{&startError{errors.New("x")}, 106},
		{at(3), 107},
		{&cluster.ScriptError{Phase: "setup", Err: &vu.Exception{}}, 107},
		{errors.New("anything else"), 109},
		{&cluster.RunnerDied{Cause: "signal: killed"}, 111},
		{fmt.Errorf("more: %w", thresholds), 99},
		{&located{error: fmt.Errorf("more: %w", at(3))}, 107},
		{&unjudged{"too short"}, 99},
		{errors.Join(thresholds, &configError{errors.New("disk full")}), 104},
		{errors.Join(thresholds, &cluster.RunnerDied{}), 111},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%T %v: %d, want %d", c.err, c.err, got, c.want)
		}
		help := regexp.MustCompile(`(?m)^ +` + strconv.Itoa(c.want) + `  \w`)
		if !help.MatchString(exitHelp) {
			t.Errorf("code %d is not in the help", c.want)
		}
	}
}

// Whatever the error, the user is told something, and nothing twice.
func TestFramesOfErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{&cluster.ThresholdsFailed{}, 1},
		{&located{error: &cluster.ThresholdsFailed{}, told: true}, 0},
		{&located{error: &cluster.Stopped{}, told: true}, 0},
		{&cluster.Stopped{}, 1},
		{&cluster.Aborted{}, 1},
		{&located{error: &cluster.Aborted{}, told: true}, 0},
		{&located{error: &cluster.ScriptError{Phase: "shape", Err: &vu.Exception{}}, told: true}, 0},
		{&located{error: &cluster.ScriptError{Phase: "setup", Err: &vu.Exception{}}, told: true}, 1},
		{&cluster.ScriptError{Phase: "shape", Err: &vu.Exception{}}, 1},
		{&cluster.Failed{}, 1},
		{&located{error: &cluster.Failed{}, told: true}, 0},
		{errors.New("anything"), 1},
		{plan.Problems{{Message: "a"}, {Message: "b"}}, 2},
		{&located{error: errors.Join(&cluster.ThresholdsFailed{}, &configError{errors.New("disk full")}), told: true}, 1},
	} {
		if got := frames(c.err); len(got) != c.want {
			t.Errorf("%T %v: %d frames, want %d", c.err, c.err, len(got), c.want)
		}
	}
}

func TestWordLength(t *testing.T) {
	for _, c := range []struct {
		line   string
		column int
		want   int
	}{
		{"  vus: 3", 3, 3}, {"'constant-vus', x", 1, 14}, {"`open", 1, 1}, {"größe: 1", 1, 5},
		{"x", 9, 0}, {"x", 0, 0}, {"", 1, 0}, {"a+b", 2, 0},
	} {
		if got := wordLength(c.line, c.column); got != c.want {
			t.Errorf("%q from %d: %d, want %d", c.line, c.column, got, c.want)
		}
	}
}
