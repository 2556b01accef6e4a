package summary

import "github.com/swarmload/swarm/engine/metric"

// delays compares durations with the response times of the same scenarios:
// those that have no schedule have no response times, and their durations must
// not stand beside those of the others.
func delays(set *metric.Set) []Delay {
	all := []Delay{}
	for _, pair := range [][2]string{
		{metric.HTTPReqDuration, metric.HTTPReqResponseTime},
		{metric.IterationDuration, metric.IterationResponseTime},
	} {
		scheduled := map[string]bool{}
		intended := metric.Aggregate{Type: metric.Trend}
		for tags, agg := range set.Series(pair[1]) {
			scheduled[tag(tags, "scenario")] = true
			intended.Merge(agg)
		}
		measured := metric.Aggregate{Type: metric.Trend}
		for tags, agg := range set.Series(pair[0]) {
			if scheduled[tag(tags, "scenario")] {
				measured.Merge(agg)
			}
		}
		if intended.Count > 0 && measured.Count > 0 {
			all = append(all, delay(pair, &measured, &intended))
		}
	}
	return all
}

func delay(pair [2]string, measured, intended *metric.Aggregate) Delay {
	d := Delay{
		Metric: pair[0], Intended: pair[1],
		P50: measured.Percentile(50), P95: measured.Percentile(95), P99: measured.Percentile(99), Max: measured.Max,
		FromP50: intended.Percentile(50), FromP95: intended.Percentile(95), FromP99: intended.Percentile(99), FromMax: intended.Max,
	}
	d.Different = differs(d.P50, d.FromP50) || differs(d.P95, d.FromP95) || differs(d.P99, d.FromP99)
	return d
}

// differs reports whether two times in milliseconds differ by more than the
// width of buckets and the wake-up of timers explain, and enough to matter.
func differs(measured, intended float64) bool {
	return intended-measured > 1 && intended > measured*1.05
}

// Tells returns the percentile in which the difference shows best: the highest
// that differs.
func (d Delay) Tells() (name string, measured, intended float64) {
	switch {
	case differs(d.P99, d.FromP99):
		return "p99", d.P99, d.FromP99
	case differs(d.P95, d.FromP95):
		return "p95", d.P95, d.FromP95
	}
	return "p50", d.P50, d.FromP50
}
