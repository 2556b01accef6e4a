// Package metrics is the module swarm/metrics, alias k6/metrics: metrics that a
// script defines.
package metrics

import (
	"fmt"
	"maps"
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
		return shape.New(v, &instance{module: m, v: v})
	}, nil
}

// instance is the module in one VU.
type instance struct {
	*module
	v   *sandbox.VU
	add *goja.Object // the one `add` on all prototypes; nil until needed
	few []*custom    // the first few metrics: found without allocating
}

// maxFew is how many metrics are looked through before one is asked itself.
const maxFew = 16

// find returns the metric behind a script's object, nil when it is none of this VU.
func (in *instance) find(value goja.Value) *custom {
	this, ok := value.(*goja.Object)
	if !ok {
		return nil
	}
	for _, c := range in.few {
		if c.object == this {
			return c
		}
	}
	if c, ok := this.Export().(*custom); ok && c.in == in {
		return c
	}
	return nil
}

// custom is one metric in one VU: an object with the property name. It keeps
// the series it used last, as samples mostly come with the same tags again and
// again.
type custom struct {
	in     *instance
	object *goja.Object
	metric *metric.Metric
	extra  map[string]goja.Value // what the script added to the object
	scope  *sandbox.Scope
	tags   []metric.Tag
	series *metric.Series
}

// class makes the constructor of one type of metric.
func (in *instance) class(name string, t metric.Type) *goja.Object {
	var prototype *goja.Object
	constructor := in.v.Constructor(name, 2, func(call goja.ConstructorCall) *goja.Object {
		// Called as a method, without new, This is whatever it is a method of.
		if !inherits(call.This, prototype) {
			in.v.Throw("TypeError", name+" must be called with new")
		}
		return in.define(call, name, t)
	})
	if in.add == nil {
		in.add = in.v.Func("add", 2, in.addSample)
	}
	prototype = constructor.Get("prototype").(*goja.Object)
	_ = prototype.DefineDataProperty("add", in.add, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	return constructor
}

// inherits reports whether o was made by the class with that prototype, or one
// derived from it. Runtime.InstanceOf tells the same, and leaves a kilobyte of
// functions behind that it needs for that.
func inherits(o, prototype *goja.Object) bool {
	for p := o.Prototype(); p != nil; p = p.Prototype() {
		if p == prototype {
			return true
		}
	}
	return false
}

func (in *instance) define(call goja.ConstructorCall, class string, t metric.Type) *goja.Object {
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
	// An object of ours takes a third of the memory of the one that new made.
	c := &custom{in: in, metric: defined}
	c.object = in.v.Runtime().NewDynamicObject(c)
	_ = c.object.SetPrototype(call.This.Prototype()) // a fresh object takes any
	if len(in.few) < maxFew {
		in.few = append(in.few, c)
	}
	return c.object
}

func (c *custom) Get(key string) goja.Value {
	if key == "name" {
		return c.in.v.Runtime().ToValue(c.metric.Name)
	}
	return c.extra[key]
}

func (c *custom) Set(key string, value goja.Value) bool {
	if key == "name" {
		return false
	}
	if c.extra == nil {
		c.extra = make(map[string]goja.Value)
	}
	c.extra[key] = value
	return true
}

func (c *custom) Has(key string) bool {
	_, ok := c.extra[key]
	return ok || key == "name"
}

func (c *custom) Delete(key string) bool {
	delete(c.extra, key)
	return key != "name"
}

func (c *custom) Keys() []string {
	return append([]string{"name"}, slices.Sorted(maps.Keys(c.extra))...)
}

// addSample is `add(value, tags)`. It returns whether the value was taken.
func (in *instance) addSample(call goja.FunctionCall) goja.Value {
	c := in.find(call.This)
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
