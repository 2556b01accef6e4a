// Package metrics is the module swarm/metrics, alias k6/metrics: metrics that a
// script defines.
package metrics

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/sandbox"
)

// Module describes the module.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm/metrics", "k6/metrics"},
		Exports: []string{"Counter", "Gauge", "Rate", "Trend"},
		Load:    load,
	}
}

// module is what the VUs of one Program share.
type module struct {
	series *sandbox.SeriesCache
	warned sync.Map // names of metrics that were given a value which is no number
}

func load(h *sandbox.Host) (sandbox.New, error) {
	m := &module{series: sandbox.NewSeriesCache(h.Registry)}
	class := func(name string, t metric.Type) sandbox.Prop[*instance] {
		return sandbox.Prop[*instance]{Name: name, Make: func(in *instance) goja.Value { return in.class(name, t) }}
	}
	shape := sandbox.NewShape(
		class("Counter", metric.Counter),
		class("Gauge", metric.Gauge),
		class("Rate", metric.Rate),
		class("Trend", metric.Trend),
	)
	return func(v *sandbox.VU) *goja.Object {
		return shape.New(v, &instance{module: m, v: v, metrics: make(map[*goja.Object]*custom)})
	}, nil
}

// instance is the module in one VU.
type instance struct {
	*module
	v *sandbox.VU
	// metrics finds the metric behind a script's object. The object itself
	// holds nothing of ours.
	metrics map[*goja.Object]*custom
	add     *goja.Object // the one `add` on all prototypes; nil until needed
}

// custom is one metric in one VU, with the series it used last: samples mostly
// come with the same tags again and again.
type custom struct {
	metric *metric.Metric
	scope  *sandbox.Scope
	tags   []metric.Tag
	series *metric.Series
}

// class makes the constructor of one type of metric.
func (in *instance) class(name string, t metric.Type) *goja.Object {
	var constructor *goja.Object
	constructor = in.v.Constructor(name, 2, func(call goja.ConstructorCall) *goja.Object {
		// Called as a method, without new, This is whatever it is a method of.
		if !in.v.Runtime().InstanceOf(call.This, constructor) {
			in.v.Throw("TypeError", name+" must be called with new")
		}
		in.define(call, name, t)
		return nil
	})
	if in.add == nil {
		in.add = in.v.Func("add", 2, in.addSample)
	}
	prototype := constructor.Get("prototype").(*goja.Object)
	_ = prototype.DefineDataProperty("add", in.add, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	return constructor
}

func (in *instance) define(call goja.ConstructorCall, class string, t metric.Type) {
	if in.v.Phase() != sandbox.Init {
		in.v.Throw("Error", fmt.Sprintf("new %s: metrics must be made in init, at the top level of the script", class))
	}
	name, ok := call.Argument(0).(goja.String)
	if !ok {
		in.v.Throw("TypeError", fmt.Sprintf("new %s: the first argument must be the metric's name, got %s", class, in.v.Describe(call.Argument(0))))
	}
	unit := metric.Plain
	if call.Argument(1).ToBoolean() {
		unit = metric.Time
	}
	defined, err := in.v.DefineMetric(name.String(), t, unit)
	if err != nil {
		in.v.Throw("Error", fmt.Sprintf("new %s: %v", class, err))
	}
	in.metrics[call.This] = &custom{metric: defined}
	_ = call.This.DefineDataProperty("name", name, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE)
}

// addSample is `add(value, tags)`. It returns whether the value was taken.
func (in *instance) addSample(call goja.FunctionCall) goja.Value {
	this, _ := call.This.(*goja.Object)
	c := in.metrics[this]
	if c == nil {
		in.v.Throw("TypeError", "add must be called on a metric")
	}
	if in.v.Phase() == sandbox.Init {
		in.v.Throw("Error", fmt.Sprintf("metric %s: samples cannot be added in init", c.metric.Name))
	}
	value := call.Argument(0).ToFloat()
	switch {
	case math.IsNaN(value) || math.IsInf(value, 0):
		in.warn(c.metric.Name, in.v.Describe(call.Argument(0))+" is not a number")
		return in.v.Bool(false)
	case value < 0 && c.metric.Type == metric.Counter:
		in.warn(c.metric.Name, in.v.Describe(call.Argument(0))+" is negative, and a counter only grows")
		return in.v.Bool(false)
	}
	scope := in.v.Scope()
	if len(call.Arguments) > 1 {
		var few [4]metric.Tag
		tags := in.v.AppendTags(few[:0], "add", call.Arguments[1])
		if c.series == nil || c.scope != scope || !slices.Equal(c.tags, tags) {
			c.series = in.series.SeriesWithTags(scope, c.metric, tags)
			c.scope, c.tags = scope, append(c.tags[:0], tags...)
		}
	} else if c.series == nil || c.scope != scope || len(c.tags) > 0 {
		c.series = in.series.Series(scope, c.metric)
		c.scope, c.tags = scope, c.tags[:0]
	}
	in.v.Recorder().Record(c.series, value)
	return in.v.Bool(true)
}

// warn tells once per metric that a value was left out.
func (in *instance) warn(name, why string) {
	if _, told := in.warned.LoadOrStore(name, true); told {
		return
	}
	in.v.Log("warn", "metrics", fmt.Sprintf("metric %s: %s; it was left out, and further ones are silently", name, why))
}
