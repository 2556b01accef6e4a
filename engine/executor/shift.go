package executor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/vu"
)

// Why iterations are interrupted.
var (
	errGracefulStop     = errors.New("the scenario has ended and its gracefulStop is over")
	errGracefulRampDown = errors.New("the VU is ramped down and its gracefulRampDown is over")
	errIterationTimeout = errors.New("the iteration took longer than iterationTimeout")
)

// shift is the span of time in which a crew works. Two contexts bound it: when
// soft ends no iteration begins, when hard ends the running ones are cut off.
type shift struct {
	crew  *Crew
	time  *Stopwatch
	soft  context.Context
	hard  context.Context
	end   context.CancelFunc
	kill  context.CancelCauseFunc
	from  time.Duration // load time at its beginning
	until time.Duration // load time at the end of the span; forever without one

	workers sync.WaitGroup
	idle    chan struct{} // closed when all workers have left
	watched chan struct{} // closed when watch has ended
}

// open begins the shift, which lasts for the scenario's span. wait must follow.
func (c *Crew) open(ctx context.Context, stop <-chan struct{}) *shift {
	s := &shift{crew: c, time: c.host.Stopwatch, idle: make(chan struct{}), watched: make(chan struct{})}
	s.hard, s.kill = context.WithCancelCause(ctx)
	s.soft, s.end = context.WithCancel(s.hard)
	s.from = s.time.Now()
	s.until = s.from + c.plan.Span()
	if c.plan.Unbounded() {
		s.until = forever
	}
	c.began.Store(int64(s.from))
	c.state.Store(int32(Running))
	go s.watch(stop)
	return s
}

// watch ends the shift, first softly, then hard.
func (s *shift) watch(stop <-chan struct{}) {
	defer close(s.watched)
	timer := time.NewTimer(forever)
	defer timer.Stop()
	s.span(timer, stop)
	s.crew.state.Store(int32(Stopping))
	s.end()
	timer.Reset(s.crew.plan.GracefulStop)
	select {
	case <-timer.C:
	case <-s.hard.Done():
	case <-s.idle:
	}
	s.kill(errGracefulStop)
}

// span returns when the span is over, or the shift ends before.
func (s *shift) span(timer *time.Timer, stop <-chan struct{}) {
	for {
		left, over := s.time.left(s.until)
		if left <= 0 {
			return
		}
		timer.Reset(left)
		select {
		case <-timer.C:
		case <-over:
		case <-stop:
			return
		case <-s.soft.Done():
			return
		case <-s.idle:
			return
		}
	}
}

// wait returns when all workers have left and nothing of the shift runs any
// more. No worker may be started after the call.
func (s *shift) wait() {
	s.workers.Wait()
	close(s.idle)
	<-s.watched
}

// start puts n VUs to work, each in a goroutine of its own, their beginnings
// spread over the scenario's start jitter.
func (s *shift) start(n int, work func(*worker)) {
	for i, m := range s.take(n) {
		s.workers.Go(func() {
			if w := s.hire(m, true); w != nil {
				w.pause(spread(i, n, s.crew.plan.StartJitter))
				work(w)
				w.leave(false)
			}
		})
	}
}

// take takes as many of n members as are free now, the rest are nil. Taken
// together they are counted together, so that the gauge shows one change.
func (s *shift) take(n int) []*vu.Member {
	members := make([]*vu.Member, n)
	got := 0
	for got < n {
		if members[got] = s.crew.host.Pool.Take(); members[got] == nil {
			break
		}
		got++
	}
	s.crew.count(got, got > 0)
	return members
}

// hire makes a worker of a member; when that is nil, of another. planned says
// that a VU was made for it. It returns nil when the shift ends before there is
// one, or the VU cannot be made.
func (s *shift) hire(m *vu.Member, planned bool) *worker {
	c := s.crew
	if m == nil {
		if m = s.fetch(planned); m == nil {
			return nil
		}
		c.count(1, true)
	}
	w := newWorker(s, m)
	if !w.ready() {
		w.leave(false)
		return nil
	}
	return w
}

// patience is how long a scenario waits for VUs that were made for it and are
// still at work elsewhere, before it has others made.
const patience = time.Second

// fetch returns a member that was not free at first: one that came free
// meanwhile, or a new one when none is to be expected.
func (s *shift) fetch(planned bool) *vu.Member {
	c := s.crew
	if planned {
		ctx, cancel := context.WithTimeout(s.soft, patience)
		m, err := c.host.Pool.Get(ctx)
		cancel()
		if err == nil {
			return m
		}
	}
	select {
	case c.making <- struct{}{}:
	case <-s.soft.Done():
		return nil
	}
	m, err := c.host.Pool.Grow(s.soft)
	<-c.making
	switch {
	case err == nil:
		return m
	case errors.Is(err, vu.ErrFull):
		m, _ = c.host.Pool.Get(s.soft)
		return m
	case s.soft.Err() == nil:
		c.lose(err)
	}
	return nil
}

// count accounts for n more VUs at work, or fewer.
func (c *Crew) count(n int, record bool) {
	c.active.Add(int64(n))
	c.host.VUs.add(n, record)
}
