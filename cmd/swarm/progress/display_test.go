package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// screen plays a terminal that knows the sequences Display uses and keeps what
// a person would see at the end.
type screen struct {
	mu     sync.Mutex
	lines  []string
	writes int
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	text := string(p)
	for text != "" {
		if strings.HasPrefix(text, "\x1b[") && strings.Contains(text, "A\r\x1b[J") {
			up, rest, _ := strings.Cut(text[2:], "A\r\x1b[J")
			n := 0
			for _, c := range up {
				n = n*10 + int(c-'0')
			}
			s.lines, text = s.lines[:len(s.lines)-n], rest
			continue
		}
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			panic("a line without an end: " + line)
		}
		s.lines, text = append(s.lines, line), rest
	}
	return len(p), nil
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
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
