// Package sandbox runs scripts. It gives each VU a JavaScript runtime of its
// own that can reach nothing but the modules it was given.
package sandbox

// CONTRACT (scaffolding, replaced by the implementation; signatures stay).

import (
	"context"
	"net"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
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
	// Now is the clock.
	Now func() time.Time
	// Seed makes random numbers repeatable; each VU derives its own.
	Seed uint64
}

// LogLine is one line for the user.
type LogLine struct {
	Level    string // "debug", "info", "warn", "error"
	Text     string
	Source   string // "console", "http", …
	VU       uint64 // 0 outside VUs
	Scenario string
}

// Script is a compiled bundle. Safe for concurrent use.
type Script struct{}

// Compile parses the bundle and notes which modules and globals exist. It runs nothing.
func Compile(b *bundle.Bundle, modules []Module, globals []Global) (*Script, error) {
	panic("contract")
}

// Inspection is what running a script's top level once tells.
type Inspection struct {
	Options []byte          // JSON of the exported options, "{}" when none
	Exports []string        // names of exported functions, "default" among them
	Metrics []metric.Metric // custom metrics defined
}

// Inspect runs the top level in a throw-away runtime. The error is an *vu.Exception when the script threw.
func (s *Script) Inspect(ctx context.Context, h *Host) (Inspection, error) { panic("contract") }

// Program returns what runs VUs of the script on host h, whose Plan is set.
func (s *Script) Program(h *Host) (*Program, error) { panic("contract") }

// Program satisfies vu.Script.
type Program struct{}

var _ vu.Script = (*Program)(nil)

func (p *Program) NewVU(ctx context.Context, id vu.Identity) (vu.VU, error) { panic("contract") }
func (p *Program) Setup(ctx context.Context) ([]byte, error)                { panic("contract") }
func (p *Program) SetSetupData(data []byte)                                 { panic("contract") }
func (p *Program) Teardown(ctx context.Context) error                       { panic("contract") }
func (p *Program) HandleSummary(ctx context.Context, data []byte) (map[string][]byte, error) {
	panic("contract")
}

// VU is one runtime with its event loop. Everything here is for the goroutine
// that owns the VU, except where stated.
type VU struct{}

var _ vu.VU = (*VU)(nil)

func (v *VU) Iterate(ctx context.Context, it vu.Iteration) error { panic("contract") }
func (v *VU) Close()                                             { panic("contract") }

// Runtime returns the VU's JavaScript runtime.
func (v *VU) Runtime() *goja.Runtime { panic("contract") }

// Host returns what the VU may touch.
func (v *VU) Host() *Host { panic("contract") }

// Identity returns the VU's numbers; zero in init, setup, teardown.
func (v *VU) Identity() vu.Identity { panic("contract") }

// Context ends when the running phase or iteration must end.
func (v *VU) Context() context.Context { panic("contract") }

// Recorder is where the VU's samples go.
func (v *VU) Recorder() *metric.Recorder { panic("contract") }

// Phase tells which part of its life the script is in.
type Phase uint8

// Phases.
const (
	Init Phase = iota
	Setup
	Running
	Teardown
	Summary
)

// Phase returns the current phase. Modules that use the network refuse in Init and Summary.
func (v *VU) Phase() Phase { panic("contract") }

// Scope is the set of tags in force: test, scenario and group. Scopes are
// interned: same tags, same pointer, across all VUs of a Program. Modules use
// the pointer as cache key for series handles. Immutable.
type Scope struct {
	Tags     metric.Tags // complete: test-wide tags, scenario's tags, `scenario` and `group` where systemTags has them
	Scenario string
	Group    string // "::outer::inner", "" outside groups
}

// Scope returns the scope in force.
func (v *VU) Scope() *Scope { panic("contract") }

// EnterGroup makes name the innermost group and returns what restores the scope before it.
func (v *VU) EnterGroup(name string) (leave func()) { panic("contract") }

// Throw raises a JavaScript exception in the running script: an Error object
// whose name is kind ("TypeError", "Error", "HTTPError", …). It does not return.
func (v *VU) Throw(kind, message string) { panic("contract") }

// Sleep blocks the VU for d, or until Context ends; then it stops the script
// in a way that no catch or finally of the script can hold up.
func (v *VU) Sleep(d time.Duration) { panic("contract") }

// Pending announces work that will complete later on another goroutine. The
// iteration does not end before resolve was called; resolve may be called from
// any goroutine, once, and runs fn on the VU's goroutine.
func (v *VU) Pending() (resolve func(fn func())) { panic("contract") }

// OnClose registers fn to run when the VU is closed.
func (v *VU) OnClose(fn func()) { panic("contract") }

// OnIterationEnd registers fn to run at the end of every iteration, such as
// resetting cookies.
func (v *VU) OnIterationEnd(fn func()) { panic("contract") }
