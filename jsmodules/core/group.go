package core

import (
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

// group runs a function with its name added to the tag `group`, records how
// long it took as group_duration, and returns what the function returned. An
// async function stays in its group across awaits; its group ends when the
// promise is settled.
func (m *module) group(v *sandbox.VU, call goja.FunctionCall) goja.Value {
	if v.Phase() == sandbox.Init {
		v.Throw("Error", "group cannot be used in init; call it in the default function or in setup")
	}
	name := call.Argument(0)
	if _, ok := name.(goja.String); !ok {
		v.Throw("TypeError", "group: the first argument must be a name, got "+v.Describe(name))
	}
	fn, ok := goja.AssertFunction(call.Argument(1))
	if !ok {
		v.Throw("TypeError", "group: the second argument must be a function, got "+v.Describe(call.Argument(1)))
	}

	leave := v.EnterGroup(name.String())
	defer leave()
	scope, start := v.Scope(), m.now()
	record := func() {
		duration := float64(m.now().Sub(start)) / float64(time.Millisecond)
		v.Recorder().Record(m.series.Series(scope, m.groupDuration), duration)
	}
	result, err := fn(goja.Undefined())
	if err == nil && isPromise(result) {
		return afterwards(v, result.(*goja.Object), record)
	}
	record()
	if err != nil {
		panic(err) // as it was thrown, stack included
	}
	return result
}

// afterwards returns a promise that settles as promise does, after record.
func afterwards(v *sandbox.VU, promise *goja.Object, record func()) goja.Value {
	then, ok := goja.AssertFunction(promise.Get("then"))
	if !ok {
		return promise
	}
	fulfilled := v.Func("", 1, func(call goja.FunctionCall) goja.Value {
		record()
		return call.Argument(0)
	})
	rejected := v.Func("", 1, func(call goja.FunctionCall) goja.Value {
		record()
		panic(call.Argument(0))
	})
	settled, err := then(promise, fulfilled, rejected)
	if err != nil {
		panic(err)
	}
	return settled
}
