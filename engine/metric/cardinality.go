package metric

import "slices"

// Overflow is the value that stands for all values of a tag over the cap.
const Overflow = "(other)"

const (
	// tolerated is the number of values a tag may have without being taken
	// for the one that explodes.
	tolerated = 16
	// maxKeys bounds the tag keys of a metric whose values are remembered.
	maxKeys = 128
	// maxNotes bounds the overflow notes of a registry.
	maxNotes = 100
	// beyondCap is how many series each metric may have when the cap is
	// reached: the one without tags and the one that takes the rest.
	beyondCap = 2
)

// OverflowNote names a tag whose values were too many.
type OverflowNote struct{ Metric, Tag string }

// Overflowed lists metric and tag key of each cap that was hit, once each, in
// the order in which it happened and at most 100.
func (r *Registry) Overflowed() []OverflowNote {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.notes)
}

// admit returns the series that counts samples of (f, tags). The caller holds
// mu.
//
// An eighth of the cap is kept for what must still be told apart when one tag
// has filled the rest: new combinations of known values, tags with few values,
// and metrics that appear late. Only a new value of a tag that has many is
// collapsed there. When that eighth is used up too, tags are collapsed one
// after the other until a series exists, and what is left goes to one series
// per metric. Every sample is counted in exactly one series throughout.
func (r *Registry) admit(f *family, tags Tags) *Series {
	var exploding string
	for {
		if s := f.series[tags.String()]; s != nil {
			return s
		}
		if tags.Len() == 0 || r.fits(f, tags) {
			return r.add(f, tags)
		}
		key, ok := f.worst(tags)
		if !ok {
			break
		}
		if exploding == "" {
			exploding = key
		}
		r.note(OverflowNote{f.metric.Name, key})
		tags = tags.With(Tag{key, Overflow})
	}
	if f.rest == nil {
		// All values of tags are Overflow here, and no such series exists.
		f.rest = r.add(f, NewTags(Tag{exploding, Overflow}))
	}
	return f.rest
}

// fits reports whether a new series of these tags is within the cap.
func (r *Registry) fits(f *family, tags Tags) bool {
	if len(r.series) < r.maxSeries-r.maxSeries/8 {
		return true
	}
	if len(r.series) >= r.maxSeries {
		return false
	}
	for _, t := range tags.pairs {
		if len(f.distinct[t.Key]) >= tolerated && f.isNew(t) {
			return false
		}
	}
	return true
}

// worst returns the key of the tag to collapse: the one with most distinct
// values, among those whose value is new if there are any. ok is false when
// all are collapsed.
func (f *family) worst(tags Tags) (key string, ok bool) {
	var worstNew bool
	var worstCount int
	for _, t := range tags.pairs {
		if t.Value == Overflow {
			continue
		}
		isNew, count := f.isNew(t), len(f.distinct[t.Key])
		if !ok || isNew && !worstNew || isNew == worstNew && count > worstCount {
			key, ok, worstNew, worstCount = t.Key, true, isNew, count
		}
	}
	return key, ok
}

func (f *family) isNew(t Tag) bool {
	if t.Value == Overflow {
		return false
	}
	_, known := f.distinct[t.Key][t.Value]
	return !known
}

// learn remembers the values of tags.
func (f *family) learn(tags Tags) {
	for _, t := range tags.pairs {
		if t.Value == Overflow {
			continue
		}
		values := f.distinct[t.Key]
		if values == nil {
			if len(f.distinct) >= maxKeys {
				continue
			}
			values = make(map[string]struct{})
			f.distinct[t.Key] = values
		}
		values[t.Value] = struct{}{}
	}
}

func (r *Registry) note(n OverflowNote) {
	if len(r.notes) < maxNotes && !slices.Contains(r.notes, n) {
		r.notes = append(r.notes, n)
	}
}
