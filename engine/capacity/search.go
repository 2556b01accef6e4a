package capacity

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// Phases of a search.
const (
	Ramp   = "ramp"   // the rate doubles, or halves until one holds
	Bisect = "bisect" // between one that held and one that did not
	Hold   = "hold"   // longer, to be sure
)

// What ended a search.
const (
	Thresholds  = "thresholds"
	MaxRate     = "maxRate"
	Generator   = "generator"
	VUs         = "vus"
	MaxDuration = "maxDuration"
	Stopped     = "stopped"
)

// A probe breaks whatever the thresholds say when the target did not get the
// rate: more than mostDropped of what was due never began, or what began stays
// mostShort below the rate.
const (
	mostDropped = 0.01
	mostShort   = 0.05
)

// Search is a search under way. Not safe for concurrent use.
//
// It keeps an interval: held, the highest rate that held, and broke, the lowest
// that did not. A hold is a longer probe, so that its verdict counts for more:
// when it breaks, what short probes said of lower rates is forgotten, and the
// search goes down from there, first by the precision asked for, then by twice
// that and so on, until a rate holds; from then on all probes are holds.
type Search struct {
	scenario *plan.Scenario
	unit     float64 // of time, in seconds
	report   Report

	phase       string
	rate        int64 // of the probe that Next returned, or will
	held, broke int64 // 0: none
	proven      int64 // highest that held a hold; 0: none
	drop        int64 // next step down after a hold that broke; 0: none did
	again       bool  // the rate is tried a second time, since the generator was slow
	generator   bool  // broke, because of the generator
	busy        bool  // broke, because no VU was free and not by a threshold
	asked       bool  // Next was called since Saw
	late        bool  // there is no time for more than a hold
	over        bool
	used        time.Duration
}

// New returns a search for the scenario.
func New(s *plan.Scenario) *Search {
	unit := s.TimeUnit
	if unit <= 0 {
		unit = time.Second
	}
	return &Search{
		scenario: s,
		unit:     unit.Seconds(),
		phase:    Ramp,
		rate:     min(max(s.Rate, 1), max(s.Search.MaxRate, 1)),
		used:     overhead,
		report:   Report{Scenario: s.Name, TimeUnit: unit, Demanded: s.Search.MinRate},
	}
}

// most returns the highest rate to try.
func (s *Search) most() int64 { return max(s.scenario.Search.MaxRate, 1) }

// Next returns the probe to run now; ok is false when the search is over.
// Called again before Saw it returns the same probe.
func (s *Search) Next() (p Probe, ok bool) {
	if s.over {
		return Probe{}, false
	}
	if !s.asked {
		s.fit()
		if s.over {
			return Probe{}, false
		}
	}
	s.asked = true
	return s.probe(), true
}

// probe returns the one whose turn it is.
func (s *Search) probe() Probe {
	length := s.scenario.Search.Step
	if s.phase == Hold {
		length = s.scenario.Search.Hold
	}
	settle := min(s.scenario.Search.Settle, length/2)
	return Probe{Phase: s.phase, Rate: s.rate, Settle: settle, Length: length}
}

// overhead is how much longer than its length a probe takes at most: its last
// numbers have to arrive. As long it may be until the first begins.
const overhead = plan.SearchOverhead

// fit makes the search end in time: when there is not enough left for another
// probe and a hold, what held so far is held.
func (s *Search) fit() {
	if s.scenario.MaxDuration <= 0 {
		return
	}
	left := s.scenario.MaxDuration - s.used
	need := s.probe().Length + overhead
	if s.phase != Hold && s.held > 0 && need+s.scenario.Search.Hold+overhead > left {
		s.phase, s.rate, s.late = Hold, s.held, true
		need = s.probe().Length + overhead
	}
	if need > left {
		s.late = true
		s.finish()
	}
}

// Saw tells what was seen during the probe that Next returned last.
func (s *Search) Saw(o Observation) {
	if !s.asked || s.over {
		return
	}
	s.asked = false
	step := Step{Probe: s.probe(), Observation: o}
	step.Why = s.broken(o)
	step.Held = step.Why == ""
	if !step.Held && o.Generator != "" {
		step.Why += "; the load generator was slow: " + o.Generator
	}
	s.report.Steps = append(s.report.Steps, step)
	s.used += step.Length + overhead

	if !step.Held && o.Generator != "" && !s.again {
		s.again = true // it may have been a moment's weakness
		return
	}
	s.again = false
	if step.Held {
		s.held = s.rate
	} else {
		s.broke, s.generator, s.busy = s.rate, o.Generator != "", !s.breaks(o) && s.drops(o)
	}
	switch {
	case s.phase == Hold && step.Held:
		s.proven = s.rate
		s.narrowHold()
	case s.phase == Hold:
		s.held = s.proven
		s.narrowHold()
	case s.held == 0:
		s.lower(s.rate / 2)
	case s.broke == 0 && s.rate < s.most():
		s.rate = s.most()
		if s.held <= s.most()/2 {
			s.rate = 2 * s.held
		}
	default:
		s.bisect()
	}
}

// lower tries a lower rate; below 1 there is none.
func (s *Search) lower(rate int64) {
	if s.rate <= 1 {
		s.finish()
		return
	}
	s.rate = max(rate, 1)
}

// bisect halves the interval, or holds what held when it is narrow.
func (s *Search) bisect() {
	if s.narrow() {
		s.phase, s.rate = Hold, s.held
		return
	}
	s.phase, s.rate = Bisect, s.held+(s.broke-s.held)/2
}

// narrowHold goes on after a hold.
func (s *Search) narrowHold() {
	switch {
	case s.held == 0:
		if s.drop == 0 {
			s.drop = s.precise(s.rate)
		} else if s.drop <= s.rate {
			s.drop *= 2
		}
		s.lower(s.rate - s.drop)
	case s.narrow():
		s.finish()
	default:
		s.rate = s.held + (s.broke-s.held)/2
	}
}

// narrow reports whether there is no rate worth trying between the one that
// held and the one that did not. What the generator cannot make is not worth it.
func (s *Search) narrow() bool {
	return s.broke == 0 || s.generator || s.late || s.broke-s.held <= s.precise(s.held)
}

// precise returns how wide the interval may be at that rate.
func (s *Search) precise(rate int64) int64 {
	return max(int64(s.scenario.Search.Precision*float64(rate)), 1)
}

// Stop ends the search before its time, if it is not over. limit says what did:
// Stopped, or MaxDuration.
func (s *Search) Stop(limit string) {
	if !s.over {
		s.over = true
		s.report.Limit = limit
	}
}

// finish ends the search.
func (s *Search) finish() {
	s.over = true
	s.report.Complete = true
	switch {
	case s.late:
		s.report.Limit, s.report.Complete = MaxDuration, false
	case s.generator:
		s.report.Limit = Generator
	case s.broke == 0:
		s.report.Limit = MaxRate
	case s.busy:
		s.report.Limit = VUs
	default:
		s.report.Limit = Thresholds
	}
}

// broken says why the probe did not hold, "" if it did.
func (s *Search) broken(o Observation) string {
	why, more := "", 0
	for _, v := range o.Verdicts {
		switch {
		case v.OK:
		case why != "":
			more++
		case v.NoData:
			why = fmt.Sprintf("%s %s: no data", v.Name, v.Expression)
		default:
			why = fmt.Sprintf("%s %s: %s%s", v.Name, v.Expression, number(v.Observed), unit(v.Metric.Unit))
		}
	}
	if more > 0 {
		why += fmt.Sprintf(", and %d more", more)
	}
	if why != "" {
		return why
	}
	begun, due := s.counts(o), float64(s.rate)*o.Span.Seconds()/s.unit
	dropped := float64(o.Dropped)
	switch {
	case s.drops(o):
		return fmt.Sprintf("%s %% of the iterations were dropped%s", number(100*dropped/(begun+dropped)), s.busyText(o.VUs))
	case !(begun+1 >= (1-mostShort)*due): // one may have fallen on the border
		return fmt.Sprintf("only %s of %d were begun", number(o.Achieved), s.rate)
	}
	return ""
}

// breaks reports whether a threshold did not hold.
func (s *Search) breaks(o Observation) bool {
	return slices.ContainsFunc(o.Verdicts, func(v threshold.Verdict) bool { return !v.OK })
}

// drops reports whether too many iterations found no VU.
func (s *Search) drops(o Observation) bool {
	dropped := float64(o.Dropped)
	return !(dropped <= mostDropped*(s.counts(o)+dropped))
}

// counts returns how many iterations were begun.
func (s *Search) counts(o Observation) float64 { return o.Achieved * o.Span.Seconds() / s.unit }

// busyText says why iterations found no VU, and what to do about it.
func (s *Search) busyText(vus int) string {
	switch most := s.scenario.MaxVUs; {
	case vus <= 0:
		return ""
	case vus < most:
		return fmt.Sprintf(": %d VUs were busy and more could not be made in time; is preAllocatedVUs too low?", vus)
	}
	return fmt.Sprintf(": all %d VUs were busy; is maxVUs too low, or the target too slow?", vus)
}

func unit(u metric.Unit) string {
	switch u {
	case metric.Time:
		return " ms"
	case metric.Data:
		return " B"
	}
	return ""
}

// number writes three figures of a number, or all of it before the point.
func number(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// Report returns what was found so far. It is the caller's.
func (s *Search) Report() Report {
	r := s.report
	r.Rate, r.Broke = s.proven, s.broke
	r.Steps = append([]Step{}, r.Steps...)
	return r
}
