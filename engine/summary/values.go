package summary

import (
	"cmp"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// metrics computes the values of every metric with samples and of every one,
// or part of one, that the user named in thresholds, of a load that ran so long.
func metrics(in Input, load time.Duration) []Metric {
	known := map[string]metric.Metric{}
	wanted := slices.Clone(in.Plan.Submetrics)
	answered := plan.Selector{Metric: metric.HTTPReqDuration, Filter: map[string]string{"expected_response": "true"}}
	if agg, _ := in.Set.Select(answered.Metric, metric.TagsFromMap(answered.Filter)); agg.Count > 0 {
		wanted = append(wanted, answered) // k6 always has it, and scripts read it
	}
	for _, m := range in.Set.Metrics() {
		known[m.Name] = m
		if agg, _ := in.Set.Select(m.Name, metric.Tags{}); agg.Count > 0 {
			wanted = append(wanted, plan.Selector{Metric: m.Name})
		}
	}
	for _, t := range in.Plan.Thresholds {
		if !t.Default {
			wanted = append(wanted, plan.Selector{Metric: t.Metric, Filter: t.Filter})
		}
	}
	v := valuer{stats: trendStats(in.Plan.SummaryTrendStats), seconds: load.Seconds()}
	all := []Metric{}
	seen := map[string]bool{}
	for _, w := range wanted {
		name := threshold.FormatSelector(w.Metric, w.Filter)
		if m, ok := known[w.Metric]; ok && !seen[name] {
			seen[name] = true
			agg, _ := in.Set.Select(w.Metric, metric.TagsFromMap(w.Filter))
			all = append(all, v.metric(name, m, &agg))
		}
	}
	slices.SortFunc(all, func(a, b Metric) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// valuer computes values under k6's keys.
type valuer struct {
	stats   []threshold.Method
	seconds float64
}

// trendStats parses what plan.Parse has checked.
func trendStats(names []string) []threshold.Method {
	var stats []threshold.Method
	for _, name := range names {
		if m, err := threshold.ParseMethod(name); err == nil {
			stats = append(stats, m)
		}
	}
	return stats
}

func (v valuer) metric(name string, m metric.Metric, agg *metric.Aggregate) Metric {
	values := map[string]float64{}
	switch m.Type {
	case metric.Trend:
		for _, stat := range v.stats {
			values[stat.String()] = stat.Of(agg, v.seconds)
		}
	case metric.Counter:
		values["count"] = agg.Sum
		values["rate"] = perSecond(agg.Sum, v.seconds)
	case metric.Gauge:
		values["value"], values["min"], values["max"] = agg.Last, agg.Min, agg.Max
	case metric.Rate:
		values["rate"] = agg.Share()
		values["passes"] = float64(agg.NonZero)
		values["fails"] = float64(agg.Count - agg.NonZero)
	}
	return Metric{Name: name, Type: m.Type.String(), Unit: m.Unit, Samples: agg.Count, Values: values}
}
