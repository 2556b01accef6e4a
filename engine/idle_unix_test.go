//go:build unix

package engine

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

// What a run costs whose 10,000 VUs all sleep, the watch on the generator and
// the gauges included: %core is processor time per second of it.
func BenchmarkIdleVUs(b *testing.B) {
	for _, s := range []plan.Scenario{
		{Executor: plan.ConstantVUs, VUs: 10_000, Duration: time.Hour},
		{Executor: plan.ExternallyControlled, VUs: 10_000, MaxVUs: 20_000},
		{Executor: plan.Users, VUs: 10_000, Classes: []plan.Class{{Name: "a", Weight: 3}, {Name: "b", Weight: 1}}},
	} {
		b.Run(s.Executor, func(b *testing.B) {
			s.Name, s.Env = "a", map[string]string{"TAKES": "3600000"}
			r := New(Config{
				Plan: &plan.Plan{Scenarios: []plan.Scenario{s}}, Script: newScript(nil),
				Registry: metric.NewRegistry(metric.Options{}), Events: new(events),
			})
			if err := r.Init(b.Context()); err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Execute(ctx) }()
			for r.Status().Scenarios[0].Started < 10_000 {
				time.Sleep(10 * time.Millisecond)
			}
			before := processorTime(b)
			for b.Loop() {
				time.Sleep(time.Second)
			}
			used := processorTime(b) - before
			b.ReportMetric(100*used.Seconds()/b.Elapsed().Seconds(), "%core")
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
