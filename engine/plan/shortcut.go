package plan

import (
	"time"
)

// shortcuts are the options that describe a workload without scenarios. The
// zero value of each field means "not given".
type shortcuts struct {
	vus, duration, iterations, stages *value
}

// scenarios reads the workload: the scenarios, or the one that the shortcuts
// stand for. It comes after all other options, because these may be needed.
func (d *draft) scenarios(root value) {
	n, _ := root.get("scenarios")
	v := root.child("scenarios", n)
	if v.kind != null && (v.kind != object || len(v.fields) > 0) {
		for _, s := range []*value{d.short.vus, d.short.duration, d.short.iterations, d.short.stages} {
			if s != nil {
				s.failHint("move it into a scenario, or remove scenarios", "conflicts with scenarios")
			}
		}
		d.readScenarios(v)
		return
	}
	if s, ok := d.fromShortcuts(); ok {
		d.checkExec(&s, root, false)
		d.plan.Scenarios = append(d.plan.Scenarios, s)
	}
}

// fromShortcuts builds the scenario "default" by k6's rules.
func (d *draft) fromShortcuts() (s Scenario, ok bool) {
	sh := d.short
	before := d.count()
	s = newScenario("default")
	s.VUs = 1
	lowest := 1
	if sh.stages != nil {
		lowest = 0
	}
	if sh.vus != nil {
		sh.vus.setInt(&s.VUs, lowest, MaxVUs)
	}
	var span time.Duration
	if sh.duration != nil {
		sh.duration.setDuration(&span, 1)
	}
	switch {
	case sh.stages != nil:
		if sh.duration != nil {
			sh.duration.failHint("a ramp lasts as long as its stages", "conflicts with stages")
		}
		if sh.iterations != nil {
			sh.iterations.failHint("a ramp lasts as long as its stages", "conflicts with stages")
		}
		s.Executor, s.StartVUs, s.VUs = RampingVUs, s.VUs, 0
		s.GracefulRampDown = defaultGrace
		d.readStages(&s, *sh.stages)
	case sh.iterations != nil:
		s.Executor, s.MaxDuration = SharedIterations, defaultMaxDuration
		if sh.duration != nil {
			s.MaxDuration = span
		}
		d.readIterations(&s, *sh.iterations)
	case sh.duration != nil:
		s.Executor, s.Duration = ConstantVUs, span
	default:
		if sh.vus != nil && s.VUs != 1 {
			d.note("vus has no effect without duration, iterations or stages: one VU runs one iteration")
		}
		s.Executor, s.VUs, s.Iterations, s.MaxDuration = SharedIterations, 1, 1, defaultMaxDuration
	}
	return s, d.count() == before
}

// note tells the user of something accepted but without effect.
func (d *draft) note(line string) {
	const most = 100
	if len(d.plan.Notes) < most {
		d.plan.Notes = append(d.plan.Notes, line)
	}
}
