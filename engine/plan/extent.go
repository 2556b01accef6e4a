package plan

import (
	"cmp"
	"slices"
	"time"
)

// Span returns how long the scenario may run from its own StartTime, without gracefulStop.
func (s *Scenario) Span() time.Duration {
	switch s.Executor {
	case ConstantVUs:
		return s.Duration
	case SharedIterations, PerVUIterations:
		return s.MaxDuration
	case RampingVUs:
		var total time.Duration
		for _, stage := range s.Stages {
			total += stage.Duration
		}
		return total
	}
	return 0
}

// Peak returns the most VUs the scenario runs at once.
func (s *Scenario) Peak() int {
	if s.Executor != RampingVUs {
		return s.VUs
	}
	peak := s.StartVUs
	for _, stage := range s.Stages {
		peak = max(peak, stage.Target)
	}
	return peak
}

// MaxVUs returns the largest number of VUs the plan ever runs at once,
// scenarios that overlap in time (gracefulStop included) added up. A scenario
// counts with its Peak from start to end; one that starts in the instant
// another has ended takes over its VUs.
func (p *Plan) MaxVUs() int {
	type change struct {
		at  time.Duration
		vus int
	}
	var changes []change
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		changes = append(changes,
			change{s.StartTime, s.Peak()},
			change{s.StartTime + s.Span() + s.GracefulStop, -s.Peak()})
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
// included, counted from the start of the load phase (StartTime 0).
func (p *Plan) Duration() time.Duration {
	var end time.Duration
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		end = max(end, s.StartTime+s.Span()+s.GracefulStop)
	}
	return end
}
