package cluster

import (
	"fmt"
	"slices"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

// Unanswered says that there were requests and not one of them got a response:
// whatever the thresholds say, nothing was tested.
type Unanswered struct {
	Requests uint64
	Cause    string // what most of them ended with, "" when unknown
}

// Error gives the number and the cause.
func (e *Unanswered) Error() string {
	text := fmt.Sprintf("none of %d requests was answered", e.Requests)
	if e.Requests == 1 {
		text = "the only request was not answered"
	}
	if e.Cause != "" {
		text += ": " + e.Cause
	}
	return text
}

// unanswered returns nil when at least one request got a response, when there
// was none at all, or when the test has a threshold of its own on failed
// requests: then its author has said what is to be expected.
func unanswered(p *plan.Plan, set *metric.Set) *Unanswered {
	if p.NoThresholds || slices.ContainsFunc(p.Thresholds, func(t plan.Threshold) bool { return t.Metric == metric.HTTPReqFailed }) {
		return nil
	}
	e := new(Unanswered)
	causes := make(map[string]uint64)
	for tags, agg := range set.Series(metric.HTTPReqs) {
		if status, told := tags.Get("status"); told && status != "0" {
			return nil
		} else if !told && received(set) {
			return nil // systemTags leave out the status; a byte must do
		}
		e.Requests += agg.Count
		if cause, ok := tags.Get("error"); ok {
			causes[cause] += agg.Count
			if causes[cause] > causes[e.Cause] || causes[cause] == causes[e.Cause] && cause < e.Cause {
				e.Cause = cause
			}
		}
	}
	if e.Requests == 0 {
		return nil
	}
	return e
}

func received(set *metric.Set) bool {
	agg, _ := set.Select(metric.DataReceived, metric.Tags{})
	return agg.Sum > 0
}
