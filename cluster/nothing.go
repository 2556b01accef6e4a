package cluster

import (
	"slices"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

// NothingTested says that a run which no threshold failed says nothing of the
// target all the same: no request was answered, or no iteration began or got
// anywhere.
type NothingTested struct{ Reason string }

// Error gives the reason.
func (e *NothingTested) Error() string { return e.Reason }

// nothingTested returns nil when the run tested something. With thresholds
// switched off, nothing is judged.
func nothingTested(p *plan.Plan, set *metric.Set, complete, interrupted uint64) *NothingTested {
	if p.NoThresholds {
		return nil
	}
	reason := unanswered(p, set)
	switch {
	case reason != "":
	case complete+interrupted == 0:
		reason = "no iteration began"
	case interrupted > 0 && !measured(set):
		reason = "no iteration came to its end, and nothing was measured"
	}
	if reason == "" {
		return nil
	}
	return &NothingTested{Reason: reason}
}

// unanswered returns a text if there were requests and not one got a response,
// unless the test has a threshold of its own on failed requests: then its
// author has said what is to be expected.
func unanswered(p *plan.Plan, set *metric.Set) string {
	if slices.ContainsFunc(p.Thresholds, func(t plan.Threshold) bool { return t.Metric == metric.HTTPReqFailed }) {
		return ""
	}
	// Requests that only the end of the test cut off are no evidence against the
	// target.
	requests, cut, cause := uint64(0), uint64(0), ""
	causes := make(map[string]uint64)
	for tags, agg := range set.Series(metric.HTTPReqs) {
		if status, told := tags.Get("status"); told && status != "0" {
			return ""
		} else if !told && received(set) {
			return "" // systemTags leave out the status; a byte must do
		}
		if code, _ := tags.Get("error_code"); code == metric.CutOff {
			cut += agg.Count
			continue
		}
		requests += agg.Count
		if c, ok := tags.Get("error"); ok {
			causes[c] += agg.Count
			if causes[c] > causes[cause] || causes[c] == causes[cause] && c < cause {
				cause = c
			}
		}
	}
	var text string
	switch {
	case requests == 1:
		text = "the only request was not answered"
	case requests > 1:
		text = "none of " + figure.Counted(requests, "request") + " was answered"
	case cut == 1:
		text = "the test ended before its only request was answered"
	case cut > 1:
		text = "the test ended before any of " + figure.Counted(cut, "request") + " was answered"
	default:
		return ""
	}
	if cause != "" {
		text += ": " + cause
	}
	return text
}

func received(set *metric.Set) bool {
	agg, _ := set.Select(metric.DataReceived, metric.Tags{})
	return agg.Sum > 0
}

// measured reports whether there is a sample that an iteration caused: one that
// came to its end is such, and so is an exception.
func measured(set *metric.Set) bool {
	ours := []string{ // recorded whatever the script does
		metric.VUs, metric.VUsMax, metric.IterationDelay, metric.DroppedIterations,
		metric.GeneratorLag, metric.GeneratorCPU, metric.GeneratorMemory, metric.GeneratorGCPause, metric.GeneratorSocketErrors,
	}
	for _, m := range set.Metrics() {
		if slices.Contains(ours, m.Name) {
			continue
		}
		if agg, _ := set.Select(m.Name, metric.Tags{}); agg.Count > 0 {
			return true
		}
	}
	return false
}
