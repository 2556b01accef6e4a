package timeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// The binary form is, in varints, strings with their length before them and
// floats as appendFloat writes them:
//
//	"swtl", version
//	start: seconds and nanoseconds since 1970
//	resolution in ns, ticks that are recent, series folded, number of series
//	each series, by name and key:
//	  name, type, unit, number of tags, keys and values
//	  min, max
//	  width and boundary of the old points in ticks
//	  old points, recent points: as columns hold them
const (
	magic   = "swtl"
	version = 1
)

var errDamaged = errors.New("timeline is damaged")

// MarshalBinary returns the form in which results are saved.
func (t *Timeline) MarshalBinary() ([]byte, error) {
	b := append(make([]byte, 0, t.bytes), magic...)
	b = binary.AppendUvarint(b, version)
	b = binary.AppendVarint(b, t.start.Unix())
	b = binary.AppendUvarint(b, uint64(t.start.Nanosecond()))
	b = binary.AppendUvarint(b, uint64(t.tick))
	b = binary.AppendUvarint(b, uint64(t.recent))
	b = binary.AppendUvarint(b, uint64(t.folded))
	var all []*series
	for _, m := range t.Metrics() {
		for _, e := range t.families[m.Name].sorted {
			if e.old.n+e.recent.n > 0 {
				all = append(all, e)
			}
		}
	}
	b = binary.AppendUvarint(b, uint64(len(all)))
	for _, e := range all {
		b = e.append(b)
	}
	return b, nil
}

func (e *series) append(b []byte) []byte {
	b = appendString(b, e.metric.Name)
	b = append(b, byte(e.metric.Type), byte(e.metric.Unit))
	b = binary.AppendUvarint(b, uint64(e.tags.Len()))
	for k, v := range e.tags.All() {
		b = appendString(b, k)
		b = appendString(b, v)
	}
	b = appendFloat(b, e.min)
	b = appendFloat(b, e.max)
	b = binary.AppendUvarint(b, uint64(e.old.width))
	b = binary.AppendUvarint(b, uint64(e.boundary))
	for _, c := range []*column{&e.old, &e.recent} {
		b = binary.AppendUvarint(b, uint64(len(c.data)))
		b = append(b, c.data...)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// UnmarshalBinary sets t to what MarshalBinary wrote, with the default bounds.
// What cannot have come from it is an error, and t is as it was; never a panic
// or an allocation beyond a small multiple of its size. Sources begin anew: a
// delta added afterwards needs its definitions.
func (t *Timeline) UnmarshalBinary(data []byte) error {
	rest, ok := strings.CutPrefix(string(data), magic)
	if !ok {
		return errors.New("not a timeline")
	}
	r := &reader{b: []byte(rest)} // of its own: columns keep parts of it
	if v := r.uvarint(); !r.bad && v != version {
		return fmt.Errorf("timeline of version %d: this swarm reads version %d", v, version)
	}
	seconds, nanos := r.varint(), r.uvarint()
	tick, recent, folded, n := r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()
	switch {
	case r.bad, nanos >= 1e9, seconds < -1<<40, seconds > 1<<40:
		return errDamaged
	case tick == 0, tick > uint64(time.Hour), recent == 0, recent > lastTick/4, folded > lastTick:
		return errDamaged
	}
	read := New(time.Unix(seconds, int64(nanos)).UTC(), Options{
		Resolution: time.Duration(tick), Recent: time.Duration(tick),
	})
	read.recent, read.folded = int64(recent), int(folded)
	for range n {
		if err := read.readSeries(r); err != nil {
			return err
		}
	}
	if r.bad || len(r.b) > 0 {
		return errDamaged
	}
	read.target = 2 * read.coarsest
	*t = *read
	return nil
}

// readSeries adds the next series of r.
func (t *Timeline) readSeries(r *reader) error {
	m := metric.Metric{Name: r.text()}
	m.Type, m.Unit = metric.Type(r.byte()), metric.Unit(r.byte())
	tags, ok := r.tags()
	if r.bad || !ok || m.Validate() != nil {
		return errDamaged
	}
	f := t.families[m.Name]
	if f != nil && f.metric != m {
		return errDamaged
	}
	if f == nil && len(t.families) >= metric.MaxMetrics {
		return errDamaged
	}
	key := tags.String()
	if len(t.series) > 0 {
		last := t.series[len(t.series)-1]
		if m.Name < last.metric.Name || m.Name == last.metric.Name && key <= last.key {
			return errDamaged
		}
	}
	low, high := r.float(), r.float()
	width, boundary := r.uvarint(), r.uvarint()
	old, recent := r.bytes(r.uvarint()), r.bytes(r.uvarint())
	if r.bad || low > high || boundary > lastTick ||
		bits.OnesCount64(width) != 1 || width > lastTick {
		return errDamaged
	}
	e := t.find(m, tags)
	e.min, e.max, e.boundary = low, high, int64(boundary)
	var okOld, okRecent bool
	e.old, okOld = load(int64(width), old, e.shape)
	e.recent, okRecent = load(1, recent, e.shape)
	if !okOld || !okRecent || e.old.n+e.recent.n == 0 ||
		e.old.n > 0 && e.old.last*e.old.width >= e.boundary {
		return errDamaged
	}
	if cur := e.recent.cursor(); cur.next() && cur.number < e.boundary {
		return errDamaged
	}
	e.total()
	t.coarsest = max(t.coarsest, e.old.width)
	// The last old interval may go on beyond the points that are in it.
	t.end = max(t.end, e.recent.last+1, min((e.old.last+1)*e.old.width, e.boundary))
	t.bytes += len(e.old.data) + len(e.recent.data)
	return nil
}

// total computes what follows from the points.
func (e *series) total() {
	var p point
	for cur := e.old.cursor(); cur.next(); {
		p.read(cur.body, e.shape)
		e.count = add(e.count, p.count)
		if e.shape == level {
			e.base = finite(e.base + p.last)
		}
	}
	for cur := e.recent.cursor(); cur.next(); {
		p.read(cur.body, e.shape)
		e.count = add(e.count, p.count)
	}
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

// tags reads a tag set; ok says that it is in the form that Tags has.
func (r *reader) tags() (tags metric.Tags, ok bool) {
	n := r.uvarint()
	if n > metric.MaxTags {
		return tags, false
	}
	pairs := make([]metric.Tag, 0, n)
	for range n {
		pairs = append(pairs, metric.Tag{Key: r.text(), Value: r.text()})
	}
	tags = metric.NewTags(pairs...)
	read := make([]metric.Tag, 0, n)
	for k, v := range tags.All() {
		read = append(read, metric.Tag{Key: k, Value: v})
	}
	return tags, slices.Equal(pairs, read)
}
