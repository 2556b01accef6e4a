package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
)

// A runner that is killed in the middle: what it had sent is the result.
func TestRunnerKilledDuringLoad(t *testing.T) {
	overBoth(t, func(t *testing.T, connect connect) {
		var link Link
		tr := newTrial(t, &fake{Options: `{"vus": 2, "duration": "10m"}`, Exports: all, Pause: 2 * time.Millisecond},
			func(ctx context.Context) (Link, error) {
				var err error
				link, err = connect(ctx)
				return link, err
			})
		var kill sync.Once
		tr.observe.onTick = func(Tick) {
			if last := len(tr.observe.counts) - 1; tr.observe.counts[last] > 1 { // more than setup recorded
				kill.Do(link.Kill)
			}
		}
		result, err := tr.run()
		var died *RunnerDied
		if !errors.As(err, &died) {
			t.Fatalf("error %v", err)
		}
		if _, ok := link.(*processLink); ok && died.Cause != "signal: killed" {
			t.Errorf("cause %q", died.Cause)
		}
		s := result.Summary
		if s.Passed || !strings.Contains(strings.Join(s.Reasons, " "), "died") || s.Iterations == 0 {
			t.Errorf("summary: %+v", s)
		}
		last := tr.observe.counts[len(tr.observe.counts)-1]
		if got := metricOf(result, "done", "count"); got < float64(last) {
			t.Errorf("%v counted, the observer had seen %d", got, last)
		}
		if got := strings.Join(tr.observe.phases, " "); got != "init setup load summary" {
			t.Errorf("phases %q", got)
		}
	})
}

// A runner that lives and says nothing is given up long before its load would
// have ended, and what it had said is the result.
func TestRunnerFallsSilent(t *testing.T) {
	p := &puppet{options: `{"vus": 2, "duration": "1h"}`, mute: 5 * time.Second}
	result, _, err := perform(t, p, nil)
	var died *RunnerDied
	if !errors.As(err, &died) || !strings.Contains(died.Cause, "unresponsive") {
		t.Fatalf("error %v", err)
	}
	s := result.Summary
	if s.Duration < 4*time.Second || s.Duration > p.mute || s.Passed || s.VUsMax != 10 {
		t.Errorf("%v, passed %v, %d VUs", s.Duration, s.Passed, s.VUsMax)
	}
}

// A runner may die at any point, in any way: the cause is named, in one line,
// and is not a Go stack.
func TestRunnerDies(t *testing.T) {
	for _, c := range []struct {
		phase, action, cause string
		result               bool
	}{
		{"init", "kill", "signal: killed", false},
		{"init", "exit", "leaving (exit status 3)", false},
		{"init", "panic unheard of", "crash: unheard of (exit status 2)", false},
		{"init", "stack", "stack: the script recursed too deep (exit status 2)", false},
		{"vu", "kill", "signal: killed", false},
		{"setup", "panic unheard of", "crash: unheard of (exit status 2)", true},
		{"iteration", "panic unheard of", "crash: unheard of (exit status 2)", true},
		{"teardown", "kill", "signal: killed", true},
		{"summary", "kill", "signal: killed", true},
	} {
		t.Run(c.phase+" "+c.action, func(t *testing.T) {
			tr := newTrial(t, &fake{Options: `{}`, Exports: all, Do: map[string]string{c.phase: c.action}}, connectors["process"])
			result, err := tr.run()
			var died *RunnerDied
			if !errors.As(err, &died) || died.Cause != c.cause {
				t.Errorf("error %v, want cause %q", err, c.cause)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			if (result != nil) != c.result {
				t.Fatalf("result %+v", result)
			}
			if result != nil && (result.Summary.Passed || len(result.Summary.Reasons) == 0) {
				t.Errorf("summary %+v", result.Summary)
			}
		})
	}
}

// A script that does not listen is ended by the coordinator.
func TestRunnerDoesNotAnswer(t *testing.T) {
	for _, c := range []struct {
		options, phase, want string
	}{
		{`{"setupTimeout": "50ms"}`, "setup", "setup took longer than 50ms"},
		{`{"teardownTimeout": "50ms"}`, "teardown", "teardown took longer than 50ms"},
	} {
		t.Run(c.phase, func(t *testing.T) {
			tr := newTrial(t, &fake{Options: c.options, Exports: all, Do: map[string]string{c.phase: "deaf"}}, connectors["process"])
			result, err := tr.run()
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v", err)
			}
			if result == nil || metricOf(result, "done", "count") == 0 {
				t.Errorf("result %+v", result)
			}
		})
	}
	t.Run("hard stop", func(t *testing.T) {
		tr := newTrial(t, &fake{Options: `{"duration": "10m"}`, Exports: all, Do: map[string]string{"iteration": "deaf"}}, connectors["process"])
		ctx, cancel := context.WithCancel(tr.ctx)
		defer cancel()
		tr.ctx = ctx
		tr.observe.onTick = func(Tick) { cancel() }
		result, err := tr.run()
		var stopped *Stopped
		if !errors.As(err, &stopped) || !stopped.Hard || result == nil || metricOf(result, "done", "count") != 2 {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

// impostor is a link to something that is no honest runner.
type impostor struct {
	duplex
	far  duplex
	once sync.Once
	gone chan struct{}
}

func newImpostor(play func(*wire.Conn)) *impostor {
	down, up := newPipe(), newPipe()
	i := &impostor{duplex: duplex{r: up, w: down}, far: duplex{r: down, w: up}, gone: make(chan struct{})}
	go func() {
		defer close(i.gone)
		play(wire.NewConn(&i.far, wire.Limits{Read: 1 << 28, Write: 1 << 28}))
		i.far.Close()
	}()
	return i
}

func (i *impostor) Wait() error { <-i.gone; return nil }
func (i *impostor) Kill()       { i.once.Do(func() { i.far.Close() }) }

// A runner that lies is ended and named; the coordinator lives.
func TestRunnerIsHostile(t *testing.T) {
	hello := func(c *wire.Conn, min, max uint32) {
		if m, err := c.Read(); err == nil {
			c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Hello{Hello: &wire.Hello{MinVersion: min, MaxVersion: max, Build: "9.9", Role: wire.RoleRunner}}})
		}
	}
	answer := func(c *wire.Conn, a *wire.Answer) error {
		m, err := c.Read()
		if err != nil {
			return err
		}
		return c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Answer{Answer: a}})
	}
	inspected := &wire.Answer{Inspection: &wire.Inspection{Options: []byte("{}"), Exports: []string{"default"}}}
	drain := func(c *wire.Conn) {
		for {
			if _, err := c.Read(); err != nil {
				return
			}
		}
	}
	for _, c := range []struct {
		name string
		play func(*wire.Conn)
		want string
	}{
		{"other version", func(c *wire.Conn) { hello(c, 7, 8); drain(c) }, "protocol 7 to 8"},
		{"silent end", func(c *wire.Conn) {}, "ended early"},
		{"answers before it is asked", func(c *wire.Conn) {
			hello(c, 1, 1)
			c.Write(&wire.Message{Id: 77, Body: &wire.Message_Answer{Answer: inspected}})
			drain(c)
		}, "an answer to no command"},
		{"greets twice", func(c *wire.Conn) {
			hello(c, 1, 1)
			hello(c, 1, 1)
			drain(c)
		}, "a second greeting"},
		{"claims reports it never sent", func(c *wire.Conn) {
			hello(c, 1, 1)
			answer(c, &wire.Answer{Deltas: 3, Inspection: inspected.Inspection})
			drain(c)
		}, "0 of 3 reports arrived"},
		{"metric of no type", func(c *wire.Conn) {
			hello(c, 1, 1)
			answer(c, &wire.Answer{Inspection: &wire.Inspection{Metrics: []*wire.Metric{{Name: "x", Type: 99}}}})
			drain(c)
		}, "unknown type 99"},
		{"numbers that cannot be", func(c *wire.Conn) {
			hello(c, 1, 1)
			c.Write(&wire.Message{Body: &wire.Message_Delta{Delta: &wire.Delta{Epoch: 1, Seq: 1, Snapshot: &wire.Snapshot{
				Deltas: []*wire.SeriesDelta{{Id: 3, Count: 1}}}}}})
			drain(c)
		}, "series 3 is not defined"},
		{"a message over the limit", func(c *wire.Conn) {
			hello(c, 1, 1)
			answer(c, &wire.Answer{SetupData: make([]byte, 17<<20)})
			drain(c)
		}, "over the limit"},
		{"floods the log", func(c *wire.Conn) {
			hello(c, 1, 1)
			line := &wire.LogLine{Text: "x"}
			for range 50 {
				c.Write(&wire.Message{Body: &wire.Message_Log{Log: &wire.Log{Lines: []*wire.LogLine{
					line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line,
					line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line,
					line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line, line,
				}}}})
			}
		}, "ended early"},
		{"foreign and repeated deltas", func(c *wire.Conn) {
			hello(c, 1, 1)
			for _, d := range []*wire.Delta{{Epoch: 9, Seq: 1}, {Epoch: 1, Seq: 5}, {Epoch: 1, Seq: 0}, {}} {
				c.Write(&wire.Message{Body: &wire.Message_Delta{Delta: d}})
			}
			answer(c, inspected)
		}, "ended early"},
		{"unknown messages", func(c *wire.Conn) {
			hello(c, 1, 1)
			for range 10 {
				c.Write(&wire.Message{})
			}
		}, "ended early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrial(t, &fake{}, func(context.Context) (Link, error) { return newImpostor(c.play), nil })
			began := time.Now()
			result, err := tr.run()
			if result != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v; want %q", result, err, c.want)
			}
			most := 2*logBurst + 2*logPace*(1+time.Since(began).Seconds())
			if n := len(tr.observe.logs); float64(n) > most {
				t.Errorf("%d lines reached the user, at most %v should", n, most)
			}
		})
	}
}

// A runner that never reads must not hold up the coordinator.
func TestRunnerDoesNotRead(t *testing.T) {
	tr := newTrial(t, &fake{}, func(context.Context) (Link, error) {
		return newImpostor(func(c *wire.Conn) {
			m, err := c.Read()
			if err != nil {
				return
			}
			c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Hello{Hello: wire.NewHello(wire.RoleRunner)}})
			for seq := uint64(1); ; seq++ {
				if c.Write(&wire.Message{Body: &wire.Message_Delta{Delta: &wire.Delta{Epoch: 1, Seq: seq}}}) != nil {
					return
				}
			}
		}), nil
	})
	if result, err := tr.run(); result != nil || err == nil || !strings.Contains(err.Error(), "does not take its messages") {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestDiagnosis(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"one\ntwo\n", "two"},
		{"one\ntwo", "two"},
		{"a \x1b[31mred\x1b[0m word\n", `a \x1b[31mred\x1b[0m word`},
		{"panic: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n", "crash: index out of range"},
		{"warning\nfatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1\n", "crash: all goroutines are asleep - deadlock!"},
		{"fatal error: runtime: out of memory\n\nruntime stack:\n", "memory: it asked for more than there is"},
		{"runtime: out of memory: cannot allocate 4194304-byte block\nfatal error: out of memory\n", "memory: it asked for more than there is"},
		{"runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow\n", "stack: the script recursed too deep"},
		{"panic: " + strings.Repeat("x", 5000) + "\n", "crash: " + strings.Repeat("x", 200) + "…"},
	} {
		// The same in one piece, byte by byte, and before much else.
		whole, bytes, long := &stderrTail{}, &stderrTail{}, &stderrTail{}
		io.WriteString(whole, c.in)
		for i := range len(c.in) {
			bytes.Write([]byte(c.in[i : i+1]))
		}
		for name, tail := range map[string]*stderrTail{"whole": whole, "bytes": bytes} {
			got := tail.crashed()
			if got == "" {
				got = tail.lastLine()
			}
			if got != c.want {
				t.Errorf("%s %.60q: got %q, want %q", name, c.in, got, c.want)
			}
		}
		if !beginsCrash(c.in) {
			continue
		}
		io.WriteString(long, c.in)
		for i := range 5_000 {
			fmt.Fprintf(long, "goroutine %d [running]:\n", i)
		}
		if got := long.crashed(); got != c.want {
			t.Errorf("before a long report %.60q: got %q, want %q", c.in, got, c.want)
		}
		if n := len(long.tail) + len(long.crash) + len(long.line); n > maxStderr+maxCrash+maxStderrLine {
			t.Errorf("%d bytes kept", n)
		}
	}
}
