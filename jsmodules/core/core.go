// Package core is the module swarm, alias k6: checks, groups, pauses.
package core

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/sandbox"
)

// Module describes the module.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm", "k6"},
		Exports: []string{"check", "group", "sleep", "fail", "randomSeed"},
		Load:    load,
	}
}

// module is what the VUs of one Program share.
type module struct {
	checks, groupDuration *metric.Metric
	tagChecks             bool // whether samples bear the name of the check
	series                *sandbox.SeriesCache
	now                   func() time.Time
	sleepless             atomic.Bool // told of a sleep that was given no number
}

func load(h *sandbox.Host) (sandbox.New, error) {
	m := &module{
		checks:        h.Registry.Lookup(metric.Checks),
		groupDuration: h.Registry.Lookup(metric.GroupDuration),
		tagChecks:     h.Plan == nil || slices.Contains(h.Plan.SystemTags, "check"),
		series:        sandbox.NewSeriesCache(h.Registry),
		now:           h.Now,
	}
	if m.now == nil {
		m.now = time.Now
	}
	function := func(name string, length int, f func(*sandbox.VU, goja.FunctionCall) goja.Value) sandbox.Prop[*sandbox.VU] {
		return sandbox.Prop[*sandbox.VU]{Name: name, Make: func(v *sandbox.VU) goja.Value {
			return v.Func(name, length, func(call goja.FunctionCall) goja.Value { return f(v, call) })
		}}
	}
	shape := sandbox.NewShape(
		function("check", 3, m.check),
		function("group", 2, m.group),
		function("sleep", 1, m.sleep),
		function("fail", 1, fail),
		function("randomSeed", 1, randomSeed),
	)
	return func(v *sandbox.VU) *goja.Object { return shape.New(v, v) }, nil
}

// sleep pauses the VU for a number of seconds. It does not wait for a negative
// time, which is what sleep(1 - elapsed) comes to when the target is slow, nor
// for what is no number, of which it warns.
func (m *module) sleep(v *sandbox.VU, call goja.FunctionCall) goja.Value {
	seconds := call.Argument(0).ToFloat()
	switch {
	case math.IsNaN(seconds):
		if !m.sleepless.Swap(true) {
			v.Log("warn", "sleep", "sleep: needs a number of seconds, got "+v.Describe(call.Argument(0))+": it does not wait")
		}
		seconds = 0
	case seconds > math.MaxInt64/float64(time.Second)-1:
		v.Throw("RangeError", fmt.Sprintf("sleep: %v seconds are too long", seconds))
	}
	v.Sleep(time.Duration(seconds * float64(time.Second)))
	return goja.Undefined()
}

// fail ends the iteration with an error.
func fail(v *sandbox.VU, call goja.FunctionCall) goja.Value {
	message := ""
	if reason := call.Argument(0); !goja.IsUndefined(reason) {
		message = v.Describe(reason)
	}
	if message == "" {
		message = "fail was called"
	}
	v.Throw("Error", message)
	return nil
}

// randomSeed makes the random numbers that follow repeatable.
func randomSeed(v *sandbox.VU, call goja.FunctionCall) goja.Value {
	seed := call.Argument(0).ToFloat()
	if math.IsNaN(seed) || math.IsInf(seed, 0) {
		v.Throw("TypeError", "randomSeed: needs a whole number, got "+v.Describe(call.Argument(0)))
	}
	v.Reseed(uint64(call.Argument(0).ToInteger()))
	return goja.Undefined()
}
