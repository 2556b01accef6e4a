package result

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

// shop is a run as a coordinator gets to know it: recorded, merged, judged,
// summed up.
func shop(t testing.TB, seconds int) *Result {
	t.Helper()
	p, err := plan.Parse([]byte(`{
		"scenarios": {"buy": {"executor": "constant-arrival-rate", "rate": 10, "duration": "1m", "preAllocatedVUs": 5}},
		"thresholds": {"http_req_duration": ["p(95)<200"], "http_req_duration{name:/pay}": ["p(99)<1"]}
	}`), plan.Overrides{}, plan.Source{Exports: []string{"default"}})
	if err != nil {
		t.Fatal(err)
	}
	registry := metric.NewRegistry(metric.Options{Start: day(1), Shards: 1})
	set, line := metric.NewSet(), timeline.New(day(1), timeline.Options{})
	record := func(name string, v float64, tags ...metric.Tag) {
		registry.Recorder(0).Record(registry.Series(registry.Lookup(name), metric.NewTags(tags...)), v)
	}
	for second := 1; second <= seconds; second++ {
		for i := range 20 {
			request := []metric.Tag{
				{Key: "method", Value: "GET"}, {Key: "name", Value: []string{"/items", "/pay"}[i%2]},
				{Key: "scenario", Value: "buy"}, {Key: "status", Value: "200"},
			}
			record(metric.HTTPReqs, 1, request...)
			record(metric.HTTPReqDuration, float64(1+(second*i)%90), request...)
			record(metric.HTTPReqResponseTime, float64(1+(second*i)%95), request...)
			record(metric.HTTPReqFailed, 0, request...)
			record(metric.Checks, float64(min(i, 1)), metric.Tag{Key: "check", Value: "is <good> & \u2028 well"}, metric.Tag{Key: "group", Value: "::shop"})
		}
		record(metric.Iterations, 10)
		record(metric.IterationDuration, 100)
		record(metric.VUs, 5)
		record(metric.GeneratorCPU, 0.25)
		record(metric.GeneratorLag, 1)
		snap := registry.Snapshot(day(1).Add(time.Duration(second) * time.Second))
		if err := set.Merge("runner", snap); err != nil {
			t.Fatal(err)
		}
		line.Add("runner", snap)
	}
	compiled, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	elapsed := time.Duration(seconds) * time.Second
	verdicts, _ := threshold.Evaluate(compiled, set, elapsed)
	return &Result{
		Version: "1.2.3", Started: day(1), Seed: 1<<64 - 1, Host: Host{"linux", "amd64", 2}, Plan: p, Timeline: line,
		Summary: summary.Build(summary.Input{
			Script: "shop.js", Started: day(1), Duration: elapsed, Plan: p, Set: set, Verdicts: verdicts, Timeline: line,
			VUsMax: 5, Isolation: "process",
			Marks:      []health.Mark{{From: time.Second, To: 2 * time.Second, Cause: health.GC, Worst: 12.5}},
			Exceptions: []summary.ErrorGroup{{Kind: "exception", Message: "Error: no", File: "shop.js", Line: 3, Column: 7, Count: 2}},
			Scenarios:  []summary.Scenario{{Name: "buy", Executor: plan.ConstantArrivalRate, Iterations: 10}},
			Capacity: []capacity.Report{{
				Scenario: "buy", Rate: 80, TimeUnit: time.Second, Broke: 100, Complete: true, Limit: "thresholds",
				Steps: []capacity.Step{{
					Probe:       capacity.Probe{Phase: "ramp", Rate: 100, Settle: time.Second, Length: 10 * time.Second},
					Observation: capacity.Observation{Verdicts: verdicts, Achieved: 99.5},
				}},
			}},
		}),
	}
}

// fill sets everything in v that JSON shows to something that is not zero, so
// that a field nobody set cannot be overlooked.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			*t = day(9)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(elem)
		v.SetMapIndex(key, elem)
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Float64:
		v.SetFloat(0.5)
	default:
		panic(fmt.Sprintf("cannot fill a %s", v.Type()))
	}
}

// full is a summary in which no field is zero.
func full() *summary.Summary {
	s := new(summary.Summary)
	fill(reflect.ValueOf(s).Elem())
	s.Schema = summary.Schema
	s.TimeUnit = "ms"
	for i := range s.Metrics {
		s.Metrics[i].Type = "trend"
	}
	for i := range s.Generator.Marks {
		s.Generator.Marks[i].Cause = health.Lag
	}
	for i := range s.Capacity {
		for j := range s.Capacity[i].Steps {
			s.Capacity[i].Steps[j].Phase = "hold"
		}
	}
	return s
}
