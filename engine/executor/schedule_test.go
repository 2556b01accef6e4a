package executor

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/swarmload/swarm/engine/plan"
)

func leg(d time.Duration, target int) plan.Stage { return plan.Stage{Duration: d, Target: target} }

func TestRampSteps(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name   string
		start  int
		stages []plan.Stage
		want   []step
	}{
		{"no stage", 0, nil, nil},
		{"up", 0, []plan.Stage{leg(4*s, 2)}, []step{{2 * s, 1}, {4 * s, 2}}},
		{"down", 2, []plan.Stage{leg(4*s, 0)}, []step{{0, 2}, {2 * s, 1}, {4 * s, 0}}},
		{"hold", 3, []plan.Stage{leg(4*s, 3)}, []step{{0, 3}}},
		{"up, hold, down", 1, []plan.Stage{leg(2*s, 3), leg(5*s, 3), leg(2*s, 1)},
			[]step{{0, 1}, {s, 2}, {2 * s, 3}, {8 * s, 2}, {9 * s, 1}}},
		{"jump", 1, []plan.Stage{leg(2*s, 1), leg(0, 10), leg(2*s, 10), leg(0, 0)},
			[]step{{0, 1}, {2 * s, 10}, {4 * s, 0}}},
		{"jump at the start", 5, []plan.Stage{leg(0, 2), leg(2*s, 2)}, []step{{0, 2}}},
		{"jump there and back", 5, []plan.Stage{leg(s, 5), leg(0, 9), leg(0, 5), leg(s, 5)}, []step{{0, 5}}},
		{"jump from the end of a slope", 0, []plan.Stage{leg(2*s, 2), leg(0, 8)}, []step{{s, 1}, {2 * s, 8}}},
		{"uneven", 0, []plan.Stage{leg(10, 3)}, []step{{4, 1}, {7, 2}, {10, 3}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := slices.Collect(ramp{tt.start, tt.stages}.steps())
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func drawRamp(t *rapid.T) ramp {
	return ramp{
		start: rapid.IntRange(0, 50).Draw(t, "start"),
		stages: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) plan.Stage {
			return plan.Stage{
				Duration: rapid.OneOf(
					rapid.Just(time.Duration(0)),
					rapid.Map(rapid.IntRange(1, 100), func(n int) time.Duration { return time.Duration(n) * time.Second }),
					rapid.Map(rapid.Int64Range(1_000, 1e15), func(n int64) time.Duration { return time.Duration(n) }),
				).Draw(t, "duration"),
				Target: rapid.IntRange(0, 50).Draw(t, "target"),
			}
		}), 0, 6).Draw(t, "stages"),
	}
}

// Each stage alone: every VU is one step, none passes the target, and the last
// is at the very end.
func TestRampStageProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, 100_000).Draw(t, "from")
		to := from + rapid.IntRange(-min(from, 2000), 2000).Draw(t, "change")
		d := time.Duration(rapid.Int64Range(2000, 1<<60).Draw(t, "duration"))
		r := ramp{from, []plan.Stage{{Duration: d, Target: to}}}
		now, at, n := from, time.Duration(0), 0
		for s := range r.steps() {
			if s.at == 0 {
				if s.vus != from {
					t.Fatalf("begins with %d VUs", s.vus)
				}
				continue
			}
			n++
			if s.at <= at {
				t.Fatalf("step at %v after one at %v", s.at, at)
			}
			if s.vus-now != sign(to-from) {
				t.Fatalf("step from %d to %d VUs on the way from %d to %d", now, s.vus, from, to)
			}
			now, at = s.vus, s.at
		}
		if n != abs(to-from) {
			t.Fatalf("%d steps from %d to %d", n, from, to)
		}
		if now != to || n > 0 && at != d {
			t.Fatalf("ends with %d VUs at %v, want %d at %v", now, at, to, d)
		}
	})
}

// Whole ramps: steps and vus tell the same, within the targets.
func TestRampProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRamp(t)
		low, high, end := r.start, r.start, time.Duration(0)
		for _, s := range r.stages {
			low, high, end = min(low, s.Target), max(high, s.Target), end+s.Duration
		}
		now := step{at: -1}
		for s := range r.steps() {
			if s.at <= now.at {
				t.Fatalf("step at %v after one at %v", s.at, now.at)
			}
			if s.at > end {
				t.Fatalf("step at %v after the end at %v", s.at, end)
			}
			if s.vus == now.vus {
				t.Fatalf("step at %v changes nothing", s.at)
			}
			if s.vus < low || s.vus > high {
				t.Fatalf("%d VUs at %v outside of %d to %d", s.vus, s.at, low, high)
			}
			if got := r.vus(s.at); got != s.vus {
				t.Fatalf("vus(%v) = %d, the step says %d", s.at, got, s.vus)
			}
			if got := r.vus(s.at - 1); got != now.vus {
				t.Fatalf("vus(%v) = %d before the step at %v, which changes %d", s.at-1, got, s.at, now.vus)
			}
			now = s
		}
		if got := r.vus(end); got != now.vus {
			t.Fatalf("vus at the end = %d, the last step says %d", got, now.vus)
		}
		if r.vus(-1) != 0 {
			t.Fatal("VUs before the start")
		}
	})
}

// What stops taking steps half-way gets no more.
func TestRampStepsStop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRamp(t)
		all := slices.Collect(r.steps())
		n := rapid.IntRange(0, len(all)).Draw(t, "n")
		var got []step
		for s := range r.steps() {
			if len(got) == n {
				break
			}
			got = append(got, s)
		}
		if !slices.Equal(got, all[:n]) {
			t.Fatalf("got %v of %v", got, all)
		}
	})
}

func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 100_000).Draw(t, "n")
		over := time.Duration(rapid.Int64Range(1, 1<<60).Draw(t, "over"))
		i := rapid.IntRange(0, n-2).Draw(t, "i")
		a, b := spread(i, n, over), spread(i+1, n, over)
		gap := over / time.Duration(n)
		if b-a < gap || b-a > gap+1 {
			t.Fatalf("%d of %d begins %v after the one before, want %v", i+1, n, b-a, gap)
		}
		if spread(0, n, over) != 0 || spread(n-1, n, over) >= over {
			t.Fatalf("not within %v", over)
		}
		if spread(i, n, 0) != 0 || spread(0, 1, over) != 0 {
			t.Fatal("spread where there is nothing to spread")
		}
	})
}
