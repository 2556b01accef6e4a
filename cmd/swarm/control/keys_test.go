package control

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/engine"
	"pgregory.net/rapid"
)

// paper is a Screen that keeps what was last on it.
type paper struct {
	said     string
	bad      bool
	help     bool
	selected string
}

func (p *paper) Say(text string, bad bool) { p.said, p.bad = text, bad }
func (p *paper) Help(on bool)              { p.help = on }
func (p *paper) Select(scenario string)    { p.selected = scenario }

type desk struct {
	*Keys
	orders *orders
	paper  *paper
	time   time.Time
}

func newDesk(b *Board) *desk {
	d := &desk{orders: &orders{}, paper: &paper{}, time: time.Unix(0, 0)}
	d.Keys = &Keys{
		Control: d.orders, Board: b, Screen: d.paper, Now: func() time.Time { return d.time },
		Stop: func() { d.orders.add("gently") },
		Quit: func() { d.orders.add("at once") },
	}
	return d
}

func TestKeys(t *testing.T) {
	one := []string{"browse", "fixed"}
	two := []string{"browse", "buy", "fixed"}
	for _, c := range []struct {
		scenarios []string
		keys      string
		orders    string
		said      string
		bad       bool
	}{
		{one, "p", "pause", "paused: ", false},
		{one, "+", "scale browse 22 0 0", "browse: 20 VUs → 22 VUs", false},
		{one, "=+", "scale browse 22 0 0, scale browse 24 0 0", "browse: 22 VUs → 24 VUs", false},
		{one, "--", "scale browse 18 0 0, scale browse 16 0 0", "browse: 18 VUs → 16 VUs", false},
		{one, "1+", "scale browse 22 0 0", "browse: 20 VUs → 22 VUs", false},
		{one, "2", "", "there is no scenario 2 to choose", true},
		{two, "+", "", "press 1 or 2 to choose a scenario first", true},
		{two, "2+", "scale buy 0 550 0", "buy: 500/s → 550/s", false},
		{two, "2-", "scale buy 0 450 0", "buy: 500/s → 450/s", false},
		{two, "1-", "scale browse 18 0 0", "browse: 20 VUs → 18 VUs", false},
		{two, "2", "", "+ and − scale buy", false},
		{[]string{"fixed"}, "+", "", "runs a fixed number of iterations", true},
		{[]string{"fixed"}, "1", "", "no scenario can be scaled", true},
		{one, "s", "gently", "", false},
		{one, "ss", "gently", "stopping already", true},
		{one, "q", "", "q again quits", true},
		{one, "qq", "at once", "q again", true},
		{one, "qpq", "pause", "q again", true},
		{one, "x", "", "x does nothing; ? shows the keys", true},
		{one, "\x1b[A", "", "", false},
		{one, "\n\r\x00\xff", "", "", false},
	} {
		d := newDesk(loadedBoard(t, c.scenarios...))
		if strings.HasPrefix(c.keys, "\x1b") {
			d.Press([]byte(c.keys))
		} else {
			for _, key := range []byte(c.keys) {
				d.Press([]byte{key})
			}
		}
		if got := d.orders.taken(); got != c.orders {
			t.Errorf("%v %q: ordered %q, want %q", c.scenarios, c.keys, got, c.orders)
		}
		if !strings.Contains(d.paper.said, c.said) || c.said == "" && d.paper.said != "" || d.paper.bad != c.bad {
			t.Errorf("%v %q: said %q (bad %v), want %q", c.scenarios, c.keys, d.paper.said, d.paper.bad, c.said)
		}
	}
}

func TestPauseKeyResumes(t *testing.T) {
	b := loadedBoard(t, "browse")
	b.Tick(tick(t, true))
	d := newDesk(b)
	d.Press([]byte("p"))
	if got := d.orders.taken(); got != "resume" || d.paper.said != "the run goes on" {
		t.Errorf("ordered %q, said %q", got, d.paper.said)
	}
}

// TestPauseKeyTwice: the status lags a second behind what was ordered.
func TestPauseKeyTwice(t *testing.T) {
	d := newDesk(loadedBoard(t, "browse"))
	d.Press([]byte("ppp"))
	if got := d.orders.taken(); got != "pause, resume, pause" {
		t.Errorf("ordered %q", got)
	}
}

func TestRefusalsAreShown(t *testing.T) {
	d := newDesk(loadedBoard(t, "browse"))
	d.orders.refuse(errors.New("the load has ended"))
	for _, key := range []string{"p", "+"} {
		d.paper.said = ""
		d.Press([]byte(key))
		if d.paper.said != "the load has ended" || !d.paper.bad {
			t.Errorf("%s: said %q", key, d.paper.said)
		}
	}
}

func TestQuitWantsTwoPressesInTime(t *testing.T) {
	d := newDesk(loadedBoard(t, "browse"))
	d.Press([]byte("q"))
	d.time = d.time.Add(confirm + time.Millisecond)
	d.Press([]byte("q"))
	if got := d.orders.taken(); got != "" {
		t.Errorf("ordered %q", got)
	}
	d.time = d.time.Add(confirm)
	d.Press([]byte("q"))
	if got := d.orders.taken(); got != "at once" {
		t.Errorf("ordered %q", got)
	}
}

func TestHelpGoesWithAnyKey(t *testing.T) {
	d := newDesk(loadedBoard(t, "browse"))
	for _, step := range []struct {
		key    string
		help   bool
		orders string
	}{{"?", true, ""}, {"?", false, ""}, {"?", true, ""}, {"p", false, "pause"}, {"h", true, ""}, {"\x1b", false, ""}} {
		d.Press([]byte(step.key))
		if got := d.orders.taken(); d.paper.help != step.help || got != step.orders {
			t.Errorf("after %q: help %v, ordered %q", step.key, d.paper.help, got)
		}
	}
}

// TestLevelFollowsTheStatus: once the status can know of the last order, it is believed again.
func TestLevelFollowsTheStatus(t *testing.T) {
	d := newDesk(loadedBoard(t, "browse"))
	d.Press([]byte("+"))
	d.time = d.time.Add(statusLag)
	d.Press([]byte("+"))
	if got := d.orders.taken(); got != "scale browse 22 0 0, scale browse 22 0 0" {
		t.Errorf("ordered %q", got) // the board still says 20
	}
}

func TestScenariosThatEndAreNotScaled(t *testing.T) {
	b := loadedBoard(t, "browse", "buy")
	over := running(false)
	over.Scenarios[0].State = "done"
	b.Tick(cluster.Tick{Status: over})
	if got := fmt.Sprint(b.Scalable()); got != "[{buy rate {0 500 0 false}}]" {
		t.Errorf("scalable: %s", got)
	}
}

// TestStep: + is more, − is less but never less than 1, and + after − is back
// within a step.
func TestStep(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom([]Model{VUs, Rate}).Draw(t, "model")
		n := rapid.IntRange(0, 1_000_000).Draw(t, "level")
		of := func(l engine.Level) float64 {
			if m == Rate {
				return l.Rate
			}
			return float64(l.VUs)
		}
		from := engine.Level{VUs: n}
		if m == Rate {
			from = engine.Level{Rate: float64(n)}
		}
		up, ok := step(m, from, +1)
		if !ok || of(up) < float64(n)+1 || of(up) > float64(n)*1.1+1.5 {
			t.Fatalf("%v + gives %v", from, up)
		}
		down, ok := step(m, from, -1)
		switch {
		case ok && (of(down) > float64(n)-1 || of(down) < 1):
			t.Fatalf("%v - gives %v", from, down)
		case !ok && n > 1:
			t.Fatalf("%v - is refused", from)
		}
	})
}

// FuzzKeys: whatever is pressed, nothing panics, and a run ends at once only
// after two q.
func FuzzKeys(f *testing.F) {
	for _, keys := range []string{"p+-s?1", "qq", "q\x1bq", "\x1b[A", "?q", "\xff\x00"} {
		f.Add([]byte(keys))
	}
	f.Fuzz(func(t *testing.T, keys []byte) {
		d := newDesk(loadedBoard(t, "browse", "buy", "fixed"))
		d.Press(keys)
		once := strings.Count(strings.ToLower(string(keys)), "q") < 2
		if strings.Contains(d.orders.taken(), "at once") && once {
			t.Errorf("%q ends the run at once", keys)
		}
	})
}
