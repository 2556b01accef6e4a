package executor

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// ramping returns a stage for a ramp whose iterations take as long as given.
func ramping(t *testing.T, s plan.Scenario, iteration time.Duration) *stage {
	s.Name, s.Executor = "work", plan.RampingVUs
	p := &plan.Plan{Scenarios: []plan.Scenario{s}}
	return newStage(t, p, s.Peak(), func(ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
		return sleep(ctx, iteration)
	})
}

// A ramp holds as many VUs as planned at any time when iterations are short.
func TestRampingFollowsThePlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			StartVUs: 2,
			Stages: []plan.Stage{
				{Duration: 8 * time.Second, Target: 10},
				{Duration: 5 * time.Second, Target: 10},
				{Target: 3}, // jump
				{Duration: 6 * time.Second, Target: 0},
				{Duration: 4 * time.Second, Target: 8},
			},
			GracefulRampDown: time.Second,
		}, 10*time.Millisecond)
		go func() {
			for at := 50 * time.Millisecond; at < 23*time.Second; at += 100 * time.Millisecond {
				time.Sleep(at - g.crew.Elapsed())
				synctest.Wait()
				if got, want := g.crew.Active(), g.executor.Planned(at).VUs; got != want {
					t.Errorf("%d VUs at %v, want %d", got, at, want)
				}
				if got, want := g.executor.Progress(at, 0), at.Seconds()/23; got < want-1e-9 || got > want+1e-9 {
					t.Errorf("progress %v at %v, want %v", got, at, want)
				}
			}
		}()
		g.run(t.Context())
		if _, i := g.crew.Ended(); i != 0 {
			t.Errorf("%d iterations were interrupted", i)
		}
		if n, _ := g.recorded.Select(metric.VUs, metric.Tags{}); n.Max != 10 || n.Min != 0 {
			t.Errorf("gauge vus from %v to %v", n.Min, n.Max)
		}
	})
}

func TestRampingDown(t *testing.T) {
	down := []plan.Stage{{Duration: 10 * time.Second, Target: 1}, {Target: 0}, {Duration: 20 * time.Second}}
	tests := []struct {
		name           string
		grace          time.Duration
		iteration      time.Duration
		wantEnd        time.Duration // of the VU that goes down at 10 s
		wantInterrupts int
	}{
		{"iterations end within the grace", 10 * time.Second, 18 * time.Second, 18 * time.Second, 0},
		{"iterations are cut off after the grace", 5 * time.Second, time.Hour, 15 * time.Second, 2},
		{"no grace at all", 0, time.Hour, 10 * time.Second, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := ramping(t, plan.Scenario{StartVUs: 2, Stages: down, GracefulRampDown: tt.grace, GracefulStop: time.Minute}, tt.iteration)
				g.run(t.Context())
				if len(g.log) != 2 {
					t.Fatalf("%d iterations", len(g.log))
				}
				for _, l := range g.log {
					if l.end != tt.wantEnd {
						t.Errorf("iteration of VU %d ended at %v, want %v", l.vu.InInstance, l.end, tt.wantEnd)
					}
					if l.err != nil && !errors.Is(l.err, errGracefulRampDown) {
						t.Errorf("interrupted because %v", l.err)
					}
				}
				if _, i := g.crew.Ended(); int(i) != tt.wantInterrupts {
					t.Errorf("%d iterations interrupted, want %d", i, tt.wantInterrupts)
				}
			})
		})
	}
}

// The VU that came last goes first.
func TestRampingOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			Stages: []plan.Stage{{Duration: 4 * time.Second, Target: 4}, {Duration: 4 * time.Second, Target: 0}},
		}, 50*time.Millisecond)
		g.run(t.Context())
		last := make(map[uint64]time.Duration)
		for _, l := range g.log {
			last[l.vu.InInstance] = l.end
		}
		for n := uint64(1); n < 4; n++ {
			if last[n] <= last[n+1] {
				t.Errorf("VU %d ended at %v, VU %d at %v", n, last[n], n+1, last[n+1])
			}
		}
	})
}

// A VU that is wanted back while it ends its iteration goes on: the iteration
// is not cut off by the grace it had, and no second VU comes in its place.
func TestRampingBackInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			StartVUs: 1,
			Stages: []plan.Stage{
				{Duration: 2 * time.Second, Target: 1},
				{Target: 0},
				{Duration: 2 * time.Second, Target: 0},
				{Target: 1},
				{Duration: 8 * time.Second, Target: 1},
			},
			GracefulRampDown: 3 * time.Second, // would end at 5 s
			GracefulStop:     time.Minute,
		}, 7*time.Second)
		g.run(t.Context())
		var begins []time.Duration
		for _, l := range g.log {
			begins = append(begins, l.begin)
		}
		if want := []time.Duration{0, 7 * time.Second}; !slices.Equal(begins, want) {
			t.Errorf("iterations began at %v, want %v", begins, want)
		}
		if c, i := g.crew.Ended(); c != 2 || i != 0 {
			t.Errorf("%d complete, %d interrupted", c, i)
		}
	})
}

// Who is back in time is no beginner: start jitter is not for it.
func TestRampingBackInTimeWithoutJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			StartVUs: 2,
			Stages: []plan.Stage{
				{Duration: 3 * time.Second, Target: 2},
				{Target: 0},
				{Duration: time.Second, Target: 0},
				{Target: 2},
				{Duration: 6 * time.Second, Target: 2},
			},
			GracefulRampDown: time.Minute,
			GracefulStop:     time.Minute,
			StartJitter:      4 * time.Second,
		}, 5*time.Second)
		g.run(t.Context())
		begins := make(map[uint64][]time.Duration)
		for _, l := range g.log {
			begins[l.vu.InInstance] = append(begins[l.vu.InInstance], l.begin)
		}
		if want := []time.Duration{0, 5 * time.Second}; !slices.Equal(begins[1], want) {
			t.Errorf("VU 1 began at %v, want %v", begins[1], want)
		}
		if want := []time.Duration{2 * time.Second, 7 * time.Second}; !slices.Equal(begins[2], want) {
			t.Errorf("VU 2 began at %v, want %v", begins[2], want)
		}
	})
}

// Going down again starts the grace again.
func TestRampingDownTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			StartVUs: 1,
			Stages: []plan.Stage{
				{Duration: 2 * time.Second, Target: 1}, {Target: 0},
				{Duration: 2 * time.Second, Target: 0}, {Target: 1},
				{Duration: time.Second, Target: 1}, {Target: 0},
				{Duration: 20 * time.Second, Target: 0},
			},
			GracefulRampDown: 4 * time.Second,
			GracefulStop:     time.Minute,
		}, time.Hour)
		g.run(t.Context())
		if len(g.log) != 1 || g.log[0].end != 9*time.Second {
			t.Errorf("log %+v, want one iteration cut off at 9 s", g.log)
		}
	})
}

// A VU that outstays the ramp's end gets what remains of its own grace.
func TestRampingGraceAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			StartVUs:         2,
			Stages:           []plan.Stage{{Duration: 10 * time.Second, Target: 1}},
			GracefulRampDown: 2 * time.Second,
			GracefulStop:     6 * time.Second,
		}, time.Hour)
		g.run(t.Context())
		var ends []time.Duration
		for _, l := range g.log {
			ends = append(ends, l.end)
		}
		if want := []time.Duration{12 * time.Second, 16 * time.Second}; !slices.Equal(ends, want) {
			t.Errorf("iterations were cut off at %v, want %v", ends, want)
		}
	})
}

// Waits that are not part of an iteration end at once when the VU goes down.
func TestRampingDownWhilePausing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ramping(t, plan.Scenario{
			StartVUs:    4,
			Stages:      []plan.Stage{{Duration: 3 * time.Second, Target: 4}, {Target: 0}, {Duration: time.Second}},
			StartJitter: 8 * time.Second,
		}, 100*time.Millisecond)
		g.plan.MinIterationDuration = time.Minute
		go func() {
			time.Sleep(3*time.Second + time.Millisecond)
			synctest.Wait()
			if n := g.crew.Active(); n != 0 {
				t.Errorf("%d VUs active after the jump to 0", n)
			}
		}()
		g.run(t.Context())
		if n := len(g.log); n != 2 { // at 0 and 2 s
			t.Errorf("%d iterations", n)
		}
	})
}

// Whatever the ramp, the account holds and there is never a VU too many.
func TestRampingProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := drawRamp(rt)
		for i := range r.stages {
			r.stages[i].Duration = min(r.stages[i].Duration, 20*time.Second)
		}
		s := plan.Scenario{
			Executor: plan.RampingVUs,
			StartVUs: r.start, Stages: r.stages,
			GracefulRampDown: time.Duration(rapid.IntRange(0, 8).Draw(rt, "gracefulRampDown")) * time.Second,
			GracefulStop:     time.Duration(rapid.IntRange(0, 8).Draw(rt, "gracefulStop")) * time.Second,
			StartJitter:      time.Duration(rapid.IntRange(0, 2).Draw(rt, "startJitter")) * time.Second,
		}
		longest := rapid.Int64Range(1, 30_000).Draw(rt, "longest")
		seed := rapid.Uint64().Draw(rt, "seed")
		synctest.Test(t, func(t *testing.T) {
			g := ramping(t, s, 0)
			g.script.iterate = g.logged(func(ctx context.Context, v *fakeVU, it vu.Iteration) error {
				rng := rand.New(rand.NewPCG(seed, v.id.InInstance<<32|it.InVU))
				return sleep(ctx, time.Millisecond*time.Duration(300+rng.Int64N(longest)))
			})
			g.run(t.Context())
			if most := s.Span() + s.GracefulStop; g.took > most {
				t.Errorf("took %v, more than %v", g.took, most)
			}
			together := make(map[time.Duration]int)
			for _, l := range g.log {
				together[l.begin]++
			}
			for at, n := range together {
				// At the moment of a step either number may be in force.
				if most := max(r.vus(at), r.vus(at-1)); n > most || at >= s.Span() {
					t.Errorf("%d iterations began at %v, when %d VUs are planned, of %v", n, at, most, s.Span())
				}
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
