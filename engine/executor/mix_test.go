package executor

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/swarmload/swarm/engine/plan"
)

func firstOf(classes []plan.Class, n int) []int {
	m := newMix(classes)
	var got []int
	for i := range n {
		got = append(got, m.class(i))
	}
	return got
}

func TestMix(t *testing.T) {
	tests := []struct {
		name    string
		classes []plan.Class
		want    []int
	}{
		{"one", []plan.Class{{Weight: 1}}, []int{0, 0, 0}},
		{"two alike", []plan.Class{{Weight: 2}, {Weight: 2}}, []int{0, 1, 0, 1, 0, 1}},
		{"three to one", []plan.Class{{Weight: 3}, {Weight: 1}}, []int{0, 0, 1, 0, 0, 0, 1, 0}},
		{"weights of any size", []plan.Class{{Weight: 1e308}, {Weight: 1e308}, {Weight: 1e308}}, []int{0, 1, 2, 0, 1, 2}},
		{"one fixed, first", []plan.Class{{Weight: 1}, {FixedCount: 1}, {Weight: 1}}, []int{1, 0, 2, 0, 2, 0}},
		{"fixed ones by their counts", []plan.Class{{FixedCount: 2}, {FixedCount: 1}, {Weight: 1}}, []int{0, 1, 0, 2, 2, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstOf(tt.classes, len(tt.want)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if room := newMix([]plan.Class{{FixedCount: 2}, {FixedCount: 3}}).room; room != 5 {
		t.Errorf("room for %d where all counts are fixed", room)
	}
}

// At every number of users each class has its share but for less than one user:
// nothing is better with whole users. A fixed count is reached and never passed.
func TestMixProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		classes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) plan.Class {
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				return plan.Class{FixedCount: rapid.IntRange(1, 40).Draw(t, "fixedCount")}
			}
			return plan.Class{Weight: rapid.OneOf(
				rapid.Float64Range(1e-3, 1e3),
				rapid.Map(rapid.IntRange(1, 12), func(n int) float64 { return float64(n) }),
			).Draw(t, "weight")}
		}), 1, 12).Draw(t, "classes")
		var fixed, parties int
		var weights float64
		for _, c := range classes {
			fixed += c.FixedCount
			if c.FixedCount == 0 {
				weights += c.Weight
				parties++
			}
		}
		m := newMix(classes)
		n := min(m.room, 600)
		counts := make([]int, len(classes))
		for user := range n {
			counts[m.class(user)]++
			beyond := max(0, user+1-fixed) // users by weight
			for i, c := range classes {
				due := float64(beyond) * c.Weight / weights
				if c.FixedCount > 0 {
					due = float64(min(user+1, fixed)) * float64(c.FixedCount) / float64(fixed)
				}
				if off := math.Abs(float64(counts[i]) - due); off >= 1 {
					t.Fatalf("of %d users %d are of class %d, its share is %v", user+1, counts[i], i, due)
				}
				if c.FixedCount > 0 && (counts[i] > c.FixedCount || user+1 >= fixed && counts[i] != c.FixedCount) {
					t.Fatalf("of %d users %d are of class %d, which has a fixedCount of %d", user+1, counts[i], i, c.FixedCount)
				}
				if bound := 1 - 1/float64(2*parties-2); c.FixedCount == 0 && parties > 1 && math.Abs(float64(counts[i])-due) > bound+1e-6 {
					t.Fatalf("class %d is %v from its share, the theorem says %v", i, math.Abs(float64(counts[i])-due), bound)
				}
			}
		}
		// Pure: whoever asks, in whatever order, is told the same.
		again := newMix(classes)
		for range 20 {
			user := rapid.IntRange(0, n-1).Draw(t, "user")
			if a, b := again.class(user), m.class(user); a != b {
				t.Fatalf("user %d is of class %d and of class %d", user, a, b)
			}
		}
	})
}

func BenchmarkMix(b *testing.B) {
	classes := []plan.Class{{Weight: 3}, {Weight: 2}, {Weight: 1}, {FixedCount: 5}, {Weight: 0.5}}
	for b.Loop() {
		newMix(classes).class(9_999)
	}
}
