package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
)

var (
	//go:embed page.tmpl
	pageText string
	//go:embed page.css
	styleText string
	//go:embed page.js
	scriptText string
)

// maxRows is how many rows of a table the page has; JSON has all.
const maxRows = 500

// page is what the template shows.
type page struct {
	*result.Result
	S      *summary.Summary
	Charts []*chart
	Data   template.JS // of the charts, for the script
	Policy string      // content security policy
	Style  template.CSS
	Script template.JS
}

// WriteHTML writes one page that needs nothing else: no network, no server,
// and prints well. Whatever the script, the target or tags supply is inert.
func WriteHTML(w io.Writer, r *result.Result) error {
	t, err := template.New("page").Funcs(functions(r.Summary.TimeUnit)).Parse(pageText)
	if err != nil {
		return fmt.Errorf("report as HTML: %w", err)
	}
	p := page{
		Result: r, S: r.Summary, Charts: charts(r),
		Policy: "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hash(styleText) + "; script-src " + hash(scriptText),
		Style:  template.CSS(styleText),
		Script: template.JS(scriptText),
	}
	if p.Data, err = p.data(); err != nil {
		return fmt.Errorf("report as HTML: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, &p); err != nil {
		return fmt.Errorf("report as HTML: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// hash names a script or style in a content security policy.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// data is what the script needs to tell values under the cursor.
func (p *page) data() (template.JS, error) {
	type lineData struct {
		Name   string     `json:"name"`
		Values []*float64 `json:"values"`
	}
	type chartData struct {
		ID    string     `json:"id"`
		Kind  string     `json:"kind"`
		High  float64    `json:"high"` // of the axis; 0 of one that is not linear
		Size  float64    `json:"size"` // of the unit of its labels
		Lines []lineData `json:"lines"`
	}
	b := binsOf(p.Result, maxPoints)
	all := struct {
		Took   float64     `json:"took"` // seconds, as all here
		Step   float64     `json:"step"`
		N      int         `json:"n"`
		Charts []chartData `json:"charts"`
	}{b.took.Seconds(), b.step.Seconds(), b.n, []chartData{}}
	for _, c := range p.Charts {
		d := chartData{ID: c.ID, Kind: c.kind, Size: c.scale.size, Lines: []lineData{}}
		if !c.scale.log {
			d.High = c.scale.high
		}
		for _, l := range c.lines {
			values := make([]*float64, len(l.values))
			for i, v := range l.values {
				if !math.IsNaN(v) && !math.IsInf(v, 0) {
					rounded := figure.Round(v, 4)
					values[i] = &rounded
				}
			}
			d.Lines = append(d.Lines, lineData{l.name, values})
		}
		all.Charts = append(all.Charts, d)
	}
	text, err := json.Marshal(all) // escapes < and & too
	return template.JS(text), err
}

// functions are what the template writes values with.
func functions(timeUnit string) template.FuncMap {
	return template.FuncMap{
		"safe":      func(text string) string { return inert.Cut(text, 1024) },
		"ms":        func(ms float64) string { return figure.MillisecondsIn(timeUnit, ms) },
		"count":     func(n uint64) string { return figure.Count(n) },
		"counted":   func(n int, noun string) string { return figure.Counted(n, noun) },
		"int":       func(n int) string { return figure.Count(n) },
		"short":     func(n uint64) string { return figure.Short(n) },
		"rate":      figure.PerSecond,
		"percent":   figure.Percent,
		"share":     func(v float64) string { return figure.Percent(figure.Round(v, 3)) },
		"size":      func(v float64) string { return figure.Size(v) },
		"length":    figure.Length,
		"clock":     figure.Clock,
		"moment":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"machine":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"group":     func(path string) string { return strings.Trim(strings.ReplaceAll(path, "::", " › "), " ›") },
		"passed":    passed,
		"told":      told,
		"condition": summary.Condition,
		"observed":  func(v threshold.Verdict) string { return summary.Observed(v, timeUnit) },
		"margin":    summary.Margin,
		"window":    summary.Window,
		"gauge":     gauge,
		"found":     found,
		"ratein":    summary.RateIn,
		"causes":    func(g summary.Generator) string { return strings.Join(g.Causes(), ", ") },
		"cause":     summary.CauseName,
		"first":     func(n int, length int) bool { return n < maxRows && n < length },
		"more":      func(n int) string { return more(n) },
		"ordered":   orderedMetrics,
		"values":    func(m summary.Metric, s *summary.Summary) []keyValue { return metricValues(m, s) },
		"load":      load,
		"float64":   func(n int64) float64 { return float64(n) },
	}
}

// told returns the verdicts worth a line: those nobody asked for are not while
// they hold.
func told(all []threshold.Verdict) []threshold.Verdict {
	return slices.DeleteFunc(slices.Clone(all), func(v threshold.Verdict) bool { return v.Default && v.OK })
}

func passed(c summary.Check) float64 {
	if all := float64(c.Passes) + float64(c.Fails); all > 0 {
		return float64(c.Passes) / all
	}
	return 0
}

func more(n int) string {
	if n <= maxRows {
		return ""
	}
	return "… and " + figure.Count(n-maxRows) + " more"
}

// gauge draws how far an observed value is from its limit: a bar, and a line
// where the limit is.
func gauge(v threshold.Verdict) template.HTML {
	if v.NoData || v.Limit <= 0 || v.Observed < 0 {
		return ""
	}
	const limit = 66.0
	width := min(v.Observed/v.Limit*limit, 100)
	look := "ok"
	if !v.OK {
		look = "over"
	}
	var d drawing
	d.put(`<svg class="gauge" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="10"/>`+
		`<rect class="%s" width="%s" height="10"/><path class="limit" d="M%s 0V10"/></svg>`, look, coordinate(width), coordinate(limit))
	return d.html()
}

// finding is what a search for capacity found.
type finding struct {
	Text string
	Good bool
}

func found(c capacity.Report) finding {
	text, good := summary.Found(c)
	return finding{text, good}
}

// keyValue is one value of a metric.
type keyValue struct{ Key, Value string }

// orderedMetrics lists metrics by type, trends first.
func orderedMetrics(all []summary.Metric) (ordered []summary.Metric) {
	for _, t := range []metric.Type{metric.Trend, metric.Counter, metric.Rate, metric.Gauge} {
		for _, m := range all {
			if m.Type == t.String() {
				ordered = append(ordered, m)
			}
		}
	}
	return ordered
}

// metricValues writes the values of a metric in the order of its type.
func metricValues(m summary.Metric, s *summary.Summary) (list []keyValue) {
	keys := map[string][]string{
		metric.Trend.String():   s.TrendStats,
		metric.Counter.String(): {"count", "rate"},
		metric.Rate.String():    {"rate", "passes", "fails"},
		metric.Gauge.String():   {"value", "min", "max"},
	}[m.Type]
	for _, key := range keys {
		if text := summary.MetricValue(m, key, s.TimeUnit); text != "" {
			list = append(list, keyValue{inert.Cut(key, 40), text})
		}
	}
	return list
}

// load says in a few words what a scenario was asked to do.
func load(s plan.Scenario) string {
	var parts []string
	add := func(ok bool, format string, a ...any) {
		if ok {
			parts = append(parts, fmt.Sprintf(format, a...))
		}
	}
	add(s.VUs > 0, "%s", figure.Counted(s.VUs, "VU"))
	add(s.Rate > 0, "%s", summary.RateIn(float64(s.Rate), s.TimeUnit))
	add(s.Iterations > 0, "%s", figure.Counted(s.Iterations, "iteration"))
	if len(s.Stages) > 0 {
		from := max(s.StartVUs, int(min(s.StartRate, math.MaxInt32)))
		stages := []string{figure.Count(from)}
		for _, stage := range s.Stages[:min(len(s.Stages), 12)] {
			stages = append(stages, fmt.Sprintf("%s in %s", figure.Count(stage.Target), figure.Length(stage.Duration)))
		}
		if len(s.Stages) > 12 {
			stages = append(stages, "…")
		}
		parts = append(parts, strings.Join(stages, " → "))
	}
	add(s.Duration > 0, "for %s", figure.Length(s.Duration))
	add(s.MaxVUs > 0, "at most %s", figure.Counted(s.MaxVUs, "VU"))
	add(s.StartTime > 0, "from %s", figure.Clock(s.StartTime))
	return strings.Join(parts, ", ")
}
