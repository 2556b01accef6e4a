package main

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/result"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/timeline"
)

// simulate FILE SEED PERCENT: writes the result of a run of a minute that was
// never run, with requests that took so much longer than others' do.
func simulate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: simulate file seed percent")
	}
	seed, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	longer, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)

	random := rand.New(rand.NewPCG(seed, 1))
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	registry, set, line := metric.NewRegistry(metric.Options{Shards: 1}), metric.NewSet(), timeline.New(start, timeline.Options{})
	registry.Snapshot(start)
	series := func(name string) *metric.Series {
		return registry.Series(registry.Lookup(name), metric.NewTags(metric.Tag{Key: "method", Value: "GET"}, metric.Tag{Key: "name", Value: "/items"}))
	}
	requests, duration, failed := series(metric.HTTPReqs), series(metric.HTTPReqDuration), series(metric.HTTPReqFailed)
	for second := range 60 {
		for range 100 {
			registry.Recorder(0).Record(requests, 1)
			registry.Recorder(0).Record(duration, 20*(1+longer/100)*math.Exp(0.3*random.NormFloat64()))
			registry.Recorder(0).Record(failed, 0)
		}
		s := registry.Snapshot(start.Add(time.Duration(second+1) * time.Second))
		ts.Check(set.Merge("runner", s))
		line.Add("runner", s)
	}
	p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "default", Executor: plan.ConstantVUs, VUs: 2, Duration: time.Minute}}}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	ts.Check(result.Write(f, &result.Result{
		ID: "000" + args[1], Started: start, Plan: p, Timeline: line,
		Summary: summary.Build(summary.Input{Script: "items.js", Started: start, Duration: time.Minute, Plan: p, Set: set}),
	}))
}
