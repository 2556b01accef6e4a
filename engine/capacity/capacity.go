// Package capacity searches the highest arrival rate at which a test's
// thresholds hold: rates double until one breaks them, the interval between
// the highest that held and the lowest that broke is halved until it is
// narrow, and the highest that held has to hold once more, for longer.
//
// A [Search] is a pure state machine: it says which rate to try for how long,
// and is told what was seen. It knows neither clock nor runners.
package capacity

import (
	"time"

	"github.com/swarmload/swarm/engine/threshold"
)

// Probe is one rate to try.
type Probe struct {
	Phase  string        `json:"phase"` // "ramp", "bisect", "hold"
	Rate   int64         `json:"rate"`  // per time unit
	Settle time.Duration `json:"settle"`
	Length time.Duration `json:"length"` // settle included
}

// Observation is what was seen during a probe, after it had settled.
type Observation struct {
	Verdicts []threshold.Verdict `json:"verdicts"`
	Span     time.Duration       `json:"span"`     // how long was observed
	Achieved float64             `json:"achieved"` // iterations begun per time unit
	Dropped  uint64              `json:"dropped"`
	VUs      int                 `json:"vus"` // most that the scenario had
	P95      float64             `json:"p95"` // of http_req_response_time, milliseconds; 0 without
	// Generator says why the generator, not the target, was the limit; "" when it was not.
	Generator string `json:"generator"`
}

// Step is a probe and what came of it.
type Step struct {
	Probe
	Observation
	Held bool   `json:"held"`
	Why  string `json:"why"` // it did not hold: one lower-case line
}

// Report is what a search found.
type Report struct {
	Scenario string        `json:"scenario"`
	Rate     int64         `json:"rate"` // highest that held the final hold, per time unit; 0: none
	TimeUnit time.Duration `json:"timeUnit"`
	Broke    int64         `json:"broke"` // lowest rate that did not hold; 0: none was found
	Complete bool          `json:"complete"`
	// Limit says what ended the search: "thresholds", "maxRate", "generator",
	// "vus" (they were all busy before a threshold broke),
	// "maxDuration" (time ran out; Rate held, and more might have), "stopped";
	// "" while it goes on.
	Limit    string `json:"limit"`
	Demanded int64  `json:"demanded"` // minRate
	Steps    []Step `json:"steps"`
}
