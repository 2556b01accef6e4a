package plan

import (
	"slices"
	"strings"
	"time"
)

// Bounds of what a plan may ask for.
const (
	MaxVUs        = 1_000_000
	MaxIterations = 1_000_000_000_000 // times MaxVUs still fits an int64
	maxScenarios  = 1_000
	maxStages     = 10_000
)

// k6's defaults.
const (
	defaultGrace       = 30 * time.Second
	defaultMaxDuration = 10 * time.Minute
)

// executor describes what a kind of scenario takes besides the common options.
type executor struct {
	name    string
	options []string
	here    bool // this version runs it
}

// executors lists all executors that scripts may know of. Those of later
// versions are here so that they are told from misspelled ones.
func executors() []executor {
	return []executor{
		{ConstantVUs, []string{"vus", "duration"}, true},
		{SharedIterations, []string{"vus", "iterations", "maxDuration"}, true},
		{PerVUIterations, []string{"vus", "iterations", "maxDuration"}, true},
		{RampingVUs, []string{"startVUs", "stages", "gracefulRampDown"}, true},
		{"constant-arrival-rate", []string{"rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"}, false},
		{"ramping-arrival-rate", []string{"startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"}, false},
		{"externally-controlled", []string{"vus", "duration", "maxVUs"}, false},
		{"users", nil, false},
		{"capacity", nil, false},
	}
}

// commonOptions are those every scenario takes.
func commonOptions() []string {
	return []string{"executor", "startTime", "gracefulStop", "exec", "env", "tags", "options", "startJitter", "startAfter"}
}

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

// readScenario reads one scenario; ok is false when it cannot be used.
func (d *draft) readScenario(name string, v value) (s Scenario, ok bool) {
	if v.kind != object {
		v.fail("must be an object, got %s", v.got())
		return s, false
	}
	exec, ok := d.readExecutor(v)
	if !ok {
		return s, false
	}
	s = newScenario(name)
	s.Executor = exec.name
	switch exec.name {
	case ConstantVUs:
		s.VUs = 1
	case SharedIterations, PerVUIterations:
		s.VUs, s.Iterations, s.MaxDuration = 1, 1, defaultMaxDuration
	case RampingVUs:
		s.StartVUs, s.GracefulRampDown = 1, defaultGrace
	}
	execGiven := false
	var iterations, stages *value
	mine := append(commonOptions(), exec.options...)
	v.object("", func(key string, v value) {
		if !slices.Contains(mine, key) {
			return // reported above
		}
		switch key {
		case "executor":
		case "startTime":
			v.setDuration(&s.StartTime, 0)
		case "gracefulStop":
			v.setDuration(&s.GracefulStop, 0)
		case "exec":
			if name, ok := v.str(); ok {
				s.Exec, execGiven = name, true
			}
		case "env":
			v.setStrings(s.Env)
		case "tags":
			v.setStrings(s.Tags)
		case "startJitter":
			v.setDuration(&s.StartJitter, 0)
		case "options":
			if !v.neutral() {
				v.fail("browser scenarios are not supported yet")
			}
		case "startAfter":
			later(v)
		case "vus":
			v.setInt(&s.VUs, 1, MaxVUs)
		case "duration":
			v.setDuration(&s.Duration, 1)
		case "iterations":
			iterations = &v
		case "maxDuration":
			v.setDuration(&s.MaxDuration, 1)
		case "startVUs":
			v.setInt(&s.StartVUs, 0, MaxVUs)
		case "gracefulRampDown":
			v.setDuration(&s.GracefulRampDown, 0)
		case "stages":
			stages = &v
		}
	})
	// After vus and startVUs, which they are checked against.
	if iterations != nil {
		d.readIterations(&s, *iterations)
	}
	if stages != nil {
		d.readStages(&s, *stages)
	}
	for _, required := range []struct{ executor, option string }{{ConstantVUs, "duration"}, {RampingVUs, "stages"}} {
		if required.executor == s.Executor && v.lacks(required.option) {
			v.fail("%s is missing: %s needs it", required.option, s.Executor)
		}
	}
	d.checkExec(&s, v, execGiven)
	return s, true
}

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
		v.failHint("one of "+strings.Join(names[:4], ", "), "executor is missing")
	} else if name, isText = at.str(); isText {
		i := slices.Index(names, name)
		switch {
		case i < 0:
			at.failHint(d.didYouMean(name, names), "unknown executor %s", quote(name))
		case !all[i].here:
			exec = all[i]
			at.fail("executor %s is not available in this version yet", name)
		default:
			exec, ok = all[i], true
		}
	}
	if exec.name != "" && exec.options == nil {
		return exec, ok // its options are not settled
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
		v.failHint("each VU should get at least one iteration", "must be at least vus (%d), got %d", s.VUs, n)
	}
}

func (d *draft) readStages(s *Scenario, v value) {
	before := d.count()
	var total time.Duration
	peak := s.StartVUs
	isList := v.list(" of stages", maxStages, func(_ int, v value) {
		var stage Stage
		isObject := v.object(" with duration and target", func(key string, v value) {
			switch key {
			case "duration":
				v.setDuration(&stage.Duration, 0)
			case "target":
				v.setInt(&stage.Target, 0, MaxVUs)
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

// checkExec checks that the script exports the function the scenario runs.
// v is the scenario.
func (d *draft) checkExec(s *Scenario, v value, given bool) {
	if slices.Contains(d.src.Exports, s.Exec) {
		return
	}
	var others []string
	for _, name := range d.src.Exports {
		switch name {
		case "setup", "teardown", "handleSummary", "vuSetup", "vuTeardown":
		default:
			others = append(others, name)
		}
	}
	if given {
		v.child("exec", node{}).failHint(d.didYouMean(s.Exec, others), "the script exports no function %s", quote(s.Exec))
		return
	}
	hint := `add "export default function () { … }"`
	if len(others) > 0 {
		hint += ", or a scenario whose exec is " + strings.Join(quoted(others, 5), ", ")
	}
	v.failHint(hint, "the script exports no default function")
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
// second, within a second and a tenth of the scenario.
func (d *draft) spread(s *Scenario) {
	const each = 200 * time.Microsecond
	switch {
	case s.StartJitter >= 0:
	case d.startJitter != nil:
		s.StartJitter = *d.startJitter
	default:
		together := max(s.VUs, s.StartVUs, 1)
		s.StartJitter = min(time.Duration(together-1)*each, time.Second, s.Span()/10)
	}
}
