package vu

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool makes the VUs of one runner, lends them to those who run iterations and
// closes them. Its methods may be called from any goroutine, several at once.
//
// The order is: Init once; then Take, Get, Replace and Put at will; then Close,
// when everything lent has been put back.
type Pool struct {
	script Script
	size   int
	free   chan *Member // empty before Init
	all    []*Member
	made   atomic.Int64
	closed sync.Once
}

// Member is a place in a Pool and the VU that fills it. It belongs to whoever
// took it from the pool, until put back.
type Member struct {
	ID Identity
	// VU is nil when the one before faulted and could not be replaced; Replace
	// tries again.
	VU VU
}

// NewPool returns a pool of size VUs of the script, none of them made yet.
func NewPool(s Script, size int) *Pool {
	p := &Pool{script: s, size: size, free: make(chan *Member, size), all: make([]*Member, size)}
	for i := range p.all {
		n := uint64(i + 1)
		p.all[i] = &Member{ID: Identity{InInstance: n, InTest: n}}
	}
	return p
}

// Size returns how many VUs the pool is for.
func (p *Pool) Size() int { return p.size }

// Made returns how many VUs exist now.
func (p *Pool) Made() int { return int(p.made.Load()) }

// Init makes all VUs, on all cores. It stops at the first VU that fails and
// returns that error; the VUs made until then are closed.
func (p *Pool) Init(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.each(func(m *Member) bool {
		if ctx.Err() != nil {
			return false
		}
		if err := p.fill(ctx, m); err != nil {
			cancel(err) // the first cause stays: later errors are its consequences
			return false
		}
		return true
	})
	if ctx.Err() != nil {
		p.Close()
		return context.Cause(ctx)
	}
	for _, m := range p.all {
		p.free <- m
	}
	return nil
}

// Take returns a free member, or nil when there is none at this moment.
// Members come in the order in which they were put back, at first by number.
func (p *Pool) Take() *Member {
	select {
	case m := <-p.free:
		return m
	default:
		return nil
	}
}

// Get is Take that waits for a free member until ctx ends.
func (p *Pool) Get(ctx context.Context) (*Member, error) {
	select {
	case m := <-p.free:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Put gives a member back. The caller must not touch it any more.
func (p *Pool) Put(m *Member) { p.free <- m }

// Replace closes the member's VU, if it has one, and fills the place with a new
// one of the same identity. On error the place stays empty.
func (p *Pool) Replace(ctx context.Context, m *Member) error {
	p.empty(m)
	return p.fill(ctx, m)
}

// Close closes all VUs and returns when that is done. Calls after the first do
// nothing.
func (p *Pool) Close() {
	p.closed.Do(func() {
		p.each(func(m *Member) bool {
			p.empty(m)
			return true
		})
	})
}

func (p *Pool) fill(ctx context.Context, m *Member) error {
	v, err := p.script.NewVU(ctx, m.ID)
	if err != nil {
		return err
	}
	if v == nil {
		return errors.New("the script made no VU")
	}
	m.VU = v
	p.made.Add(1)
	return nil
}

func (p *Pool) empty(m *Member) {
	if m.VU == nil {
		return
	}
	m.VU.Close()
	m.VU = nil
	p.made.Add(-1)
}

// each calls do for every member, one goroutine per core, in order of number
// as far as that has a meaning. A goroutine whose call returns false ends.
func (p *Pool) each(do func(*Member) bool) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), p.size) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= p.size || !do(p.all[i]) {
					return
				}
			}
		})
	}
	wg.Wait()
}
