package executor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// arrivalTest is one scenario of arrivals and what is to come of it.
type arrivalTest struct {
	name     string
	scenario plan.Scenario
	plan     plan.Plan
	pool     int // size; 0: MaxVUs
	iterate  func(g *stage, ctx context.Context, v *fakeVU, it vu.Iteration) error
	during   func(g *stage)
	check    func(t *testing.T, g *stage)
}

func lasting(d time.Duration) func(*stage, context.Context, *fakeVU, vu.Iteration) error {
	return func(_ *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error { return sleep(ctx, d) }
}

func (c *arrivalTest) run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := c.plan, c.scenario
		s.Name, s.GracefulStop = "work", grace
		if s.Executor == "" {
			s.Executor = plan.ConstantArrivalRate
		}
		if s.TimeUnit == 0 {
			s.TimeUnit = time.Second
		}
		if s.MaxIterationDelay == 0 {
			s.MaxIterationDelay = 100 * time.Millisecond
		}
		s.MaxVUs = max(s.MaxVUs, s.PreAllocatedVUs)
		p.Scenarios = []plan.Scenario{s}
		size := c.pool
		if size == 0 {
			size = s.MaxVUs
		}
		var g *stage
		g = newStage(t, &p, size, func(ctx context.Context, v *fakeVU, it vu.Iteration) error {
			return c.iterate(g, ctx, v, it)
		})
		if c.during != nil {
			go c.during(g)
		}
		g.run(t.Context())
		c.check(t, g)
	})
}

// wantBegins checks when iterations began, and that each was on time.
func wantBegins(t *testing.T, g *stage, want ...time.Duration) {
	t.Helper()
	var got []time.Duration
	for _, l := range g.log {
		got = append(got, l.begin)
		if !l.Scheduled || l.Delay != 0 {
			t.Errorf("the iteration that began at %v has a delay of %v, scheduled: %v", l.begin, l.Delay, l.Scheduled)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("iterations began at %v, want %v", got, want)
	}
}

func dropped(g *stage) uint64 {
	v, _ := g.recorded.Select(metric.DroppedIterations, metric.Tags{})
	return uint64(v.Sum)
}

func wantCounts(t *testing.T, g *stage, begun, drops uint64) {
	t.Helper()
	if got := g.crew.Started(); got != begun || dropped(g) != drops || g.crew.Dropped() != drops {
		t.Errorf("%d iterations began, %d were dropped (metric: %d), want %d and %d", got, g.crew.Dropped(), dropped(g), begun, drops)
	}
}

const ms = time.Millisecond

var arrivalTests = []arrivalTest{
	{
		name:     "each begins when it is due, the first at 0",
		scenario: plan.Scenario{Rate: 4, Duration: time.Second, PreAllocatedVUs: 2},
		iterate:  lasting(300 * ms),
		check: func(t *testing.T, g *stage) {
			wantBegins(t, g, 0, 250*ms, 500*ms, 750*ms)
			wantCounts(t, g, 4, 0)
			wantTook(t, g, 1050*ms)
			if n, _ := g.recorded.Select(metric.VUs, metric.Tags{}); n.Max != 2 {
				t.Errorf("gauge vus up to %v", n.Max)
			}
		},
	},
	{
		name:     "the span has its length even when nothing is due",
		scenario: plan.Scenario{Rate: 1, TimeUnit: time.Minute, Duration: 10 * time.Second, PreAllocatedVUs: 3},
		iterate:  lasting(300 * ms),
		check: func(t *testing.T, g *stage) {
			wantBegins(t, g, 0)
			wantTook(t, g, 10*time.Second)
		},
	},
	{
		name: "a ramp begins as many as the area below it",
		scenario: plan.Scenario{Executor: plan.RampingArrivalRate, PreAllocatedVUs: 5, Stages: []plan.Stage{
			{Duration: 2 * time.Second, Target: 2}, {Duration: 2 * time.Second}}},
		iterate: lasting(ms),
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 4, 0)
			wantTook(t, g, 4*time.Second)
			for i, l := range g.log {
				want := []float64{0, math.Sqrt2, 2, 4 - math.Sqrt2}[i]
				if math.Abs(l.begin.Seconds()-want) > 1e-8 {
					t.Errorf("iteration %d began at %v, want %v s", i, l.begin, want)
				}
			}
		},
	},
	{
		name:     "VUs take turns",
		scenario: plan.Scenario{Rate: 8, Duration: 10 * time.Second, PreAllocatedVUs: 10},
		iterate:  lasting(ms),
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 80, 0)
			perVU := make(map[vu.Identity]int)
			for _, l := range g.log {
				perVU[l.vu]++
			}
			for id, n := range perVU {
				if n < 7 { // of 8: within the first second who is last comes first
					t.Errorf("VU %d ran %d iterations", id.InInstance, n)
				}
			}
		},
	},
	{
		name:     "at high rates some VUs work more than others, but none idles for long",
		scenario: plan.Scenario{Rate: 1000, Duration: 10 * time.Second, PreAllocatedVUs: 50},
		iterate:  lasting(3 * ms),
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 10_000, 0)
			perVU := make(map[vu.Identity]int)
			for _, l := range g.log {
				perVU[l.vu]++
			}
			least, most := 10_000, 0
			for _, n := range perVU {
				least, most = min(least, n), max(most, n)
			}
			// One in 16 is 62 per second, more than one for each VU.
			if len(perVU) != 50 || least < 10 || most < 250 {
				t.Errorf("%d VUs ran %d to %d iterations each", len(perVU), least, most)
			}
		},
	},
	{
		name:     "one that finds all VUs busy waits for maxIterationDelay, then it is dropped",
		scenario: plan.Scenario{Rate: 10, Duration: time.Second, PreAllocatedVUs: 1, MaxIterationDelay: 120 * ms},
		iterate:  lasting(250 * ms),
		check: func(t *testing.T, g *stage) {
			// VU free at 250, 500, 750, 1000 ms; due each 100 ms: 0 | 200 begins
			// at 250 | 400 at 500 | 700 at 750 | those of 800 and 900 drop with
			// the end of the span.
			wantCounts(t, g, 4, 6)
			for i, want := range []time.Duration{0, 50 * ms, 100 * ms, 50 * ms} {
				if got := g.log[i]; got.Delay != want || !got.Scheduled {
					t.Errorf("iteration %d was delayed by %v, want %v", i, got.Delay, want)
				}
			}
			delay, _ := g.recorded.Select(metric.IterationDelay, metric.Tags{})
			response, _ := g.recorded.Select(metric.IterationResponseTime, metric.Tags{})
			duration, _ := g.recorded.Select(metric.IterationDuration, metric.Tags{})
			if delay.Max != 100 || delay.Count != 4 || response.Max != 350 || response.Min != 250 || duration.Max != 250 {
				t.Errorf("delay %v, response time %v, duration %v", delay, response, duration)
			}
		},
	},
	{
		name:     "VUs are added up to maxVUs",
		scenario: plan.Scenario{Rate: 10, Duration: 2 * time.Second, PreAllocatedVUs: 1, MaxVUs: 4, MaxIterationDelay: 10 * ms},
		iterate:  lasting(time.Second),
		check: func(t *testing.T, g *stage) {
			if len(g.script.made) != 4 {
				t.Errorf("%d VUs were made", len(g.script.made))
			}
			// 0, and when it has been due for a while 100, 200, 300 ms; then all
			// four are busy until 1000 ms.
			wantCounts(t, g, 8, 12)
			for _, l := range g.log {
				if l.Delay > 4*ms {
					t.Errorf("the iteration that began at %v was delayed by %v", l.begin, l.Delay)
				}
			}
		},
	},
	{
		name:     "no VU is made when those there are suffice",
		scenario: plan.Scenario{Rate: 100, Duration: 2 * time.Second, PreAllocatedVUs: 2, MaxVUs: 10},
		iterate:  lasting(20 * ms),
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 200, 0)
			if len(g.script.made) != 2 {
				t.Errorf("%d VUs were made", len(g.script.made))
			}
		},
	},
	{
		name:     "without preallocated VUs all are made when needed",
		scenario: plan.Scenario{Rate: 10, Duration: time.Second, MaxVUs: 3},
		iterate:  lasting(ms),
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 10, 0)
			if len(g.script.made) != 1 {
				t.Errorf("%d VUs were made", len(g.script.made))
			}
		},
	},
	{
		name:     "a pool that is full has no VU for it",
		scenario: plan.Scenario{Rate: 10, Duration: time.Second, PreAllocatedVUs: 1, MaxVUs: 5, MaxIterationDelay: ms},
		pool:     1,
		iterate:  lasting(time.Hour),
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, 1)
			wantCounts(t, g, 1, 9)
		},
	},
	{
		name:     "stop drops what was due and waits, not what was not yet due",
		scenario: plan.Scenario{Rate: 10, Duration: 10 * time.Second, PreAllocatedVUs: 1, MaxIterationDelay: time.Minute},
		iterate:  lasting(time.Second),
		during: func(g *stage) {
			time.Sleep(450 * ms)
			close(g.stop)
		},
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 1, 4)
			wantTook(t, g, time.Second)
		},
	},
	{
		name:     "an end by Scale is as that of the span",
		scenario: plan.Scenario{Rate: 10, Duration: 10 * time.Second, PreAllocatedVUs: 5},
		iterate:  lasting(200 * ms),
		during: func(g *stage) {
			time.Sleep(450 * ms)
			if err := g.executor.Scale(Level{End: true}); err != nil {
				g.t.Error(err)
			}
		},
		check: func(t *testing.T, g *stage) {
			wantBegins(t, g, 0, 100*ms, 200*ms, 300*ms, 400*ms)
			wantCounts(t, g, 5, 0)
			wantTook(t, g, 600*ms)
		},
	},
	{
		name:     "pause puts all off",
		scenario: plan.Scenario{Rate: 4, Duration: time.Second, PreAllocatedVUs: 10},
		iterate:  lasting(10 * ms),
		during: func(g *stage) {
			for range 3 {
				time.Sleep(300 * ms)
				g.host.Stopwatch.Pause()
				time.Sleep(time.Hour)
				g.host.Stopwatch.Resume()
			}
		},
		check: func(t *testing.T, g *stage) {
			wantBegins(t, g, 0, 250*ms, time.Hour+500*ms, 2*time.Hour+750*ms)
			wantCounts(t, g, 4, 0)
			if got := g.crew.Elapsed(); got != time.Second {
				t.Errorf("it took a load time of %v", got)
			}
		},
	},
	{
		name:     "pause drops nothing that waits for a VU",
		scenario: plan.Scenario{Rate: 10, Duration: 450 * ms, PreAllocatedVUs: 1},
		iterate:  lasting(100 * ms),
		during: func(g *stage) {
			time.Sleep(50 * ms)
			g.host.Stopwatch.Pause()
			time.Sleep(time.Hour)
			g.host.Stopwatch.Resume()
		},
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 5, 0)
		},
	},
	{
		name:     "scale counts from now, with all VUs that wait",
		scenario: plan.Scenario{Rate: 1, Duration: 4 * time.Second, PreAllocatedVUs: 20},
		iterate:  lasting(10 * ms),
		during: func(g *stage) {
			time.Sleep(1500 * ms)
			if err := g.executor.Scale(Level{Rate: 10}); err != nil {
				g.t.Error(err)
			}
			if got := g.executor.Planned(1600 * ms).Rate; got != 10 {
				g.t.Errorf("planned rate %v", got)
			}
			time.Sleep(time.Second)
			if err := g.executor.Scale(Level{}); err != nil {
				g.t.Error(err)
			}
			time.Sleep(time.Second)
			if err := g.executor.Scale(Level{Rate: 2}); err != nil {
				g.t.Error(err)
			}
		},
		check: func(t *testing.T, g *stage) {
			// Half an iteration is open at 1.5 s and takes 50 ms more; the same
			// at 2.5 s, which waits until 3.5 s.
			wantBegins(t, g, 0, time.Second,
				1550*ms, 1650*ms, 1750*ms, 1850*ms, 1950*ms, 2050*ms, 2150*ms, 2250*ms, 2350*ms, 2450*ms,
				3750*ms)
			wantCounts(t, g, 13, 0)
		},
	},
	{
		name:     "scale before the start counts from the start",
		scenario: plan.Scenario{Executor: plan.Shape, Open: true, Duration: time.Second, PreAllocatedVUs: 20},
		iterate:  lasting(10 * ms),
		during: func(g *stage) {
			time.Sleep(100 * ms)
			if err := g.executor.Scale(Level{Rate: 5}); err != nil {
				g.t.Error(err)
			}
		},
		check: func(t *testing.T, g *stage) {
			wantBegins(t, g, 100*ms, 300*ms, 500*ms, 700*ms, 900*ms)
		},
	},
	{
		name:     "an iteration that is paced has its own time",
		scenario: plan.Scenario{Rate: 10, Duration: time.Second, PreAllocatedVUs: 5},
		plan:     plan.Plan{MinIterationDuration: 300 * ms},
		iterate:  lasting(10 * ms),
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 10, 0)
			for _, l := range g.log {
				if l.Delay != 0 || l.begin%(100*ms) != 0 {
					t.Errorf("an iteration began at %v, delayed by %v", l.begin, l.Delay)
				}
			}
		},
	},
	{
		name:     "a segment begins its own, under numbers of its own",
		scenario: plan.Scenario{Rate: 12, Duration: time.Second, PreAllocatedVUs: 8},
		plan:     plan.Plan{Segment: plan.Segment{Bounds: []plan.Fraction{{Num: 0, Den: 1}, {Num: 1, Den: 4}, {Num: 1, Den: 2}, {Num: 1, Den: 1}}, Index: 1}},
		pool:     2,
		iterate:  lasting(10 * ms),
		check: func(t *testing.T, g *stage) {
			segment := g.plan.Segment
			if len(g.log) != 3 {
				t.Fatalf("%d iterations", len(g.log))
			}
			for k, l := range g.log {
				i := segment.Item(int64(k))
				if want := time.Second * time.Duration(i) / 12; l.begin != want || l.InTest != uint64(i) || l.InScenario != uint64(k) {
					t.Errorf("iteration %d began at %v under the number %d, want %v and %d", l.InScenario, l.begin, l.InTest, want, i)
				}
			}
			if got := g.executor.Planned(0).Rate; got != 3 {
				t.Errorf("planned rate %v", got)
			}
		},
	},
	{
		name:     "when all VUs are lost the scenario ends",
		scenario: plan.Scenario{Rate: 10, Duration: 10 * time.Second, PreAllocatedVUs: 2, MaxVUs: 2},
		iterate: func(g *stage, _ context.Context, _ *fakeVU, _ vu.Iteration) error {
			g.script.refuse.Store(true)
			return errors.New("the runtime is broken")
		},
		check: func(t *testing.T, g *stage) {
			wantIterations(t, g, 0, 2)
			wantTook(t, g, 100*ms)
			if n, _ := g.crew.Lost(); n != 2 {
				t.Errorf("lost %d", n)
			}
		},
	},
	{
		name:     "while VUs that are added cannot be made the others go on",
		scenario: plan.Scenario{Rate: 10, Duration: 3 * time.Second, PreAllocatedVUs: 1, MaxVUs: 3, MaxIterationDelay: ms},
		iterate: func(g *stage, ctx context.Context, _ *fakeVU, _ vu.Iteration) error {
			g.script.refuse.Store(true)
			return sleep(ctx, 150*ms)
		},
		check: func(t *testing.T, g *stage) {
			wantCounts(t, g, 15, 15)
			if n, err := g.crew.Lost(); n != 1 || err != errNoVU { // and no other is tried
				t.Errorf("lost %d: %v", n, err)
			}
		},
	},
}

func TestArrivals(t *testing.T) {
	for _, c := range arrivalTests {
		t.Run(c.name, c.run)
	}
}

func TestArrivalsRefuseScale(t *testing.T) {
	for _, c := range []struct {
		to   Level
		want string
	}{
		{Level{VUs: 3}, "constant-arrival-rate goes by a rate, not by a number of VUs"},
		{Level{Rate: -1}, "the rate must be a number from 0, got -1"},
		{Level{Rate: math.NaN()}, "the rate must be a number from 0, got NaN"},
		{Level{Rate: math.Inf(1)}, "the rate must be a number from 0, got +Inf"},
		{Level{Rate: 1e15}, "the rate must be at most"},
	} {
		e := newArrivals(&plan.Scenario{Executor: plan.ConstantArrivalRate, Rate: 1, TimeUnit: time.Second}, plan.Segment{})
		if err := e.Scale(c.to); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.to, err, c.want)
		}
	}
}

// Whatever rates, VUs, durations and stops: each planned iteration of each
// segment begins at most once and never before its time, all that were due are
// begun or counted as dropped, and a delay is within what is allowed.
func TestArrivalsProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		scenario := plan.Scenario{
			Name:              "work",
			Executor:          plan.RampingArrivalRate,
			StartRate:         rapid.Int64Range(0, 200).Draw(rt, "start"),
			Stages:            []plan.Stage{{Duration: time.Duration(rapid.IntRange(0, 3000).Draw(rt, "stage")) * ms, Target: rapid.IntRange(0, 200).Draw(rt, "target")}, {Duration: time.Second, Target: 10}},
			TimeUnit:          time.Second,
			PreAllocatedVUs:   rapid.IntRange(0, 12).Draw(rt, "VUs"),
			MaxVUs:            12,
			MaxIterationDelay: time.Duration(rapid.IntRange(0, 300).Draw(rt, "patience")) * ms,
			GracefulStop:      time.Duration(rapid.IntRange(0, 300).Draw(rt, "grace")) * ms,
		}
		takes := time.Duration(rapid.IntRange(0, 400).Draw(rt, "iteration")) * ms
		stop := time.Duration(rapid.IntRange(0, 8000).Draw(rt, "stop")) * ms
		if stop%time.Second == 0 {
			stop++ // not in the instant in which something is due
		}
		segments := rapid.IntRange(1, 3).Draw(rt, "segments")
		var bounds []plan.Fraction
		for i := range segments + 1 {
			bounds = append(bounds, plan.Fraction{Num: int64(i), Den: int64(segments)})
		}
		table := rampingRate(scenario.StartRate, scenario.Stages, time.Second)
		due := table.count(min(stop, scenario.Span()))
		seen := make(map[uint64]bool)
		var drops uint64
		for index := range segments {
			synctest.Test(t, func(t *testing.T) {
				p := &plan.Plan{Segment: plan.Segment{Bounds: bounds, Index: index}, Scenarios: []plan.Scenario{scenario}}
				g := newStage(t, p, p.MaxVUs(), func(ctx context.Context, _ *fakeVU, _ vu.Iteration) error { return sleep(ctx, takes) })
				over := make(chan struct{})
				go func() {
					select {
					case <-time.After(stop):
						close(g.stop)
					case <-over:
					}
				}()
				g.run(t.Context())
				close(over)
				drops += dropped(g)
				for _, l := range g.log {
					if l.Delay < 0 || l.Delay > scenario.MaxIterationDelay {
						t.Errorf("delay %v", l.Delay)
					}
					at := l.begin - l.Delay // when it was due
					if n := table.count(at); at != table.due(n) {
						t.Errorf("nothing was due at %v", at)
					}
					if seen[l.InTest] {
						t.Errorf("number %d is double", l.InTest)
					}
					seen[l.InTest] = true
				}
			})
		}
		if got := int64(len(seen)) + int64(drops); got != due {
			rt.Errorf("%d iterations began and %d were dropped, %d were due", len(seen), drops, due)
		}
	})
}

// An iteration of an arrival rate on VUs that wait for it, all accounts
// included: in real time, at a rate far above what can be kept up, with all
// the patience there is.
func BenchmarkArrival(b *testing.B) {
	for _, vus := range []int{1, 50, 1000} {
		b.Run(fmt.Sprintf("%dVUs", vus), func(b *testing.B) {
			p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "work", Executor: plan.ConstantArrivalRate, Rate: 1_000_000_000, TimeUnit: time.Second,
				Duration: time.Hour, PreAllocatedVUs: vus, MaxVUs: vus, MaxIterationDelay: time.Hour}}}
			benchmarkArrivals(b, p, vus)
		})
	}
}

// The same at a rate that can be kept up, so that VUs wait by their timers.
func BenchmarkArrivalOnTime(b *testing.B) {
	for _, vus := range []int{50, 1000} {
		b.Run(fmt.Sprintf("%dVUs", vus), func(b *testing.B) {
			p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "work", Executor: plan.ConstantArrivalRate, Rate: 200_000, TimeUnit: time.Second,
				Duration: time.Hour, PreAllocatedVUs: vus, MaxVUs: vus, MaxIterationDelay: time.Hour}}}
			benchmarkArrivals(b, p, vus)
		})
	}
}

func benchmarkArrivals(b *testing.B, p *plan.Plan, vus int) {
	g := newStage(b, p, vus, nil)
	g.host.Alarm = alarm.NewSystem
	var n atomic.Int64
	g.script.iterate = func(context.Context, *fakeVU, vu.Iteration) error {
		if n.Add(1) == int64(b.N) {
			close(g.stop)
		}
		return nil
	}
	b.ReportAllocs()
	b.ResetTimer()
	g.executor.Run(b.Context(), g.stop, g.crew)
	b.StopTimer()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(g.crew.Started()), "ns/iteration")
	if v, ok := g.metrics().Select(metric.IterationDelay, metric.Tags{}); ok {
		b.ReportMetric(v.Max*1e3, "max-µs-late")
	}
	g.host.Pool.Close()
}
