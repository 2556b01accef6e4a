package executor

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// Events receives what is not a number. Its methods are called from VU
// goroutines, many at once, and must not block.
type Events interface {
	// Exception reports that an iteration of the scenario threw.
	Exception(scenario string, e *vu.Exception)
	// Fault reports an error of ours that cost a VU.
	Fault(scenario string, err error)
}

// Host is what the scenarios of one run share.
type Host struct {
	Plan     *plan.Plan
	Pool     *vu.Pool // initialised before any Executor runs
	Registry *metric.Registry
	Events   Events
	VUs      *Headcount
	Clock    Clock
}

// Clock measures time since it was made. Reading it is cheaper than time.Now
// and immune to changes of the wall clock. Safe for concurrent use.
type Clock struct{ zero time.Time }

// NewClock returns a clock that stands at 0.
func NewClock() Clock { return Clock{time.Now()} }

// Now returns the time since the clock was made.
func (c Clock) Now() time.Duration { return time.Since(c.zero) }

// State is where a scenario stands in its life.
type State int32

// The states, in the order in which they occur.
const (
	Waiting State = iota
	Running
	Stopping
	Done
)

// String returns the lower-case name of the state.
func (s State) String() string {
	return [...]string{"waiting", "running", "stopping", "done"}[s]
}

// Crew is the VUs at work in one scenario and the account of what they did.
// Its exported methods may be called from any goroutine at any time.
type Crew struct {
	host     *Host
	plan     *plan.Scenario
	scenario *vu.Scenario // one for all VUs: they compare the pointer

	iterations, duration, dropped, exceptions *metric.Series

	state   atomic.Int32
	began   atomic.Int64 // clock at Running, in ns
	ended   atomic.Int64 // clock at Done, in ns
	active  atomic.Int64
	started atomic.Uint64
	tallies []tally
	begun   []uint64 // by member: iterations it began here; its borrower's alone
	mu      sync.Mutex
	lost    int
	lostWhy error
}

// tally counts how iterations ended. VUs are spread over several, each on a
// cache line of its own, so that counting costs them nothing.
type tally struct {
	complete, interrupted atomic.Uint64
	_                     [48]byte
}

// NewCrew returns the crew of a scenario of h's plan. It takes no VU yet.
func NewCrew(h *Host, s *plan.Scenario) *Crew {
	c := &Crew{
		host: h,
		plan: s,
		scenario: &vu.Scenario{
			Name: s.Name,
			Exec: s.Exec,
			Env:  maps.Clone(s.Env),
			Tags: maps.Clone(s.Tags),
		},
		tallies: make([]tally, runtime.GOMAXPROCS(0)),
		begun:   make([]uint64, h.Pool.Size()),
	}
	if c.scenario.Exec == "" {
		c.scenario.Exec = "default"
	}
	tags := seriesTags(h.Plan, s)
	series := func(name string) *metric.Series { return h.Registry.Series(h.Registry.Lookup(name), tags) }
	c.iterations = series(metric.Iterations)
	c.duration = series(metric.IterationDuration)
	c.dropped = series(metric.DroppedIterations)
	c.exceptions = series(metric.ScriptErrors)
	return c
}

// seriesTags returns the tags of what the engine records of the scenario.
func seriesTags(p *plan.Plan, s *plan.Scenario) metric.Tags {
	all := maps.Clone(p.Tags)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, s.Tags)
	if p.SystemTags == nil || slices.Contains(p.SystemTags, "scenario") {
		all["scenario"] = s.Name
	}
	return metric.TagsFromMap(all)
}

// State returns where the scenario stands.
func (c *Crew) State() State { return State(c.state.Load()) }

// Elapsed returns the time since the scenario began, which stands still once
// it is done; 0 before.
func (c *Crew) Elapsed() time.Duration {
	switch c.State() {
	case Waiting:
		return 0
	case Done:
		return time.Duration(c.ended.Load() - c.began.Load())
	}
	return c.host.Clock.Now() - time.Duration(c.began.Load())
}

// Active returns how many VUs the scenario holds.
func (c *Crew) Active() int { return int(c.active.Load()) }

// Started returns how many iterations were begun.
func (c *Crew) Started() uint64 { return c.started.Load() }

// Ended returns how many iterations ended by themselves, with or without an
// exception, and how many were cut off: interrupted, or lost with their VU.
func (c *Crew) Ended() (complete, interrupted uint64) {
	for i := range c.tallies {
		complete += c.tallies[i].complete.Load()
		interrupted += c.tallies[i].interrupted.Load()
	}
	return complete, interrupted
}

// Lost returns how many VUs faulted and could not be replaced, and the error
// of the first.
func (c *Crew) Lost() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost, c.lostWhy
}

// Finish marks a scenario done: after its executor has run, or instead of it.
func (c *Crew) Finish() {
	c.ended.Store(int64(c.host.Clock.Now()))
	if c.State() == Waiting {
		c.began.Store(c.ended.Load())
	}
	c.state.Store(int32(Done))
}

// drop accounts for n planned iterations that never began.
func (c *Crew) drop(n int64) {
	if n > 0 {
		c.host.Registry.Recorder(0).Record(c.dropped, float64(n))
	}
}

// lose accounts for a VU that is gone for good.
func (c *Crew) lose(why error) {
	c.mu.Lock()
	c.lost++
	if c.lostWhy == nil {
		c.lostWhy = why
	}
	c.mu.Unlock()
	c.host.Events.Fault(c.plan.Name, why)
}
