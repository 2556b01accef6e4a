package cluster

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
)

const searching = `{"scenarios": {"find": {"executor": "capacity", "preAllocatedVUs": 10, "maxVUs": 1000%s}},
	"thresholds": {"http_req_response_time": [{"threshold": "p(95)<200", "abortOnFail": true}]}}`

// above makes a target that is fast up to a rate and then slow.
func above(limit float64) func(float64, time.Duration) float64 {
	return func(rate float64, _ time.Duration) float64 {
		if rate > limit {
			return 1000
		}
		return 20
	}
}

func TestCapacityIsFound(t *testing.T) {
	p := &puppet{options: fmt.Sprintf(searching, ""), latency: above(730)}
	result, tr, err := perform(t, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Summary.Capacity) != 1 {
		t.Fatalf("%+v", result.Summary.Capacity)
	}
	r := result.Summary.Capacity[0]
	if r.Rate < 695 || r.Rate > 730 || r.Broke <= 730 || !r.Complete || r.Limit != capacity.Thresholds {
		t.Errorf("found %d to %d, %s", r.Rate, r.Broke, r.Limit)
	}
	for _, s := range r.Steps {
		if s.Achieved < 0.97*float64(s.Rate) || s.Achieved > 1.03*float64(s.Rate) || s.Span < s.Length-s.Settle-time.Second {
			t.Errorf("step at %d: achieved %v in %v", s.Rate, s.Achieved, s.Span)
		}
		if want := 20.0; s.Held && (s.P95 < want*0.99 || s.P95 > want*1.01) || !s.Held && s.P95 < 900 {
			t.Errorf("step at %d: p95 %v, held %v", s.Rate, s.P95, s.Held)
		}
		if s.Held != (s.Why == "") || len(s.Verdicts) != 2 {
			t.Errorf("step %+v", s)
		}
	}
	last := r.Steps[len(r.Steps)-1]
	if last.Phase != capacity.Hold || !last.Held {
		t.Errorf("last step %+v", last)
	}
	// What broke on the way is no verdict on the run.
	if !result.Summary.Passed || len(result.Summary.Thresholds) != 2 || !result.Summary.Thresholds[0].OK || result.Summary.Thresholds[0].Observed > 30 {
		t.Errorf("passed %v, %+v", result.Summary.Passed, result.Summary.Thresholds)
	}
	scales := p.scales()
	if scales[len(scales)-1] != "end" || scales[0] != "100/s" {
		t.Errorf("orders %v", scales)
	}
	seen := 0
	for _, tick := range tr.observe.ticks {
		if len(tick.Searches) != 1 || tick.Searches[0].Limit != "" && len(tick.Searches[0].Steps) != len(r.Steps) || len(tick.Searches[0].Steps) < seen {
			t.Fatalf("tick %+v", tick.Searches)
		}
		seen = len(tick.Searches[0].Steps)
	}
	if seen != len(r.Steps) {
		t.Errorf("ticks told of %d steps of %d", seen, len(r.Steps))
	}
	if len(result.Summary.Generator.Marks) != 2 {
		t.Errorf("marks %+v", result.Summary.Generator.Marks)
	}
	if end := result.Timeline.End(); end < result.Summary.Duration-2*time.Second || end > result.Summary.Duration+2*time.Second {
		t.Errorf("timeline to %v of %v", end, result.Summary.Duration)
	}
}

func TestCapacityEndings(t *testing.T) {
	for _, c := range []struct {
		name, more string
		p          puppet
		rate       int64
		limit      string
		err        string
	}{
		{"the most", `, "maxRate": 400`, puppet{}, 400, capacity.MaxRate, ""},
		{"nothing holds", `, "rate": 4`, puppet{latency: above(0)}, 0, capacity.Thresholds, "thresholds failed: http_req_response_time p(95)<200, no rate held in find"},
		{"too little", `, "minRate": 300`, puppet{latency: above(205)}, 200, capacity.Thresholds, "thresholds failed: 200/s held in find, less than 300/s"},
		{"enough", `, "minRate": 200`, puppet{latency: above(205)}, 200, capacity.Thresholds, ""},
		{"drops", ``, puppet{drops: func(rate float64) float64 {
			if rate > 330 {
				return 0.02
			}
			return 0.005
		}}, 325, capacity.VUs, ""},
		{"a slow generator", ``, puppet{latency: above(500), slow: func(rate float64) bool { return rate > 500 }}, 400, capacity.Generator, ""},
		{"a target that tires", ``, puppet{latency: func(rate float64, age time.Duration) float64 {
			if rate > 410 || rate > 390 && age > 15*time.Second {
				return 1000
			}
			return 20
		}}, 390, capacity.Thresholds, ""},
		{"no time", `, "maxDuration": "60s"`, puppet{}, 200, capacity.MaxDuration, ""},
		{"the least time", `, "maxDuration": "44.5s"`, puppet{}, 100, capacity.MaxDuration, ""},
		{"per minute", `, "timeUnit": "1m", "rate": 6000`, puppet{latency: above(205)}, 12000, capacity.Thresholds, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.p.options = fmt.Sprintf(searching, c.more)
			result, _, err := perform(t, &c.p, nil)
			if got := fmt.Sprint(err); got != c.err && (err != nil || c.err != "") {
				t.Errorf("error %q, want %q", got, c.err)
			}
			r := result.Summary.Capacity[0]
			if r.Rate != c.rate || r.Limit != c.limit {
				for _, s := range r.Steps {
					t.Log(s.Phase, s.Rate, s.Held, s.Why)
				}
				t.Errorf("found %d, %s; want %d, %s", r.Rate, r.Limit, c.rate, c.limit)
			}
			if result.Summary.Passed != (c.err == "") {
				t.Errorf("passed %v: %v", result.Summary.Passed, result.Summary.Reasons)
			}
		})
	}
}

func TestCapacityIsStopped(t *testing.T) {
	p := &puppet{options: fmt.Sprintf(searching, "")}
	result, _, err := perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			if len(tr.observe.ticks) == 30 {
				close(tr.stop)
			}
		}
	})
	var stopped *Stopped
	r := result.Summary.Capacity[0]
	if !errors.As(err, &stopped) || r.Complete || r.Limit != capacity.Stopped || r.Rate != 0 || len(r.Steps) < 2 {
		t.Errorf("%v, %+v", err, r)
	}
}

// A pause voids the probe under way, not the search.
func TestCapacityIsPaused(t *testing.T) {
	p := &puppet{options: fmt.Sprintf(searching, ""), latency: above(205)}
	result, _, err := perform(t, p, func(tr *trial) {
		tr.observe.onTick = func(Tick) {
			switch len(tr.observe.ticks) {
			case 8, 40:
				tr.config.Control.Pause()
			case 38, 45:
				tr.config.Control.Resume()
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r := result.Summary.Capacity[0]
	if r.Rate != 200 {
		t.Errorf("%+v", r)
	}
	for _, s := range r.Steps {
		if s.Achieved < 0.97*float64(s.Rate) {
			t.Errorf("the pause was judged: %+v", s)
		}
	}
	if got := p.scales(); slices.Index(got, "pause") < 0 || slices.Index(got, "resume") < 0 {
		t.Errorf("orders %v", got)
	}
}

const shaped = `{"scenarios": {"wave": {"executor": "shape", "shape": "wave", "maxVUs": 50%s}}}`
