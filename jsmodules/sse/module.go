// Package sse is the module swarm/sse: it reads streams of Server-Sent Events.
//
// # How it is built
//
// A parser turns bytes into events; it is all that knows the format. A
// subscription asks for a stream with the client of swarm/http, reads it, asks
// again where that is wanted, and tells what comes. Neither knows of JavaScript.
// Scripts see a subscription with three faces: an EventSource, whose handlers
// the event loop calls; open, which blocks the VU and calls handlers meanwhile;
// and events, for loops with for await.
//
// For open the VU's goroutine reads the stream itself. For the others a
// goroutine does, and a line carries what it tells to the VU's. It never reads
// on before the VU has asked for more: a script that is slow slows the server
// down, and nothing piles up in between.
package sse

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
)

// Names of the metrics, which exist when a script imports the module.
const (
	metricEvents   = "sse_events"              // Counter
	metricFirst    = "sse_time_to_first_event" // Trend: from the request to the first event
	metricInterval = "sse_event_interval"      // Trend: from the event before, as they arrived
)

// Module describes swarm/sse.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm/sse"},
		Exports: []string{"EventSource", "open", "events", "default"},
		Load: func(*sandbox.Host) (sandbox.New, error) {
			p := &program{
				exports: sandbox.NewShape(
					sandbox.Prop[*module]{Name: "EventSource", Make: func(m *module) goja.Value { return m.sourceClass().Constructor }},
					function("open", 3, (*module).open),
					function("events", 2, (*module).events),
					sandbox.Prop[*module]{Name: "default", Make: func(m *module) goja.Value { return m.object }},
				),
				sources: sourceMethods(), clients: clientMethods(), iterators: iteratorMethods(),
			}
			return func(v *sandbox.VU) *goja.Object { return newModule(p, v).object }, nil
		},
	}
}

// program is what all VUs of a runner share. Immutable.
type program struct {
	exports                     *sandbox.Shape[*module]
	sources, clients, iterators *sandbox.Shape[*module] // methods
}

// module is swarm/sse in one VU. It belongs to the VU's goroutine.
type module struct {
	*program
	v      *sandbox.VU
	rt     *goja.Runtime
	object *goja.Object

	metrics struct{ events, first, interval *metric.Metric }

	// Made when they are needed.
	source, client, iterator *sandbox.Class
}

func newModule(p *program, v *sandbox.VU) *module {
	m := &module{program: p, v: v, rt: v.Runtime()}
	for _, d := range []struct {
		m    **metric.Metric
		name string
		kind metric.Type
		unit metric.Unit
	}{
		{&m.metrics.events, metricEvents, metric.Counter, metric.Plain},
		{&m.metrics.first, metricFirst, metric.Trend, metric.Time},
		{&m.metrics.interval, metricInterval, metric.Trend, metric.Time},
	} {
		var err error
		if *d.m, err = v.DefineMetric(d.name, d.kind, d.unit); err != nil {
			v.Throw("Error", "swarm/sse: "+err.Error())
		}
	}
	m.object = p.exports.New(v, m)
	return m
}

func function(name string, length int, f func(*module, goja.FunctionCall) goja.Value) sandbox.Prop[*module] {
	return sandbox.Prop[*module]{Name: name, Make: func(m *module) goja.Value {
		return m.v.Func(name, length, func(fc goja.FunctionCall) goja.Value { return f(m, fc) })
	}}
}

// method is a function of the objects of a class with state S.
func method[S any](class, name string, length int, f func(*module, S, goja.FunctionCall) goja.Value) sandbox.Prop[*module] {
	return function(name, length, func(m *module, fc goja.FunctionCall) goja.Value {
		state, ok := sandbox.StateOf[S](fc.This)
		if !ok {
			m.v.Throw("TypeError", class+"."+name+" was called on something that is not "+class)
		}
		return f(m, state, fc)
	})
}

// Parameters of requests that make sense for a stream, and our own.
var (
	requestParams = []string{"headers", "tags", "timeout", "cookies", "jar", "redirects", "responseCallback", "throw", "auth", "compression", "proxy"}
	ownParams     = []string{"method", "body", "reconnect", "maxEvents", "maxDuration", "withCredentials"}
)

// subscribe decodes what a script asked for.
func (m *module) subscribe(where string, url, params goja.Value) *subscription {
	begun := time.Now()
	s := &subscription{
		rec: m.v.Recorder(), retry: defaultRetry,
		clock: func() time.Duration { return time.Since(begun) + 1 },
	}
	verb, body := goja.Value(m.rt.ToValue("GET")), goja.Undefined()
	session := http.Of(m.v)
	if missing(params) {
		params = goja.Undefined()
	} else {
		o, ok := params.(*goja.Object)
		if _, callable := goja.AssertFunction(params); !ok || callable {
			m.wrong(where, "params", "an object", params)
		}
		rest := m.rt.NewObject()
		for _, key := range sandbox.PropertyNames(o) {
			value := o.Get(key)
			switch key {
			case "method":
				if !missing(value) {
					verb = value
				}
			case "body":
				body = value
			case "reconnect":
				s.reconnect = !missing(value) && m.flag(where, key, value)
			case "maxEvents":
				if !missing(value) {
					s.maxEvents = m.count(where, key, value)
				}
			case "maxDuration":
				if !missing(value) {
					s.maxDuration = session.Timeout(where+": maxDuration", value)
				}
			case "withCredentials": // cookies are sent, or not, as the jar says
			default:
				if !slices.Contains(requestParams, key) {
					m.unknown(where, key)
				}
				_ = rest.Set(key, value) // a plain object takes any
			}
		}
		params = rest
	}
	s.req = session.Streaming(where, verb, url, body, params, streams)
	s.req.Default("Accept", "text/event-stream")
	s.req.Default("Cache-Control", "no-store")
	reg, tags := m.v.Host().Registry, s.req.Tags()
	s.events = reg.Series(m.metrics.events, tags)
	s.first = reg.Series(m.metrics.first, tags)
	s.interval = reg.Series(m.metrics.interval, tags)
	return s
}

func missing(v goja.Value) bool { return v == nil || goja.IsUndefined(v) || goja.IsNull(v) }

func (m *module) unknown(where, key string) {
	text := where + ": unknown parameter " + strconv.Quote(sandbox.Clip(key, 100))
	if hint := spelling.Nearest(key, slices.Concat(requestParams, ownParams)); hint != "" {
		text += ", did you mean " + strconv.Quote(hint) + "?"
	}
	m.v.Throw("TypeError", text)
}

func (m *module) wrong(where, what, wanted string, v goja.Value) {
	m.v.Throw("TypeError", where+": "+what+" must be "+wanted+", got "+sandbox.Clip(m.v.Describe(v), 100))
}

func (m *module) flag(where, what string, v goja.Value) bool {
	if v.ExportType() == nil || v.ExportType().Kind() != reflect.Bool {
		m.wrong(where, what, "true or false", v)
	}
	return v.ToBoolean()
}

func (m *module) count(where, what string, v goja.Value) int {
	n := math.NaN()
	if t := v.ExportType(); t != nil && (t.Kind() == reflect.Int64 || t.Kind() == reflect.Float64) {
		n = v.ToFloat()
	}
	if n != math.Trunc(n) || n < 1 || n > math.MaxInt32 {
		m.wrong(where, what, "a whole number of at least 1", v)
	}
	return int(n)
}

// callback returns the function that a script gave.
func (m *module) callback(where, what string, v goja.Value) goja.Callable {
	f, ok := goja.AssertFunction(v)
	if !ok {
		m.wrong(where, what, "a function", v)
	}
	return f
}

// call calls a handler of the script. What it throws goes on.
func call(f goja.Callable, this goja.Value, args ...goja.Value) {
	if _, err := f(this, args...); err != nil {
		panic(err)
	}
}
