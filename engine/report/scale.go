package report

import (
	"math"
	"time"

	"github.com/swarmload/swarm/engine/figure"
)

// gap stands where a line has no value.
var gap = math.NaN()

// tick is a labelled place on an axis, from 0 (low) to 1 (high).
type tick struct {
	at    float64
	label string
}

// scale places values on a vertical axis.
type scale struct {
	unit  string  // of the labels
	size  float64 // of that unit
	log   bool
	low   float64 // 0 unless log
	high  float64
	ticks []tick
}

// at returns the place of a value, from 0 to 1.
func (s scale) at(v float64) float64 {
	if s.log {
		v = math.Log(max(v, s.low)/s.low) / math.Log(s.high/s.low)
	} else {
		v /= s.high
	}
	return min(max(v, 0), 1)
}

// units are what values of a kind are labelled in, largest first.
type units []struct {
	size float64
	name string
}

var (
	times  = units{{60_000, "min"}, {1000, "s"}, {1, "ms"}, {0.001, "µs"}} // of milliseconds
	counts = units{{1e9, "G"}, {1e6, "M"}, {1, ""}}
	sizes  = units{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}, {1, "B"}}
	shares = units{{0.01, "%"}}
)

// of returns the unit for an axis that ends at a value.
func (u units) of(high float64) (size float64, name string) {
	for _, unit := range u {
		if high >= unit.size*2 {
			return unit.size, unit.name
		}
	}
	last := u[len(u)-1]
	return last.size, last.name
}

// linear is an axis from 0 to a round number not below high.
func linear(high float64, u units, per string) scale {
	if !(high > 0) || math.IsInf(high, 0) {
		high = 1
		if len(u) == 1 {
			high = u[0].size
		}
	}
	size, name := u.of(high)
	step := round(high / size / 4)
	n := math.Ceil(high/size/step - 1e-9)
	// A line at the uppermost label must not be cut in half by the border.
	s := scale{unit: name + per, size: size, high: n * step * size * headroom}
	for i := 0.0; i <= n; i++ {
		s.ticks = append(s.ticks, tick{i / n / headroom, figure.Plain(figure.Round(i*step, 6))})
	}
	return s
}

// headroom is how far an axis goes beyond its last label.
const headroom = 1.03

// round returns the round number (1, 2, 2.5 or 5 times a power of ten) next
// above v.
func round(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if v <= m*power*(1+1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logarithmic is an axis between two values, with labels at powers of ten, and
// at twice and five times those where there is room.
func logarithmic(low, high float64, u units) scale {
	s := scale{log: true, low: low, high: max(high, low*1.1)}
	size, name := u.of(math.Sqrt(s.low*s.high) * 2)
	s.unit, s.size = name, size
	multiples := []float64{1, 2, 5}
	if s.high/s.low > 300 {
		multiples = []float64{1}
	}
	for power := math.Pow(10, math.Floor(math.Log10(s.low))); power <= s.high; power *= 10 {
		for _, m := range multiples {
			if v := m * power; v >= s.low && v <= s.high {
				s.ticks = append(s.ticks, tick{s.at(v), figure.Plain(figure.Round(v/size, 4))})
			}
		}
	}
	return s
}

// clock places moments of the load on the horizontal axis.
func clock(took time.Duration) (ticks []tick) {
	step := 24 * time.Hour
	for _, s := range []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	} {
		if took/s <= 5 {
			step = s
			break
		}
	}
	for step*20 < took {
		step *= 2
	}
	for at := time.Duration(0); at <= took; at += step {
		ticks = append(ticks, tick{float64(at) / float64(took), figure.Clock(at)})
	}
	return ticks
}
