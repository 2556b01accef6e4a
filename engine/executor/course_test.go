package executor

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestClimbSteps(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name string
		c    climb
		want []step
	}{
		{"at once", climb{to: 7}, []step{{0, 7}}},
		{"nowhere", climb{at: 4 * s, from: 3, to: 3, rate: 1}, []step{{4 * s, 3}}},
		{"one a second", climb{to: 3, rate: 1}, []step{{0, 1}, {s, 2}, {2 * s, 3}}},
		{"four a second, later", climb{at: 5 * s, from: 10, to: 12, rate: 4}, []step{{5 * s, 11}, {5*s + s/4, 12}}},
		{"down", climb{at: s, from: 3, to: 1, rate: 0.5}, []step{{s, 2}, {3 * s, 1}}},
		{"in thirds", climb{to: 3, rate: 3}, []step{{0, 1}, {333333334, 2}, {666666667, 3}}},
		{"hardly", climb{at: s, to: 3, rate: 1e-300}, []step{{s, 1}, {forever, 2}, {forever, 3}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := slices.Collect(tt.c.steps()); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// The steps and vus tell the same, and every VU is one step at its time.
func TestClimbProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := climb{
			at:   time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "at")),
			from: rapid.IntRange(0, 300).Draw(t, "from"),
			to:   rapid.IntRange(0, 300).Draw(t, "to"),
			rate: rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(1e-3, 1e7)).Draw(t, "rate"),
		}
		now, at, n := c.from, c.at-1, 0
		for s := range c.steps() {
			if s.at < at || s.at < c.at {
				t.Fatalf("a step at %v after one at %v, of a climb from %v", s.at, at, c.at)
			}
			if s.at > at && c.vus(s.at-1) != now && s.at > c.at {
				t.Fatalf("%d VUs just before %v, the steps say %d", c.vus(s.at-1), s.at, now)
			}
			if c.rate > 0 && c.from != c.to {
				if s.vus-now != sign(c.to-c.from) {
					t.Fatalf("from %d to %d in one step", now, s.vus)
				}
				ideal := float64(n) / c.rate
				if off := (s.at - c.at).Seconds() - ideal; off < -1e-9*max(1, ideal) || off > 2e-9*max(1, ideal) {
					t.Fatalf("step %d comes at %v, want %v s", n, s.at-c.at, ideal)
				}
			}
			now, at = s.vus, s.at
			n++
		}
		if now != c.to || c.vus(at) != c.to || c.vus(forever) != c.to {
			t.Fatalf("ends with %d VUs, vus says %d", now, c.vus(at))
		}
	})
}
