package plan

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Segment is a share of a test: the items (VUs, iterations) that one of several
// instances owns. Splitting is pure arithmetic on item numbers, so instances
// agree without speaking. The zero value owns everything.
//
// Bounds lists the borders of all segments of the test, as in k6's
// executionSegmentSequence: "0", …, "1", rising. Index is which of the
// len(Bounds)-1 segments this one is.
type Segment struct {
	Bounds []Fraction `json:"bounds,omitempty"`
	Index  int        `json:"index,omitempty"`
}

// Fraction is a number from 0 to 1 in lowest terms.
type Fraction struct {
	Num int64 `json:"num"`
	Den int64 `json:"den"`
}

// finest is the largest common denominator of the borders of segments: it
// bounds the cycle in which items are dealt.
const finest = 1_000_000

// NewSegment parses the options executionSegment ("0:1/4", "1/4:0.5"; "20%" is
// short for "0:20%") and executionSegmentSequence ("0,1/4,1/2,1"). Either may be
// empty: without sequence the rest of the test is what lies before own and what
// lies after it, without both the segment is the whole test. The error is one
// lower-case line.
func NewSegment(own, sequence string) (Segment, error) {
	var bounds []Fraction
	if sequence != "" {
		for part := range strings.SplitSeq(sequence, ",") {
			f, err := parseFraction(part)
			if err != nil {
				return Segment{}, fmt.Errorf("segment sequence %q: %w", sequence, err)
			}
			bounds = append(bounds, f)
		}
		if err := checkBounds(bounds); err != nil {
			return Segment{}, fmt.Errorf("segment sequence %q: %w", sequence, err)
		}
	}
	from, to := Fraction{0, 1}, Fraction{1, 1}
	if own != "" {
		var err error
		if from, to, err = parseBorders(own); err != nil {
			return Segment{}, fmt.Errorf("segment %q: %w", own, err)
		}
	}
	if sequence == "" {
		if from == (Fraction{0, 1}) && to == (Fraction{1, 1}) {
			return Segment{}, nil
		}
		bounds = slices.Compact([]Fraction{{0, 1}, from, to, {1, 1}})
		if err := checkBounds(bounds); err != nil {
			return Segment{}, fmt.Errorf("segment %q: %w", own, err)
		}
	}
	i := slices.Index(bounds, from)
	if i < 0 || i+1 >= len(bounds) || bounds[i+1] != to {
		return Segment{}, fmt.Errorf("segment %q is not one of the sequence %q", from.String()+":"+to.String(), sequence)
	}
	return Segment{Bounds: bounds, Index: i}, nil
}

// parseBorders parses "from:to", or "to" alone.
func parseBorders(own string) (from, to Fraction, err error) {
	first, second, both := strings.Cut(own, ":")
	if !both {
		first, second = "0", own
	}
	if from, err = parseFraction(first); err != nil {
		return from, to, err
	}
	if to, err = parseFraction(second); err != nil {
		return from, to, err
	}
	if from.compare(to) >= 0 {
		return from, to, fmt.Errorf("it must end after it begins")
	}
	return from, to, nil
}

func checkBounds(bounds []Fraction) error {
	if len(bounds) < 2 || bounds[0] != (Fraction{0, 1}) || bounds[len(bounds)-1] != (Fraction{1, 1}) {
		return fmt.Errorf("it must go from 0 to 1")
	}
	cycle := int64(1)
	for i, f := range bounds {
		if i > 0 && bounds[i-1].compare(f) >= 0 {
			return fmt.Errorf("%s must come after %s", f, bounds[i-1])
		}
		if cycle = leastCommonMultiple(cycle, f.Den); cycle > finest {
			return fmt.Errorf("the borders have no common denominator up to %d", finest)
		}
	}
	return nil
}

// parseFraction parses "1/4", "0.25" or "25%".
func parseFraction(text string) (Fraction, error) {
	text = strings.TrimSpace(text)
	f, ok := readFraction(text)
	if !ok {
		return f, fmt.Errorf("%q is no fraction such as 1/4, 0.25 or 25%%", text)
	}
	if f.Num > f.Den {
		return f, fmt.Errorf("%q is more than 1", text)
	}
	if f.Den > finest {
		return f, fmt.Errorf("%q is finer than 1/%d", text, finest)
	}
	return f, nil
}

func readFraction(text string) (Fraction, bool) {
	den := int64(1)
	num, below, isFraction := strings.Cut(text, "/")
	if isFraction {
		d, ok := readDigits(below)
		if !ok || d == 0 {
			return Fraction{}, false
		}
		den = d
	} else {
		if percent, is := strings.CutSuffix(text, "%"); is {
			num, den = strings.TrimSpace(percent), 100
		}
		whole, digits, _ := strings.Cut(num, ".")
		num = whole + digits
		for range min(len(digits), 16) { // with more, readDigits refuses it
			den *= 10
		}
	}
	n, ok := readDigits(num)
	if !ok {
		return Fraction{}, false
	}
	g := greatestCommonDivisor(n, den)
	return Fraction{n / g, den / g}, true
}

// readDigits reads a number of at most 16 digits.
func readDigits(text string) (int64, bool) {
	if len(text) > 16 || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// String returns the fraction as "1/4", "0" or "1".
func (f Fraction) String() string {
	if f.Den == 1 {
		return strconv.FormatInt(f.Num, 10)
	}
	return strconv.FormatInt(f.Num, 10) + "/" + strconv.FormatInt(f.Den, 10)
}

// compare works without overflow for denominators up to finest.
func (f Fraction) compare(g Fraction) int {
	switch a, b := f.Num*g.Den, g.Num*f.Den; {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// String returns the segment as k6 writes it: "1/4:1/2".
func (s Segment) String() string {
	if s.Whole() {
		return "0:1"
	}
	return s.Bounds[s.Index].String() + ":" + s.Bounds[s.Index+1].String()
}

// Sequence returns the borders of all segments as k6 writes them: "0,1/4,1".
func (s Segment) Sequence() string {
	if s.Whole() {
		return "0,1"
	}
	parts := make([]string, len(s.Bounds))
	for i, f := range s.Bounds {
		parts[i] = f.String()
	}
	return strings.Join(parts, ",")
}

// Whole reports whether everything is ours.
func (s Segment) Whole() bool { return len(s.Bounds) <= 2 }

// Share returns how many of the first n items are ours.
func (s Segment) Share(n int64) int64 {
	var room [roomy]level
	return s.stripe(room[:0]).Share(n)
}

// Owns reports whether item i, from 0, is ours.
func (s Segment) Owns(i int64) bool {
	var room [roomy]level
	return s.stripe(room[:0]).Owns(i)
}

// Item returns the number, from 0, of our k-th item, from 0.
func (s Segment) Item(k int64) int64 {
	var room [roomy]level
	return s.stripe(room[:0]).Item(k)
}

// Stripe returns the arithmetic of the segment, worked out once: for those who
// ask at every iteration.
func (s Segment) Stripe() Stripe { return s.stripe(nil) }

// Stripe says which items of an endless row belong to one segment.
//
// The row is dealt in cycles as long as the common denominator of all borders.
// Within a cycle a tree of segments is descended: its root is the whole test,
// and each node parts its items between the segments left and right of the
// border nearest to its middle, in the ratio of their lengths and as evenly as
// whole items can be (Bresenham's line, rounded to nearest). So after any
// number of items a node is at most half an item away from its due share of
// what its parent got, and as shares shrink on the way down these errors hardly
// add up: equal segments never differ by more than one item.
type Stripe struct {
	cycle, ours int64 // items in a cycle, and how many of them are ours
	path        []level
}

// level is one step down the tree: of the first n items of the node,
// (n·part + round) / whole go the way to our segment.
type level struct{ part, whole, round int64 }

// roomy is a depth of tree that hardly any test has.
const roomy = 24

// stripe appends the path from the root of the tree to path.
func (s Segment) stripe(path []level) Stripe {
	if s.Whole() {
		return Stripe{cycle: 1, ours: 1}
	}
	cycle := int64(1)
	for _, f := range s.Bounds {
		if cycle%f.Den != 0 {
			cycle = leastCommonMultiple(cycle, f.Den)
		}
	}
	place := func(i int) int64 { return s.Bounds[i].Num * (cycle / s.Bounds[i].Den) }
	lo, hi := 0, len(s.Bounds)-1 // the node holds the segments between these borders
	for hi-lo > 1 {
		from, to := place(lo), place(hi)
		twice := from + to // of the middle
		split := lo + 1 + sort.Search(hi-lo-2, func(i int) bool { return 2*place(lo+1+i) >= twice })
		if split > lo+1 && twice-2*place(split-1) <= 2*place(split)-twice {
			split--
		}
		left, whole := place(split)-from, to-from
		if s.Index < split {
			path = append(path, level{left, whole, whole / 2})
			hi = split
		} else {
			path = append(path, level{whole - left, whole, whole - 1 - whole/2})
			lo = split
		}
	}
	return Stripe{cycle: cycle, ours: place(hi) - place(lo), path: path}
}

// Share returns how many of the first n items are ours.
func (s Stripe) Share(n int64) int64 {
	if len(s.path) == 0 {
		return n
	}
	full, rest := n/s.cycle, n%s.cycle
	for _, l := range s.path {
		rest = (rest*l.part + l.round) / l.whole
	}
	return full*s.ours + rest
}

// Part returns which part of all items is ours.
func (s Stripe) Part() float64 { return float64(s.ours) / float64(s.cycle) }

// Owns reports whether item i, from 0, is ours.
func (s Stripe) Owns(i int64) bool {
	i %= s.cycle
	for _, l := range s.path {
		before := i*l.part + l.round
		i = before / l.whole
		if before+l.part < (i+1)*l.whole {
			return false
		}
	}
	return true
}

// Item returns the number, from 0, of our k-th item, from 0. It does not tell
// of an overflow.
func (s Stripe) Item(k int64) int64 {
	if len(s.path) == 0 {
		return k
	}
	full, i := k/s.ours, k%s.ours
	for _, l := range slices.Backward(s.path) {
		// The first n for which (n·part + round) / whole is above i, less one.
		i = ((i+1)*l.whole - l.round - 1) / l.part
	}
	return full*s.cycle + i
}

func leastCommonMultiple(a, b int64) int64 { return a / greatestCommonDivisor(a, b) * b }

func greatestCommonDivisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
