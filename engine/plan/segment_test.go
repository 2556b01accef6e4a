package plan

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewSegment(t *testing.T) {
	for _, c := range []struct{ own, sequence, want, all string }{
		{"", "", "0:1", "0,1"},
		{"0:1", "", "0:1", "0,1"},
		{"", "0,1", "0:1", "0,1"},
		{"100%", "0,1", "0:1", "0,1"},
		{"0:1/4", "", "0:1/4", "0,1/4,1"},
		{"0.25", "", "0:1/4", "0,1/4,1"},
		{"20%", "", "0:1/5", "0,1/5,1"},
		{"12.5 %", "", "0:1/8", "0,1/8,1"},
		{"1/4:0.5", "", "1/4:1/2", "0,1/4,1/2,1"},
		{"2/4:1", "", "1/2:1", "0,1/2,1"},
		{" 1/4 : 1/2 ", " 0, 1/4,2/4 ,1", "1/4:1/2", "0,1/4,1/2,1"},
		{"50%:1", "0,0.25,.5,1", "1/2:1", "0,1/4,1/2,1"},
		{"0.000001", "", "0:1/1000000", "0,1/1000000,1"},
	} {
		s, err := NewSegment(c.own, c.sequence)
		if err != nil {
			t.Errorf("%q, %q: %v", c.own, c.sequence, err)
			continue
		}
		if s.String() != c.want || s.Sequence() != c.all || s.Whole() != (c.want == "0:1") {
			t.Errorf("%q, %q: %v of %v, whole: %v", c.own, c.sequence, s, s.Sequence(), s.Whole())
		}
	}
}

func TestNewSegmentRefuses(t *testing.T) {
	for _, c := range []struct{ own, sequence, want string }{
		{"half", "", `segment "half": "half" is no fraction such as 1/4, 0.25 or 25%`},
		{"1/0", "", `no fraction`},
		{"-1/4", "", `no fraction`},
		{"+1/4", "", `no fraction`},
		{"1e-2", "", `no fraction`},
		{"1/4%", "", `no fraction`},
		{"NaN", "", `no fraction`},
		{":", "", `no fraction`},
		{"99999999999999999999", "", `no fraction`},
		{"0.00000000000000000001", "", `no fraction`},
		{"5/4", "", `segment "5/4": "5/4" is more than 1`},
		{"1/1000001", "", `"1/1000001" is finer than 1/1000000`},
		{"1/2:1/4", "", `segment "1/2:1/4": it must end after it begins`},
		{"0", "", `it must end after it begins`},
		{"1/999983:1/2", "", `the borders have no common denominator up to 1000000`},
		{"0:1/4", "0,1/2,1", `segment "0:1/4" is not one of the sequence "0,1/2,1"`},
		{"0:1", "0,1/2,1", `segment "0:1" is not one of`},
		{"", "0,1/2,1", `segment "0:1" is not one of`},
		{"0:1/4", "0,1/4", `segment sequence "0,1/4": it must go from 0 to 1`},
		{"0:1/4", "1/4,1", `it must go from 0 to 1`},
		{"0:1/4", "0,1/4,1/4,1", `1/4 must come after 1/4`},
		{"0:1/4", "0,1/4,x,1", `segment sequence "0,1/4,x,1": "x" is no fraction`},
		{"0:1/4", "0,1/4,", `"" is no fraction`},
	} {
		_, err := NewSegment(c.own, c.sequence)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q, %q: %v, want %s", c.own, c.sequence, err, c.want)
		}
	}
}

func FuzzNewSegment(f *testing.F) {
	f.Add("1/4:0.5", "0,1/4,1/2,1")
	f.Add("20%", "")
	f.Fuzz(func(t *testing.T, own, sequence string) {
		s, err := NewSegment(own, sequence)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		again, err := NewSegment(s.String(), s.Sequence())
		if err != nil || again.String() != s.String() || again.Sequence() != s.Sequence() {
			t.Errorf("%v of %v became %v of %v, %v", s, s.Sequence(), again, again.Sequence(), err)
		}
		if k := s.Share(1000); k > 0 && !s.Owns(s.Item(k-1)) {
			t.Errorf("%v of %v does not own its item %d", s, s.Sequence(), k-1)
		}
	})
}

// segments draws all segments of a test, of one to twelve parts.
func segments(t *rapid.T) []Segment {
	den := rapid.SampledFrom([]int64{1, 2, 3, 4, 7, 10, 12, 60, 97, 1000, finest}).Draw(t, "denominator")
	cuts := rapid.SliceOfNDistinct(rapid.Int64Range(0, den), 0, int(min(den, 11)), rapid.ID).Draw(t, "cuts")
	cuts = append(cuts, 0, den)
	slices.Sort(cuts)
	var bounds []Fraction
	for _, c := range slices.Compact(cuts) {
		g := greatestCommonDivisor(c, den)
		bounds = append(bounds, Fraction{c / g, den / g})
	}
	var all []Segment
	for i := range len(bounds) - 1 {
		all = append(all, Segment{Bounds: bounds, Index: i})
	}
	return all
}

// Every item has one owner, and each owner numbers its own without gaps.
func TestSegmentsPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := segments(t)
		first := rapid.Int64Range(0, math.MaxInt64/4).Draw(t, "first item")
		held := make([]int64, len(all))
		for k, s := range all {
			held[k] = s.Share(first)
		}
		for i := first; i < first+200; i++ {
			owners := 0
			for k, s := range all {
				owns := s.Owns(i)
				if got := s.Share(i); got != held[k] {
					t.Fatalf("%v has a share of %d in %d items, counted %d", s, got, i, held[k])
				}
				if !owns {
					continue
				}
				owners++
				if got := s.Item(held[k]); got != i {
					t.Fatalf("%v: item %d is %d, want %d", s, held[k], got, i)
				}
				held[k]++
			}
			if owners != 1 {
				t.Fatalf("item %d has %d owners", i, owners)
			}
		}
	})
}

// Shares add up to the whole at any number of items, however large.
func TestSegmentsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := segments(t)
		n := rapid.Int64Range(0, math.MaxInt64).Draw(t, "items")
		var sum int64
		for _, s := range all {
			sum += s.Share(n)
		}
		if sum != n {
			t.Errorf("%d of %d items are shared", sum, n)
		}
	})
}

// After any number of items, each segment has its due share up to an error
// that does not grow.
func TestSegmentsAreEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := segments(t)
		n := rapid.Int64Range(0, 1<<40).Draw(t, "items")
		for _, s := range all {
			from, to := s.Bounds[s.Index], s.Bounds[s.Index+1]
			part := float64(to.Num)/float64(to.Den) - float64(from.Num)/float64(from.Den)
			if off := float64(s.Share(n)) - float64(n)*part; math.Abs(off) > 1.5 {
				t.Errorf("%v of %v has %v items too many of %d", s, s.Sequence(), off, n)
			}
		}
	})
}

func TestEqualSegmentsDifferByOne(t *testing.T) {
	for parts := int64(1); parts <= 40; parts++ {
		all := make([]Segment, parts)
		bounds := []Fraction{}
		for i := range parts + 1 {
			g := greatestCommonDivisor(i, parts)
			bounds = append(bounds, Fraction{i / g, parts / g})
		}
		for i := range all {
			all[i] = Segment{bounds, i}
		}
		for n := int64(0); n < 3*parts; n++ {
			least, most := n, int64(0)
			for _, s := range all {
				least, most = min(least, s.Share(n)), max(most, s.Share(n))
			}
			if most-least > 1 {
				t.Fatalf("%d items on %d segments: from %d to %d each", n, parts, least, most)
			}
		}
	}
}

func TestSegmentJSON(t *testing.T) {
	s, err := NewSegment("1/4:1/2", "0,1/4,1/2,1")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back Segment
	if err := json.Unmarshal(text, &back); err != nil || back.Sequence() != s.Sequence() || back.Index != s.Index {
		t.Errorf("%s came back as %+v, %v", text, back, err)
	}
	if text, err = json.Marshal(Segment{}); err != nil || string(text) != "{}" {
		t.Errorf("the whole is %s, %v", text, err)
	}
}

func TestSegmentDoesNotAllocate(t *testing.T) {
	s, err := NewSegment("1/4:1/2", "0,1/4,1/2,5/8,1")
	if err != nil {
		t.Fatal(err)
	}
	var sink int64
	if n := testing.AllocsPerRun(100, func() {
		sink += s.Item(s.Share(1000))
		if s.Owns(sink) {
			sink++
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStripeItem(b *testing.B) {
	bounds := []Fraction{}
	for i := range int64(1001) {
		g := greatestCommonDivisor(i, 1000)
		bounds = append(bounds, Fraction{i / g, 1000 / g})
	}
	s := Segment{bounds, 333}.Stripe()
	b.ReportAllocs()
	for i := range b.N {
		s.Item(int64(i))
	}
}
