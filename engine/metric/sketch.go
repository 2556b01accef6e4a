package metric

import "sync/atomic"

// sketch holds the counters of the buckets on one side of zero. It is a tree
// of three levels, each part allocated when first needed: most series of a
// test see values of few octaves, and many see nothing but zero.
type sketch [sketchGroups]atomic.Pointer[group]

// group covers four octaves.
type group [groupLen]atomic.Pointer[chunk]

// chunk counts the values of consecutive buckets since the last snapshot.
type chunk [histogramRun]atomic.Uint32

const (
	groupBits    = 4
	groupLen     = 1 << groupBits
	sketchGroups = maxIndex / (histogramRun * groupLen)
)

// spillAt is the count at which a counter of 32 bits is emptied into a wider
// one. It takes a bucket 2^31 samples without a snapshot to get there, and the
// other 2^31 goroutines between reaching and emptying to wrap it.
const spillAt = 1 << 31

// counter returns the counter of bucket index, which is not 0.
func (c *cell) counter(index int32) *atomic.Uint32 {
	side := &c.positive
	if index < 0 {
		side, index = &c.negative, -index
	}
	i := uint32(index - 1)
	if sk := side.Load(); sk != nil {
		if g := sk[i>>(runBits+groupBits)].Load(); g != nil {
			if ch := g[i>>runBits%groupLen].Load(); ch != nil {
				return &ch[i%histogramRun]
			}
		}
	}
	return growSketch(side, i)
}

// growSketch makes what is missing on the way to counter i. Whoever is first
// to publish a part wins; the parts of others are garbage.
func growSketch(side *atomic.Pointer[sketch], i uint32) *atomic.Uint32 {
	sk := publish(side)
	g := publish(&sk[i>>(runBits+groupBits)])
	ch := publish(&g[i>>runBits%groupLen])
	return &ch[i%histogramRun]
}

func publish[T any](slot *atomic.Pointer[T]) *T {
	if p := slot.Load(); p != nil {
		return p
	}
	slot.CompareAndSwap(nil, new(T))
	return slot.Load()
}

// spill moves the count of a nearly full counter to where it has room. A
// snapshot may empty the counter at the same time: each count is taken by one
// of the two.
func (rec *Recorder) spill(id uint32, index int32, counter *atomic.Uint32) {
	rec.spillMu.Lock()
	defer rec.spillMu.Unlock()
	if rec.spilled == nil {
		rec.spilled = make(map[uint32]map[int32]uint64)
	}
	if rec.spilled[id] == nil {
		rec.spilled[id] = make(map[int32]uint64)
	}
	rec.spilled[id][index] += uint64(counter.Swap(0))
}

// takeSpilled returns the spilled counts of a series and forgets them.
func (rec *Recorder) takeSpilled(id uint32) map[int32]uint64 {
	rec.spillMu.Lock()
	defer rec.spillMu.Unlock()
	counts := rec.spilled[id]
	delete(rec.spilled, id)
	return counts
}

// takeSide appends the non-empty buckets of one side of several sketches to
// dst, by rising value, and resets them.
func takeSide(dst []Bucket, sketches []*sketch, negative bool) []Bucket {
	for n := range sketchGroups {
		if negative {
			n = sketchGroups - 1 - n
		}
		for m := range groupLen {
			if negative {
				m = groupLen - 1 - m
			}
			var counts [histogramRun]uint64
			any := false
			for _, sk := range sketches {
				g := sk[n].Load()
				if g == nil {
					continue
				}
				if ch := g[m].Load(); ch != nil && ch.take(&counts) {
					any = true
				}
			}
			if !any {
				continue
			}
			first := int32(n*groupLen+m)*histogramRun + 1
			dst = appendCounts(dst, &counts, first, negative)
		}
	}
	return dst
}

// take adds the counts to sum, resets them and reports whether there were any.
func (ch *chunk) take(sum *[histogramRun]uint64) bool {
	any := false
	for i := range ch {
		if ch[i].Load() != 0 {
			sum[i] += uint64(ch[i].Swap(0))
			any = true
		}
	}
	return any
}

// appendCounts appends the buckets of counts, the first of which is number
// first from zero.
func appendCounts(dst []Bucket, counts *[histogramRun]uint64, first int32, negative bool) []Bucket {
	for i := range counts {
		index := first + int32(i)
		if negative {
			i = histogramRun - 1 - i
			index = -(first + int32(i))
		}
		if counts[i] != 0 {
			dst = append(dst, Bucket{index, counts[i]})
		}
	}
	return dst
}
