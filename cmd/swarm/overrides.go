package main

import (
	"slices"

	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/engine/plan"
)

// overrideFlags are the flags that lie over the script's options. A flag that
// was given neither on the command line nor in the environment changes nothing.
type overrideFlags struct {
	vus        int
	iterations int64
	duration   durationFlag
	stages     stagesFlag
	stagesList stagesFlag // the same from the environment
	tags       pairsFlag

	noSetup, noTeardown, noThresholds bool

	trendStats   []string
	timeUnit     choiceFlag
	maxRedirects int
	userAgent    string

	throw, insecure, noReuse, noVUReuse, discard bool
}

func (o *overrideFlags) register(f *pflag.FlagSet) {
	o.timeUnit.choices = []string{"s", "ms", "us"}
	f.IntVarP(&o.vus, "vus", "u", 0, "`number` of virtual users")
	f.VarP(&o.duration, "duration", "d", "how long to run, such as 30s or 1m30s")
	f.Int64VarP(&o.iterations, "iterations", "i", 0, "`number` of iterations, shared among all virtual users")
	f.VarP(&o.stages, "stage", "s", "a stage of a ramp, such as 30s:10; repeat for more")
	f.Var(&o.stagesList, "stages", "")
	f.Lookup("stages").Hidden = true // K6_STAGES; the flag is --stage
	withoutVariable(f, "stage")
	f.Var(&o.tags, "tag", "a tag for all samples; repeat for more")
	f.BoolVar(&o.noSetup, "no-setup", false, "do not run setup()")
	f.BoolVar(&o.noTeardown, "no-teardown", false, "do not run teardown()")
	f.BoolVar(&o.noThresholds, "no-thresholds", false, "do not judge thresholds")
	f.StringSliceVar(&o.trendStats, "summary-trend-stats", nil, "`list` of statistics of trends, such as avg,p(99)")
	f.Var(&o.timeUnit, "summary-time-unit", "unit of times in the summary")
	f.IntVar(&o.maxRedirects, "max-redirects", 0, "most redirects to follow (`number`; 10)")
	f.StringVar(&o.userAgent, "user-agent", "", "User-Agent `header` of requests")
	f.BoolVarP(&o.throw, "throw", "w", false, "failed requests throw")
	f.BoolVar(&o.insecure, "insecure-skip-tls-verify", false, "accept any certificate")
	f.BoolVar(&o.noReuse, "no-connection-reuse", false, "a new connection for each request")
	f.BoolVar(&o.noVUReuse, "no-vu-connection-reuse", false, "new connections for each iteration")
	f.BoolVar(&o.discard, "discard-response-bodies", false, "do not keep the bodies of responses")
}

// overrides returns what was given. set names the flags that an environment
// variable set: of duration, iterations and stages, which exclude each other,
// those of the command line hide those of the environment.
func (o *overrideFlags) overrides(f *pflag.FlagSet, set map[string]bool) plan.Overrides {
	shape := []string{"duration", "iterations", "stage", "stages"}
	shaped := slices.ContainsFunc(shape, func(name string) bool { return f.Changed(name) && !set[name] })
	given := func(name string) bool {
		hidden := shaped && set[name] && slices.Contains(shape, name)
		return f.Changed(name) && !hidden
	}
	out := plan.Overrides{
		Tags:    o.tags.pairs,
		NoSetup: o.noSetup, NoTeardown: o.noTeardown, NoThresholds: o.noThresholds,

		VUs:             when(given("vus"), o.vus),
		Iterations:      when(given("iterations"), o.iterations),
		SummaryTimeUnit: when(given("summary-time-unit"), o.timeUnit.value),
		MaxRedirects:    when(given("max-redirects"), o.maxRedirects),
		UserAgent:       when(given("user-agent"), o.userAgent),
		Throw:           when(given("throw"), o.throw),

		InsecureSkipTLSVerify: when(given("insecure-skip-tls-verify"), o.insecure),
		NoConnectionReuse:     when(given("no-connection-reuse"), o.noReuse),
		NoVUConnectionReuse:   when(given("no-vu-connection-reuse"), o.noVUReuse),
		DiscardResponseBodies: when(given("discard-response-bodies"), o.discard),
	}
	if given("duration") {
		out.Duration = o.duration.value
	}
	if given("stages") {
		out.Stages = o.stagesList.stages
	}
	if given("stage") {
		out.Stages = o.stages.stages
	}
	if given("summary-trend-stats") {
		out.SummaryTrendStats = o.trendStats
	}
	return out
}

func when[T any](given bool, v T) *T {
	if !given {
		return nil
	}
	return &v
}
