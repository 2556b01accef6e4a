package metric

import (
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTags(t *testing.T) {
	tags := NewTags(Tag{"b", "2"}, Tag{"a", "1"}, Tag{"b", "3"})
	if got := tags.String(); got != "a=1,b=3" {
		t.Errorf("tags are %s", got)
	}
	if v, ok := tags.Get("b"); v != "3" || !ok {
		t.Errorf("b is %q, %v", v, ok)
	}
	if v, ok := tags.Get("c"); v != "" || ok {
		t.Errorf("c is %q, %v", v, ok)
	}
	more := tags.With(Tag{"c", ""}, Tag{"a", "0"})
	if got := more.String(); got != "a=0,b=3,c=" {
		t.Errorf("with more tags: %s", got)
	}
	if got := tags.String(); got != "a=1,b=3" || tags.Len() != 2 {
		t.Errorf("With changed its receiver to %s", got)
	}
	if got := TagsFromMap(map[string]string{"x": "y", "k": "v"}).String(); got != "k=v,x=y" {
		t.Errorf("from a map: %s", got)
	}
	if (Tags{}).String() != "" || (Tags{}).Len() != 0 {
		t.Error("the zero value is not empty")
	}
	for range tags.All() {
		break // stopping early must be possible
	}
}

func TestTagsContains(t *testing.T) {
	tags := NewTags(Tag{"a", "1"}, Tag{"b", "2"}, Tag{"c", "3"})
	for _, tt := range []struct {
		filter Tags
		want   bool
	}{
		{NewTags(), true},
		{NewTags(Tag{"a", "1"}), true},
		{NewTags(Tag{"c", "3"}), true},
		{NewTags(Tag{"a", "1"}, Tag{"c", "3"}), true},
		{tags, true},
		{NewTags(Tag{"a", "2"}), false},
		{NewTags(Tag{"aa", "1"}), false},
		{NewTags(Tag{"d", "4"}), false},
		{tags.With(Tag{"d", "4"}), false},
	} {
		if got := tags.Contains(tt.filter); got != tt.want {
			t.Errorf("Contains(%s) = %v", tt.filter, got)
		}
	}
}

// TestTagsAgainstMap checks sets of tags against the map they stand for.
func TestTagsAgainstMap(t *testing.T) {
	word := rapid.StringOfN(rapid.SampledFrom([]rune(`ab=,\é`)), 0, 3, -1)
	pairs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tag {
		return Tag{word.Draw(t, "key"), word.Draw(t, "value")}
	}), 0, 8)
	asMap := func(tags Tags) map[string]string { return maps.Collect(tags.All()) }
	rapid.Check(t, func(t *rapid.T) {
		first, second := pairs.Draw(t, "first"), pairs.Draw(t, "second")
		want := make(map[string]string)
		for _, p := range append(append([]Tag(nil), first...), second...) {
			want[p.Key] = p.Value
		}
		tags := NewTags(first...).With(second...)
		if !maps.Equal(asMap(tags), want) || tags.Len() != len(want) {
			t.Fatalf("%v is not %v", asMap(tags), want)
		}
		if from := TagsFromMap(want); from.String() != tags.String() {
			t.Fatalf("%s from a map, %s from pairs", from, tags)
		}
		// Strings are equal exactly when sets are.
		other := NewTags(second...)
		if equal := maps.Equal(asMap(other), want); (other.String() == tags.String()) != equal {
			t.Fatalf("strings %s and %s, equal sets: %v", other, tags, equal)
		}
		if !tags.Contains(other) {
			t.Fatalf("%s does not contain %s", tags, other)
		}
	})
}

func TestTagsAreBounded(t *testing.T) {
	for name, tt := range map[string]struct{ value, want string }{
		"longest":    {strings.Repeat("x", MaxTagValue), strings.Repeat("x", MaxTagValue)},
		"too long":   {strings.Repeat("x", MaxTagValue+1), strings.Repeat("x", MaxTagValue-3) + "…"},
		"runes":      {strings.Repeat("é", MaxTagValue), strings.Repeat("é", (MaxTagValue-3)/2) + "…"},
		"not UTF-8":  {"a\xffb", "a\uFFFDb"},
		"long waste": {strings.Repeat("\xff", 2*MaxTagValue), "\uFFFD…"},
	} {
		got, _ := NewTags(Tag{"k", tt.value}).Get("k")
		if got != tt.want {
			t.Errorf("%s: %d bytes %.20q…, want %d", name, len(got), got, len(tt.want))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"x", "é", "€", "😀", "\xff", "\xe2\x82"})
		s := strings.Join(rapid.SliceOfN(piece, 0, 60).Draw(t, "pieces"), "")
		limit := rapid.IntRange(8, 64).Draw(t, "limit")
		got := bounded(s, limit)
		if len(got) > limit || !utf8.ValidString(got) {
			t.Fatalf("bounded(%q, %d) = %q", s, limit, got)
		}
		if len(s) <= limit && utf8.ValidString(s) && got != s {
			t.Fatalf("bounded(%q, %d) = %q", s, limit, got)
		}
	})

	many := make([]Tag, 10*MaxTags)
	for i := range many {
		many[len(many)-1-i] = Tag{string(rune('0' + i)), ""}
	}
	tags := NewTags(many...)
	if _, ok := tags.Get("0"); tags.Len() != MaxTags || !ok {
		t.Errorf("%d tags, first kept: %v", tags.Len(), ok)
	}
}
