package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/threshold"
)

// Options returns the options, as JSON, that stand for the plan: what Parse
// makes this plan of again, but for its Notes, and k6 takes too where it knows
// them. Every default is written out; what was given in the short form is a
// scenario. It holds the plan's secrets: what is shown to anybody is Masked first.
func (p *Plan) Options() []byte { return p.settled().appendJSON(nil) }

// settled returns the plan as options.
func (p *Plan) settled() node {
	n := node{kind: object}
	scenarios := node{kind: object}
	for i := range p.Scenarios {
		scenarios.put(p.Scenarios[i].Name, p.Scenarios[i].settled())
	}
	n.put("scenarios", scenarios)
	if !p.Segment.Whole() {
		n.put("executionSegment", textNode(p.Segment.String()))
		n.put("executionSegmentSequence", textNode(p.Segment.Sequence()))
	}
	n.put("paused", boolNode(p.Paused))
	n.put("minIterationDuration", durationNode(p.MinIterationDuration))
	n.put("iterationTimeout", durationNode(p.IterationTimeout))

	n.put("initTimeout", durationNode(p.InitTimeout))
	n.put("setupTimeout", durationNode(p.SetupTimeout))
	n.put("teardownTimeout", durationNode(p.TeardownTimeout))
	n.put("handleSummaryTimeout", durationNode(p.HandleSummaryTimeout))
	n.put("vuSetupTimeout", durationNode(p.VUSetupTimeout))
	n.put("vuTeardownTimeout", durationNode(p.VUTeardownTimeout))
	n.put("noSetup", boolNode(p.NoSetup))
	n.put("noTeardown", boolNode(p.NoTeardown))

	n.put("thresholds", p.settledThresholds())
	n.put("noThresholds", boolNode(p.NoThresholds))
	n.put("failOnCheck", boolNode(p.FailOnCheck))
	n.put("tags", textsNode(p.Tags))
	n.put("systemTags", listNode(p.SystemTags))
	n.put("maxSeries", integerNode(int64(p.MaxSeries)))
	n.put("metrics", listNode(p.Metrics))
	n.put("summaryTrendStats", listNode(p.SummaryTrendStats))
	n.put("summaryTimeUnit", textNode(p.SummaryTimeUnit))

	h := &p.HTTP
	if h.BaseURL != "" {
		n.put("baseURL", textNode(h.BaseURL))
	}
	n.put("userAgent", textNode(h.UserAgent))
	n.put("maxRedirects", integerNode(int64(h.MaxRedirects)))
	n.put("batch", integerNode(int64(h.Batch)))
	n.put("batchPerHost", integerNode(int64(h.BatchPerHost)))
	n.put("throw", boolNode(h.Throw))
	n.put("discardResponseBodies", boolNode(h.DiscardResponseBodies))
	n.put("noConnectionReuse", boolNode(h.NoConnectionReuse))
	n.put("noVUConnectionReuse", boolNode(h.NoVUConnectionReuse))
	n.put("noCookiesReset", boolNode(h.NoCookiesReset))
	n.put("insecureSkipTLSVerify", boolNode(h.InsecureSkipTLSVerify))
	n.put("hosts", textsNode(h.Hosts))
	h.settle(&n)
	return n
}

// settle adds the options of the network to n. Where a default is nothing, it
// is left out.
func (h *HTTP) settle(n *node) {
	n.put("httpVersion", textNode(h.Version))
	n.put("httpDebug", textNode(h.Debug))
	n.put("rps", integerNode(h.RPS))
	n.put("connectionLifetime", durationNode(h.ConnectionLifetime))
	switch {
	case h.Proxy != "":
		n.put("proxy", textNode(h.Proxy))
	case h.Proxies != Proxies{}:
		n.put("proxy", node{kind: object, fields: []field{
			{"http", textNode(h.Proxies.HTTP)}, {"https", textNode(h.Proxies.HTTPS)}, {"no", textNode(h.Proxies.No)},
		}})
	}
	ttl := textNode("inf")
	if h.DNS.TTL >= 0 {
		ttl = durationNode(h.DNS.TTL)
	}
	n.put("dns", node{kind: object, fields: []field{
		{"ttl", ttl}, {"select", textNode(h.DNS.Select)}, {"policy", textNode(h.DNS.Policy)},
	}})
	for _, o := range []struct {
		name  string
		texts []string
	}{
		{"blacklistIPs", h.BlacklistIPs},
		{"blockHostnames", h.BlockHostnames},
		{"localIPs", h.LocalIPs},
		{"unixSockets", h.UnixSockets},
		{"tlsCipherSuites", h.TLS.CipherSuites},
		{"tlsCACerts", h.TLS.CACerts},
	} {
		if len(o.texts) > 0 {
			n.put(o.name, listNode(o.texts))
		}
	}
	if h.TLS.MinVersion != "" || h.TLS.MaxVersion != "" {
		versions := node{kind: object}
		if h.TLS.MinVersion != "" {
			versions.put("min", textNode(h.TLS.MinVersion))
		}
		if h.TLS.MaxVersion != "" {
			versions.put("max", textNode(h.TLS.MaxVersion))
		}
		n.put("tlsVersion", versions)
	}
	if len(h.TLS.Auth) > 0 {
		all := node{kind: list}
		for _, a := range h.TLS.Auth {
			one := node{kind: object, fields: []field{
				{"domains", listNode(a.Domains)}, {"cert", textNode(a.Cert)}, {"key", textNode(a.Key)},
			}}
			if a.Password != "" {
				one.put("password", textNode(a.Password))
			}
			all.items = append(all.items, one)
		}
		n.put("tlsAuth", all)
	}
	n.put("tlsSessionResumption", boolNode(h.TLS.Resumption))
}

// settled returns the scenario as options.
func (s *Scenario) settled() node {
	n := node{kind: object}
	n.put("executor", textNode(s.Executor))
	n.put("startTime", durationNode(s.StartTime))
	if s.StartAfter != "" {
		n.put("startAfter", textNode(s.StartAfter))
	}
	n.put("gracefulStop", durationNode(s.GracefulStop))
	if s.Executor != Users {
		n.put("exec", textNode(s.Exec))
	}
	if len(s.Env) > 0 {
		n.put("env", textsNode(s.Env))
	}
	if len(s.Tags) > 0 {
		n.put("tags", textsNode(s.Tags))
	}
	if !s.Arrives() {
		n.put("startJitter", durationNode(s.StartJitter))
	}
	for _, e := range executors() {
		if e.name != s.Executor {
			continue
		}
		for _, option := range e.options {
			if v, has := s.option(option); has {
				n.put(option, v)
			}
		}
	}
	return n
}

// option returns the value of an option of the scenario's executor; has is
// false when it is not to be written.
func (s *Scenario) option(name string) (n node, has bool) {
	closedShape := s.Executor == Shape && !s.Open
	openShape := s.Executor == Shape && s.Open
	switch name {
	case "vus", "users":
		return integerNode(int64(s.VUs)), true
	case "duration":
		return durationNode(s.Duration), !s.Unbounded()
	case "iterations":
		return integerNode(s.Iterations), true
	case "maxDuration":
		return durationNode(s.MaxDuration), true
	case "startVUs":
		return integerNode(int64(s.StartVUs)), true
	case "stages":
		return stagesNode(s.Stages), true
	case "gracefulRampDown":
		return durationNode(s.GracefulRampDown), true
	case "rate":
		return integerNode(s.Rate), true
	case "startRate":
		return integerNode(s.StartRate), true
	case "timeUnit":
		return durationNode(s.TimeUnit), !closedShape
	case "maxIterationDelay":
		return durationNode(s.MaxIterationDelay), !closedShape
	case "preAllocatedVUs":
		return integerNode(int64(s.PreAllocatedVUs)), true
	case "maxVUs":
		return integerNode(int64(s.MaxVUs)), s.MaxVUs > 0
	case "spawnRate":
		return numberNode(s.SpawnRate), !openShape && s.SpawnRate > 0
	case "classes":
		n := node{kind: list}
		for i := range s.Classes {
			n.items = append(n.items, s.Classes[i].settled())
		}
		return n, true
	case "shape":
		return textNode(s.Shape), true
	case "model":
		if s.Open {
			return textNode("open"), true
		}
		return textNode("closed"), true
	case "tick":
		return durationNode(s.Tick), true
	case "maxRate":
		return integerNode(s.Search.MaxRate), true
	case "minRate":
		return integerNode(s.Search.MinRate), true
	case "step":
		return durationNode(s.Search.Step), true
	case "settle":
		return durationNode(s.Search.Settle), true
	case "hold":
		return durationNode(s.Search.Hold), true
	case "precision":
		return numberNode(s.Search.Precision), true
	}
	return node{}, false // runTime, another word for duration
}

func (c *Class) settled() node {
	n := node{kind: object}
	n.put("exec", textNode(c.Exec))
	n.put("name", textNode(c.Name))
	if c.FixedCount > 0 {
		n.put("fixedCount", integerNode(int64(c.FixedCount)))
	} else {
		n.put("weight", numberNode(c.Weight))
	}
	if len(c.Env) > 0 {
		n.put("env", textsNode(c.Env))
	}
	if len(c.Tags) > 0 {
		n.put("tags", textsNode(c.Tags))
	}
	return n
}

// settledThresholds returns what the user asked to be judged or shown.
func (p *Plan) settledThresholds() node {
	n := node{kind: object}
	for _, t := range p.Thresholds {
		if t.Default {
			continue
		}
		name := threshold.FormatSelector(t.Metric, t.Filter)
		all, _ := n.get(name)
		all.kind = list
		all.items = append(all.items, t.settled())
		n.set(name, all)
	}
	for _, s := range p.Submetrics {
		n.put(threshold.FormatSelector(s.Metric, s.Filter), node{kind: list})
	}
	return n
}

func (t *Threshold) settled() node {
	condition := t.Expression
	if t.Over > 0 {
		condition += " over " + figure.Span(t.Over)
	}
	if !t.AbortOnFail && t.DelayAbortEval == 0 && !t.NoDataOK {
		return textNode(condition)
	}
	n := node{kind: object}
	n.put("threshold", textNode(condition))
	if t.AbortOnFail {
		n.put("abortOnFail", boolNode(true))
	}
	if t.DelayAbortEval > 0 {
		n.put("delayAbortEval", durationNode(t.DelayAbortEval))
	}
	if t.NoDataOK {
		n.put("noData", textNode("pass"))
	}
	return n
}

// put appends a field whose key is new.
func (n *node) put(key string, value node) { n.fields = append(n.fields, field{key, value}) }

func textNode(s string) node { return node{kind: text, literal: s} }

func boolNode(b bool) node { return node{kind: boolean, literal: strconv.FormatBool(b)} }

func integerNode(n int64) node { return node{kind: number, literal: strconv.FormatInt(n, 10)} }

func numberNode(f float64) node {
	return node{kind: number, literal: strconv.FormatFloat(f, 'f', -1, 64)}
}

func durationNode(d time.Duration) node { return textNode(figure.Span(d)) }

func listNode(texts []string) node {
	n := node{kind: list}
	for _, s := range texts {
		n.items = append(n.items, textNode(s))
	}
	return n
}

func textsNode(texts map[string]string) node {
	n := node{kind: object}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		n.put(key, textNode(texts[key]))
	}
	return n
}

func stagesNode(stages []Stage) node {
	n := node{kind: list}
	for _, s := range stages {
		n.items = append(n.items, node{kind: object, fields: []field{
			{"duration", durationNode(s.Duration)},
			{"target", integerNode(int64(s.Target))},
		}})
	}
	return n
}

// appendJSON appends the value as compact JSON.
func (n node) appendJSON(out []byte) []byte {
	switch n.kind {
	case null:
		return append(out, "null"...)
	case boolean, number:
		return append(out, n.literal...)
	case text:
		return appendText(out, n.literal)
	case list:
		out = append(out, '[')
		for i, item := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = item.appendJSON(out)
		}
		return append(out, ']')
	}
	out = append(out, '{')
	for i, f := range n.fields {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, f.key), ':')
		out = f.value.appendJSON(out)
	}
	return append(out, '}')
}

func appendText(out []byte, s string) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // conditions hold < and >
	if err := enc.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return append(out, strings.TrimSuffix(b.String(), "\n")...)
}
