package executor

import (
	"sync"

	"github.com/swarmload/swarm/engine/metric"
)

// Headcount knows how many VUs are at work in all scenarios together and
// records it as the gauge vus. Safe for concurrent use; it is not touched by
// iterations, only when VUs come and go.
type Headcount struct {
	rec    *metric.Recorder
	series *metric.Series

	mu  sync.Mutex
	now int
}

// NewHeadcount returns a count of 0 that records into s.
func NewHeadcount(rec *metric.Recorder, s *metric.Series) *Headcount {
	return &Headcount{rec: rec, series: s}
}

// Now returns the count.
func (h *Headcount) Now() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// Record records the count as it is.
func (h *Headcount) Record() { h.add(0, true) }

// add changes the count. The lock is held while recording, so that the latest
// value recorded is the latest count.
func (h *Headcount) add(n int, record bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now += n
	if record {
		h.rec.Record(h.series, float64(h.now))
	}
}
