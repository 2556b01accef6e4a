package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/threshold"
)

const maxThresholds = 1_000

// laterMetrics are metrics of documented features that this version lacks.
func laterMetrics() []string {
	return []string{
		"ws_connecting", "ws_msgs_received", "ws_msgs_sent", "ws_ping", "ws_session_duration", "ws_sessions",
		"grpc_req_duration", "grpc_streams", "grpc_streams_msgs_received", "grpc_streams_msgs_sent",
		"browser_data_received", "browser_data_sent", "browser_http_req_duration", "browser_http_req_failed",
		"browser_web_vital_cls", "browser_web_vital_fcp", "browser_web_vital_fid", "browser_web_vital_inp",
		"browser_web_vital_lcp", "browser_web_vital_ttfb",
	}
}

// readThresholds reads {"metric{tag:value}": condition or conditions}.
func (d *draft) readThresholds(v value) {
	v.object(" of conditions by metric", func(selector string, v value) {
		name, filter, err := threshold.ParseSelector(selector)
		if err != nil {
			v.fail("%v", err)
			return
		}
		if len(filter) > 100 {
			v.fail("must filter by at most 100 tags, got %d", len(filter))
			return
		}
		m, known := d.metric(name)
		if !known {
			d.unknownMetric(name, v)
		}
		t := Threshold{Metric: name, Filter: filter, Type: m.Type, Unit: m.Unit, NoDataOK: d.noDataOK}
		d.alias(v, "thresholds", threshold.FormatSelector(name, filter))
		d.selected = append(d.selected, selected{Selector{name, filter}, v})
		switch v.kind {
		case null:
		case text, object:
			d.readThreshold(t, known, v)
		case list:
			if known && len(v.items) == 0 && len(filter) > 0 {
				d.plan.Submetrics = append(d.plan.Submetrics, Selector{name, filter})
			}
			v.list("", maxThresholds, func(_ int, v value) { d.readThreshold(t, known, v) })
		default:
			v.fail("must be a condition such as \"p(95)<200\" or an array of them, got %s", v.got())
		}
	})
	d.joinSelectors()
	if n := len(d.plan.Thresholds); n > maxThresholds {
		v.fail("must have at most %d thresholds, got %d", maxThresholds, n)
	}
}

// joinSelectors brings conditions on the same series together, however their
// selectors were written.
func (d *draft) joinSelectors() {
	p := &d.plan
	first := map[string]int{}
	name := func(metric string, filter map[string]string) string { return threshold.FormatSelector(metric, filter) }
	for i, t := range p.Thresholds {
		if _, seen := first[name(t.Metric, t.Filter)]; !seen {
			first[name(t.Metric, t.Filter)] = i
		}
	}
	slices.SortStableFunc(p.Thresholds, func(a, b Threshold) int {
		return first[name(a.Metric, a.Filter)] - first[name(b.Metric, b.Filter)]
	})
	p.Submetrics = slices.DeleteFunc(p.Submetrics, func(s Selector) bool {
		_, judged := first[name(s.Metric, s.Filter)]
		if !judged {
			first[name(s.Metric, s.Filter)] = -1
		}
		return judged
	})
}

// readThreshold reads one condition, completing t.
func (d *draft) readThreshold(t Threshold, known bool, v value) {
	condition := v
	switch v.kind {
	case text:
	case object:
		given := false
		v.object("", func(key string, v value) {
			switch key {
			case "threshold":
				condition, given = v, true
			case "abortOnFail":
				v.setBool(&t.AbortOnFail)
			case "delayAbortEval":
				if v.kind != null {
					v.setDuration(&t.DelayAbortEval, 0)
				}
			case "noData":
				d.readNoData(v, &t.NoDataOK)
			default:
				v.unknown("option of a threshold", []string{"threshold", "abortOnFail", "delayAbortEval", "noData"})
			}
		})
		if !given {
			v.fail("threshold is missing")
			return
		}
	}
	if condition.kind != text {
		condition.fail("must be a condition such as \"p(95)<200\", got %s", condition.got())
		return
	}
	expression, over, err := cutOver(condition.literal)
	if err != nil {
		condition.fail("%v, got %s", err, condition.got())
		return
	}
	e, err := threshold.Parse(expression)
	if err != nil {
		condition.fail("%v", err)
		return
	}
	if !known {
		return
	}
	if err := e.ValidFor(t.Metric, t.Type); err != nil {
		condition.failHint(fmt.Sprintf("a %s has %s", t.Type, strings.Join(threshold.Methods(t.Type), ", ")), "%v", err)
		return
	}
	t.Expression, t.Over = strings.TrimSpace(expression), over
	d.plan.Thresholds = append(d.plan.Thresholds, t)
}

// cutOver cuts " over 30s" off a condition. A window has whole seconds, because
// that is how long the intervals of a time series are.
func cutOver(condition string) (expression string, over time.Duration, err error) {
	i := strings.LastIndex(condition, " over ")
	if i < 0 {
		return condition, 0, nil
	}
	over, err = ParseDuration(strings.TrimSpace(condition[i+len(" over "):]))
	switch {
	case err != nil:
		return "", 0, fmt.Errorf("over: %w", err)
	case over < time.Second || over%time.Second != 0:
		return "", 0, errors.New("over must be followed by whole seconds, such as over 30s")
	}
	return condition[:i], over, nil
}

// readNoData reads what becomes of a threshold on a metric without samples.
func (d *draft) readNoData(v value, ok *bool) {
	if v.kind == null {
		return
	}
	if word, valid := v.choice("pass", "fail"); valid {
		*ok = word == "pass"
	}
}

// metric finds a metric of the script or of our own.
func (d *draft) metric(name string) (metric.Metric, bool) {
	for _, m := range slices.Concat(d.src.Metrics, metric.Builtin()) {
		if m.Name == name {
			return m, true
		}
	}
	return metric.Metric{}, false
}

func (d *draft) unknownMetric(name string, v value) {
	if slices.Contains(laterMetrics(), name) {
		v.fail("metric %s is not available in this version yet", name)
		return
	}
	var names []string
	for _, m := range slices.Concat(d.src.Metrics, metric.Builtin()) {
		names = append(names, m.Name)
	}
	v.failHint(d.didYouMean(name, names), "unknown metric %s", quote(name))
}

// scriptErrors appends the threshold that fails a run whose script threw,
// unless the user has an opinion on that.
func (d *draft) scriptErrors() {
	for _, t := range d.plan.Thresholds {
		if t.Metric == metric.ScriptErrors {
			return
		}
	}
	m, _ := d.metric(metric.ScriptErrors)
	d.plan.Thresholds = append(d.plan.Thresholds, Threshold{
		Metric: metric.ScriptErrors, Type: m.Type, Unit: m.Unit, Expression: "count==0", Default: true,
	})
}

// failOnCheck appends the threshold that fails a run with a failed check. A run
// without checks has none that failed.
func (d *draft) failOnCheck() {
	if !d.plan.FailOnCheck {
		return
	}
	m, _ := d.metric(metric.Checks)
	d.plan.Thresholds = append(d.plan.Thresholds, Threshold{
		Metric: metric.Checks, Type: m.Type, Unit: m.Unit, Expression: "rate==1", Default: true, NoDataOK: true,
	})
}

// Compile returns the thresholds ready to be judged, none with NoThresholds.
// The error is a fault of the caller: Parse accepts no threshold that does not
// compile.
func (p *Plan) Compile() ([]threshold.Compiled, error) {
	if p.NoThresholds {
		return nil, nil
	}
	var all []threshold.Compiled
	for _, t := range p.Thresholds {
		c, err := threshold.Compile(threshold.Spec(t))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}
