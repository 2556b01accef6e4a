package capacity

import (
	"math"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"pgregory.net/rapid"
)

func scenario(rate, most int64, precision float64) *plan.Scenario {
	return &plan.Scenario{
		Name: "find", Executor: plan.Capacity, Rate: rate, TimeUnit: time.Second,
		Search: plan.Search{MaxRate: most, Step: 10 * time.Second, Settle: 2 * time.Second, Hold: 30 * time.Second, Precision: precision},
	}
}

// seen is what a probe shows when nothing is wrong but what is said.
func seen(p Probe, ok bool) Observation {
	return Observation{
		Verdicts: []threshold.Verdict{{Name: "http_req_duration", Expression: "p(95)<200", Observed: 231.25, Limit: 200, OK: ok}},
		Span:     p.Length - p.Settle, Achieved: float64(p.Rate),
	}
}

// search runs a search against a target and returns what it found. The number of
// probes is bounded whatever the target does.
func search(t rapid.TB, s *plan.Scenario, target func(Probe) Observation) Report {
	t.Helper()
	c := New(s)
	for n := 0; ; n++ {
		p, ok := c.Next()
		if !ok {
			break
		}
		again, _ := c.Next()
		if p != again {
			t.Fatalf("asked twice: %+v, then %+v", p, again)
		}
		if p.Rate < 1 || p.Rate > s.Search.MaxRate || p.Settle >= p.Length || p.Length <= 0 {
			t.Fatalf("probe %+v", p)
		}
		if n > bound(s) {
			t.Fatalf("more than %d probes", bound(s))
		}
		c.Saw(target(p))
	}
	return c.Report()
}

// bound is how many probes a search takes at most: one doubling or halving for
// each power of two of the rate, one halving for each power of two of the
// precision, as many holds going down as precisions double to the whole rate,
// as many bisecting what that left; and all that twice, for a generator that is slow.
func bound(s *plan.Scenario) int {
	rates := bits.Len64(uint64(s.Search.MaxRate)) + 2
	steps := int(math.Ceil(math.Log2(1/s.Search.Precision))) + 3
	return 2 * (rates + steps + steps + rates + steps)
}

func draw(t *rapid.T) *plan.Scenario {
	most := rapid.Int64Range(1, 2_000_000).Draw(t, "maxRate")
	return scenario(rapid.Int64Range(1, most).Draw(t, "rate"), most, rapid.Float64Range(0.005, 0.3).Draw(t, "precision"))
}

// Whatever the capacity of a target, if more load is never easier for it: the
// search ends and finds it as precisely as was asked for.
func TestFindsTheCapacity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		capacity := rapid.Int64Range(0, 2*s.Search.MaxRate).Draw(t, "capacity")
		// A longer probe may find out more.
		lasting := capacity - rapid.Int64Range(0, capacity).Draw(t, "tires")
		r := search(t, s, func(p Probe) Observation {
			if p.Phase == Hold {
				return seen(p, p.Rate <= lasting)
			}
			return seen(p, p.Rate <= capacity)
		})
		precise := max(int64(s.Search.Precision*float64(r.Rate)), 1)
		switch {
		case lasting == 0:
			if r.Rate != 0 || r.Limit != Thresholds || r.Broke != 1 {
				t.Fatalf("found %d of nothing: %+v", r.Rate, r)
			}
		case r.Rate > lasting:
			t.Fatalf("found %d of %d", r.Rate, lasting)
		case r.Limit == MaxRate:
			if r.Rate != s.Search.MaxRate || r.Broke != 0 {
				t.Fatalf("the most is %d, found %d, broke at %d", s.Search.MaxRate, r.Rate, r.Broke)
			}
		case r.Limit != Thresholds || r.Broke <= lasting || r.Broke-r.Rate > precise:
			t.Fatalf("found %d to %d of %d, %s", r.Rate, r.Broke, lasting, r.Limit)
		}
		if !r.Complete || r.Scenario != "find" || r.TimeUnit != time.Second {
			t.Fatalf("%+v", r)
		}
		last := r.Steps[len(r.Steps)-1]
		if r.Rate > 0 && last.Phase != Hold {
			t.Fatalf("the last step was no hold: %+v", last)
		}
	})
}

// A target that holds or breaks by chance, and a generator that is slow by
// chance: the search ends, and what it reports is what it saw.
func TestNoise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		r := search(t, s, func(p Probe) Observation {
			o := seen(p, rapid.Bool().Draw(t, "ok"))
			if rapid.IntRange(0, 3).Draw(t, "slow") == 0 {
				o.Generator = "cpu"
			}
			return o
		})
		held, broke := false, false
		for _, step := range r.Steps {
			held = held || step.Phase == Hold && step.Rate == r.Rate && step.Held
			broke = broke || step.Rate == r.Broke && !step.Held
			if step.Held != (step.Why == "") {
				t.Fatalf("step %+v", step)
			}
		}
		if r.Rate > 0 && !held || r.Broke > 0 && !broke || r.Broke > 0 && r.Rate >= r.Broke {
			t.Fatalf("found %d to %d in %+v", r.Rate, r.Broke, r.Steps)
		}
		if !r.Complete {
			t.Fatalf("not complete: %+v", r)
		}
	})
}

// With a limit on its time, a search keeps to it and holds what it has found.
func TestEndsInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		s.MaxDuration = time.Duration(rapid.Int64Range(int64(time.Second), int64(20*time.Minute)).Draw(t, "maxDuration"))
		capacity := rapid.Int64Range(0, 2*s.Search.MaxRate).Draw(t, "capacity")
		used := overhead
		r := search(t, s, func(p Probe) Observation {
			used += p.Length + overhead
			return seen(p, p.Rate <= capacity)
		})
		if used > s.MaxDuration && len(r.Steps) > 0 {
			t.Fatalf("took %v of %v", used, s.MaxDuration)
		}
		if r.Rate > capacity || r.Complete == (r.Limit == MaxDuration) {
			t.Fatalf("%+v", r)
		}
		short := overhead + s.Search.Step + overhead + s.Search.Hold + overhead
		if s.Rate <= capacity && s.MaxDuration >= short && r.Rate == 0 {
			t.Fatalf("the first rate held and there was time to hold it: %+v", r)
		}
	})
}

func TestTheGeneratorIsTheLimit(t *testing.T) {
	s := scenario(100, 1_000_000, 0.05)
	r := search(t, s, func(p Probe) Observation {
		o := seen(p, p.Rate < 1000)
		if p.Rate >= 1000 {
			o.Generator = "cpu"
		}
		return o
	})
	var rates []int64
	for _, step := range r.Steps {
		rates = append(rates, step.Rate)
	}
	// Each rate the generator was slow at is tried twice; there is no use in
	// going nearer to a limit that is not the target's.
	want := []int64{100, 200, 400, 800, 1600, 1600, 800}
	if len(rates) != len(want) {
		t.Fatalf("tried %v, want %v", rates, want)
	}
	for i := range want {
		if rates[i] != want[i] {
			t.Fatalf("tried %v, want %v", rates, want)
		}
	}
	if r.Rate != 800 || r.Broke != 1600 || r.Limit != Generator || !r.Complete {
		t.Errorf("%+v", r)
	}
	if why := r.Steps[5].Why; why != "http_req_duration p(95)<200: 231; the load generator was slow: cpu" {
		t.Errorf("why: %q", why)
	}
	// A generator that is slow while all holds does no harm.
	r = search(t, scenario(100, 400, 0.05), func(p Probe) Observation {
		o := seen(p, true)
		o.Generator = "gc"
		return o
	})
	if r.Rate != 400 || r.Limit != MaxRate || len(r.Steps) != 4 {
		t.Errorf("%+v", r)
	}
}

// VUs that are all busy are no threshold that breaks.
func TestTheVUsAreTheLimit(t *testing.T) {
	s := scenario(100, 1_000_000, 0.1)
	for _, thresholds := range []bool{true, false} {
		r := search(t, s, func(p Probe) Observation {
			o := seen(p, thresholds || p.Rate <= 500)
			if p.Rate > 500 {
				o.Dropped, o.VUs = uint64(p.Rate), 50
			}
			return o
		})
		want := Thresholds
		if thresholds {
			want = VUs
		}
		if r.Limit != want || r.Rate < 450 || r.Rate > 500 || !r.Complete {
			t.Errorf("found %d, %s; want about 500, %s", r.Rate, r.Limit, want)
		}
	}
}

func TestGoesDownToFindOne(t *testing.T) {
	r := search(t, scenario(1000, 10_000, 0.1), func(p Probe) Observation { return seen(p, p.Rate <= 60) })
	if r.Rate < 54 || r.Rate > 60 || r.Steps[1].Rate != 500 || r.Steps[1].Phase != Ramp {
		t.Errorf("%+v", r)
	}
}

// What a search says before it is over.
func TestStopped(t *testing.T) {
	c := New(scenario(100, 1000, 0.05))
	c.Saw(Observation{}) // of no probe
	for range 3 {
		p, _ := c.Next()
		c.Saw(seen(p, true))
	}
	if r := c.Report(); r.Limit != "" || r.Complete {
		t.Errorf("while it goes on: %+v", r)
	}
	c.Stop(Stopped)
	c.Stop(MaxDuration)
	if _, ok := c.Next(); ok {
		t.Error("goes on")
	}
	c.Saw(seen(Probe{}, true))
	r := c.Report()
	if r.Limit != Stopped || r.Complete || r.Rate != 0 || len(r.Steps) != 3 || r.Steps[2].Rate != 400 {
		t.Errorf("%+v", r)
	}
	r.Steps[0].Rate = 7
	if c.Report().Steps[0].Rate == 7 {
		t.Error("the report is not the caller's")
	}
}

func TestWhy(t *testing.T) {
	bad := threshold.Verdict{Name: "m", Expression: "rate<1", Observed: 1234.5, Metric: metric.Metric{Unit: metric.Time}}
	for _, c := range []struct {
		name string
		o    Observation
		want string
	}{
		{"all well", Observation{Achieved: 100, Span: 8 * time.Second}, ""},
		{"one on the border", Observation{Achieved: 100 - 5 - 1.0/8, Span: 8 * time.Second}, ""},
		{"too few", Observation{Achieved: 94, Span: 80 * time.Second}, "only 94 of 100 were begun"},
		{"none", Observation{Span: 80 * time.Second}, "only 0 of 100 were begun"},
		{"not a number", Observation{Achieved: math.NaN(), Span: 8 * time.Second}, "% of the iterations were dropped"},
		{"some dropped", Observation{Achieved: 99, Dropped: 7, Span: 8 * time.Second}, ""},
		{"all busy", Observation{Achieved: 98, Dropped: 16, VUs: 200, Span: 8 * time.Second}, "dropped: all 200 VUs were busy; is maxVUs too low, or the target too slow?"},
		{"too few made", Observation{Achieved: 98, Dropped: 16, VUs: 150, Span: 8 * time.Second}, "dropped: 150 VUs were busy and more could not be made in time; is preAllocatedVUs too low?"},
		{"more dropped", Observation{Achieved: 98, Dropped: 16, Span: 8 * time.Second}, "2 % of the iterations were dropped"},
		{"thresholds first", Observation{Verdicts: []threshold.Verdict{{OK: true}, bad, bad, bad}}, "m rate<1: 1234 ms, and 2 more"},
		{"no data", Observation{Verdicts: []threshold.Verdict{{Name: "m", Expression: "p(95)<1", NoData: true}}}, "m p(95)<1: no data"},
	} {
		find := scenario(100, 1000, 0.05)
		find.MaxVUs = 200
		s := New(find)
		if got := s.broken(c.o); got != c.want && (c.want == "" || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A rate is per time unit, whatever that is.
func TestTimeUnit(t *testing.T) {
	s := scenario(600, 6000, 0.05)
	s.TimeUnit = time.Minute
	r := search(t, s, func(p Probe) Observation {
		o := seen(p, true)
		o.Achieved = float64(min(p.Rate, 1500)) // per minute
		return o
	})
	// 5 % below, and one iteration of 28 s, which is two a minute.
	if r.Rate < 1500 || r.Rate > 1590 || r.TimeUnit != time.Minute {
		t.Errorf("%+v", r)
	}
}
