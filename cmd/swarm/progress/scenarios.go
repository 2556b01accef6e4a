package progress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/plan"
)

// scenarios draws a line for each scenario: its name, its executor where there
// is room, its bar, and what it does.
func scenarios(s State, paint terminal.Paint, width int) []line {
	shown := s.Scenarios
	if len(shown) > maxScenarios {
		shown = runningFirst(shown)[:maxScenarios]
	}
	name, executor, tails := 0, 0, 0
	for _, c := range shown {
		name = max(name, terminal.Columns(inert.Line(c.Name)))
		executor = max(executor, len(c.Executor))
		tails = max(tails, terminal.Columns(doing(c, paint)))
	}
	name = min(name, 24)
	marks := marks(s)
	fixed := 3 + name + 2
	// The executor's name goes before the bar does.
	if fixed+executor+2+6+2+tails > width {
		executor = 0
	}
	var lines []line
	for i, c := range shown {
		text := marks(c.Name) + pad(terminal.Truncate(inert.Line(c.Name), name), name) + "  "
		if executor > 0 {
			text += paint.Dim(pad(c.Executor, executor)) + "  "
		}
		if room := width - terminal.Columns(text) - tails - 2; room >= 6 {
			text += barOf(c, min(room, 18), paint) + "  "
		}
		rank := rankScenario
		switch {
		case i == 0 || s.Prompt.On && c.Name == s.Prompt.Selected:
			rank = rankFirst
		case c.State == "waiting" || c.State == "done":
			rank = rankIdle
		}
		lines = append(lines, line{text + doing(c, paint), rank})
	}
	if hidden := len(s.Scenarios) - len(shown); hidden > 0 {
		lines = append(lines, line{paint.Dim("   and " + figure.Counted(hidden, "more scenario")), rankIdle})
	}
	return lines
}

// marks returns what stands before a scenario's name: where keys choose among
// several, the key, and which is chosen.
func marks(s State) func(name string) string {
	can := s.scalable()
	return func(name string) string {
		n := slices.Index(can, name)
		switch {
		case !s.Prompt.On || len(can) < 2 || n < 0 || n > 8:
			return "   "
		case name == s.Prompt.Selected:
			return fmt.Sprintf("›%d ", n+1)
		}
		return fmt.Sprintf(" %d ", n+1)
	}
}

func barOf(c Scenario, n int, paint terminal.Paint) string {
	if c.Endless && c.State == "running" {
		return pad(paint.Dim(terminal.Truncate("open end", n)), n)
	}
	return bar(c.Progress, n, paint)
}

// untilWhen says what ends a scenario that no time does.
func untilWhen(c Scenario) string {
	if c.Executor == plan.Shape {
		return "until its shape ends"
	}
	return "until stopped"
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

// doing says what a scenario does, by its model.
func doing(c Scenario, paint terminal.Paint) string {
	var b strings.Builder
	switch {
	case c.State == "waiting":
		return paint.Dim("waiting")
	case c.State == "done":
		b.WriteString(paint.Green("done"))
	case c.Open:
		b.WriteString(rate(c))
		fmt.Fprintf(&b, "  %s", figure.Counted(c.VUs, "VU"))
	default:
		fmt.Fprintf(&b, "%s of %s VUs", figure.Count(c.VUs), figure.Count(max(c.VUsPlanned, c.VUs)))
	}
	if c.State == "stopping" {
		b.WriteString(paint.Yellow("  stopping"))
	}
	if c.Open {
		b.WriteString("  " + alarm(figure.Count(c.Dropped)+" dropped", c.Dropped > 0, paint))
	}
	if c.Iterations > 0 {
		fmt.Fprintf(&b, "  %s of %s iterations", figure.Count(c.Complete), figure.Count(c.Iterations))
	}
	return b.String()
}

// rate is the planned rate, and the one reached where that is another.
func rate(c Scenario) string {
	if c.Off || c.State != "running" {
		return fmt.Sprintf("%s of %s", strings.TrimSuffix(figure.PerSecond(c.Rate), "/s"), figure.PerSecond(c.RatePlanned))
	}
	return figure.PerSecond(c.RatePlanned)
}
