package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
)

// Bounds of what a plan may ask for.
const (
	MaxVUs        = 1_000_000
	MaxIterations = 1_000_000_000_000 // times MaxVUs still fits an int64
	maxScenarios  = 1_000
	maxStages     = 10_000
)

func newScenario(name string) Scenario {
	return Scenario{
		Name:         name,
		GracefulStop: defaultGrace,
		Exec:         "default",
		Env:          map[string]string{},
		Tags:         map[string]string{},
		StartJitter:  -1, // not given; see spread
	}
}

func (d *draft) readScenarios(v value) {
	if len(v.fields) > maxScenarios {
		v.fail("must have at most %d scenarios, got %d", maxScenarios, len(v.fields))
		return
	}
	v.object("", func(name string, v value) {
		d.places[name] = v
		if !isScenarioName(name) {
			v.fail("a scenario's name has at most 128 letters, digits, - and _")
		}
		before := d.count()
		s, ok := d.readScenario(name, v)
		if ok && d.count() == before {
			d.plan.Scenarios = append(d.plan.Scenarios, s)
		}
	})
}

func isScenarioName(name string) bool {
	for _, r := range name {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return name != "" && len(name) <= 128
}

// reading is a scenario while its options are being read.
type reading struct {
	*draft
	s      Scenario
	at     value            // the scenario
	given  map[string]value // its options by key
	before int              // problems there were before
}

// option returns an option, or the place it would have.
func (r *reading) option(key string) value {
	if v, given := r.given[key]; given {
		return v
	}
	return r.at.child(key, node{})
}

// clean reports whether the scenario has no problem so far: only then its
// options can be compared.
func (r *reading) clean() bool { return r.count() == r.before }

// readScenario reads one scenario; ok is false when it cannot be used.
func (d *draft) readScenario(name string, v value) (s Scenario, ok bool) {
	if v.kind != object {
		v.fail("must be an object, got %s", v.got())
		return s, false
	}
	exec, ok := d.readExecutor(v)
	r := &reading{draft: d, s: newScenario(name), at: v, given: map[string]value{}, before: d.count()}
	mine := commonOptions()
	if ok {
		r.s.Executor = exec.name
		exec.preset(&r.s)
		mine = append(mine, exec.options...)
	}
	v.object("", func(key string, v value) {
		if slices.Contains(mine, key) { // others were reported above
			r.given[key] = v
			r.read(key, v)
		}
	})
	if !ok {
		return s, false
	}
	// After vus, startVUs and timeUnit, which they are checked against.
	for _, key := range []string{"iterations", "startRate", "rate", "maxRate", "minRate", "stages"} {
		if v, given := r.given[key]; given {
			r.readLate(key, v)
		}
	}
	for _, option := range exec.required {
		if v.lacks(option) {
			v.fail("%s is missing: %s needs it", option, r.s.Executor)
		}
	}
	if exec.check != nil {
		exec.check(r)
	}
	if _, classes := r.given["classes"]; !classes {
		_, given := r.given["exec"]
		d.checkExec(v, r.s.Exec, given)
	}
	return r.s, true
}

// read reads one option.
func (r *reading) read(key string, v value) {
	s := &r.s
	switch key {
	case "startTime":
		v.setDuration(&s.StartTime, 0)
	case "startAfter":
		if name, ok := v.str(); ok && name != "" {
			s.StartAfter = name
			r.waits = append(r.waits, waiting{s.Name, name, v})
		}
	case "gracefulStop":
		v.setDuration(&s.GracefulStop, 0)
	case "exec":
		if name, ok := v.str(); ok {
			s.Exec = name
		} else {
			delete(r.given, key)
		}
	case "env":
		v.setStrings(s.Env)
	case "tags":
		v.setStrings(s.Tags)
	case "startJitter":
		if s.Arrives() {
			v.failHint("iterations begin when they are due", "is not an option of %s", s.Executor)
		} else {
			v.setDuration(&s.StartJitter, 0)
		}
	case "options":
		if !v.neutral() {
			v.fail("browser scenarios are not supported yet")
		}
	case "vus":
		low := 1
		if s.Executor == ExternallyControlled {
			low = 0
		}
		v.setInt(&s.VUs, low, MaxVUs)
	case "users":
		v.setInt(&s.VUs, 1, MaxVUs)
	case "maxVUs":
		v.setInt(&s.MaxVUs, 1, MaxVUs)
	case "preAllocatedVUs":
		v.setInt(&s.PreAllocatedVUs, 0, MaxVUs)
	case "startVUs":
		v.setInt(&s.StartVUs, 0, MaxVUs)
	case "spawnRate":
		v.setFloat(&s.SpawnRate, minSpawnRate, maxSpawnRate)
	case "duration":
		low := time.Duration(1)
		if s.Unbounded() {
			low = 0 // until it is stopped
		}
		v.setDuration(&s.Duration, low)
	case "runTime":
		v.setRunTime(&s.Duration)
		r.alias(v, "scenarios", s.Name, "duration")
	case "maxDuration":
		v.setDuration(&s.MaxDuration, 1)
	case "gracefulRampDown":
		v.setDuration(&s.GracefulRampDown, 0)
	case "timeUnit":
		v.setDuration(&s.TimeUnit, shortestTimeUnit)
	case "maxIterationDelay":
		v.setDuration(&s.MaxIterationDelay, 0)
	case "classes":
		r.readClasses(v)
	case "shape":
		if name, ok := v.str(); ok {
			s.Shape = name
		}
	case "model":
		if model, ok := v.choice("closed", "open"); ok {
			s.Open = model == "open"
		}
	case "tick":
		v.setDuration(&s.Tick, shortestTick)
	case "step":
		v.setDuration(&s.Search.Step, time.Second)
	case "settle":
		v.setDuration(&s.Search.Settle, 0)
	case "hold":
		v.setDuration(&s.Search.Hold, time.Second)
	case "precision":
		v.setFloat(&s.Search.Precision, 0.001, 0.5)
	}
}

// readLate reads an option that others bound.
func (r *reading) readLate(key string, v value) {
	s := &r.s
	switch key {
	case "iterations":
		r.readIterations(s, v)
	case "stages":
		r.readStages(s, v)
	case "rate":
		r.setRate(&s.Rate, v, 1)
	case "startRate":
		r.setRate(&s.StartRate, v, 0)
	case "maxRate":
		r.setRate(&s.Search.MaxRate, v, 1)
	case "minRate":
		r.setRate(&s.Search.MinRate, v, 0)
	}
}

// shortestTick bounds how often the function of a shape is asked.
const shortestTick = 100 * time.Millisecond

// readExecutor finds the executor and checks the keys against what it takes;
// ok is false when the scenario cannot be read further.
func (d *draft) readExecutor(v value) (exec executor, ok bool) {
	all := executors()
	var names, anyOption []string
	for _, e := range all {
		names = append(names, e.name)
		anyOption = append(anyOption, e.options...)
	}
	n, given := v.get("executor")
	at := v.child("executor", n)
	name, isText := "", false
	if !given || n.kind == null {
		v.failHint("one of "+strings.Join(names, ", "), "executor is missing")
	} else if name, isText = at.str(); isText {
		if i := slices.Index(names, name); i >= 0 {
			exec, ok = all[i], true
		} else {
			at.failHint(d.didYouMean(name, names), "unknown executor %s", quote(name))
		}
	}
	known := append(commonOptions(), exec.options...)
	if exec.name == "" {
		known = append(known, anyOption...)
	}
	v.object("", func(key string, v value) {
		switch {
		case slices.Contains(known, key):
		case slices.Contains(anyOption, key):
			var takers []string
			for _, e := range all {
				if slices.Contains(e.options, key) {
					takers = append(takers, e.name)
				}
			}
			v.failHint(key+" belongs to "+strings.Join(takers, ", "), "is not an option of %s", exec.name)
		default:
			v.unknown("option of a scenario", known)
		}
	})
	return exec, ok
}

func (d *draft) readIterations(s *Scenario, v value) {
	n, ok := v.integer(1, MaxIterations)
	if !ok {
		return
	}
	s.Iterations = n
	if s.Executor == SharedIterations && n < int64(s.VUs) {
		v.failHint("each VU should get at least one iteration", "must be at least vus (%s), got %s", figure.Count(s.VUs), figure.Count(n))
	}
}

func (d *draft) readStages(s *Scenario, v value) {
	before := d.count()
	var total time.Duration
	peak, most := s.StartVUs, MaxVUs
	if s.Executor == RampingArrivalRate {
		peak, most = int(s.StartRate), int(perUnit(s.TimeUnit))
	}
	isList := v.list(" of stages", maxStages, func(_ int, v value) {
		var stage Stage
		isObject := v.object(" with duration and target", func(key string, v value) {
			switch key {
			case "duration":
				v.setDuration(&stage.Duration, 0)
			case "target":
				v.setInt(&stage.Target, 0, most)
			default:
				v.unknown("option of a stage", []string{"duration", "target"})
			}
		})
		if !isObject && v.kind == null {
			v.fail("must be an object with duration and target, got null")
		}
		for _, key := range []string{"duration", "target"} {
			if isObject && v.lacks(key) {
				v.fail("%s is missing", key)
			}
		}
		if total <= MaxDuration {
			total += stage.Duration
		}
		peak = max(peak, stage.Target)
		s.Stages = append(s.Stages, stage)
	})
	switch {
	case !isList && v.kind == null:
		v.fail("must be an array of stages, got null")
	case !isList || d.count() != before:
	case len(s.Stages) == 0:
		v.fail("must have at least one stage")
	case total > MaxDuration:
		v.fail("together the stages %v", errTooLong)
	case total == 0:
		v.fail("together the stages must last longer than 0")
	case peak == 0:
		v.fail("one stage at least must have a target above 0")
	}
}

// checkExec checks that the script exports the function that v, a scenario or
// a class of users, runs; given says whether v names it.
func (d *draft) checkExec(v value, exec string, given bool) {
	if slices.Contains(d.src.Exports, exec) {
		return
	}
	others := d.functions()
	if given {
		n, _ := v.get("exec")
		v.child("exec", n).failHint(d.didYouMean(exec, others), "the script exports no function %s", quote(exec))
		return
	}
	hint := `add "export default function () { … }"`
	if len(others) > 0 {
		hint += ", or a scenario whose exec is " + strings.Join(quoted(others, 5), ", ")
	}
	v.failHint(hint, "the script exports no default function")
}

// functions are the exports that somebody may mean by the function of a scenario.
func (d *draft) functions() (names []string) {
	for _, name := range d.src.Exports {
		switch name {
		case "setup", "teardown", "handleSummary", "vuSetup", "vuTeardown":
		default:
			names = append(names, name)
		}
	}
	return names
}

// quoted quotes the first few names.
func quoted(names []string, most int) []string {
	var out []string
	for _, name := range names[:min(len(names), most)] {
		out = append(out, quote(name))
	}
	if len(names) > most {
		out = append(out, "…")
	}
	return out
}

// spread fills in StartJitter. VUs that start in the same instant would stay
// in step and queue behind one another on the target and on our own cores, so
// that the generator measures itself: by default at most 5,000 start per
// second, within a second and a tenth of the scenario. Users come one by one
// as it is.
func (d *draft) spread(s *Scenario) {
	const each = 200 * time.Microsecond
	switch {
	case s.Arrives():
		s.StartJitter = 0
	case s.StartJitter >= 0:
	case d.startJitter != nil:
		s.StartJitter = d.startJitter.span
		d.alias(d.startJitter.value, "scenarios", s.Name, "startJitter")
	case s.Executor == Users || s.Executor == Shape && s.SpawnRate > 0:
		s.StartJitter = 0
	case s.Executor == Shape:
		s.StartJitter = min(time.Duration(s.MaxVUs-1)*each, s.Tick/10, s.Span()/10)
	default:
		together := max(s.VUs, s.StartVUs, 1)
		s.StartJitter = min(time.Duration(together-1)*each, time.Second, s.Span()/10)
	}
}
