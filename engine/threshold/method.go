package threshold

import (
	"fmt"
	"math"
	"strings"

	"github.com/swarmload/swarm/engine/metric"
)

// Method is one way to make a number of a metric, such as "avg" or "p(99.9)".
// Methods are comparable with ==.
type Method struct {
	name       string // avg min max med count rate value p
	percentile float64
}

// ParseMethod reads a method as scripts write it: avg, min, max, med, count,
// rate, value or p(N) with N from 0 to 100.
func ParseMethod(src string) (Method, error) {
	s := scanner{src: src}
	m, err := s.method()
	if err != nil {
		return Method{}, err
	}
	if s.space(); !s.done() {
		return Method{}, s.errorf("unexpected %s after %s", s.rest(), m)
	}
	return m, nil
}

// String returns the canonical form; ParseMethod(m.String()) equals m.
func (m Method) String() string {
	if m.name == "p" {
		return "p(" + formatNumber(m.percentile) + ")"
	}
	return m.name
}

// Of returns the method's value for agg; seconds is how long the test has run,
// the divisor of a Counter's rate. Without samples it is 0, and it is always
// finite, so that it can be stored as JSON.
func (m Method) Of(agg *metric.Aggregate, seconds float64) float64 {
	if agg.Count == 0 {
		return 0
	}
	return finite(m.of(agg, seconds))
}

func (m Method) of(agg *metric.Aggregate, seconds float64) float64 {
	switch m.name {
	case "avg":
		return agg.Mean()
	case "min":
		return agg.Min
	case "max":
		return agg.Max
	case "med":
		return agg.Percentile(50)
	case "p":
		return agg.Percentile(m.percentile)
	case "value":
		return agg.Last
	case "count":
		if agg.Type == metric.Counter {
			return agg.Sum
		}
		return float64(agg.Count)
	case "rate":
		if agg.Type != metric.Counter {
			return agg.Share()
		}
		if seconds > 0 {
			return agg.Sum / seconds
		}
	}
	return 0
}

// Methods lists the methods that thresholds may use on metrics of type t, for
// messages.
func Methods(t metric.Type) []string {
	switch t {
	case metric.Counter:
		return []string{"count", "rate"}
	case metric.Gauge:
		return []string{"value"}
	case metric.Rate:
		return []string{"rate"}
	case metric.Trend:
		return []string{"avg", "min", "max", "med", "p(N)"}
	}
	return nil
}

// validFor says why a threshold cannot use m on metrics of type t.
func (m Method) validFor(name string, t metric.Type) error {
	var homes []string
	for _, home := range []metric.Type{metric.Counter, metric.Gauge, metric.Rate, metric.Trend} {
		for _, known := range Methods(home) {
			if known != m.name && (known != "p(N)" || m.name != "p") {
				continue
			}
			if home == t {
				return nil
			}
			homes = append(homes, "a "+home.String())
		}
	}
	return fmt.Errorf("%s needs %s; %s is a %s", m, strings.Join(homes, " or "), name, t)
}

// finite moves what overflowed back to the end of the range.
func finite(v float64) float64 {
	switch {
	case math.IsNaN(v):
		return 0
	case math.IsInf(v, 1):
		return math.MaxFloat64
	case math.IsInf(v, -1):
		return -math.MaxFloat64
	}
	return v
}
