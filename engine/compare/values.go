package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
)

// maxNames is how many names of requests are compared, those with most requests.
const maxNames = 20

// statistic is what is made of the samples of a selection.
type statistic uint8

const (
	percentile statistic = iota // of a trend
	perSecond                   // of a counter
	share                       // of a rate: samples that are not zero
	unshare                     // of a rate: samples that are zero
)

// value is one row to come: a statistic of a selection.
type value struct {
	name   string
	unit   string
	better string
	judges bool

	selection
	stat statistic
	p    float64 // of percentile
	// known returns the value of a whole run from its summary, for runs whose
	// time series is not known.
	known func(s *summary.Summary) (v float64, ok bool)
}

// selection names samples: those of a metric, of all requests or of some.
type selection struct {
	metric string
	of     request // the zero value: all
}

// request names requests as the summary's table does.
type request struct{ method, name string }

func (r request) String() string {
	return inert.Cut(strings.TrimSpace(r.method+" "+r.name), 200)
}

// has reports whether a series belongs to the selection.
func (s selection) has(tags metric.Tags, names summary.Naming) bool {
	if s.of == (request{}) {
		return true
	}
	method, name := names.Of(tags)
	return s.of == request{method, name}
}

// valuesOf lists what both runs can be compared by. How much load there was is
// better or worse only when the plans asked for the same.
func valuesOf(a, b *result.Result, samePlan bool) []value {
	higher, lower := "", "lower"
	if samePlan {
		higher = "higher"
	}
	var list []value
	ofMetric := func(m string, v value) {
		if hasMetric(a.Summary, m) && hasMetric(b.Summary, m) {
			v.metric = m
			list = append(list, v)
		}
	}
	trend := func(m string, p float64, judges bool) {
		ofMetric(m, value{name: fmt.Sprintf("%s p(%v)", m, p), unit: "ms", better: lower, judges: judges, stat: percentile, p: p, known: trendValue(m, p)})
	}
	counter := func(m, unit, better string, judges bool) {
		ofMetric(m, value{name: m + " rate", unit: unit, better: better, judges: judges, stat: perSecond, known: metricValue(m, "rate")})
	}
	counter(metric.HTTPReqs, "/s", higher, samePlan)
	trend(metric.HTTPReqDuration, 50, false)
	trend(metric.HTTPReqDuration, 95, true)
	trend(metric.HTTPReqDuration, 99, true)
	if delayed(a.Summary) && delayed(b.Summary) {
		trend(metric.HTTPReqResponseTime, 95, true)
		trend(metric.HTTPReqResponseTime, 99, true)
	}
	ofMetric(metric.HTTPReqFailed, value{name: metric.HTTPReqFailed + " rate", unit: "%", better: lower, judges: true, stat: share, known: metricValue(metric.HTTPReqFailed, "rate")})
	ofMetric(metric.Checks, value{name: metric.Checks + " failed", unit: "%", better: lower, judges: true, stat: unshare, known: checksFailed})
	counter(metric.Iterations, "/s", higher, false)
	trend(metric.IterationDuration, 95, false)
	counter(metric.DroppedIterations, "/s", lower, true)
	counter(metric.DataReceived, "B/s", "", false)
	counter(metric.DataSent, "B/s", "", false)
	list = append(list, custom(a, b)...)
	return append(list, byRequest(a.Summary, b.Summary, higher)...)
}

func hasMetric(s *summary.Summary, name string) bool {
	return slices.ContainsFunc(s.Metrics, func(m summary.Metric) bool { return m.Name == name && m.Samples > 0 })
}

func delayed(s *summary.Summary) bool {
	return slices.ContainsFunc(s.Delays, func(d summary.Delay) bool { return d.Metric == metric.HTTPReqDuration && d.Different })
}

// custom lists the script's own metrics. Which way is better is known where a
// threshold says so; those judge.
func custom(a, b *result.Result) (list []value) {
	ours := map[string]bool{}
	for _, m := range metric.Builtin() {
		ours[m.Name] = true
	}
	for _, m := range a.Summary.Metrics {
		if ours[m.Name] || m.Samples == 0 || strings.Contains(m.Name, "{") || !hasMetric(b.Summary, m.Name) {
			continue
		}
		v := value{selection: selection{metric: m.Name}, better: demanded(a.Summary, m.Name)}
		v.judges = v.better != ""
		switch m.Type {
		case metric.Trend.String():
			v.stat, v.p, v.name, v.known = percentile, 95, m.Name+" p(95)", trendValue(m.Name, 95)
			switch m.Unit {
			case metric.Time:
				v.unit, v.better = "ms", cmp.Or(v.better, "lower")
			case metric.Data:
				v.unit = "B"
			}
		case metric.Counter.String():
			v.stat, v.unit, v.name, v.known = perSecond, "/s", m.Name+" rate", metricValue(m.Name, "rate")
			if m.Unit == metric.Data {
				v.unit = "B/s"
			}
		case metric.Rate.String():
			v.stat, v.unit, v.name, v.known = share, "%", m.Name+" rate", metricValue(m.Name, "rate")
		default:
			continue // the last value of a gauge has no noise to measure
		}
		list = append(list, v)
	}
	return list
}

// demanded returns which way a metric's thresholds want it to go.
func demanded(s *summary.Summary, name string) string {
	for _, v := range s.Thresholds {
		e, err := threshold.Parse(v.Expression)
		if v.Name != name || err != nil {
			continue
		}
		switch e.Operator() {
		case "<", "<=":
			return "lower"
		case ">", ">=":
			return "higher"
		}
	}
	return ""
}

// byRequest lists the values of requests that both runs have by name.
func byRequest(a, b *summary.Summary, higher string) (list []value) {
	in := map[request]float64{}
	for _, r := range b.Requests {
		in[request{r.Method, r.Name}] = float64(r.Count)
	}
	var both []summary.Request
	for _, r := range a.Requests {
		if in[request{r.Method, r.Name}] > 0 {
			both = append(both, r)
		}
	}
	if len(both) < 2 && len(a.Requests) < 2 && len(b.Requests) < 2 {
		return nil // it would say again what the values of all requests say
	}
	for _, r := range both[:min(len(both), maxNames)] {
		of := request{r.Method, r.Name}
		name := of.String()
		add := func(v value, m string, known func(summary.Request) float64) {
			v.selection = selection{metric: m, of: of}
			v.known = func(s *summary.Summary) (float64, bool) {
				i := slices.IndexFunc(s.Requests, func(r summary.Request) bool { return of == request{r.Method, r.Name} })
				if i < 0 {
					return 0, false
				}
				return known(s.Requests[i]), true
			}
			list = append(list, v)
		}
		add(value{name: name + " rate", unit: "/s", better: higher, stat: perSecond}, metric.HTTPReqs, func(r summary.Request) float64 { return r.Rate })
		add(value{name: name + " p(50)", unit: "ms", better: "lower", stat: percentile, p: 50}, metric.HTTPReqDuration, func(r summary.Request) float64 { return r.P50 })
		add(value{name: name + " p(95)", unit: "ms", better: "lower", stat: percentile, p: 95, judges: true}, metric.HTTPReqDuration, func(r summary.Request) float64 { return r.P95 })
		add(value{name: name + " p(99)", unit: "ms", better: "lower", stat: percentile, p: 99}, metric.HTTPReqDuration, func(r summary.Request) float64 { return r.P99 })
		add(value{name: name + " failed", unit: "%", better: "lower", stat: share, judges: true}, metric.HTTPReqFailed, func(r summary.Request) float64 { return r.Failed })
	}
	return list
}

func metricValue(name, key string) func(*summary.Summary) (float64, bool) {
	return func(s *summary.Summary) (float64, bool) {
		for _, m := range s.Metrics {
			if m.Name == name {
				v, ok := m.Values[key]
				return v, ok
			}
		}
		return 0, false
	}
}

// trendValue takes a percentile from the summary, if it has it.
func trendValue(name string, p float64) func(*summary.Summary) (float64, bool) {
	return func(s *summary.Summary) (float64, bool) {
		if name == metric.HTTPReqDuration {
			switch p {
			case 50:
				return s.Total.P50, true
			case 95:
				return s.Total.P95, true
			case 99:
				return s.Total.P99, true
			}
		}
		key := fmt.Sprintf("p(%v)", p)
		if p == 50 {
			key = "med"
		}
		return metricValue(name, key)(s)
	}
}

func checksFailed(s *summary.Summary) (float64, bool) {
	passed, ok := metricValue(metric.Checks, "rate")(s)
	return 1 - passed, ok
}
