package summary

import (
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/timeline"
)

// TestMeanOfGenerator reads over time what a set does not keep.
func TestMeanOfGenerator(t *testing.T) {
	r := record(t)
	line := timeline.New(r.started, timeline.Options{})
	for i, share := range []float64{0.2, 0.4, 0.9} {
		r.add(metric.GeneratorCPU, share)
		s := r.registry.Snapshot(r.started.Add(time.Duration(i+1) * time.Second))
		if err := r.set.Merge("runner", s); err != nil {
			t.Fatal(err)
		}
		line.Add("runner", s)
	}
	in := Input{Plan: &plan.Plan{}, Set: r.set, Timeline: line, Duration: 3 * time.Second}
	if g := Build(in).Generator; !g.Known || g.CPU < 0.499 || g.CPU > 0.501 || g.CPUMax != 0.9 {
		t.Errorf("%+v", g)
	}
	in.Timeline = nil
	if g := Build(in).Generator; g.CPU != 0 || g.CPUMax != 0.9 {
		t.Errorf("without a time series: %+v", g)
	}
}

func TestCovered(t *testing.T) {
	span := func(from, to int) health.Mark {
		return health.Mark{From: time.Duration(from) * time.Second, To: time.Duration(to) * time.Second}
	}
	for _, c := range []struct {
		marks []health.Mark
		want  time.Duration
	}{
		{nil, 0},
		{[]health.Mark{span(1, 3)}, 2 * time.Second},
		{[]health.Mark{span(1, 5), span(2, 3), span(4, 7)}, 6 * time.Second},
		{[]health.Mark{span(1, 2), span(8, 99)}, 3 * time.Second}, // the load took ten
		{[]health.Mark{span(5, 4)}, 0},
	} {
		if got := covered(c.marks, 10*time.Second); got != c.want {
			t.Errorf("%v cover %v, want %v", c.marks, got, c.want)
		}
	}
}

// TestDelays compares like with like: scenarios that have an intended start.
func TestDelays(t *testing.T) {
	r := record(t)
	for i := range 1_000 {
		ms := 10 + float64(i)/100
		r.add(metric.HTTPReqDuration, ms, "scenario", "open")
		r.add(metric.HTTPReqResponseTime, ms, "scenario", "open")
		r.add(metric.HTTPReqDuration, 5_000, "scenario", "closed")
	}
	r.at(time.Second)
	s := Build(r.input(`{}`))
	if len(s.Delays) != 1 || s.Delays[0].Different || s.Delays[0].P99 > 30 || s.Delays[0].P99 != s.Delays[0].FromP99 {
		t.Errorf("%+v", s.Delays)
	}
	if out := text(t, s, Style{}); strings.Contains(out, "intended") {
		t.Errorf("what does not differ is told:\n%s", out)
	}
}

// TestDoubtful tells a generator that was starved all the time, without a span
// that stands out, from a slow target and from one with nothing to do.
func TestDoubtful(t *testing.T) {
	for _, c := range []struct {
		lag, p95 float64
		requests uint64
		want     bool
	}{
		{7.7, 4, 100, true},
		{7.7, 300, 100, false}, // the target takes its time
		{1.1, 0.2, 100, false}, // timers of an idle process
		{7.7, 0, 0, false},
	} {
		if got := doubtful(c.lag, Request{Count: c.requests, P95: c.p95}); got != c.want {
			t.Errorf("lag %v ms, requests of %v ms: %v", c.lag, c.p95, got)
		}
	}
	text, ok := wellbeing(Generator{Known: true, LagP99: 7.7, Doubtful: true}, time.Second)
	if ok || !strings.Contains(text, "7.7 ms late") {
		t.Errorf("%v %q", ok, text)
	}
}
