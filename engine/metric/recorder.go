package metric

import (
	"math"
	"sync"
	"sync/atomic"
)

// Recorder is one shard. Record is lock-free, allocates nothing once a series
// has been seen by the shard, and may be called by any number of goroutines;
// it is fastest when few share it.
type Recorder struct {
	pages   []atomic.Pointer[page] // by the high bits of a series id
	invalid atomic.Uint64

	spillMu sync.Mutex
	spilled map[uint32]map[int32]uint64 // counts by series and bucket; see spill

	_ [64]byte // keeps the next shard off this one's last cache line
}

const pageBits = 7

// page holds the cells of consecutive series, nil until their first sample.
type page [1 << pageBits]atomic.Pointer[cell]

// cell is what one shard holds of one series. It is 64 bytes, the size of a
// cache line and of an allocation class, so that two shards share no line.
//
// A sample is written in the order of the fields' use in Record: extremes
// first, then counts and sum, dirty last; a snapshot reads in the order dirty,
// counts, sum, extremes. So extremes always cover what was counted, and what
// was counted after a snapshot passed is found by the next.
type cell struct {
	count    atomic.Uint64 // samples; of a Trend only those that are zero
	sum      atomic.Uint64 // bits of a float64
	min, max atomic.Uint64 // bits of float64s; never reset
	nonZero  atomic.Uint64
	positive atomic.Pointer[sketch]
	negative atomic.Pointer[sketch]
	dirty    atomic.Uint32 // Trend: not 0 when there may be counts to take
}

func newRecorder(maxSeries int) *Recorder {
	return &Recorder{pages: make([]atomic.Pointer[page], maxSeries>>pageBits+1)}
}

// Record adds one sample. NaN and infinities are ignored and counted by the
// registry (Invalid). s must be of the registry of rec. Of a metric that is not
// kept it records nothing.
func (rec *Recorder) Record(s *Series, value float64) {
	bits := math.Float64bits(value)
	if bits>>mantissaBits&exponentMask == exponentMask {
		rec.invalid.Add(1)
		return
	}
	var c *cell
	if p := rec.pages[s.id>>pageBits].Load(); p != nil {
		c = p[s.id%uint32(len(p))].Load()
	}
	if c == nil {
		c = rec.newCell(s.id)
	}
	switch s.kind {
	case Counter:
		c.addSum(value)
		c.count.Add(1)
	case Rate:
		if value != 0 {
			c.nonZero.Add(1)
		}
		c.count.Add(1)
	case Gauge:
		c.widen(value)
		s.last.Store(bits)
		c.count.Add(1)
	case Trend:
		c.widen(value)
		if value == 0 {
			c.count.Add(1)
		} else {
			index := BucketIndex(value)
			counter := c.counter(index)
			if counter.Add(1) >= spillAt {
				rec.spill(s.id, index, counter)
			}
			c.addSum(value)
		}
		if c.dirty.Load() == 0 {
			c.dirty.Store(1)
		}
	}
}

// newCell returns the cell of a series, made if another has not been faster.
func (rec *Recorder) newCell(id uint32) *cell {
	slot := &rec.pages[id>>pageBits]
	p := slot.Load()
	if p == nil {
		slot.CompareAndSwap(nil, new(page))
		p = slot.Load()
	}
	c := new(cell)
	c.min.Store(math.Float64bits(math.Inf(1)))
	c.max.Store(math.Float64bits(math.Inf(-1)))
	p[id%uint32(len(p))].CompareAndSwap(nil, c)
	return p[id%uint32(len(p))].Load()
}

// cell returns the cell of a series or nil.
func (rec *Recorder) cell(id uint32) *cell {
	if p := rec.pages[id>>pageBits].Load(); p != nil {
		return p[id%uint32(len(p))].Load()
	}
	return nil
}

// addSum adds v to the sum.
func (c *cell) addSum(v float64) {
	if v == 0 {
		return
	}
	for {
		old := c.sum.Load()
		if c.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// widen makes the extremes cover v. Nearly always they do already.
func (c *cell) widen(v float64) {
	if v < math.Float64frombits(c.min.Load()) {
		c.lower(v)
	}
	if v > math.Float64frombits(c.max.Load()) {
		c.raise(v)
	}
}

func (c *cell) lower(v float64) {
	for {
		old := c.min.Load()
		if v >= math.Float64frombits(old) || c.min.CompareAndSwap(old, math.Float64bits(v)) {
			return
		}
	}
}

func (c *cell) raise(v float64) {
	for {
		old := c.max.Load()
		if v <= math.Float64frombits(old) || c.max.CompareAndSwap(old, math.Float64bits(v)) {
			return
		}
	}
}

// takeSum returns the sum and resets it.
func (c *cell) takeSum() float64 {
	if c.sum.Load() == 0 {
		return 0
	}
	return addFinite(math.Float64frombits(c.sum.Swap(0)), 0)
}
