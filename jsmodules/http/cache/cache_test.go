package cache

import (
	"testing"

	"pgregory.net/rapid"
)

// TestCacheModel compares the cache with a map.
func TestCacheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 20).Draw(t, "limit")
		c := Cache[int, int]{Limit: limit}
		model := map[int]int{}
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			k := rapid.IntRange(0, 30).Draw(t, "key")
			got, want := c.Get(k, func() int { return i }), i
			if old, ok := model[k]; ok {
				want = old
			} else if len(model) < limit {
				model[k] = i
			}
			if got != want {
				t.Fatalf("get(%d) is %d, want %d", k, got, want)
			}
			_, kept := model[k]
			if v, ok := c.Lookup(k); ok != kept || ok && v != want {
				t.Fatalf("lookup(%d) is %d, %v", k, v, ok)
			}
		}
	})
}
