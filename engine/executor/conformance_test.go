package executor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	crewSize = 4
	span     = 10 * time.Second
	grace    = 5 * time.Second
)

// candidates are scenarios of crewSize VUs that work all the time from 0 to
// span, provided the iterations executors have enough to do.
func candidates() []plan.Scenario {
	half := []plan.Stage{{Duration: span / 2, Target: crewSize}, {Duration: span / 2, Target: crewSize}}
	return []plan.Scenario{
		{Executor: plan.ConstantVUs, VUs: crewSize, Duration: span},
		{Executor: plan.SharedIterations, VUs: crewSize, Iterations: plenty * crewSize, MaxDuration: span},
		{Executor: plan.PerVUIterations, VUs: crewSize, Iterations: plenty, MaxDuration: span},
		{Executor: plan.RampingVUs, StartVUs: crewSize, Stages: half, GracefulRampDown: grace},
		{Executor: plan.ExternallyControlled, VUs: crewSize, MaxVUs: 2 * crewSize, Duration: span},
		{Executor: plan.Users, VUs: crewSize, Duration: span, Classes: []plan.Class{{Name: "Buyer", Weight: 1}}},
		{Executor: plan.Shape, PreAllocatedVUs: crewSize, MaxVUs: 2 * crewSize, Duration: span}, // told before it begins
		// So many arrive that all VUs are busy.
		flood(plan.Scenario{Executor: plan.ConstantArrivalRate, Rate: torrent, Duration: span}),
		flood(plan.Scenario{Executor: plan.RampingArrivalRate, StartRate: torrent, Stages: []plan.Stage{{Duration: span / 2, Target: 2 * torrent}, {Duration: span / 2, Target: torrent}}}),
		flood(plan.Scenario{Executor: plan.Capacity, Rate: torrent, MaxDuration: span}),
		flood(plan.Scenario{Executor: plan.Shape, Open: true, Duration: span}),
	}
}

// torrent is a rate per second that gives every VU something to do at once.
const torrent = 10_000_000_000

func flood(s plan.Scenario) plan.Scenario {
	s.TimeUnit, s.PreAllocatedVUs, s.MaxVUs, s.MaxIterationDelay = time.Second, crewSize, crewSize, 10*time.Millisecond
	return s
}

// plenty is more iterations than a VU can do within a span in these tests.
const plenty = 1000

// conformance is what every executor must do, whichever it is.
var conformance = []struct {
	name string
	// closed says that only closed models can: those that go by VUs.
	closed bool
	// change adapts the plan; nil leaves it.
	change func(p *plan.Plan, s *plan.Scenario)
	// borrow takes a VU out of the pool first: g.borrowed.
	borrow  bool
	iterate func(g *stage, ctx context.Context, v *fakeVU, it vu.Iteration) error
	// most is how many VUs the pool can have; 0: no more than it has at first.
	most int
	// during runs beside the executor; nil for nothing.
	during func(g *stage, hard context.CancelFunc)
	check  func(t *testing.T, g *stage)
}{
	{
		name: "VUs iterate all the time and no iteration begins after the span",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 300*time.Millisecond)
		},
		check: func(t *testing.T, g *stage) {
			// 34 begin per VU, the last at 9.9 s.
			wantIterations(t, g, 34*crewSize, 0)
			wantTook(t, g, 10200*time.Millisecond)
			wantBeginsBefore(t, g, span)
		},
	},
	{
		name: "an iteration that ends with the span has no successor",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Second)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 10*crewSize, 0)
			wantTook(t, g, span)
		},
	},
	{
		name: "running iterations get gracefulStop",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 7*time.Second)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 2*crewSize, 0)
			wantTook(t, g, 14*time.Second)
		},
	},
	{
		name: "after gracefulStop they are interrupted",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Hour)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, crewSize)
			wantTook(t, g, span+grace)
			for _, l := range g.log {
				if !errors.Is(l.err, errGracefulStop) {
					t.Errorf("interrupted because %v", l.err)
				}
			}
		},
	},
	{
		name:   "no gracefulStop interrupts at the end of the span",
		change: func(_ *plan.Plan, s *plan.Scenario) { s.GracefulStop = 0 },
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 7*time.Second)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, crewSize, crewSize)
			wantTook(t, g, span)
		},
	},
	{
		name: "stop is graceful",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 2*time.Second)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(3 * time.Second)
			close(g.stop)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 2*crewSize, 0)
			wantTook(t, g, 4*time.Second)
		},
	},
	{
		name: "stop ends in interruption after gracefulStop",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Hour)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(3 * time.Second)
			close(g.stop)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, crewSize)
			wantTook(t, g, 3*time.Second+grace)
		},
	},
	{
		name: "cancellation is at once",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 2*time.Second)
		},
		during: func(_ *stage, hard context.CancelFunc) {
			time.Sleep(3 * time.Second)
			hard()
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, crewSize, crewSize)
			wantTook(t, g, 3*time.Second)
		},
	},
	{
		name: "cancellation during gracefulStop is at once",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Hour)
		},
		during: func(g *stage, hard context.CancelFunc) {
			time.Sleep(time.Second)
			close(g.stop)
			time.Sleep(time.Second)
			hard()
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, crewSize)
			wantTook(t, g, 2*time.Second)
		},
	},
	{
		name: "a run that is cancelled before it begins ends",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Hour)
		},
		during: func(_ *stage, hard context.CancelFunc) { hard() },
		check:  func(t *testing.T, g *stage) { wantTook(t, g, 0) },
	},
	{
		name: "name, exec, env and tags reach the VU",
		change: func(_ *plan.Plan, s *plan.Scenario) {
			s.Exec = "buy"
			s.Env = map[string]string{"CURRENCY": "EUR"}
			s.Tags = map[string]string{"team": "shop"}
			for i := range s.Classes {
				s.Classes[i].Exec = "buy"
			}
		},
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 3*time.Second)
		},
		check: func(t *testing.T, g *stage) {
			if len(g.log) == 0 {
				t.Fatal("no iteration")
			}
			first := g.log[0].Scenario
			own := map[string]string{"team": "shop"}
			if g.scenario.Executor == plan.Users {
				own[UserTag] = "Buyer"
			}
			if first.Name != "work" || first.Exec != "buy" ||
				!maps.Equal(first.Env, map[string]string{"CURRENCY": "EUR"}) ||
				!maps.Equal(first.Tags, own) {
				t.Errorf("the VU got %+v", first)
			}
			for _, l := range g.log {
				if l.Scenario != first {
					t.Fatal("the scenario's pointer changed")
				}
				if l.Scheduled != g.scenario.Arrives() {
					t.Errorf("scheduled: %v", l.Scheduled)
				}
			}
			for _, name := range []string{metric.Iterations, metric.IterationDuration} {
				all := maps.Clone(own)
				all["scenario"], all["build"] = "work", "7"
				want := metric.TagsFromMap(all)
				for tags := range g.recorded.Series(name) {
					if tags.String() != want.String() {
						t.Errorf("%s recorded with tags %v", name, tags)
					}
				}
			}
		},
	},
	{
		name: "each VU has a goroutine of its own",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Second)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(time.Second / 2)
			synctest.Wait()
			if g.crew.Active() != crewSize || g.host.VUs.Now() != crewSize || g.crew.Started() != crewSize {
				g.t.Errorf("%d VUs active, %d counted, %d iterations begun", g.crew.Active(), g.host.VUs.Now(), g.crew.Started())
			}
			planned := g.executor.Planned(g.crew.Elapsed())
			if g.crew.State() != Running || !g.scenario.Arrives() && planned.VUs != crewSize || g.scenario.Arrives() && planned.Rate < torrent {
				g.t.Errorf("%v with %+v planned", g.crew.State(), planned)
			}
		},
		check: func(t *testing.T, g *stage) {
			vus := make(map[vu.Identity]int)
			for _, l := range g.log {
				vus[l.vu]++
			}
			if len(vus) != crewSize {
				t.Errorf("%d VUs worked", len(vus))
			}
			if n, _ := g.recorded.Select(metric.VUs, metric.Tags{}); n.Max != crewSize || n.Min != crewSize {
				t.Errorf("gauge vus from %v to %v", n.Min, n.Max)
			}
		},
	},
	{
		name: "an exception is counted and the VU goes on",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, it vu.Iteration) error {
			if err := sleep(ctx, 300*time.Millisecond); err != nil {
				return err
			}
			if it.InVU%2 == 1 {
				return &vu.Exception{Name: "TypeError", Message: "order is undefined"}
			}
			return nil
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 34*crewSize, 0)
			if len(g.exceptions) != 17*crewSize || g.exceptions[0].Error() != "TypeError: order is undefined" {
				t.Errorf("%d exceptions, first %v", len(g.exceptions), g.exceptions[0])
			}
			if len(g.script.made) != crewSize {
				t.Errorf("%d VUs were made", len(g.script.made))
			}
		},
	},
	{
		name: "an interruption of its own is not an iteration and the VU goes on",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, it vu.Iteration) error {
			if err := sleep(ctx, 300*time.Millisecond); err != nil {
				return err
			}
			if it.InVU%2 == 1 {
				return &vu.Interrupted{Cause: errors.New("out of memory")}
			}
			return nil
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 17*crewSize, 17*crewSize)
			if len(g.exceptions) != 0 {
				t.Errorf("%d exceptions", len(g.exceptions))
			}
		},
	},
	{
		name: "a VU that faults is replaced by one of the same identity",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, it vu.Iteration) error {
			if err := sleep(ctx, 300*time.Millisecond); err != nil {
				return err
			}
			if it.InVU == 5 {
				return errors.New("the runtime is broken")
			}
			return nil
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 33*crewSize, crewSize)
			if len(g.faults) != crewSize || len(g.script.made) != 2*crewSize {
				t.Errorf("%d faults, %d VUs made", len(g.faults), len(g.script.made))
			}
			seen := make(map[vu.Identity]int)
			for _, v := range g.script.made {
				seen[v.id]++
			}
			for n := range uint64(crewSize) {
				if id := (vu.Identity{InInstance: n + 1, InTest: n + 1}); seen[id] != 2 {
					t.Errorf("identity %v was made %d times", id, seen[id])
				}
			}
			if n, err := g.crew.Lost(); n != 0 || err != nil {
				t.Errorf("lost %d: %v", n, err)
			}
		},
	},
	{
		name: "a VU that cannot be replaced is lost, and the others go on",
		iterate: func(g *stage, ctx context.Context, v *fakeVU, it vu.Iteration) error {
			if err := sleep(ctx, 300*time.Millisecond); err != nil {
				return err
			}
			if it.InVU == 5 && v.id.InInstance == 1 {
				g.script.refuse.Store(true)
				return errors.New("the runtime is broken")
			}
			return nil
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 34*(crewSize-1)+5, 1)
			if n, err := g.crew.Lost(); n != 1 || err != errNoVU {
				t.Errorf("lost %d: %v", n, err)
			}
			if len(g.faults) != 2 {
				t.Errorf("faults %v", g.faults)
			}
		},
	},
	{
		name: "when all VUs are lost the scenario ends",
		iterate: func(g *stage, _ context.Context, _ *fakeVU, _ vu.Iteration) error {
			time.Sleep(300 * time.Millisecond)
			return errors.New("the runtime is broken")
		},
		during: func(g *stage, _ context.CancelFunc) {
			g.script.refuse.Store(true)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, crewSize)
			if n, _ := g.crew.Lost(); n != crewSize {
				t.Errorf("lost %d", n)
			}
			wantTook(t, g, 300*time.Millisecond)
		},
	},
	{
		name:   "minIterationDuration paces",
		change: func(p *plan.Plan, _ *plan.Scenario) { p.MinIterationDuration = time.Second },
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, it vu.Iteration) error {
			if it.InVU == 3 {
				return sleep(ctx, 2*time.Second) // longer ones are not prolonged
			}
			return sleep(ctx, 300*time.Millisecond)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 9*crewSize, 0)
			wantTook(t, g, span) // the last pause is cut short
			for _, l := range g.log {
				if l.begin%time.Second != 0 {
					t.Errorf("an iteration began at %v", l.begin)
				}
			}
			if d, _ := g.recorded.Select(metric.IterationDuration, metric.Tags{}); d.Min != 300 || d.Max != 2000 {
				t.Errorf("iteration_duration from %v to %v ms", d.Min, d.Max)
			}
		},
	},
	{
		name:   "iterationTimeout interrupts one iteration",
		change: func(p *plan.Plan, _ *plan.Scenario) { p.IterationTimeout = time.Second },
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, it vu.Iteration) error {
			if it.InVU%2 == 1 {
				return sleep(ctx, time.Hour)
			}
			return sleep(ctx, 300*time.Millisecond)
		},
		check: func(t *testing.T, g *stage) {
			// 1.3 s a pair: 8 pairs begin, the last is over at 10.4 s.
			wantIterations(t, g, 8*crewSize, 8*crewSize)
			wantTook(t, g, 10400*time.Millisecond)
			if len(g.exceptions) != 8*crewSize || g.exceptions[0].Name != "TimeoutError" {
				t.Errorf("%d exceptions, first %v", len(g.exceptions), g.exceptions[0])
			}
		},
	},
	{
		name:   "startJitter spreads the first iterations evenly",
		closed: true,
		change: func(_ *plan.Plan, s *plan.Scenario) { s.StartJitter = 2 * time.Second },
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 3*time.Second)
		},
		check: func(t *testing.T, g *stage) {
			var first []time.Duration
			for _, l := range g.log {
				if l.InVU == 0 {
					first = append(first, l.begin)
				}
			}
			want := []time.Duration{0, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond}
			if slices.Sort(first); !slices.Equal(first, want) {
				t.Errorf("first iterations at %v, want %v", first, want)
			}
		},
	},
	{
		name:   "stop ends the wait of startJitter",
		closed: true,
		change: func(_ *plan.Plan, s *plan.Scenario) { s.StartJitter = 8 * time.Second },
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 400*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(time.Second)
			close(g.stop)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 3, 0)
			wantTook(t, g, 1200*time.Millisecond)
		},
	},
	{
		name:   "a VU in use elsewhere is waited for",
		borrow: true,
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 300*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(time.Second)
			g.host.Pool.Put(g.borrowed)
		},
		check: func(t *testing.T, g *stage) {
			// The late one has 9 s for 30 iterations.
			wantIterations(t, g, 34*(crewSize-1)+30, 0)
		},
	},
	{
		name: "no iteration begins during a pause, by which the schedule moves",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 300*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(3050 * time.Millisecond)
			g.host.Stopwatch.Pause()
			time.Sleep(time.Second)
			synctest.Wait()
			if g.crew.Active() != crewSize || g.crew.State() != Running {
				g.t.Errorf("%d VUs stay, %v", g.crew.Active(), g.crew.State())
			}
			time.Sleep(time.Second)
			g.host.Stopwatch.Resume()
		},
		check: func(t *testing.T, g *stage) {
			// 11 begin before, the last at 3 s; 24 after, from 5.05 s on.
			wantIterations(t, g, 35*crewSize, 0)
			for _, l := range g.log {
				if l.begin > 3050*time.Millisecond && l.begin < 5050*time.Millisecond {
					t.Errorf("an iteration began at %v", l.begin)
				}
			}
			wantBeginsBefore(t, g, span+2*time.Second)
			if want := 12250 * time.Millisecond; g.took != want || g.crew.Elapsed() != want-2*time.Second {
				t.Errorf("took %v, of which it counts %v", g.took, g.crew.Elapsed())
			}
		},
	},
	{
		name: "pausing again and again loses nothing",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 100*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			for range 20 {
				time.Sleep(130 * time.Millisecond)
				g.host.Stopwatch.Pause()
				time.Sleep(70 * time.Millisecond)
				g.host.Stopwatch.Resume()
			}
		},
		check: func(t *testing.T, g *stage) {
			// Two in each of the 20 turns of 200 ms, the second of which ends as
			// the pause does; then 74 in the 7.4 s that are left.
			wantIterations(t, g, (40+74)*crewSize, 0)
			if want := span + 20*70*time.Millisecond; g.took != want {
				t.Errorf("took %v, want %v", g.took, want)
			}
		},
	},
	{
		name: "stop ends a pause",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 300*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(time.Second)
			g.host.Stopwatch.Pause()
			time.Sleep(time.Second)
			close(g.stop)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 4*crewSize, 0)
			if g.took != 2*time.Second {
				t.Errorf("took %v", g.took)
			}
		},
	},
	{
		name: "cancellation ends a pause",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 300*time.Millisecond)
		},
		during: func(g *stage, hard context.CancelFunc) {
			time.Sleep(time.Second)
			g.host.Stopwatch.Pause()
			time.Sleep(time.Second)
			hard()
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 4*crewSize, 0)
			if g.took != 2*time.Second {
				t.Errorf("took %v", g.took)
			}
		},
	},
	{
		name: "gracefulStop runs on during a pause",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, time.Hour)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(time.Second)
			g.host.Stopwatch.Pause()
			time.Sleep(time.Second)
			close(g.stop)
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, crewSize)
			if g.took != 2*time.Second+grace {
				t.Errorf("took %v", g.took)
			}
		},
	},
	{
		name:   "VUs go on spread over startJitter after a pause",
		closed: true,
		change: func(_ *plan.Plan, s *plan.Scenario) { s.StartJitter = 2 * time.Second },
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 100*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(5 * time.Second)
			g.host.Stopwatch.Pause()
			time.Sleep(time.Second)
			g.host.Stopwatch.Resume()
		},
		check: func(t *testing.T, g *stage) {
			first := make(map[vu.Identity]time.Duration)
			for _, l := range g.log {
				if _, seen := first[l.vu]; l.begin >= 6*time.Second && !seen {
					first[l.vu] = l.begin
				}
			}
			got := slices.Sorted(maps.Values(first))
			want := []time.Duration{6 * time.Second, 6500 * time.Millisecond, 7 * time.Second, 7500 * time.Millisecond}
			if !slices.Equal(got, want) {
				t.Errorf("VUs went on at %v, want %v", got, want)
			}
		},
	},
	{
		name:   "it is scaled up and down, or says why not",
		closed: true,
		most:   2 * crewSize,
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 100*time.Millisecond)
		},
		during: func(g *stage, _ context.CancelFunc) {
			for at, n := range []int{4: 6, 6: 2, 7: 0, 8: 5} {
				if n == 0 && at != 7 {
					continue
				}
				time.Sleep(time.Duration(at)*time.Second + time.Millisecond - g.crew.Elapsed())
				err := g.executor.Scale(Level{VUs: n})
				time.Sleep(500 * time.Millisecond)
				synctest.Wait()
				if err != nil {
					n = crewSize // as before
					if want := g.scenario.Executor + " runs a fixed number of iterations on its VUs"; err.Error() != want {
						g.t.Errorf("%q, want %q", err, want)
					}
				}
				if got, planned := g.crew.Active(), g.executor.Planned(g.crew.Elapsed()).VUs; got != n || planned != n {
					g.t.Errorf("%d VUs at %v, %d planned; want %d", got, g.crew.Elapsed(), planned, n)
				}
			}
		},
		check: func(t *testing.T, g *stage) {
			wantBeginsBefore(t, g, span)
			if _, interrupted := g.crew.Ended(); interrupted != 0 {
				t.Errorf("%d iterations interrupted", interrupted)
			}
			if n := len(g.script.made); Scales(g.scenario) && n != 6 {
				t.Errorf("%d VUs made, 6 are needed at most", n)
			}
		},
	},
	{
		name: "it is ended early, gracefully, or says why not",
		iterate: func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			return sleep(ctx, 2*time.Second)
		},
		during: func(g *stage, _ context.CancelFunc) {
			time.Sleep(3 * time.Second)
			if err := g.executor.Scale(Level{End: true}); (err == nil) != Scales(g.scenario) {
				g.t.Errorf("error %v", err)
			}
		},
		check: func(t *testing.T, g *stage) {
			if Scales(g.scenario) {
				wantIterations(t, g, 2*crewSize, 0)
				wantTook(t, g, 4*time.Second)
			} else {
				wantIterations(t, g, 5*crewSize, 0)
				wantTook(t, g, span)
			}
			if err := g.executor.Scale(Level{}); (err == nil) != Scales(g.scenario) {
				t.Errorf("error %v after the end", err)
			}
		},
	},
}

func TestConformance(t *testing.T) {
	for _, candidate := range candidates() {
		for _, c := range conformance {
			if c.closed && candidate.Arrives() {
				continue
			}
			t.Run(candidate.Executor+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := candidate
					s.Classes = slices.Clone(s.Classes)
					s.Name, s.GracefulStop = "work", grace
					p := &plan.Plan{Tags: map[string]string{"build": "7"}, Scenarios: []plan.Scenario{s}}
					if c.change != nil {
						c.change(p, &p.Scenarios[0])
					}
					var g *stage
					g = newRoomyStage(t, p, crewSize, max(crewSize, c.most), func(ctx context.Context, v *fakeVU, it vu.Iteration) error {
						return c.iterate(g, ctx, v, it)
					})
					first := Level{VUs: crewSize}
					if s.Open {
						first = Level{Rate: torrent}
					}
					if s.Executor == plan.Shape && g.executor.Scale(first) != nil {
						t.Fatal("a shape that cannot be told its first level")
					}
					if c.borrow {
						g.borrowed = g.host.Pool.Take()
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if c.during != nil {
						go c.during(g, cancel)
					}
					g.run(ctx)
					c.check(t, g)
					wantDropped(t, g)
				})
			})
		}
	}
}

func TestUnknownExecutor(t *testing.T) {
	_, err := New(&plan.Scenario{Name: "buy", Executor: "rocket"}, plan.Segment{})
	if want := `scenario "buy": unknown executor "rocket"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func ExampleState() {
	for s := Waiting; s <= Done; s++ {
		fmt.Println(s)
	}
	// Output:
	// waiting
	// running
	// stopping
	// done
}
