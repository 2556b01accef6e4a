// Package summary is the module swarm/summary: it prints the data that
// handleSummary receives, for a terminal or as a JUnit report. Scripts for k6
// import the same functions from jslib.k6.io; that address is served from here,
// whatever the version, and nothing is loaded from the network.
//
// The data is the script's: it may have changed it, and may pass anything. What
// has the wrong type is left out, and text of scripts and targets cannot act on
// a terminal or break out of an XML document.
package summary

import (
	"encoding/json"
	"errors"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

// Module describes the module.
func Module() sandbox.Module {
	return sandbox.Module{
		Names:   []string{"swarm/summary", "https://jslib.k6.io/k6-summary/*/index.js"},
		Exports: []string{"textSummary", "jUnit", "humanizeValue"},
		Load:    load,
	}
}

func load(*sandbox.Host) (sandbox.New, error) {
	function := func(name string, length int, f func(*sandbox.VU, goja.FunctionCall) string) sandbox.Prop[*sandbox.VU] {
		return sandbox.Prop[*sandbox.VU]{Name: name, Make: func(v *sandbox.VU) goja.Value {
			return v.Func(name, length, func(call goja.FunctionCall) goja.Value { return v.Runtime().ToValue(f(v, call)) })
		}}
	}
	shape := sandbox.NewShape(
		function("textSummary", 2, textSummary),
		function("jUnit", 2, jUnit),
		function("humanizeValue", 3, humanizeValue),
	)
	return func(v *sandbox.VU) *goja.Object { return shape.New(v, v) }, nil
}

// data is what handleSummary receives, as far as it is printed.
type data struct {
	RootGroup group `json:"root_group"`
	Options   struct {
		SummaryTrendStats []string `json:"summaryTrendStats"`
		SummaryTimeUnit   string   `json:"summaryTimeUnit"`
		NoColor           bool     `json:"noColor"`
	} `json:"options"`
	Metrics map[string]metricData `json:"metrics"`
}

type group struct {
	Name   string  `json:"name"`
	Groups []group `json:"groups"`
	Checks []check `json:"checks"`
}

type check struct {
	Name   string  `json:"name"`
	Passes float64 `json:"passes"`
	Fails  float64 `json:"fails"`
}

type metricData struct {
	Type       string         `json:"type"`
	Contains   string         `json:"contains"`
	Values     map[string]any `json:"values"` // those that are no numbers are not printed
	Thresholds map[string]struct {
		OK bool `json:"ok"`
	} `json:"thresholds"`
}

// decode reads an object of the script into dst, as far as the types fit.
// Reading it may run the script's getters; what they throw goes on.
func decode(v *sandbox.VU, what string, value goja.Value, dst any) {
	obj, ok := value.(*goja.Object)
	if !ok {
		v.Throw("TypeError", what+" must be an object, got "+v.Describe(value))
	}
	text, err := obj.MarshalJSON()
	if err != nil {
		var thrown *goja.Exception
		if errors.As(err, &thrown) {
			panic(thrown) // as it was thrown, stack included
		}
		v.Throw("TypeError", what+" cannot be read: "+err.Error())
	}
	var mismatch *json.UnmarshalTypeError
	if err := json.Unmarshal(text, dst); err != nil && !errors.As(err, &mismatch) {
		v.Throw("TypeError", what+" cannot be read: it is nested too deep")
	}
}

// options reads the options of a function, which may be left out.
func options(v *sandbox.VU, what string, value goja.Value, dst any) {
	if goja.IsUndefined(value) || goja.IsNull(value) {
		return
	}
	decode(v, what+": options", value, dst)
}

// humanizeValue implements humanizeValue(value, metric, timeUnit).
func humanizeValue(v *sandbox.VU, call goja.FunctionCall) string {
	var m metricData
	if arg := call.Argument(1); !goja.IsUndefined(arg) && !goja.IsNull(arg) {
		decode(v, "humanizeValue: the metric", arg, &m)
	}
	unit := ""
	if arg := call.Argument(2); !goja.IsUndefined(arg) && !goja.IsNull(arg) {
		unit = arg.String()
	}
	return m.humanize(call.Argument(0).ToFloat(), unit)
}
