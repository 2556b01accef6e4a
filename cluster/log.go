package cluster

import (
	"fmt"
	"sync"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
)

// A script may log as fast as it likes; the user gets a burst and then a pace
// one can follow, and the number of lines left out.
const (
	logBurst   = 1000    // lines
	logPace    = 200     // lines a second
	logBacklog = 1 << 20 // bytes not yet sent
	maxLogText = 16 << 10
	maxLogName = 128
)

// lineQueue is where a runner's log lines wait to be sent. Safe for concurrent
// use; add never blocks.
type lineQueue struct {
	ready chan struct{} // holds a token while lines wait

	mu      sync.Mutex
	lines   []*wire.LogLine
	bytes   int
	pace    pacer
	dropped uint64
}

func newLineQueue(now time.Time) *lineQueue {
	return &lineQueue{ready: make(chan struct{}, 1), pace: newPacer(logPace, logBurst, now)}
}

func (q *lineQueue) add(l LogLine, now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes > logBacklog || !q.pace.allow(now) {
		q.dropped++
		return
	}
	line := &wire.LogLine{
		Level:    wire.Text(wire.Shorten(l.Level, maxLogName)),
		Text:     wire.Text(wire.Shorten(l.Text, maxLogText)),
		Source:   wire.Text(wire.Shorten(l.Source, maxLogName)),
		Scenario: wire.Text(wire.Shorten(l.Scenario, maxScenarioName)),
		Vu:       l.VU,
		At:       wire.FromFrame(l.At),
		Hint:     wire.Text(wire.Shorten(l.Hint, maxLogName)),
	}
	q.lines = append(q.lines, line)
	q.bytes += len(line.Text)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take returns the waiting lines; with tell, a last one says how many were
// left out since it was last said.
func (q *lineQueue) take(tell bool) []*wire.LogLine {
	q.mu.Lock()
	defer q.mu.Unlock()
	lines := q.lines
	if tell && q.dropped > 0 {
		lines = append(lines, &wire.LogLine{
			Level:  "warn",
			Source: "log",
			Text:   fmt.Sprintf("%d log lines left out: the script logs more than %d lines a second", q.dropped, logPace),
		})
		q.dropped = 0
	}
	q.lines, q.bytes = nil, 0
	return lines
}

// pacer is a token bucket.
type pacer struct {
	rate, burst, tokens float64
	last                time.Time
}

func newPacer(rate, burst float64, now time.Time) pacer {
	return pacer{rate: rate, burst: burst, tokens: burst, last: now}
}

func (p *pacer) allow(now time.Time) bool {
	p.tokens = min(p.burst, p.tokens+now.Sub(p.last).Seconds()*p.rate)
	p.last = now
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}
