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

// Source is what was recorded, in a whole run or a part of it: a metric.Set or
// a view of a timeline.
type Source interface {
	// Select merges all series of the metric whose tags contain filter; ok is
	// false when the metric is unknown.
	Select(name string, filter metric.Tags) (agg metric.Aggregate, ok bool)
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

// Judge evaluates the threshold on all of src, its window left aside; elapsed
// is how long the load ran meanwhile, pauses left out. A metric without samples fails with NoData,
// unless the threshold says that this is fine; a counter nobody added to is 0.
// abort says that the run should end because of this threshold now: it fails on
// real samples, asked for AbortOnFail, and its DelayAbortEval is over.
// Verdict.Aborted is left to the caller, who knows which threshold did end the
// run.
func (c Compiled) Judge(src Source, elapsed time.Duration) (v Verdict, abort bool) {
	agg := c.sel(src)
	v = c.verdict(&agg, elapsed)
	return v, agg.Count > 0 && c.aborts(v, elapsed)
}

func (c Compiled) sel(src Source) metric.Aggregate {
	agg, known := src.Select(c.spec.Metric, c.filter)
	if !known {
		agg = metric.Aggregate{}
	}
	agg.Type = c.spec.Type
	return agg
}

func (c Compiled) verdict(agg *metric.Aggregate, elapsed time.Duration) Verdict {
	v := Verdict{
		Name:       c.name,
		Expression: c.spec.Expression,
		Limit:      c.expression.Limit(),
		Default:    c.spec.Default,
		Over:       c.spec.Over,
		Metric:     metric.Metric{Name: c.spec.Metric, Type: c.spec.Type, Unit: c.spec.Unit},
	}
	v.Observed, v.OK, v.NoData = c.expression.Judge(agg, elapsed.Seconds())
	if !v.OK && agg.Count == 0 && c.spec.NoDataOK {
		v.OK, v.NoData = true, true
	}
	return v
}

// aborts says whether a verdict on real samples ends the run.
func (c Compiled) aborts(v Verdict, elapsed time.Duration) bool {
	return !v.OK && c.spec.AbortOnFail && elapsed >= c.spec.DelayAbortEval
}

// Evaluate judges all thresholds on all of src, in their order; see
// Compiled.Judge. abort is the index of the first that asks to end the run, -1
// when none does.
func Evaluate(all []Compiled, src Source, elapsed time.Duration) (verdicts []Verdict, abort int) {
	verdicts, abort = make([]Verdict, len(all)), -1
	for i, c := range all {
		var ends bool
		if verdicts[i], ends = c.Judge(src, elapsed); ends && abort < 0 {
			abort = i
		}
	}
	return verdicts, abort
}
