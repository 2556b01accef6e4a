package summary

import (
	"fmt"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
)

// recording feeds a set the way a runner does.
type recording struct {
	t        *testing.T
	registry *metric.Registry
	set      *metric.Set
	started  time.Time
	now      time.Time
}

func record(t *testing.T) *recording {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := &recording{t: t, registry: metric.NewRegistry(metric.Options{Shards: 1}), set: metric.NewSet(), started: start, now: start}
	r.registry.Snapshot(start)
	return r
}

// at merges what was recorded until then.
func (r *recording) at(since time.Duration) {
	r.t.Helper()
	r.now = r.started.Add(since)
	if err := r.set.Merge("runner", r.registry.Snapshot(r.now)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *recording) add(name string, value float64, tags ...string) {
	r.t.Helper()
	m := r.registry.Lookup(name)
	if m == nil {
		r.t.Fatalf("no metric %s", name)
	}
	var pairs []metric.Tag
	for i := 0; i < len(tags); i += 2 {
		pairs = append(pairs, metric.Tag{Key: tags[i], Value: tags[i+1]})
	}
	r.registry.Recorder(0).Record(r.registry.Series(m, metric.NewTags(pairs...)), value)
}

func (r *recording) define(name string, t metric.Type, u metric.Unit) metric.Metric {
	r.t.Helper()
	m, err := r.registry.Define(name, t, u)
	if err != nil {
		r.t.Fatal(err)
	}
	return *m
}

// request records what the HTTP module records of one request.
func (r *recording) request(method, name, status string, ms float64, failed bool, more ...string) {
	tags := append([]string{"method", method, "name", name, "status", status, "scenario", "default"}, more...)
	value := 0.0
	if failed {
		value = 1
	}
	r.add(metric.HTTPReqs, 1, tags...)
	r.add(metric.HTTPReqDuration, ms, tags...)
	r.add(metric.HTTPReqFailed, value, tags...)
	r.add(metric.DataReceived, 12_345, tags...)
	r.add(metric.DataSent, 678, tags...)
}

// input makes a plan of options, judges it and returns what Build gets.
func (r *recording) input(options string, custom ...metric.Metric) Input {
	r.t.Helper()
	p, err := plan.Parse([]byte(options), plan.Overrides{}, plan.Source{Exports: []string{"default"}, Metrics: custom})
	if err != nil {
		r.t.Fatal(err)
	}
	compiled, err := p.Compile()
	if err != nil {
		r.t.Fatal(err)
	}
	elapsed := r.now.Sub(r.started)
	verdicts, _ := threshold.Evaluate(compiled, r.set, elapsed)
	return Input{
		Script: "checkout.js", Started: r.started, Duration: elapsed, Plan: p, Set: r.set, Verdicts: verdicts,
		VUsMax: 400, Isolation: "process",
	}
}

// shop is a run that has a bit of everything.
func shop(t *testing.T) Input {
	r := record(t)
	errors := r.define("errors", metric.Rate, metric.Plain)
	wait := r.define("wait_time", metric.Trend, metric.Time)
	price := r.define("price", metric.Trend, metric.Plain)
	r.define("basket_size", metric.Gauge, metric.Plain)
	r.at(31 * time.Second)
	for i := range 10_000 {
		r.request("GET", "/items", "200", 0.8+float64(i%500)/100, false, "proto", "HTTP/1.1")
		r.add(metric.Iterations, 1)
		r.add(metric.IterationDuration, 20+float64(i%100))
		r.add(metric.Checks, 1, "check", "status is 200", "group", "::browse")
		r.add(metric.GroupDuration, 15, "group", "::browse")
		r.add("errors", 0)
		r.add("price", float64(i)/7)
	}
	r.add("errors", 1)
	for i := range 500 {
		r.request("POST", "pay", "200", 40+float64(i)/2.5, false)
		r.add(metric.Checks, float64(min(i%50, 1)), "check", "order is confirmed", "group", "::checkout::pay")
		r.add("wait_time", float64(i))
	}
	r.at(90 * time.Second)
	for range 22 {
		r.request("POST", "pay", "503", 12, true, "error_code", "1503", "expected_response", "false")
	}
	r.request("GET", "/items", "0", 0, true, "error", "dial: connection refused", "error_code", "1212")
	r.add(metric.ScriptErrors, 17)
	r.add("basket_size", 3)
	r.add(metric.VUsMax, 400)
	r.at(180 * time.Second)
	in := r.input(`{"thresholds":{
		"http_req_duration{name:pay}": ["p(95) < 200", {"threshold":"max<5000"}],
		"errors": ["rate<0.01"], "http_reqs": ["rate>100", "count>=10523"], "data_received": ["rate<2000000"],
		"wait_time{step:\"a, b\"}": ["avg<10"], "iterations": []
	}}`, errors, wait, price)
	in.Exceptions = []ErrorGroup{
		{Kind: "exception", Message: "TypeError: order is undefined", File: "checkout.js", Line: 44, Column: 9, Count: 17, First: 72 * time.Second, Last: 72 * time.Second},
	}
	in.Scenarios = []Scenario{
		{Name: "browse", Executor: plan.RampingVUs, Iterations: 9_400, Interrupted: 3},
		{Name: "buy", Executor: plan.ConstantVUs, Iterations: 600},
	}
	in.Notes = []string{"cloud has no effect: swarm runs no tests in k6's cloud"}
	return in
}

// quick is a small run without fault.
func quick(t *testing.T) Input {
	r := record(t)
	for i := range 100 {
		r.request("GET", "http://127.0.0.1:8080/items", "200", 0.2+float64(i)/1000, false)
		r.add(metric.Iterations, 1)
		r.add(metric.Checks, 1, "check", "status is 200", "group", "")
	}
	r.at(9_870 * time.Millisecond)
	in := r.input(`{"thresholds":{"checks":["rate==1"]}}`)
	in.Script, in.VUsMax, in.Isolation = "quickstart.js", 1, "off"
	return in
}

// empty is a run that sent nothing and was stopped.
func empty(t *testing.T) Input {
	r := record(t)
	r.at(120 * time.Millisecond)
	in := r.input(`{"thresholds":{"http_req_duration":["p(95)<200"]}}`)
	in.VUsMax, in.Isolation, in.Ended, in.Failed = 0, "", "runner died: killed by its memory limit", true
	return in
}

// crowd has more of everything than fits, and names of all lengths.
func crowd(t *testing.T) Input {
	r := record(t)
	for i := range 30 {
		name := fmt.Sprintf("https://shop.example.com/api/v2/customers/%d/orders/%d/positions?expand=all", i*i, i)
		for range 30 - i {
			r.request("DELETE", name, fmt.Sprint(500+i), 100*float64(i+1), true)
			r.add(metric.Checks, float64(i%7), "check", fmt.Sprintf("check %02d", i))
		}
	}
	r.at(time.Hour + 2*time.Minute)
	in := r.input(`{"summaryTimeUnit":"s"}`)
	in.Script = "crowd.js"
	return in
}

// hostile tries to take over the terminal.
func hostile(t *testing.T) Input {
	r := record(t)
	for _, name := range []string{
		"\x1b[2J\x1b[31mowned", "a\nb\tc", "\u202egnp.exe", "\u009b31m", "\x00\x07\x7f", "漢字かな", "e\u0301\u0301\u0301", "\xff\xfe", "<script>alert(1)</script>",
	} {
		r.request("GET\x1b]0;title\x07", name, "500\x1b[0m", 1, true)
		r.add(metric.Checks, 0, "check", name, "group", "::"+name)
	}
	r.at(time.Second)
	in := r.input(`{"thresholds":{"http_reqs{name:\u001b[2J}":["count<1"]}}`)
	in.Script = "\x1b[5m.js"
	in.Ended = "stopped by \x1b[1msignal"
	in.Exceptions = []ErrorGroup{{Kind: "exception", Message: "Error: \x1b[2J\r\nline two\u2028", File: "a\x1b.js", Line: 1, Column: 2, Count: 1}}
	in.Notes = []string{"note with \x1b[31mred"}
	in.Scenarios = []Scenario{{Name: "a"}, {Name: "\x1b[2J", Executor: "\x1b"}}
	return in
}

// late is a run at an arrival rate whose target and generator could not keep up.
func late(t *testing.T) Input {
	r := record(t)
	for i := range 1_000 {
		ms := 100 + float64(i)/5
		r.request("GET", "/items", "200", ms, false)
		r.add(metric.HTTPReqResponseTime, ms+float64(i)/10, "name", "/items", "scenario", "default")
		r.add(metric.IterationDuration, ms, "scenario", "default")
		r.add(metric.IterationResponseTime, ms+float64(i)/10, "scenario", "default")
		r.add(metric.Iterations, 1, "scenario", "default")
	}
	// Requests of a scenario without a schedule stand beside them.
	r.request("GET", "/items", "200", 9_000, false, "scenario", "idle")
	r.add(metric.DroppedIterations, 24, "scenario", "default")
	r.add(metric.GeneratorLag, 0.3)
	r.add(metric.GeneratorLag, 41)
	r.add(metric.GeneratorCPU, 0.84)
	r.add(metric.GeneratorMemory, 212e6)
	r.add(metric.GeneratorGCPause, 1.5)
	r.add(metric.GeneratorSocketErrors, 2)
	r.at(time.Minute)
	in := r.input(`{"scenarios":{"default":{"executor":"constant-arrival-rate","rate":20,"duration":"1m","preAllocatedVUs":50}},
		"thresholds":{"http_req_response_time":["p(95)<400"]}}`)
	in.Script, in.VUsMax = "late.js", 50
	in.Scenarios = []Scenario{
		{Name: "default", Executor: plan.ConstantArrivalRate, Iterations: 1_000, Dropped: 24}, {Name: "idle", Executor: plan.ConstantVUs},
	}
	in.Marks = []health.Mark{
		{From: 20 * time.Second, To: 28 * time.Second, Cause: health.CPU, Worst: 0.99, Runner: "2"},
		{From: 18 * time.Second, To: 22 * time.Second, Cause: health.GC, Worst: 12, Runner: "1"},
		{From: 59 * time.Second, To: 63 * time.Second, Cause: health.CPU, Worst: 0.98, Runner: "2"},
	}
	return in
}

// searched is a search for capacity.
func searched(t *testing.T) Input {
	r := record(t)
	r.request("GET", "/items", "200", 20, false)
	r.add(metric.Iterations, 9_000)
	r.add(metric.GeneratorLag, 0.2)
	r.at(3 * time.Minute)
	in := r.input(`{"thresholds":{"http_req_duration":["p(95)<200"]}}`)
	in.Script = "capacity.js"
	in.Marks = []health.Mark{{From: time.Second, To: 1400 * time.Millisecond, Cause: health.GC, Worst: 400}}
	step := func(phase string, rate int64, p95 float64, why string) capacity.Step {
		return capacity.Step{
			Probe:       capacity.Probe{Phase: phase, Rate: rate, Settle: 2 * time.Second, Length: 10 * time.Second},
			Observation: capacity.Observation{Achieved: float64(rate) - 0.25, P95: p95},
			Held:        why == "", Why: why,
		}
	}
	steps := []capacity.Step{
		step("ramp", 100, 11, ""), step("ramp", 200, 14, ""), step("ramp", 400, 61, ""),
		step("ramp", 800, 940, "http_req_duration p(95)<200: 940 ms"),
		step("bisect", 600, 231, "http_req_duration p(95)<200: 231 ms"), step("bisect", 500, 120, ""), step("hold", 500, 125, ""),
	}
	steps[3].Dropped = 310
	in.Capacity = []capacity.Report{
		{Scenario: "browse", Rate: 500, TimeUnit: time.Second, Broke: 600, Complete: true, Limit: "thresholds", Demanded: 450, Steps: steps},
		{Scenario: "orders", Rate: 30, TimeUnit: time.Minute, Limit: "maxRate", Complete: true},
	}
	return in
}

func fixtures(t *testing.T) map[string]*Summary {
	all := map[string]*Summary{}
	for name, make := range map[string]func(*testing.T) Input{
		"shop": shop, "quick": quick, "empty": empty, "crowd": crowd, "hostile": hostile, "late": late, "searched": searched,
	} {
		all[name] = Build(make(t))
	}
	all["searched"].Saved = "7f3c"
	return all
}
