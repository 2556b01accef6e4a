package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/metric"
)

const (
	reportEvery = time.Second
	resendAfter = 5 * time.Second
	// maxPending is how many Deltas may wait for their ack before snapshots
	// pause; partSize is how large one is at most, about.
	maxPending = 32
	partSize   = 1 << 20
)

// shared is what the runner's reader touches of the worker's things. The lock
// is never held while something is sent: the reader must not wait for that.
type shared struct {
	mu      sync.Mutex
	run     *engine.Run
	sender  *wire.Sender
	stopped bool

	// loading is the run while its load goes on. Scripts ask for its status
	// from many VUs at once, so that reading it takes no lock.
	loading atomic.Pointer[engine.Run]
}

func (s *shared) set(run *engine.Run, sender *wire.Sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run, s.sender = run, sender
	if s.stopped {
		run.Stop()
	}
}

func (s *shared) current() *engine.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

// status returns where the load stands, nothing outside it.
func (s *shared) status() engine.Status {
	if run := s.loading.Load(); run != nil {
		return run.Status()
	}
	return engine.Status{}
}

// socketError counts a request that failed on our account.
func (s *shared) socketError() {
	if run := s.loading.Load(); run != nil {
		run.SocketError()
	}
}

func (s *shared) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.run != nil {
		s.run.Stop()
	}
}

func (s *shared) ack(a *wire.Ack, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sender != nil {
		s.sender.Ack(a, now)
	}
}

// reporter sends what the coordinator is to know: numbers, exceptions, status,
// log lines. Errors of the stream are not its concern: the reader sees them.
type reporter struct {
	conn    *wire.Conn
	log     *lineQueue
	rulings *rulings

	// mu keeps what is sent in order; it is held while sending.
	mu         sync.Mutex
	shared     *shared // nil before open
	sender     *wire.Sender
	registry   *metric.Registry
	exceptions *exceptionLog
	running    *engine.Run // nil outside load
	vusMax     int         // most it had; they are gone when the last status is sent
	overflowed int         // notes already sent
	invalid    uint64      // already sent
}

func newReporter(conn *wire.Conn, log *lineQueue, rulings *rulings) *reporter {
	return &reporter{conn: conn, log: log, rulings: rulings}
}

// open makes the reporter send numbers from now on.
func (p *reporter) open(s *shared, sender *wire.Sender, registry *metric.Registry, exceptions *exceptionLog) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared, p.sender, p.registry, p.exceptions = s, sender, registry, exceptions
}

// begin and end enclose the load.
func (p *reporter) begin(now time.Time, run *engine.Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exceptions.start(now)
	p.running, p.vusMax = run, run.Status().VUsMax
}

func (p *reporter) end() {
	p.flush(time.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = nil
}

// loop reports until ctx ends: log lines and rulings as they come, all else
// each second.
func (p *reporter) loop(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.log.ready:
			p.mu.Lock()
			p.sendLog(false)
			p.mu.Unlock()
		case <-p.rulings.ready:
			p.mu.Lock()
			p.sendRulings()
			p.mu.Unlock()
		case now := <-ticker.C:
			p.tick(now)
		}
	}
}

// tick is flush, except that it holds back while the coordinator is behind.
func (p *reporter) tick(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sendLog(true)
	if p.sender == nil {
		return
	}
	p.shared.mu.Lock()
	pending := p.sender.Pending()
	again := p.sender.Due(now, resendAfter)
	p.shared.mu.Unlock()
	for _, d := range again {
		p.send(d)
	}
	if pending < maxPending {
		p.sendNumbers(now)
	}
}

// flush sends all there is to report.
func (p *reporter) flush(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sendRulings()
	p.sendLog(true)
	if p.sender != nil {
		p.sendNumbers(now)
	}
}

// last returns the number of the newest Delta.
func (p *reporter) last() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sender == nil {
		return 0
	}
	p.shared.mu.Lock()
	defer p.shared.mu.Unlock()
	return p.sender.Last()
}

func (p *reporter) sendLog(tell bool) {
	if lines := p.log.take(tell); len(lines) > 0 {
		p.conn.Write(&wire.Message{Body: &wire.Message_Log{Log: &wire.Log{Lines: lines}}})
	}
}

func (p *reporter) sendRulings() {
	for _, r := range p.rulings.take() {
		p.conn.Write(&wire.Message{Body: &wire.Message_Ruling{Ruling: r}})
	}
}

// sendNumbers takes a snapshot and sends it, in parts if it is large, with all
// else that is counted; then the status, so that it is never ahead of the numbers.
func (p *reporter) sendNumbers(now time.Time) {
	var status *wire.Status
	rest := &wire.Delta{Exceptions: p.exceptions.take(), Invalid: p.registry.Invalid() - p.invalid}
	if p.running != nil {
		st := p.running.Status()
		p.vusMax = max(p.vusMax, st.VUsMax)
		st.VUsMax = p.vusMax
		status = fromStatus(st)
		status.Until = now.UnixNano()
		for _, mark := range p.running.Marks() {
			rest.Marks = append(rest.Marks, fromMark(mark))
		}
	}
	p.invalid += rest.Invalid
	notes := p.registry.Overflowed()
	for _, note := range notes[p.overflowed:] {
		rest.Overflowed = append(rest.Overflowed, &wire.Overflow{Metric: wire.Text(note.Metric), Tag: wire.Text(note.Tag)})
	}
	p.overflowed = len(notes)
	for _, part := range wire.Split(p.registry.Snapshot(now), partSize) {
		d := rest
		rest = &wire.Delta{}
		if len(part.Defs)+len(part.Deltas) > 0 {
			d.Snapshot = wire.FromSnapshot(part)
		} else if len(d.Exceptions)+len(d.Overflowed)+len(d.Marks) == 0 && d.Invalid == 0 {
			continue
		}
		p.shared.mu.Lock()
		p.sender.Add(d, now)
		p.shared.mu.Unlock()
		p.send(d)
	}
	if status != nil {
		p.conn.Write(&wire.Message{Body: &wire.Message_Status{Status: status}})
	}
}

func (p *reporter) send(d *wire.Delta) {
	p.conn.Write(&wire.Message{Body: &wire.Message_Delta{Delta: d}})
}
