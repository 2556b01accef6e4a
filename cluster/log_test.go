package cluster

import (
	"fmt"
	"testing"
	"time"
)

// TestEndlessLogging floods the queue for three seconds: what comes out is
// bounded, and printed and left out add up to what went in.
func TestEndlessLogging(t *testing.T) {
	start := time.Unix(0, 0)
	q := newLineQueue(start)
	sent, printed, left := 0, 0, 0
	drain := func(tell bool) {
		for _, line := range q.take(tell) {
			var n int
			if _, err := fmt.Sscanf(line.Text, "%d log lines left out", &n); err == nil {
				left += n
			} else {
				printed++
			}
		}
	}
	for ms := range 3000 {
		for range 20 {
			q.add(LogLine{Level: "info", Text: "x", Source: "console"}, start.Add(time.Duration(ms)*time.Millisecond))
			sent++
		}
		drain(ms%1000 == 999)
	}
	drain(true)
	if printed+left != sent {
		t.Errorf("%d lines printed and %d left out of %d", printed, left, sent)
	}
	if most := logBurst + 3*logPace; printed > most || printed < logBurst {
		t.Errorf("%d lines printed, want %d to %d", printed, logBurst, most)
	}
}

// TestBacklogIsBounded adds lines that nobody takes.
func TestBacklogIsBounded(t *testing.T) {
	q := newLineQueue(time.Unix(0, 0))
	long := string(make([]byte, maxLogText))
	for range 10 * logBacklog / maxLogText {
		q.add(LogLine{Text: long}, time.Unix(0, 0))
	}
	total := 0
	for _, line := range q.take(true) {
		total += len(line.Text)
	}
	if most := logBacklog + 2*maxLogText; total > most {
		t.Errorf("%d bytes held, want at most %d", total, most)
	}
}
