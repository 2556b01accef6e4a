// Package engine is the load phase of one runner: it makes the VUs, runs the
// scenarios of a plan on them and records what happens.
package engine

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import (
	"context"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// Config is what a Run needs. All fields but Clock are required.
type Config struct {
	Plan     *plan.Plan
	Script   vu.Script
	Registry *metric.Registry
	Events   Events
}

// Events receives what is not a number. Methods are called from VU goroutines,
// many at once, and must not block.
type Events interface {
	// Exception reports that an iteration of the scenario threw.
	Exception(scenario string, e *vu.Exception)
	// Fault reports an error of ours that cost a VU (it was replaced).
	Fault(scenario string, err error)
}

// Run is one load phase.
type Run struct{}

// New checks nothing and starts nothing.
func New(c Config) *Run { panic("contract") }

// Init makes all VUs of the plan (in parallel on all cores). The error is that
// of the first VU that failed, an *vu.Exception when the script threw.
func (r *Run) Init(ctx context.Context) error { panic("contract") }

// Execute runs all scenarios to their end and closes the VUs. It returns nil
// however the scenarios ended; an error means a fault of ours. When ctx ends,
// iterations are interrupted at once. Every goroutine it started has ended
// when it returns.
func (r *Run) Execute(ctx context.Context) error { panic("contract") }

// Stop asks for a graceful end: no new iterations, running ones get their
// scenario's gracefulStop. Safe at any time, from any goroutine, repeatedly.
func (r *Run) Stop() { panic("contract") }

// Status returns where the run stands. Safe from any goroutine at any time.
func (r *Run) Status() Status { panic("contract") }

// Status is a moment of a run.
type Status struct {
	Elapsed   time.Duration // since Execute began
	VUs       int           // running an iteration now
	VUsMax    int           // made
	Scenarios []ScenarioStatus
}

// ScenarioStatus is a moment of one scenario.
type ScenarioStatus struct {
	Name        string
	State       string        // "waiting", "running", "stopping", "done"
	Elapsed     time.Duration // since its start
	VUs         int           // running now
	VUsPlanned  int           // most it should run now
	Started     uint64        // iterations begun
	Complete    uint64        // iterations ended by themselves, with or without exception
	Interrupted uint64        // iterations cut off
	Progress    float64       // 0 to 1
}
