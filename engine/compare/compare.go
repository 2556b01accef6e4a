// Package compare tells whether two runs differ by more than their own noise.
//
// A value of a whole run, such as its p(95), comes with no error bar. Its
// intervals give one: a run is cut into intervals of a second or more, blocks of
// neighbouring intervals are drawn at random and put together to runs that could
// have been as well (the block bootstrap), and how much the value varies over
// those is its noise. Two runs differ where their difference is larger than the
// noise of both. docs/compare.md tells the method, its sources and its limits.
//
// Everything is a pure function of the two results: the random numbers have a
// fixed seed.
package compare

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/result"
)

// Bounds say how much worse B may be than A.
type Bounds struct {
	// Regression is the share by which a value may be worse, beyond the noise,
	// before it counts as one: 0.05 is 5 %.
	Regression float64
	Confidence float64 // that no row which judges lies outside its noise band by chance; 0: 0.95
	// Metrics are those that judge, such as "http_req_duration p(95)"; empty:
	// the default list.
	Metrics []string
}

// Comparison is the table of differences. It is JSON-encodable.
type Comparison struct {
	Schema string  `json:"schema"` // [Schema]
	A      Run     `json:"a"`      // the baseline
	B      Run     `json:"b"`
	Bound  float64 `json:"bound"` // Bounds.Regression
	Rows   []Row   `json:"rows"`
	// Regressions are the rows that make B worse than allowed, as lower-case lines.
	Regressions []string `json:"regressions"`
	Notes       []string `json:"notes"` // what makes the runs hard to compare: other plans, marked spans

	itself bool   // A and B are one run
	lack   string // what the runs lack to know their noise, "" if nothing
}

// Judged reports whether the comparison could have found a regression: one row
// that judges could be compared, or both are the same run. If not, why says
// what it would take.
func (c *Comparison) Judged() (ok bool, why string) {
	if c.itself || slices.ContainsFunc(c.Rows, func(r Row) bool { return r.Judges && r.Verdict != unknown }) {
		return true, ""
	}
	return false, cmp.Or(c.lack, "longer runs with more requests have less noise")
}

// Schema names the form of a Comparison in JSON.
const Schema = "swarm.compare/1"

// Run names one side.
type Run struct {
	ID     string `json:"id"`
	Script string `json:"script"`
}

// Row is one value of both runs.
type Row struct {
	Name   string  `json:"name"` // "http_req_duration p(95)", "GET /items p(99)", "http_reqs rate"
	Unit   string  `json:"unit"` // "ms", "/s", "%", "B/s", ""
	A      float64 `json:"a"`    // of the unit "%" a share of one
	B      float64 `json:"b"`
	Change float64 `json:"change"` // (B-A)/A; 0 when A is 0
	// Low and High are the confidence interval of Change; both 0 when the runs
	// are too short for one.
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Better  string  `json:"better"`  // which way is better: "lower", "higher", "" for neither
	Verdict string  `json:"verdict"` // "better", "worse", "same", "unknown"; "different" where neither way is better
	Judges  bool    `json:"judges"`  // it can be a regression
}

// Verdicts of a row.
const (
	better    = "better"
	worse     = "worse"
	same      = "same"
	different = "different"
	unknown   = "unknown"
)

// Compare compares run b with run a, the baseline. A name of bounds.Metrics
// that is no row is an error.
func Compare(a, b *result.Result, bounds Bounds) (*Comparison, error) {
	if a == nil || b == nil || a.Summary == nil || b.Summary == nil {
		return nil, errors.New("compare: a run without a summary")
	}
	if bounds.Confidence == 0 {
		bounds.Confidence = 0.95
	}
	if !(bounds.Confidence > 0 && bounds.Confidence < 1) {
		return nil, fmt.Errorf("compare: the confidence must lie between 0 and 1, got %v", bounds.Confidence)
	}
	c := &Comparison{
		Schema: Schema, A: runOf(a), B: runOf(b), Bound: bounds.Regression,
		Rows: []Row{}, Regressions: []string{}, Notes: notes(a, b),
	}
	if c.itself = a.ID != "" && a.ID == b.ID && a.Started.Equal(b.Started); c.itself {
		c.Notes = append(c.Notes, "both are the same run, which does not differ from itself: run the test again, then compare")
	}
	samePlan := a.Plan != nil && b.Plan != nil && reflect.DeepEqual(a.Plan.Scenarios, b.Plan.Scenarios)
	values := valuesOf(a, b, samePlan)
	if err := choose(values, bounds.Metrics); err != nil {
		return nil, err
	}
	judging := 0
	for _, v := range values {
		if v.judges {
			judging++
		}
	}
	// Each row that judges may be wrong so rarely that all together are wrong
	// no more often than asked for (Šidák 1967).
	level := 1 - math.Pow(bounds.Confidence, 1/float64(max(judging, 1)))
	w := windowsOf(a, b, samePlan)
	c.Notes, c.lack = append(c.Notes, w.notes...), w.lack
	for _, v := range values {
		row := w.row(v, level)
		c.Rows = append(c.Rows, row)
		if line := regression(row, bounds.Regression); line != "" {
			c.Regressions = append(c.Regressions, line)
		}
	}
	return c, nil
}

func runOf(r *result.Result) Run { return Run{ID: r.ID, Script: r.Summary.Script} }

// regression tells of a row that is worse by more than bound, whatever the
// noise; "" of any other.
func regression(r Row, bound float64) string {
	if !r.Judges || r.Verdict != worse {
		return ""
	}
	least := r.Low
	if r.Better == "higher" {
		least = -r.High
	}
	if r.A != 0 && least <= bound {
		return ""
	}
	return fmt.Sprintf("%s: %s against %s%s", r.Name, r.value(r.B), r.value(r.A), r.band(" (", ")"))
}

// notes say what else differs between the runs.
func notes(a, b *result.Result) []string {
	list := []string{}
	differ := func(what string, x, y any) {
		if x != y && fmt.Sprint(x) != "" && fmt.Sprint(y) != "" {
			list = append(list, fmt.Sprintf("the runs had different %s: %v and %v", what, x, y))
		}
	}
	differ("scripts", a.Summary.Script, b.Summary.Script)
	differ("versions of swarm", a.Version, b.Version)
	if a.Host != b.Host {
		list = append(list, fmt.Sprintf("the runs had different machines: %s and %s", machine(a.Host), machine(b.Host)))
	}
	if a.Plan != nil && b.Plan != nil && !reflect.DeepEqual(a.Plan.Scenarios, b.Plan.Scenarios) {
		list = append(list, "the runs had different plans: how much load there was is not judged")
	}
	for _, side := range []struct {
		name string
		*result.Result
	}{{"the baseline", a}, {"the other run", b}} {
		s := side.Summary
		if s.Generator.Saturated(s.Duration) {
			list = append(list, fmt.Sprintf("the generator was slow for %s of %s", figure.Length(s.Generator.Marked), side.name))
		}
		if all := float64(s.Iterations) + float64(s.Interrupted) + float64(s.Dropped); s.Dropped > 0 {
			list = append(list, fmt.Sprintf("%s dropped %s of its iterations", side.name, figure.Percent(float64(s.Dropped)/all)))
		}
	}
	return list
}

func machine(h result.Host) string {
	return fmt.Sprintf("%s/%s with %s", h.OS, h.Arch, figure.Counted(h.Processors, "processor"))
}

// choose marks the values that judge: those named, or else the default ones.
func choose(values []value, names []string) error {
	if len(names) == 0 {
		return nil
	}
	for i := range values {
		values[i].judges = false
	}
	for _, name := range names {
		i := slices.IndexFunc(values, func(v value) bool { return v.name == name })
		if i < 0 {
			return fmt.Errorf("compare: no value is called %q; there are %s", name, nameList(values))
		}
		values[i].judges = true
		values[i].better = cmp.Or(values[i].better, "lower")
	}
	return nil
}

func nameList(values []value) string {
	text := ""
	for i, v := range values[:min(len(values), 12)] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", v.name)
	}
	if more := len(values) - 12; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
