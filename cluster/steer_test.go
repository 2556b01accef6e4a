package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/vu"
	"go.uber.org/goleak"
)

const manual = `{"scenarios": {"a": {"executor": "externally-controlled", "vus": 1, "maxVUs": 8, "gracefulStop": "1s"%s}}}`

// A test that is scaled, paused and resumed from outside, on real runners.
func TestRunIsSteered(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: fmt.Sprintf(manual, ""), Pause: 5 * time.Millisecond}, connect)
		c := NewControl()
		tr.config.Control = c
		must := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		var atPause []uint64
		step := 0
		tr.observe.onTick = func(tick Tick) {
			s := tick.Status.Scenarios[0]
			switch {
			case step == 0 && s.VUs == 1:
				must(c.Scale("a", engine.Level{VUs: 5}))
				if err := c.Scale("a", engine.Level{VUs: 9}); err == nil {
					t.Error("scaled beyond maxVUs")
				}
				step++
			case step == 1 && s.VUs == 5:
				must(c.Pause())
				step++
			case step == 2 && tick.Status.Paused:
				if atPause = append(atPause, s.Started); len(atPause) == 3 {
					must(c.Scale("", engine.Level{VUs: 2}))
					must(c.Resume())
					step++
				}
			case step == 3 && s.VUs == 2 && s.Started > atPause[2]:
				c.Stop()
				step++
			case step == 4, len(tr.observe.ticks) > 60:
				c.Stop()
			}
		}
		result, err := tr.run()
		var stopped *Stopped
		if !errors.As(err, &stopped) || step != 4 {
			t.Fatalf("%v at step %d, last tick %+v", err, step, tr.observe.ticks[len(tr.observe.ticks)-1].Status)
		}
		if atPause[1] != atPause[2] { // the first report may be of the moment itself
			t.Errorf("iterations began during the pause: %v", atPause)
		}
		if got := tr.observe.from("control"); len(got) != 4 {
			t.Errorf("said %q", got)
		}
		if result.Summary.VUsMax < 5 || result.Timeline == nil {
			t.Errorf("%+v", result.Summary)
		}
	})
}

func TestRunBeginsPaused(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		tr := newTrial(t, &fake{Options: `{"vus": 2, "iterations": 50, "paused": true}`, Exports: all}, connect)
		c := NewControl()
		tr.config.Control = c
		tr.observe.onTick = func(tick Tick) {
			if len(tr.observe.ticks) == 2 {
				if s := tick.Status; !s.Paused || s.Scenarios[0].Started != 0 {
					t.Errorf("not paused: %+v", s)
				}
				c.Resume()
			}
		}
		result, err := tr.run()
		if err != nil || result.Summary.Iterations != 50 || len(tr.observe.ticks) < 2 {
			t.Errorf("%v, %+v", err, result.Summary)
		}
	})
}

const waving = `{"scenarios": {"a": {"executor": "shape", "shape": "wave", "maxVUs": 8, "tick": "250ms", "gracefulStop": "1s"}}}`

// A shape that a real runner's script answers for.
func TestShapeOnRunners(t *testing.T) {
	for _, c := range []struct{ do, want string }{
		{`return {"users":3} {"users":3} {"users":3} {"users":3} {"users":3} {"users":1} undefined`, ""},
		{`return {"users":3} {"users":null}`, `wave() returned {"users":null}: users must be a finite number`},
		{"throw no more", "wave threw TypeError: no more"},
		{"hang", "wave() took longer than 1.25s"},
		{"fault broken", "wave() could not be asked: broken"},
	} {
		t.Run(c.do, func(t *testing.T) {
			overBoth(t, func(t *testing.T, connect connect) {
				tr := newTrial(t, &fake{Options: waving, Exports: append(slices.Clone(all), "wave"), Do: map[string]string{"shape": c.do}, Pause: 5 * time.Millisecond}, connect)
				result, err := tr.run()
				var script *ScriptError
				if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &script) || !strings.Contains(err.Error(), c.want)) {
					t.Fatalf("error %v, want %q", err, c.want)
				}
				if got := strings.Join(tr.observe.phases, " "); got != "init setup load teardown summary" {
					t.Errorf("phases %q", got)
				}
				asked := tr.observe.from("asked")
				if len(asked) < 2 || asked[len(asked)-1] != "closed" || !strings.Contains(asked[0], `"elapsed":0,`) {
					t.Errorf("asked %q", asked)
				}
				if c.want == "" && (result.Summary.Iterations < 100 || result.Summary.VUsMax < 3 || len(asked) != 8) {
					t.Errorf("%d questions, %+v", len(asked), result.Summary)
				}
			})
		})
	}
}

// What a coordinator says at the wrong time, or in another version's words, is
// not the end of a runner.
func TestRunnerIgnoresLateOrders(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		d := converse(t, connect)
		for _, m := range []*wire.Message{
			{Body: &wire.Message_Control{Control: &wire.Control{Order: &wire.Control_Pause{Pause: &wire.Pause{}}}}},
			{Body: &wire.Message_Control{Control: &wire.Control{}}},
			{Body: &wire.Message_Control{}},
			{Body: &wire.Message_Consult{Consult: &wire.Consult{Number: 1, Function: "f"}}},
			{Body: &wire.Message_Consult{}},
			{Body: &wire.Message_Ruling{Ruling: &wire.Ruling{Kind: 9}}},
			{Body: &wire.Message_Advice{}},
		} {
			if err := d.conn.Write(m); err != nil {
				t.Fatal(err)
			}
		}
		d.greet()
		if a := d.load(&fake{}); a.GetInspection() == nil {
			t.Errorf("answered %v", a)
		}
		d.goodbye()
		d.ends("nil")
	})
}

// deafLoad takes orders, in any order, and writes them down.
type deafLoad struct{ got []string }

func (l *deafLoad) Pause() error  { l.got = append(l.got, "pause"); return nil }
func (l *deafLoad) Resume() error { l.got = append(l.got, "resume"); return errors.New("cannot") }
func (l *deafLoad) Scale(name string, to engine.Level) error {
	l.got = append(l.got, fmt.Sprint(name, to.VUs))
	return nil
}
func (l *deafLoad) Stop() {}

// askable answers a function with its own name, slowly if it is "slow".
type askable struct{ vu.Script }

func (askable) Function(_ context.Context, name string) (vu.Function, error) {
	if name == "absent" {
		return nil, &vu.Exception{Name: "ReferenceError", Message: "no such function"}
	}
	return &askedFunction{name}, nil
}

type askedFunction struct{ name string }

func (f *askedFunction) Call(ctx context.Context, arg []byte) ([]byte, error) {
	switch f.name {
	case "slow":
		<-ctx.Done()
		return nil, &vu.Interrupted{Cause: ctx.Err()}
	case "large":
		return []byte(`"` + strings.Repeat("x", 1<<20) + `"`), nil
	}
	return arg, nil
}

func (f *askedFunction) Close() {}

// Orders are carried out in their order, those included that came before the
// load began; what cannot be is told; questions do not hold them up.
func TestPilot(t *testing.T) {
	defer goleak.VerifyNone(t)
	h := &helm{}
	scale := func(n uint32) *wire.Control {
		return &wire.Control{Order: &wire.Control_Scale{Scale: &wire.Scale{Scenario: "a", Vus: n}}}
	}
	if h.order(scale(9)) != nil || h.ask(&wire.Consult{}) != nil {
		t.Error("what comes outside a load must be dropped")
	}
	h.expect()
	ask := func(number uint64, name string, timeout time.Duration) {
		if err := h.ask(&wire.Consult{Number: number, Function: name, Arg: []byte(`{"a":1}`), Timeout: int64(timeout)}); err != nil {
			t.Error(err)
		}
	}
	ask(1, "slow", 20*time.Millisecond)
	h.order(scale(1))
	h.order(&wire.Control{Order: &wire.Control_Pause{}})
	h.order(&wire.Control{}) // of a newer version
	advices := make(chan *wire.Advice, 10)
	load := &deafLoad{}
	p := &pilot{helm: h, load: load, script: askable{}, log: newLineQueue(time.Now()),
		send: func(m *wire.Message) error { advices <- m.GetAdvice(); return nil }}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); p.steer(ctx) }()
	h.order(&wire.Control{Order: &wire.Control_Resume{}})
	h.order(scale(2))
	ask(2, "quick", time.Minute)
	ask(3, "absent", time.Minute)
	ask(4, "large", time.Minute)
	got := map[uint64]*wire.Advice{}
	for range 4 {
		a := <-advices
		got[a.Number] = a
	}
	ask(5, "slow", 0) // cut off by the end of the load
	h.leave()
	cancel()
	<-ended
	if f := got[1].GetFailure(); f.GetKind() != wire.Failure_INTERRUPTED {
		t.Errorf("slow: %v", got[1])
	}
	if string(got[2].GetValue()) != `{"a":1}` || got[2].Failure != nil {
		t.Errorf("quick: %v", got[2])
	}
	if f := got[3].GetFailure(); f.GetKind() != wire.Failure_EXCEPTION || f.GetException().GetName() != "ReferenceError" {
		t.Errorf("absent: %v", got[3])
	}
	if f := got[4].GetFailure(); f == nil || got[4].Value != nil || !strings.Contains(f.Text, "1048578 bytes") {
		t.Errorf("large: %v", f)
	}
	if want := []string{"a1", "pause", "resume", "a2"}; !slices.Equal(load.got, want) {
		t.Errorf("carried out %v, want %v", load.got, want)
	}
	if lines := p.log.take(false); len(lines) != 1 || lines[0].Text != "cannot" {
		t.Errorf("told %v", lines)
	}
}

// A helm that nobody reads does not grow for ever.
func TestHelmIsBounded(t *testing.T) {
	h := &helm{}
	h.expect()
	var err error
	for n := 0; err == nil; n++ {
		if err = h.order(&wire.Control{}); n > maxWaiting {
			t.Fatal("no end")
		}
	}
	if !errors.Is(err, wire.ErrMalformed) {
		t.Error(err)
	}
}
