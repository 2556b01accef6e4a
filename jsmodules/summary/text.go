package summary

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/sandbox"
)

// Bounds of what is printed, whatever the script made of the data.
const (
	maxText   = 1024 // characters of a name
	maxIndent = 64
	maxDepth  = 100 // groups within groups
)

// safe is text of a script or target as it is printed.
func safe(text string) string { return inert.Cut(text, maxText) }

// humanize writes a value of the metric with its unit.
func (m *metricData) humanize(value float64, timeUnit string) string {
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		return figure.Plain(value)
	case m.Type == "rate":
		return figure.Percent(value)
	case m.Contains == "data":
		return figure.Size(value)
	case m.Contains == "time":
		return figure.MillisecondsIn(timeUnit, value)
	}
	return figure.Plain(figure.Round(value, 6))
}

// textSummary implements textSummary(data, {indent, enableColors}).
func textSummary(v *sandbox.VU, call goja.FunctionCall) string {
	var d data
	decode(v, "textSummary: data", call.Argument(0), &d)
	o := struct {
		Indent            string   `json:"indent"`
		EnableColors      *bool    `json:"enableColors"`
		SummaryTimeUnit   string   `json:"summaryTimeUnit"`
		SummaryTrendStats []string `json:"summaryTrendStats"`
	}{Indent: " "}
	options(v, "textSummary", call.Argument(1), &o)
	p := &printer{
		indent: inert.Cut(o.Indent, maxIndent),
		color:  !d.Options.NoColor,
		unit:   cmp.Or(o.SummaryTimeUnit, d.Options.SummaryTimeUnit),
		stats:  d.Options.SummaryTrendStats,
	}
	if o.EnableColors != nil {
		p.color = *o.EnableColors
	}
	if o.SummaryTrendStats != nil {
		p.stats = o.SummaryTrendStats
	}
	p.group(&d.RootGroup, 0)
	p.metrics(d.Metrics)
	return p.b.String()
}

// Colours, as ANSI escape sequences name them.
const (
	green = "32"
	red   = "31"
	faint = "2"
)

// printer writes lines.
type printer struct {
	indent string
	color  bool
	unit   string   // of times; "" chooses
	stats  []string // of trends; nil: all there are
	b      strings.Builder
}

func (p *printer) paint(color, text string) string {
	if !p.color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (p *printer) line(depth int, parts ...string) {
	p.b.WriteString(p.indent)
	p.b.WriteString(strings.Repeat("  ", depth+1))
	for _, part := range parts {
		p.b.WriteString(part)
	}
	p.b.WriteByte('\n')
}

func (p *printer) mark(ok bool) string {
	if ok {
		return p.paint(green, "✓")
	}
	return p.paint(red, "✗")
}

// group prints the checks of a group, and the groups in it.
func (p *printer) group(g *group, depth int) {
	if depth > maxDepth {
		p.line(depth, "…")
		return
	}
	if depth > 0 {
		p.line(depth-1, p.paint(faint, "█ "), safe(g.Name))
	}
	for _, c := range g.Checks {
		p.line(depth, p.mark(c.Fails == 0), " ", safe(c.Name))
		if total := c.Passes + c.Fails; c.Fails != 0 && total > 0 {
			p.line(depth, "  ", p.paint(red, figure.Percent(c.Passes/total)), "  ", figure.Count(c.Passes), " passed, ", figure.Count(c.Fails), " failed")
		}
	}
	if len(g.Checks) > 0 || depth > 0 && len(g.Groups) == 0 {
		p.b.WriteByte('\n')
	}
	for i := range g.Groups {
		p.group(&g.Groups[i], depth+1)
	}
}

// metrics prints a line for each metric, in columns; a metric with thresholds
// has a mark, and a line for each that does not hold.
func (p *printer) metrics(all map[string]metricData) {
	names := slices.SortedFunc(maps.Keys(all), byName)
	shown := make([]string, len(names))
	rows := make([][]string, len(names))
	width := 0
	var columns []int // widths, of trends
	for i, name := range names {
		m := all[name]
		shown[i] = safe(name)
		if strings.Contains(name, "{") {
			shown[i] = "  " + shown[i]
		}
		width = max(width, inert.Columns(shown[i]))
		rows[i] = p.values(&m)
		if m.Type != "trend" {
			continue
		}
		for k, text := range rows[i] {
			if k == len(columns) {
				columns = append(columns, 0)
			}
			columns[k] = max(columns[k], inert.Columns(text))
		}
	}
	for i, name := range names {
		m := all[name]
		mark := " "
		broken := m.broken()
		if len(m.Thresholds) > 0 {
			mark = p.mark(len(broken) == 0)
		}
		dots := strings.Repeat(".", width-inert.Columns(shown[i])+2)
		for k, text := range rows[i] {
			if m.Type == "trend" && k+1 < len(rows[i]) {
				rows[i][k] = text + strings.Repeat(" ", columns[k]-inert.Columns(text))
			}
		}
		p.line(0, mark, " ", shown[i], p.paint(faint, dots+":"), " ", strings.Join(rows[i], "  "))
		for _, expression := range broken {
			p.line(0, "    ", p.paint(red, "✗ "+safe(expression)))
		}
	}
}

// byName sorts the parts of a metric, which have a filter, right behind it.
func byName(a, b string) int {
	nameA, filterA, _ := strings.Cut(a, "{")
	nameB, filterB, _ := strings.Cut(b, "{")
	return cmp.Or(strings.Compare(nameA, nameB), strings.Compare(filterA, filterB))
}

// broken lists the thresholds that do not hold.
func (m *metricData) broken() []string {
	var out []string
	for _, expression := range slices.Sorted(maps.Keys(m.Thresholds)) {
		if !m.Thresholds[expression].OK {
			out = append(out, expression)
		}
	}
	return out
}

// values returns what is printed of a metric's values.
func (p *printer) values(m *metricData) []string {
	number := func(name string) (float64, bool) {
		v, ok := m.Values[name].(float64)
		return v, ok
	}
	var out []string
	named := func(names ...string) {
		for _, name := range names {
			if v, ok := number(name); ok {
				out = append(out, safe(name)+"="+m.humanize(v, p.unit))
			}
		}
	}
	switch m.Type {
	case "counter":
		if v, ok := number("count"); ok {
			out = append(out, m.humanize(v, p.unit))
		}
		if v, ok := number("rate"); ok {
			out = append(out, m.humanize(v, p.unit)+"/s")
		}
	case "gauge":
		if v, ok := number("value"); ok {
			out = append(out, m.humanize(v, p.unit))
		}
		named("min", "max")
	case "rate":
		if v, ok := number("rate"); ok {
			out = append(out, m.humanize(v, p.unit))
		}
		passes, hasPasses := number("passes")
		if fails, ok := number("fails"); ok && hasPasses {
			out = append(out, figure.Count(passes)+" of "+figure.Count(passes+fails))
		}
	case "trend":
		if p.stats != nil {
			for _, stat := range p.stats {
				if stat == "count" {
					if v, ok := number(stat); ok {
						out = append(out, "count="+figure.Count(v))
					}
					continue
				}
				named(stat)
			}
			break
		}
		fallthrough
	default:
		named(slices.Sorted(maps.Keys(m.Values))...)
	}
	return out
}
