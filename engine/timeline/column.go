package timeline

import (
	"encoding/binary"
	"slices"

	"github.com/swarmload/swarm/engine/metric"
)

// column holds the points of one series by time. Intervals are width ticks
// long and numbered from 0; those without samples take no room. Each record is
//
//	number of the interval, less that of the record before (first: less -1)
//	bytes that follow
//	the point
type column struct {
	width int64
	data  []byte
	n     int   // records
	last  int64 // number of the last interval; -1 without
	tail  int   // where its record begins
	prev  int64 // number of the interval before it
}

func newColumn(width int64) column { return column{width: width, last: -1, prev: -1} }

// scratch is memory that all columns of a timeline share.
type scratch struct {
	body    []byte
	data    []byte
	rest    []byte
	held    point // what a column held
	buckets []metric.Bucket
}

// append adds an interval after all others.
func (c *column) append(number int64, p *point, s shape, tmp *scratch) {
	tmp.body = p.append(tmp.body[:0], s)
	c.appendBody(number, tmp.body)
}

func (c *column) appendBody(number int64, body []byte) {
	c.prev, c.last, c.tail = c.last, number, len(c.data)
	c.n++
	c.data = appendRecord(c.data, number-c.prev, body)
}

func appendRecord(b []byte, step int64, body []byte) []byte {
	b = binary.AppendUvarint(b, uint64(step))
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

// merge adds p to interval number with join, or with follow when p is a later
// part of that interval.
func (c *column) merge(number int64, p *point, s shape, later bool, tmp *scratch) {
	switch {
	case number > c.last:
		c.append(number, p, s, tmp)
		return
	case number < c.last:
		c.insert(number, p, s, tmp)
		return
	}
	cur := c.at(c.tail, c.prev)
	cur.next()
	held := &tmp.held
	held.read(cur.body, s)
	if later {
		held.follow(p, s, &tmp.buckets)
	} else {
		held.join(p, s, &tmp.buckets)
	}
	tmp.body = held.append(tmp.body[:0], s)
	c.data = appendRecord(c.data[:c.tail], c.last-c.prev, tmp.body)
}

// insert adds p to an interval before the last: a source was late.
func (c *column) insert(number int64, p *point, s shape, tmp *scratch) {
	cur := c.cursor()
	var begin int // of the record at cur
	before := int64(-1)
	for cur.next() && cur.number < number {
		begin, before = cur.end, cur.number
	}
	held := &tmp.held
	if cur.number == number {
		held.read(cur.body, s)
		held.join(p, s, &tmp.buckets)
		tmp.body = held.append(tmp.body[:0], s)
		tmp.data = appendRecord(tmp.data[:0], number-before, tmp.body)
	} else {
		// The one after it now counts from here.
		tmp.body = p.append(tmp.body[:0], s)
		tmp.data = appendRecord(tmp.data[:0], number-before, tmp.body)
		tmp.data = appendRecord(tmp.data, cur.number-number, cur.body)
		c.n++
		if cur.number == c.last {
			c.prev = number
		}
	}
	grown := len(tmp.data) - (cur.end - begin)
	if cur.number == c.last { // it was the last record that was written anew
		header := len(tmp.data) - recordSize(c.last-number, len(cur.body))
		c.tail = begin + header
	} else {
		c.tail += grown
	}
	c.data = slices.Replace(c.data, begin, cur.end, tmp.data...)
}

func recordSize(step int64, body int) int {
	return uvarintSize(uint64(step)) + uvarintSize(uint64(body)) + body
}

func uvarintSize(v uint64) (n int) {
	for n = 1; v >= 0x80; n++ {
		v >>= 7
	}
	return n
}

// coarsen merges neighbouring intervals to ones of width ticks, a multiple.
func (c *column) coarsen(width int64, s shape, tmp *scratch) {
	ratio := width / c.width
	if ratio == 1 {
		return
	}
	merged := newColumn(width)
	var sum, p point
	number := int64(-1)
	for cur := c.cursor(); cur.next(); {
		p.read(cur.body, s)
		if n := cur.number / ratio; n != number {
			if number >= 0 {
				merged.append(number, &sum, s, tmp)
			}
			number = n
			sum, p = p, sum
			continue
		}
		sum.follow(&p, s, &tmp.buckets)
	}
	if number >= 0 {
		merged.append(number, &sum, s, tmp)
	}
	merged.data = slices.Clone(merged.data)
	*c = merged
}

// join adds the points of o, which has the same width.
func (c *column) join(o *column, s shape, tmp *scratch) {
	merged := newColumn(c.width)
	a, b := c.cursor(), o.cursor()
	moreA, moreB := a.next(), b.next()
	var p, q point
	for moreA || moreB {
		switch {
		case !moreB || moreA && a.number < b.number:
			p.read(a.body, s)
			merged.append(a.number, &p, s, tmp)
			moreA = a.next()
		case !moreA || b.number < a.number:
			p.read(b.body, s)
			merged.append(b.number, &p, s, tmp)
			moreB = b.next()
		default:
			p.read(a.body, s)
			q.read(b.body, s)
			p.join(&q, s, &tmp.buckets)
			merged.append(a.number, &p, s, tmp)
			moreA, moreB = a.next(), b.next()
		}
	}
	merged.data = slices.Clone(merged.data)
	*c = merged
}

// cursor reads a column record by record.
type cursor struct {
	data   []byte
	number int64
	body   []byte
	end    int // where the record ends
}

func (c *column) cursor() cursor { return cursor{data: c.data, number: -1} }

// at returns a cursor that next moves to the record at an offset.
func (c *column) at(offset int, before int64) cursor {
	return cursor{data: c.data, number: before, end: offset}
}

// next moves to the next record. The columns of a timeline are sound: what
// came from elsewhere was checked with sound.
func (c *cursor) next() bool {
	if c.end >= len(c.data) {
		return false
	}
	r := reader{b: c.data[c.end:]}
	c.number += int64(r.uvarint())
	c.body = r.bytes(r.uvarint())
	c.end = len(c.data) - len(r.b)
	return true
}

// load makes a column of data that came from elsewhere; false when it is not
// what a column writes.
func load(width int64, data []byte, s shape) (column, bool) {
	c := newColumn(width)
	var p point
	for r := (reader{b: data}); len(r.b) > 0; {
		begin := len(data) - len(r.b)
		step := r.uvarint()
		body := r.bytes(r.uvarint())
		if r.bad || step == 0 || step > lastTick || c.last+int64(step) > lastTick/width || !p.read(body, s) {
			return c, false
		}
		c.prev, c.last, c.tail = c.last, c.last+int64(step), begin
		c.n++
	}
	c.data = data
	return c, true
}
