package cluster

import (
	"math"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/plan"
)

func fromStatus(s engine.Status) *wire.Status {
	m := &wire.Status{Elapsed: int64(s.Elapsed), Vus: uint32(s.VUs), VusMax: uint32(s.VUsMax)}
	for _, sc := range s.Scenarios {
		m.Scenarios = append(m.Scenarios, &wire.ScenarioStatus{
			Name: wire.Text(sc.Name), State: wire.Text(sc.State), Elapsed: int64(sc.Elapsed),
			Vus: uint32(sc.VUs), VusPlanned: uint32(sc.VUsPlanned),
			Started: sc.Started, Complete: sc.Complete, Interrupted: sc.Interrupted,
			Progress: sc.Progress,
		})
	}
	return m
}

// toStatus decodes a status; what cannot be of plan p is left out.
func toStatus(m *wire.Status, p *plan.Plan) engine.Status {
	s := engine.Status{
		Elapsed: time.Duration(max(m.GetElapsed(), 0)),
		VUs:     toInt(m.GetVus()), VUsMax: toInt(m.GetVusMax()),
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
			Progress: progress,
		})
	}
	return s
}

func toInt(n uint32) int { return int(min(n, math.MaxInt32)) }

// addStatus adds the status of one more runner: sums of what is counted, the
// latest of what is measured, and a scenario is as far as its last runner.
func addStatus(sum *engine.Status, s engine.Status) {
	sum.Elapsed = max(sum.Elapsed, s.Elapsed)
	sum.VUs += s.VUs
	sum.VUsMax += s.VUsMax
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
	}
}
