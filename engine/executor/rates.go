package executor

import (
	"math"
	"math/bits"
	"sort"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// rates is the timetable of an arrival rate: from piece to piece the rate goes
// in a straight line, and iteration i is due when i whole iterations have
// arrived before it. So a constant rate r has an iteration due at 0, 1/r, 2/r,
// …, and in a time d there are ⌈r·d⌉. What a piece leaves of a fraction of an
// iteration the next one begins with: nothing is lost or gained at a border.
//
// All of it is integer arithmetic, exact for any rate and however long it goes
// on. A rates value never changes; methods are pure functions of their
// arguments. Times are load time since the start of the scenario.
type rates []piece

// piece is a span in which the rate changes evenly. Arrivals are counted in
// parts, of which an iteration has 2·unit: t after the beginning,
//
//	2·from·t + (to-from)·t²/length
//
// parts have arrived.
type piece struct {
	at       time.Duration
	length   time.Duration // above 0; endless for the last one
	from, to int64         // iterations per unit; the same when endless
	unit     time.Duration
	first    int64  // number of the first iteration due in the piece or later
	lead     uint64 // parts that must arrive before that one is due; below 2·unit
}

// endless is the length of a piece without an end. It leaves room to add.
const endless = forever / 4

// scaledUnit is the unit of rates that are not the plan's: they are fractions,
// kept to a millionth of an iteration per second.
const (
	scaledUnit = 1_000_000 * time.Second
	maxScaled  = 1e12 // iterations per second, beyond what any machine does
)

// constantRate returns the timetable of one rate for ever.
func constantRate(rate int64, unit time.Duration) rates {
	return rates{{length: endless, from: rate, to: rate, unit: unit}}
}

// rampingRate returns the timetable of stages: each leads in a straight line
// to its target, one of no duration is a jump. After the last one nothing
// arrives.
func rampingRate(start int64, stages []plan.Stage, unit time.Duration) rates {
	var all rates
	next := piece{unit: unit, from: start}
	for _, s := range stages {
		next.to, next.length = int64(s.Target), s.Duration
		if s.Duration > 0 {
			all = append(all, next)
			next = next.after()
		}
		next.from = int64(s.Target)
	}
	next.from, next.to, next.length = 0, 0, endless
	return append(all, next)
}

// after returns the beginning of the piece that follows: its time, the
// iteration that is next and what has arrived of it.
func (p piece) after() piece {
	n, lead := p.split(p.length)
	return piece{at: p.at + p.length, unit: p.unit, from: p.to, first: p.first + n, lead: lead}
}

// arrived returns how many whole parts have arrived t after the beginning of
// the piece, and whether there is a bit more.
func (p piece) arrived(t time.Duration) (hi, lo uint64, more bool) {
	hi, lo = bits.Mul64(2*uint64(p.from), uint64(t))
	if p.from == p.to {
		return hi, lo, false
	}
	// |to-from|·t = whole·length + rest, and so |to-from|·t²/length is
	// whole·t + rest·t/length: no product has more than 128 bits.
	slope := uint64(max(p.to-p.from, p.from-p.to))
	h, l := bits.Mul64(slope, uint64(t))
	whole, rest := bits.Div64(h, l, uint64(p.length)) // t ≤ length, slope < 2^63: fits
	h, l = bits.Mul64(rest, uint64(t))
	part, below := bits.Div64(h, l, uint64(p.length))
	h, l = bits.Mul64(whole, uint64(t))
	l, carry := bits.Add64(l, part, 0)
	h += carry
	if p.to > p.from {
		lo, carry = bits.Add64(lo, l, 0)
		return hi + h + carry, lo, below > 0
	}
	var borrow uint64
	if below > 0 { // subtract the fraction too: one less, and a bit more
		l, carry = bits.Add64(l, 1, 0)
		h += carry
	}
	lo, borrow = bits.Sub64(lo, l, 0)
	hi, _ = bits.Sub64(hi, h, borrow)
	return hi, lo, below > 0
}

// split returns how many iterations of the piece are due before t after its
// beginning, and how many parts must arrive from then on before the next is.
func (p piece) split(t time.Duration) (n int64, lead uint64) {
	hi, lo, more := p.arrived(t)
	if hi == 0 && (lo < p.lead || lo == p.lead && !more) {
		return 0, p.lead - lo
	}
	lo, borrow := bits.Sub64(lo, p.lead, 0)
	hi -= borrow
	each := 2 * uint64(p.unit)
	if hi >= each {
		return math.MaxInt64 / 2, 0 // more than anybody will count
	}
	q, rest := bits.Div64(hi, lo, each)
	if q > math.MaxInt64/2 {
		return math.MaxInt64 / 2, 0
	}
	switch {
	case more: // the next is due a fraction of a part too early, rather than too late
		return int64(q) + 1, each - rest - 1
	case rest == 0:
		return int64(q), 0
	}
	return int64(q) + 1, each - rest
}

// due returns when the k-th iteration of the piece is due, counted from its
// beginning; at least endless when the rate comes to nothing before.
func (p piece) due(k int64) time.Duration {
	if p.from == 0 && p.to == 0 {
		return endless
	}
	hi, lo := bits.Mul64(uint64(k), 2*uint64(p.unit))
	lo, carry := bits.Add64(lo, p.lead, 0)
	hi += carry // so many parts must have arrived
	if p.from == p.to {
		each := 2 * uint64(p.from)
		if hi >= each {
			return endless
		}
		t, _ := bits.Div64(hi, lo, each)
		return time.Duration(min(t, uint64(endless)))
	}
	// The least t at whose end more has arrived: guess it, and search from
	// there, for the guess is rarely wrong by more than its rounding.
	enough := func(t time.Duration) bool {
		h, l, more := p.arrived(t + 1)
		return h > hi || h == hi && (l > lo || l == lo && more)
	}
	guess := min(max(p.guess(float64(hi)*(1<<64)+float64(lo)), 0), p.length-1)
	below, above := guess, guess // enough is false before below, true from above on
	if enough(guess) {
		for step := time.Duration(1); below > 0; step *= 2 {
			below = max(0, above-step)
			if !enough(below) {
				below++
				break
			}
			above = below
		}
	} else {
		for step := time.Duration(1); ; step *= 2 {
			below = above + 1
			if above == p.length-1 {
				return endless // not in this piece
			}
			if above = min(above+step, p.length-1); enough(above) {
				break
			}
		}
	}
	return below + time.Duration(sort.Search(int(above-below), func(i int) bool { return enough(below + time.Duration(i)) }))
}

// guess solves 2·from·t + slope·t² = parts.
func (p piece) guess(parts float64) time.Duration {
	slope := float64(p.to-p.from) / float64(p.length)
	root := float64(p.from)*float64(p.from) + slope*parts
	t := parts / (float64(p.from) + math.Sqrt(max(root, 0)))
	if !(t < float64(p.length)) {
		return p.length - 1
	}
	return time.Duration(t)
}

// place returns the piece in which t lies.
func (r rates) place(t time.Duration) piece {
	i := sort.Search(len(r), func(i int) bool { return r[i].at > t })
	return r[max(i-1, 0)]
}

// due returns when iteration i is due, at least endless if never.
func (r rates) due(i int64) time.Duration {
	n := sort.Search(len(r), func(k int) bool { return r[k].first > i })
	if n == 0 {
		return r[0].at // so long ago that it was forgotten
	}
	p := r[n-1]
	return p.at + p.due(i-p.first)
}

// count returns how many iterations are due before t: those numbered below.
func (r rates) count(t time.Duration) int64 {
	p := r.place(t)
	if t <= p.at {
		return p.first
	}
	n, _ := p.split(t - p.at)
	return p.first + n
}

// at returns the rate at t in iterations per second.
func (r rates) at(t time.Duration) float64 {
	p := r.place(t)
	rate := float64(p.from)
	if p.from != p.to {
		rate += float64(p.to-p.from) * (float64(t-p.at) / float64(p.length))
	}
	return rate / p.unit.Seconds()
}

// scaled returns the timetable that is r's until now and goes on at a constant
// rate, in iterations per second. What was due more than keep before now it
// may forget: then it was due at the beginning of what it remembers.
func (r rates) scaled(now time.Duration, rate float64, keep time.Duration) rates {
	p := r.place(now)
	next := piece{at: now, length: endless, unit: scaledUnit}
	n, lead := p.split(max(now-p.at, 0))
	next.first = p.first + n
	// The fraction of an iteration that is still to arrive, in smaller parts.
	hi, lo := bits.Mul64(lead, 2*uint64(scaledUnit))
	next.lead, _ = bits.Div64(hi, lo, 2*uint64(p.unit))
	next.from = int64(math.Round(min(max(rate, 0), maxScaled) * scaledUnit.Seconds()))
	next.to = next.from
	var all rates
	for i, old := range r {
		if old.at >= now || i+1 < len(r) && r[i+1].at < now-keep {
			continue
		}
		all = append(all, old)
	}
	return append(all, next)
}
