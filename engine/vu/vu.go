// Package vu is the engine's view of a script: something that makes virtual
// users and runs iterations. The engine knows nothing of JavaScript; the
// sandbox implements these interfaces.
package vu

import (
	"context"
	"time"
)

// Script makes VUs and runs the functions that run once per test.
//
// Every method may be called from any goroutine, several at once. All of them
// end soon after ctx ends and then return ctx's error or an *Interrupted.
type Script interface {
	// NewVU makes a VU: it runs the script's top level in a runtime of its own.
	NewVU(ctx context.Context, id Identity) (VU, error)
	// Setup runs setup() in a throw-away VU and returns its result as JSON,
	// nil when the script has no setup or it returned undefined.
	Setup(ctx context.Context) ([]byte, error)
	// SetSetupData hands every VU made by this Script the result of Setup, as
	// JSON. It is called before the first Iterate and Teardown.
	SetSetupData(data []byte)
	// Teardown runs teardown(data), if there is one.
	Teardown(ctx context.Context) error
	// Function makes ready an exported function that is called again and
	// again, in a VU of its own that runs no iterations: a load shape.
	Function(ctx context.Context, name string) (Function, error)
	// HandleSummary runs handleSummary(data) with data as JSON. It returns what
	// the script wants written, by file name ("stdout" and "stderr" are the
	// streams); nil when the script has no handleSummary.
	HandleSummary(ctx context.Context, data []byte) (map[string][]byte, error)
}

// Function is an exported function of the script. It belongs to one goroutine
// at a time.
type Function interface {
	// Call calls it with arg as JSON and returns its settled result as JSON,
	// nil when that is undefined or null. The error is an *Exception when the
	// script threw, an *Interrupted when ctx ended first.
	Call(ctx context.Context, arg []byte) ([]byte, error)
	// Close frees the VU. It is called once.
	Close()
}

// Identity tells a VU who it is. Numbers start at 1.
type Identity struct {
	InInstance uint64 // number within its runner
	InTest     uint64 // number within the whole test, __VU
}

// VU is one virtual user. It belongs to one goroutine at a time.
type VU interface {
	// Setup runs vuSetup(data), if the script has one: once in a VU's life,
	// before its first Iterate. After an error it may be called again.
	Setup(ctx context.Context) error
	// Teardown runs vuTeardown(data), if the script has one and Setup was
	// completed: once, after the last Iterate.
	Teardown(ctx context.Context) error
	// Iterate runs one iteration and waits for it, promises and timers
	// included. The error is nil, an *Exception (the script threw), an
	// *Interrupted (ctx ended first), or any other error for a fault of ours;
	// after the last kind the VU must be closed and not used again.
	Iterate(ctx context.Context, it Iteration) error
	// Close frees connections and timers. It is called once.
	Close()
}

// Iteration says which iteration to run.
type Iteration struct {
	Scenario *Scenario
	// Scheduled says that the iteration was due at a time, and Delay how long
	// after that it began. Both are zero in closed models without pacing.
	Scheduled bool
	Delay     time.Duration
	// Counters start at 0.
	InVU       uint64 // iterations this VU has begun before (in this scenario), __ITER
	InScenario uint64 // number within the scenario on this runner
	InTest     uint64 // number within the scenario over all runners; InScenario where they are not numbered
}

// Scenario is what a VU must know of the scenario it works for. Its owner
// never changes it; VUs compare pointers to see a change of scenario.
type Scenario struct {
	Name string
	Exec string            // name of the exported function, "default" for the default export
	Env  map[string]string // laid over __ENV
	Tags map[string]string // added to every sample
}

// Frame is one level of a script's stack, in the author's source.
type Frame struct {
	Function string // "" at top level
	File     string // relative to the project folder, slash-separated
	Line     int    // from 1
	Column   int    // from 1
}

// Exception is an error thrown by the script.
type Exception struct {
	Name    string  // "TypeError", "Error", …
	Message string  // without the name
	Stack   []Frame // innermost first; may be empty
}

// Error returns "Name: Message".
func (e *Exception) Error() string {
	if e.Name == "" {
		return e.Message
	}
	return e.Name + ": " + e.Message
}

// Interrupted says that the iteration, or setup and the like, was ended from
// outside before it was complete.
type Interrupted struct{ Cause error }

// Error names the cause.
func (e *Interrupted) Error() string { return "interrupted: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *Interrupted) Unwrap() error { return e.Cause }
