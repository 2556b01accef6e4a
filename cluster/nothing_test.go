package cluster

import (
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

func TestNothingTested(t *testing.T) {
	refused := map[string]string{"status": "0", "error": "connection refused"}
	cut := map[string]string{"status": "0", "error": "interrupted by the end of the test", "error_code": "1051"}
	streaming := map[string]string{"status": "200", "error": "interrupted by the end of the test", "error_code": "1051"}
	crowd := make([]map[string]string, 1234)
	for i := range crowd {
		crowd[i] = refused
	}
	for _, tc := range []struct {
		name     string
		requests []map[string]string
		received float64
		checks   float64
		complete uint64
		cutOff   uint64
		plan     plan.Plan
		want     string
	}{
		{name: "no requests", complete: 1},
		{name: "no iteration began", want: "no iteration began"},
		{name: "no iteration began after a setup that measured", checks: 1, want: "no iteration began"},
		{name: "no iteration began, thresholds switched off", plan: plan.Plan{NoThresholds: true}},
		{name: "cut off, nothing measured", cutOff: 2, want: "no iteration came to its end, and nothing was measured"},
		{name: "cut off, something measured", cutOff: 2, checks: 1},
		{name: "cut off, thresholds switched off", cutOff: 2, plan: plan.Plan{NoThresholds: true}},
		{name: "all refused", complete: 1, requests: []map[string]string{refused, refused}, want: "none of 2 requests was answered: connection refused"},
		{name: "one refused", complete: 1, requests: []map[string]string{refused}, want: "the only request was not answered: connection refused"},
		{name: "bytes but no response", complete: 1, requests: []map[string]string{refused}, received: 300, want: "the only request was not answered: connection refused"},
		{name: "one answered", complete: 1, requests: []map[string]string{refused, {"status": "503"}}},
		{name: "the commonest cause", complete: 1, requests: []map[string]string{{"status": "0", "error": "b"}, {"status": "0", "error": "a"}, refused, refused},
			want: "none of 4 requests was answered: connection refused"},
		{name: "many refused", complete: 1, requests: crowd, want: "none of 1,234 requests was answered: connection refused"},
		{name: "streams under way at the end", cutOff: 2, requests: []map[string]string{streaming, streaming}},
		{name: "one stream under way at the end", cutOff: 2, requests: []map[string]string{cut, streaming}},
		{name: "no response had begun at the end", cutOff: 2, requests: []map[string]string{cut, cut}, want: "the test ended before any of 2 requests was answered"},
		{name: "the only one had not begun at the end", cutOff: 1, requests: []map[string]string{cut}, want: "the test ended before its only request was answered"},
		{name: "cut off and refused", cutOff: 2, requests: []map[string]string{cut, cut, refused}, want: "the only request was not answered: connection refused"},
		{name: "no status tag, nothing received", complete: 1, requests: []map[string]string{{}, {}}, want: "none of 2 requests was answered"},
		{name: "no status tag, something received", complete: 1, requests: []map[string]string{{}, {}}, received: 1},
		{name: "the author expects it", complete: 1, requests: []map[string]string{refused},
			plan: plan.Plan{Thresholds: []plan.Threshold{{Metric: metric.HTTPReqFailed, Expression: "rate==1"}}}},
		{name: "thresholds switched off", complete: 1, requests: []map[string]string{refused}, plan: plan.Plan{NoThresholds: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reg := metric.NewRegistry(metric.Options{})
			for _, tags := range tc.requests {
				reg.Recorder(0).Record(reg.Series(reg.Lookup(metric.HTTPReqs), metric.TagsFromMap(tags)), 1)
			}
			if tc.received > 0 {
				reg.Recorder(0).Record(reg.Series(reg.Lookup(metric.DataReceived), metric.Tags{}), tc.received)
			}
			if tc.checks > 0 {
				reg.Recorder(0).Record(reg.Series(reg.Lookup(metric.Checks), metric.Tags{}), tc.checks)
			}
			for _, name := range []string{metric.VUs, metric.GeneratorCPU, metric.GeneratorLag, metric.IterationDelay} {
				reg.Recorder(0).Record(reg.Series(reg.Lookup(name), metric.Tags{}), 2)
			}
			set := metric.NewSet()
			if err := set.Merge("r", reg.Snapshot(time.Now())); err != nil {
				t.Fatal(err)
			}
			got := nothingTested(&tc.plan, set, tc.complete, tc.cutOff)
			switch {
			case tc.want == "" && got != nil:
				t.Errorf("got %q, want none", got)
			case tc.want != "" && (got == nil || got.Error() != tc.want):
				t.Errorf("got %v, want %q", got, tc.want)
			}
		})
	}
}
