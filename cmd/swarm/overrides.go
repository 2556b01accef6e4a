package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/engine/plan"
)

// overrideFlags are the flags that lie over the script's options. A flag that
// was given neither on the command line nor in the environment changes nothing.
type overrideFlags struct {
	config string

	vus        int
	iterations int64
	duration   durationFlag
	stages     stagesFlag
	stagesList stagesFlag // the same from the environment

	users     int
	spawnRate float64
	runTime   runTimeFlag
	host      string

	paused            bool
	segment, sequence string
	minDuration       durationFlag
	initTimeout       durationFlag

	tags pairsFlag

	noSetup, noTeardown, noThresholds bool

	trendStats   []string
	systemTags   []string
	timeUnit     choiceFlag
	maxRedirects int
	userAgent    string

	throw, insecure, noReuse, noVUReuse, noCookiesReset, discard bool

	batch, batchPerHost                           int
	setupTimeout, teardownTimeout, iterationBound durationFlag

	network networkFlags
}

func (o *overrideFlags) register(f *pflag.FlagSet) {
	o.timeUnit.choices = []string{"s", "ms", "us"}
	f.StringVarP(&o.config, "config", "c", "", "`file` with options in YAML or JSON (swarm.yaml or swarm.json of the project)")
	f.IntVarP(&o.vus, "vus", "u", 0, "`number` of virtual users")
	f.VarP(&o.duration, "duration", "d", "how long to run, such as 30s or 1m30s")
	f.Int64VarP(&o.iterations, "iterations", "i", 0, "`number` of iterations, shared among all virtual users")
	f.VarP(&o.stages, "stage", "s", "a stage of a ramp, such as 30s:10; repeat for more")
	f.Var(&o.stagesList, "stages", "")
	f.Lookup("stages").Hidden = true // K6_STAGES; the flag is --stage
	withoutVariable(f, "stage")
	f.IntVar(&o.users, "users", 0, "`number` of users, which come at --spawn-rate")
	f.Float64VarP(&o.spawnRate, "spawn-rate", "r", 0, "`number` of users that come per second (1)")
	f.VarP(&o.runTime, "run-time", "t", "how long users are there, such as 300, 300s or 1h30m; forever without")
	f.StringVarP(&o.host, "host", "H", "", "base `URL` of requests whose URL is relative")
	f.BoolVar(&o.paused, "paused", false, "wait before the load until the run is resumed")
	f.StringVar(&o.segment, "execution-segment", "", "run this `part` of the test only, such as 1/4:1/2")
	f.StringVar(&o.sequence, "execution-segment-sequence", "", "borders of all `parts`, such as 0,1/4,1/2,1")
	f.Var(&o.minDuration, "min-iteration-duration", "least time from one iteration of a VU to the next")
	f.Var(&o.initTimeout, "init-timeout", "how long the script's top level may take (60s)")
	f.Var(&o.iterationBound, "iteration-timeout", "how long one iteration may take; no limit without")
	f.Var(&o.setupTimeout, "setup-timeout", "how long setup() may take (60s)")
	f.Var(&o.teardownTimeout, "teardown-timeout", "how long teardown() may take (60s)")
	f.Var(&o.tags, "tag", "a tag for all samples; repeat for more")
	f.BoolVar(&o.noSetup, "no-setup", false, "do not run setup()")
	f.BoolVar(&o.noTeardown, "no-teardown", false, "do not run teardown()")
	f.BoolVar(&o.noThresholds, "no-thresholds", false, "do not judge thresholds")
	f.StringSliceVar(&o.systemTags, "system-tags", nil, "`list` of the tags set by swarm, such as url,status,vu")
	f.StringSliceVar(&o.trendStats, "summary-trend-stats", nil, "`list` of statistics of trends, such as avg,p(99)")
	f.Var(&o.timeUnit, "summary-time-unit", "unit of times in the summary")
	f.IntVar(&o.maxRedirects, "max-redirects", 0, "`number` of redirects to follow at most (10)")
	f.IntVar(&o.batch, "batch", 0, "`number` of requests of one http.batch at a time, at most (20)")
	f.IntVar(&o.batchPerHost, "batch-per-host", 0, "`number` of those to one host, at most (6)")
	f.StringVar(&o.userAgent, "user-agent", "", "User-Agent `header` of requests")
	f.BoolVarP(&o.throw, "throw", "w", false, "failed requests throw")
	f.BoolVar(&o.insecure, "insecure-skip-tls-verify", false, "accept any certificate")
	f.BoolVar(&o.noReuse, "no-connection-reuse", false, "a new connection for each request")
	f.BoolVar(&o.noVUReuse, "no-vu-connection-reuse", false, "new connections for each iteration")
	f.BoolVar(&o.noCookiesReset, "no-cookies-reset", false, "keep cookies from one iteration to the next")
	f.BoolVar(&o.discard, "discard-response-bodies", false, "do not keep the bodies of responses")

	o.network.register(f)
}

// flagOption is a flag and the option of a script that it stands for.
type flagOption struct {
	flag, option string
	value        any
	// parts says, for paths inside the option ("0.key"), which other flag or
	// variable they are from.
	parts map[string]string
}

// options lists the flags with their values, whether they were given or not.
func (o *overrideFlags) options() []flagOption {
	return []flagOption{
		{flag: "vus", option: "vus", value: o.vus},
		{flag: "duration", option: "duration", value: o.duration.String()},
		{flag: "iterations", option: "iterations", value: o.iterations},
		{flag: "stages", option: "stages", value: o.stagesList.options()},
		{flag: "stage", option: "stages", value: o.stages.options()},
		{flag: "users", option: "users", value: o.users},
		{flag: "spawn-rate", option: "spawnRate", value: o.spawnRate},
		{flag: "run-time", option: "runTime", value: o.runTime.text},
		{flag: "host", option: "baseURL", value: o.host},
		{flag: "paused", option: "paused", value: o.paused},
		{flag: "execution-segment", option: "executionSegment", value: o.segment},
		{flag: "execution-segment-sequence", option: "executionSegmentSequence", value: o.sequence},
		{flag: "min-iteration-duration", option: "minIterationDuration", value: o.minDuration.String()},
		{flag: "init-timeout", option: "initTimeout", value: o.initTimeout.String()},
		{flag: "iteration-timeout", option: "iterationTimeout", value: o.iterationBound.String()},
		{flag: "setup-timeout", option: "setupTimeout", value: o.setupTimeout.String()},
		{flag: "teardown-timeout", option: "teardownTimeout", value: o.teardownTimeout.String()},
		{flag: "tag", option: "tags", value: o.tags.pairs},
		{flag: "no-setup", option: "noSetup", value: o.noSetup},
		{flag: "no-teardown", option: "noTeardown", value: o.noTeardown},
		{flag: "no-thresholds", option: "noThresholds", value: o.noThresholds},
		{flag: "system-tags", option: "systemTags", value: o.systemTags},
		{flag: "summary-trend-stats", option: "summaryTrendStats", value: o.trendStats},
		{flag: "summary-time-unit", option: "summaryTimeUnit", value: o.timeUnit.value},
		{flag: "max-redirects", option: "maxRedirects", value: o.maxRedirects},
		{flag: "batch", option: "batch", value: o.batch},
		{flag: "batch-per-host", option: "batchPerHost", value: o.batchPerHost},
		{flag: "user-agent", option: "userAgent", value: o.userAgent},
		{flag: "throw", option: "throw", value: o.throw},
		{flag: "insecure-skip-tls-verify", option: "insecureSkipTLSVerify", value: o.insecure},
		{flag: "no-connection-reuse", option: "noConnectionReuse", value: o.noReuse},
		{flag: "no-vu-connection-reuse", option: "noVUConnectionReuse", value: o.noVUReuse},
		{flag: "no-cookies-reset", option: "noCookiesReset", value: o.noCookiesReset},
		{flag: "discard-response-bodies", option: "discardResponseBodies", value: o.discard},
	}
}

// overrides returns what was given around the options of a script whose project
// is the folder root: the configuration file below them, the environment and
// the command line above. variables names, for each flag that the environment
// set, the variable.
func (o *overrideFlags) overrides(f *pflag.FlagSet, variables map[string]string, lookup func(string) (string, bool), root string) (plan.Overrides, error) {
	var out plan.Overrides
	config, found, err := readConfig(o.config, root)
	if err != nil {
		return out, err
	}
	if found {
		out.Below = append(out.Below, config)
	}
	network, err := o.network.options(f, lookup)
	if err != nil {
		return out, err
	}
	for _, fromVariable := range []bool{true, false} {
		values, places := map[string]any{}, map[string]string{}
		for _, option := range append(o.options(), network...) {
			variable := variables[option.flag]
			if !f.Changed(option.flag) || (variable != "") != fromVariable {
				continue
			}
			if f, ok := option.value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
				return out, &usageError{message: fmt.Sprintf("%s: must be a finite number, got %v", flagPlace(option.flag, variables), f)}
			}
			values[option.option], places[option.option] = option.value, flagPlace(option.flag, variables)
			for part, place := range option.parts {
				if flag, is := strings.CutPrefix(place, "--"); is {
					place = flagPlace(flag, variables)
				}
				places[option.option+"."+part] = place
			}
		}
		if len(values) == 0 {
			continue
		}
		data, err := json.Marshal(values)
		if err != nil {
			return out, fmt.Errorf("flags: %w", err)
		}
		out.Above = append(out.Above, plan.Layer{Options: data, Locate: func(path []string) plan.Position {
			for n := len(path); n > 0; n-- {
				if place, known := places[strings.Join(path[:n], ".")]; known {
					return plan.Position{File: place}
				}
			}
			return plan.Position{}
		}})
	}
	return out, nil
}

// flagPlace names a flag, or the variable that set it.
func flagPlace(flag string, variables map[string]string) string {
	if variable := variables[flag]; variable != "" {
		return variable
	}
	return "--" + flag
}
