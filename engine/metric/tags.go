package metric

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a tag set. Scripts and targets supply the strings, so that neither
// a series nor what is sent of it may grow at their will.
const (
	MaxTags     = 64    // tags in a set; of more, the first in key order are kept
	MaxTagKey   = 128   // bytes of a key
	MaxTagValue = 1_024 // bytes of a value
)

// Tag is one key and its value.
type Tag struct{ Key, Value string }

// Tags is an immutable set of tags sorted by key, each key once. The zero
// value is the empty set. It is a value: copy freely, share between goroutines.
//
// Keys and values are valid UTF-8 (other bytes become U+FFFD) and no longer
// than [MaxTagKey] and [MaxTagValue]; the end of a longer one is cut off and
// replaced by "…".
type Tags struct{ pairs []Tag }

// NewTags returns the set of the given tags; of two with one key the later wins.
func NewTags(pairs ...Tag) Tags {
	return Tags{}.With(pairs...)
}

// TagsFromMap returns the set holding the entries of m.
func TagsFromMap(m map[string]string) Tags {
	pairs := make([]Tag, 0, len(m))
	for k, v := range m {
		pairs = append(pairs, Tag{k, v})
	}
	// Cutting may make two keys one; which of their values stays must not
	// depend on the order of the map.
	slices.SortFunc(pairs, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	return NewTags(pairs...)
}

// With returns t with pairs added or replaced.
func (t Tags) With(pairs ...Tag) Tags {
	if len(pairs) == 0 {
		return t
	}
	merged := make([]Tag, len(t.pairs), min(len(t.pairs)+len(pairs), MaxTags+1))
	copy(merged, t.pairs)
	for _, p := range pairs {
		p = Tag{bounded(p.Key, MaxTagKey), bounded(p.Value, MaxTagValue)}
		i, found := slices.BinarySearchFunc(merged, p.Key, compareKey)
		if found {
			merged[i] = p
		} else {
			merged = slices.Insert(merged, i, p)
		}
		if len(merged) > MaxTags {
			merged = merged[:MaxTags]
		}
	}
	return Tags{merged}
}

// Get returns the value of key and whether it is set.
func (t Tags) Get(key string) (string, bool) {
	i, found := slices.BinarySearchFunc(t.pairs, key, compareKey)
	if !found {
		return "", false
	}
	return t.pairs[i].Value, true
}

// All iterates in key order.
func (t Tags) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, p := range t.pairs {
			if !yield(p.Key, p.Value) {
				return
			}
		}
	}
}

// Len returns the number of tags.
func (t Tags) Len() int { return len(t.pairs) }

// Contains reports whether every tag of filter is in t with the same value.
func (t Tags) Contains(filter Tags) bool {
	rest := t.pairs
	for _, want := range filter.pairs {
		for len(rest) > 0 && rest[0].Key < want.Key {
			rest = rest[1:]
		}
		if len(rest) == 0 || rest[0] != want {
			return false
		}
	}
	return true
}

// String returns `k=v,k2=v2`, canonical: two sets are equal exactly when their
// strings are. A backslash precedes `=`, `,` and `\` inside keys and values.
func (t Tags) String() string { return string(t.appendKey(nil)) }

// appendKey appends what String returns to dst.
func (t Tags) appendKey(dst []byte) []byte {
	for i, p := range t.pairs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendEscaped(dst, p.Key)
		dst = append(dst, '=')
		dst = appendEscaped(dst, p.Value)
	}
	return dst
}

func appendEscaped(dst []byte, s string) []byte {
	from := 0
	for i := 0; i < len(s); i++ {
		if c := s[i]; c == '=' || c == ',' || c == '\\' {
			dst = append(dst, s[from:i]...)
			dst = append(dst, '\\')
			from = i
		}
	}
	return append(dst, s[from:]...)
}

// clone returns t with memory of its own: a short tag may be part of a long
// response body, which a series must not keep alive.
func (t Tags) clone() Tags {
	pairs := make([]Tag, len(t.pairs))
	for i, p := range t.pairs {
		pairs[i] = Tag{strings.Clone(p.Key), strings.Clone(p.Value)}
	}
	return Tags{pairs}
}

// bounded returns s as valid UTF-8 of at most limit bytes.
func bounded(s string, limit int) string {
	long := len(s) > limit
	if !long && utf8.ValidString(s) {
		return s
	}
	s = strings.ToValidUTF8(s[:min(len(s), limit+utf8.UTFMax)], "\uFFFD")
	if !long && len(s) <= limit {
		return s
	}
	const mark = "…"
	end := min(len(s), limit-len(mark))
	for end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

func compareKey(t Tag, key string) int { return strings.Compare(t.Key, key) }
