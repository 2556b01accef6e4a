package progress

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/inert"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

func busy() State {
	s := State{
		Script: "checkout.js", Phase: "load", Elapsed: 112 * time.Second, Total: 3 * time.Minute, Timed: true,
		Scenarios: []Scenario{
			{Name: "browse", Executor: "ramping-vus", State: "running", Progress: 0.62, VUs: 320, VUsPlanned: 400, Scalable: true},
			{Name: "buy", Executor: "constant-arrival-rate", State: "running", Progress: 0.62, Open: true, VUs: 41, Rate: 499, RatePlanned: 500, Scalable: true},
			{Name: "old", Executor: "constant-vus", State: "stopping", Progress: 0.9, VUs: 3, VUsPlanned: 50, Scalable: true},
			{Name: "late", Executor: "constant-vus", State: "waiting"},
		},
		VUs: 323, VUsMax: 450, Requests: 4_610_233, RequestRate: 41_203, Iterations: 4_000_000,
		P50: 1.21, P95: 4.8, P99: 11.2, HasLatency: true, Failed: 0.0002, Checks: 0.9998, HasChecks: true,
		In: 84e6, Out: 9.1e6, Exceptions: 12,
		Generator: Generator{Known: true, CPU: 0.61, Memory: 212e6, Lag: 300 * time.Microsecond},
		Prompt:    Prompt{On: true},
	}
	for i := range 70 {
		s.Rates = append(s.Rates, 20_000+20_000*math.Sin(float64(i)/8))
		s.P95s = append(s.P95s, 4+math.Cos(float64(i)/5))
	}
	return s
}

// troubled is a run where everything is to be told that can be.
func troubled() State {
	s := busy()
	s.Thresholds = 5
	s.Failing = []Failing{
		{"http_req_duration{name:pay} p(95)<200", "231 ms"}, {"errors rate<0.01", "4.1 %"}, {"a p(99)<1", "2 ms"}, {"b p(99)<1", "3 ms"},
	}
	s.Dropped = 1381
	s.Scenarios[1].Rate, s.Scenarios[1].Off, s.Scenarios[1].Dropped = 431, true, 1381
	s.Generator.CPU, s.Generator.Cause, s.Generator.Lag = 0.98, "cpu", 41*time.Millisecond
	s.Prompt.Selected = "buy"
	return s
}

func searches() State {
	s := busy()
	s.Timed = false
	s.Scenarios = []Scenario{{Name: "find", Executor: "capacity", State: "running", Progress: 0.4, Open: true, VUs: 31, Rate: 1199, RatePlanned: 1200}}
	s.Searches = []control.Search{{Scenario: "find", Phase: "bisect", Rate: 1200, Best: 800, Broke: 1600}}
	s.Exceptions, s.Failed, s.Checks = 0, 0, 1
	return s
}

func paused() State {
	s := busy()
	s.Paused, s.Moving = true, false
	s.Elapsed = 61 * time.Second
	s.RequestRate, s.In, s.Out = 0, 0, 0
	return s
}

func endless() State {
	s := busy()
	s.Endless = true
	s.Scenarios = []Scenario{{Name: "default", Executor: "externally-controlled", State: "running", Endless: true, VUs: 12, VUsPlanned: 12, Scalable: true}}
	s.Prompt.Text, s.Prompt.Bad = "default: 10 VUs → 11 VUs", false
	return s
}

func helped() State {
	s := busy()
	s.Prompt.Help = true
	return s
}

func withoutKeys(s State) State {
	s.Prompt = Prompt{}
	return s
}

func refused() State {
	s := busy()
	s.Prompt.Text, s.Prompt.Bad = `scenario "old" runs a fixed number of iterations on its VUs`, true
	return s
}

func iterations() State {
	return State{
		Script: "once.ts", Phase: "load", Elapsed: 4 * time.Second, Total: 10 * time.Minute,
		Scenarios:  []Scenario{{Name: "default", Executor: "shared-iterations", State: "running", Progress: 0.25, VUs: 1, VUsPlanned: 1, Complete: 1250, Iterations: 5000}},
		VUs:        1,
		Iterations: 1250, IterationRate: 312.5, Rates: []float64{300, 320, 312.5},
	}
}

func hostile() State {
	s := busy()
	s.Script = "\x1b[2Jevil\n.js"
	s.Scenarios = nil
	for range 20 {
		s.Scenarios = append(s.Scenarios, Scenario{Name: "\x1b]0;x\x07" + strings.Repeat("long", 20), Executor: "constant-vus", State: "running"})
	}
	s.Generator.CPU = 0.97
	s.Stopping = true
	return s
}

func TestRenderGolden(t *testing.T) {
	phase := func(name string) State { return State{Script: "checkout.js", Phase: name, Total: time.Minute} }
	for _, c := range []struct {
		name  string
		state State
		style Style
	}{
		{"busy", busy(), Style{Width: 120, Height: 40}},
		{"busy-200", busy(), Style{Width: 200, Height: 50}},
		{"busy-color", busy(), Style{Width: 120, Color: true}},
		{"busy-80", busy(), Style{Width: 80, Height: 24}},
		{"busy-60", busy(), Style{Width: 60, Height: 15}},
		{"busy-10-rows", busy(), Style{Width: 80, Height: 10}},
		{"busy-40", busy(), Style{Width: 40}},
		{"busy-short", busy(), Style{Width: 100, Height: 6}},
		{"busy-without-keys", withoutKeys(busy()), Style{Width: 80, Height: 24}},
		{"troubled", troubled(), Style{Width: 120, Height: 40}},
		{"troubled-color", troubled(), Style{Width: 100, Color: true}},
		{"troubled-80", troubled(), Style{Width: 80, Height: 24}},
		{"troubled-60", troubled(), Style{Width: 60, Height: 15}},
		{"search", searches(), Style{Width: 80, Height: 24}},
		{"search-60", searches(), Style{Width: 60, Height: 12}},
		{"paused", paused(), Style{Width: 80, Height: 24}},
		{"paused-60", paused(), Style{Width: 60, Height: 10}},
		{"endless", endless(), Style{Width: 80, Height: 24}},
		{"help", helped(), Style{Width: 80, Height: 24}},
		{"help-60", helped(), Style{Width: 60, Height: 20}},
		{"refused", refused(), Style{Width: 80, Height: 24}},
		{"iterations", iterations(), Style{Width: 100}},
		{"hostile", hostile(), Style{Width: 100}},
		{"init", phase("init"), Style{Width: 80}},
		{"setup", phase("setup"), Style{Width: 80}},
		{"teardown", phase("teardown"), Style{Width: 80}},
	} {
		got := strings.Join(Render(c.state, c.style), "\n") + "\n"
		golden(t, c.name, got)
	}
}

func TestLineGolden(t *testing.T) {
	empty := State{Phase: "load", Total: time.Minute, Timed: true}
	golden(t, "lines", strings.Join([]string{Line(busy()), Line(iterations()), Line(hostile()), Line(empty), Line(troubled()), Line(paused()), Line(searches()), Line(endless())}, "\n")+"\n")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (run with -update if that is meant):\n%s", name, diff)
	}
}

// Whatever the state, the block fits its terminal and holds no control
// character but colours.
func TestRenderFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Float64Range(0, 1e12)
		s := State{
			Script:  rapid.String().Draw(t, "script"),
			Phase:   rapid.SampledFrom([]string{"init", "setup", "load", "teardown", "summary"}).Draw(t, "phase"),
			Elapsed: time.Duration(rapid.Int64().Draw(t, "elapsed")), Total: time.Duration(rapid.Int64().Draw(t, "total")),
			Timed: rapid.Bool().Draw(t, "timed"), Stopping: rapid.Bool().Draw(t, "stopping"),
			Requests: rapid.Uint64().Draw(t, "requests"), RequestRate: number.Draw(t, "rate"), HasLatency: true,
			P50: number.Draw(t, "p50"), P99: number.Draw(t, "p99"), Failed: rapid.Float64Range(0, 1).Draw(t, "failed"),
			Paused: rapid.Bool().Draw(t, "paused"), Endless: rapid.Bool().Draw(t, "endless"),
			Failing:  []Failing{{rapid.String().Draw(t, "condition"), rapid.String().Draw(t, "observed")}},
			Searches: []control.Search{{Scenario: rapid.String().Draw(t, "search"), Phase: "ramp", Rate: number.Draw(t, "trying"), Best: number.Draw(t, "best")}},
			Prompt: Prompt{
				On: rapid.Bool().Draw(t, "keys"), Help: rapid.Bool().Draw(t, "help"),
				Selected: rapid.String().Draw(t, "selected"), Text: rapid.String().Draw(t, "answer"),
			},
			In: number.Draw(t, "in"), Rates: rapid.SliceOf(number).Draw(t, "rates"), Exceptions: rapid.Uint64().Draw(t, "exceptions"),
		}
		for range rapid.IntRange(0, 12).Draw(t, "scenarios") {
			s.Scenarios = append(s.Scenarios, Scenario{
				Name: rapid.String().Draw(t, "name"), State: "running", Progress: rapid.Float64().Draw(t, "progress"),
				Open: rapid.Bool().Draw(t, "open"), Scalable: rapid.Bool().Draw(t, "scalable"), RatePlanned: number.Draw(t, "planned"),
				VUs: rapid.Int().Draw(t, "vus"), Iterations: rapid.Int64().Draw(t, "iterations"),
			})
		}
		st := Style{
			Width: rapid.IntRange(12, 200).Draw(t, "width"), Height: rapid.IntRange(2, 50).Draw(t, "height"),
			Color: rapid.Bool().Draw(t, "color"),
		}
		lines := Render(s, st)
		if len(lines) >= st.Height {
			t.Fatalf("%d lines in %d rows", len(lines), st.Height)
		}
		for _, l := range lines {
			if n := terminal.Columns(l); n >= st.Width {
				t.Fatalf("%d columns of %d: %q", n, st.Width, l)
			}
			if !st.Color && inert.Line(l) != l {
				t.Fatalf("not inert: %q", l)
			}
		}
	})
}

func TestClockRounds(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "00:00", 499 * time.Millisecond: "00:00", 9998 * time.Millisecond: "00:10", 10_002 * time.Millisecond: "00:10",
		3*time.Hour + 61*time.Second: "3:01:01", math.MaxInt64: "2562047:47:16",
	} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestSpark(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{spark([]float64{0, 1, 2, 4}, 3), "▂▄█"}, {spark([]float64{0, 0}, 9), "▁▁"}, {spark(nil, 9), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestOneOfAKind: nobody says 1 exceptions.
func TestOneOfAKind(t *testing.T) {
	s := State{Phase: "load", VUs: 1, Requests: 1, Exceptions: 1, Dropped: 1}
	if got, want := Line(s), "00:00  1 VU  1 request  0/s  errors 0 %  1 exception  1 dropped"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	block := strings.Join(Render(s, Style{Width: 100}), "\n")
	if want := "0 %         1 exception    1 iteration dropped\n"; !strings.Contains(block+"\n", want) {
		t.Errorf("no %q in:\n%s", want, block)
	}
}

// TestNothingMoves: a share that gets longer or shorter pushes nothing aside.
func TestNothingMoves(t *testing.T) {
	at := -1
	for _, share := range []float64{0, 0.00001, 0.0002, 0.004, 0.0421, 0.103, 0.5, 0.9998, 0.99999, 1} {
		for _, line := range Render(State{Phase: "load", Requests: 1, Failed: share, Exceptions: 3}, Style{Width: 100}) {
			before, _, found := strings.Cut(line, "3 exceptions")
			if !found {
				continue
			}
			if n := terminal.Columns(before); at < 0 {
				at = n
			} else if n != at {
				t.Errorf("with %g failed the exceptions stand in column %d, not %d", share, n, at)
			}
		}
	}
	if at < 0 {
		t.Error("no exceptions shown")
	}
}
