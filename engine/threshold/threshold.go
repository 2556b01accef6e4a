// Package threshold parses and judges conditions on metrics, such as
// "p(95)<200" on http_req_duration{name:pay}.
//
// Conditions are judged on merged metrics alone. A [Judge] does so again and
// again while a run goes on and remembers the worst window of each threshold
// that has one; everything else here is a pure function.
// Times are milliseconds and data is bytes, as in package metric.
package threshold

import (
	"fmt"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Expression is one parsed condition. Expressions are comparable with ==; the
// zero value is not a condition.
type Expression struct {
	method   Method
	operator operator
	limit    float64
}

// operator is one of < <= > >= == !=.
type operator string

func (o operator) holds(a, b float64) bool {
	switch o {
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	case "==":
		return a == b
	case "!=":
		return a != b
	}
	return false
}

// maxExpression bounds the text of a condition; real ones have a dozen bytes.
const maxExpression = 256

// Parse reads a condition in k6's syntax: method, operator, number, where
// method is avg min max med count rate value p(N), operator one of
// < <= > >= == === !=. Errors are one lower-case line with the column.
func Parse(src string) (Expression, error) {
	if len(src) > maxExpression {
		return Expression{}, fmt.Errorf("column 1: a condition has at most %d bytes, got %d", maxExpression, len(src))
	}
	s := scanner{src: src}
	if s.space(); s.done() {
		return Expression{}, s.errorf("expected a condition such as p(95)<200, got nothing")
	}
	var e Expression
	var err error
	if e.method, err = s.method(); err != nil {
		return Expression{}, err
	}
	if e.operator, err = s.operator(); err != nil {
		return Expression{}, err
	}
	s.space()
	if e.limit, err = s.number(); err != nil {
		return Expression{}, err
	}
	if s.space(); !s.done() {
		return Expression{}, s.errorf("unexpected %s after the number%s", s.rest(), afterNumber(s.src[s.pos:]))
	}
	return e, nil
}

// afterNumber explains what people write after a limit.
func afterNumber(rest string) string {
	switch rest {
	case "ms", "s", "us", "µs", "m":
		return ": limits carry no unit, times are milliseconds"
	case "%":
		return ": a share is a number from 0 to 1, such as rate<0.01"
	}
	return ""
}

// String returns the canonical form; Parse(e.String()) equals e.
func (e Expression) String() string {
	return e.method.String() + string(e.operator) + formatNumber(e.limit)
}

// Method returns the left-hand side.
func (e Expression) Method() Method { return e.method }

// Operator returns one of < <= > >= == !=.
func (e Expression) Operator() string { return string(e.operator) }

// Limit returns the number on the right-hand side.
func (e Expression) Limit() float64 { return e.limit }

// ValidFor reports as an error if the method does not exist for metrics of
// type t: "p(95) needs a trend; http_reqs is a counter". Methods lists those
// that do.
func (e Expression) ValidFor(name string, t metric.Type) error { return e.method.validFor(name, t) }

// Judge evaluates e on agg; seconds is how long the test has run (for a
// Counter's rate). ok says whether the condition holds; observed is the value
// of the method. An aggregate without samples fails, unless the method is
// count or rate of a Counter (0 is a value there).
func (e Expression) Judge(agg *metric.Aggregate, seconds float64) (observed float64, ok bool, noData bool) {
	if agg.Count == 0 && agg.Type != metric.Counter {
		return 0, false, true
	}
	observed = e.method.Of(agg, seconds)
	return observed, e.operator.holds(observed, e.limit), false
}

// Verdict is a judged threshold, as printed and stored.
type Verdict struct {
	Name       string  `json:"name"`       // `http_req_duration{name:pay}`
	Expression string  `json:"expression"` // `p(95)<200`, as the script wrote it
	Observed   float64 `json:"observed"`
	Limit      float64 `json:"limit"`
	OK         bool    `json:"ok"`
	NoData     bool    `json:"noData"`
	Aborted    bool    `json:"aborted"` // this one stopped the test
	Default    bool    `json:"default"`
	// Over is the length of the windows the condition holds for, 0 for the
	// whole run; Observed is then of the worst, and At when that one ended,
	// since the start of the load (0: no window was complete, Observed is of
	// the whole run).
	Over   time.Duration `json:"over,omitempty"`
	At     time.Duration `json:"at,omitempty"`
	Metric metric.Metric `json:"-"` // for the unit
}
