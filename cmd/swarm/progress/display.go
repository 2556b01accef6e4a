package progress

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

const (
	redraw    = 500 * time.Millisecond // on a terminal
	lineEvery = 10 * time.Second       // elsewhere
	readTime  = 4 * time.Second        // how long the answer to a key is shown
)

// Display shows states on a stream and lets log lines pass above them. All
// methods are safe for concurrent use; nothing is written after Close.
type Display struct {
	out   terminal.Stream
	quiet bool
	stop  chan struct{}
	ended sync.WaitGroup

	mu     sync.Mutex // guards what follows, and writing
	state  State
	at     time.Time // when state was set
	block  []int     // columns of each line of the block now on the screen
	closed bool

	stopping bool
	prompt   Prompt
	said     time.Time // when prompt.Text was
}

// NewDisplay starts drawing on out; when quiet, log lines alone. Close ends it.
func NewDisplay(out terminal.Stream, quiet bool) *Display {
	d := &Display{out: out, quiet: quiet, stop: make(chan struct{})}
	if !quiet {
		d.ended.Go(d.loop)
	}
	return d
}

func (d *Display) loop() {
	every := lineEvery
	if d.out.Interactive {
		every = redraw
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			d.draw()
		case <-d.stop:
			return
		}
	}
}

// live says that there is a block on a terminal. The caller holds mu.
func (d *Display) live() bool { return d.out.Interactive && !d.quiet && !d.closed }

// Show replaces the state. A change of phase is drawn at once.
func (d *Display) Show(s State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news := s.Phase != d.state.Phase
	if s.Paused != d.state.Paused {
		news, d.prompt.Text = true, "" // what was said of it is seen now
	}
	d.state, d.at = s, time.Now()
	if news && d.live() {
		d.write("")
	}
}

// Stopping tells the user that the run was asked to end.
func (d *Display) Stopping() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.stopping, d.prompt.Text = true, ""
	if d.live() {
		d.write("")
	} else {
		d.write(stoppingText + "\n")
	}
}

// Keys tells that keys are read from now on.
func (d *Display) Keys() { d.change(func(p *Prompt) { p.On = true }) }

// Say shows the answer to a key for a moment.
func (d *Display) Say(text string, bad bool) {
	d.change(func(p *Prompt) { p.Text, p.Bad, d.said = text, bad, time.Now() })
}

// Help shows what keys do in place of the numbers, or the numbers again.
func (d *Display) Help(on bool) {
	d.change(func(p *Prompt) { p.Help, p.Text = on, "" })
}

// Select marks the scenario that + and − act on.
func (d *Display) Select(scenario string) {
	d.change(func(p *Prompt) { p.Selected = scenario })
}

func (d *Display) change(do func(*Prompt)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do(&d.prompt)
	if d.live() {
		d.write("")
	}
}

// Suspend takes the block away and draws no more until Resume, which draws it
// where the cursor then is: others write to the terminal meanwhile.
func (d *Display) Suspend() {
	d.mu.Lock() // held until Resume
	d.replace("", false)
}

// Resume goes on after Suspend.
func (d *Display) Resume() {
	d.block = nil
	d.write("")
	d.mu.Unlock()
}

// Print writes lines of text; on a terminal they stand above the block.
func (d *Display) Print(lines ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.write(strings.Join(lines, "\n") + "\n")
	}
}

// Close takes the block away and ends the drawing.
func (d *Display) Close() {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.closed = true
	d.write("")
	d.mu.Unlock()
	close(d.stop)
	d.ended.Wait()
}

func (d *Display) draw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.state.Phase == "" {
		return
	}
	if d.out.Interactive {
		d.write("")
	} else if d.state.Phase == "load" {
		d.write(Line(d.now()) + "\n")
	}
}

// now is the state with the time gone on since it was set.
func (d *Display) now() State {
	s := d.state
	s.Stopping, s.Prompt = d.stopping, d.prompt
	if s.Prompt.Text != "" && time.Since(d.said) > readTime {
		s.Prompt.Text = ""
	}
	if s.Moving {
		s.Elapsed += time.Since(d.at)
		if s.Timed && !s.Endless {
			s.Elapsed = min(s.Elapsed, max(s.Total, d.state.Elapsed))
		}
	}
	return s
}

// write replaces the block by text and the block as it is now. The caller
// holds mu.
func (d *Display) write(text string) { d.replace(text, d.live() && d.state.Phase != "") }

// replace does it in one write, so that nothing tears: the cursor goes to the
// beginning of the block, each line is written over what stood there, and what
// remains below is erased. Erasing from the first row of a screen would make
// some terminals keep a copy of it in their history, twice a second.
func (d *Display) replace(text string, withBlock bool) {
	columns, rows := d.out.Dimensions()
	if columns <= 0 {
		columns = d.out.Width()
	}
	lines := strings.SplitAfter(text, "\n")
	lines = lines[:len(lines)-1] // what is printed ends with a newline
	var block []int
	if withBlock {
		for _, l := range Render(d.now(), Style{Color: d.out.Color, Width: columns, Height: rows}) {
			lines = append(lines, l+"\n")
			block = append(block, terminal.Columns(l))
		}
	}
	old := occupied(d.block, columns)
	d.block = block
	out := strings.Join(lines, "")
	if old > 0 {
		up := "\x1b[" + strconv.Itoa(old) + "A\r"
		if len(lines) == 0 {
			out = strings.Repeat("\x1b[K\n", old) + up
		} else {
			out = strings.ReplaceAll(out, "\n", "\x1b[K\n") + "\x1b[J"
		}
		out = up + out
	}
	if out != "" {
		d.out.Write([]byte(out)) // a screen that is gone must not end the run
	}
}

// occupied is how many rows the lines of a block take: one each, or more where
// the terminal has become narrower and has broken them.
func occupied(block []int, columns int) (n int) {
	for _, width := range block {
		n += max(1, (width+columns-1)/columns)
	}
	return n
}
