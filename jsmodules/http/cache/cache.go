// Package cache holds values that are made once and then only read.
package cache

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Cache is a bounded map for values that are made once and then only read, such
// as parsed URLs. A hit takes no lock and touches no shared cache line for
// writing; new entries collect in a second map under a lock, which replaces the
// first one when it has been missed often enough (the design of the original
// sync.Map, but without boxing keys, and so without allocating).
//
// A full cache keeps what it has: what recurs is seen early, what comes later
// is mostly unique and not worth keeping.
type Cache[K comparable, V any] struct {
	Limit int // entries it holds at most; set before use
	read  atomic.Pointer[map[K]V]
	ahead atomic.Bool // dirty is not nil

	mu     sync.Mutex
	dirty  map[K]V // superset of *read, nil when equal
	misses int
}

// Get returns the value of k, making and keeping it when it is new. Two callers
// may make the value of one key at the same time; both get the one kept.
func (c *Cache[K, V]) Get(k K, make func() V) V {
	if v, ok := c.Lookup(k); ok {
		return v
	}
	return c.Put(k, make())
}

// Lookup returns the value of k, if there is one.
func (c *Cache[K, V]) Lookup(k K) (V, bool) {
	if m := c.read.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v, true
		}
	}
	if !c.ahead.Load() {
		var none V
		return none, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.dirty[k]
	if ok {
		c.missed()
	} else if read := c.read.Load(); read != nil { // published since it was looked at
		v, ok = (*read)[k]
	}
	return v, ok
}

// Put keeps v under k, unless another value is there already, which it returns.
func (c *Cache[K, V]) Put(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	read := c.read.Load()
	if read != nil {
		if old, ok := (*read)[k]; ok {
			return old
		}
		if len(*read) >= c.Limit {
			return v
		}
	}
	if old, ok := c.dirty[k]; ok {
		return old
	}
	if c.dirty == nil {
		c.ahead.Store(true)
		c.dirty = map[K]V{}
		if read != nil {
			c.dirty = maps.Clone(*read)
		}
	}
	if len(c.dirty) < c.Limit {
		c.dirty[k] = v
	}
	return v
}

// missed counts a read that needed the lock and publishes the dirty map once
// those reads have paid for copying it again.
func (c *Cache[K, V]) missed() {
	c.misses++
	if c.misses < len(c.dirty)/8 {
		return
	}
	m := c.dirty
	c.read.Store(&m)
	c.dirty, c.misses = nil, 0
	c.ahead.Store(false)
}
