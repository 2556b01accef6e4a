package plan

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/threshold"
)

// option is one key of the options and what reads it.
type option struct {
	name string
	read func(v value)
}

// options lists every option there is: all of k6 2.x and our own. One whose
// feature this version lacks is a problem when the load or its safety depends
// on it, else a note; none is passed over in silence.
func (d *draft) options() []option {
	p := &d.plan
	keep := func(dst **value) func(value) { return func(v value) { *dst = &v } }
	return []option{
		// Workload.
		{"vus", keep(&d.short.vus)},
		{"duration", keep(&d.short.duration)},
		{"iterations", keep(&d.short.iterations)},
		{"stages", func(v value) {
			if v.kind != null && (v.kind != list || len(v.items) > 0) {
				d.short.stages = &v
			}
		}},
		{"users", keep(&d.short.users)},
		{"spawnRate", keep(&d.short.spawnRate)},
		{"runTime", keep(&d.short.runTime)},
		{"scenarios", func(value) {}}, // read last, see read
		{"startJitter", func(v value) {
			if span, ok := v.duration(0); ok {
				d.startJitter = &jitter{span, v}
			}
		}},
		{"minIterationDuration", func(v value) { v.setDuration(&p.MinIterationDuration, 0) }},
		{"iterationTimeout", func(v value) { v.setDuration(&p.IterationTimeout, 0) }},
		{"rps", d.readRPS},
		{"executionSegment", keep(&d.segment[0])},
		{"executionSegmentSequence", keep(&d.segment[1])},
		{"paused", func(v value) { v.setBool(&p.Paused) }},

		// Life cycle.
		{"initTimeout", func(v value) { v.setDuration(&p.InitTimeout, 1) }},
		{"setupTimeout", func(v value) { v.setDuration(&p.SetupTimeout, 1) }},
		{"teardownTimeout", func(v value) { v.setDuration(&p.TeardownTimeout, 1) }},
		{"handleSummaryTimeout", func(v value) { v.setDuration(&p.HandleSummaryTimeout, 1) }},
		{"vuSetupTimeout", func(v value) { v.setDuration(&p.VUSetupTimeout, 1) }},
		{"vuTeardownTimeout", func(v value) { v.setDuration(&p.VUTeardownTimeout, 1) }},
		{"noSetup", func(v value) { v.setBool(&p.NoSetup) }},
		{"noTeardown", func(v value) { v.setBool(&p.NoTeardown) }},

		// Judgement and results.
		{"thresholds", d.readThresholds},
		{"noThresholds", func(v value) { v.setBool(&p.NoThresholds) }},
		{"failOnCheck", func(v value) { v.setBool(&p.FailOnCheck) }},
		{"noData", func(value) {}}, // read first, see read
		{"tags", func(v value) { v.setStrings(p.Tags) }},
		{"systemTags", d.readSystemTags},
		{"maxSeries", func(v value) { v.setInt(&p.MaxSeries, 100, 1_000_000) }},
		{"metrics", d.readMetrics},
		{"summaryTrendStats", d.readTrendStats},
		{"summaryTimeUnit", d.readTimeUnit},

		// HTTP.
		{"baseURL", d.readBaseURL},
		{"userAgent", d.readUserAgent},
		{"maxRedirects", func(v value) { v.setInt(&p.HTTP.MaxRedirects, 0, 1_000) }},
		{"batch", func(v value) { v.setInt(&p.HTTP.Batch, 1, 100_000) }},
		{"batchPerHost", d.readBatchPerHost},
		{"throw", func(v value) { v.setBool(&p.HTTP.Throw) }},
		{"discardResponseBodies", func(v value) { v.setBool(&p.HTTP.DiscardResponseBodies) }},
		{"noConnectionReuse", func(v value) { v.setBool(&p.HTTP.NoConnectionReuse) }},
		{"noVUConnectionReuse", func(v value) { v.setBool(&p.HTTP.NoVUConnectionReuse) }},
		{"noCookiesReset", func(v value) { v.setBool(&p.HTTP.NoCookiesReset) }},
		{"insecureSkipTLSVerify", func(v value) { v.setBool(&p.HTTP.InsecureSkipTLSVerify) }},
		{"hosts", d.readHosts},
		{"httpVersion", d.readHTTPVersion},
		{"httpDebug", d.readDebug},
		{"connectionLifetime", func(v value) { v.setDuration(&p.HTTP.ConnectionLifetime, 0) }},
		{"proxy", d.readProxy},

		// Network and its safety.
		{"blacklistIPs", d.readBlacklist},
		{"blockHostnames", d.readBlocked},
		{"dns", d.readDNS},
		{"localIPs", d.readLocalIPs},
		{"unixSockets", d.readUnixSockets},
		{"tlsAuth", d.readTLSAuth},
		{"tlsCACerts", d.readCACerts},
		{"tlsCipherSuites", d.readCipherSuites},
		{"tlsSessionResumption", func(v value) { v.setBool(&p.HTTP.TLS.Resumption) }},
		{"tlsVersion", d.readTLSVersion},
		{"limits", later},

		// Harmless without effect.
		{"cloud", d.noted("swarm runs no tests in k6's cloud")},
		{"ext", d.noted("swarm runs no tests in k6's cloud")},
		{"linger", d.noted("not supported yet")},
		{"noUsageReport", d.noted("swarm never reports usage")},
		{"noSummary", d.noted("use --summary off")},
		{"summaryExport", d.noted("not supported yet")},
		{"consoleOutput", d.noted("not supported yet")},
	}
}

// later reports an option that must not be ignored.
func later(v value) {
	if !v.neutral() {
		v.fail("not supported yet")
	}
}

// readSegment reads the two options that say which part of the test this is.
func (d *draft) readSegment() {
	var texts [2]string
	var at *value
	for i, v := range d.segment {
		if v == nil {
			continue
		}
		ok := false
		if texts[i], ok = v.str(); !ok && v.kind != null {
			return
		}
		if at == nil && texts[i] != "" {
			at = v
		}
	}
	segment, err := NewSegment(texts[0], texts[1])
	if err != nil {
		at.failHint(`such as executionSegment: "1/4:1/2", executionSegmentSequence: "0,1/4,1/2,1"`, "%v", err)
		return
	}
	d.plan.Segment = segment
}

// readMetrics reads the names of the metrics that are kept.
func (d *draft) readMetrics(v value) {
	v.list(" of names of metrics", maxMetrics, func(_ int, v value) {
		name, ok := v.str()
		if _, known := d.metric(name); ok && !known {
			d.unknownMetric(name, v)
		} else if ok && !slices.Contains(d.plan.Metrics, name) {
			d.plan.Metrics = append(d.plan.Metrics, name)
		}
	})
}

// vital are the metrics that are kept in any case: without them a summary
// would be wrong, or a verdict could not be given.
func vital() []string {
	return []string{
		metric.Iterations, metric.DroppedIterations, metric.ScriptErrors, metric.VUs, metric.VUsMax,
		metric.HTTPReqs, metric.HTTPReqFailed, metric.DataSent, metric.DataReceived,
		metric.GeneratorLag, metric.GeneratorCPU, metric.GeneratorMemory, metric.GeneratorGCPause, metric.GeneratorSocketErrors,
	}
}

// keep adds to the metrics that are kept those that the verdict and the
// summary go by.
func (d *draft) keep() {
	p := &d.plan
	if len(p.Metrics) == 0 {
		return
	}
	add := func(name string) {
		if !slices.Contains(p.Metrics, name) {
			p.Metrics = append(p.Metrics, name)
		}
	}
	for _, name := range vital() {
		add(name)
	}
	for _, t := range p.Thresholds {
		add(t.Metric)
	}
	for _, s := range p.Submetrics {
		add(s.Metric)
	}
}

// maxMetrics is how many names metrics may have: as many as there can be.
const maxMetrics = 2_000

// noted returns the reader of an option that has no effect and needs none.
func (d *draft) noted(why string) func(v value) {
	return func(v value) {
		if !v.neutral() {
			d.note(pathString(v.path) + " has no effect: " + why)
		}
	}
}

func (d *draft) readSystemTags(v value) {
	known := append(slices.Clone(d.plan.SystemTags), laterTags()...)
	tags := []string{}
	if v.list(" of tag names", 100, func(_ int, v value) {
		name, ok := v.str()
		switch {
		case !ok:
		case !slices.Contains(known, name):
			v.failHint(d.didYouMean(name, known), "unknown system tag %s", quote(name))
		case !slices.Contains(tags, name):
			tags = append(tags, name)
		}
	}) {
		d.plan.SystemTags = tags
	}
}

func (d *draft) readTrendStats(v value) {
	stats := []string{}
	isList := v.list(" of statistics", 100, func(_ int, v value) {
		text, ok := v.str()
		if !ok {
			return
		}
		m, err := threshold.ParseMethod(text)
		if err != nil || slices.Contains([]string{"rate", "value"}, m.String()) {
			known := []string{"avg", "min", "med", "max", "count", "p(90)", "p(95)", "p(99)"}
			v.failHint(d.didYouMean(text, known), "must be avg, min, med, max, count or p(N) with N from 0 to 100, got %s", v.got())
			return
		}
		if !slices.Contains(stats, m.String()) {
			stats = append(stats, m.String())
		}
	})
	if isList && len(stats) > 0 {
		d.plan.SummaryTrendStats = stats
	}
}

func (d *draft) readTimeUnit(v value) {
	unit, ok := v.str()
	if !ok {
		return
	}
	if !slices.Contains([]string{"", "s", "ms", "us"}, unit) {
		v.fail(`must be "s", "ms" or "us", got %s`, v.got())
		return
	}
	d.plan.SummaryTimeUnit = unit
}

func (d *draft) readUserAgent(v value) {
	name, ok := v.str()
	if !ok {
		return
	}
	if strings.IndexFunc(name, unicode.IsControl) >= 0 {
		v.fail("must not hold control characters, got %s", v.got())
		return
	}
	d.plan.HTTP.UserAgent = name
}

func (d *draft) readBaseURL(v value) {
	base, ok := v.str()
	if !ok || base == "" {
		return
	}
	u, err := url.Parse(base)
	v = v.concealURL()
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		v.fail("must be a URL such as \"https://host:8443\", got %s", v.got())
	case masked(u):
		v.failHint(maskedHint, "its password is masked")
	default:
		d.plan.HTTP.BaseURL = base
	}
}

// readBatchPerHost takes k6's 0 for "no limit of its own".
func (d *draft) readBatchPerHost(v value) {
	d.plan.HTTP.BatchPerHost = 6
	v.setInt(&d.plan.HTTP.BatchPerHost, 0, 100_000)
	if d.plan.HTTP.BatchPerHost == 0 {
		d.plan.HTTP.BatchPerHost = 100_000
	}
}
