package execution

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox"
)

// option is one property of test.options: value is nil (null in the script), a
// string, a bool, a float64, []string, []any or []option.
type option struct {
	name  string
	value any
}

// testOptions returns the options as consolidated from script, configuration
// and flags, frozen through and through.
func (in *instance) testOptions() goja.Value {
	if in.v.Phase() == sandbox.Init {
		in.v.Throw("Error", "exec.test.options cannot be read in init: options are not settled before the whole script has been read")
	}
	if in.options == nil {
		in.options = in.frozen(in.optionsList())
	}
	return in.options
}

// frozen makes a frozen value of the script.
func (in *instance) frozen(value any) goja.Value {
	rt := in.v.Runtime()
	var obj *goja.Object
	switch x := value.(type) {
	case []option:
		obj = rt.NewObject()
		for _, o := range x {
			define(obj, o.name, in.frozen(o.value))
		}
	case []any:
		obj = rt.NewArray()
		for i, v := range x {
			define(obj, strconv.Itoa(i), in.frozen(v))
		}
	case []string:
		obj = rt.NewArray()
		for i, v := range x {
			define(obj, strconv.Itoa(i), rt.ToValue(v))
		}
	case nil:
		return goja.Null()
	default:
		return rt.ToValue(x)
	}
	// The properties cannot be changed as they are; this keeps others out.
	if object, ok := rt.GlobalObject().Get("Object").(*goja.Object); ok {
		if freeze, ok := goja.AssertFunction(object.Get("freeze")); ok {
			if _, err := freeze(goja.Undefined(), obj); err != nil {
				panic(err) // the script's own freeze threw
			}
		}
	}
	return obj
}

func define(obj *goja.Object, name string, value goja.Value) {
	// It cannot fail on a fresh object.
	_ = obj.DefineDataProperty(name, value, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE)
}

// listOptions returns the options of a plan under their names in scripts.
// Secrets of the operator's are masked: scripts have no use for them.
func listOptions(p *plan.Plan) []option {
	if p == nil {
		return nil
	}
	http, masked := &p.HTTP, &p.Masked().HTTP
	return []option{
		{"scenarios", scenarios(p.Scenarios)},
		{"thresholds", thresholds(p)},
		{"paused", p.Paused},
		{"noSetup", p.NoSetup},
		{"noTeardown", p.NoTeardown},
		{"noThresholds", p.NoThresholds},
		{"setupTimeout", length(p.SetupTimeout)},
		{"teardownTimeout", length(p.TeardownTimeout)},
		{"vuSetupTimeout", length(p.VUSetupTimeout)},
		{"vuTeardownTimeout", length(p.VUTeardownTimeout)},
		{"handleSummaryTimeout", length(p.HandleSummaryTimeout)},
		{"iterationTimeout", given(p.IterationTimeout)},
		{"minIterationDuration", given(p.MinIterationDuration)},
		{"tags", dictionary(p.Tags)},
		{"systemTags", p.SystemTags},
		{"maxSeries", float64(p.MaxSeries)},
		{"metrics", orNull(p.Metrics)},
		{"summaryTrendStats", p.SummaryTrendStats},
		{"summaryTimeUnit", textOrNull(p.SummaryTimeUnit)},
		{"baseURL", textOrNull(http.BaseURL)},
		{"userAgent", http.UserAgent},
		{"maxRedirects", float64(http.MaxRedirects)},
		{"batch", float64(http.Batch)},
		{"batchPerHost", float64(http.BatchPerHost)},
		{"throw", http.Throw},
		{"discardResponseBodies", http.DiscardResponseBodies},
		{"noConnectionReuse", http.NoConnectionReuse},
		{"noVUConnectionReuse", http.NoVUConnectionReuse},
		{"noCookiesReset", http.NoCookiesReset},
		{"insecureSkipTLSVerify", http.InsecureSkipTLSVerify},
		{"hosts", dictionary(http.Hosts)},
		{"httpVersion", textOrNull(http.Version)},
		{"rps", numberOrNull(http.RPS)},
		{"proxy", textOrNull(masked.Proxy)},
		{"httpDebug", textOrNull(http.Debug)},
		{"connectionLifetime", given(http.ConnectionLifetime)},
		{"dns", []option{
			{"ttl", ttl(http.DNS.TTL)}, {"select", textOrNull(http.DNS.Select)}, {"policy", textOrNull(http.DNS.Policy)},
		}},
		{"blacklistIPs", orNull(http.BlacklistIPs)},
		{"blockHostnames", orNull(http.BlockHostnames)},
		{"localIPs", orNull(http.LocalIPs)},
		{"tlsVersion", []option{{"min", textOrNull(http.TLS.MinVersion)}, {"max", textOrNull(http.TLS.MaxVersion)}}},
		{"tlsCipherSuites", orNull(http.TLS.CipherSuites)},
		{"tlsAuth", certificates(masked.TLS.Auth)},
		{"tlsCACerts", orNull(http.TLS.CACerts)},
		{"tlsSessionResumption", http.TLS.Resumption},
	}
}

// ttl returns how long the addresses of a name are used as the option dns has it.
func ttl(d time.Duration) any {
	if d < 0 {
		return "inf"
	}
	return length(d)
}

func numberOrNull(n int64) any {
	if n == 0 {
		return nil
	}
	return float64(n)
}

func certificates(list []plan.TLSAuth) any {
	if len(list) == 0 {
		return nil
	}
	out := []any{}
	for _, a := range list {
		out = append(out, []option{
			{"domains", orNull(a.Domains)}, {"cert", a.Cert}, {"key", a.Key}, {"password", textOrNull(a.Password)},
		})
	}
	return out
}

func scenarios(list []plan.Scenario) []option {
	out := []option{}
	for i := range list {
		out = append(out, option{list[i].Name, scenarioOptions(&list[i])})
	}
	slices.SortFunc(out, func(a, b option) int { return strings.Compare(a.name, b.name) })
	return out
}

// scenarioOptions lists what the scenario's executor goes by.
func scenarioOptions(s *plan.Scenario) []option {
	out := []option{
		{"executor", s.Executor},
		{"startTime", length(s.StartTime)},
		{"startAfter", textOrNull(s.StartAfter)},
		{"gracefulStop", length(s.GracefulStop)},
		{"exec", s.Exec},
		{"env", dictionary(s.Env)},
		{"tags", dictionary(s.Tags)},
	}
	vus := option{"vus", float64(s.VUs)}
	duration := option{"duration", given(s.Duration)}
	maxVUs := option{"maxVUs", float64(s.MaxVUs)}
	arrivals := []option{
		{"timeUnit", length(s.TimeUnit)},
		{"preAllocatedVUs", float64(s.PreAllocatedVUs)},
		maxVUs,
		{"maxIterationDelay", length(s.MaxIterationDelay)},
	}
	switch s.Executor {
	case plan.ConstantVUs:
		out = append(out, vus, duration)
	case plan.SharedIterations, plan.PerVUIterations:
		out = append(out, vus, option{"iterations", float64(s.Iterations)}, option{"maxDuration", length(s.MaxDuration)})
	case plan.RampingVUs:
		out = append(out, option{"startVUs", float64(s.StartVUs)}, stages(s.Stages), option{"gracefulRampDown", length(s.GracefulRampDown)})
	case plan.ConstantArrivalRate:
		out = append(append(out, option{"rate", float64(s.Rate)}, duration), arrivals...)
	case plan.RampingArrivalRate:
		out = append(append(out, option{"startRate", float64(s.StartRate)}, stages(s.Stages)), arrivals...)
	case plan.ExternallyControlled:
		out = append(out, vus, maxVUs, duration)
	case plan.Users:
		out = append(out, option{"users", float64(s.VUs)}, option{"spawnRate", s.SpawnRate}, duration, maxVUs, classes(s.Classes))
	case plan.Shape:
		model := "closed"
		if s.Open {
			model = "open"
		}
		out = append(out, option{"shape", s.Shape}, option{"model", model}, option{"tick", length(s.Tick)}, duration, maxVUs)
	case plan.Capacity:
		out = append(append(out, option{"rate", float64(s.Rate)}), arrivals...)
		out = append(out,
			option{"maxRate", float64(s.Search.MaxRate)}, option{"minRate", float64(s.Search.MinRate)},
			option{"step", length(s.Search.Step)}, option{"settle", length(s.Search.Settle)},
			option{"hold", length(s.Search.Hold)}, option{"precision", s.Search.Precision})
	}
	return append(out, option{"startJitter", length(s.StartJitter)})
}

func stages(list []plan.Stage) option {
	out := []any{}
	for _, s := range list {
		out = append(out, []option{{"duration", length(s.Duration)}, {"target", float64(s.Target)}})
	}
	return option{"stages", out}
}

func classes(list []plan.Class) option {
	out := []any{}
	for _, c := range list {
		out = append(out, []option{
			{"name", c.Name}, {"exec", c.Exec}, {"weight", c.Weight}, {"fixedCount", float64(c.FixedCount)},
			{"env", dictionary(c.Env)}, {"tags", dictionary(c.Tags)},
		})
	}
	return option{"classes", out}
}

// thresholds lists the conditions by metric and filter. As in k6, one that is
// more than its text is an object.
func thresholds(p *plan.Plan) []option {
	out := []option{}
	add := func(name string, condition any) {
		for i := range out {
			if out[i].name == name {
				out[i].value = append(out[i].value.([]any), condition)
				return
			}
		}
		out = append(out, option{name, []any{condition}})
	}
	for _, t := range p.Thresholds {
		if t.Default {
			continue
		}
		if !t.AbortOnFail {
			add(selector(t.Metric, t.Filter), t.Expression)
			continue
		}
		add(selector(t.Metric, t.Filter), []option{
			{"threshold", t.Expression}, {"abortOnFail", true}, {"delayAbortEval", given(t.DelayAbortEval)},
		})
	}
	for _, s := range p.Submetrics {
		out = append(out, option{selector(s.Metric, s.Filter), []any{}})
	}
	slices.SortStableFunc(out, func(a, b option) int { return strings.Compare(a.name, b.name) })
	return out
}

func selector(metric string, filter map[string]string) string {
	if len(filter) == 0 {
		return metric
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(filter)) {
		pairs = append(pairs, key+":"+filter[key])
	}
	return metric + "{" + strings.Join(pairs, ",") + "}"
}

func dictionary(m map[string]string) any {
	if len(m) == 0 {
		return nil
	}
	out := []option{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, option{key, m[key]})
	}
	return out
}

// length writes a duration as k6 does: "1m0s", "500ms".
func length(d time.Duration) string { return d.String() }

// given is length, or nil where 0 means that there is none.
func given(d time.Duration) any {
	if d == 0 {
		return nil
	}
	return d.String()
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orNull(list []string) any {
	if len(list) == 0 {
		return nil
	}
	return list
}
