package plan

import (
	"cmp"
	"slices"
	"time"
)

// Span returns how long the scenario may run from its start, without
// gracefulStop. One that runs until it is stopped, or until its shape ends it,
// counts with MaxDuration.
func (s *Scenario) Span() time.Duration {
	switch s.Executor {
	case ConstantVUs, ConstantArrivalRate:
		return s.Duration
	case SharedIterations, PerVUIterations, Capacity:
		return s.MaxDuration
	case RampingVUs, RampingArrivalRate:
		var total time.Duration
		for _, stage := range s.Stages {
			total += stage.Duration
		}
		return total
	case ExternallyControlled, Users, Shape:
		if s.Duration == 0 {
			return MaxDuration
		}
		return s.Duration
	}
	return 0
}

// Unbounded reports whether nothing in the plan ends the scenario.
func (s *Scenario) Unbounded() bool {
	switch s.Executor {
	case ExternallyControlled, Users, Shape:
		return s.Duration == 0
	}
	return false
}

// Arrives reports whether the scenario is an open model: iterations begin when
// they are due, not when a VU is done with the one before.
func (s *Scenario) Arrives() bool {
	switch s.Executor {
	case ConstantArrivalRate, RampingArrivalRate, Capacity:
		return true
	case Shape:
		return s.Open
	}
	return false
}

// Peak returns the most VUs the scenario runs at once, in the whole test and
// unless it is scaled beyond its plan.
func (s *Scenario) Peak() int {
	switch s.Executor {
	case RampingVUs:
		peak := s.StartVUs
		for _, stage := range s.Stages {
			peak = max(peak, stage.Target)
		}
		return peak
	case ConstantArrivalRate, RampingArrivalRate, Capacity, ExternallyControlled, Users, Shape:
		return max(s.VUs, s.MaxVUs)
	}
	return s.VUs
}

// Initial returns how many VUs of the whole test the scenario should find made
// when it starts: the planned peak of a closed model as far as the plan tells
// it, PreAllocatedVUs where the need shows only under load.
func (s *Scenario) Initial() int {
	switch s.Executor {
	case ConstantArrivalRate, RampingArrivalRate, Capacity, Shape:
		return s.PreAllocatedVUs
	case ExternallyControlled, Users:
		return s.VUs
	}
	return s.Peak()
}

// MaxVUs returns the largest number of VUs that the plan's Segment ever runs at
// once, scenarios that overlap in time (gracefulStop included) added up. A
// scenario counts with its Peak from start to end; one that starts in the
// instant another has ended takes over its VUs.
func (p *Plan) MaxVUs() int {
	return p.most(func(s *Scenario) int { return int(p.Segment.Share(int64(s.Peak()))) })
}

// InitialVUs returns how many VUs the plan's Segment should have made before
// the load begins: as MaxVUs, each scenario with its Initial instead of its
// Peak. More may be needed later, up to MaxVUs and beyond when the test is
// scaled.
func (p *Plan) InitialVUs() int {
	return p.most(func(s *Scenario) int { return int(p.Segment.Share(int64(s.Initial()))) })
}

// most sums what each scenario counts while it runs and returns the highest sum.
func (p *Plan) most(count func(*Scenario) int) int {
	type change struct {
		at  time.Duration
		vus int
	}
	var changes []change
	starts := p.starts()
	for i := range p.Scenarios {
		s, n := &p.Scenarios[i], count(&p.Scenarios[i])
		changes = append(changes, change{starts[i], n}, change{s.endFrom(starts[i]), -n})
	}
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.vus, b.vus)) // ends first
	})
	now, most := 0, 0
	for _, c := range changes {
		now += c.vus
		most = max(most, now)
	}
	return most
}

// Duration returns when the last scenario must have ended, gracefulStop
// included, counted from the start of the load phase (StartTime 0). It is far
// beyond any patience, but no overflow, when a scenario is unbounded.
func (p *Plan) Duration() time.Duration {
	var end time.Duration
	for i, start := range p.starts() {
		end = max(end, p.Scenarios[i].endFrom(start))
	}
	return end
}

// never stands for every time later than itself, so that chains of scenarios
// do not overflow: 100 years.
const never = 100 * MaxDuration

// endFrom returns when the scenario must have ended if it starts then.
func (s *Scenario) endFrom(start time.Duration) time.Duration {
	return min(start+s.Span()+s.GracefulStop, never)
}

// starts returns when each scenario starts at the latest: one with StartAfter
// when the other must have ended. It ignores a StartAfter that names no
// scenario or is part of a circle, which Parse refuses.
func (p *Plan) starts() []time.Duration {
	places := make(map[string]int, len(p.Scenarios))
	for i := range p.Scenarios {
		places[p.Scenarios[i].Name] = i
	}
	delete(places, "") // what StartAfter is without another scenario
	starts := make([]time.Duration, len(p.Scenarios))
	const (
		unknown = iota
		underway
		known
	)
	state := make([]uint8, len(p.Scenarios))
	for i := range p.Scenarios {
		// Down the chain to a start that is known, then back up.
		var chain []int
		at := time.Duration(0)
		for next, more := i, true; more; {
			if state[next] == known {
				at = p.Scenarios[next].endFrom(starts[next])
				break
			}
			if state[next] == underway {
				break
			}
			state[next] = underway
			chain = append(chain, next)
			next, more = places[p.Scenarios[next].StartAfter]
		}
		for _, member := range slices.Backward(chain) {
			starts[member] = min(at+p.Scenarios[member].StartTime, never)
			state[member] = known
			at = p.Scenarios[member].endFrom(starts[member])
		}
	}
	return starts
}
