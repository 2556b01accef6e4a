package vu

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Pool makes the VUs of one runner, lends them to those who run iterations and
// closes them. Its methods may be called from any goroutine, several at once.
//
// The order is: set Initial and Number; Init once; then Take, Get, Grow,
// Replace and Put at will; then, when everything lent has been put back,
// Teardown and Close.
//
// VUs are lent in the order in which they came back. Lending the latest first
// would keep few of them hot, but then some users would do all the work and
// the others none, with a handful of connections where the tester asked for a
// thousand. Where speed counts the pool is not asked: whoever needs a VU often
// keeps it.
type Pool struct {
	// Initial is how many VUs Init makes; the others are made by Grow. NewPool
	// sets it to the size.
	Initial int
	// Number gives the number within the test, from 1, of the VU with a number
	// within this runner; nil: they are the same.
	Number func(inInstance uint64) (inTest uint64)

	script Script
	size   int
	made   atomic.Int64
	closed sync.Once

	mu      sync.Mutex
	all     []*Member // by number
	vacant  []*Member // that could not be filled: Grow tries them again
	free    []*Member // from first on; what is before was lent
	first   int
	waiting []chan *Member // of Get, the longest waiting first
}

// ErrFull says that a pool has all the VUs it is for.
var ErrFull = errors.New("the pool has no room for another VU")

// Member is a place in a Pool and the VU that fills it. It belongs to whoever
// took it from the pool, until put back.
type Member struct {
	ID Identity
	// VU is nil when the one before faulted and could not be replaced; Replace
	// tries again.
	VU VU

	isSetUp bool // vuSetup was completed
}

// Setup runs the VU's vuSetup, unless that was completed before. The error is
// that of VU.Setup.
func (m *Member) Setup(ctx context.Context) error {
	if m.isSetUp {
		return nil
	}
	if err := m.VU.Setup(ctx); err != nil {
		return err
	}
	m.isSetUp = true
	return nil
}

// IsSetUp reports whether Setup was completed for the VU.
func (m *Member) IsSetUp() bool { return m.isSetUp }

// NewPool returns a pool of at most size VUs of the script, none of them made
// yet.
func NewPool(s Script, size int) *Pool { return &Pool{script: s, size: size, Initial: size} }

// Size returns how many VUs the pool is for.
func (p *Pool) Size() int { return p.size }

// Made returns how many VUs exist now.
func (p *Pool) Made() int { return int(p.made.Load()) }

// Init makes the Initial VUs, on all cores. It stops at the first VU that
// fails and returns that error; the VUs made until then are closed.
func (p *Pool) Init(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.mu.Lock()
	for range min(p.Initial, p.size) {
		p.addPlace()
	}
	members := p.all
	p.mu.Unlock()
	each(members, runtime.GOMAXPROCS(0), func(m *Member) bool {
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
	p.mu.Lock()
	p.free = append(p.free, members...)
	p.mu.Unlock()
	return nil
}

// addPlace returns a new place; the caller holds the lock.
func (p *Pool) addPlace() *Member {
	n := uint64(len(p.all) + 1)
	m := &Member{ID: Identity{InInstance: n, InTest: n}}
	if p.Number != nil {
		m.ID.InTest = p.Number(n)
	}
	p.all = append(p.all, m)
	return m
}

// Take returns a free member, or nil when there is none at this moment.
// Members come in the order in which they were put back, at first by number.
func (p *Pool) Take() *Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pop()
}

func (p *Pool) pop() *Member {
	if p.first == len(p.free) {
		return nil
	}
	m := p.free[p.first]
	p.first++
	return m
}

// Get is Take that waits for a free member until ctx ends. Those who wait are
// served in turn.
func (p *Pool) Get(ctx context.Context) (*Member, error) {
	p.mu.Lock()
	if m := p.pop(); m != nil {
		p.mu.Unlock()
		return m, nil
	}
	mine := make(chan *Member, 1)
	p.waiting = append(p.waiting, mine)
	p.mu.Unlock()
	select {
	case m := <-mine:
		return m, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.waiting {
		if c == mine {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return nil, context.Cause(ctx)
		}
	}
	return <-mine, nil // it came in the same moment
}

// Put gives a member back. The caller must not touch it any more.
func (p *Pool) Put(m *Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		p.waiting[0] <- m
		p.waiting = p.waiting[1:]
		return
	}
	if p.first > len(p.free)/2 { // half is gone: make room rather than grow
		p.free = p.free[:copy(p.free, p.free[p.first:])]
		p.first = 0
	}
	p.free = append(p.free, m)
}

// Grow makes another VU, whether or not one is free, and lends it. The error
// is ErrFull when the pool has its size, else it is that of the script.
func (p *Pool) Grow(ctx context.Context) (*Member, error) {
	p.mu.Lock()
	var m *Member
	if n := len(p.vacant); n > 0 {
		m, p.vacant = p.vacant[n-1], p.vacant[:n-1]
	} else if len(p.all) < p.size {
		m = p.addPlace()
	}
	p.mu.Unlock()
	if m == nil {
		return nil, ErrFull
	}
	if err := p.fill(ctx, m); err != nil {
		p.mu.Lock()
		p.vacant = append(p.vacant, m)
		p.mu.Unlock()
		return nil, err
	}
	return m, nil
}

// Replace closes the member's VU, if it has one, and fills the place with a new
// one of the same identity. On error the place stays empty.
func (p *Pool) Replace(ctx context.Context, m *Member) error {
	p.empty(m)
	return p.fill(ctx, m)
}

// teardowns is how many VUs run vuTeardown at once on each core: it is likely
// to wait for answers.
const teardowns = 8

// Teardown runs vuTeardown of all VUs whose Setup was completed, on all cores,
// each with the timeout (0: none). Errors are reported from several goroutines
// at once; when ctx ends, so does what runs, and what did not begin does not.
func (p *Pool) Teardown(ctx context.Context, timeout time.Duration, report func(error)) {
	p.mu.Lock()
	members := p.all
	p.mu.Unlock()
	each(members, teardowns*runtime.GOMAXPROCS(0), func(m *Member) bool {
		if ctx.Err() != nil {
			return false
		}
		if m.VU == nil || !m.isSetUp {
			return true
		}
		m.isSetUp = false // once, whatever comes of it
		limited, cancel := ctx, context.CancelFunc(func() {})
		if timeout > 0 {
			limited, cancel = context.WithTimeout(ctx, timeout)
		}
		defer cancel()
		if err := m.VU.Teardown(limited); err != nil {
			report(err)
		}
		return true
	})
}

// Close closes all VUs and returns when that is done. Calls after the first do
// nothing.
func (p *Pool) Close() {
	p.closed.Do(func() {
		p.mu.Lock()
		members := p.all
		p.mu.Unlock()
		each(members, runtime.GOMAXPROCS(0), func(m *Member) bool {
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
	m.VU, m.isSetUp = v, false
	p.made.Add(1)
	return nil
}

func (p *Pool) empty(m *Member) {
	if m.VU == nil {
		return
	}
	m.VU.Close()
	m.VU, m.isSetUp = nil, false
	p.made.Add(-1)
}

// each calls do for every member, from several goroutines, in order of number
// as far as that has a meaning. A goroutine whose call returns false ends.
func each(members []*Member, goroutines int, do func(*Member) bool) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(goroutines, len(members)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(members) || !do(members[i]) {
					return
				}
			}
		})
	}
	wg.Wait()
}
