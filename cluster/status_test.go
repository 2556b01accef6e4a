package cluster

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/plan"
	"google.golang.org/protobuf/proto"
)

// A status travels whole; a hostile one makes no number that cannot be.
func TestStatusRoundTrip(t *testing.T) {
	p := &plan.Plan{Scenarios: []plan.Scenario{{Name: "a"}}}
	want := engine.Status{
		Elapsed: time.Second, VUs: 3, VUsMax: 4, Paused: true,
		Vitals: health.Vitals{CPU: 0.5, Memory: 7, Lag: time.Millisecond, Cause: health.GC},
		Scenarios: []engine.ScenarioStatus{{
			Name: "a", State: "running", Elapsed: time.Second, VUs: 1, VUsPlanned: 2, RatePlanned: 2.5,
			Dropped: 3, Started: 4, Complete: 5, Interrupted: 6, Progress: 0.25,
		}},
	}
	data, err := proto.Marshal(fromStatus(want))
	if err != nil {
		t.Fatal(err)
	}
	m := new(wire.Status)
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, toStatus(m, p)); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
	if _, err := proto.Marshal(fromStatus(engine.Status{Vitals: health.Vitals{Cause: "\xff"}})); err != nil {
		t.Error(err)
	}
	hostile := &wire.Status{
		Elapsed: -1, Vus: math.MaxUint32,
		Vitals: &wire.Vitals{Cpu: math.NaN(), Lag: -1, Cause: strings.Repeat("x", 1000)},
		Scenarios: []*wire.ScenarioStatus{
			{Progress: math.NaN(), RatePlanned: math.Inf(1), Elapsed: -1}, {}, {},
		},
	}
	got := toStatus(hostile, p)
	if s := got.Scenarios; got.Elapsed != 0 || got.VUs < 0 || got.Vitals.CPU != 0 || got.Vitals.Lag != 0 || len(got.Vitals.Cause) > maxCause ||
		len(s) != 1 || s[0].Progress != 0 || s[0].RatePlanned != 0 || s[0].Elapsed != 0 {
		t.Errorf("%+v", got)
	}
	// An older runner tells less.
	if got := toStatus(&wire.Status{}, p); got.Vitals != (health.Vitals{}) || got.Paused {
		t.Errorf("%+v", got)
	}
}

func TestStatusesAddUp(t *testing.T) {
	var sum engine.Status
	for i, cause := range []health.Cause{"", health.Lag, health.CPU} {
		addStatus(&sum, engine.Status{
			Elapsed: time.Duration(i), Paused: i == 1, Vitals: health.Vitals{CPU: float64(i) / 4, Memory: 10, Lag: time.Duration(3 - i), Cause: cause},
			Scenarios: []engine.ScenarioStatus{{Name: "a", Dropped: 2, RatePlanned: 5}},
		})
	}
	want := engine.Status{
		Elapsed: 2, Paused: true, Vitals: health.Vitals{CPU: 0.5, Memory: 30, Lag: 3, Cause: health.Lag},
		Scenarios: []engine.ScenarioStatus{{Name: "a", Dropped: 6, RatePlanned: 15}},
	}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestMarkRoundTrip(t *testing.T) {
	want := health.Mark{From: 1, To: 5, Cause: health.Sockets, Worst: 2.5, Runner: "a"}
	if got, ok := toMark(fromMark(want), "a"); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	for _, m := range []*wire.Mark{{}, {From: 2, To: 1, Cause: "gc"}, {From: -1, To: 1, Cause: "gc"}, {From: 1, To: 2}} {
		if got, ok := toMark(m, ""); ok {
			t.Errorf("%v became %+v", m, got)
		}
	}
	if got, ok := toMark(&wire.Mark{To: 1, Cause: "gc", Worst: math.Inf(1)}, ""); !ok || got.Worst != 0 {
		t.Errorf("%+v, %v", got, ok)
	}
}
