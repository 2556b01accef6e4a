package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a vu.Script whose iterations take as long as the scenario's env
// says under "TAKES", in milliseconds.
type script struct {
	vu.Script // setup and the like are not the engine's
	t         *testing.T
	top       func(id vu.Identity) error // nil: works
	iterate   func(it vu.Iteration) error
	setup     func(id vu.Identity) error                      // vuSetup; nil: nothing
	teardown  func(ctx context.Context, id vu.Identity) error // vuTeardown

	open  atomic.Int64
	mu    sync.Mutex
	begun map[string][]time.Duration // begins by scenario
	used  map[string]map[uint64]bool // VUs by scenario
	zero  time.Time
}

func newScript(t *testing.T) *script {
	return &script{t: t, begun: make(map[string][]time.Duration), used: make(map[string]map[uint64]bool), zero: time.Now()}
}

func (s *script) NewVU(_ context.Context, id vu.Identity) (vu.VU, error) {
	if s.top != nil {
		if err := s.top(id); err != nil {
			return nil, err
		}
	}
	s.open.Add(1)
	return &user{script: s, id: id}, nil
}

type user struct {
	script *script
	id     vu.Identity
	busy   atomic.Bool
}

func (u *user) Iterate(ctx context.Context, it vu.Iteration) error {
	if u.busy.Swap(true) {
		u.script.t.Errorf("VU %d: two iterations at once", u.id.InInstance)
	}
	defer u.busy.Store(false)
	s, name := u.script, it.Scenario.Name
	s.mu.Lock()
	s.begun[name] = append(s.begun[name], time.Since(s.zero))
	if s.used[name] == nil {
		s.used[name] = make(map[uint64]bool)
	}
	s.used[name][u.id.InInstance] = true
	s.mu.Unlock()
	if s.iterate != nil {
		return s.iterate(it)
	}
	var ms int
	fmt.Sscan(it.Scenario.Env["TAKES"], &ms)
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return nil
	case <-ctx.Done():
		return &vu.Interrupted{Cause: context.Cause(ctx)}
	}
}

func (u *user) Close() { u.script.open.Add(-1) }

// events counts what is reported.
type events struct{ exceptions, faults atomic.Int64 }

func (e *events) Exception(string, *vu.Exception) { e.exceptions.Add(1) }
func (e *events) Fault(string, error)             { e.faults.Add(1) }

// bench is a run with what it is connected to.
type bench struct {
	*Run
	t        *testing.T
	script   *script
	events   *events
	registry *metric.Registry
}

func newBench(t *testing.T, p *plan.Plan) *bench {
	b := &bench{t: t, script: newScript(t), events: new(events), registry: metric.NewRegistry(metric.Options{})}
	b.Run = New(Config{Plan: p, Script: b.script, Registry: b.registry, Events: b.events})
	return b
}

// execute runs it to the end and returns how long that took.
func (b *bench) execute(ctx context.Context) time.Duration {
	b.t.Helper()
	if err := b.Init(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	begin := time.Now()
	b.script.zero = begin
	if err := b.Execute(ctx); err != nil {
		b.t.Error(err)
	}
	if n := b.script.open.Load(); n != 0 {
		b.t.Errorf("%d VUs open after Execute", n)
	}
	return time.Since(begin)
}

func (b *bench) metrics() *metric.Set {
	set := metric.NewSet()
	if err := set.Merge("test", b.registry.Snapshot(time.Now())); err != nil {
		b.t.Fatal(err)
	}
	return set
}

func constant(name string, start time.Duration, vus int, d time.Duration, ms string) plan.Scenario {
	return plan.Scenario{
		Name: name, Executor: plan.ConstantVUs, StartTime: start, VUs: vus, Duration: d,
		GracefulStop: 5 * time.Second, Env: map[string]string{"TAKES": ms},
	}
}

func TestScenariosInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{
			constant("a", 0, 3, 10*time.Second, "400"),
			constant("b", 4*time.Second, 2, 10*time.Second, "700"),
		}})
		type moment struct {
			at           time.Duration
			vus          int
			stateA       string
			stateB       string
			progressA    float64
			startedB     uint64
			plannedB     int
			elapsedOfOne time.Duration
		}
		want := []moment{
			{1100 * time.Millisecond, 3, "running", "waiting", 0.11, 0, 0, 0},
			{6100 * time.Millisecond, 5, "running", "running", 0.61, 8, 2, 2100 * time.Millisecond},
			{12100 * time.Millisecond, 2, "done", "running", 1, 24, 2, 8100 * time.Millisecond},
			{14100 * time.Millisecond, 2, "done", "stopping", 1, 30, 0, 10100 * time.Millisecond},
		}
		go func() {
			synctest.Wait()
			for _, w := range want {
				time.Sleep(w.at - b.Status().Elapsed)
				synctest.Wait()
				st := b.Status()
				sa, sb := st.Scenarios[0], st.Scenarios[1]
				got := moment{st.Elapsed, st.VUs, sa.State, sb.State, math.Round(sa.Progress*1e6) / 1e6, sb.Started, sb.VUsPlanned, sb.Elapsed}
				if got != w {
					t.Errorf("status %+v, want %+v", got, w)
				}
				if st.VUsMax != 5 || sa.VUs+sb.VUs != st.VUs {
					t.Errorf("status %+v", st)
				}
			}
		}()
		const end = 4*time.Second + 10500*time.Millisecond
		if took := b.execute(t.Context()); took != end {
			t.Errorf("took %v", took)
		}
		time.Sleep(time.Second)
		if e := b.Status().Elapsed; e != end {
			t.Errorf("elapsed %v a second after the end", e)
		}
		if first := b.script.begun["b"][0]; first != 4*time.Second {
			t.Errorf("b began at %v", first)
		}
		st := b.Status()
		if a := st.Scenarios[0]; a.Complete != 75 || a.Started != 75 || a.Interrupted != 0 || a.Progress != 1 || a.State != "done" {
			t.Errorf("a: %+v", a)
		}
		if b := st.Scenarios[1]; b.Complete != 30 || b.Started != 30 || b.Progress != 1 {
			t.Errorf("b: %+v", b)
		}
		set := b.metrics()
		for name, n := range map[string]float64{"a": 75, "b": 30} {
			if got, _ := set.Select(metric.Iterations, metric.NewTags(metric.Tag{Key: "scenario", Value: name})); got.Sum != n {
				t.Errorf("%v iterations of %s, want %v", got.Sum, name, n)
			}
		}
	})
}

func TestGauges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{
			Tags: map[string]string{"build": "7"},
			Scenarios: []plan.Scenario{
				constant("a", 0, 3, 4*time.Second, "400"),
				constant("b", 2*time.Second, 2, 2*time.Second, "400"),
			},
		})
		b.execute(t.Context())
		set := b.metrics()
		// Two changes, and one value at 0.5, 1.5, 2.5 and 3.5 s.
		vus, _ := set.Select(metric.VUs, metric.NewTags(metric.Tag{Key: "build", Value: "7"}))
		if vus.Count != 6 || vus.Min != 3 || vus.Max != 5 || vus.Last != 5 {
			t.Errorf("vus: %+v", vus)
		}
		most, _ := set.Select(metric.VUsMax, metric.Tags{})
		if most.Count != 5 || most.Min != 5 || most.Max != 5 {
			t.Errorf("vus_max: %+v", most)
		}
	})
}

func TestHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := constant("a", 0, 4, 5*time.Second, "3600000")
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{a, constant("b", 10*time.Second, 4, 5*time.Second, "500")}})
		if took := b.execute(t.Context()); took != 15*time.Second {
			t.Errorf("took %v", took)
		}
		if n := len(b.script.begun["b"]); n != 40 || len(b.script.used["b"]) != 4 {
			t.Errorf("%d iterations of b by VUs %v", n, b.script.used["b"])
		}
		if st := b.Status(); st.Scenarios[0].Interrupted != 4 {
			t.Errorf("status %+v", st)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{
			constant("a", 0, 3, time.Hour, "2000"),
			constant("b", time.Minute, 2, time.Hour, "2000"),
		}})
		go func() {
			time.Sleep(9 * time.Second)
			b.Stop()
			b.Stop()
		}()
		if took := b.execute(t.Context()); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		st := b.Status()
		if a := st.Scenarios[0]; a.Complete != 15 || a.Interrupted != 0 || a.State != "done" || a.Progress > 0.01 {
			t.Errorf("a: %+v", a)
		}
		if b := st.Scenarios[1]; b.Started != 0 || b.State != "done" || b.Elapsed != 0 {
			t.Errorf("b: %+v", b)
		}
	})
}

func TestStopThenCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 3, time.Hour, "3600000")}})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(9 * time.Second)
			b.Stop()
			time.Sleep(time.Second)
			cancel()
		}()
		if took := b.execute(ctx); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if a := b.Status().Scenarios[0]; a.Complete != 0 || a.Interrupted != 3 {
			t.Errorf("a: %+v", a)
		}
	})
}

func TestEndedBeforeItBegins(t *testing.T) {
	for _, how := range []string{"stop", "cancel"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{
					constant("a", 0, 3, time.Hour, "100"),
					constant("b", time.Second, 3, time.Hour, "100"),
				}})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if how == "stop" {
					b.Stop()
				} else {
					cancel()
				}
				if took := b.execute(ctx); took != 0 {
					t.Errorf("took %v", took)
				}
				for _, s := range b.Status().Scenarios {
					if s.Started != 0 || s.State != "done" {
						t.Errorf("%+v", s)
					}
				}
			})
		})
	}
}

func TestInitThrows(t *testing.T) {
	b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 100, time.Second, "100")}})
	thrown := &vu.Exception{Name: "TypeError", Message: "x is undefined"}
	b.script.top = func(id vu.Identity) error {
		if id.InInstance == 3 {
			return thrown
		}
		return nil
	}
	if err := b.Init(t.Context()); err != thrown {
		t.Errorf("error %v", err)
	}
	if n := b.script.open.Load(); n != 0 {
		t.Errorf("%d VUs open", n)
	}
	if err := b.Execute(t.Context()); err == nil {
		t.Error("Execute after a failed Init gave no error")
	}
}

func TestCloseInsteadOfExecute(t *testing.T) {
	b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 3, time.Second, "100")}})
	if st := b.Status(); st.Elapsed != 0 || st.VUsMax != 0 || st.Scenarios[0].State != "waiting" {
		t.Errorf("status %+v", st)
	}
	if err := b.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.script.open.Load(); n != 3 {
		t.Errorf("%d VUs open", n)
	}
	b.Close()
	if n := b.script.open.Load(); n != 0 {
		t.Errorf("%d VUs open after Close", n)
	}
	if err := b.Execute(t.Context()); err == nil {
		t.Error("Execute after Close gave no error")
	}
}

func TestLostVUsAreAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{constant("a", 0, 3, 10*time.Second, "100")}})
		if err := b.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.script.top = func(vu.Identity) error { return errors.New("no memory") }
		b.script.iterate = func(it vu.Iteration) error {
			time.Sleep(100 * time.Millisecond)
			if it.InScenario == 10 {
				return errors.New("broken")
			}
			return nil
		}
		err := b.Execute(t.Context())
		if want := `scenario "a": lost 1 VUs that could not be replaced: no memory`; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if n := b.events.faults.Load(); n != 2 {
			t.Errorf("%d faults", n)
		}
		if n := b.script.open.Load(); n != 0 {
			t.Errorf("%d VUs open", n)
		}
	})
}

func TestUnknownExecutor(t *testing.T) {
	b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{{Name: "a", Executor: "rocket", VUs: 1}}})
	if err := b.Init(t.Context()); err == nil || !strings.Contains(err.Error(), `unknown executor "rocket"`) {
		t.Errorf("error %v", err)
	}
	if st := b.Status(); len(st.Scenarios) != 1 {
		t.Errorf("status %+v", st)
	}
}

func TestSystemTags(t *testing.T) {
	for _, tt := range []struct {
		name string
		tags []string
		want bool
	}{
		{"not given", nil, true},
		{"with scenario", []string{"url", "scenario"}, true},
		{"without", []string{"url"}, false},
		{"none", []string{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, &plan.Plan{SystemTags: tt.tags, Scenarios: []plan.Scenario{constant("a", 0, 1, time.Second, "100")}})
				b.execute(t.Context())
				for tags := range b.metrics().Series(metric.Iterations) {
					if _, ok := tags.Get("scenario"); ok != tt.want {
						t.Errorf("tags %v", tags)
					}
				}
			})
		})
	}
}

// TestStatusWhileRunning reads Status from several goroutines in real time;
// the race detector watches.
func TestStatusWhileRunning(t *testing.T) {
	b := newBench(t, &plan.Plan{Scenarios: []plan.Scenario{
		{Name: "a", Executor: plan.SharedIterations, VUs: 8, Iterations: 20_000, MaxDuration: time.Hour},
	}})
	b.script.iterate = func(it vu.Iteration) error {
		if it.InScenario%100 == 0 {
			return &vu.Exception{Name: "Error", Message: "now and then"}
		}
		return nil
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			var before ScenarioStatus
			for {
				s := b.Status().Scenarios[0]
				if s.Complete+s.Interrupted > s.Started || s.Complete < before.Complete || s.Progress < before.Progress || s.Progress > 1 {
					t.Errorf("%+v after %+v", s, before)
					return
				}
				before = s
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	b.execute(t.Context())
	close(done)
	readers.Wait()
	s := b.Status().Scenarios[0]
	if s.Started != 20_000 || s.Complete != 20_000 || s.Progress != 1 {
		t.Errorf("%+v", s)
	}
	if n := b.events.exceptions.Load(); n != 200 {
		t.Errorf("%d exceptions", n)
	}
}

func (s *script) Function(context.Context, string) (vu.Function, error) {
	return nil, errors.New("no function")
}

func (u *user) Setup(context.Context) error {
	if u.script.setup != nil {
		return u.script.setup(u.id)
	}
	return nil
}

func (u *user) Teardown(ctx context.Context) error {
	if u.script.teardown != nil {
		return u.script.teardown(ctx, u.id)
	}
	return nil
}
