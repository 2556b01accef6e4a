// Package control lets people and programs steer a run while it goes on: by
// keys on the terminal ([Keys]) and over a REST API on this machine ([Server]).
//
// Both know nothing but the engine's Control, which takes commands, and a
// [Board], on which the run writes where it stands. Neither can do what the
// other cannot.
//
// # The API and its enemies
//
// The API listens on loopback alone. That keeps other machines away, not other
// users of this one, nor the pages their browsers show. So every request must
// bear the run's token, must be addressed to this machine by number or as
// localhost (a name that an attacker lets point here is refused), and must not
// come from a page of another origin. Headers, bodies, connections and time
// are bounded.
package control

import (
	"fmt"
	"math"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/plan"
)

// Model says by what the load of a scenario is set.
type Model string

// Models.
const (
	VUs   Model = "vus"
	Rate  Model = "rate" // iterations per second
	Fixed Model = ""     // not to be changed by hand: the script, a search or a count decides
)

// ModelOf returns how the load of a scenario can be set by hand.
func ModelOf(s *plan.Scenario) Model {
	switch s.Executor {
	case plan.ConstantVUs, plan.RampingVUs, plan.ExternallyControlled, plan.Users:
		return VUs
	case plan.ConstantArrivalRate, plan.RampingArrivalRate:
		return Rate
	}
	return Fixed
}

// describe says what a level is: "330 VUs", "550/s".
func describe(m Model, to engine.Level) string {
	if m == Rate {
		return figure.PerSecond(to.Rate)
	}
	return figure.Counted(to.VUs, "VU")
}

// step returns the level after one press of + or -: a tenth more or less, at
// least 1. ok is false when there is nothing to take away.
func step(m Model, from engine.Level, direction int) (to engine.Level, ok bool) {
	now := float64(from.VUs)
	if m == Rate {
		now = from.Rate
	}
	next := math.Round(now + float64(direction)*max(1, now/10))
	if next < 1 {
		next = 1
	}
	if direction < 0 && next >= now {
		return from, false
	}
	if m == Rate {
		return engine.Level{Rate: next}, true
	}
	return engine.Level{VUs: int(min(next, math.MaxInt32))}, true
}

// refusal says why a command was not carried out, and what to do instead.
type refusal struct {
	status        int // of HTTP
	message, hint string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, hint, format string, args ...any) *refusal {
	return &refusal{status: status, message: fmt.Sprintf(format, args...), hint: hint}
}
