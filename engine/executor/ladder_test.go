package executor

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// closed returns a stage for a closed model whose iterations take as long as
// given, with VUs for its plan and room for most.
func closed(t *testing.T, s plan.Scenario, most int, iteration time.Duration) *stage {
	s.Name = "work"
	p := &plan.Plan{Scenarios: []plan.Scenario{s}}
	return newRoomyStage(t, p, p.InitialVUs(), max(most, p.InitialVUs()), func(ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
		return sleep(ctx, iteration)
	})
}

// at runs something at load times of the scenario, in that order.
func (g *stage) at(what map[time.Duration]func()) {
	times := make([]time.Duration, 0, len(what))
	for at := range what {
		times = append(times, at)
	}
	slices.Sort(times)
	go func() {
		for _, at := range times {
			if !g.host.Stopwatch.Await(at, nil, nil) {
				return
			}
			synctest.Wait()
			what[at]()
		}
	}()
}

// wantVUs checks how many VUs are at work and planned now.
func (g *stage) wantVUs(n int) {
	g.t.Helper()
	if got, planned := g.crew.Active(), g.executor.Planned(g.crew.Elapsed()).VUs; got != n || planned != n {
		g.t.Errorf("%d VUs at %v, %d planned; want %d", got, g.crew.Elapsed(), planned, n)
	}
}

// scale is Scale that must succeed.
func (g *stage) scale(to Level) {
	g.t.Helper()
	if err := g.executor.Scale(to); err != nil {
		g.t.Error(err)
	}
}

func TestScaleSaysWhatIsWrong(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name string
		plan.Scenario
		to   Level
		want string
	}{
		{"a rate", plan.Scenario{Executor: plan.ConstantVUs, VUs: 1, Duration: s}, Level{Rate: 5}, "constant-vus goes by a number of VUs, not by a rate"},
		{"negative", plan.Scenario{Executor: plan.ConstantVUs, VUs: 1, Duration: s}, Level{VUs: -1}, "the number of VUs must be at least 0, got -1"},
		{"beyond maxVUs", plan.Scenario{Executor: plan.ExternallyControlled, VUs: 1, MaxVUs: 10}, Level{VUs: 11}, "the scenario has at most 10 VUs (maxVUs), got 11"},
		{"beyond reason", plan.Scenario{Executor: plan.RampingVUs, Stages: []plan.Stage{{Duration: s, Target: 1}}}, Level{VUs: plan.MaxVUs + 1}, "a scenario has at most 1000000 VUs, got 1000001"},
		{"beyond fixed counts", plan.Scenario{Executor: plan.Users, VUs: 3, Classes: []plan.Class{{FixedCount: 3}}}, Level{VUs: 4}, "the classes have a fixedCount of 3 users together and none has a weight, got 4"},
		{"negative spawn rate", plan.Scenario{Executor: plan.Users, VUs: 3}, Level{VUs: 4, SpawnRate: -1}, "the spawn rate must be a number from 0, got -1"},
		{"spawn rate NaN", plan.Scenario{Executor: plan.Users, VUs: 3}, Level{VUs: 4, SpawnRate: math.NaN()}, "the spawn rate must be a number from 0, got NaN"},
		{"infinite spawn rate", plan.Scenario{Executor: plan.Users, VUs: 3}, Level{VUs: 4, SpawnRate: math.Inf(1)}, "the spawn rate must be a number from 0, got +Inf"},
		{"fixed iterations", plan.Scenario{Executor: plan.SharedIterations, VUs: 3, Iterations: 9}, Level{VUs: 4}, "shared-iterations runs a fixed number of iterations on its VUs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := New(&tt.Scenario, plan.Segment{})
			if err != nil {
				t.Fatal(err)
			}
			before := e.Planned(0)
			if err := e.Scale(tt.to); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if e.Planned(0) != before {
				t.Error("it has an effect nevertheless")
			}
		})
	}
}

// What is scaled before it begins begins so.
func TestScaleBeforeTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ConstantVUs, VUs: 2, Duration: 5 * time.Second}, 6, 100*time.Millisecond)
		g.scale(Level{VUs: 6, SpawnRate: 2})
		g.at(map[time.Duration]func(){
			10 * time.Millisecond:   func() { g.wantVUs(1) },
			510 * time.Millisecond:  func() { g.wantVUs(2) },
			2510 * time.Millisecond: func() { g.wantVUs(6) },
		})
		g.run(t.Context())
	})
}

func TestEndBeforeTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ConstantVUs, VUs: 2, Duration: 5 * time.Second}, 0, 100*time.Millisecond)
		g.scale(Level{End: true})
		g.run(t.Context())
		wantTook(t, g, 0)
		wantIterations(t, g, 0, 0)
	})
}

// Scaling replaces the rest of the plan.
func TestScalingReplacesTheRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{
			Executor:         plan.RampingVUs,
			Stages:           []plan.Stage{{Duration: 10 * time.Second, Target: 10}, {Duration: 10 * time.Second, Target: 0}},
			GracefulRampDown: time.Minute, GracefulStop: time.Minute,
		}, 20, 50*time.Millisecond)
		g.at(map[time.Duration]func(){
			4950 * time.Millisecond:  func() { g.wantVUs(4); g.scale(Level{VUs: 12, SpawnRate: 4}) },
			5050 * time.Millisecond:  func() { g.wantVUs(5) },
			5300 * time.Millisecond:  func() { g.wantVUs(6) },
			7 * time.Second:          func() { g.wantVUs(12) },
			15 * time.Second:         func() { g.wantVUs(12); g.scale(Level{VUs: 3}) },
			15100 * time.Millisecond: func() { g.wantVUs(3) },
			19900 * time.Millisecond: func() { g.wantVUs(3) },
		})
		g.run(t.Context())
		if g.took > 20*time.Second+50*time.Millisecond {
			t.Errorf("took %v", g.took)
		}
	})
}

// A pause keeps a spawn rate from going on, and what is ordered during it waits.
func TestScalingDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.Users, VUs: 10, SpawnRate: 1}, 20, 100*time.Millisecond)
		g.at(map[time.Duration]func(){
			2500 * time.Millisecond: func() {
				g.wantVUs(3)
				g.host.Stopwatch.Pause()
				time.Sleep(time.Hour)
				synctest.Wait()
				g.wantVUs(3)
				g.scale(Level{VUs: 6})
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := g.crew.Active(); n != 3 {
					t.Errorf("%d VUs during the pause", n)
				}
				g.host.Stopwatch.Resume()
			},
			2600 * time.Millisecond: func() { g.wantVUs(4) },
			4600 * time.Millisecond: func() { g.wantVUs(6) },
			9 * time.Second:         func() { g.wantVUs(6); close(g.stop) },
		})
		g.run(t.Context())
		if g.executor.Progress(time.Hour, 0) != 0 {
			t.Error("progress of what has no end")
		}
	})
}

func TestWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ExternallyControlled, MaxVUs: 5}, 5, time.Minute)
		const years = 5 * 365 * 24 * time.Hour
		g.at(map[time.Duration]func(){
			time.Hour:               func() { g.wantVUs(0); g.scale(Level{VUs: 5}) },
			time.Hour + time.Second: func() { g.wantVUs(5); g.scale(Level{VUs: 0}) },
			years:                   func() { g.wantVUs(0); g.scale(Level{VUs: 1}) },
			years + 30*time.Second:  func() { g.wantVUs(1) },
			years + 90*time.Second:  func() { close(g.stop) },
		})
		g.scenario.GracefulStop = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		g.run(ctx)
		if g.took != years+2*time.Minute {
			t.Errorf("took %v", g.took)
		}
	})
}

// A shape has no VU until it is told.
func TestShape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.Shape, MaxVUs: 20, GracefulStop: time.Second}, 20, 100*time.Millisecond)
		g.at(map[time.Duration]func(){
			1 * time.Second:         func() { g.wantVUs(0); g.scale(Level{VUs: 8}) },
			1050 * time.Millisecond: func() { g.wantVUs(8) },
			2 * time.Second:         func() { g.scale(Level{VUs: 2, SpawnRate: 3}) },
			3150 * time.Millisecond: func() { g.wantVUs(4) },
			5 * time.Second:         func() { g.wantVUs(2); g.scale(Level{End: true}) },
		})
		g.run(t.Context())
		if _, i := g.crew.Ended(); i != 0 || g.took > 5100*time.Millisecond {
			t.Errorf("took %v, %d interrupted", g.took, i)
		}
	})
}

// The users at work are those the mix names, whether they come or go; what they
// do and what is recorded of it bears their class.
func TestUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := plan.Scenario{
			Name: "work", Executor: plan.Users, VUs: 12, SpawnRate: 2, GracefulStop: time.Minute,
			Env: map[string]string{"SHOP": "1"}, Tags: map[string]string{"team": "a"},
			Classes: []plan.Class{
				{Name: "Reader", Exec: "read", Weight: 3},
				{Name: "Buyer", Exec: "buy", Weight: 1, Env: map[string]string{"SHOP": "2"}, Tags: map[string]string{"team": "b"}},
				{Name: "Admin", Exec: "admin", FixedCount: 1},
			},
		}
		p := &plan.Plan{Scenarios: []plan.Scenario{s}}
		working := make(map[string]int)
		var g *stage
		g = newStage(t, p, 12, func(ctx context.Context, _ *fakeVU, it vu.Iteration) error {
			name := it.Scenario.Tags[UserTag]
			want := map[string][3]string{"Reader": {"read", "1", "a"}, "Buyer": {"buy", "2", "b"}, "Admin": {"admin", "1", "a"}}[name]
			if got := [3]string{it.Scenario.Exec, it.Scenario.Env["SHOP"], it.Scenario.Tags["team"]}; got != want {
				t.Errorf("%s got %v, want %v", name, got, want)
			}
			g.mu.Lock()
			working[name]++
			g.mu.Unlock()
			defer func() {
				g.mu.Lock()
				working[name]--
				g.mu.Unlock()
			}()
			return sleep(ctx, 100*time.Millisecond)
		})
		want := func(reader, buyer, admin int) func() {
			return func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				if got := [3]int{working["Reader"], working["Buyer"], working["Admin"]}; got != [3]int{reader, buyer, admin} {
					t.Errorf("at %v %v at work, want %d, %d, %d", g.crew.Elapsed(), working, reader, buyer, admin)
				}
			}
		}
		g.at(map[time.Duration]func(){
			50 * time.Millisecond:    want(0, 0, 1),
			550 * time.Millisecond:   want(1, 0, 1),
			1550 * time.Millisecond:  want(2, 1, 1),
			2050 * time.Millisecond:  want(3, 1, 1),
			5950 * time.Millisecond:  want(8, 3, 1),
			6001 * time.Millisecond:  func() { g.scale(Level{VUs: 5, SpawnRate: 1000}) },
			6250 * time.Millisecond:  want(3, 1, 1),
			7001 * time.Millisecond:  func() { g.scale(Level{VUs: 2}) },
			11950 * time.Millisecond: want(1, 0, 1),
			12050 * time.Millisecond: func() { close(g.stop) },
		})
		g.run(t.Context())
		for tags := range g.recorded.Series(metric.Iterations) {
			if user, _ := tags.Get(UserTag); !slices.Contains([]string{"Reader", "Buyer", "Admin"}, user) {
				t.Errorf("iterations with tags %v", tags)
			}
		}
		admin, _ := g.recorded.Select(metric.Iterations, metric.NewTags(metric.Tag{Key: UserTag, Value: "Admin"}))
		if admin.Sum < 100 {
			t.Errorf("%v iterations of the admin", admin.Sum)
		}
	})
}

// Who is scaled beyond the plan gets new VUs at once, and the same again later.
func TestGrowth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ConstantVUs, VUs: 2, Duration: 10 * time.Second, GracefulStop: time.Minute}, 100, 100*time.Millisecond)
		g.at(map[time.Duration]func(){
			1 * time.Second:         func() { g.scale(Level{VUs: 30}) },
			1010 * time.Millisecond: func() { g.wantVUs(30) },
			2 * time.Second:         func() { g.scale(Level{VUs: 1}) },
			3 * time.Second:         func() { g.wantVUs(1); g.scale(Level{VUs: 30}) },
			3010 * time.Millisecond: func() { g.wantVUs(30) },
		})
		g.run(t.Context())
		if n := len(g.script.made); n != 30 {
			t.Errorf("%d VUs made", n)
		}
	})
}

// VUs that the plan reckons with and somebody else keeps are made after a while.
func TestGrowthForWantOfPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ConstantVUs, VUs: 2, Duration: 5 * time.Second}, 3, 100*time.Millisecond)
		g.borrowed = g.host.Pool.Take()
		g.at(map[time.Duration]func(){
			patience - time.Millisecond: func() { g.wantActive(1) },
			patience + time.Millisecond: func() { g.wantActive(2); g.host.Pool.Put(g.borrowed) },
		})
		g.run(t.Context())
		if n := len(g.script.made); n != 3 {
			t.Errorf("%d VUs made", n)
		}
	})
}

// A pool at its end makes everybody wait for those who leave.
func TestGrowthInAFullPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ConstantVUs, VUs: 2, Duration: 5 * time.Second}, 3, 100*time.Millisecond)
		g.at(map[time.Duration]func(){
			1 * time.Second: func() { g.scale(Level{VUs: 5}) },
			2 * time.Second: func() { g.wantActive(3) },
			3 * time.Second: func() { g.scale(Level{VUs: 3}) },
		})
		g.run(t.Context())
		if n, err := g.crew.Lost(); n != 0 || err != nil {
			t.Errorf("lost %d: %v", n, err)
		}
	})
}

// VUs that cannot be made are lost, one by one; the others work on.
func TestGrowthThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := closed(t, plan.Scenario{Executor: plan.ConstantVUs, VUs: 2, Duration: 5 * time.Second}, 10, 100*time.Millisecond)
		g.at(map[time.Duration]func(){
			1 * time.Second:         func() { g.script.refuse.Store(true); g.scale(Level{VUs: 5}) },
			2 * time.Second:         func() { g.wantActive(2); g.script.refuse.Store(false); g.scale(Level{VUs: 2}) },
			3 * time.Second:         func() { g.scale(Level{VUs: 5}) },
			3050 * time.Millisecond: func() { g.wantVUs(5) },
		})
		g.run(t.Context())
		if n, err := g.crew.Lost(); n != 3 || err != errNoVU {
			t.Errorf("lost %d: %v", n, err)
		}
	})
}

// wantActive checks how many VUs are at work, however many are planned.
func (g *stage) wantActive(n int) {
	g.t.Helper()
	if got := g.crew.Active(); got != n {
		g.t.Errorf("%d VUs at %v, want %d", got, g.crew.Elapsed(), n)
	}
}

// Whatever the segments, together they do what the whole test would: as many
// VUs at each time, as many iterations where that is what is asked for.
func TestSegmentsOfClosedModels(t *testing.T) {
	segments := func(sequence string) (all []plan.Segment) {
		parts := strings.Split(sequence, ",")
		for i := range len(parts) - 1 {
			s, err := plan.NewSegment(parts[i]+":"+parts[i+1], sequence)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		return all
	}
	for _, sequence := range []string{"0,1", "0,1/2,1", "0,1/4,1/2,1", "0,1/10,1/5,3/10,4/10,5/10,6/10,7/10,8/10,9/10,1"} {
		for _, s := range []plan.Scenario{
			{Executor: plan.ConstantVUs, VUs: 7, Duration: 4 * time.Second},
			{Executor: plan.RampingVUs, StartVUs: 3, Stages: []plan.Stage{{Duration: 4 * time.Second, Target: 9}}},
			{Executor: plan.SharedIterations, VUs: 5, Iterations: 73, MaxDuration: 4 * time.Second},
			{Executor: plan.PerVUIterations, VUs: 5, Iterations: 6, MaxDuration: 4 * time.Second},
			{Executor: plan.Users, VUs: 9, SpawnRate: 3, Duration: 4 * time.Second, Classes: []plan.Class{{Name: "a", Weight: 2}, {Name: "b", Weight: 1}}},
		} {
			t.Run(s.Executor+"/"+sequence, func(t *testing.T) {
				begins := make(map[time.Duration]int)
				classes := make(map[time.Duration]map[string]int)
				var started, dropped uint64
				for _, segment := range segments(sequence) {
					synctest.Test(t, func(t *testing.T) {
						s := s
						s.Name, s.GracefulStop = "work", time.Second
						p := &plan.Plan{Segment: segment, Scenarios: []plan.Scenario{s}}
						g := newStage(t, p, p.InitialVUs(), func(ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
							return sleep(ctx, 100*time.Millisecond)
						})
						g.run(t.Context())
						for _, l := range g.log {
							begins[l.begin/(100*time.Millisecond)]++
							if name := l.Scenario.Tags[UserTag]; name != "" {
								at := l.begin / (100 * time.Millisecond)
								if classes[at] == nil {
									classes[at] = make(map[string]int)
								}
								classes[at][name]++
							}
						}
						started += g.crew.Started()
						dropped += g.crew.Dropped()
					})
				}
				e, err := New(&s, plan.Segment{})
				if err != nil {
					t.Fatal(err)
				}
				switch s.Executor {
				case plan.SharedIterations:
					if started != 73 || dropped != 0 {
						t.Errorf("%d iterations, %d dropped", started, dropped)
					}
				case plan.PerVUIterations:
					if started != 30 || dropped != 0 {
						t.Errorf("%d iterations, %d dropped", started, dropped)
					}
				default:
					for i := time.Duration(1); i < 40; i++ {
						// Ramped VUs begin off the tenth: look at the end of it.
						if got, want := begins[i], e.Planned((i+1)*100*time.Millisecond-1).VUs; got != want {
							t.Errorf("%d VUs at work at %v, want %d", got, i*100*time.Millisecond, want)
						}
					}
				}
				if s.Executor == plan.Users {
					for at, got := range classes {
						m, want := newMix(s.Classes), make(map[string]int)
						for user := range got["a"] + got["b"] {
							want[s.Classes[m.class(user)].Name]++
						}
						if got["a"] != want["a"] || got["b"] != want["b"] {
							t.Errorf("at %v %v at work, want %v", at*100*time.Millisecond, got, want)
						}
					}
				}
			})
		}
	}
}

// A segment that has no VU of a fixed number of iterations is done at once and
// drops nothing; of a number of VUs over time it may still be given one.
func TestSegmentWithoutVU(t *testing.T) {
	segment, err := plan.NewSegment("0:1/10", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []plan.Scenario{
		{Executor: plan.SharedIterations, VUs: 2, Iterations: 100, MaxDuration: time.Hour},
		{Executor: plan.PerVUIterations, VUs: 2, Iterations: 100, MaxDuration: time.Hour},
		{Executor: plan.ConstantVUs, VUs: 2, Duration: 4 * time.Second},
	} {
		t.Run(s.Executor, func(t *testing.T) {
			if n := segment.Share(int64(s.VUs)); n != 0 {
				t.Fatalf("it has %d VUs", n)
			}
			synctest.Test(t, func(t *testing.T) {
				s.Name = "work"
				g := newStage(t, &plan.Plan{Segment: segment, Scenarios: []plan.Scenario{s}}, 0, nil)
				g.run(t.Context())
				if want := s.Duration; g.took != want || g.crew.Dropped() != 0 || g.crew.Started() != 0 {
					t.Errorf("took %v, started %d, dropped %d", g.took, g.crew.Started(), g.crew.Dropped())
				}
			})
		})
	}
}

// Whatever is ordered when, there are as many VUs as the last order wants, none
// begins during a pause, and the account holds.
func TestLadderProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.SampledFrom([]plan.Scenario{
			{Executor: plan.ConstantVUs, VUs: 5, Duration: time.Minute},
			{Executor: plan.RampingVUs, StartVUs: 2, Stages: []plan.Stage{{Duration: 30 * time.Second, Target: 12}, {Duration: 30 * time.Second, Target: 0}}},
			{Executor: plan.ExternallyControlled, VUs: 3, MaxVUs: 15},
			{Executor: plan.Users, VUs: 8, SpawnRate: 0.5, Classes: []plan.Class{{Name: "a", Weight: 1}, {Name: "b", FixedCount: 2}}},
			{Executor: plan.Shape, MaxVUs: 15, Duration: time.Minute},
		}).Draw(rt, "scenario")
		type order struct {
			after time.Duration
			pause bool
			to    Level
		}
		orders := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) order {
			return order{
				after: time.Duration(rapid.IntRange(1, 8000).Draw(rt, "after ms")) * time.Millisecond,
				pause: rapid.IntRange(0, 3).Draw(rt, "pause") == 0,
				to: Level{
					VUs:       rapid.IntRange(0, 15).Draw(rt, "VUs"),
					SpawnRate: rapid.SampledFrom([]float64{0, 0.3, 1, 7.5, 1000}).Draw(rt, "spawn rate"),
				},
			}
		}), 1, 12).Draw(rt, "orders")
		s.GracefulStop, s.GracefulRampDown = time.Minute, time.Minute
		synctest.Test(t, func(t *testing.T) {
			g := closed(t, s, 15, 20*time.Millisecond)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for _, o := range orders {
					time.Sleep(o.after)
					if g.crew.State() != Running {
						break
					}
					if o.pause {
						g.host.Stopwatch.Pause()
						time.Sleep(40 * time.Millisecond) // who is at it ends
						started := g.crew.Started()
						time.Sleep(5 * time.Second)
						if n := g.crew.Started(); n != started {
							t.Errorf("%d iterations began during a pause", n-started)
						}
						g.host.Stopwatch.Resume()
					} else {
						g.scale(o.to)
					}
					time.Sleep(40 * time.Millisecond)
					synctest.Wait()
					// VUs that are to go may be at work for one iteration more.
					at := g.crew.Elapsed()
					now, before := g.executor.Planned(at).VUs, g.executor.Planned(max(0, at-21*time.Millisecond)).VUs
					if n := g.crew.Active(); g.crew.State() == Running && (n < min(now, before) || n > max(now, before)) {
						t.Errorf("%d VUs at %v, want %d", n, at, now)
					}
				}
				if g.scenario.Unbounded() {
					close(g.stop)
				}
			}()
			g.run(t.Context())
			<-done
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}
