package progress

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// screen plays a terminal of some rows that knows the sequences Display uses,
// and keeps what a person would see and what has scrolled out of sight.
type screen struct {
	rows int // 0: as many as are needed

	mu      sync.Mutex
	lines   []string // on the screen
	row     int      // of the cursor, from 0; always in the first column between writes
	history []string
	writes  int
	cleared int // how often the screen was erased from its first row
}

var sequences = regexp.MustCompile("^\x1b\\[([0-9]*)([AJK])")

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	column := 0
	for text := string(p); text != ""; {
		for s.row >= len(s.lines) {
			s.lines = append(s.lines, "")
		}
		if m := sequences.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			switch m[2] {
			case "A":
				n, _ := strconv.Atoi(m[1])
				s.row = max(s.row-n, 0)
			case "K":
				s.lines[s.row] = string([]rune(s.lines[s.row])[:column])
			case "J":
				if s.row == 0 && column == 0 {
					s.cleared++
				}
				s.lines = s.lines[:s.row+1]
				s.lines[s.row] = string([]rune(s.lines[s.row])[:column])
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		switch r {
		case '\r':
			column = 0
		case '\n':
			column = 0
			s.row++
			if s.rows > 0 && s.row == s.rows {
				s.history = append(s.history, s.lines[0])
				s.lines = s.lines[1:]
				s.row--
			}
		default:
			line := []rune(s.lines[s.row])
			if column < len(line) {
				line[column] = r
			} else {
				line = append(line, r)
			}
			s.lines[s.row] = string(line)
			column++
		}
	}
	if column != 0 {
		panic("a line without an end")
	}
	return len(p), nil
}

// text is what stands above the cursor.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, below := range s.lines[min(s.row, len(s.lines)):] {
		if below != "" {
			panic("below the cursor: " + below)
		}
	}
	return strings.Join(s.lines[:min(s.row, len(s.lines))], "\n")
}

// TestRedrawScrollsNothing: whatever the height of the terminal, a redraw
// writes over the block and sends nothing into the history, in no terminal.
func TestRedrawScrollsNothing(t *testing.T) {
	for rows := 2; rows <= 30; rows++ {
		synctest.Test(t, func(t *testing.T) {
			s := screen{rows: rows}
			d := NewDisplay(terminal.Stream{Writer: &s, Interactive: true, Size: func() (int, int) { return 80, rows }}, false)
			d.Keys()
			d.Show(busy())
			before := len(s.history)
			for _, state := range []State{iterations(), busy(), hostile(), {Script: "s.js", Phase: "init"}, busy()} {
				d.Show(state)
				time.Sleep(2 * time.Second)
				d.Say("an answer", false)
				d.Help(true)
				d.Help(false)
			}
			synctest.Wait()
			// The tallest block may have to scroll the first time it is shown.
			if n := len(s.history) - before; n > rows {
				t.Errorf("%d rows: %d lines scrolled", rows, n)
			}
			again := len(s.history)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if len(s.history) != again || s.cleared != 0 {
				t.Errorf("%d rows: %d lines scrolled by redrawing alone, screen cleared %d times", rows, len(s.history)-again, s.cleared)
			}
			d.Close()
			if s.text() != "" {
				t.Errorf("%d rows: left behind %q", rows, s.text())
			}
		})
	}
}

// TestNarrowerTerminal: lines that the terminal has broken are all taken away.
func TestNarrowerTerminal(t *testing.T) {
	for _, c := range []struct {
		block   []int
		columns int
		want    int
	}{{nil, 80, 0}, {[]int{0, 79, 80}, 80, 3}, {[]int{0, 79, 80, 81}, 40, 1 + 2 + 2 + 3}} {
		if got := occupied(c.block, c.columns); got != c.want {
			t.Errorf("%v in %d columns: %d rows, want %d", c.block, c.columns, got, c.want)
		}
	}
}

func TestAnswersGoAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		d := NewDisplay(terminal.Stream{Writer: &s, Interactive: true, Size: func() (int, int) { return 100, 40 }}, false)
		defer d.Close()
		d.Keys()
		d.Show(busy())
		if !strings.Contains(s.text(), "q quit") {
			t.Error("no keys:", s.text())
		}
		d.Say("cannot be scaled", true)
		if got := s.text(); !strings.Contains(got, "cannot be scaled") || strings.Contains(got, "q quit") {
			t.Error("no answer in place of the keys:", got)
		}
		time.Sleep(readTime + 2*redraw)
		if got := s.text(); strings.Contains(got, "cannot be scaled") || !strings.Contains(got, "q quit") {
			t.Error("the answer stays:", got)
		}
		d.Help(true)
		if got := s.text(); !strings.Contains(got, "teardown and summary follow") || strings.Contains(got, "latency") {
			t.Error("no help:", got)
		}
		d.Help(false)
		d.Stopping()
		if got := s.text(); !strings.Contains(got, "stopping: ") || !strings.Contains(got, "latency") {
			t.Error("not stopping:", got)
		}
	})
}

// TestSuspend: while others write to the terminal nothing is drawn, and then
// below what they wrote.
func TestSuspend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		d := NewDisplay(terminal.Stream{Writer: &s, Interactive: true, Size: func() (int, int) { return 80, 24 }}, false)
		d.Show(iterations())
		d.Suspend()
		if s.text() != "" {
			t.Errorf("the block stays: %q", s.text())
		}
		s.Write([]byte("$ jobs\n"))
		d.Resume()
		want := "$ jobs\n" + strings.Join(Render(d.now(), Style{Width: 80, Height: 24}), "\n")
		if s.text() != want {
			t.Errorf("screen\n%s\nwant\n%s", s.text(), want)
		}
		d.Close()
		if s.text() != "$ jobs" {
			t.Errorf("after the end: %q", s.text())
		}
	})
}

func TestDisplayKeepsLogLinesAboveTheBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s screen
		d := NewDisplay(terminal.Stream{Writer: &s, Interactive: true, Size: func() (int, int) { return 80, 24 }}, false)
		d.Print("first")
		d.Show(State{Script: "s.js", Phase: "init"})
		if got := s.text(); got != "first\n\n s.js  starting" {
			t.Errorf("screen %q", got)
		}
		d.Show(iterations())
		d.Print("second", "third")
		time.Sleep(1200 * time.Millisecond)
		want := "first\nsecond\nthird\n" + strings.Join(Render(d.now(), Style{Width: 80, Height: 24}), "\n")
		if got := s.text(); got != want {
			t.Errorf("screen\n%s\nwant\n%s", got, want)
		}
		d.Close()
		if got := s.text(); got != "first\nsecond\nthird" {
			t.Errorf("after the end: %q", got)
		}
		before := s.writes
		d.Print("late")
		d.Show(busy())
		d.Close()
		if s.writes != before {
			t.Error("something was written after Close")
		}
	})
}

func TestTimeGoesOnBetweenTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDisplay(terminal.Stream{Writer: &screen{}, Interactive: true}, false)
		defer d.Close()
		d.Show(State{Phase: "load", Elapsed: 3 * time.Second, Total: 4 * time.Second, Timed: true, Moving: true})
		time.Sleep(700 * time.Millisecond)
		if got := d.now().Elapsed; got != 3700*time.Millisecond {
			t.Errorf("elapsed %s", got)
		}
		time.Sleep(time.Second)
		if got := d.now().Elapsed; got != 4*time.Second {
			t.Errorf("elapsed %s, beyond the total", got)
		}
	})
}

func TestNoTerminalGetsALineEachTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		d := NewDisplay(terminal.Stream{Writer: &b}, false)
		d.Show(State{Script: "s.js", Phase: "setup"})
		time.Sleep(15 * time.Second) // no line during setup
		d.Show(busy())
		time.Sleep(20 * time.Second)
		synctest.Wait()
		d.Close()
		if got := strings.Count(b.String(), "\n"); got != 2 || strings.Contains(b.String(), "\x1b") {
			t.Errorf("%d lines: %q", got, b.String())
		}
	})
}

func TestQuietShowsLogLinesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, interactive := range []bool{true, false} {
			var b bytes.Buffer
			d := NewDisplay(terminal.Stream{Writer: &b, Interactive: interactive}, true)
			d.Show(busy())
			d.Print("a line")
			time.Sleep(time.Minute)
			d.Close()
			if b.String() != "a line\n" {
				t.Errorf("interactive %v: %q", interactive, b.String())
			}
		}
	})
}
