package timeline

import (
	"encoding/binary"
	"math"

	"github.com/swarmload/swarm/engine/metric"
)

// shape says what the points of a series hold.
type shape uint8

const (
	counter shape = iota + 1
	gauge
	rate
	trend
	// level is a gauge that adds up over sources. Its points hold by how much
	// it changed, which adds up too, in whatever order sources report.
	level
)

func shapeOf(m metric.Metric) shape {
	switch {
	case m.AddsUp():
		return level
	case m.Type == metric.Gauge:
		return gauge
	case m.Type == metric.Counter:
		return counter
	case m.Type == metric.Rate:
		return rate
	}
	return trend
}

// point is what one interval of one series holds.
type point struct {
	count   uint64
	sum     float64 // counter, trend
	nonZero uint64  // rate

	// Of a gauge its latest value and the extremes. Of a level by how much it
	// changed, and how far below and above its value at the end it has been:
	// neither is below 0.
	last, min, max float64
	lastAt         int64 // gauge, level: when, in ns since the start of load

	buckets []metric.Bucket // trend, by rising index
}

// A point is written as
//
//	counter  count, sum
//	rate     count, nonZero
//	gauge    count, last, min, max, lastAt
//	level    the same
//	trend    sum, then, if there are buckets, the index of the first, then a
//	         token for each
//
// A token is a varint: the distance from the bucket before, less 1, in the
// upper bits, and the count, less 1, in the lower four; 15 there says that
// what is missing follows. So a bucket takes one byte where few samples lie
// close together.
const (
	tokenBits = 4
	tokenMask = 1<<tokenBits - 1
)

func (p *point) append(b []byte, s shape) []byte {
	if s == trend {
		b = appendFloat(b, p.sum)
		return appendBuckets(b, p.buckets)
	}
	b = binary.AppendUvarint(b, p.count)
	switch s {
	case counter:
		b = appendFloat(b, p.sum)
	case rate:
		b = binary.AppendUvarint(b, p.nonZero)
	case gauge, level:
		b = appendFloat(b, p.last)
		b = appendFloat(b, p.min)
		b = appendFloat(b, p.max)
		b = binary.AppendVarint(b, p.lastAt)
	}
	return b
}

func appendBuckets(b []byte, buckets []metric.Bucket) []byte {
	if len(buckets) == 0 {
		return b
	}
	b = binary.AppendVarint(b, int64(buckets[0].Index))
	before := buckets[0].Index - 1
	for _, bucket := range buckets {
		token := uint64(bucket.Index-before-1) << tokenBits
		before = bucket.Index
		if rest := bucket.Count - 1; rest < tokenMask {
			b = binary.AppendUvarint(b, token|rest)
		} else {
			b = binary.AppendUvarint(b, token|tokenMask)
			b = binary.AppendUvarint(b, rest-tokenMask)
		}
	}
	return b
}

// read sets p to what b holds; buckets go to the memory p has. It reports
// whether b is what append writes, to the last byte and to the last rule.
func (p *point) read(b []byte, s shape) bool {
	r := reader{b: b}
	*p = point{buckets: p.buckets[:0]}
	if s == trend {
		p.sum = r.float()
		return p.readBuckets(&r)
	}
	p.count = r.uvarint()
	switch s {
	case counter:
		p.sum = r.float()
	case rate:
		p.nonZero = r.uvarint()
	case gauge, level:
		p.last, p.min, p.max = r.float(), r.float(), r.float()
		p.lastAt = r.varint()
		if s == gauge && p.min > p.max || s == level && (p.min < 0 || p.max < 0) {
			return false
		}
	}
	return !r.bad && len(r.b) == 0
}

func (p *point) readBuckets(r *reader) bool {
	if len(r.b) == 0 {
		return !r.bad
	}
	first := r.varint()
	if first < -int64(outermost) || first > int64(outermost) {
		return false
	}
	index := int32(first) - 1
	for len(r.b) > 0 {
		token := r.uvarint()
		rest := token & tokenMask
		if rest == tokenMask {
			rest = add(r.uvarint(), tokenMask)
		}
		step := token >> tokenBits
		if r.bad || step >= uint64(outermost-index) {
			return false
		}
		index += int32(step) + 1
		n := add(rest, 1)
		p.count = add(p.count, n)
		p.buckets = append(p.buckets, metric.Bucket{Index: index, Count: n})
	}
	return !r.bad && len(p.buckets) > 0 && p.buckets[0].Index == int32(first)
}

// outermost is the index of the last bucket.
var outermost = metric.BucketIndex(math.MaxFloat64)

// join adds what b holds of the same interval, from another source or series.
func (p *point) join(b *point, s shape, scratch *[]metric.Bucket) {
	switch s {
	case level:
		p.last = finite(p.last + b.last)
		p.min, p.max = finite(p.min+b.min), finite(p.max+b.max)
		p.lastAt = max(p.lastAt, b.lastAt)
		p.count = add(p.count, b.count)
	default:
		p.follow(b, s, scratch)
	}
}

// follow adds what b holds of the interval after p's.
func (p *point) follow(b *point, s shape, scratch *[]metric.Bucket) {
	switch s {
	case counter:
		p.sum = finite(p.sum + b.sum)
	case rate:
		p.nonZero = add(p.nonZero, b.nonZero)
	case gauge:
		switch {
		case b.count == 0:
			return
		case p.count == 0:
			*p = *b
			return
		}
		p.min, p.max = min(p.min, b.min), max(p.max, b.max)
		// The rule of metric.Aggregate.Merge.
		if b.lastAt > p.lastAt || b.lastAt == p.lastAt && b.last > p.last {
			p.last, p.lastAt = b.last, b.lastAt
		}
	case level:
		// Seen from the end of b, p's range lies lower by what b changed.
		p.min = max(b.min, finite(p.min+b.last), 0)
		p.max = max(b.max, finite(p.max-b.last), 0)
		p.last = finite(p.last + b.last)
		p.lastAt = max(p.lastAt, b.lastAt)
	case trend:
		p.sum = finite(p.sum + b.sum)
		*scratch = mergeBuckets((*scratch)[:0], p.buckets, b.buckets)
		p.buckets, *scratch = *scratch, p.buckets
	}
	p.count = add(p.count, b.count)
}

// mergeBuckets appends the sum of two sorted lists to dst.
func mergeBuckets(dst, a, b []metric.Bucket) []metric.Bucket {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].Index < b[0].Index:
			dst, a = append(dst, a[0]), a[1:]
		case a[0].Index > b[0].Index:
			dst, b = append(dst, b[0]), b[1:]
		default:
			dst = append(dst, metric.Bucket{Index: a[0].Index, Count: add(a[0].Count, b[0].Count)})
			a, b = a[1:], b[1:]
		}
	}
	dst = append(dst, a...)
	return append(dst, b...)
}

// add adds without wrapping, finite keeps a sum finite: as metric does.
func add(a, b uint64) uint64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxUint64
}

func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// appendFloat writes whole numbers, which most values are, as varints, and the
// others as 1 and eight bytes. Varints of whole numbers are even.
func appendFloat(b []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && -whole < n && n < whole {
		return binary.AppendUvarint(b, (uint64(n<<1)^uint64(n>>63))<<1)
	}
	return binary.LittleEndian.AppendUint64(append(b, 1), math.Float64bits(f))
}

const whole = 1 << 53

// reader reads varints; bad once something was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 {
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) float() float64 {
	v := r.uvarint()
	if v&1 == 0 {
		v >>= 1
		n := int64(v>>1) ^ -int64(v&1)
		if n <= -whole || n >= whole {
			r.fail()
		}
		return float64(n)
	}
	if v != 1 || len(r.b) < 8 {
		r.fail()
		return 0
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(r.b))
	r.b = r.b[8:]
	if math.IsNaN(f) || math.IsInf(f, 0) {
		r.fail()
		return 0
	}
	return f
}

// bytes returns the next n bytes, which belong to the reader.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) fail() { r.b, r.bad = nil, true }
