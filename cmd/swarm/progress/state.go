// Package progress shows a run while it goes on: on a terminal a block that is
// redrawn in place, elsewhere a line now and then.
//
// It has three parts that know nothing of each other's work: a [Tracker] turns
// the ticks of a run into a [State], [Render] and [Line] turn a State into text
// without any effect, and a [Display] owns the stream and decides when to draw.
package progress

import "time"

// State is one moment of a run, as shown.
type State struct {
	Script string
	Phase  string // "init", "setup", "load", "teardown", "summary"
	// Stopping says that the run was asked to end early.
	Stopping bool

	Elapsed time.Duration
	Total   time.Duration // when what still runs or waits will have ended; an upper bound unless Timed
	Timed   bool          // what still runs or waits ends by time alone, not by iterations
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

	Generator Generator
}

// Scenario is one scenario of the State.
type Scenario struct {
	Name, Executor  string
	State           string // "waiting", "running", "stopping", "done"
	Progress        float64
	VUs, VUsPlanned int
	Complete        uint64
	Iterations      int64 // planned in all, 0 when the number is open
}

// Generator is what the load generator itself uses.
type Generator struct {
	Known  bool
	CPU    float64 // share of all processors, 0 to 1
	Memory uint64  // bytes resident
}

// progress returns how far the whole run is, 0 to 1.
func (s State) progress() float64 {
	if s.Timed && s.Total > 0 {
		return min(float64(s.Elapsed)/float64(s.Total), 1)
	}
	if len(s.Scenarios) == 0 {
		return 0
	}
	sum := 0.0
	for _, c := range s.Scenarios {
		sum += c.Progress
	}
	return sum / float64(len(s.Scenarios))
}
