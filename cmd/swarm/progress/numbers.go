package progress

import (
	"fmt"
	"strings"

	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
)

// numbers draws what is measured.
func numbers(s State, paint terminal.Paint, width int) []line {
	var lines []line
	add := func(rank int, texts ...string) {
		for _, t := range texts {
			lines = append(lines, line{t, rank})
		}
	}
	graph := min(width-graphColumn, history)
	if graph < 8 {
		graph = 0
	}
	what, speed, total := "requests", s.RequestRate, s.Requests
	if s.Requests == 0 {
		what, speed, total = "iterations", s.IterationRate, s.Iterations
	}
	add(rankRequests, row(what, fmt.Sprintf("%-12s %14s total", figure.PerSecond(speed), figure.Count(total)), spark(s.Rates, graph), paint))
	if s.HasLatency {
		times := fmt.Sprintf("p50 %-8s p95 %-8s p99 %-8s", figure.Milliseconds(s.P50), figure.Milliseconds(s.P95), figure.Milliseconds(s.P99))
		add(rankLatency, row("latency", times, spark(s.P95s, graph), paint))
	}
	add(rankErrors, rows("errors", troubles(s, paint), width, paint)...)
	if s.In > 0 || s.Out > 0 {
		add(rankData, row("data", fmt.Sprintf("%s/s in, %s/s out", figure.Size(s.In), figure.Size(s.Out)), "", paint))
	}
	if g := s.Generator; g.Known {
		rank := rankWell
		if g.Cause != "" {
			rank = rankSick
		}
		add(rank, rows("generator", condition(g, paint), width, paint)...)
	}
	for _, r := range s.Searches {
		parts := append([]string{inert.Cut(r.Scenario, 24)}, searching(r)...)
		add(rankSearch, rows("search", parts, width, paint)...)
	}
	add(rankFailing, rows("thresholds", verdicts(s, paint), width, paint)...)
	return lines
}

// troubles are the parts of the row of errors.
func troubles(s State, paint terminal.Paint) (parts []string) {
	if s.Requests > 0 {
		// Shares are as long as they have something to tell: what stands to the
		// right of one must not move.
		parts = append(parts, pad(alarm(figure.Percent(s.Failed), s.Failed > 0, paint), shareWidth))
	}
	if s.Exceptions > 0 {
		parts = append(parts, paint.Red(figure.Counted(s.Exceptions, "exception")))
	}
	if s.Dropped > 0 {
		parts = append(parts, paint.Red(figure.Counted(s.Dropped, "iteration")+" dropped"))
	}
	if s.HasChecks {
		parts = append(parts, "checks "+alarm(figure.Percent(s.Checks), s.Checks < 1, paint))
	}
	return parts
}

// condition are the parts of the generator's row.
func condition(g Generator, paint terminal.Paint) []string {
	parts := []string{fmt.Sprintf("cpu %.0f %%", g.CPU*100)}
	if g.Lag > 0 {
		parts = append(parts, "lag "+figure.Milliseconds(g.Lag.Seconds()*1000))
	}
	parts = append(parts, "memory "+figure.Size(g.Memory))
	switch g.Cause {
	case "":
		return append(parts, paint.Green("healthy"))
	case "cpu":
		return append(parts, paint.Yellow("slow: no processor time to spare"))
	case "sockets":
		return append(parts, paint.Yellow("slow: no sockets left"))
	case "gc":
		return append(parts, paint.Yellow("slow: collecting garbage"))
	}
	return append(parts, paint.Yellow("slow: its timers fire late"))
}

// searching are the parts of a search's row, without the scenario.
func searching(r control.Search) (parts []string) {
	best := "nothing has held yet"
	if r.Best > 0 {
		best = figure.PerSecond(r.Best) + " held"
	}
	if r.Phase == "done" {
		if r.Best == 0 {
			return []string{"search over", "no rate held"}
		}
		return []string{"search over", best}
	}
	verb := map[string]string{"ramp": "ramp: trying", "bisect": "bisect: trying", "hold": "hold:"}[r.Phase]
	parts = []string{verb + " " + figure.PerSecond(r.Rate), best}
	if r.Broke > 0 {
		parts = append(parts, figure.PerSecond(r.Broke)+" broke")
	}
	return parts
}

// maxFailing is how many failing thresholds are named.
const maxFailing = 3

// verdicts are the parts of the row of thresholds; none where nothing fails.
func verdicts(s State, paint terminal.Paint) (parts []string) {
	for i, f := range s.Failing {
		if i == maxFailing {
			return append(parts, paint.Red(fmt.Sprintf("and %d more", len(s.Failing)-i)))
		}
		parts = append(parts, paint.Red("✗ "+inert.Line(f.Condition))+" now "+inert.Line(f.Observed))
	}
	return parts
}

func row(label, text, graph string, paint terminal.Paint) string {
	line := "   " + paint.Dim(pad(label, labelWidth)) + text
	if graph == "" {
		return strings.TrimRight(line, " ")
	}
	return pad(line, graphColumn) + paint.Cyan(graph)
}

// rows lays parts out beside each other, closer where that makes them fit, and
// else below each other.
func rows(label string, parts []string, width int, paint terminal.Paint) (out []string) {
	if len(parts) == 0 {
		return nil
	}
	room := width - 3 - labelWidth
	for _, gap := range []string{"    ", "   ", "  "} {
		if text := strings.TrimRight(strings.Join(parts, gap), " "); terminal.Columns(text) <= room {
			return []string{row(label, text, "", paint)}
		}
	}
	text := ""
	for i, part := range parts {
		if i > 0 && terminal.Columns(text)+4+terminal.Columns(part) > room {
			out = append(out, row(label, strings.TrimRight(text, " "), "", paint))
			text, label = "", ""
		}
		if text != "" {
			text += "    "
		}
		text += part
	}
	return append(out, row(label, text, "", paint))
}
