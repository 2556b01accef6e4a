package metric

import (
	"iter"
	"math"
	"slices"
)

// Histogram counts values by exponential bucket (growth 2^(1/128)). The zero
// value is empty. A copy shares its counts with the original: to get one of
// its own, merge into an empty Histogram. Not safe for concurrent use.
type Histogram struct {
	// chunks holds runs of histogramRun consecutive buckets, from run number
	// first on; nil where all are empty. Latencies spread over few octaves, so
	// that a window of runs is small and is reached by index.
	chunks []*[histogramRun]uint64
	first  int32
}

const (
	histogramRun = 1 << runBits
	runBits      = 5
)

// Add adds count values to bucket index. Counts stop at the largest uint64; an
// index beyond the outermost buckets counts in these.
func (h *Histogram) Add(index int32, count uint64) { h.add(index, count) }

// add is Add; it returns how many bytes the histogram grew by.
func (h *Histogram) add(index int32, count uint64) (grown int) {
	if count == 0 {
		return 0
	}
	index = clampIndex(index)
	chunk, grown := h.chunk(index >> runBits)
	slot := &chunk[index&(histogramRun-1)]
	*slot = addCounts(*slot, count)
	return grown
}

// Merge adds o's counts.
func (h *Histogram) Merge(o *Histogram) {
	if o.chunks == nil {
		return
	}
	h.cover(o.first, o.first+int32(len(o.chunks)))
	for i, from := range o.chunks {
		if from == nil {
			continue
		}
		to, _ := h.chunk(o.first + int32(i))
		for j, count := range from {
			to[j] = addCounts(to[j], count)
		}
	}
}

// Reset empties h and keeps its memory.
func (h *Histogram) Reset() {
	for _, chunk := range h.chunks {
		if chunk != nil {
			clear(chunk[:])
		}
	}
}

// Buckets iterates over non-empty buckets by rising value.
func (h *Histogram) Buckets() iter.Seq2[int32, uint64] {
	return func(yield func(int32, uint64) bool) {
		for i, chunk := range h.chunks {
			if chunk == nil {
				continue
			}
			base := (h.first + int32(i)) << runBits
			for j, count := range chunk {
				if count != 0 && !yield(base+int32(j), count) {
					return
				}
			}
		}
	}
}

// chunk returns run number n, made if it is not there, and how many bytes that
// took.
func (h *Histogram) chunk(n int32) (chunk *[histogramRun]uint64, grown int) {
	i := n - h.first
	if uint32(i) >= uint32(len(h.chunks)) {
		h.cover(n, n+1)
		i = n - h.first
	}
	if h.chunks[i] == nil {
		h.chunks[i] = new([histogramRun]uint64)
		grown = histogramRun * 8
	}
	return h.chunks[i], grown
}

// cover widens the window to hold runs from to end-1.
func (h *Histogram) cover(from, end int32) {
	if len(h.chunks) == 0 {
		h.first, h.chunks = from, make([]*[histogramRun]uint64, end-from)
		return
	}
	if before := h.first - from; before > 0 {
		h.chunks = slices.Insert(h.chunks, 0, make([]*[histogramRun]uint64, before)...)
		h.first = from
	}
	if after := int(end-h.first) - len(h.chunks); after > 0 {
		h.chunks = append(h.chunks, make([]*[histogramRun]uint64, after)...)
	}
}

// rank returns the bucket that holds the n-th smallest value, n from 1.
func (h *Histogram) rank(n uint64) (index int32, ok bool) {
	var seen uint64
	for index, count := range h.Buckets() {
		if seen = addCounts(seen, count); seen >= n {
			return index, true
		}
	}
	return 0, false
}

// addCounts adds without wrapping: only a hostile runner gets there, and it
// must not turn a large count into a small one.
func addCounts(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}
