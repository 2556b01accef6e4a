package summary

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// Build computes the summary. It reads in.Set and keeps nothing of it.
func Build(in Input) *Summary {
	if in.Plan == nil {
		in.Plan = &plan.Plan{}
	}
	if in.Set == nil {
		in.Set = metric.NewSet()
	}
	s := &Summary{
		Schema:     Schema,
		Script:     in.Script,
		Started:    in.Started,
		Duration:   in.Duration,
		Paused:     in.Paused,
		Thresholds: orEmpty(in.Verdicts),
		Scenarios:  orEmpty(in.Scenarios),
		VUsMax:     in.VUsMax,
		TrendStats: orEmpty(in.Plan.SummaryTrendStats),
		TimeUnit:   in.Plan.SummaryTimeUnit,
		Isolation:  in.Isolation,
		Notes:      orEmpty(in.Notes),
		Delays:     delays(in.Set),
		Generator:  generator(in),
		Capacity:   orEmpty(in.Capacity),
	}
	s.Passed, s.Reasons = verdict(in)
	s.Checks = checks(in.Set)
	s.Groups = groups(in.Set, s.Checks)
	names := NamingOf(tagsOf(in.Set.Series(metric.HTTPReqs)))
	s.Requests, s.Total = requests(in.Set, names, s.Load().Seconds())
	s.Generator.Doubtful = doubtful(s.Generator.LagP99, s.Total)
	s.Errors = errorGroups(in, names)
	s.Metrics = metrics(in, s.Load())
	s.Iterations = uint64(max(total(in.Set, metric.Iterations), 0))
	s.DataSent = total(in.Set, metric.DataSent)
	s.DataReceived = total(in.Set, metric.DataReceived)
	var dropped uint64
	for _, scenario := range in.Scenarios {
		s.Interrupted += scenario.Interrupted
		dropped += scenario.Dropped
	}
	// The option metrics may have left the metric out.
	s.Dropped = max(uint64(max(total(in.Set, metric.DroppedIterations), 0)), dropped)
	if in.Timeline != nil && in.Timeline.Folded() > 0 {
		s.Notes = append(s.Notes, "too many series to keep each of them by time: in charts, in CSV and where runs are compared, the rarest of a metric are counted together")
	}
	if n := total(in.Set, metric.HTTPReqRetries); n > 0 {
		s.Notes = append(s.Notes, "sent a second time: "+figure.Counted(n, "request")+" whose connection ended, or that the server refused, before an answer came; the target may have received both")
	}
	cut := cutOff(in.Set)
	switch {
	case len(in.Faults) > 0:
	case cut > 0 && cut == s.Total.Count:
		s.Notes = append(s.Notes, "no response came to its end before the test did: how long "+figure.Counted(cut, "request")+" would have taken is not known")
	case s.Iterations == 0 && s.Interrupted > 0:
		s.Notes = append(s.Notes, "no iteration came to its end: all that began were cut off")
	}
	return s
}

// cutOff returns how many requests were under way when the test ended.
func cutOff(set *metric.Set) (n uint64) {
	for tags, agg := range set.Series(metric.HTTPReqs) {
		if tag(tags, "error_code") == metric.CutOff {
			n += agg.Count
		}
	}
	return n
}

// Load returns how long the load ran: what rates are of. Without pauses it is Duration.
func (s *Summary) Load() time.Duration { return max(s.Duration-s.Paused, 0) }

// orEmpty copies a list; none becomes an empty one, which is [] in JSON.
func orEmpty[T any](list []T) []T { return append([]T{}, list...) }

// verdict says whether the run passed, and why not.
func verdict(in Input) (passed bool, reasons []string) {
	reasons = []string{}
	if in.Ended != "" {
		reasons = append(reasons, in.Ended)
	}
	reasons = append(reasons, in.Faults...)
	judged, failed := 0, 0
	for _, v := range in.Verdicts {
		switch {
		case v.Default && !v.OK:
			reasons = append(reasons, "the script threw "+figure.Counted(v.Observed, "error"))
		case v.Default:
			continue
		case !v.OK:
			failed++
		}
		if !v.Default {
			judged++
		}
	}
	if failed > 0 {
		reasons = append(reasons, fmt.Sprintf("%d of %s failed", failed, figure.Counted(judged, "threshold")))
	}
	passed = !in.Failed && !slices.ContainsFunc(in.Verdicts, func(v threshold.Verdict) bool { return !v.OK })
	if in.Failed && len(reasons) == 0 {
		reasons = append(reasons, "the run could not be completed")
	}
	return passed, reasons
}

// tagsOf leaves out the aggregates of series.
func tagsOf(series iter.Seq2[metric.Tags, *metric.Aggregate]) iter.Seq[metric.Tags] {
	return func(yield func(metric.Tags) bool) {
		for tags := range series {
			if !yield(tags) {
				return
			}
		}
	}
}

func total(set *metric.Set, name string) float64 {
	agg, _ := set.Select(name, metric.Tags{})
	return agg.Sum
}

func checks(set *metric.Set) []Check {
	type key struct{ group, name string }
	at := map[key]int{}
	all := []Check{}
	for tags, agg := range set.Series(metric.Checks) {
		k := key{tag(tags, "group"), tag(tags, "check")}
		i, known := at[k]
		if !known {
			i = len(all)
			at[k] = i
			all = append(all, Check{Group: k.group, Name: k.name})
		}
		all[i].Passes += agg.NonZero
		all[i].Fails += agg.Count - agg.NonZero
	}
	slices.SortFunc(all, func(a, b Check) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// groups lists the groups that ran or held a check, and those around them.
func groups(set *metric.Set, checks []Check) []string {
	seen := map[string]bool{}
	add := func(path string) {
		for path != "" && !seen[path] {
			seen[path] = true
			path, _ = splitGroup(path)
		}
	}
	for tags := range set.Series(metric.GroupDuration) {
		add(tag(tags, "group"))
	}
	for _, c := range checks {
		add(c.Group)
	}
	all := make([]string, 0, len(seen))
	for path := range seen {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

// separator stands before each name of a group's path.
const separator = "::"

func tag(tags metric.Tags, key string) string {
	value, _ := tags.Get(key)
	return value
}

// endpoint is what requests are grouped by.
type endpoint struct{ method, name string }

// endpointOf falls back to the URL where systemTags leave out names.
func endpointOf(tags metric.Tags) endpoint {
	name, ok := tags.Get("name")
	if !ok {
		name = tag(tags, "url")
	}
	return endpoint{tag(tags, "method"), name}
}

// traffic is what is known of some requests.
type traffic struct {
	count    float64
	duration metric.Aggregate
	failed   metric.Aggregate
}

func (t *traffic) request(e endpoint, seconds float64) Request {
	r := Request{
		Method: e.method,
		Name:   e.name,
		Count:  uint64(max(t.count, 0)),
		Failed: t.failed.Share(),
		P50:    t.duration.Percentile(50),
		P95:    t.duration.Percentile(95),
		P99:    t.duration.Percentile(99),
		Max:    t.duration.Max,
	}
	r.Rate = perSecond(t.count, seconds)
	return r
}

// perSecond stays finite, which JSON demands.
func perSecond(sum, seconds float64) float64 {
	if seconds <= 0 {
		return 0
	}
	return min(max(sum/seconds, -math.MaxFloat64), math.MaxFloat64)
}

func requests(set *metric.Set, names Naming, seconds float64) (rows []Request, all Request) {
	byEndpoint := map[endpoint]*traffic{}
	of := func(tags metric.Tags) *traffic {
		e := names.of(endpointOf(tags))
		if byEndpoint[e] == nil {
			byEndpoint[e] = &traffic{}
		}
		return byEndpoint[e]
	}
	for tags, agg := range set.Series(metric.HTTPReqs) {
		of(tags).count += agg.Sum
	}
	for tags, agg := range set.Series(metric.HTTPReqDuration) {
		of(tags).duration.Merge(agg)
	}
	for tags, agg := range set.Series(metric.HTTPReqFailed) {
		of(tags).failed.Merge(agg)
	}
	rows = make([]Request, 0, len(byEndpoint))
	for e, t := range byEndpoint {
		if t.count > 0 {
			rows = append(rows, t.request(e, seconds))
		}
	}
	slices.SortFunc(rows, func(a, b Request) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Method, b.Method))
	})
	var sum traffic
	sum.count = total(set, metric.HTTPReqs)
	sum.duration, _ = set.Select(metric.HTTPReqDuration, metric.Tags{})
	sum.failed, _ = set.Select(metric.HTTPReqFailed, metric.Tags{})
	return rows, sum.request(endpoint{}, seconds)
}
