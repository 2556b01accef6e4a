package summary

import (
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/inert"
)

// truth prints what the numbers above must be read with.
func (p *printer) truth(s *Summary) {
	lines := s.truth()
	if len(lines) == 0 {
		return
	}
	p.section()
	for _, l := range lines {
		for _, text := range wrapped(l.text, p.style.Width-1) {
			p.put(l.paint, " "+text)
			p.end()
		}
	}
}

// between separates the parts of a line.
const between = "  ·  "

// wrapped breaks inert text into lines of at most so many columns: between its
// parts, and within a part that is longer between its words.
func wrapped(text string, columns int) (lines []string) {
	for _, line := range packed(strings.Split(text, between), between, columns) {
		if inert.Columns(line) <= columns {
			lines = append(lines, line)
		} else {
			lines = append(lines, packed(strings.Split(line, " "), " ", columns)...)
		}
	}
	return lines
}

// packed joins parts to as few lines of at most so many columns as they fit.
func packed(parts []string, gap string, columns int) (lines []string) {
	for _, part := range parts {
		if n := len(lines) - 1; n >= 0 && inert.Columns(lines[n]+gap+part) <= columns {
			lines[n] += gap + part
		} else {
			lines = append(lines, part)
		}
	}
	return lines
}

// truth says how far the generator was behind, what it left out, how it did,
// and where the rest is.
func (s *Summary) truth() (lines []cell) {
	if d, ok := telling(s.Delays); ok {
		what := "response time"
		if strings.HasPrefix(d.Metric, "iteration") {
			what = "iteration time"
		}
		name, measured, intended := d.Tells()
		in := func(ms float64) string { return figure.MillisecondsIn(s.TimeUnit, ms) }
		lines = append(lines, cell{what + " from the intended start differs: " + name + " " + in(intended) + " against " + in(measured) +
			" (see docs/reading-results.md)", amber})
	}
	if s.Dropped > 0 {
		share := float64(s.Dropped) / (float64(s.Dropped) + float64(s.Iterations) + float64(s.Interrupted))
		verb := " were"
		if s.Dropped == 1 {
			verb = " was"
		}
		lines = append(lines, cell{figure.Counted(s.Dropped, "iteration") + verb + " due and never began: " + figure.Percent(share) + " dropped", amber})
	}
	if text, ok := wellbeing(s.Generator, s.Duration); text != "" {
		c := paint("")
		if !ok {
			c = amber
		}
		lines = append(lines, cell{text, c})
	}
	if s.Saved != "" {
		id := safe(s.Saved)
		lines = append(lines, cell{"saved as run " + id + "  ·  swarm report " + id + "  ·  compare the next: swarm compare " + id + " last", faint})
	}
	return lines
}

// telling returns the delay that is worth a line: that of requests, else that
// of iterations.
func telling(all []Delay) (Delay, bool) {
	for _, d := range all {
		if d.Different {
			return d, true
		}
	}
	return Delay{}, false
}

// wellbeing says how the generator did, and whether well; "" when it is not known.
func wellbeing(g Generator, took time.Duration) (text string, ok bool) {
	if !g.Known {
		return "", true
	}
	causes := strings.Join(g.Causes(), ", ")
	marked := figure.Plain(figure.Round(g.Marked.Seconds(), 2)) + " s"
	switch {
	case g.Saturated(took):
		spans := "in that span"
		if len(g.Marks) > 1 {
			spans = "in these spans"
		}
		word := "slow"
		if slices.ContainsFunc(g.Marks, func(m health.Mark) bool { return m.Cause == health.CPU }) {
			word = "saturated"
		}
		return "the generator was " + word + " for " + marked + ", first at " + figure.Clock(g.Marks[0].From) + " (" + causes +
			"): latencies " + spans + " are not the target's", false
	case g.Doubtful:
		return "the generator's timers were " + figure.Milliseconds(g.LagP99) + " late (p99): much of the latencies may be its own", false
	case len(g.Marks) > 0:
		return "generator healthy, " + figure.Counted(len(g.Marks), "span") + " of " + marked + " marked (" + causes + ")", true
	}
	return "generator healthy", true
}

// vitals are the figures of the generator, in as few lines of at most so many
// columns as they fit.
func vitals(g Generator, columns int) []string {
	ms := figure.Milliseconds
	var parts []string
	if g.CPUMax > 0 {
		text := "cpu "
		if g.CPU > 0 {
			text += figure.Percent(figure.Round(g.CPU, 3)) + ", "
		}
		parts = append(parts, text+figure.Percent(figure.Round(g.CPUMax, 3))+" at most")
	}
	parts = append(parts, "lag p99 "+ms(g.LagP99)+", "+ms(g.LagMax)+" at most")
	if g.Memory > 0 {
		parts = append(parts, figure.Size(g.Memory))
	}
	if g.SocketErrors > 0 {
		parts = append(parts, figure.Counted(g.SocketErrors, "socket error"))
	}
	return packed(parts, between, columns)
}
