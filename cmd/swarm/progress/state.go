// Package progress shows a run while it goes on: on a terminal a block that is
// redrawn in place, elsewhere a line now and then.
//
// It has three parts that know nothing of each other's work: a [Tracker] turns
// the ticks of a run into a [State], [Render] and [Line] turn a State into text
// without any effect, and a [Display] owns the stream and decides when to draw.
package progress

import (
	"time"

	"github.com/swarmload/swarm/cmd/swarm/control"
)

// State is one moment of a run, as shown.
type State struct {
	Script string
	Phase  string // "init", "setup", "load", "teardown", "summary"
	// Stopping says that the run was asked to end early, Paused that no
	// iteration begins for the time being.
	Stopping, Paused bool

	Elapsed time.Duration
	Total   time.Duration // when what still runs or waits will have ended; an upper bound unless Timed
	Timed   bool          // what still runs or waits ends by time alone, not by iterations
	Endless bool          // something runs until it is stopped: there is no Total
	Moving  bool          // Elapsed goes on between ticks

	Scenarios   []Scenario
	VUs, VUsMax int

	Requests      uint64
	RequestRate   float64 // per second
	Iterations    uint64
	IterationRate float64
	Dropped       uint64
	Exceptions    uint64

	P50, P95, P99 float64 // milliseconds, of the last seconds
	HasLatency    bool
	Failed        float64 // share of requests of the last seconds, 0 to 1
	Checks        float64 // share of checks that held, over the run
	HasChecks     bool
	In, Out       float64 // bytes per second

	Rates []float64 // requests (or iterations) per second, oldest first
	P95s  []float64 // milliseconds

	Thresholds int       // how many there are
	Failing    []Failing // those that fail on what was measured so far
	Searches   []control.Search
	Generator  Generator
	Prompt     Prompt
}

// Scenario is one scenario of the State.
type Scenario struct {
	Name, Executor  string
	State           string // "waiting", "running", "stopping", "done"
	Progress        float64
	Endless         bool // it runs until it is stopped
	VUs, VUsPlanned int
	// Open says that iterations begin at a rate: per second, as it was of late
	// and as it should be now. Off says that the one was not what it should.
	Open, Off         bool
	Rate, RatePlanned float64
	Dropped           uint64
	Complete          uint64
	Iterations        int64 // planned in all, 0 when the number is open
	Scalable          bool  // + and − can act on it
}

// Failing is a threshold that fails as things stand.
type Failing struct {
	Condition string // "http_req_duration p(95)<200"
	Observed  string // "231 ms"
}

// Generator is what the load generator itself uses.
type Generator struct {
	Known  bool
	CPU    float64 // share of all processors, 0 to 1
	Memory uint64  // bytes resident
	Lag    time.Duration
	Cause  string // "sockets", "cpu", "gc", "lag": why it is slow; "" when it is well
}

// Prompt is what the view says of the keys.
type Prompt struct {
	On       bool // keys are read
	Help     bool // what they do is shown in place of the numbers
	Selected string
	// Text is the answer to the last key, shown for a moment; Bad ones are refusals.
	Text string
	Bad  bool
}

// scalable returns the scenarios that + and − can act on, as the keys number them.
func (s State) scalable() (names []string) {
	for _, c := range s.Scenarios {
		if c.Scalable && c.State != "done" && c.State != "stopping" {
			names = append(names, c.Name)
		}
	}
	return names
}

// progress returns how far the whole run is, 0 to 1.
func (s State) progress() float64 {
	if s.Timed && !s.Endless && s.Total > 0 {
		return min(float64(s.Elapsed)/float64(s.Total), 1)
	}
	sum, n := 0.0, 0
	for _, c := range s.Scenarios {
		if !c.Endless {
			sum += c.Progress
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
