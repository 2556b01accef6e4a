package plan

import (
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/figure"
)

// executor describes a kind of scenario.
type executor struct {
	name     string
	options  []string // beside the common ones
	required []string
	preset   func(s *Scenario) // fills in defaults that are not zero
	check    func(r *reading)  // when all options were read: what they are together; may be nil
}

// Defaults, k6's where k6 has the option.
const (
	defaultGrace          = 30 * time.Second
	defaultMaxDuration    = 10 * time.Minute
	defaultIterationDelay = 100 * time.Millisecond
	defaultSpawnRate      = 1
	defaultRate           = 100
	defaultMaxRate        = 1_000_000
	defaultSearchDuration = 30 * time.Minute
)

// executors lists all executors there are.
func executors() []executor {
	arrival := func(s *Scenario) {
		s.TimeUnit, s.MaxIterationDelay = time.Second, defaultIterationDelay
	}
	return []executor{
		{
			name:     ConstantVUs,
			options:  []string{"vus", "duration"},
			required: []string{"duration"},
			preset:   func(s *Scenario) { s.VUs = 1 },
		},
		{
			name:    SharedIterations,
			options: []string{"vus", "iterations", "maxDuration"},
			preset:  func(s *Scenario) { s.VUs, s.Iterations, s.MaxDuration = 1, 1, defaultMaxDuration },
		},
		{
			name:    PerVUIterations,
			options: []string{"vus", "iterations", "maxDuration"},
			preset:  func(s *Scenario) { s.VUs, s.Iterations, s.MaxDuration = 1, 1, defaultMaxDuration },
		},
		{
			name:     RampingVUs,
			options:  []string{"startVUs", "stages", "gracefulRampDown"},
			required: []string{"stages"},
			preset:   func(s *Scenario) { s.StartVUs, s.GracefulRampDown = 1, defaultGrace },
		},
		{
			name:     ConstantArrivalRate,
			options:  []string{"rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs", "maxIterationDelay"},
			required: []string{"rate", "duration", "preAllocatedVUs"},
			preset:   arrival,
			check:    (*reading).checkAllocation,
		},
		{
			name:     RampingArrivalRate,
			options:  []string{"startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs", "maxIterationDelay"},
			required: []string{"stages", "preAllocatedVUs"},
			preset:   arrival,
			check:    (*reading).checkAllocation,
		},
		{
			name:    ExternallyControlled,
			options: []string{"vus", "maxVUs", "duration"},
			preset:  func(s *Scenario) { s.VUs = 1 },
			check:   (*reading).checkExternal,
		},
		{
			name:    Users,
			options: []string{"users", "spawnRate", "runTime", "duration", "classes", "maxVUs"},
			preset:  func(s *Scenario) { s.VUs, s.SpawnRate = 1, defaultSpawnRate },
			check:   (*reading).checkUsers,
		},
		{
			name: Shape,
			options: []string{
				"shape", "model", "tick", "maxVUs", "preAllocatedVUs", "duration", "spawnRate", "timeUnit", "maxIterationDelay",
			},
			required: []string{"maxVUs"},
			preset:   func(s *Scenario) { s.Shape, s.Tick = "shape", time.Second },
			check:    (*reading).checkShape,
		},
		{
			name: Capacity,
			options: []string{
				"rate", "maxRate", "minRate", "timeUnit", "preAllocatedVUs", "maxVUs", "maxIterationDelay",
				"step", "settle", "hold", "precision", "maxDuration",
			},
			required: []string{"preAllocatedVUs"},
			preset: func(s *Scenario) {
				arrival(s)
				s.Rate, s.MaxDuration = defaultRate, defaultSearchDuration
				s.Search = Search{Step: 10 * time.Second, Settle: 2 * time.Second, Hold: 30 * time.Second, Precision: 0.05}
			},
			check: (*reading).checkCapacity,
		},
	}
}

// commonOptions are those every scenario takes.
func commonOptions() []string {
	return []string{"executor", "startTime", "startAfter", "gracefulStop", "exec", "env", "tags", "options", "startJitter"}
}

func isScenarioOption(key string) bool {
	return slices.Contains(commonOptions(), key) ||
		slices.ContainsFunc(executors(), func(e executor) bool { return slices.Contains(e.options, key) })
}

// MaxRate bounds arrival rates, in iterations per second: at more than that the
// times at which they are due come closer than a clock can tell.
const MaxRate = 10_000_000

// shortestTimeUnit is such that MaxRate leaves room for a few whole rates.
const shortestTimeUnit = time.Microsecond

// perUnit returns MaxRate in iterations per time unit.
func perUnit(unit time.Duration) int64 {
	return int64(MaxRate * unit.Seconds())
}

// setRate reads a rate in iterations per time unit, which must be known by now.
func (r *reading) setRate(dst *int64, v value, low int64) {
	most := perUnit(r.s.TimeUnit)
	if n, ok := v.integerHint(low, most, figure.Count(MaxRate)+" iterations a second are the most"); ok {
		*dst = n
	}
}

// checkAllocation completes and checks the VUs of an arrival rate.
func (r *reading) checkAllocation() {
	s := &r.s
	if _, given := r.given["maxVUs"]; !given {
		s.MaxVUs = s.PreAllocatedVUs
		if v, given := r.given["preAllocatedVUs"]; given && s.MaxVUs == 0 && r.clean() {
			v.failHint("give maxVUs too, to have VUs made during the load", "must be at least 1, got 0")
		}
	}
	if s.MaxVUs < s.PreAllocatedVUs && r.clean() {
		r.option("maxVUs").fail("must be at least preAllocatedVUs (%s), got %s", figure.Count(s.PreAllocatedVUs), figure.Count(s.MaxVUs))
	}
}

func (r *reading) checkExternal() {
	s := &r.s
	if _, given := r.given["maxVUs"]; !given {
		s.MaxVUs = s.VUs
		if s.VUs == 0 && r.clean() {
			r.option("vus").failHint("give maxVUs too, to start from 0", "must be at least 1, got 0")
		}
	}
	if s.MaxVUs < s.VUs && r.clean() {
		r.option("maxVUs").fail("must be at least vus (%s), got %s", figure.Count(s.VUs), figure.Count(s.MaxVUs))
	}
}

func (r *reading) checkShape() {
	s := &r.s
	model, of := "closed", []string{"timeUnit", "maxIterationDelay"}
	if s.Open {
		model, of = "open", []string{"spawnRate"}
	}
	for _, key := range of {
		if v, given := r.given[key]; given {
			v.fail("is not an option of a shape whose model is %q", model)
		}
	}
	if s.Open {
		if _, given := r.given["timeUnit"]; !given {
			s.TimeUnit = time.Second
		}
		if _, given := r.given["maxIterationDelay"]; !given {
			s.MaxIterationDelay = defaultIterationDelay
		}
		if _, given := r.given["preAllocatedVUs"]; !given {
			s.PreAllocatedVUs = s.MaxVUs
		}
	}
	if s.MaxVUs < s.PreAllocatedVUs && r.clean() {
		r.option("maxVUs").fail("must be at least preAllocatedVUs (%s), got %s", figure.Count(s.PreAllocatedVUs), figure.Count(s.MaxVUs))
	}
	if !slices.Contains(r.src.Exports, s.Shape) {
		hint := `add "export function shape(now) { … }", or name the function in shape`
		if _, given := r.given["shape"]; given {
			hint = r.didYouMean(s.Shape, r.functions())
		}
		r.option("shape").failHint(hint, "the script exports no function %s", quote(s.Shape))
	}
}

func (r *reading) checkCapacity() {
	s, q := &r.s, &r.s.Search
	r.checkAllocation()
	if _, given := r.given["maxRate"]; !given {
		q.MaxRate = min(max(defaultMaxRate, s.Rate, q.MinRate), perUnit(s.TimeUnit))
	}
	if !r.clean() {
		return
	}
	if _, given := r.given["rate"]; !given {
		s.Rate = min(s.Rate, q.MaxRate)
	}
	if s.Rate > q.MaxRate {
		r.option("rate").fail("must be at most maxRate (%s), got %s", figure.Count(q.MaxRate), figure.Count(s.Rate))
	}
	if q.MinRate > q.MaxRate {
		r.option("minRate").failHint("no rate above maxRate is tried", "must be at most maxRate (%s), got %s", figure.Count(q.MaxRate), figure.Count(q.MinRate))
	}
	for _, span := range []struct {
		name   string
		length time.Duration
	}{{"step", q.Step}, {"hold", q.Hold}} {
		if span.length <= q.Settle {
			r.option(span.name).failHint("nothing is judged before a rate has settled", "must be longer than settle (%v), got %v", q.Settle, span.length)
		}
	}
	if least := q.Step + q.Hold + 3*SearchOverhead; s.MaxDuration < least {
		r.option("maxDuration").fail("must be at least %v: step, hold and what it takes to see their results; got %v", least, s.MaxDuration)
	}
}
