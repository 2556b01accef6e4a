package summary

import (
	"cmp"
	"math"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/threshold"
)

// Condition writes a threshold's expression in canonical form, its limit with
// the unit that scripts leave out: p(95)<200ms.
func Condition(v threshold.Verdict) string {
	e, err := threshold.Parse(v.Expression)
	if err != nil {
		return safe(v.Expression)
	}
	text := e.String()
	window := ""
	if v.Over > 0 {
		window = " over " + figure.Span(threshold.Length(v.Over))
	}
	if e.Method().String() == "count" && v.Metric.Type != metric.Counter {
		return text + window
	}
	switch v.Metric.Unit {
	case metric.Time:
		text += "ms"
	case metric.Data:
		text += "B"
	}
	if isPerSecond(v, e) {
		text += "/s"
	}
	return text + window
}

// Window says which window a threshold was judged by, "" when by the whole run.
func Window(v threshold.Verdict) string {
	switch {
	case v.Over <= 0 || v.NoData:
		return ""
	case v.At <= 0:
		return "no full window"
	}
	return "worst " + figure.Clock(v.At-threshold.Length(v.Over)) + "–" + figure.Clock(v.At)
}

// isPerSecond reports whether the threshold is about a counter's rate.
func isPerSecond(v threshold.Verdict, e threshold.Expression) bool {
	return v.Metric.Type == metric.Counter && e.Method().String() == "rate"
}

// Observed writes the value a threshold was judged by, with as many figures as
// it takes to see on which side of the limit it lies.
func Observed(v threshold.Verdict, timeUnit string) string {
	if v.NoData {
		return "no data"
	}
	n := 3
	for n < 17 && cmp.Compare(figure.Round(v.Observed, n), v.Limit) != cmp.Compare(v.Observed, v.Limit) {
		n++
	}
	value := figure.Round(v.Observed, n)
	if v.Observed == math.Trunc(v.Observed) && v.Metric.Unit == metric.Plain && math.Abs(v.Observed) < 1e6 {
		value = v.Observed
	}
	perSecond := ""
	if e, err := threshold.Parse(v.Expression); err == nil && isPerSecond(v, e) {
		perSecond = "/s"
	}
	switch v.Metric.Unit {
	case metric.Time:
		switch a := math.Abs(value); {
		case timeUnit == "s" || timeUnit == "" && a >= 10_000:
			return figure.Plain(shift(value, -3)) + " s" + perSecond
		case timeUnit == "us" || timeUnit == "" && a < 0.1 && a > 0:
			return figure.Plain(shift(value, 3)) + " µs" + perSecond
		}
		return figure.Plain(value) + " ms" + perSecond
	case metric.Data:
		for _, unit := range []struct {
			power int
			name  string
		}{{12, " TB"}, {9, " GB"}, {6, " MB"}, {3, " KB"}} {
			if math.Abs(value) >= math.Pow10(unit.power) {
				return figure.Plain(shift(value, -unit.power)) + unit.name + perSecond
			}
		}
		return figure.Plain(value) + " B" + perSecond
	}
	return figure.Plain(value) + perSecond
}

// shift multiplies by a power of ten and drops the noise that this adds to the
// last digits.
func shift(v float64, power int) float64 { return figure.Round(v*math.Pow10(power), 15) }

// Margin says how far the observed value is from the limit.
func Margin(v threshold.Verdict) string {
	e, err := threshold.Parse(v.Expression)
	switch {
	case v.NoData:
		if v.OK {
			return "counts as passed"
		}
		return "counts as failed"
	case err != nil:
		return ""
	}
	gap := v.Observed - v.Limit
	var inside, outside string
	switch e.Operator() {
	case "<", "<=":
		inside, outside = "below", "over"
	case ">", ">=":
		inside, outside, gap = "above", "short", -gap
	default:
		return ""
	}
	word, sign := inside, ""
	if !v.OK {
		word = outside
		if outside == "over" {
			sign = "+"
		}
	}
	gap = math.Abs(gap)
	switch relative := gap / math.Abs(v.Limit); {
	case gap == 0:
		return "at the limit"
	case v.Limit == 0:
		return ""
	case relative >= 10:
		return figure.Plain(figure.Round(math.Abs(v.Observed)/math.Abs(v.Limit), 2)) + " × the limit"
	case relative < 0.001:
		return sign + "<0.1 % " + word
	case relative < 0.0995:
		return sign + figure.Plain(figure.Round(relative*100, 2)) + " % " + word
	default:
		return sign + figure.Fixed(relative*100, 0) + " % " + word
	}
}
