package plan

import (
	"fmt"
	"slices"
	"strings"

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
		"http_req_response_time", "iteration_response_time", "iteration_delay", "generator_lag",
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
		t := Threshold{Metric: name, Filter: filter, Type: m.Type, Unit: m.Unit}
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
	if n := len(d.plan.Thresholds); n > maxThresholds {
		v.fail("must have at most %d thresholds, got %d", maxThresholds, n)
	}
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
			default:
				v.unknown("option of a threshold", []string{"threshold", "abortOnFail", "delayAbortEval"})
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
	e, err := threshold.Parse(condition.literal)
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
	t.Expression = strings.TrimSpace(condition.literal)
	d.plan.Thresholds = append(d.plan.Thresholds, t)
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
