package main

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/progress"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// maxKinds is how many kinds of exceptions are shown in full; more are counted.
const maxKinds = 20

// maxNotes is how many notes of a plan are told before the load; the results
// have all of them.
const maxNotes = 20

// watcher shows a run while it goes on. It satisfies cluster.Observer.
type watcher struct {
	display *progress.Display
	tracker *progress.Tracker
	board   *control.Board
	bundle  *bundle.Bundle
	paint   terminal.Paint
	width   func() int
	verbose bool
	// steered says that somebody can resume a run that is paused.
	steered atomic.Bool

	kinds map[string]uint64 // count by kind of exception
	total uint64
}

func newWatcher(out terminal.Stream, b *bundle.Bundle, quiet, verbose bool) *watcher {
	w := &watcher{
		display: progress.NewDisplay(out, quiet),
		tracker: progress.NewTracker(b.Entry),
		board:   control.NewBoard(b.Entry),
		bundle:  b,
		paint:   terminal.Paint{On: out.Color},
		width:   out.Width,
		verbose: verbose,
		kinds:   map[string]uint64{},
	}
	w.display.Show(w.tracker.State())
	return w
}

// Planned implements cluster.Observer.
func (w *watcher) Planned(p *plan.Plan) {
	if p.Paused && !w.steered.Load() {
		w.note("the run begins paused and nobody can resume it: no terminal to press p on, and no --address")
	}
	for _, note := range p.Notes[:min(len(p.Notes), maxNotes)] {
		w.display.Print(w.paint.Dim("note") + "   " + inert.Line(note))
	}
	if more := len(p.Notes) - maxNotes; more > 0 {
		w.display.Print(w.paint.Dim("note") + fmt.Sprintf("   and %d more like these", more))
	}
	w.tracker.Plan(p)
	w.board.Plan(p)
}

// Phase implements cluster.Observer.
func (w *watcher) Phase(name string) {
	w.tracker.Phase(name)
	w.board.Phase(name)
	w.display.Show(w.tracker.State())
}

// Tick implements cluster.Observer.
func (w *watcher) Tick(t cluster.Tick) {
	w.tracker.Tick(t)
	w.board.Tick(t)
	w.display.Show(w.tracker.State())
}

// Log implements cluster.Observer.
func (w *watcher) Log(l cluster.LogLine) {
	if l.Level == "debug" && !w.verbose {
		return
	}
	if l.At.File != "" {
		w.display.Print(codeframe.Render(logFrame(l, w.bundle), w.paint, w.width())...)
		return
	}
	label := l.Level
	switch l.Level {
	case "error":
		label = w.paint.Red(label)
	case "warn":
		label = w.paint.Yellow(label)
	default:
		label = w.paint.Dim(label)
	}
	text := strings.ReplaceAll(inert.Text(strings.TrimRight(l.Text, "\n")), "\n", "\n       ")
	line := label + strings.Repeat(" ", max(7-len(l.Level), 1)) + text
	if w.verbose {
		line += w.paint.Dim(origin(l))
	}
	w.display.Print(line)
}

// note tells the user something that concerns no script.
func (w *watcher) note(text string) {
	w.display.Print(w.paint.Yellow("warn") + "   " + inert.Line(text))
}

func origin(l cluster.LogLine) string {
	var parts []string
	if l.Source != "" {
		parts = append(parts, "source="+inert.Line(l.Source))
	}
	if l.Scenario != "" {
		parts = append(parts, "scenario="+inert.Line(l.Scenario))
	}
	if l.VU > 0 {
		parts = append(parts, fmt.Sprintf("vu=%d", l.VU))
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + strings.Join(parts, " ")
}

// Exception implements cluster.Observer: the first of a kind is shown in full,
// the others count.
func (w *watcher) Exception(x cluster.Exception) {
	kind := x.Scenario + "\x00" + x.Error.Error()
	if len(x.Error.Stack) > 0 {
		kind += fmt.Sprint(x.Error.Stack[0])
	}
	before, known := w.kinds[kind]
	w.kinds[kind] = x.Count
	w.total += x.Count - before
	w.tracker.Exceptions(w.total)
	switch {
	case known || len(w.kinds) > maxKinds+1:
		return
	case len(w.kinds) == maxKinds+1:
		w.display.Print(w.paint.Yellow("warn") + "   more kinds of exceptions are counted, but not shown")
		return
	}
	f := exceptionFrame(x.Error, w.bundle)
	w.display.Print(codeframe.Render(f, w.paint, w.width())...)
}
