package wire

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// maxTag is the most bytes of a tag's key or value that travel. Series that
// only differ behind that are merged; their totals stay exact.
const maxTag = 1 << 10

// FromSnapshot encodes s. Text that is not UTF-8 is made so.
func FromSnapshot(s *metric.Snapshot) *Snapshot {
	m := &Snapshot{Start: nanos(s.Start), End: nanos(s.End)}
	for _, def := range s.Defs {
		d := &SeriesDef{
			Id:   def.ID,
			Name: Text(def.Metric.Name),
			Type: uint32(def.Metric.Type),
			Unit: uint32(def.Metric.Unit),
		}
		for key, value := range def.Tags.All() {
			d.Tags = append(d.Tags, Text(Shorten(key, maxTag)), Text(Shorten(value, maxTag)))
		}
		m.Defs = append(m.Defs, d)
	}
	for i := range s.Deltas {
		delta := &s.Deltas[i]
		d := &SeriesDelta{
			Id:      delta.ID,
			Count:   delta.Count,
			Sum:     packFloat(delta.Sum),
			Min:     packFloat(delta.Min),
			Max:     packFloat(delta.Max),
			Last:    packFloat(delta.Last),
			NonZero: delta.NonZero,
			Buckets: packBuckets(delta.Buckets),
		}
		if at := nanos(delta.LastAt); at != nil {
			*at -= m.GetEnd()
			d.LastAt = at
		}
		m.Deltas = append(m.Deltas, d)
	}
	return m
}

// ToSnapshot decodes m. The error wraps ErrMalformed. Values are as the peer
// sent them: metric.Set.Merge is where they are checked.
func ToSnapshot(m *Snapshot) (*metric.Snapshot, error) {
	if m == nil {
		return &metric.Snapshot{}, nil
	}
	s := &metric.Snapshot{Start: moment(m.Start, 0), End: moment(m.End, 0)}
	for _, d := range m.GetDefs() {
		def, err := toDef(d)
		if err != nil {
			return nil, fmt.Errorf("%w: series %d: %w", ErrMalformed, d.GetId(), err)
		}
		s.Defs = append(s.Defs, def)
	}
	for _, d := range m.GetDeltas() {
		delta := metric.SeriesDelta{
			ID:      d.GetId(),
			Count:   d.GetCount(),
			Sum:     unpackFloat(d.GetSum()),
			Min:     unpackFloat(d.GetMin()),
			Max:     unpackFloat(d.GetMax()),
			Last:    unpackFloat(d.GetLast()),
			LastAt:  moment(d.LastAt, m.GetEnd()),
			NonZero: d.GetNonZero(),
		}
		var err error
		if delta.Buckets, err = unpackBuckets(d.GetBuckets()); err != nil {
			return nil, fmt.Errorf("%w: series %d: %w", ErrMalformed, d.GetId(), err)
		}
		s.Deltas = append(s.Deltas, delta)
	}
	return s, nil
}

func toDef(d *SeriesDef) (metric.SeriesDef, error) {
	m, err := toMetric(&Metric{Name: d.GetName(), Type: d.GetType(), Unit: d.GetUnit()})
	if err != nil {
		return metric.SeriesDef{}, err
	}
	if len(d.GetTags())%2 != 0 {
		return metric.SeriesDef{}, fmt.Errorf("a tag without value")
	}
	var pairs []metric.Tag
	for i := 0; i < len(d.GetTags()); i += 2 {
		pairs = append(pairs, metric.Tag{Key: d.Tags[i], Value: d.Tags[i+1]})
	}
	return metric.SeriesDef{ID: d.GetId(), Metric: m, Tags: metric.NewTags(pairs...)}, nil
}

// FromMetrics encodes metrics.
func FromMetrics(metrics []metric.Metric) []*Metric {
	var out []*Metric
	for _, m := range metrics {
		out = append(out, &Metric{Name: Text(m.Name), Type: uint32(m.Type), Unit: uint32(m.Unit)})
	}
	return out
}

// ToMetrics decodes metrics; errors wrap ErrMalformed.
func ToMetrics(metrics []*Metric) ([]metric.Metric, error) {
	var out []metric.Metric
	for _, m := range metrics {
		decoded, err := toMetric(m)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		out = append(out, decoded)
	}
	return out, nil
}

func toMetric(m *Metric) (metric.Metric, error) {
	if t := m.GetType(); t < uint32(metric.Counter) || t > uint32(metric.Trend) {
		return metric.Metric{}, fmt.Errorf("metric %q: unknown type %d", Shorten(m.GetName(), maxName), t)
	}
	if u := m.GetUnit(); u > uint32(metric.Data) {
		return metric.Metric{}, fmt.Errorf("metric %q: unknown unit %d", Shorten(m.GetName(), maxName), u)
	}
	return metric.Metric{Name: m.GetName(), Type: metric.Type(m.GetType()), Unit: metric.Unit(m.GetUnit())}, nil
}

// Split cuts a snapshot into parts of roughly size bytes each on the wire, so
// that no frame grows with the number of series. Merge the parts in order: all
// definitions come before the first delta.
func Split(s *metric.Snapshot, size int) []*metric.Snapshot {
	part := &metric.Snapshot{Start: s.Start, End: s.End}
	parts := []*metric.Snapshot{part}
	used := 0
	room := func(bytes int) {
		if used > 0 && used+bytes > size {
			part = &metric.Snapshot{Start: s.Start, End: s.End}
			parts = append(parts, part)
			used = 0
		}
		used += bytes
	}
	for _, def := range s.Defs {
		bytes := 16 + len(def.Metric.Name)
		for key, value := range def.Tags.All() {
			bytes += 4 + min(len(key), maxTag) + min(len(value), maxTag)
		}
		room(bytes)
		part.Defs = append(part.Defs, def)
	}
	for _, delta := range s.Deltas {
		room(64 + 4*len(delta.Buckets))
		part.Deltas = append(part.Deltas, delta)
	}
	return parts
}

// A gap of up to this many buckets costs no more as zeros within a run than as
// the two numbers that begin a new run.
const bridge = 2

func packBuckets(buckets []metric.Bucket) []uint64 {
	var out []uint64
	end := int64(0) // index after the last one written
	for i := 0; i < len(buckets); {
		first := int64(buckets[i].Index)
		out = append(out, zigzag(first-end), 0)
		length := len(out) - 1
		for end = first; i < len(buckets); i++ {
			gap := int64(buckets[i].Index) - end
			if gap > bridge || gap < 0 {
				break
			}
			for range gap {
				out = append(out, 0)
			}
			out = append(out, buckets[i].Count)
			end += gap + 1
		}
		out[length] = uint64(len(out) - length - 1)
	}
	return out
}

func unpackBuckets(packed []uint64) ([]metric.Bucket, error) {
	// A run has at least one count and two numbers before it; a frame costs its
	// sender a byte for each.
	buckets := make([]metric.Bucket, 0, len(packed))
	end := int64(0)
	for len(packed) > 0 {
		if len(packed) < 2 || packed[1] > uint64(len(packed)-2) {
			return nil, fmt.Errorf("buckets cut short")
		}
		gap := unzigzag(packed[0])
		if gap < 2*math.MinInt32 || gap > 2*math.MaxInt32 {
			return nil, fmt.Errorf("bucket out of range")
		}
		end += gap
		run := packed[2 : 2+packed[1]]
		packed = packed[2+len(run):]
		for _, count := range run {
			if end < math.MinInt32 || end > math.MaxInt32 {
				return nil, fmt.Errorf("bucket out of range")
			}
			if count > 0 {
				if n := len(buckets); n > 0 && int64(buckets[n-1].Index) >= end {
					return nil, fmt.Errorf("buckets out of order")
				}
				buckets = append(buckets, metric.Bucket{Index: int32(end), Count: count})
			}
			end++
		}
	}
	if len(buckets) == 0 {
		return nil, nil
	}
	return buckets, nil
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(n uint64) int64 { return int64(n>>1) ^ -int64(n&1) }

func packFloat(f float64) uint64   { return bits.ReverseBytes64(math.Float64bits(f)) }
func unpackFloat(u uint64) float64 { return math.Float64frombits(bits.ReverseBytes64(u)) }

// nanos returns t as Unix nanoseconds, nil for the zero time.
func nanos(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixNano()
	return &n
}

// moment is the inverse of nanos, counted from base.
func moment(n *int64, base int64) time.Time {
	if n == nil {
		return time.Time{}
	}
	return time.Unix(0, base+*n)
}

// Text makes s fit a field of type string: what scripts produce need not be
// UTF-8, and protobuf refuses to send what is not.
func Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
