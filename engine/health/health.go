// Package health watches the load generator itself: whether a number is the
// target's doing or ours. A [Monitor] runs beside the VUs of a runner, records
// how late timers fire, how busy the processors are, how long the collector
// stops the world and how often the system refused a socket, and marks the
// spans in which the generator, not the target, was slow.
//
// Lateness is the measure that counts: a goroutine wants to wake up fifty
// times a second, as the VUs do after a sleep or when an answer has come, and
// what it waits beyond that, they wait too. Processor time and the collector
// explain it.
package health

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// Cause says what made the generator slow.
type Cause string

// Causes, gravest first.
const (
	Sockets Cause = "sockets" // no descriptors or local ports left
	CPU     Cause = "cpu"     // no processor time to spare
	GC      Cause = "gc"      // the collector
	Lag     Cause = "lag"     // timers fired late for any other reason
)

// Mark is a span of the load in which the generator was slow.
type Mark struct {
	From  time.Duration `json:"from"` // since the start of load
	To    time.Duration `json:"to"`
	Cause Cause         `json:"cause"`
	// Worst is the worst value seen: milliseconds of lag or pause, share of
	// processors, number of refused sockets.
	Worst float64 `json:"worst"`
	// Runner is which one, "" when there is only one.
	Runner string `json:"runner"`
}

// Vitals is a moment of the generator.
type Vitals struct {
	CPU    float64       `json:"cpu"`    // share of the processors it may use, 0 to 1, over the last second
	Memory uint64        `json:"memory"` // bytes resident
	Lag    time.Duration `json:"lag"`    // worst of the last second
	// Cause is why it is slow now, "" when it is well.
	Cause Cause `json:"cause"`
}

const (
	// beat is how often a timer is due. A standstill is seen to its end, so
	// that rarer ones would do as well as more, and each costs some 30 µs of
	// processor time on an idle machine: together less than 0.2 % of a core.
	beat = 20 * time.Millisecond
	// every is how often all else is read and judged.
	every = time.Second
	// maxMissed bounds how many timers are counted as late after a standstill.
	maxMissed = 1000
)

// Monitor watches one runner.
type Monitor struct {
	process process
	rec     *metric.Recorder

	lag, cpu, memory, pause, refused *metric.Series

	sockets atomic.Uint64
	behind  func() time.Duration // see Follow; nil: nothing else is followed

	mu       sync.Mutex
	vitals   Vitals
	detector detector
}

// New returns a monitor that records into r, with the tags of the test. It
// opens what it will read, so that it works where no file can be opened later;
// Run closes that, or Close if it will not run.
func New(r *metric.Registry, tags metric.Tags) *Monitor {
	return newMonitor(r, tags, openProcess())
}

func newMonitor(r *metric.Registry, tags metric.Tags, p process) *Monitor {
	series := func(name string) *metric.Series { return r.Series(r.Lookup(name), tags) }
	return &Monitor{
		process: p,
		rec:     r.Recorder(0),
		lag:     series(metric.GeneratorLag),
		cpu:     series(metric.GeneratorCPU),
		memory:  series(metric.GeneratorMemory),
		pause:   series(metric.GeneratorGCPause),
		refused: series(metric.GeneratorSocketErrors),
	}
}

// Follow has the monitor ask behind how late what it does not see itself is at
// present, such as VUs that wait to be woken. It counts as lag. Call it before Run.
func (m *Monitor) Follow(behind func() time.Duration) { m.behind = behind }

// Close frees what a monitor holds that will not Run. Repeating it is harmless.
func (m *Monitor) Close() { m.process.close() }

// Run watches until ctx ends. Marks count from now. Call it once.
func (m *Monitor) Run(ctx context.Context) {
	defer m.process.close()
	began := time.Now()
	due := began.Add(beat)
	judged := began
	use := m.process.use()
	var r reading
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for running := true; running; {
		select {
		case <-timer.C:
		case <-ctx.Done():
			running = false
		}
		now := time.Now()
		due = m.late(now, due, &r)
		timer.Reset(due.Sub(now))
		if now.Sub(judged) < every && running {
			continue
		}
		before := use
		use = m.process.use()
		r.from, r.to = judged.Sub(began), now.Sub(began)
		m.judge(r, before, use)
		judged, r = now, reading{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.vitals.Cause = ""
	m.detector.end()
}

// late counts the timers that were due until now and returns when the next is.
// One that fires 50 ms late stands for two more that would have been 30 and
// 10 ms late: without them a standstill would count as one bad moment.
func (m *Monitor) late(now, due time.Time, r *reading) time.Time {
	for missed := 0; !due.After(now); missed++ {
		if missed == maxMissed {
			return now.Add(beat)
		}
		lag := now.Sub(due)
		if m.behind != nil {
			lag = max(lag, m.behind())
		}
		m.rec.Record(m.lag, milliseconds(lag))
		r.beats++
		if lag > lateAfter {
			r.late++
		}
		r.lag = max(r.lag, lag)
		due = due.Add(beat)
	}
	return due
}

// judge completes a reading, records it and lets the detector see it.
func (m *Monitor) judge(r reading, before, now usage) {
	// The last reading may be of a moment, in which one goroutine is all.
	moment := r.to-r.from < every/4
	if !moment {
		r.cpu = share(now.cpu-before.cpu, r.to-r.from, m.process.processors())
		m.rec.Record(m.cpu, r.cpu)
	}
	if work := now.work - before.work; work > 0 {
		r.collector = min(max((now.collector-before.collector)/work, 0), 1)
	}
	for _, pause := range now.pauses {
		m.rec.Record(m.pause, milliseconds(pause))
		r.pause = max(r.pause, pause)
	}
	if r.sockets = m.sockets.Swap(0); r.sockets > 0 {
		m.rec.Record(m.refused, float64(r.sockets))
	}
	m.rec.Record(m.memory, float64(now.memory))

	m.mu.Lock()
	defer m.mu.Unlock()
	m.detector.see(r)
	if moment {
		r.cpu = m.vitals.CPU
	}
	m.vitals = Vitals{CPU: r.cpu, Memory: now.memory, Lag: r.lag, Cause: m.detector.now()}
}

// share returns which part of the processors was used, 0 to 1.
func share(cpu, elapsed time.Duration, processors float64) float64 {
	if elapsed <= 0 || processors <= 0 {
		return 0
	}
	return min(max(cpu.Seconds()/(elapsed.Seconds()*processors), 0), 1)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// SocketError counts a request that failed on our account. Safe for concurrent
// use, costs an atomic addition.
func (m *Monitor) SocketError() { m.sockets.Add(1) }

// Vitals returns the latest moment. Safe for concurrent use.
func (m *Monitor) Vitals() Vitals {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.vitals
}

// Marks returns the marks that ended since the last call, and closes none: a
// mark that goes on is returned when it has ended, or by the last call after
// Run has returned. Safe for concurrent use, one caller at a time.
func (m *Monitor) Marks() []Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.detector.take()
}
