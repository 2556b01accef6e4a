package transport

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// budget bounds what the bodies of all clients of a network hold together.
// Buffers of up to freeBody bytes are free. A larger one counts from before it
// is allocated until the garbage collector has taken it: scripts hold bodies for
// as long as they like, and one that nobody holds any more is memory all the
// same. Buffers that were outgrown are known to be garbage; they have an
// allowance of their own, so that bodies that fit are never refused for them.
type budget struct {
	limit int64

	mu       sync.Mutex
	held     int64 // bytes that somebody may hold
	outgrown int64 // bytes that nobody does, and that are not collected yet
	reserved int64 // bytes since the last collection of ours

	collecting sync.Mutex // held by who collects; taken before mu
	last       time.Time  // when that was
}

// lease is a buffer that counts.
type lease struct {
	budget   *budget
	size     int64
	outgrown bool // guarded by the budget's mu
}

// drop tells that the buffer, which the caller holds until then, was outgrown.
func (l *lease) drop() {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	l.outgrown = true
	b.held -= l.size
	b.outgrown += l.size
}

// end is told that the buffer was collected.
func (l *lease) end() {
	b := l.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.outgrown {
		b.outgrown -= l.size
	} else {
		b.held -= l.size
	}
}

// take takes n bytes, if there are as many.
func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held+n > b.limit || b.held+b.outgrown+n > b.limit+b.limit/2 {
		return false
	}
	b.held += n
	b.reserved += n
	return true
}

// reserve takes n bytes. When the budget is used up, some of it may be garbage:
// it has the collector look, but not right after it has found none.
func (b *budget) reserve(n int64) bool {
	if b.take(n) {
		return true
	}
	b.collecting.Lock()
	defer b.collecting.Unlock()
	if b.take(n) { // somebody else has collected meanwhile
		return true
	}
	b.mu.Lock()
	due := n <= b.limit && (b.reserved >= collectAfter || b.outgrown >= collectAfter || time.Since(b.last) >= collectEvery)
	b.mu.Unlock()
	if !due {
		return false
	}
	// What is collected is told by goroutines that may have to wait for a
	// processor. The last to be told of is, as a rule, the youngest.
	told := make(chan struct{})
	runtime.AddCleanup(new([64]byte), func(c chan struct{}) { close(c) }, told)
	runtime.GC()
	select {
	case <-told:
	case <-time.After(collectWait):
	}
	b.mu.Lock()
	b.last, b.reserved = time.Now(), 0
	b.mu.Unlock()
	for range collectLooks {
		if b.take(n) {
			return true
		}
		time.Sleep(collectWait / collectLooks)
	}
	return false
}

// Room makes room for a body that grows, of which the budget of its network
// must allow the whole. The zero value is for the first buffer. Not for
// concurrent use.
type Room struct{ lease *lease }

// Grow returns b with room for more bytes, or fails when the bodies of all
// clients would be too large together. When it has moved b, the old memory must
// not be used any more.
func (r *Room) Grow(n *Network, b []byte, more int) ([]byte, *Failure) {
	size := len(b) + more
	switch {
	case size <= cap(b):
		return b, nil
	case size <= freeBody:
		return slices.Grow(b, more), nil
	case !n.bodies.reserve(int64(size)):
		return b, failNoRoom
	}
	grown := make([]byte, len(b), size)
	copy(grown, b)
	if r.lease != nil {
		r.lease.drop()
		runtime.KeepAlive(b)
	}
	r.lease = &lease{budget: &n.bodies, size: int64(size)}
	runtime.AddCleanup(&grown[:1][0], (*lease).end, r.lease)
	return grown, nil
}
