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
	lines  int       // of the block now on the screen
	closed bool

	stopping bool
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

// Show replaces the state. A change of phase is drawn at once.
func (d *Display) Show(s State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news := s.Phase != d.state.Phase
	s.Stopping = d.stopping
	d.state, d.at = s, time.Now()
	if news && d.out.Interactive && !d.quiet && !d.closed {
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
	d.stopping, d.state.Stopping = true, true
	if d.out.Interactive && !d.quiet {
		d.write("")
	} else {
		d.write(stoppingText + "\n")
	}
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
	if s.Moving {
		s.Elapsed += time.Since(d.at)
		if s.Timed {
			s.Elapsed = min(s.Elapsed, max(s.Total, d.state.Elapsed))
		}
	}
	return s
}

// write replaces the block by text and the block as it is now, in one write,
// so that nothing tears. The caller holds mu.
func (d *Display) write(text string) {
	var b strings.Builder
	if d.lines > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(d.lines) + "A\r\x1b[J")
		d.lines = 0
	}
	b.WriteString(text)
	if d.out.Interactive && !d.quiet && !d.closed && d.state.Phase != "" {
		columns, rows := d.out.Dimensions()
		if columns <= 0 {
			columns = d.out.Width()
		}
		block := Render(d.now(), Style{Color: d.out.Color, Width: columns, Height: rows})
		for _, l := range block {
			b.WriteString(l + "\n")
		}
		d.lines = len(block)
	}
	if b.Len() > 0 {
		d.out.Write([]byte(b.String())) // a screen that is gone must not end the run
	}
}
