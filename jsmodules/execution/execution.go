// Package execution is the module swarm/execution, alias k6/execution: what a
// script may know of the test it is part of, and do to it.
//
// Its objects are made when they are read, and their properties ask anew each
// time: nothing is kept up to date for a script that does not look.
package execution

import (
	"fmt"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox"
)

// Module describes the module.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm/execution", "k6/execution"},
		Exports: []string{"default", "scenario", "instance", "test", "vu", "agent"},
		Load:    load,
	}
}

// module is what the VUs of one Program share.
type module struct {
	plan        *plan.Plan // nil while a script is only inspected
	now         func() time.Time
	optionsList func() []option // what test.options shows, made once

	surface, scenarioShape, instanceShape, testShape, vuShape, metricsShape, agentShape *sandbox.Shape[*instance]

	mu     sync.Mutex
	starts map[string]int64 // of scenarios, Unix milliseconds, as first told
}

// instance is the module in one VU.
type instance struct {
	*module
	v        *sandbox.VU
	object   *goja.Object
	metrics  *goja.Object // exec.vu.metrics; these are nil until read
	tags     *goja.Object // one object under two names
	metadata *goja.Object
	options  goja.Value
}

func load(h *sandbox.Host) (sandbox.New, error) {
	m := &module{plan: h.Plan, now: h.Now, starts: make(map[string]int64)}
	if m.now == nil {
		m.now = time.Now
	}
	m.optionsList = sync.OnceValue(func() []option { return listOptions(m.plan) })

	object := func(name string, of func() *sandbox.Shape[*instance]) sandbox.Prop[*instance] {
		return sandbox.Prop[*instance]{Name: name, Make: func(in *instance) goja.Value { return of().New(in.v, in) }}
	}
	m.surface = sandbox.NewShape(
		object("scenario", func() *sandbox.Shape[*instance] { return m.scenarioShape }),
		object("instance", func() *sandbox.Shape[*instance] { return m.instanceShape }),
		object("test", func() *sandbox.Shape[*instance] { return m.testShape }),
		object("vu", func() *sandbox.Shape[*instance] { return m.vuShape }),
		object("agent", func() *sandbox.Shape[*instance] { return m.agentShape }),
		sandbox.Prop[*instance]{Name: "default", Make: func(in *instance) goja.Value { return in.object }},
	).Fixed()

	m.scenarioShape = shape("exec.scenario", iterations,
		number("iterationInInstance", func(in *instance) float64 { return float64(in.v.Iteration().InScenario) }),
		number("iterationInTest", func(in *instance) float64 { return float64(in.v.Iteration().InTest) }),
		text("name", func(in *instance) string { return in.v.Iteration().Scenario.Name }),
		text("executor", (*instance).executor),
		number("startTime", (*instance).startTime),
		number("progress", func(in *instance) float64 { return in.status().Progress }),
	)
	m.instanceShape = shape("exec.instance", loaded,
		number("currentTestRunDuration", func(in *instance) float64 { return milliseconds(in.v.Status().Elapsed) }),
		number("iterationsCompleted", func(in *instance) float64 { return float64(in.v.Status().Complete) }),
		number("iterationsInterrupted", func(in *instance) float64 { return float64(in.v.Status().Interrupted) }),
		number("vusActive", func(in *instance) float64 { return float64(in.v.Status().VUs) }),
		number("vusInitialized", func(in *instance) float64 { return float64(in.v.Status().VUsMax) }),
	)
	m.testShape = shape("exec.test", always,
		sandbox.Prop[*instance]{Name: "abort", Make: (*instance).abort},
		sandbox.Prop[*instance]{Name: "fail", Make: (*instance).fail},
		sandbox.Prop[*instance]{Name: "options", Live: true, Make: (*instance).testOptions},
	)
	m.vuShape = shape("exec.vu", loaded,
		number("idInInstance", func(in *instance) float64 { return float64(in.v.Identity().InInstance) }),
		number("idInTest", func(in *instance) float64 { return float64(in.v.Identity().InTest) }),
		number("iterationInInstance", (*instance).iterationInInstance),
		sandbox.Prop[*instance]{Name: "iterationInScenario", Live: true, Make: func(in *instance) goja.Value {
			in.need("exec.vu.iterationInScenario", iterations)
			return in.v.Runtime().ToValue(in.v.Iteration().InVU)
		}},
		sandbox.Prop[*instance]{Name: "tags", Live: true, Make: (*instance).vuTags},
		sandbox.Prop[*instance]{Name: "metrics", Make: (*instance).vuMetrics},
	)
	m.metricsShape = shape("exec.vu.metrics", loaded,
		sandbox.Prop[*instance]{Name: "tags", Live: true, Make: (*instance).vuTags},
		sandbox.Prop[*instance]{Name: "metadata", Live: true, Make: (*instance).vuMetadata},
	)
	// One runner works the whole load.
	m.agentShape = shape("exec.agent", always,
		number("id", func(*instance) float64 { return 1 }),
		number("count", func(*instance) float64 { return 1 }),
	)
	return func(v *sandbox.VU) *goja.Object {
		in := &instance{module: m, v: v}
		in.object = m.surface.New(v, in)
		return in.object
	}, nil
}

// when says in which phases something can be read.
type when uint8

const (
	always     when = iota
	loaded          // not in init
	iterations      // in iterations alone
)

// need throws when the script reads what is not there in this phase.
func (in *instance) need(name string, w when) {
	phase := in.v.Phase()
	switch {
	case w == iterations && phase != sandbox.Running:
		in.v.Throw("Error", fmt.Sprintf("%s cannot be read in %s: it is there in iterations, in the default function or a scenario's", name, phase))
	case w == loaded && phase == sandbox.Init:
		in.v.Throw("Error", fmt.Sprintf("%s cannot be read in init: it is there in the default function, in setup and in teardown", name))
	}
}

// shape is a Shape whose properties can be read in the phases w says.
func shape(name string, w when, props ...sandbox.Prop[*instance]) *sandbox.Shape[*instance] {
	if w != always {
		for i, p := range props {
			props[i].Make = func(in *instance) goja.Value {
				in.need(name+"."+p.Name, w)
				return p.Make(in)
			}
			props[i].Live = true
		}
	}
	return sandbox.NewShape(props...).Fixed()
}

func number(name string, f func(*instance) float64) sandbox.Prop[*instance] {
	return sandbox.Prop[*instance]{Name: name, Live: true, Make: func(in *instance) goja.Value { return in.v.Runtime().ToValue(f(in)) }}
}

func text(name string, f func(*instance) string) sandbox.Prop[*instance] {
	return sandbox.Prop[*instance]{Name: name, Live: true, Make: func(in *instance) goja.Value { return in.v.Runtime().ToValue(f(in)) }}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// executor returns the name of the current scenario's executor.
func (in *instance) executor() string {
	if in.plan != nil {
		for i := range in.plan.Scenarios {
			if s := &in.plan.Scenarios[i]; s.Name == in.v.Iteration().Scenario.Name {
				return s.Executor
			}
		}
	}
	return ""
}

// status returns where the current scenario stands.
func (in *instance) status() sandbox.ScenarioStatus {
	name := in.v.Iteration().Scenario.Name
	for _, s := range in.v.Status().Scenarios {
		if s.Name == name {
			return s
		}
	}
	return sandbox.ScenarioStatus{Name: name}
}

// startTime returns when the current scenario began, in milliseconds of Unix
// time: the same to all who ask, and every time.
func (in *instance) startTime() float64 {
	name := in.v.Iteration().Scenario.Name
	in.mu.Lock()
	defer in.mu.Unlock()
	start, known := in.starts[name]
	if !known {
		start = in.now().Add(-in.status().Elapsed).UnixMilli()
		in.starts[name] = start
	}
	return float64(start)
}

// iterationInInstance counts from 0, all scenarios together.
func (in *instance) iterationInInstance() float64 {
	return max(float64(in.v.Begun())-1, 0)
}

func (in *instance) reason(call goja.FunctionCall) string {
	if reason := call.Argument(0); !goja.IsUndefined(reason) {
		return in.v.Describe(reason)
	}
	return ""
}

// abort ends the whole test.
func (in *instance) abort() goja.Value {
	return in.v.Func("abort", 1, func(call goja.FunctionCall) goja.Value {
		in.v.Abort(in.reason(call))
		return nil
	})
}

// fail makes the whole test fail.
func (in *instance) fail() goja.Value {
	return in.v.Func("fail", 1, func(call goja.FunctionCall) goja.Value {
		in.v.Fail(in.reason(call))
		return goja.Undefined()
	})
}
