package executor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// fakeScript is a vu.Script whose iterations are a Go function. It fails the
// test when a VU is used by two goroutines at once or after Close.
type fakeScript struct {
	t       testing.TB
	iterate func(ctx context.Context, v *fakeVU, it vu.Iteration) error
	setUp   func(ctx context.Context, v *fakeVU) error // nil: nothing
	refuse  atomic.Bool                                // NewVU fails with errNoVU

	mu   sync.Mutex
	made []*fakeVU
}

var errNoVU = errors.New("no memory")

type fakeVU struct {
	script *fakeScript
	id     vu.Identity
	inUse  atomic.Bool
	closed atomic.Bool
}

func (s *fakeScript) NewVU(ctx context.Context, id vu.Identity) (vu.VU, error) {
	if s.refuse.Load() {
		return nil, errNoVU
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	v := &fakeVU{script: s, id: id}
	s.mu.Lock()
	s.made = append(s.made, v)
	s.mu.Unlock()
	return v, nil
}

func (s *fakeScript) Setup(context.Context) ([]byte, error) { return nil, nil }
func (s *fakeScript) SetSetupData([]byte)                   {}
func (s *fakeScript) Teardown(context.Context) error        { return nil }
func (s *fakeScript) HandleSummary(context.Context, []byte) (map[string][]byte, error) {
	return nil, nil
}

func (v *fakeVU) Iterate(ctx context.Context, it vu.Iteration) error {
	if !v.inUse.CompareAndSwap(false, true) {
		v.script.t.Errorf("VU %d: two iterations at once", v.id.InInstance)
	}
	defer v.inUse.Store(false)
	if v.closed.Load() {
		v.script.t.Errorf("VU %d: iteration after Close", v.id.InInstance)
	}
	return v.script.iterate(ctx, v, it)
}

func (v *fakeVU) Close() {
	if v.closed.Swap(true) {
		v.script.t.Errorf("VU %d: closed twice", v.id.InInstance)
	}
	if v.inUse.Load() {
		v.script.t.Errorf("VU %d: closed during an iteration", v.id.InInstance)
	}
}

// sleep is an iteration that takes d.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return &vu.Interrupted{Cause: context.Cause(ctx)}
	}
}

// iterationLog is one iteration as the script saw it.
type iterationLog struct {
	vu.Iteration
	vu         vu.Identity
	begin, end time.Duration // since the start of the scenario
	err        error
}

// stage is one scenario on a pool of its own, with a log of all that happens.
type stage struct {
	t        testing.TB
	plan     *plan.Plan
	scenario *plan.Scenario
	script   *fakeScript
	host     *Host
	crew     *Crew
	executor Executor
	stop     chan struct{}
	took     time.Duration // of Run
	recorded *metric.Set   // after run
	borrowed *vu.Member    // by somebody else

	mu         sync.Mutex
	log        []iterationLog // by end
	exceptions []*vu.Exception
	faults     []error
}

// newStage prepares a scenario with size VUs in the pool. It may be changed
// until run; iterate is what an iteration does.
func newStage(t testing.TB, p *plan.Plan, size int, iterate func(ctx context.Context, v *fakeVU, it vu.Iteration) error) *stage {
	return newRoomyStage(t, p, size, size, iterate)
}

// newRoomyStage is newStage with a pool that may grow to the most VUs.
func newRoomyStage(t testing.TB, p *plan.Plan, size, most int, iterate func(ctx context.Context, v *fakeVU, it vu.Iteration) error) *stage {
	g := &stage{t: t, plan: p, scenario: &p.Scenarios[0], stop: make(chan struct{})}
	registry := metric.NewRegistry(metric.Options{})
	g.script = &fakeScript{t: t}
	g.host = &Host{
		Plan:     p,
		Pool:     vu.NewPool(g.script, most),
		Registry: registry,
		Events:   g,
		VUs:      NewHeadcount(registry.Recorder(0), registry.Series(registry.Lookup(metric.VUs), metric.Tags{})),
		Clock:    NewClock(),
	}
	g.host.Stopwatch = NewStopwatch(g.host.Clock)
	g.host.Stopwatch.Resume()
	g.script.iterate = g.logged(iterate)
	g.crew = NewCrew(g.host, g.scenario)
	var err error
	if g.executor, err = New(g.scenario, p.Segment); err != nil {
		t.Fatal(err)
	}
	g.host.Pool.Initial = size
	if g.scenario.Arrives() { // VUs beyond these are made under load
		g.host.Pool.Initial = p.InitialVUs()
	}
	if err := g.host.Pool.Init(context.Background()); err != nil {
		t.Fatal(err)
	}
	return g
}

// logged returns iterate with an entry in the log for each call.
func (g *stage) logged(iterate func(ctx context.Context, v *fakeVU, it vu.Iteration) error) func(context.Context, *fakeVU, vu.Iteration) error {
	return func(ctx context.Context, v *fakeVU, it vu.Iteration) error {
		entry := iterationLog{Iteration: it, vu: v.id, begin: g.host.Clock.Now()}
		entry.err = iterate(ctx, v, it)
		entry.end = g.host.Clock.Now()
		g.mu.Lock()
		g.log = append(g.log, entry)
		g.mu.Unlock()
		return entry.err
	}
}

// run runs the scenario to its end and checks what holds for every one.
func (g *stage) run(ctx context.Context) {
	g.t.Helper()
	begin := g.host.Clock.Now()
	g.executor.Run(ctx, g.stop, g.crew)
	g.crew.Finish()
	g.took = g.host.Clock.Now() - begin
	g.check()
	g.host.Pool.Close()
	for _, v := range g.script.made {
		if !v.closed.Load() {
			g.t.Errorf("VU %d was not closed", v.id.InInstance)
		}
	}
}

func (g *stage) check() {
	g.t.Helper()
	var complete, interrupted, exceptions int
	perVU := make(map[vu.Identity][]uint64)
	numbers := make([]uint64, 0, len(g.log))
	for _, l := range g.log {
		_, thrown := errors.AsType[*vu.Exception](l.err)
		switch {
		case thrown:
			exceptions++
			complete++
		case l.err == nil:
			complete++
		default:
			interrupted++
		}
		perVU[l.vu] = append(perVU[l.vu], l.InVU)
		numbers = append(numbers, l.InScenario)
	}
	if got := g.crew.Started(); got != uint64(len(g.log)) {
		g.t.Errorf("Started = %d, the script saw %d", got, len(g.log))
	}
	if c, i := g.crew.Ended(); c != uint64(complete) || i != uint64(interrupted) {
		g.t.Errorf("Ended = %d, %d; the script saw %d, %d", c, i, complete, interrupted)
	}
	slices.Sort(numbers)
	for i, n := range numbers {
		if n != uint64(i) {
			g.t.Errorf("iteration numbers in the scenario have a gap or a double at %d: %d", i, n)
			break
		}
	}
	for id, ns := range perVU {
		for i, n := range ns {
			if n != uint64(i) {
				g.t.Errorf("VU %d: iteration %d has number %d", id.InInstance, i, n)
				break
			}
		}
	}
	if g.crew.Active() != 0 || g.host.VUs.Now() != 0 {
		g.t.Errorf("at the end %d VUs are active, %d counted", g.crew.Active(), g.host.VUs.Now())
	}
	if g.crew.State() != Done {
		g.t.Errorf("state %v at the end", g.crew.State())
	}
	var back []*vu.Member
	for m := g.host.Pool.Take(); m != nil; m = g.host.Pool.Take() {
		back = append(back, m)
	}
	places := make(map[vu.Identity]bool)
	for _, v := range g.script.made {
		places[v.id] = true
	}
	if len(back) != len(places) {
		g.t.Errorf("%d of %d VUs are back in the pool", len(back), len(places))
	}
	for _, m := range back {
		g.host.Pool.Put(m)
	}
	set := g.metrics()
	tags := metric.NewTags(metric.Tag{Key: "scenario", Value: g.scenario.Name})
	if got, _ := set.Select(metric.Iterations, tags); got.Sum != float64(complete) {
		g.t.Errorf("metric iterations = %v, want %d", got.Sum, complete)
	}
	if got, _ := set.Select(metric.IterationDuration, tags); got.Count != uint64(complete) {
		g.t.Errorf("metric iteration_duration has %d samples, want %d", got.Count, complete)
	}
	timeouts := len(g.exceptions) - exceptions
	if got, _ := set.Select(metric.ScriptErrors, tags); got.Sum != float64(exceptions+timeouts) {
		g.t.Errorf("metric script_errors = %v, want %d", got.Sum, exceptions+timeouts)
	}
}

// metrics returns all that was recorded. It can be called once.
func (g *stage) metrics() *metric.Set {
	set := metric.NewSet()
	snap := g.host.Registry.Snapshot(time.Now())
	if err := set.Merge("test", snap); err != nil {
		g.t.Fatal(err)
	}
	g.recorded = set
	return set
}

func (g *stage) Exception(scenario string, e *vu.Exception) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if scenario != g.scenario.Name {
		g.t.Errorf("exception of scenario %q", scenario)
	}
	g.exceptions = append(g.exceptions, e)
}

func (g *stage) Fault(scenario string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if scenario != g.scenario.Name {
		g.t.Errorf("fault of scenario %q", scenario)
	}
	g.faults = append(g.faults, err)
}

// wantDropped checks that planned iterations that did not begin are accounted for.
func wantDropped(t *testing.T, g *stage) {
	t.Helper()
	if g.scenario.Arrives() {
		return // the tests of arrivals count what was due
	}
	var planned float64
	switch g.scenario.Executor {
	case plan.SharedIterations:
		planned = float64(g.scenario.Iterations)
	case plan.PerVUIterations:
		planned = float64(g.scenario.Iterations) * crewSize
	}
	want := max(0, planned-float64(g.crew.Started()))
	if got, _ := g.recorded.Select(metric.DroppedIterations, metric.Tags{}); got.Sum != want {
		t.Errorf("dropped %v iterations, want %v", got.Sum, want)
	}
}

func wantIterations(t *testing.T, g *stage, complete, interrupted uint64) {
	t.Helper()
	if c, i := g.crew.Ended(); c != complete || i != interrupted {
		t.Errorf("%d iterations complete and %d interrupted, want %d and %d", c, i, complete, interrupted)
	}
}

func wantTook(t *testing.T, g *stage, d time.Duration) {
	t.Helper()
	if g.took != d {
		t.Errorf("the scenario took %v, want %v", g.took, d)
	}
	if e := g.crew.Elapsed(); e != d {
		t.Errorf("Elapsed at the end = %v, want %v", e, d)
	}
}

func wantBeginsBefore(t *testing.T, g *stage, d time.Duration) {
	t.Helper()
	for _, l := range g.log {
		if l.begin >= d {
			t.Errorf("an iteration began at %v", l.begin)
		}
	}
}

func (s *fakeScript) Function(context.Context, string) (vu.Function, error) {
	return nil, errors.New("no function")
}

func (v *fakeVU) Setup(ctx context.Context) error {
	if v.script.setUp == nil {
		return nil
	}
	return v.script.setUp(ctx, v)
}

func (v *fakeVU) Teardown(context.Context) error { return nil }
