package summary

import (
	"fmt"
	"strings"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
)

// requests prints the table of requests, or their totals alone.
func (p *printer) requests(s *Summary, totalsOnly bool) {
	if s.Total.Count == 0 {
		return
	}
	var rows []Request
	if !totalsOnly {
		rows = s.Requests
	}
	t := requestTable(s, rows, "")
	if base := commonBase(rows); base != "" && !t.fits(p.style.Width) {
		// What all names share tells nothing and costs the room for what differs.
		t = requestTable(s, rows, base)
	}
	p.section()
	t.write(p, p.style.Width)
}

// requestTable has a row for each of rows, names without base, and one for
// all together unless that would repeat the only one.
func requestTable(s *Summary, rows []Request, base string) table {
	const count, rate, errors, p50, p99, most = 1, 2, 3, 4, 6, 7
	t := table{right: []bool{false, true, true, true, true, true, true, true}, spare: []int{rate, most, p50, count, p99, errors}}
	header := []cell{{" requests", faint}}
	for _, name := range []string{"count", "rate", "errors", "p50", "p95", "p99", "max"} {
		header = append(header, cell{name, faint})
	}
	t.add(header...)
	if base != "" {
		t.line("   below "+safe(base), faint)
	}
	add := func(name string, r Request) {
		c := paint("")
		if r.Failed > 0 {
			c = red
		}
		time := func(ms float64) cell { return cell{latency(s.TimeUnit, ms, r.Max), ""} }
		t.add(cell{"   " + name, ""}, cell{figure.Short(r.Count), ""}, cell{figure.PerSecond(r.Rate), ""}, cell{figure.Percent(r.Failed), c},
			time(r.P50), time(r.P95), time(r.P99), time(r.Max))
	}
	shown := rows[:min(len(rows), maxRows)]
	widest := 0
	for _, r := range shown {
		widest = max(widest, inert.Columns(method(r)))
	}
	for _, r := range shown {
		pad := strings.Repeat(" ", widest-inert.Columns(method(r))+1)
		add(method(r)+pad+safe(strings.TrimPrefix(r.Name, base)), r)
	}
	if more := len(rows) - len(shown); more > 0 {
		t.line(fmt.Sprintf("   … and %d more", more), faint)
	}
	if len(rows) != 1 {
		add("all", s.Total)
	}
	return t
}

// latency writes a time of requests of which the slowest took most: those that
// took none had no answer, or nobody kept their times.
func latency(unit string, ms, most float64) string {
	if most <= 0 {
		return "–"
	}
	return figure.MillisecondsIn(unit, ms)
}

// method is short in any request that is not meant to annoy.
func method(r Request) string { return inert.Elide(safe(r.Method), 10) }

// commonBase returns the URL below which all names lie, without the last slash,
// "" if there is none.
func commonBase(rows []Request) string {
	base := ""
	for i, r := range rows {
		name, _, _ := strings.Cut(r.Name, "?")
		if i == 0 {
			base = name
		}
		for base != name[:min(len(base), len(name))] || !strings.HasPrefix(r.Name[len(base):], "/") {
			base = base[:max(strings.LastIndexByte(base, '/'), 0)]
			if base == "" {
				return ""
			}
		}
	}
	if scheme, host, isURL := strings.Cut(base, "://"); !isURL || scheme == "" || host == "" {
		return ""
	}
	return base
}

// errors prints what went wrong, grouped.
func (p *printer) errors(s *Summary) {
	if len(s.Errors) == 0 {
		return
	}
	all := s.Errors[:min(len(s.Errors), maxRows)]
	t := table{right: []bool{true, false, false, false}, shrink: 1}
	for _, e := range all {
		t.add(cell{times(e), ""}, cell{safe(e.Message), red}, cell{place(e), ""}, cell{period(e), faint})
	}
	if !t.fits(p.style.Width) {
		// The message is what matters: it gets a line of its own.
		counts := t.widths()[0]
		t = table{right: []bool{true, false}, shrink: 1}
		for _, e := range all {
			t.add(cell{times(e), ""}, cell{safe(e.Message), red})
			where := strings.TrimLeft(place(e)+"   "+period(e), " ")
			t.line(strings.Repeat(" ", counts+wide)+where, faint)
		}
	}
	if more := len(s.Errors) - maxRows; more > 0 {
		t.line(fmt.Sprintf("   … and %d more", more), faint)
	}
	p.section()
	p.put(faint, fmt.Sprintf(" errors (%s)", figure.Counted(len(s.Errors), "kind")))
	p.end()
	t.write(p, p.style.Width)
}

func times(e ErrorGroup) string { return "   " + figure.Short(e.Count) + " ×" }

// place says where in the script the error arose, "" when unknown.
func place(e ErrorGroup) string {
	where := safe(e.File)
	if where != "" && e.Line > 0 {
		where += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			where += fmt.Sprintf(":%d", e.Column)
		}
	}
	return where
}

func period(e ErrorGroup) string {
	first, last := figure.Clock(e.First), figure.Clock(e.Last)
	if first == last || e.Count == 1 { // seen some time in a span
		return "at " + first
	}
	return "first " + first + ", last " + last
}
