package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/engine/vu"
)

// shape drives a scenario whose load a function of the script decides: each
// tick it asks one runner and tells all what the answer was. An answer that
// makes no sense ends the run as a script error.
type shape struct {
	run      *run
	scenario *plan.Scenario

	begun bool
	began time.Duration // load time
	next  time.Duration // load time of the next question
	ticks uint64        // questions so far
	rate  float64       // last answer, iterations per second
	over  bool

	asked  *session // that has not answered yet; nil: none
	number uint64   // of the question
	until  time.Time
}

const (
	// patience is how many ticks an answer may take, leastPatience how long it
	// may at least.
	patience      = 5
	leastPatience = time.Second
	// awaitScenario is how often a shape looks whether its scenario has begun.
	awaitScenario = 50 * time.Millisecond
)

func newShape(r *run, s *plan.Scenario) *shape { return &shape{run: r, scenario: s} }

// act does what is due and returns when to act next.
func (s *shape) act() time.Duration {
	if s.over || s.run.clock.paused && s.asked == nil {
		return never
	}
	if s.asked != nil {
		left := time.Until(s.until)
		switch {
		case s.asked.dead:
			s.over = true // and so is the run
			return never
		case left <= 0:
			s.wrong(fmt.Sprintf("took longer than %v", s.patience()))
			return never
		}
		return left
	}
	now := s.run.clock.read(s.run.now())
	if !s.begin(now) {
		return awaitScenario
	}
	if d := s.scenario.Duration; d > 0 && s.next-s.began >= d {
		s.over = true // its end is planned: no answer comes in time for anything
	}
	if s.over {
		return never
	}
	if s.next > now {
		return s.next - now
	}
	return s.ask(now)
}

// begin finds out whether the scenario has begun and ended.
func (s *shape) begin(now time.Duration) bool {
	i := slices.IndexFunc(s.status().Scenarios, func(o engine.ScenarioStatus) bool { return o.Name == s.scenario.Name })
	var seen engine.ScenarioStatus
	if i >= 0 {
		seen = s.status().Scenarios[i]
	}
	s.over = seen.State == "stopping" || seen.State == "done"
	if s.begun {
		return true
	}
	switch {
	case s.scenario.StartAfter == "" && now >= s.scenario.StartTime:
		s.began = s.scenario.StartTime
	case s.scenario.StartAfter != "" && seen.State == "running":
		s.began = max(now-seen.Elapsed, 0)
	default:
		return s.over
	}
	s.begun, s.next = true, s.began
	return true
}

func (s *shape) status() engine.Status { return s.run.status() }

// timeUnit returns the seconds that a scenario's rates are for.
func timeUnit(s *plan.Scenario) float64 {
	if s.TimeUnit <= 0 {
		return 1
	}
	return s.TimeUnit.Seconds()
}

func (s *shape) patience() time.Duration {
	return max(patience*min(s.scenario.Tick, never/patience), leastPatience)
}

// ask puts the question to the first runner there is.
func (s *shape) ask(now time.Duration) time.Duration {
	live := s.run.live()
	if len(live) == 0 {
		s.over = true
		return never
	}
	elapsed := now - s.began
	if now-s.next < s.scenario.Tick {
		elapsed = s.next - s.began // on time: the function sees whole ticks
	}
	question := struct {
		Elapsed    float64 `json:"elapsed"` // seconds
		Users      int     `json:"users"`   // at the last report of the runners, as iterations
		Rate       float64 `json:"rate"`
		Iterations uint64  `json:"iterations"`
		Tick       uint64  `json:"tick"`
	}{Elapsed: elapsed.Truncate(time.Millisecond).Seconds(), Rate: s.rate * timeUnit(s.scenario), Tick: s.ticks}
	for _, o := range s.status().Scenarios {
		if o.Name == s.scenario.Name {
			question.Users, question.Iterations = o.VUs, o.Complete+o.Interrupted
		}
	}
	arg, err := json.Marshal(question)
	if err != nil {
		s.run.fail(fmt.Errorf("ask %s(): %w", s.scenario.Shape, err))
		s.over, s.run.over = true, true
		return never
	}
	s.run.consults++
	s.ticks++
	s.next += s.scenario.Tick
	if s.next <= now {
		s.next = now + s.scenario.Tick
	}
	s.asked, s.number, s.until = live[0], s.run.consults, time.Now().Add(s.patience())
	s.asked.send(&wire.Message{Body: &wire.Message_Consult{Consult: &wire.Consult{
		Number: s.number, Function: wire.Text(s.scenario.Shape), Arg: arg, Timeout: int64(s.patience()),
	}}})
	return s.patience()
}

// advice takes in an answer, whoever it is for.
func (r *run) advice(from *session, m *wire.Advice) {
	for _, s := range r.shapes {
		if s.asked == from && s.number == m.GetNumber() {
			s.answer(m)
			r.steering.awake = true // when to ask next is known now
		}
	}
}

// answer obeys an answer.
func (s *shape) answer(m *wire.Advice) {
	s.asked = nil
	if s.over || s.run.over {
		return
	}
	if f := m.GetFailure(); f != nil {
		exception := wire.ToException(f.GetException())
		switch {
		case f.GetKind() == wire.Failure_EXCEPTION && exception != nil:
			s.end(&ScriptError{Phase: s.scenario.Shape, Err: exception})
		case f.GetKind() == wire.Failure_INTERRUPTED:
			s.wrong(fmt.Sprintf("took longer than %v", s.patience()))
		default:
			s.wrong("could not be asked: " + wire.Shorten(f.GetText(), maxReason))
		}
		return
	}
	to, err := readAdvice(m.Value, s.scenario)
	if err != nil {
		s.wrong(fmt.Sprintf("returned %s: %v", wire.Shorten(wire.Text(string(m.Value)), maxShown), err))
		return
	}
	s.rate, s.over = to.Rate, to.End
	s.run.scale(s.scenario.Name, to)
}

// wrong ends the run for an answer that makes no sense.
func (s *shape) wrong(what string) {
	s.end(&ScriptError{Phase: s.scenario.Shape, Err: &vu.Exception{Message: what}, Wrong: true})
}

func (s *shape) end(err error) {
	s.asked, s.over = nil, true
	s.run.fail(err)
	s.run.over = true
}

// readAdvice makes a level of what a shape returned, as JSON: an object, the
// array [users, spawnRate], or nothing (false and null too) for the end.
func readAdvice(data []byte, s *plan.Scenario) (engine.Level, error) {
	data = bytes.TrimSpace(data)
	switch text := string(data); {
	case text == "", text == "null", text == "false":
		return engine.Level{End: true}, nil
	case text[0] == '[' && !s.Open:
		var pair []*float64
		if err := decodeAdvice(data, &pair); err != nil || len(pair) < 1 || len(pair) > 2 {
			return engine.Level{}, errors.New("an array holds [users] or [users, spawnRate], both numbers")
		}
		users, rate := pair[0], (*float64)(nil)
		if len(pair) == 2 {
			if rate = pair[1]; rate == nil {
				return engine.Level{}, numberMissing("spawnRate")
			}
		}
		return closedLevel(users, rate, s)
	case text[0] != '{' && s.Open:
		return engine.Level{}, errors.New("expected an object such as {rate: 100}, or nothing for the end")
	case text[0] != '{':
		return engine.Level{}, errors.New("expected an object such as {users: 10, spawnRate: 5}, or nothing for the end")
	}
	known := []string{"users", "spawnRate"}
	if s.Open {
		known = []string{"rate"}
	}
	var fields map[string]json.RawMessage
	if err := decodeAdvice(data, &fields); err != nil {
		return engine.Level{}, errors.New("expected an object of numbers")
	}
	values := map[string]*float64{}
	for name, raw := range fields {
		if !slices.Contains(known, name) {
			if near := spelling.Nearest(name, known); near != "" {
				return engine.Level{}, fmt.Errorf("unknown field %.40q: did you mean %s?", name, near)
			}
			return engine.Level{}, fmt.Errorf("unknown field %.40q: expected %s", name, strings.Join(known, " and "))
		}
		var v *float64
		if err := decodeAdvice(raw, &v); err != nil || v == nil {
			return engine.Level{}, numberMissing(name)
		}
		values[name] = v
	}
	if s.Open {
		return openLevel(values["rate"], s)
	}
	return closedLevel(values["users"], values["spawnRate"], s)
}

// decodeAdvice reads exactly one JSON value.
func decodeAdvice(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

func numberMissing(name string) error {
	return fmt.Errorf("%s must be a finite number (NaN and Infinity arrive as null)", name)
}

func closedLevel(users, spawnRate *float64, s *plan.Scenario) (engine.Level, error) {
	if users == nil {
		return engine.Level{}, numberMissing("users")
	}
	to := engine.Level{SpawnRate: s.SpawnRate}
	switch n := math.Round(*users); {
	case !(n >= 0):
		return engine.Level{}, fmt.Errorf("users must be at least 0")
	case n > float64(mostVUs(s)):
		return engine.Level{}, fmt.Errorf("users must be at most maxVUs, which is %d", mostVUs(s))
	default:
		to.VUs = int(n)
	}
	if spawnRate != nil {
		if !(*spawnRate > 0 && finite(*spawnRate)) {
			return engine.Level{}, errors.New("spawnRate must be above 0")
		}
		to.SpawnRate = *spawnRate
	}
	return to, nil
}

func openLevel(rate *float64, s *plan.Scenario) (engine.Level, error) {
	if rate == nil {
		return engine.Level{}, numberMissing("rate")
	}
	switch perSecond := *rate / timeUnit(s); {
	case !(perSecond >= 0):
		return engine.Level{}, errors.New("rate must be at least 0")
	case perSecond > plan.MaxRate:
		return engine.Level{}, fmt.Errorf("rate must be at most %s a second", figure.Count(plan.MaxRate))
	default:
		return engine.Level{Rate: perSecond}, nil
	}
}
