package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// The garbage collector starts a cycle when the heap has grown by a share of
// what was live after the previous one. With Go's fixed share of 100 % a runner
// of few VUs collects many times a second for nothing, and one of many VUs
// holds as much garbage as data. So the share is chosen for the heap there is.
const (
	leastHeadroom = 24 << 20 // bytes between two collections, at least
	headroomShare = 4        // or a quarter of the live heap
	leastPercent  = 20
	mostPercent   = 1600

	// A coordinator makes little garbage, and keeps time series that grow with
	// the run: they may add what they weigh to its memory, not twice that.
	coordinatorPercent = 25
)

// tuneCollector keeps the collector's share right, looking once a second,
// until the returned function is called. That one waits and puts back what was.
func tuneCollector() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { keepHeadroom(ctx) })
	return func() {
		cancel()
		working.Wait()
	}
}

func keepHeadroom(ctx context.Context) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	percent := debug.SetGCPercent(100)
	defer debug.SetGCPercent(percent)
	for percent := 100; ; {
		metrics.Read(samples)
		want := collectorPercent(samples[0].Value.Uint64(), samples[1].Value.Uint64())
		// Setting it stops all VUs for a moment: not for a small difference.
		if diff := want - percent; diff > percent/5 || -diff > percent/5 {
			debug.SetGCPercent(want)
			percent = want
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// collectorPercent returns the share for a heap with so many live bytes and
// stacks with so many: what gives the headroom. Go counts stacks as live.
func collectorPercent(live, stacks uint64) int {
	live = max(live+stacks, 1<<20)
	headroom := max(leastHeadroom, live/headroomShare)
	return int(min(max(headroom*100/live, leastPercent), mostPercent))
}
