package core

import (
	"fmt"
	"reflect"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/sandbox"
)

var (
	promiseType  = reflect.TypeFor[*goja.Promise]()
	functionType = reflect.TypeFor[func(goja.FunctionCall) goja.Value]()
)

func isPromise(value goja.Value) bool {
	obj, ok := value.(*goja.Object)
	return ok && obj.ExportType() == promiseType
}

// check runs named conditions on a value, records each as a sample of the
// metric checks, and returns whether all held. It never ends the iteration,
// unless a condition throws: that one is recorded as failed first.
func (m *module) check(v *sandbox.VU, call goja.FunctionCall) goja.Value {
	if v.Phase() == sandbox.Init {
		v.Throw("Error", "check cannot be used in init; call it in the default function or in setup")
	}
	conditions, ok := call.Argument(1).(*goja.Object)
	if !ok {
		v.Throw("TypeError", "check: the second argument must be an object of named conditions, got "+v.Describe(call.Argument(1)))
	}
	args := call.Arguments[:1]
	var extra []metric.Tag
	if len(call.Arguments) > 2 {
		extra = v.AppendTags(nil, "check", call.Arguments[2])
	}
	all := true
	for _, name := range sandbox.PropertyNames(conditions) {
		result := conditions.Get(name)
		if condition := function(result); condition != nil {
			result = m.evaluate(v, condition, args, name, extra)
		}
		if isPromise(result) {
			v.Throw("TypeError", fmt.Sprintf("check %q: the condition is asynchronous; await what it needs first and check the result", name))
		}
		passed := result.ToBoolean()
		m.record(v, name, extra, passed)
		all = all && passed
	}
	return v.Bool(all)
}

// evaluate calls a condition. If it throws, the check has failed and the
// exception goes on.
func (m *module) evaluate(v *sandbox.VU, condition func(goja.FunctionCall) goja.Value, args []goja.Value, name string, extra []metric.Tag) goja.Value {
	returned := false
	defer func() {
		if !returned {
			m.record(v, name, extra, false)
		}
	}()
	result := condition(goja.FunctionCall{This: goja.Undefined(), Arguments: args})
	returned = true
	return result
}

// function returns the function behind value, nil if it is none. What it
// throws is thrown through the caller; that makes it twice as fast as a
// goja.Callable.
func function(value goja.Value) func(goja.FunctionCall) goja.Value {
	obj, ok := value.(*goja.Object)
	if !ok {
		return nil
	}
	if obj.ExportType() == functionType {
		if f, ok := obj.Export().(func(goja.FunctionCall) goja.Value); ok {
			return f
		}
	}
	callable, ok := goja.AssertFunction(value)
	if !ok {
		return nil
	}
	return func(call goja.FunctionCall) goja.Value {
		result, err := callable(call.This, call.Arguments...)
		if err != nil {
			panic(err) // as it was thrown, stack included
		}
		return result
	}
}

func (m *module) record(v *sandbox.VU, name string, extra []metric.Tag, passed bool) {
	var series *metric.Series
	switch {
	case extra == nil && m.tagChecks:
		series = m.series.SeriesWithTag(v.Scope(), m.checks, metric.Tag{Key: "check", Value: name})
	case extra == nil:
		series = m.series.Series(v.Scope(), m.checks)
	default:
		tags := extra
		if m.tagChecks {
			tags = append(tags[:len(tags):len(tags)], metric.Tag{Key: "check", Value: name})
		}
		series = m.series.SeriesWithTags(v.Scope(), m.checks, tags)
	}
	value := 0.0
	if passed {
		value = 1
	}
	v.Recorder().Record(series, value)
}
