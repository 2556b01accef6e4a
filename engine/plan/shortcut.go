package plan

import (
	"fmt"
	"time"
)

// shortcuts are the options that describe a workload without scenarios: k6's
// vus, duration, iterations and stages, Locust's users, spawnRate and runTime.
// nil means "not given".
type shortcuts struct {
	vus, duration, iterations, stages *value
	users, spawnRate, runTime         *value
}

// all returns those that are given.
func (s *shortcuts) all() (given []*value) {
	for _, v := range []*value{s.vus, s.duration, s.iterations, s.stages, s.users, s.spawnRate, s.runTime} {
		if v != nil {
			given = append(given, v)
		}
	}
	return given
}

// scenarios reads the workload: the scenarios, or the one that the shortcuts
// stand for. It comes after all other options, because these may be needed.
func (d *draft) scenarios(root value) {
	n, _ := root.get("scenarios")
	v := root.child("scenarios", n)
	if v.kind != null && (v.kind != object || len(v.fields) > 0) {
		for _, s := range d.short.all() {
			hint := "move it into a scenario, or remove scenarios"
			if key := s.path[0]; key != "users" && key != "spawnRate" && key != "runTime" {
				hint += ", which k6 would not run beside it" // scripts were written with that
			}
			s.failHint(hint, "conflicts with scenarios")
		}
		d.readScenarios(v)
		return
	}
	s, ok := d.fromShortcuts()
	d.places[s.Name] = root
	if !ok {
		return
	}
	d.checkExec(root, s.Exec, false)
	d.plan.Scenarios = append(d.plan.Scenarios, s)
}

// fromShortcuts builds the scenario "default" by k6's rules, or by Locust's
// when its words are used.
func (d *draft) fromShortcuts() (s Scenario, ok bool) {
	sh := d.short
	before := d.count()
	s = newScenario("default")
	s.VUs = 1
	if sh.users != nil || sh.spawnRate != nil || sh.runTime != nil {
		d.fromLocust(&s)
		return s, d.count() == before
	}
	lowest := 1
	if sh.stages != nil {
		lowest = 0
	}
	if sh.vus != nil {
		sh.vus.setInt(&s.VUs, lowest, MaxVUs)
		d.aliasOf(sh.vus, "vus")
	}
	var span time.Duration
	if sh.duration != nil {
		sh.duration.setDuration(&span, 1)
	}
	switch {
	case sh.stages != nil:
		for _, v := range []*value{sh.duration, sh.iterations} {
			if v != nil {
				v.failHint("a ramp lasts as long as its stages", "conflicts with stages")
			}
		}
		s.Executor, s.StartVUs, s.VUs = RampingVUs, s.VUs, 0
		s.GracefulRampDown = defaultGrace
		d.readStages(&s, *sh.stages)
		d.aliasOf(sh.stages, "executor", "stages")
		d.aliasOf(sh.vus, "startVUs")
	case sh.iterations != nil:
		s.Executor, s.MaxDuration = SharedIterations, defaultMaxDuration
		if sh.duration != nil {
			s.MaxDuration = span
			d.aliasOf(sh.duration, "maxDuration")
		}
		d.readIterations(&s, *sh.iterations)
		d.aliasOf(sh.iterations, "executor", "iterations")
	case sh.duration != nil:
		s.Executor, s.Duration = ConstantVUs, span
		d.aliasOf(sh.duration, "executor", "duration")
	default:
		s.Executor, s.Iterations, s.MaxDuration = SharedIterations, int64(s.VUs), defaultMaxDuration
		d.aliasOf(sh.vus, "iterations")
	}
	return s, d.count() == before
}

// fromLocust makes s a users scenario. vus is another word for users, as -u is
// Locust's flag too, and duration one for runTime.
func (d *draft) fromLocust(s *Scenario) {
	sh := d.short
	s.Executor, s.SpawnRate = Users, defaultSpawnRate
	for _, v := range []*value{sh.iterations, sh.stages} {
		if v != nil {
			v.failHint("these belong to users, which come at spawnRate and stay for runTime", "conflicts with users, spawnRate and runTime")
		}
	}
	count := sh.users
	if sh.vus != nil {
		if count != nil {
			sh.vus.fail("conflicts with users")
		}
		count = sh.vus
	}
	if count != nil {
		count.setInt(&s.VUs, 1, MaxVUs)
		d.aliasOf(count, "executor", "users")
	}
	if sh.spawnRate != nil {
		sh.spawnRate.setFloat(&s.SpawnRate, minSpawnRate, maxSpawnRate)
		d.aliasOf(sh.spawnRate, "executor", "spawnRate")
	}
	if sh.duration != nil {
		if sh.runTime != nil {
			sh.duration.fail("conflicts with runTime")
		}
		sh.duration.setDuration(&s.Duration, 0)
		d.aliasOf(sh.duration, "duration")
	}
	if sh.runTime != nil {
		sh.runTime.setRunTime(&s.Duration)
		d.aliasOf(sh.runTime, "executor", "duration")
	}
	s.Classes = []Class{{Name: s.Exec, Exec: s.Exec, Weight: 1, Env: map[string]string{}, Tags: map[string]string{}}}
}

// aliasOf says that options of the scenario "default" come from a shortcut.
func (d *draft) aliasOf(v *value, options ...string) {
	if v == nil {
		return
	}
	for _, option := range options {
		d.alias(*v, "scenarios", "default", option)
	}
}

// note tells the user of something accepted but without effect.
func (d *draft) note(line string) {
	const most = 100
	if len(d.plan.Notes) < most {
		d.plan.Notes = append(d.plan.Notes, line)
	}
}

func (d *draft) notef(format string, args ...any) { d.note(fmt.Sprintf(format, args...)) }
