package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
)

// Style says how Render draws.
type Style struct {
	Color  bool
	Width  int // columns
	Height int // rows; 0 means no limit
}

const (
	maxScenarios = 8
	labelWidth   = 12
	shareWidth   = 8
	graphColumn  = 56
)

const stoppingText = "stopping: running iterations may finish; Ctrl-C again ends at once"

// Render draws s as a block of lines, none wider than Width-1: writing into
// the last column would wrap on some terminals.
func Render(s State, st Style) []string {
	paint := terminal.Paint{On: st.Color}
	width := max(st.Width-1, 10)
	lines := append([]string{""}, head(s, paint, width))
	lines = append(lines, scenarios(s, paint, width)...)
	if s.Phase == "load" || s.Phase == "teardown" {
		lines = append(lines, "")
		lines = append(lines, numbers(s, paint, width)...)
	}
	if s.Stopping {
		lines = append(lines, "", " "+paint.Yellow(stoppingText))
	}
	if st.Height > 1 && len(lines) > st.Height-1 {
		lines = lines[:st.Height-1]
	}
	for i, l := range lines {
		lines[i] = terminal.Truncate(l, width)
	}
	return lines
}

// head is the script, the bar of the whole run and the time.
func head(s State, paint terminal.Paint, width int) string {
	script := " " + paint.Bold(inert.Line(s.Script)) + "  "
	tail := ""
	switch s.Phase {
	case "init":
		return script + paint.Dim("starting")
	case "setup":
		return script + paint.Dim("setup")
	case "teardown":
		tail = "  teardown"
	case "summary":
		tail = "  summing up"
	default:
		of := " of "
		if !s.Timed {
			of = " of at most "
		}
		tail = "  " + clock(s.Elapsed) + paint.Dim(of+clock(s.Total))
	}
	room := width - terminal.Columns(script) - terminal.Columns(tail)
	if room < 8 {
		return script + strings.TrimSpace(tail)
	}
	return script + bar(s.progress(), min(room, 40), paint) + tail
}

func scenarios(s State, paint terminal.Paint, width int) []string {
	name, executor := 0, 0
	shown := s.Scenarios
	if len(shown) > maxScenarios {
		shown = runningFirst(shown)[:maxScenarios]
	}
	for _, c := range shown {
		name = max(name, terminal.Columns(inert.Line(c.Name)))
		executor = max(executor, len(c.Executor))
	}
	name = min(name, 24)
	var lines []string
	for _, c := range shown {
		label := pad(terminal.Truncate(inert.Line(c.Name), name), name)
		line := "   " + label + "  " + paint.Dim(pad(c.Executor, executor)) + "  "
		tail := doing(c, paint)
		if room := width - terminal.Columns(line) - terminal.Columns(tail) - 2; room >= 6 {
			line += bar(c.Progress, min(room, 18), paint) + "  "
		}
		lines = append(lines, line+tail)
	}
	if hidden := len(s.Scenarios) - len(shown); hidden > 0 {
		lines = append(lines, paint.Dim("   and "+figure.Counted(hidden, "more scenario")))
	}
	return lines
}

// runningFirst orders scenarios that do something before those that do not.
func runningFirst(all []Scenario) []Scenario {
	var busy, idle []Scenario
	for _, c := range all {
		if c.State == "running" || c.State == "stopping" {
			busy = append(busy, c)
		} else {
			idle = append(idle, c)
		}
	}
	return append(busy, idle...)
}

func doing(c Scenario, paint terminal.Paint) string {
	var b strings.Builder
	switch c.State {
	case "waiting":
		return paint.Dim("waiting")
	case "done":
		b.WriteString(paint.Green("done"))
	default:
		fmt.Fprintf(&b, "%s of %s VUs", figure.Count(c.VUs), figure.Count(max(c.VUsPlanned, c.VUs)))
		if c.State == "stopping" {
			b.WriteString(paint.Yellow("  stopping"))
		}
	}
	if c.Iterations > 0 {
		fmt.Fprintf(&b, "  %s of %s iterations", figure.Count(c.Complete), figure.Count(c.Iterations))
	}
	return b.String()
}

func numbers(s State, paint terminal.Paint, width int) []string {
	graph := min(width-graphColumn, history)
	if graph < 8 {
		graph = 0
	}
	what, speed, total := "requests", s.RequestRate, s.Requests
	if s.Requests == 0 {
		what, speed, total = "iterations", s.IterationRate, s.Iterations
	}
	lines := []string{row(what, fmt.Sprintf("%-12s %14s total", figure.PerSecond(speed), figure.Count(total)), spark(s.Rates, graph), paint)}
	if s.HasLatency {
		times := fmt.Sprintf("p50 %-8s p95 %-8s p99 %-8s", figure.Milliseconds(s.P50), figure.Milliseconds(s.P95), figure.Milliseconds(s.P99))
		lines = append(lines, row("latency", times, spark(s.P95s, graph), paint))
	}
	var parts []string
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
	if len(parts) > 0 {
		lines = append(lines, row("errors", strings.TrimRight(strings.Join(parts, "    "), " "), "", paint))
	}
	if s.In > 0 || s.Out > 0 {
		lines = append(lines, row("data", fmt.Sprintf("%s/s in, %s/s out", figure.Size(s.In), figure.Size(s.Out)), "", paint))
	}
	if g := s.Generator; g.Known {
		text := fmt.Sprintf("cpu %.0f %%    memory %s", g.CPU*100, figure.Size(g.Memory))
		if g.CPU > 0.9 {
			text += paint.Yellow("    saturated: latencies may be the generator's own")
		}
		lines = append(lines, row("generator", text, "", paint))
	}
	return lines
}

// clock rounds: the view is drawn a little before or after the second is full,
// and a clock that showed 3 twice and never 4 would seem to stumble.
func clock(d time.Duration) string { return figure.Clock(d.Round(time.Second)) }

func row(label, text, graph string, paint terminal.Paint) string {
	line := "   " + paint.Dim(pad(label, labelWidth)) + text
	if graph == "" {
		return line
	}
	return pad(line, graphColumn) + paint.Cyan(graph)
}

func alarm(text string, on bool, paint terminal.Paint) string {
	if on {
		return paint.Red(text)
	}
	return text
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(n-terminal.Columns(s), 0))
}

// Line describes s in one line without colour, for logs.
func Line(s State) string {
	parts := []string{clock(s.Elapsed) + " of " + clock(s.Total)}
	if !s.Timed {
		parts[0] = clock(s.Elapsed)
		if p := s.progress(); p > 0 {
			parts[0] += fmt.Sprintf(" (%.0f %%)", p*100)
		}
	}
	parts = append(parts, figure.Counted(s.VUs, "VU"))
	if s.Requests > 0 {
		parts = append(parts, figure.Counted(s.Requests, "request"), figure.PerSecond(s.RequestRate))
	} else {
		parts = append(parts, figure.Counted(s.Iterations, "iteration"), figure.PerSecond(s.IterationRate))
	}
	if s.HasLatency {
		parts = append(parts, "p95 "+figure.Milliseconds(s.P95))
	}
	if s.Requests > 0 {
		parts = append(parts, "errors "+figure.Percent(s.Failed))
	}
	if s.HasChecks {
		parts = append(parts, "checks "+figure.Percent(s.Checks))
	}
	if s.Exceptions > 0 {
		parts = append(parts, figure.Counted(s.Exceptions, "exception"))
	}
	if s.Dropped > 0 {
		parts = append(parts, figure.Count(s.Dropped)+" dropped")
	}
	if s.Stopping {
		parts = append(parts, "stopping")
	}
	return strings.Join(parts, "  ")
}
