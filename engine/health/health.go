// Package health watches the load generator itself: whether a number is the
// target's doing or ours. A [Monitor] runs beside the VUs of a runner, records
// how late timers fire, how busy the processors are, how long the collector
// stops the world and how often the system refused a socket, and marks the
// spans in which the generator, not the target, was slow.
package health

import (
	"context"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Cause says what made the generator slow.
type Cause string

// Causes, gravest first.
const (
	Sockets Cause = "sockets" // no descriptors or local ports left
	CPU     Cause = "cpu"     // no processor time to spare
	GC      Cause = "gc"      // the collector
	Lag     Cause = "lag"     // timers fired late for any other reason
)

// Mark is a span of the load in which the generator was slow.
type Mark struct {
	From  time.Duration `json:"from"` // since the start of load
	To    time.Duration `json:"to"`
	Cause Cause         `json:"cause"`
	// Worst is the worst value seen: milliseconds of lag or pause, share of
	// processors, number of refused sockets.
	Worst float64 `json:"worst"`
	// Runner is which one, "" when there is only one.
	Runner string `json:"runner"`
}

// Vitals is a moment of the generator.
type Vitals struct {
	CPU    float64       `json:"cpu"`    // share of the processors it may use, 0 to 1, over the last second
	Memory uint64        `json:"memory"` // bytes resident
	Lag    time.Duration `json:"lag"`    // worst of the last second
	// Cause is why it is slow now, "" when it is well.
	Cause Cause `json:"cause"`
}

// Monitor watches one runner.
type Monitor struct{}

// New returns a monitor that records into r, with the tags of the test.
func New(r *metric.Registry, tags metric.Tags) *Monitor { panic("contract") }

// Run watches until ctx ends. Marks count from now.
func (m *Monitor) Run(ctx context.Context) { panic("contract") }

// SocketError counts a request that failed on our account. Safe for concurrent
// use, costs an atomic addition.
func (m *Monitor) SocketError() { panic("contract") }

// Vitals returns the latest moment. Safe for concurrent use.
func (m *Monitor) Vitals() Vitals { panic("contract") }

// Marks returns the marks that ended since the last call, and closes none: a
// mark that goes on is returned when it has ended, or by the last call after
// Run has returned. Safe for concurrent use, one caller at a time.
func (m *Monitor) Marks() []Mark { panic("contract") }
