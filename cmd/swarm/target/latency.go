package target

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// maxLatency bounds every draw, so that the tail of a distribution cannot hold
// a connection for hours.
const maxLatency = time.Minute

// Latency is a distribution of waiting times. The zero value waits never.
type Latency struct {
	kind string
	a, b float64 // seconds, except b of a lognormal: the shape
}

// Names of the distributions, as [ParseLatency] reads them.
const (
	constant  = "constant"
	uniform   = "uniform"
	normal    = "normal"
	lognormal = "lognormal"
	exp       = "exp"
)

// LatencyHelp says what [ParseLatency] accepts, in one line.
const LatencyHelp = "10ms, uniform:5ms-50ms, normal:MEAN,DEVIATION, lognormal:MEDIAN,SHAPE (20ms,0.5) or exp:MEAN"

// ParseLatency reads a distribution: a duration for a constant, or one of the
// forms of [LatencyHelp].
func ParseLatency(s string) (Latency, error) {
	kind, args, named := strings.Cut(s, ":")
	if !named {
		kind, args = constant, s
	}
	l, err := parseLatency(kind, args)
	if err != nil {
		return Latency{}, fmt.Errorf("latency %q: %w (%s)", s, err, LatencyHelp)
	}
	return l, nil
}

func parseLatency(kind, args string) (Latency, error) {
	switch kind {
	case constant, exp:
		a, err := parseWait(args)
		return Latency{kind: kind, a: a}, err
	case uniform:
		lo, hi, err := parseWaits(args, "-")
		if err == nil && lo > hi {
			err = fmt.Errorf("the lower bound is above the upper")
		}
		return Latency{kind: kind, a: lo, b: hi}, err
	case normal:
		mean, dev, err := parseWaits(args, ",")
		return Latency{kind: kind, a: mean, b: dev}, err
	case lognormal:
		median, shape, ok := strings.Cut(args, ",")
		if !ok {
			return Latency{}, fmt.Errorf("two values are needed")
		}
		a, err := parseWait(median)
		if err != nil {
			return Latency{}, err
		}
		b, err := strconv.ParseFloat(shape, 64)
		if err != nil || !(b >= 0 && b <= 10) {
			return Latency{}, fmt.Errorf("the shape must be a number from 0 to 10")
		}
		return Latency{kind: kind, a: a, b: b}, nil
	}
	return Latency{}, fmt.Errorf("unknown distribution")
}

func parseWaits(args, sep string) (a, b float64, err error) {
	first, second, ok := strings.Cut(args, sep)
	if !ok {
		return 0, 0, fmt.Errorf("two values are needed")
	}
	if a, err = parseWait(first); err != nil {
		return 0, 0, err
	}
	b, err = parseWait(second)
	return a, b, err
}

func parseWait(s string) (float64, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration", s)
	}
	if d < 0 || d > maxLatency {
		return 0, fmt.Errorf("%s is not between 0 and %s", d, maxLatency)
	}
	return d.Seconds(), nil
}

// Fixed reports whether every draw is the same, so that no random number is needed.
func (l Latency) Fixed() (time.Duration, bool) {
	if l.kind == "" || l.kind == constant {
		return bounded(l.a), true
	}
	return 0, false
}

// Draw returns one waiting time, between 0 and a minute.
func (l Latency) Draw(r *rand.Rand) time.Duration {
	switch l.kind {
	case uniform:
		return bounded(l.a + (l.b-l.a)*r.Float64())
	case normal:
		return bounded(l.a + l.b*r.NormFloat64())
	case lognormal:
		return bounded(l.a * math.Exp(l.b*r.NormFloat64()))
	case exp:
		return bounded(l.a * r.ExpFloat64())
	}
	return bounded(l.a)
}

func bounded(seconds float64) time.Duration {
	return time.Duration(min(max(seconds, 0), maxLatency.Seconds()) * float64(time.Second))
}

// Stall is a pause of the whole server that recurs: at the end of every
// Every, nothing is answered for For. The zero value never stalls.
type Stall struct{ For, Every time.Duration }

// ParseStall reads "1s/10s": for one second out of each ten.
func ParseStall(s string) (Stall, error) {
	pause, every, ok := strings.Cut(s, "/")
	d, err1 := time.ParseDuration(pause)
	e, err2 := time.ParseDuration(every)
	if !ok || err1 != nil || err2 != nil || d <= 0 || e <= d {
		return Stall{}, fmt.Errorf("stall %q: must be two durations, the second longer, such as 1s/10s", s)
	}
	return Stall{For: d, Every: e}, nil
}

// Wait returns how long a request that arrives at the given time after the
// start must wait for the stall to pass; 0 outside a stall.
func (s Stall) Wait(at time.Duration) time.Duration {
	if s.Every <= 0 {
		return 0
	}
	phase := at % s.Every
	if phase < s.Every-s.For {
		return 0
	}
	return s.Every - phase
}
