package engine

import "github.com/swarmload/swarm/engine/executor"

// Control steers a running test. One runner's [Run] is one, and so is a whole
// test's: terminal keys, the local API and the web UI know nothing else. Its
// methods may be called from any goroutine at any time, return soon and wait
// for no effect. The error is one lower-case line for the user: the run is not
// in its load phase, there is no such scenario, the scenario cannot be scaled.
type Control interface {
	// Pause lets no iteration begin until Resume; running ones end. Schedules
	// stand still meanwhile: nothing is due, nothing is dropped.
	Pause() error
	Resume() error
	// Scale changes the load of a scenario, "" for the only one that can be
	// scaled: from now on that many VUs (closed models) or iterations per
	// second (open ones), whatever the plan had in mind for the rest of it.
	Scale(scenario string, to Level) error
	// Stop ends the load gracefully.
	Stop()
}

// Level is how much load a scenario is to make: of VUs and Rate the one that
// its model goes by counts, the other is 0.
type Level = executor.Level
