package cluster

import (
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/plan"
)

func fromStatus(s engine.Status) *wire.Status {
	m := &wire.Status{
		Elapsed: int64(s.Elapsed), Vus: uint32(s.VUs), VusMax: uint32(s.VUsMax), Paused: s.Paused,
		Vitals: &wire.Vitals{Cpu: s.Vitals.CPU, Memory: s.Vitals.Memory, Lag: int64(s.Vitals.Lag), Cause: wire.Text(string(s.Vitals.Cause))},
	}
	for _, sc := range s.Scenarios {
		m.Scenarios = append(m.Scenarios, &wire.ScenarioStatus{
			Name: wire.Text(sc.Name), State: wire.Text(sc.State), Elapsed: int64(sc.Elapsed),
			Vus: uint32(sc.VUs), VusPlanned: uint32(sc.VUsPlanned),
			Started: sc.Started, Complete: sc.Complete, Interrupted: sc.Interrupted,
			Progress: sc.Progress, RatePlanned: sc.RatePlanned, Dropped: sc.Dropped,
		})
	}
	return m
}

// toStatus decodes a status; what cannot be of plan p is left out.
func toStatus(m *wire.Status, p *plan.Plan) engine.Status {
	s := engine.Status{
		Elapsed: time.Duration(max(m.GetElapsed(), 0)),
		VUs:     toInt(m.GetVus()), VUsMax: toInt(m.GetVusMax()), Paused: m.GetPaused(),
		Vitals: health.Vitals{
			CPU:    min(atLeast0(m.GetVitals().GetCpu()), 1),
			Memory: m.GetVitals().GetMemory(),
			Lag:    time.Duration(max(m.GetVitals().GetLag(), 0)),
			Cause:  toCause(m.GetVitals().GetCause()),
		},
	}
	for _, sc := range m.GetScenarios() {
		if p == nil || len(s.Scenarios) == len(p.Scenarios) {
			break
		}
		progress := sc.GetProgress()
		if !(progress >= 0 && progress <= 1) {
			progress = 0
		}
		s.Scenarios = append(s.Scenarios, engine.ScenarioStatus{
			Name: sc.GetName(), State: sc.GetState(), Elapsed: time.Duration(max(sc.GetElapsed(), 0)),
			VUs: toInt(sc.GetVus()), VUsPlanned: toInt(sc.GetVusPlanned()),
			Started: sc.GetStarted(), Complete: sc.GetComplete(), Interrupted: sc.GetInterrupted(),
			Progress: progress, RatePlanned: atLeast0(sc.GetRatePlanned()), Dropped: sc.GetDropped(),
		})
	}
	return s
}

func toInt(n uint32) int { return int(min(n, math.MaxInt32)) }

// atLeast0 returns v, or 0 for what is no finite number from 0.
func atLeast0(v float64) float64 {
	if !(v >= 0 && v <= math.MaxFloat64) {
		return 0
	}
	return v
}

// addStatus adds the status of one more runner: sums of what is counted, the
// latest of what is measured, and a scenario is as far as its last runner.
func addStatus(sum *engine.Status, s engine.Status) {
	sum.Elapsed = max(sum.Elapsed, s.Elapsed)
	sum.VUs += s.VUs
	sum.VUsMax += s.VUsMax
	sum.Paused = sum.Paused || s.Paused
	sum.Vitals = worse(sum.Vitals, s.Vitals)
	for _, sc := range s.Scenarios {
		i := slices.IndexFunc(sum.Scenarios, func(o engine.ScenarioStatus) bool { return o.Name == sc.Name })
		if i < 0 {
			sum.Scenarios = append(sum.Scenarios, sc)
			continue
		}
		o := &sum.Scenarios[i]
		if sc.Progress < o.Progress {
			o.Progress, o.State = sc.Progress, sc.State
		}
		o.Elapsed = max(o.Elapsed, sc.Elapsed)
		o.VUs += sc.VUs
		o.VUsPlanned += sc.VUsPlanned
		o.Started += sc.Started
		o.Complete += sc.Complete
		o.Interrupted += sc.Interrupted
		o.RatePlanned += sc.RatePlanned
		o.Dropped += sc.Dropped
	}
}

// worse returns the vitals of several runners as those of one: its generator is
// as busy as the busiest of them, and takes the memory of all.
func worse(a, b health.Vitals) health.Vitals {
	cause := a.Cause
	if cause == "" {
		cause = b.Cause
	}
	return health.Vitals{CPU: max(a.CPU, b.CPU), Memory: a.Memory + b.Memory, Lag: max(a.Lag, b.Lag), Cause: cause}
}

// maxCause bounds the name of a cause; those of a newer runner are passed on.
const maxCause = 32

func toCause(text string) health.Cause { return health.Cause(wire.Shorten(text, maxCause)) }

func fromMark(m health.Mark) *wire.Mark {
	return &wire.Mark{From: int64(m.From), To: int64(m.To), Cause: wire.Text(string(m.Cause)), Worst: m.Worst}
}

// toMark decodes a mark; ok is false for what cannot be one.
func toMark(m *wire.Mark, runner string) (mark health.Mark, ok bool) {
	mark = health.Mark{
		From: time.Duration(m.GetFrom()), To: time.Duration(m.GetTo()),
		Cause: toCause(m.GetCause()), Worst: atLeast0(m.GetWorst()), Runner: runner,
	}
	return mark, 0 <= mark.From && mark.From <= mark.To && mark.Cause != ""
}
