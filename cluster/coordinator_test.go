package cluster

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox/bundle"
)

type connect = func(ctx context.Context) (Link, error)

var all = []string{"setup", "teardown", "handleSummary"}

func TestRunCountsExactly(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{
			Options: `{"vus": 8, "iterations": 2000, "thresholds": {"done": ["count>=2002"], "http_req_duration": ["p(95)<1000"]}}`,
			Exports: all, Records: 3, Pause: time.Millisecond,
		}, connect)
		result, err := tr.run()
		if err != nil {
			t.Fatal(err)
		}
		const want = 3*2000 + 2 // setup and teardown record one each
		if got := metricOf(result, "done", "count"); got != want {
			t.Errorf("done: %v, want %d", got, want)
		}
		if got := metricOf(result, "iterations", "count"); got != 2000 {
			t.Errorf("iterations: %v", got)
		}
		if got := tr.observe.from("total"); !reflect.DeepEqual(got, []string{strconv.Itoa(want)}) {
			t.Errorf("the script counted %v, want %d", got, want)
		}
		if got := tr.observe.from("data"); !reflect.DeepEqual(got, []string{`{"token":"abc"}`}) {
			t.Errorf("teardown got %v", got)
		}
		s := result.Summary
		if !s.Passed || len(s.Thresholds) < 2 || s.Iterations != 2000 || s.VUsMax != 8 || s.Script != "script.js" || s.Isolation != "process" {
			t.Errorf("summary: %+v", s)
		}
		if len(s.Scenarios) != 1 || s.Scenarios[0].Iterations != 2000 {
			t.Errorf("scenarios: %+v", s.Scenarios)
		}
		if want := []string{"init", "setup", "load", "teardown", "summary"}; !reflect.DeepEqual(tr.observe.phases, want) || tr.observe.plans != 1 {
			t.Errorf("phases: %v, %d plans", tr.observe.phases, tr.observe.plans)
		}
		if !strings.Contains(string(result.Files["stdout"]), `"metrics"`) {
			t.Errorf("handleSummary got %.100s", result.Files["stdout"])
		}
	})
}

func TestRunTicks(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 2, "duration": "2700ms", "thresholds": {"done": ["count>0"]}}`, Pause: 5 * time.Millisecond}, connect)
		result, err := tr.run()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(tr.observe.ticks); n < 2 {
			t.Fatalf("%d ticks in 2.7 s", n)
		}
		last := uint64(0)
		for i, tick := range tr.observe.ticks {
			if tr.observe.counts[i] < last {
				t.Errorf("tick %d: count fell from %d to %d", i, last, tr.observe.counts[i])
			}
			last = tr.observe.counts[i]
			if len(tick.Verdicts) == 0 {
				t.Errorf("tick %d has no verdicts", i)
			}
		}
		if last == 0 || float64(last) > metricOf(result, "done", "count") {
			t.Errorf("last tick saw %d of %v", last, metricOf(result, "done", "count"))
		}
		if st := tr.observe.ticks[len(tr.observe.ticks)-1].Status; len(st.Scenarios) != 1 || st.VUsMax != 2 || st.Scenarios[0].Started == 0 {
			t.Errorf("status: %+v", st)
		}
		if d := result.Summary.Duration; d < 2*time.Second || d > 30*time.Second {
			t.Errorf("duration %v", d)
		}
	})
}

// What goes wrong before the load, and what is left of it.
func TestRunEndsEarly(t *testing.T) {
	script := func(err error) string {
		var e *ScriptError
		if errors.As(err, &e) {
			return e.Phase + ": " + e.Err.Error()
		}
		return fmt.Sprintf("%T %v", err, err)
	}
	for _, c := range []struct {
		name, options string
		do            map[string]string
		want          string
		result        bool
		phases        string
	}{
		{"init throws", `{}`, map[string]string{"init": "throw no"}, "init: TypeError: no", false, "init"},
		{"init fails", `{}`, map[string]string{"init": "fault broken"}, "*errors.errorString init: broken", false, "init"},
		{"program cannot use the plan", `{}`, map[string]string{"program": "unusable is none"}, "plan.Problems proxy: is none", false, "init"},
		{"program fails", `{}`, map[string]string{"program": "fault broken"}, "*errors.errorString init: broken", false, "init"},
		{"vu throws", `{}`, map[string]string{"vu": "throw no"}, "init: TypeError: no", false, "init"},
		{"setup throws", `{}`, map[string]string{"setup": "throw no"}, "setup: TypeError: no", true, "init setup summary"},
		{"setup hangs", `{"setupTimeout": "100ms"}`, map[string]string{"setup": "hang"}, "*cluster.TimeoutError setup took longer than 100ms", true, "init setup summary"},
		{"teardown throws", `{}`, map[string]string{"teardown": "throw no"}, "teardown: TypeError: no", true, "init setup load teardown summary"},
		{"teardown hangs", `{"teardownTimeout": "100ms"}`, map[string]string{"teardown": "hang"}, "*cluster.TimeoutError teardown took longer than 100ms", true, "init setup load teardown summary"},
		{"handleSummary throws", `{}`, map[string]string{"summary": "throw no"}, "handleSummary: TypeError: no", true, "init setup load teardown summary"},
		{"handleSummary hangs", `{"handleSummaryTimeout": "100ms"}`, map[string]string{"summary": "hang"}, "*cluster.TimeoutError handleSummary took longer than 100ms", true, "init setup load teardown summary"},
		{"script error over threshold", `{"thresholds": {"done": ["count<0"]}}`, map[string]string{"teardown": "throw no"}, "teardown: TypeError: no", true, "init setup load teardown summary"},
	} {
		t.Run(c.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, connect connect) {
				tr := newTrial(t, &fake{Options: c.options, Exports: all, Do: c.do}, connect)
				result, err := tr.run()
				if got := script(err); got != c.want {
					t.Errorf("error %q, want %q", got, c.want)
				}
				if (result != nil) != c.result {
					t.Fatalf("result: %+v", result)
				}
				if got := strings.Join(tr.observe.phases, " "); got != c.phases {
					t.Errorf("phases %q, want %q", got, c.phases)
				}
				if result == nil {
					return
				}
				if result.Summary.Passed || len(result.Summary.Reasons) == 0 {
					t.Errorf("summary: passed %v, reasons %v", result.Summary.Passed, result.Summary.Reasons)
				}
				if got := metricOf(result, "done", "count"); got == 0 {
					t.Error("what setup recorded is lost")
				}
			})
		})
	}
}

func TestRunReportsProblemsBeforeLoad(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vuss": 3, "duration": -1}`, Exports: all}, connect)
		result, err := tr.run()
		var problems plan.Problems
		if !errors.As(err, &problems) || len(problems) != 2 || result != nil {
			t.Errorf("got %v, %v", result, err)
		}
		if tr.observe.plans != 0 || len(tr.observe.phases) != 1 {
			t.Errorf("went on: %v", tr.observe.phases)
		}
	})
}

func TestRunAsksWhetherThePlanCanBeUsed(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"rps": 3}`, Exports: all}, connect)
		tr.config.Check = func(p *plan.Plan) error {
			return &plan.Fault{Path: []string{"rps"}, Message: fmt.Sprintf("%d is no good", p.HTTP.RPS)}
		}
		result, err := tr.run()
		var problems plan.Problems
		if !errors.As(err, &problems) || err.Error() != "rps: 3 is no good" || result != nil {
			t.Errorf("got %v, %v", result, err)
		}
		if tr.observe.plans != 0 || len(tr.observe.phases) != 1 {
			t.Errorf("went on: %v", tr.observe.phases)
		}
	})
}

func TestRunScriptsWithoutFunctions(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{}`, Do: map[string]string{"setup": "throw no", "teardown": "throw no", "summary": "throw no"}}, connect)
		result, err := tr.run()
		if err != nil || result.Files != nil {
			t.Fatalf("%v, files %v", err, result.Files)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init load summary" {
			t.Errorf("phases %q", got)
		}
	})
}

func TestRunExceptionsInIterations(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 4, "iterations": 400}`, Do: map[string]string{"iteration": "throw order is undefined"}}, connect)
		result, err := tr.run()
		var failed *ThresholdsFailed
		if !errors.As(err, &failed) || len(failed.Failed) != 1 || !failed.Failed[0].Default {
			t.Fatalf("error %v", err)
		}
		errs := result.Summary.Errors
		if len(errs) != 1 || errs[0].Count != 400 || errs[0].File != "script.js" || errs[0].Line != 4 || !strings.Contains(errs[0].Message, "order is undefined") {
			t.Errorf("errors: %+v", errs)
		}
		seen := tr.observe.exceptions
		if len(seen) == 0 || seen[len(seen)-1].Count != 400 || seen[0].Error.Name != "TypeError" || seen[0].Scenario != "default" {
			t.Errorf("observer saw %+v", seen)
		}
	})
}

func TestRunThresholdsFail(t *testing.T) {
	tr := newTrial(t, &fake{Options: `{"iterations": 3, "thresholds": {"done": ["count<3", "count>1"]}}`}, connectors["off"])
	result, err := tr.run()
	var failed *ThresholdsFailed
	if !errors.As(err, &failed) || len(failed.Failed) != 1 || failed.Failed[0].Observed != 3 {
		t.Fatalf("error %v", err)
	}
	if result.Summary.Passed || !strings.Contains(err.Error(), "done count<3") {
		t.Errorf("%v: %+v", err, result.Summary)
	}
}

func TestRunThresholdAborts(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{
			Options: `{"vus": 2, "duration": "10m", "thresholds": {"done": [{"threshold": "count<10", "abortOnFail": true, "delayAbortEval": "1500ms"}]}}`,
			Exports: all, Pause: 2 * time.Millisecond,
		}, connect)
		result, err := tr.run()
		var failed *ThresholdsFailed
		if !errors.As(err, &failed) || !failed.Failed[0].Aborted {
			t.Fatalf("error %v", err)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init setup load teardown summary" {
			t.Errorf("phases %q", got)
		}
		if d := result.Summary.Duration; d < 1500*time.Millisecond || d > time.Minute {
			t.Errorf("aborted after %v", d)
		}
		if !strings.Contains(strings.Join(result.Summary.Reasons, "\n"), "aborted the run") {
			t.Errorf("reasons %v", result.Summary.Reasons)
		}
		if total := tr.observe.from("total"); len(total) != 1 || total[0] != fmt.Sprint(metricOf(result, "done", "count")) {
			t.Errorf("the script counted %v, the result %v", total, metricOf(result, "done", "count"))
		}
	})
}

func TestRunStopsGracefully(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 2, "duration": "10m"}`, Exports: all, Pause: 2 * time.Millisecond}, connect)
		tr.observe.onTick = func(Tick) {
			select {
			case <-tr.stop:
			default:
				close(tr.stop)
			}
		}
		result, err := tr.run()
		var stopped *Stopped
		if !errors.As(err, &stopped) || stopped.Hard {
			t.Fatalf("error %v", err)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init setup load teardown summary" {
			t.Errorf("phases %q", got)
		}
		if result.Files["stdout"] == nil || len(result.Summary.Reasons) == 0 {
			t.Errorf("summary %+v", result.Summary)
		}
		if total := tr.observe.from("total"); len(total) != 1 || total[0] != fmt.Sprint(metricOf(result, "done", "count")) {
			t.Errorf("the script counted %v, the result %v", total, metricOf(result, "done", "count"))
		}
	})
}

func TestRunStopsTwice(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		// Iterations that do not end by themselves: the first stop waits for
		// gracefulStop, the second does not.
		tr := newTrial(t, &fake{
			Options: `{"scenarios": {"a": {"executor": "constant-vus", "vus": 2, "duration": "10m", "gracefulStop": "10m"}}}`,
			Exports: all, Do: map[string]string{"iteration": "hang"},
		}, connect)
		ctx, cancel := context.WithCancel(tr.ctx)
		defer cancel()
		tr.ctx = ctx
		ticks := 0
		tr.observe.onTick = func(Tick) {
			switch ticks++; ticks {
			case 1:
				close(tr.stop)
			case 2:
				cancel()
			}
		}
		result, err := tr.run()
		var stopped *Stopped
		if !errors.As(err, &stopped) || !stopped.Hard {
			t.Fatalf("error %v", err)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init setup load summary" {
			t.Errorf("phases %q", got)
		}
		if ticks != 2 || result.Summary.Interrupted != 2 || metricOf(result, "done", "count") != 3 {
			t.Errorf("%d ticks; summary %+v", ticks, result.Summary)
		}
	})
}

// A stop at any moment leaves a result or none, never a hang.
func TestRunStopsInPhases(t *testing.T) {
	for _, c := range []struct {
		phase  string
		do     map[string]string
		result bool
	}{
		{"init", map[string]string{"init": "hang"}, false},
		{"init", map[string]string{"vu": "hang"}, false},
		{"setup", map[string]string{"setup": "hang"}, true},
	} {
		overBoth(t, func(t *testing.T, connect connect) {
			for _, hard := range []bool{false, true} {
				tr := newTrial(t, &fake{Options: `{}`, Exports: all, Do: c.do}, connect)
				ctx, cancel := context.WithCancel(tr.ctx)
				tr.ctx = ctx
				tr.observe.onPhase = func(name string) {
					if name == c.phase {
						end := func() { close(tr.stop) }
						if hard {
							end = cancel
						}
						time.AfterFunc(50*time.Millisecond, end)
					}
				}
				result, err := tr.run()
				var stopped *Stopped
				if !errors.As(err, &stopped) || stopped.Hard != hard || (result != nil) != c.result {
					t.Errorf("%v, hard %v: %v, %v", c.do, hard, result, err)
				}
				if result != nil && result.Summary.Passed && hard {
					t.Errorf("a run cut off passed")
				}
				cancel()
			}
		})
	}
}

func TestRunConnectFails(t *testing.T) {
	tr := newTrial(t, &fake{}, func(context.Context) (Link, error) { return nil, errors.New("no more processes") })
	if result, err := tr.run(); result != nil || err == nil || !strings.Contains(err.Error(), "no more processes") {
		t.Errorf("%v, %v", result, err)
	}
}

func TestRunTamperedBundle(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{}`}, connect)
		whole := tr.config.Bundle
		tr.config.Bundle = &bundle.Bundle{
			Entry: whole.Entry, Code: append([]byte("evil();"), whole.Code...), Map: whole.Map,
			Sources: whole.Sources, Hash: whole.Hash,
		}
		if result, err := tr.run(); result != nil || err == nil || !strings.Contains(err.Error(), "hash") {
			t.Errorf("%v, %v", result, err)
		}
	})
}

func TestRunLogs(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{}`, Exports: all, Do: map[string]string{"setup": "log 20", "teardown": "log 100000"}}, connect)
		if _, err := tr.run(); err != nil {
			t.Fatal(err)
		}
		lines := tr.observe.from("console")
		if len(lines) < 20+logBurst/2 || len(lines) > 20+logBurst+20*logPace {
			t.Fatalf("%d lines", len(lines))
		}
		for i := range 20 {
			if lines[i] != fmt.Sprintf("setup %d", i) {
				t.Errorf("line %d: %q", i, lines[i])
			}
		}
		dropped := 0
		for _, text := range tr.observe.from("log") {
			var n int
			fmt.Sscan(text, &n)
			dropped += n
		}
		if dropped+len(lines) != 100020 {
			t.Errorf("%d lines and %d left out", len(lines), dropped)
		}
	})
}
