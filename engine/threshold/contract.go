// Package threshold parses and judges conditions on metrics, such as "p(95)<200".
package threshold

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import "github.com/swarmload/swarm/engine/metric"

// Expression is one parsed condition.
type Expression struct{}

// Parse reads a condition in k6's syntax: method, operator, number, where
// method is avg min max med count rate value p(N), operator one of
// < <= > >= == === !=. Errors are one lower-case line with the column.
func Parse(src string) (Expression, error) { panic("contract") }

// String returns the canonical form; Parse(e.String()) equals e.
func (e Expression) String() string { panic("contract") }

// ValidFor reports as an error if the method does not exist for metrics of
// type t ("p(95) needs a trend; http_reqs is a counter", hint: count, rate).
func (e Expression) ValidFor(name string, t metric.Type) error { panic("contract") }

// Judge evaluates e on agg; seconds is how long the test has run (for a
// Counter's rate). ok says whether the condition holds; observed is the value
// of the method. An aggregate without samples fails, unless the method is
// count or rate of a Counter (0 is a value there).
func (e Expression) Judge(agg *metric.Aggregate, seconds float64) (observed float64, ok bool, noData bool) {
	panic("contract")
}

// Limit returns the number on the right-hand side.
func (e Expression) Limit() float64 { panic("contract") }

// Verdict is a judged threshold, as printed and stored.
type Verdict struct {
	Name       string        `json:"name"`       // `http_req_duration{name:pay}`
	Expression string        `json:"expression"` // `p(95)<200`
	Observed   float64       `json:"observed"`
	Limit      float64       `json:"limit"`
	OK         bool          `json:"ok"`
	NoData     bool          `json:"noData"`
	Aborted    bool          `json:"aborted"` // this one stopped the test
	Default    bool          `json:"default"`
	Metric     metric.Metric `json:"-"` // for the unit
}
