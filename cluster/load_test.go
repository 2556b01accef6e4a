package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/plan"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func TestShapeIsObeyed(t *testing.T) {
	var questions []map[string]float64
	p := &puppet{
		options: fmt.Sprintf(shaped, `, "tick": "2s"`), exports: []string{"wave"},
		answer: func(q map[string]float64) (string, *wire.Failure) {
			questions = append(questions, q)
			return []string{`{"users": 10}`, `{"users": 20, "spawnRate": 4}`, `[5, 2.5]`, ``}[min(len(questions), 4)-1], nil
		},
	}
	result, _, err := perform(t, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := p.scales()
	if len(got) != 4 || got[0][:3] != "10 " || got[1] != "20 at 4" || got[2] != "5 at 2.5" || got[3] != "end" {
		t.Errorf("orders %v", got)
	}
	for i, q := range questions {
		if q["elapsed"] != float64(2*i) || q["tick"] != float64(i) || i > 0 && q["users"] != float64([]int{10, 20, 5}[i-1]) {
			t.Errorf("question %d: %v", i, q)
		}
	}
	if d := result.Summary.Duration; len(questions) != 4 || d != 6*time.Second {
		t.Errorf("%d questions in %v", len(questions), d)
	}
}

// What a shape would answer in the moment its scenario ends concerns nobody.
func TestShapeIsNotAskedAtItsEnd(t *testing.T) {
	var at []float64
	p := &puppet{options: fmt.Sprintf(shaped, `, "duration": "4s", "gracefulStop": "0s"`), exports: []string{"wave"},
		answer: func(q map[string]float64) (string, *wire.Failure) {
			at = append(at, q["elapsed"])
			return `{"users": 2}`, nil
		}}
	if _, _, err := perform(t, p, nil); err != nil || !slices.Equal(at, []float64{0, 1, 2, 3}) {
		t.Errorf("%v, asked at %v", err, at)
	}
}

// A pause holds the questions up, and the function's time with them.
func TestShapeIsPaused(t *testing.T) {
	var at []float64
	p := &puppet{
		options: fmt.Sprintf(shaped, ``), exports: []string{"wave"},
		answer: func(q map[string]float64) (string, *wire.Failure) {
			if at = append(at, q["elapsed"]); len(at) == 10 {
				return "", nil
			}
			return `{"users": 1}`, nil
		},
	}
	result, _, err := perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			switch len(tr.observe.ticks) {
			case 3:
				tr.config.Control.Pause()
			case 63:
				tr.config.Control.Resume()
			}
		}
	})
	if err != nil || len(at) != 10 || at[9] < 8.9 || at[9] > 10.1 || result.Summary.Duration < time.Minute {
		t.Errorf("%v, asked at %v in %v", err, at, result.Summary.Duration)
	}
}

func TestShapeMakesNoSense(t *testing.T) {
	exception := &wire.Failure{Kind: wire.Failure_EXCEPTION, Exception: &wire.Exception{Name: "TypeError", Message: "no"}}
	for _, c := range []struct {
		answer  string
		failure *wire.Failure
		want    string
	}{
		{`{"users": null}`, nil, `wave() returned {"users": null}: users must be a finite number (NaN and Infinity arrive as null)`},
		{`{"users": 51}`, nil, `wave() returned {"users": 51}: users must be at most maxVUs, which is 50`},
		{`"` + strings.Repeat("x", 1000) + `"`, nil, "expected an object"},
		{"silence", nil, "wave() took longer than 5s"},
		{"", exception, "wave threw TypeError: no"},
		{"", &wire.Failure{Kind: wire.Failure_INTERRUPTED}, "wave() took longer than 5s"},
		{"", &wire.Failure{Text: "no such function"}, "wave() could not be asked: no such function"},
	} {
		n := 0
		p := &puppet{options: fmt.Sprintf(shaped, ``), exports: []string{"wave", "teardown"},
			answer: func(map[string]float64) (string, *wire.Failure) {
				if n++; n < 4 {
					return `{"users": 1}`, nil
				}
				return c.answer, c.failure
			}}
		result, tr, err := perform(t, p, nil)
		var script *ScriptError
		if !errors.As(err, &script) || script.Phase != "wave" || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 500 {
			t.Errorf("%.60s: %v, want %q", c.answer, err, c.want)
		}
		if result == nil || result.Summary.Passed || result.Summary.Duration > 15*time.Second {
			t.Errorf("%.60s: %+v", c.answer, result)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init load teardown summary" {
			t.Errorf("phases %s", got)
		}
	}
}

// A paused run does not run out of time; one that was told to wait says so once.
func TestPausedRunsWait(t *testing.T) {
	p := &puppet{options: `{"vus": 1, "duration": "10s", "paused": true}`}
	result, tr, err := perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			if len(tr.observe.ticks) == 3 {
				if err := tr.config.Control.Scale("", engine.Level{VUs: 7}); err != nil {
					t.Error(err)
				}
				if err := tr.config.Control.Resume(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if err != nil || result.Summary.Duration != 10*time.Second {
		t.Errorf("%v, %v", err, result.Summary.Duration)
	}
	if got := tr.observe.from("control"); len(got) != 3 || !strings.Contains(got[0], "paused and waits: resume it") || !strings.HasSuffix(got[1], " goes to 7 VUs") {
		t.Errorf("said %q", got)
	}
	if got := p.scales(); strings.Join(got, ", ") != "7 at 0, resume" {
		t.Errorf("orders %v", got)
	}
	if s := tr.observe.ticks[1].Status; !s.Paused {
		t.Errorf("status %+v", s)
	}
}

// What a pause takes from a rate is not the target's fault.
func TestRatesLeaveOutPauses(t *testing.T) {
	p := &puppet{options: `{
		"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 50, "duration": "20s", "preAllocatedVUs": 1}},
		"thresholds": {"http_reqs": ["rate>49", {"threshold": "rate>48", "abortOnFail": true, "delayAbortEval": "3s"}]}
	}`}
	result, tr, err := perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			switch len(tr.observe.ticks) {
			case 4:
				tr.config.Control.Pause()
			case 12:
				tr.config.Control.Resume()
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s := result.Summary
	if s.Duration != 20*time.Second || s.Paused != 8*time.Second || s.Total.Count != 600 || s.Total.Rate != 50 {
		t.Errorf("%d requests, %g/s in %v of which %v were paused", s.Total.Count, s.Total.Rate, s.Duration, s.Paused)
	}
	if load := tr.observe.ticks[14].Load; load != 7*time.Second {
		t.Errorf("tick at 15 s, 8 s of it paused, after %v", load)
	}
}

// The load's time limit stands still while it is paused, whatever happens.
func TestTheDeadlineMovesWithPauses(t *testing.T) {
	p := &puppet{options: `{"scenarios": {"a": {"executor": "externally-controlled", "vus": 1, "maxVUs": 5}}}`}
	_, tr, err := perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			switch len(tr.observe.ticks) {
			case 5:
				tr.config.Control.Pause()
			case 7200: // two hours later
				tr.config.Control.Stop()
			}
		}
	})
	var stopped *Stopped
	if !errors.As(err, &stopped) || !stopped.Control || len(tr.observe.ticks) < 7200 {
		t.Errorf("%v after %d ticks", err, len(tr.observe.ticks))
	}
}

func TestLimitsOfTheLoad(t *testing.T) {
	const vus, grace = 10, 7 * time.Second
	p := func(executor string, duration, perVU time.Duration) *plan.Plan {
		return &plan.Plan{
			Scenarios:      []plan.Scenario{{Name: "a", Executor: executor, VUs: vus, Duration: duration, GracefulStop: grace}},
			VUSetupTimeout: perVU, VUTeardownTimeout: perVU,
		}
	}
	hooks := []string{"default", "vuSetup", "vuTeardown"}
	for _, c := range []struct {
		plan        *plan.Plan
		exported    []string
		load, drain time.Duration
	}{
		{p(plan.ConstantVUs, time.Minute, time.Second), nil, time.Minute + grace + overtime, grace + overtime},
		{p(plan.ConstantVUs, time.Minute, time.Second), hooks, time.Minute + grace + overtime + (1+vus)*time.Second, grace + overtime + (1+vus)*time.Second},
		{p(plan.ConstantVUs, time.Minute, time.Second), hooks[:2], time.Minute + grace + overtime + time.Second, grace + overtime + time.Second},
		{p(plan.ConstantVUs, time.Minute, 0), hooks, time.Minute + grace + overtime, grace + overtime},
		{p(plan.ConstantVUs, time.Minute, never/2), hooks, never, never},
		{p(plan.ExternallyControlled, 0, time.Second), nil, never, grace + overtime},
		{p(plan.Users, time.Minute, time.Second), nil, time.Minute + grace + overtime, grace + overtime},
	} {
		if got := loadLimit(c.plan, c.exported); got != c.load {
			t.Errorf("%s with %v: load %v, want %v", c.plan.Scenarios[0].Executor, c.exported, got, c.load)
		}
		if got := drainLimit(c.plan, c.exported); got != c.drain {
			t.Errorf("%s with %v: drain %v, want %v", c.plan.Scenarios[0].Executor, c.exported, got, c.drain)
		}
	}
}

const windowed = `{"scenarios": {"a": {"executor": "constant-arrival-rate", "rate": 10, "duration": "60s", "preAllocatedVUs": 2}},
	"thresholds": {"http_req_duration": [{"threshold": "p(95)<200 over 10s"%s}], "http_reqs": ["rate>9 over 5s"]}}`

func TestWindowsDecide(t *testing.T) {
	hiccup := func(_ float64, age time.Duration) float64 {
		if age > 20*time.Second && age < 25*time.Second {
			return 1000
		}
		return 20
	}
	// Ten seconds of a minute were slow, but no p(95) of the whole.
	p := &puppet{options: fmt.Sprintf(windowed, ""), latency: hiccup}
	result, tr, err := perform(t, p, nil)
	var failed *ThresholdsFailed
	if !errors.As(err, &failed) || len(failed.Failed) != 1 {
		t.Fatalf("%v, %+v", err, result.Summary.Thresholds)
	}
	if v := failed.Failed[0]; v.At < 21*time.Second || v.At > 36*time.Second || v.Over != 10*time.Second || v.Observed < 900 {
		t.Errorf("%+v", v)
	}
	for i, tick := range tr.observe.ticks {
		if v := tick.Verdicts[0]; v.OK != (i < 20) && (i < 19 || i > 24) {
			t.Errorf("tick %d: %+v", i, v)
		}
	}
	p = &puppet{options: fmt.Sprintf(windowed, `, "abortOnFail": true`), latency: hiccup}
	result, _, err = perform(t, p, nil)
	if !errors.As(err, &failed) || !failed.Failed[0].Aborted || result.Summary.Duration > 30*time.Second {
		t.Errorf("%v after %v", err, result.Summary.Duration)
	}
	// A pause is no time in which too little happened.
	p = &puppet{options: fmt.Sprintf(windowed, "")}
	result, _, err = perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			switch len(tr.observe.ticks) {
			case 20:
				tr.config.Control.Pause()
			case 40:
				tr.config.Control.Resume()
			}
		}
	})
	if err != nil {
		t.Errorf("%v: %+v", err, result.Summary.Thresholds)
	}
}

// A runner that says anything at any time during the load: the coordinator
// comes to an end, and what it prints is made of numbers.
func TestCoordinatorSurvivesAnything(t *testing.T) {
	b, err := testBundle()
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []string{
		fmt.Sprintf(searching, `, "maxDuration": "60s"`), fmt.Sprintf(shaped, `, "duration": "60s"`), fmt.Sprintf(windowed, `, "abortOnFail": true`),
	} {
		rapid.Check(t, func(rt *rapid.T) {
			moment := func(name string) int64 {
				return rapid.OneOf(rapid.Just(int64(0)), rapid.Int64(), rapid.Map(rapid.Int64Range(-1e11, 1e11), func(d int64) int64 {
					return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano() + d // near the clock of the bubble
				})).Draw(rt, name)
			}
			var said []*wire.Message
			for range rapid.IntRange(1, 30).Draw(rt, "messages") {
				said = append(said, rapid.SampledFrom([]func() *wire.Message{
					func() *wire.Message {
						return &wire.Message{Body: &wire.Message_Status{Status: &wire.Status{
							Elapsed: rapid.Int64().Draw(rt, "elapsed"), Until: moment("until"), Vitals: &wire.Vitals{Cause: "cpu"},
							Scenarios: []*wire.ScenarioStatus{{
								Name: rapid.SampledFrom([]string{"find", "wave", "a", "?"}).Draw(rt, "name"), State: rapid.SampledFrom([]string{"", "waiting", "running", "stopping", "done", "?"}).Draw(rt, "state"),
								Elapsed: rapid.Int64().Draw(rt, "age"), Started: rapid.Uint64().Draw(rt, "started"), Dropped: rapid.Uint64().Draw(rt, "dropped"), Vus: rapid.Uint32().Draw(rt, "vus"),
							}},
						}}}
					},
					func() *wire.Message {
						return &wire.Message{Body: &wire.Message_Advice{Advice: &wire.Advice{
							Number: rapid.Uint64Range(0, 5).Draw(rt, "number"), Value: rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "value"),
						}}}
					},
					func() *wire.Message {
						return &wire.Message{Body: &wire.Message_Ruling{Ruling: &wire.Ruling{Kind: wire.Ruling_Kind(rapid.IntRange(0, 4).Draw(rt, "kind"))}}}
					},
					func() *wire.Message {
						return &wire.Message{Body: &wire.Message_Delta{Delta: &wire.Delta{
							Epoch: 1, Seq: rapid.Uint64Range(0, 4).Draw(rt, "seq"), Marks: []*wire.Mark{{From: rapid.Int64().Draw(rt, "from"), To: rapid.Int64().Draw(rt, "to"), Cause: "gc"}},
							Snapshot: &wire.Snapshot{
								End:    proto.Int64(moment("end")),
								Defs:   []*wire.SeriesDef{{Id: 1, Name: "http_reqs", Type: 1}},
								Deltas: []*wire.SeriesDelta{{Id: 1, Count: rapid.Uint64Range(0, 1<<53).Draw(rt, "count")}},
							},
						}}}
					},
				}).Draw(rt, "message")())
			}
			synctest.Test(t, func(t *testing.T) {
				result, err := Run(context.Background(), Config{Bundle: b, Observer: &witness{}, Connect: func(context.Context) (Link, error) {
					return newImpostor(func(c *wire.Conn) { babble(c, options, said) }), nil
				}})
				if result == nil || result.Summary == nil || err == nil {
					rt.Errorf("%v, %v", result, err)
				}
				if _, err := json.Marshal(result.Summary); err != nil {
					rt.Error(err)
				}
			})
		})
	}
}

// babble is a runner that behaves until the load begins, then says its piece,
// half a second apart, and leaves.
func babble(c *wire.Conn, options string, said []*wire.Message) {
	for {
		m, err := c.Read()
		if err != nil {
			return
		}
		switch m.Body.(type) {
		case *wire.Message_Hello:
			c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Hello{Hello: wire.NewHello(wire.RoleRunner)}})
		case *wire.Message_Load:
			c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Answer{Answer: &wire.Answer{
				Inspection: &wire.Inspection{Options: []byte(options), Exports: []string{"default", "wave"}}}}})
		case *wire.Message_Start:
			go func() { // it must not hold the coordinator up
				for _, err := c.Read(); err == nil; _, err = c.Read() {
				}
			}()
			for _, m := range said {
				time.Sleep(time.Second / 2)
				c.Write(m)
			}
			return
		case *wire.Message_Prepare:
			c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Answer{Answer: &wire.Answer{}}})
		}
	}
}
