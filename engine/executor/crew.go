package executor

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/alarm"
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
	// Clock measures; Stopwatch, made of it, is what schedules go by.
	Clock     Clock
	Stopwatch *Stopwatch
	// Alarm makes what wakes arrival rates; nil: timers of the Go runtime.
	Alarm func() alarm.Alarm
	// Sleepers are where VUs wait; nil: each by a timer of its own.
	Sleepers *alarm.Sleepers
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
	host    *Host
	plan    *plan.Scenario
	roles   []role // one; of a users scenario one for each class
	dropped *metric.Series
	// inTest numbers the iterations begun here, from 0, over all segments of
	// the test, from 0. It is set before a VU works.
	inTest func(inScenario int64) int64

	state   atomic.Int32
	began   atomic.Int64 // load time at Running, in ns
	ended   atomic.Int64 // load time at Done, in ns
	active  atomic.Int64
	started atomic.Uint64
	missed  atomic.Uint64 // dropped
	tallies []tally
	making  chan struct{} // holds a token for each VU being made: no more than cores

	mu      sync.Mutex
	begun   []uint64 // iterations by number of the VU, while it is not at work
	lost    int
	lostWhy error
}

// role is what a VU does in a scenario, and where that is recorded. VUs compare
// the pointer to the scenario, so those of one role share it.
type role struct {
	scenario *vu.Scenario

	iterations, duration, exceptions *metric.Series
	delay, response                  *metric.Series // of scheduled iterations
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
		host:    h,
		plan:    s,
		tallies: make([]tally, runtime.GOMAXPROCS(0)),
		making:  make(chan struct{}, runtime.GOMAXPROCS(0)),
		inTest:  h.Plan.Segment.Stripe().Item,
	}
	c.dropped = h.series(metric.DroppedIterations, seriesTags(h.Plan, s.Name, s.Tags))
	if len(s.Classes) == 0 {
		c.roles = []role{h.role(s.Name, s.Exec, s.Env, s.Tags)}
	}
	for _, class := range s.Classes {
		env, tags := maps.Clone(s.Env), maps.Clone(s.Tags)
		env, tags = overlay(env, class.Env), overlay(tags, class.Tags)
		tags[UserTag] = class.Name
		c.roles = append(c.roles, h.role(s.Name, class.Exec, env, tags))
	}
	return c
}

// UserTag is the tag that names the class of the user, in users scenarios.
const UserTag = "user"

func (h *Host) role(scenario, exec string, env, tags map[string]string) role {
	if exec == "" {
		exec = "default"
	}
	all := seriesTags(h.Plan, scenario, tags)
	return role{
		scenario:   &vu.Scenario{Name: scenario, Exec: exec, Env: maps.Clone(env), Tags: maps.Clone(tags)},
		iterations: h.series(metric.Iterations, all),
		duration:   h.series(metric.IterationDuration, all),
		exceptions: h.series(metric.ScriptErrors, all),
		delay:      h.series(metric.IterationDelay, all),
		response:   h.series(metric.IterationResponseTime, all),
	}
}

func (h *Host) series(name string, tags metric.Tags) *metric.Series {
	return h.Registry.Series(h.Registry.Lookup(name), tags)
}

// overlay lays one map over another, which may be nil.
func overlay(base, over map[string]string) map[string]string {
	if base == nil {
		base = make(map[string]string, len(over))
	}
	maps.Copy(base, over)
	return base
}

// seriesTags returns the tags of what the engine records of a scenario that has
// tags of its own.
func seriesTags(p *plan.Plan, scenario string, own map[string]string) metric.Tags {
	all := overlay(maps.Clone(p.Tags), own)
	if p.SystemTags == nil || slices.Contains(p.SystemTags, "scenario") {
		all["scenario"] = scenario
	}
	return metric.TagsFromMap(all)
}

// State returns where the scenario stands.
func (c *Crew) State() State { return State(c.state.Load()) }

// Elapsed returns the load time since the scenario began, which stands still
// once it is done; 0 before.
func (c *Crew) Elapsed() time.Duration {
	switch c.State() {
	case Waiting:
		return 0
	case Done:
		return time.Duration(c.ended.Load() - c.began.Load())
	}
	return c.host.Stopwatch.Now() - time.Duration(c.began.Load())
}

// Active returns how many VUs the scenario holds.
func (c *Crew) Active() int { return int(c.active.Load()) }

// Started returns how many iterations were begun.
func (c *Crew) Started() uint64 { return c.started.Load() }

// Dropped returns how many iterations were planned and never began.
func (c *Crew) Dropped() uint64 { return c.missed.Load() }

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
	c.ended.Store(int64(c.host.Stopwatch.Now()))
	if c.State() == Waiting {
		c.began.Store(c.ended.Load())
	}
	c.state.Store(int32(Done))
}

// drop accounts for n planned iterations that never began.
func (c *Crew) drop(n int64) {
	if n > 0 {
		c.missed.Add(uint64(n))
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

// begunBy returns how many iterations the VU has begun here; leaves keeps that
// for when it comes again.
func (c *Crew) begunBy(id vu.Identity) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id.InInstance > uint64(len(c.begun)) {
		return 0
	}
	return c.begun[id.InInstance-1]
}

func (c *Crew) leaves(id vu.Identity, begun uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if more := int(id.InInstance) - len(c.begun); more > 0 {
		c.begun = append(c.begun, make([]uint64, more)...)
	}
	c.begun[id.InInstance-1] = begun
}

// resumes waits while the run is paused and reports whether the span goes on
// then. VUs that waited go on spread over the start jitter, as they began.
func (w *worker) resumes() bool {
	c := w.crew
	l := w.shift.time.lap.Load()
	for l.paused {
		if !w.shift.time.Running(w.soft) {
			return false
		}
		w.now = c.host.Clock.Now()
		n := max(c.Active(), 1)
		w.pause(spread(int(w.member.ID.InInstance-1)%n, n, c.plan.StartJitter))
		l = w.shift.time.lap.Load()
	}
	return l.at(w.now) < w.shift.until
}
