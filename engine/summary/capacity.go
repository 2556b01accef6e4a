package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/figure"
)

// capacity prints what each search found, and the probes that show it.
func (p *printer) capacity(s *Summary) {
	for _, c := range s.Capacity[:min(len(s.Capacity), maxRows)] {
		p.section()
		p.put(faint, " capacity of ")
		text, good := Found(c)
		sign, color := mark(good)
		p.put("", safe(c.Scenario)+"  ")
		p.put(color, sign+" "+text)
		p.end()
		if p.style.Mode == "compact" || len(c.Steps) == 0 {
			continue
		}
		t := table{right: []bool{false, true, true, true, true, false}, shrink: 5, spare: []int{3, 2}}
		t.add(cell{"   phase", faint}, cell{"rate", faint}, cell{"achieved", faint}, cell{"dropped", faint}, cell{"p95", faint}, cell{"", faint})
		for _, step := range c.Steps[:min(len(c.Steps), 2*maxRows)] {
			sign, color := mark(step.Held)
			outcome := "held"
			if !step.Held {
				outcome = safe(step.Why)
			}
			t.add(cell{"   " + safe(step.Phase), ""}, cell{RateIn(float64(step.Rate), c.TimeUnit), ""}, cell{RateIn(step.Achieved, c.TimeUnit), ""},
				cell{failures(step.Dropped), ""}, cell{latency(s.TimeUnit, step.P95, step.P95), ""}, cell{sign + " " + outcome, color})
		}
		if more := len(c.Steps) - 2*maxRows; more > 0 {
			t.line(fmt.Sprintf("   … and %d more", more), faint)
		}
		t.write(p, p.style.Width)
	}
}

// RateIn writes iterations per time unit: 500/s, 30/min, 5 per 10s.
func RateIn(rate float64, unit time.Duration) string {
	value := strings.TrimSuffix(figure.PerSecond(rate), "/s")
	switch unit {
	case 0, time.Second:
		return value + "/s"
	case time.Minute:
		return value + "/min"
	case time.Hour:
		return value + "/h"
	}
	return value + " per " + unit.String()
}

// Found says in one line what a search found, and whether it is what was asked for.
func Found(c capacity.Report) (text string, good bool) {
	rate := func(n int64) string { return RateIn(float64(n), c.TimeUnit) }
	broke := ""
	if i := slices.IndexFunc(c.Steps, func(s capacity.Step) bool { return !s.Held && s.Rate == c.Broke }); i >= 0 && c.Broke > 0 {
		broke = rate(c.Broke) + " did not"
		if why := c.Steps[i].Why; why != "" {
			broke += ": " + safe(why)
		}
	} else if c.Broke > 0 {
		broke = rate(c.Broke) + " did not"
	}
	and := func(text string) string {
		if broke == "" {
			return text
		}
		return text + ", " + broke
	}
	var best int64 // that held a probe, though not the last and longest
	for _, s := range c.Steps {
		if s.Held {
			best = max(best, s.Rate)
		}
	}
	switch {
	case c.Rate > 0 && c.Rate < c.Demanded:
		return and(rate(c.Rate) + " held, below the " + rate(c.Demanded) + " demanded"), false
	case c.Rate > 0 && c.Limit == "maxRate":
		return rate(c.Rate) + " held, the highest rate to try", true
	case c.Rate > 0 && c.Limit == "generator":
		return and(rate(c.Rate) + " held; the generator, not the target, was the limit"), true
	case c.Rate > 0 && !c.Complete:
		return and(rate(c.Rate) + " held, the search was not finished"), true
	case c.Rate > 0:
		return and(rate(c.Rate) + " held"), true
	case best > 0 && c.Limit == "stopped":
		return and("stopped before the end; " + rate(best) + " held so far"), false
	case best > 0:
		return and(rate(best) + " held for a while, none to the end"), false
	case c.Limit == "generator":
		return "no rate held; the generator, not the target, was the limit", false
	case broke != "":
		return "no rate held, " + broke, false
	}
	return "no rate was tried to the end", false
}
