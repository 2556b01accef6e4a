package threshold

import (
	"fmt"
	"maps"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Spec is one threshold as a plan holds it; plan.Threshold converts to it.
type Spec struct {
	Metric         string            // without the tag filter
	Filter         map[string]string // tags the series must have
	Expression     string            // "p(95)<200"
	AbortOnFail    bool
	DelayAbortEval time.Duration
	Default        bool
	Type           metric.Type   // of the metric
	Unit           metric.Unit   // of the metric
	Over           time.Duration // the condition holds for every span of that length; 0: for the whole run
	NoDataOK       bool          // a metric without samples passes
}

// Compiled is a threshold ready to be judged again and again. It is immutable.
type Compiled struct {
	spec       Spec
	name       string
	filter     metric.Tags
	expression Expression
}

// Compile parses the condition of s and checks that it fits the metric.
func Compile(s Spec) (Compiled, error) {
	e, err := Parse(s.Expression)
	if err == nil {
		err = e.ValidFor(s.Metric, s.Type)
	}
	name := FormatSelector(s.Metric, s.Filter)
	if err != nil {
		return Compiled{}, fmt.Errorf("threshold on %s: %w", name, err)
	}
	s.Filter = maps.Clone(s.Filter)
	return Compiled{spec: s, name: name, filter: metric.TagsFromMap(s.Filter), expression: e}, nil
}

// Judge evaluates the threshold on what was merged so far; elapsed is how long
// the load has run. A metric without samples fails with NoData, except that a
// counter nobody added to is 0. abort says that the run should end because of
// this threshold now: it fails on real samples, asked for AbortOnFail, and its
// DelayAbortEval is over. Verdict.Aborted is left to the caller, who knows
// which threshold did end the run.
func (c Compiled) Judge(set *metric.Set, elapsed time.Duration) (v Verdict, abort bool) {
	agg, known := set.Select(c.spec.Metric, c.filter)
	if !known {
		agg = metric.Aggregate{Type: c.spec.Type}
	}
	v = Verdict{
		Name:       c.name,
		Expression: c.spec.Expression,
		Limit:      c.expression.Limit(),
		Default:    c.spec.Default,
		Metric:     metric.Metric{Name: c.spec.Metric, Type: c.spec.Type, Unit: c.spec.Unit},
	}
	v.Observed, v.OK, v.NoData = c.expression.Judge(&agg, elapsed.Seconds())
	abort = !v.OK && agg.Count > 0 && c.spec.AbortOnFail && elapsed >= c.spec.DelayAbortEval
	return v, abort
}

// Evaluate judges all thresholds, in their order. abort is the index of the
// first that asks to end the run, -1 when none does.
func Evaluate(all []Compiled, set *metric.Set, elapsed time.Duration) (verdicts []Verdict, abort int) {
	verdicts, abort = make([]Verdict, len(all)), -1
	for i, c := range all {
		var ends bool
		if verdicts[i], ends = c.Judge(set, elapsed); ends && abort < 0 {
			abort = i
		}
	}
	return verdicts, abort
}
