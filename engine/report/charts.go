package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
)

// chart is one diagram over time.
type chart struct {
	ID    string
	Title string
	Unit  string // of the axis
	Wide  bool
	Lines []legend
	Plot  template.HTML
	Y, X  template.HTML
	Alt   string // what it shows, in words
	// Shades is what the darkness of a heat map means, from few to Most.
	Shades template.HTML
	Most   string

	kind  string // how the script writes values: "ms", "/s", "B/s", "%", ""
	scale scale
	lines []line
	fill  template.HTML
}

// line is one line of a chart.
type line struct {
	name   string
	look   string // class
	values []float64
}

// legend is what stands above the plot for a line.
type legend struct {
	Name   string
	Look   string
	Swatch template.HTML
}

// charts draws what the time series has.
func charts(r *result.Result) []*chart {
	b := binsOf(r, maxPoints)
	if b.n == 0 {
		return nil
	}
	var all []*chart
	add := func(c *chart, u units, per string) {
		if !slices.ContainsFunc(c.lines, func(l line) bool { return nonZero(l.values) }) {
			return
		}
		c.scale = axis(c, u, per)
		all = append(all, c)
	}
	requests := line{"requests", "accent", b.perSecond(metric.HTTPReqs)}
	failed := line{"failed", "bad", b.failedPerSecond(metric.HTTPReqFailed)}
	add(&chart{ID: "requests", Title: "Requests", kind: "/s", lines: []line{requests, failed}}, counts, "/s")
	add(responseTimes(r.Summary, b), times, "")
	add(vus(r.Plan, b), counts, "")
	add(iterations(r.Plan, b), counts, "/s")
	if c := heatMap(r); c != nil {
		all = append(all, c)
	}
	add(&chart{ID: "data", Title: "Data", kind: "B/s", lines: []line{
		{"received", "accent", b.perSecond(metric.DataReceived)}, {"sent", "second", b.perSecond(metric.DataSent)},
	}}, sizes, "/s")
	add(&chart{ID: "cpu", Title: "Generator: processors", kind: "%", lines: []line{{"in use", "accent", b.worst(metric.GeneratorCPU)}}}, shares, "")
	lag := b.percentiles(metric.GeneratorLag, 50, 99)
	add(&chart{ID: "lag", Title: "Generator: lag of timers", kind: "ms", lines: []line{{"p50", "soft", lag[0]}, {"p99", "accent", lag[1]}}}, times, "")
	marks := r.Summary.Generator.Marks
	for _, c := range all {
		c.finish(b, marks)
	}
	return all
}

// axis chooses the scale of a chart's values. Times that are mostly small and
// rarely huge would be a flat line: they get a logarithmic axis.
func axis(c *chart, u units, per string) scale {
	low, high := math.Inf(1), 0.0
	var typical []float64
	for _, l := range c.lines {
		for _, v := range l.values {
			if !math.IsNaN(v) {
				high = max(high, v)
				if v > 0 {
					low = min(low, v)
					typical = append(typical, v)
				}
			}
		}
	}
	slices.Sort(typical)
	if n := len(typical); c.ID == "times" && n > 0 && high > 25*typical[n/2] {
		return logarithmic(low*0.9, high*1.1, u)
	}
	if c.kind == "%" {
		high = max(high, 1)
	}
	return linear(high, u, per)
}

// finish draws the chart once its scale is known.
func (c *chart) finish(b bins, marks []health.Mark) {
	c.Unit = c.scale.unit
	if c.scale.log {
		c.Unit = strings.TrimSpace(c.Unit + ", logarithmic")
	}
	c.Plot, c.Y, c.X = plot(c, b, marks), yAxis(c.scale), xAxis(b.took)
	var words []string
	for _, l := range c.lines {
		c.Lines = append(c.Lines, legend{l.name, l.look, swatch(l.look)})
		low, high, sum, n := math.Inf(1), math.Inf(-1), 0.0, 0
		for _, v := range l.values {
			if !math.IsNaN(v) {
				low, high, sum, n = min(low, v), max(high, v), sum+v, n+1
			}
		}
		if n > 0 {
			words = append(words, fmt.Sprintf("%s from %s to %s, %s on average", l.name, c.value(low), c.value(high), c.value(sum/float64(n))))
		}
	}
	if len(words) > 0 {
		c.Alt = c.Title + " over time: " + strings.Join(words, "; ")
	}
}

// value writes a value of the chart.
func (c *chart) value(v float64) string {
	switch c.kind {
	case "ms":
		return figure.Milliseconds(v)
	case "/s":
		return figure.PerSecond(v)
	case "B/s":
		return figure.Size(v) + "/s"
	case "%":
		return figure.Percent(figure.Round(v, 3))
	}
	return figure.Plain(figure.Round(v, 4))
}

// responseTimes draws percentiles of requests, of iterations where there are
// none, and beside them those from the intended start where they differ.
func responseTimes(s *summary.Summary, b bins) *chart {
	name, title := metric.HTTPReqDuration, "Response time"
	if !present(s, name) {
		name, title = metric.IterationDuration, "Iteration duration"
	}
	p := b.percentiles(name, 50, 95, 99)
	c := &chart{ID: "times", Title: title, kind: "ms", lines: []line{{"p50", "soft", p[0]}, {"p95", "middle", p[1]}, {"p99", "accent", p[2]}}}
	for _, d := range s.Delays {
		if d.Metric == name && d.Different {
			c.lines = append(c.lines, line{"p99 from intended start", "second", b.percentiles(d.Intended, 99)[0]})
		}
	}
	return c
}

// present reports whether a metric has samples.
func present(s *summary.Summary, name string) bool {
	return slices.ContainsFunc(s.Metrics, func(m summary.Metric) bool { return m.Name == name && m.Samples > 0 })
}

func vus(p *plan.Plan, b bins) *chart {
	c := &chart{ID: "vus", Title: "Virtual users"}
	if wanted := planned(p, b, plannedVUs); wanted != nil {
		c.lines = append(c.lines, line{"planned", "plan", wanted})
	}
	c.lines = append(c.lines, line{"active", "accent", b.level(metric.VUs)})
	if made := b.level(metric.VUsMax); nonZero(made) {
		c.lines = append(c.lines, line{"made", "soft", made})
	}
	return c
}

func iterations(p *plan.Plan, b bins) *chart {
	c := &chart{ID: "iterations", Title: "Iterations", kind: "/s"}
	if wanted := planned(p, b, plannedRate); wanted != nil {
		c.lines = append(c.lines, line{"planned", "plan", wanted})
	}
	c.lines = append(c.lines, line{"complete", "accent", b.perSecond(metric.Iterations)})
	if dropped := b.perSecond(metric.DroppedIterations); nonZero(dropped) {
		c.lines = append(c.lines, line{"dropped", "bad", dropped})
	}
	return c
}

// planned adds up what the scenarios plan; nil unless all of them tell.
func planned(p *plan.Plan, b bins, of func(s *plan.Scenario, at time.Duration) (v float64, ok bool)) []float64 {
	if p == nil || len(p.Scenarios) == 0 {
		return nil
	}
	sum := make([]float64, b.n)
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		for at := range sum {
			v, ok := of(s, b.middle(at)-s.StartTime)
			if !ok || s.StartAfter != "" {
				return nil
			}
			sum[at] += v
		}
	}
	return sum
}

func plannedVUs(s *plan.Scenario, at time.Duration) (float64, bool) {
	switch s.Executor {
	case plan.ConstantVUs:
		if at < 0 || at >= s.Duration {
			return 0, true
		}
		return float64(s.VUs), true
	case plan.RampingVUs:
		return ramp(float64(s.StartVUs), s.Stages, at), true
	}
	return 0, false
}

func plannedRate(s *plan.Scenario, at time.Duration) (float64, bool) {
	unit := s.TimeUnit.Seconds()
	if unit <= 0 {
		return 0, false
	}
	switch s.Executor {
	case plan.ConstantArrivalRate:
		if at < 0 || at >= s.Duration {
			return 0, true
		}
		return float64(s.Rate) / unit, true
	case plan.RampingArrivalRate:
		return ramp(float64(s.StartRate), s.Stages, at) / unit, true
	}
	return 0, false
}

// ramp is where stages are at a time.
func ramp(from float64, stages []plan.Stage, at time.Duration) float64 {
	if at < 0 {
		return 0
	}
	for _, s := range stages {
		to := float64(s.Target)
		if at < s.Duration {
			return from + (to-from)*float64(at)/float64(s.Duration)
		}
		at -= s.Duration
		from = to
	}
	return 0
}
