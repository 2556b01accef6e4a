package main

import (
	"runtime/debug"
	"testing"
)

func TestCollectorPercent(t *testing.T) {
	const mb = 1 << 20
	for _, tc := range []struct {
		live, stacks uint64
		want         int
	}{
		{0, 0, mostPercent},
		{3 * mb, 0, 800},
		{24 * mb, 0, 100},
		{24 * mb, 24 * mb, 50},
		{192 * mb, 0, 25},
		{4 << 30, 0, 25},
		{1 << 50, 1 << 49, 25},
	} {
		if got := collectorPercent(tc.live, tc.stacks); got != tc.want {
			t.Errorf("collectorPercent(%d MB, %d MB) = %d, want %d", tc.live/mb, tc.stacks/mb, got, tc.want)
		}
	}
}

func TestTuneCollectorRestores(t *testing.T) {
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	stop := tuneCollector()
	stop()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("the share is %d %% after the tuner ended, want 77 %%", got)
	}
}
