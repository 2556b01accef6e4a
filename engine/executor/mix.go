package executor

import (
	"github.com/swarmload/swarm/engine/plan"
)

// mix says of which class each user of a users scenario is, by its number: so
// users may come and go from the top and the mix of those who are there is
// always the same for the same number of them. Those of a fixedCount come
// first, the others by weight; both as near to their shares, at every number of
// users, as whole users can be. It is a pure function of the classes, which it
// works out as far as it is asked. It belongs to one goroutine.
type mix struct {
	room     int // users that have a class
	classes  []uint16
	fixed    lot
	weighted lot
}

func newMix(classes []plan.Class) *mix {
	m := &mix{}
	fixed, weights := make([]float64, len(classes)), make([]float64, len(classes))
	for i, c := range classes {
		switch {
		case c.FixedCount > 0:
			fixed[i] = float64(c.FixedCount)
			m.room += c.FixedCount
		case c.Weight > 0:
			weights[i] = c.Weight
		}
	}
	m.fixed, m.weighted = newLot(fixed, m.room), newLot(weights, plan.MaxVUs)
	if len(m.weighted.parties) > 0 {
		m.room = plan.MaxVUs
	}
	return m
}

// class returns the index of the class of a user, by number from 0 and less
// than room.
func (m *mix) class(user int) int {
	for len(m.classes) <= user {
		next := &m.weighted
		if m.fixed.left() {
			next = &m.fixed
		}
		m.classes = append(m.classes, uint16(next.draw()))
	}
	return int(m.classes[user])
}

// lot draws parties, one after the other, so that each has its share of every
// number of draws, but for less than one draw.
//
// Source: R. Tijdeman, "The chairman assignment problem", Discrete Mathematics
// 32 (1980): of the parties that are not ahead of their share, draw the one
// that must be drawn the soonest. Of n parties none is ever further from its
// share than 1 - 1/(2n-2), and no better bound is possible.
type lot struct {
	parties []party
	drawn   int
	most    int
}

type party struct {
	index int
	share float64
	drawn int
}

func newLot(weights []float64, most int) lot {
	l := lot{most: most}
	var highest, sum float64
	for _, w := range weights {
		highest = max(highest, w)
	}
	for _, w := range weights {
		if w > 0 {
			sum += w / highest // the sum of the weights themselves might overflow
		}
	}
	for i, w := range weights {
		if w > 0 {
			l.parties = append(l.parties, party{index: i, share: w / highest / sum})
		}
	}
	return l
}

func (l *lot) left() bool { return len(l.parties) > 0 && l.drawn < l.most }

// draw returns the index of the next party.
func (l *lot) draw() int {
	l.drawn++
	least := 0.0
	if n := len(l.parties); n > 1 {
		least = 1 / float64(2*n-2)
	}
	const never = 1e300
	soonest, neediest := never, -never
	var next, needy *party
	for i := range l.parties {
		p := &l.parties[i]
		// The conversion keeps processors from fusing the two operations: all
		// runners must draw the same.
		need := float64(float64(l.drawn)*p.share) - float64(p.drawn)
		if need > neediest {
			neediest, needy = need, p
		}
		if by := (1 - least - need) / p.share; need >= least && by < soonest {
			soonest, next = by, p
		}
	}
	if next == nil { // rounding: by the proof there is one
		next = needy
	}
	next.drawn++
	return next.index
}
