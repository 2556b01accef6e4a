package summary

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/threshold"
)

// Style says how text is printed.
type Style struct {
	Color bool
	Width int // columns; 0 means 80
	// Mode is "compact" (verdict, thresholds, request totals), "full" (all,
	// and every metric), "off" (nothing) or "" (all that matters).
	Mode string
}

// maxRows is how much of a list the text shows; JSON has all of it.
const maxRows = 20

// WriteText prints s for a person: verdict first. Only sections that have
// something to say appear. Text of scripts and targets is made inert.
func WriteText(w io.Writer, s *Summary, st Style) error {
	if st.Mode == "off" {
		return nil
	}
	if st.Width <= 0 {
		st.Width = 80
	}
	p := &printer{style: st}
	p.verdict(s)
	p.thresholds(s)
	p.capacity(s)
	if st.Mode == "compact" {
		p.requests(s, true)
	} else {
		p.checks(s)
		p.requests(s, false)
		p.errors(s)
		p.scenarios(s)
		if st.Mode == "full" {
			p.metrics(s)
		}
		p.facts(s)
	}
	p.notes(s)
	p.truth(s)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// safe is text of a script or target as it is printed: inert, and cut where
// it is longer than any column.
func safe(text string) string { return inert.Cut(text, 1024) }

// printer writes lines.
type printer struct {
	style Style
	b     strings.Builder
}

func (p *printer) put(c paint, text string) {
	if c != "" && p.style.Color {
		text = "\x1b[" + string(c) + "m" + text + "\x1b[0m"
	}
	p.b.WriteString(text)
}

func (p *printer) end() { p.b.WriteByte('\n') }

// section starts a new block.
func (p *printer) section() { p.end() }

func (p *printer) verdict(s *Summary) {
	word, sign, c := "passed", "✓", green
	if !s.Passed {
		word, sign, c = "failed", "✗", red
	}
	p.put("", " ")
	p.put(c, sign+" ")
	p.put(bold, word)
	rest := "  " + length(s)
	if s.Total.Count > 0 {
		rest += "  " + figure.Counted(s.Total.Count, "request") + "  " + figure.PerSecond(s.Total.Rate)
	}
	if s.Script != "" {
		left := p.style.Width - len(" + passed  ") - inert.Columns(rest)
		p.put("", "  "+inert.Elide(safe(s.Script), max(left, least)))
	}
	p.put("", rest)
	p.end()
	for _, reason := range s.Reasons {
		p.sentence("   ", safe(reason))
	}
}

// sentence writes inert text behind an indent, in as many lines as it takes.
func (p *printer) sentence(indent, text string) {
	for i, line := range wrapped(text, p.style.Width-len(indent)-2) {
		if i > 0 {
			line = "  " + line
		}
		p.put("", indent+line)
		p.end()
	}
}

// length says how long a run took, and how much of that it was paused.
func length(s *Summary) string {
	text := figure.Length(s.Duration)
	if s.Paused >= time.Millisecond {
		text += " (paused for " + figure.Length(s.Paused) + ")"
	}
	return text
}

// mark is the sign before something that holds or not.
func mark(ok bool) (sign string, c paint) {
	if ok {
		return "✓", green
	}
	return "✗", red
}

func (p *printer) thresholds(s *Summary) {
	t := table{right: []bool{false, false, false, false}}
	for _, v := range s.Thresholds {
		if v.Default && v.OK && p.style.Mode != "full" {
			continue // nobody asked for it, and it has nothing to say
		}
		sign, c := mark(v.OK)
		note := Margin(v)
		for _, more := range []string{Window(v), aborted(v)} {
			if more != "" {
				note = strings.TrimPrefix(note+", "+more, ", ")
			}
		}
		t.add(cell{"   " + sign + " " + safe(v.Name) + " " + Condition(v), c}, cell{Observed(v, s.TimeUnit), ""}, cell{note, c})
	}
	if len(t.rows) == 0 {
		return
	}
	p.section()
	p.put(faint, " thresholds")
	p.end()
	t.write(p, p.style.Width)
}

func aborted(v threshold.Verdict) string {
	if v.Aborted {
		return "stopped the run"
	}
	return ""
}

func (p *printer) checks(s *Summary) {
	if len(s.Checks) == 0 {
		return
	}
	rows := s.Checks
	if len(rows) > maxRows {
		rows = failedFirst(rows)
	}
	t := table{right: []bool{false, true, true, true}, spare: []int{1, 2}}
	t.add(cell{" checks", faint}, cell{"passed", faint}, cell{"failed", faint}, cell{"share", faint})
	for _, c := range rows[:min(len(rows), maxRows)] {
		sign, color := mark(c.Fails == 0)
		name := safe(c.Name)
		if group := groupName(c.Group); group != "" {
			name = group + " › " + name
		}
		all := float64(c.Passes) + float64(c.Fails)
		share := 0.0
		if all > 0 {
			share = float64(c.Passes) / all
		}
		t.add(cell{"   " + sign + " " + name, color}, cell{figure.Short(c.Passes), ""}, cell{failures(c.Fails), ""}, cell{figure.Percent(share), ""})
	}
	if more := rows[min(len(rows), maxRows):]; len(more) > 0 {
		failing := 0
		for _, c := range more {
			if c.Fails > 0 {
				failing++
			}
		}
		text := fmt.Sprintf("   … and %d more, all passed", len(more))
		if failing > 0 {
			text = fmt.Sprintf("   … and %d more, %d of them failed", len(more), failing)
		}
		t.line(text, faint)
	}
	p.section()
	t.write(p, p.style.Width)
}

// failedFirst puts the checks that failed before the others: they are what the
// list is read for.
func failedFirst(checks []Check) []Check {
	rows := slices.Clone(checks)
	slices.SortStableFunc(rows, func(a, b Check) int {
		switch {
		case a.Fails > 0 && b.Fails == 0:
			return -1
		case a.Fails == 0 && b.Fails > 0:
			return 1
		}
		return 0
	})
	return rows
}

// groupName writes the path of a group: checkout › pay.
func groupName(path string) string {
	return safe(strings.Trim(strings.ReplaceAll(path, separator, " › "), " ›"))
}

// failures leaves a zero out, so that what is there stands out.
func failures(n uint64) string {
	if n == 0 {
		return "–"
	}
	return figure.Short(n)
}

func (p *printer) scenarios(s *Summary) {
	if len(s.Scenarios) < 2 {
		return
	}
	t := table{right: []bool{false, false, true, true, true}, spare: []int{1}}
	header := []cell{{" scenarios", faint}, {"executor", faint}, {"iterations", faint}, {"interrupted", faint}}
	if s.Dropped > 0 {
		header = append(header, cell{"dropped", faint})
	}
	t.add(header...)
	for _, sc := range s.Scenarios[:min(len(s.Scenarios), maxRows)] {
		row := []cell{{"   " + safe(sc.Name), ""}, {safe(sc.Executor), ""}, {figure.Short(sc.Iterations), ""}, {failures(sc.Interrupted), ""}}
		if s.Dropped > 0 {
			row = append(row, cell{failures(sc.Dropped), ""})
		}
		t.add(row...)
	}
	if more := len(s.Scenarios) - maxRows; more > 0 {
		t.line(fmt.Sprintf("   … and %d more", more), faint)
	}
	p.section()
	t.write(p, p.style.Width)
}

// metrics prints every metric with all its values, a table for each type.
func (p *printer) metrics(s *Summary) {
	for _, kind := range []struct {
		title string
		typ   metric.Type
		keys  []string
	}{
		{"trends", metric.Trend, s.TrendStats},
		{"counters", metric.Counter, []string{"count", "rate"}},
		{"rates", metric.Rate, []string{"rate", "passes", "fails"}},
		{"gauges", metric.Gauge, []string{"value", "min", "max"}},
	} {
		t := table{right: append([]bool{false}, slices.Repeat([]bool{true}, len(kind.keys))...)}
		header := []cell{{" " + kind.title, faint}}
		for _, key := range kind.keys {
			header = append(header, cell{safe(key), faint})
		}
		t.add(header...)
		for _, m := range s.Metrics {
			if m.Type != kind.typ.String() {
				continue
			}
			row := []cell{{"   " + safe(m.Name), ""}}
			for _, key := range kind.keys {
				row = append(row, cell{MetricValue(m, key, s.TimeUnit), ""})
			}
			t.add(row...)
		}
		if len(t.rows) > 1 {
			p.section()
			t.write(p, p.style.Width)
		}
	}
}

// MetricValue writes one value of a metric in the unit of its key.
func MetricValue(m Metric, key, timeUnit string) string {
	v, ok := m.Values[key]
	switch {
	case !ok:
		return ""
	case m.Samples == 0 && m.Type != metric.Counter.String():
		return "–"
	case m.Type == metric.Rate.String() && key == "rate":
		return figure.Percent(v)
	case m.Type == metric.Counter.String() && key == "rate":
		if m.Unit == metric.Plain {
			return figure.PerSecond(v)
		}
		return quantity(v, m.Unit, timeUnit) + "/s"
	case m.Type == metric.Trend.String() && key == "count", key == "passes", key == "fails":
		return figure.Short(v)
	}
	return quantity(v, m.Unit, timeUnit)
}

// facts prints what the run amounted to.
func (p *printer) facts(s *Summary) {
	t := table{right: []bool{false, false}, shrink: 1}
	seconds := s.Load().Seconds()
	if s.Iterations > 0 || s.Interrupted > 0 || s.Dropped > 0 {
		text := figure.Count(s.Iterations) + " complete"
		if s.Interrupted > 0 {
			text += ", " + figure.Count(s.Interrupted) + " interrupted"
		}
		if s.Dropped > 0 {
			text += ", " + figure.Count(s.Dropped) + " dropped"
		}
		if rate := perSecond(float64(s.Iterations), seconds); rate > 0 {
			text += "  ·  " + figure.PerSecond(rate)
		}
		t.add(cell{" iterations", faint}, cell{text, ""})
	}
	if s.VUsMax > 0 {
		t.add(cell{" VUs", faint}, cell{figure.Count(s.VUsMax) + " at most", ""})
	}
	if s.DataReceived > 0 || s.DataSent > 0 {
		amount := func(v float64, what string) string {
			text := figure.Size(v) + " " + what
			if rate := perSecond(v, seconds); rate >= 1 {
				text += " (" + figure.Size(rate) + "/s)"
			}
			return text
		}
		t.add(cell{" data", faint}, cell{amount(s.DataReceived, "in") + "  ·  " + amount(s.DataSent, "out"), ""})
	}
	if s.Generator.Known {
		title := " generator"
		for _, line := range vitals(s.Generator, p.style.Width-len(" iterations")-wide) {
			t.add(cell{title, faint}, cell{line, ""})
			title = ""
		}
	}
	if s.Isolation == "off" {
		t.add(cell{" isolation", faint}, cell{"off: the script ran in the coordinator's own process", ""})
	} else if s.Isolation != "" {
		t.add(cell{" isolation", faint}, cell{safe(s.Isolation), ""})
	}
	if len(t.rows) > 0 {
		p.section()
		t.write(p, p.style.Width)
	}
}

func (p *printer) notes(s *Summary) {
	if len(s.Notes) == 0 {
		return
	}
	p.section()
	for _, note := range s.Notes[:min(len(s.Notes), maxRows)] {
		p.sentence(" ", "note: "+safe(note))
	}
	if more := len(s.Notes) - maxRows; more > 0 {
		p.put(faint, fmt.Sprintf(" … and %d more notes", more))
		p.end()
	}
}
