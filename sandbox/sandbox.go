// Package sandbox runs scripts. It gives each VU a JavaScript runtime of its
// own that can reach nothing but the modules it was given.
//
// A bundle is compiled once into a [Script]. A [Program] binds the script to a
// [Host], the only piece of the outside world its VUs may touch, and satisfies
// the engine's vu.Script. Every [VU] runs the shared, immutable code in a
// runtime of its own on the goroutine that owns it.
//
// # Memory
//
// There may be a hundred thousand VUs, so nothing is made before it is used.
// Module objects and globals are described once per Program as a [Shape] and
// come into being, property by property, when a script reads them. Intrinsics
// are neither frozen nor wrapped: VUs share no JavaScript object, so what a
// script does to its own intrinsics stays in its own VU.
//
// # Safety
//
// No Go struct, map, error or pointer is handed to a script. Code cannot be
// made from strings (see refuseCodeGeneration). Each way into JavaScript
// recovers panics. What goja cannot contain in-process (huge allocations,
// native loops) is left to the process around it.
package sandbox

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// Module is one importable JavaScript module: a stateless description.
type Module struct {
	Names   []string // canonical name first, then aliases
	Exports []string // names of the properties of the object New returns; "default" among them when it has one
	// Load is called once per Program. What all VUs of a runner share (caches,
	// pools, settings from h.Plan) lives in the closure it returns.
	Load func(h *Host) (New, error)
}

// New makes the module's object in one VU, the first time the VU's code
// requires it. It runs on the VU's goroutine.
type New func(v *VU) *goja.Object

// Global is a property of the global object, made when first read.
type Global struct {
	Name string
	Load func(h *Host) (func(v *VU) goja.Value, error)
}

// Host is what a Program may touch of the outside world. Shared by all its VUs.
type Host struct {
	Registry *metric.Registry
	// Plan is nil while a script is only being inspected.
	Plan *plan.Plan
	Env  map[string]string // __ENV; read-only
	// Log takes a line of console output or a warning. Safe for concurrent use, never blocks.
	Log func(LogLine)
	// Dial opens every connection scripts make; the egress policy is behind it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialPacket resolves and checks address like Dial and opens an unconnected
	// UDP socket that can reach the address returned with it. May be nil.
	DialPacket func(ctx context.Context, address string) (net.PacketConn, net.Addr, error)
	// Permit returns the policy's refusal when host:port, which a proxy is to be
	// asked for, must not be reached. May be nil.
	Permit func(ctx context.Context, address string) error
	// Resolve returns host:port with the host resolved, for proxies that resolve
	// no names; refused as Dial refuses. May be nil.
	Resolve func(ctx context.Context, address string) (string, error)
	// CheckHost returns the policy's refusal of a host name. May be nil.
	CheckHost func(host string) error
	// KeyLog takes the secrets of TLS sessions, for those who want to look into
	// their own traffic. Safe for concurrent use; nil: they are not written.
	KeyLog io.Writer
	// Now is the clock.
	Now func() time.Time
	// Test takes what a script says of the whole test. May be nil.
	Test Test
	// SocketError counts a request that failed because the generator had no
	// descriptor or no local port left. Safe for concurrent use; may be nil.
	SocketError func()
	// Sleepers are where VUs wait; nil: each by a timer of its own.
	Sleepers *alarm.Sleepers
	// Seed makes random numbers repeatable; each VU derives its own.
	Seed uint64
}

// Test is what a script may do to and know of the test it is part of. Methods
// are called from VU goroutines, several at once, and must not block.
type Test interface {
	// Abort asks for the end of the whole test, gracefully; Fail lets it go on
	// and makes it fail. Both may be called in any phase, init included.
	Abort(reason string)
	Fail(reason string)
	// Status returns where the runner's load stands; the zero Status outside it.
	Status() Status
}

// Status is what exec.scenario and exec.instance tell of the running load.
type Status struct {
	Elapsed     time.Duration // since the start of load
	VUs         int           // at work
	VUsMax      int           // made
	Complete    uint64        // iterations, all scenarios
	Interrupted uint64
	Scenarios   []ScenarioStatus
}

// ScenarioStatus is a moment of one scenario.
type ScenarioStatus struct {
	Name     string
	Elapsed  time.Duration // since its start
	Progress float64       // 0 to 1
}

func (h *Host) log(l LogLine) {
	if h.Log != nil {
		h.Log(l)
	}
}

// LogLine is one line for the user.
type LogLine struct {
	Level    string // "debug", "info", "warn", "error"
	Text     string
	Source   string // "console", "http", …
	VU       uint64 // 0 outside VUs
	Scenario string
	At       vu.Frame // where in the script; zero when unknown
	Hint     string   // what to do about it; may be empty
}

// Phase tells which part of its life the script is in.
type Phase uint8

// Phases.
const (
	Init Phase = iota
	Setup
	Running
	Teardown
	Summary
	VUSetup
	VUTeardown
	Consulted // a function is asked for the shape of the load
)

// String names the phase as messages to users do.
func (p Phase) String() string {
	switch p {
	case Init:
		return "init"
	case Setup:
		return "setup"
	case Running:
		return "an iteration"
	case Teardown:
		return "teardown"
	case VUSetup:
		return "vuSetup"
	case VUTeardown:
		return "vuTeardown"
	case Consulted:
		return "shape"
	}
	return "handleSummary"
}
