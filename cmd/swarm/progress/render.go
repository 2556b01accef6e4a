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

const (
	stoppingText = "stopping: running iterations may finish; Ctrl-C again ends at once"
	pausedText   = "paused: no iteration begins"
)

// line is a line of the block and how much it matters: where there are too few
// rows, those that matter least are left out.
type line struct {
	text string
	rank int
}

const (
	rankGap = iota
	rankData
	rankWell // the generator, when it is
	rankIdle // scenarios that do nothing now
	rankKeys
	rankScenario
	rankMore
	rankErrors
	rankFailing
	rankLatency
	rankSick // the generator, when it is slow
	rankSearch
	rankFirst // scenario
	rankRequests
	rankNotice
	rankHead
)

// Render draws s as a block of lines, none wider than Width-1: writing into
// the last column would wrap on some terminals.
func Render(s State, st Style) []string {
	paint := terminal.Paint{On: st.Color}
	width := max(st.Width-1, 10)
	var lines []line
	add := func(rank int, text ...string) {
		for _, t := range text {
			lines = append(lines, line{t, rank})
		}
	}
	add(rankGap, "")
	add(rankHead, head(s, paint, width))
	lines = append(lines, scenarios(s, paint, width)...)
	loaded := s.Phase == "load" || s.Phase == "teardown"
	switch {
	case s.Prompt.Help:
		add(rankGap, "")
		add(rankNotice, help(s, paint)...)
	case loaded:
		add(rankGap, "")
		lines = append(lines, numbers(s, paint, width)...)
	}
	switch {
	case s.Stopping:
		add(rankGap, "")
		add(rankNotice, " "+paint.Yellow(stopping(s)))
	case s.Paused:
		add(rankGap, "")
		text := pausedText
		if s.Prompt.On {
			text += "; p lets the run go on"
		}
		add(rankNotice, " "+paint.Yellow(text))
	}
	if s.Prompt.On {
		add(rankGap, "")
		if s.Prompt.Text != "" {
			add(rankNotice, "   "+answer(s.Prompt, paint))
		} else {
			add(rankKeys, "   "+keys(s, paint, width-3))
		}
	}
	if st.Height > 1 {
		lines = choose(lines, st.Height-1)
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = terminal.Truncate(l.text, width)
	}
	return out
}

// choose leaves out lines until there are at most n: of those that matter
// least the last.
func choose(lines []line, n int) []line {
	for len(lines) > n {
		least := 0
		for i, l := range lines {
			if l.rank <= lines[least].rank {
				least = i
			}
		}
		lines = append(lines[:least], lines[least+1:]...)
	}
	return lines
}

// head is the script, the bar of the whole run and the time.
func head(s State, paint terminal.Paint, width int) string {
	script := " " + paint.Bold(terminal.Truncate(inert.Line(s.Script), max(width/2, 8))) + "  "
	tail := ""
	switch s.Phase {
	case "init":
		return script + paint.Dim("starting")
	case "setup":
		return script + paint.Dim("setup")
	case "teardown":
		tail = "teardown"
	case "summary":
		tail = "summing up"
	default:
		tail = clock(s.Elapsed)
		switch {
		case s.Endless:
			tail += paint.Dim(" " + s.end())
		case s.Timed:
			tail += paint.Dim(" of " + clock(s.Total))
		default:
			tail += paint.Dim(" of at most " + clock(s.Total))
		}
		if s.Paused {
			tail = paint.Yellow("paused at ") + tail
		}
	}
	room := width - terminal.Columns(script) - terminal.Columns(tail) - 2
	if room < 8 || s.Endless && s.Phase == "load" {
		return script + tail
	}
	return script + bar(s.progress(), min(room, 40), paint) + "  " + tail
}

// end says what ends a run that no time does.
func (s State) end() string {
	end := ""
	for _, c := range s.Scenarios {
		if c.Endless && c.State != "done" && end != "until stopped" {
			end = untilWhen(c)
		}
	}
	return end
}

// stopping says what the end of the run waits for.
func stopping(s State) string {
	if s.Prompt.On {
		return "stopping: running iterations may finish; Ctrl-C again, or q q, ends at once"
	}
	return stoppingText
}

// clock rounds: the view is drawn a little before or after the second is full,
// and a clock that showed 3 twice and never 4 would seem to stumble.
func clock(d time.Duration) string { return figure.Clock(d.Round(time.Second)) }

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
	if !s.Timed || s.Endless {
		parts[0] = clock(s.Elapsed)
		if p := s.progress(); p > 0 {
			parts[0] += fmt.Sprintf(" (%.0f %%)", p*100)
		}
	}
	if s.Paused {
		parts = append(parts, "paused")
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
	if n := len(s.Failing); n > 0 {
		parts = append(parts, figure.Counted(n, "threshold")+" failing")
	}
	for _, r := range s.Searches {
		parts = append(parts, inert.Line(r.Scenario)+": "+strings.Join(searching(r), ", "))
	}
	if s.Generator.Cause != "" {
		parts = append(parts, "generator slow: "+s.Generator.Cause)
	}
	if s.Stopping {
		parts = append(parts, "stopping")
	}
	return strings.Join(parts, "  ")
}
