package cluster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/vu"
)

// What a script says of the whole test, in every phase.
func TestScriptRules(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     map[string]string
		err    string
		result bool
		phases string
	}{
		{"abort in init", map[string]string{"init": "abort no data"}, "the script aborted the test: no data", false, "init"},
		{"abort in a VU's init", map[string]string{"vu": "abort no data"}, "the script aborted the test: no data", false, "init"},
		{"abort in setup", map[string]string{"setup": "abort no data"}, "the script aborted the test: no data", true, "init setup teardown summary"},
		{"abort in an iteration", map[string]string{"iteration": "abort"}, "the script aborted the test", true, "init setup load teardown summary"},
		{"abort in teardown", map[string]string{"teardown": "abort late"}, "the script aborted the test: late", true, "init setup load teardown summary"},
		{"abort, then teardown throws", map[string]string{"iteration": "abort first", "teardown": "throw no"}, "the script aborted the test: first", true, "init setup load teardown summary"},
		{"fail in init", map[string]string{"init": "fail no data"}, "the script failed the test: no data", true, "init setup load teardown summary"},
		{"fail in setup", map[string]string{"setup": "fail no data"}, "the script failed the test: no data", true, "init setup load teardown summary"},
		{"fail in an iteration", map[string]string{"iteration": "fail no data"}, "the script failed the test: no data", true, "init setup load teardown summary"},
		{"fail in teardown", map[string]string{"teardown": "fail no data"}, "the script failed the test: no data", true, "init setup load teardown summary"},
		{"fail in handleSummary", map[string]string{"summary": "fail no data"}, "the script failed the test: no data", true, "init setup load teardown summary"},
		{"fail, then throw", map[string]string{"setup": "fail no data", "teardown": "throw no"}, "teardown threw TypeError: no (script.js:4:2)", true, "init setup load teardown summary"},
		{"fail, then abort", map[string]string{"setup": "fail no data", "iteration": "abort so"}, "the script aborted the test: so", true, "init setup load teardown summary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, connect connect) {
				tr := newTrial(t, &fake{Options: `{"vus": 2, "iterations": 20}`, Exports: all, Do: c.do}, connect)
				result, err := tr.run()
				if err == nil || err.Error() != c.err {
					t.Errorf("error %v, want %q", err, c.err)
				}
				if got := strings.Join(tr.observe.phases, " "); got != c.phases {
					t.Errorf("phases %q, want %q", got, c.phases)
				}
				if (result != nil) != c.result {
					t.Fatalf("result %+v", result)
				}
				if result == nil {
					return
				}
				if result.Summary.Passed || len(result.Summary.Reasons) == 0 {
					t.Errorf("passed %v, reasons %q", result.Summary.Passed, result.Summary.Reasons)
				}
				if strings.Contains(c.name, "fail in") && result.Summary.Iterations != 20 {
					t.Errorf("%d iterations: the test did not go on", result.Summary.Iterations)
				}
			})
		})
	}
}

// An abort ends a load that would go on for long, and loses nothing.
func TestAbortEndsTheLoad(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 3, "duration": "10m"}`, Exports: all, Do: map[string]string{"iteration": "abort enough"}}, connect)
		result, err := tr.run()
		var aborted *Aborted
		if !errors.As(err, &aborted) || aborted.Reason != "enough" {
			t.Fatalf("error %v", err)
		}
		if total := tr.observe.from("total"); len(total) != 1 || result.Files["stdout"] == nil {
			t.Errorf("teardown counted %v, files %v", total, len(result.Files))
		}
		// These iterations take no time: some begin before the goroutine that
		// ends the load has had its turn, as it has at each yield of a VU.
		if n := metricOf(result, "done", "count"); n > 10_000 {
			t.Errorf("%v samples: iterations began after the abort", n)
		}
		if d := result.Summary.Duration; d > time.Minute {
			t.Errorf("aborted after %v", d)
		}
	})
}

// However often a script says it, and however long it talks.
func TestRulingsAreBounded(t *testing.T) {
	r := newRulings()
	for range 1000 {
		r.abort(strings.Repeat("x", 1<<20))
		r.fail("\xff")
	}
	taken := r.take()
	if len(taken) != 2 || len(taken[0].Reason) > maxReason || taken[1].Reason == "\xff" || r.take() != nil {
		t.Errorf("took %d", len(taken))
	}
}

func TestErrorsAreRanked(t *testing.T) {
	order := [][]error{
		{nil},
		{&ThresholdsFailed{Failed: []threshold.Verdict{{}}}, &NothingTested{}},
		{&Failed{}},
		{&Stopped{}, &Stopped{Control: true}},
		{&Aborted{}, &ScriptError{Err: &vu.Exception{}}, &TimeoutError{}, errors.New("a fault")},
		{&Stopped{Hard: true}},
		{&RunnerDied{}},
	}
	for i, equals := range order {
		for _, err := range equals {
			if rank(err) != i {
				t.Errorf("%T ranks %d, want %d", err, rank(err), i)
			}
		}
	}
}

func TestStopThroughControl(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 2, "duration": "10m"}`, Exports: all, Pause: 2 * time.Millisecond}, connect)
		tr.config.Control = NewControl()
		tr.observe.onTick = func(Tick) { tr.config.Control.Stop() }
		result, err := tr.run()
		var stopped *Stopped
		if !errors.As(err, &stopped) || stopped.Hard || !stopped.Control || err.Error() != "stopped on request" {
			t.Fatalf("error %v", err)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init setup load teardown summary" || result.Files["stdout"] == nil {
			t.Errorf("phases %q", got)
		}
		if err := tr.config.Control.Pause(); err == nil || !strings.Contains(err.Error(), "has ended") {
			t.Errorf("pause after the end: %v", err)
		}
	})
}

// Inspect leaves nothing behind and runs nothing but the top level.
func TestInspect(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 2}`, Exports: all, Do: map[string]string{"program": "panic ran"}}, connect)
		in, err := Inspect(tr.ctx, tr.config)
		if err != nil || string(in.Options) != `{"vus": 2}` || len(in.Exports) != 4 || len(in.Metrics) != 1 {
			t.Errorf("%+v, %v", in, err)
		}
		tr = newTrial(t, &fake{Do: map[string]string{"init": "throw no"}}, connect)
		var script *ScriptError
		if in, err := Inspect(tr.ctx, tr.config); !errors.As(err, &script) || in.Options != nil {
			t.Errorf("%+v, %v", in, err)
		}
	})
}

func TestInitTimeout(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		for _, c := range []struct {
			phase, options string
			limit, want    time.Duration
		}{
			{"init", `{}`, 80 * time.Millisecond, 80 * time.Millisecond},
			{"vu", `{"initTimeout": "90ms"}`, time.Minute, 90 * time.Millisecond},
		} {
			tr := newTrial(t, &fake{Options: c.options, Do: map[string]string{c.phase: "hang"}}, connect)
			tr.config.InitTimeout = c.limit
			result, err := tr.run()
			var timeout *TimeoutError
			if result != nil || !errors.As(err, &timeout) || timeout.Phase != "init" || timeout.After != c.want {
				t.Errorf("%s: %v, %v", c.phase, result, err)
			}
		}
	})
}
