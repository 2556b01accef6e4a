package metric

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Unix(1_800_000_000, 0).UTC()

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

// exactPercentile is the nearest rank by definition, in rational numbers of
// the decimal that p is written as.
func exactPercentile(sorted []float64, p float64) float64 {
	share, _ := new(big.Rat).SetString(strconv.FormatFloat(p, 'f', -1, 64))
	share.Mul(share, big.NewRat(int64(len(sorted)), 100))
	rank := new(big.Int).Add(share.Num(), new(big.Int).Sub(share.Denom(), big.NewInt(1)))
	rank.Div(rank, share.Denom())
	return sorted[max(rank.Int64(), 1)-1]
}

// recordAll spreads values over registries at random, merges them and returns
// the aggregate.
func recordAll(t *testing.T, values []float64, registries int) Aggregate {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(registries), 7))
	set := NewSet()
	runners := make([]*Registry, registries)
	handles := make([]*Series, registries)
	for i := range runners {
		runners[i] = NewRegistry(Options{Shards: 3, Start: at(0)})
		handles[i] = runners[i].Series(runners[i].Lookup(HTTPReqDuration), NewTags())
	}
	merge := func(second int) {
		for i, r := range runners {
			if err := set.Merge(fmt.Sprint("runner", i), r.Snapshot(at(second))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for n, v := range values {
		i := random.IntN(registries)
		runners[i].Recorder(random.IntN(3)).Record(handles[i], v)
		if n == len(values)/3 {
			merge(1)
		}
	}
	merge(2)
	agg, ok := set.Select(HTTPReqDuration, NewTags())
	if !ok {
		t.Fatal("metric is unknown")
	}
	return agg
}

// TestPercentilesAgainstExactValues is budget B7.
func TestPercentilesAgainstExactValues(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	distributions := map[string]func() float64{
		"uniform":   func() float64 { return random.Float64() * 1000 },
		"lognormal": func() float64 { return math.Exp(random.NormFloat64()*1.5 + 2) },
		"bimodal": func() float64 {
			if random.IntN(10) == 0 {
				return 2000 + random.NormFloat64()*20
			}
			return 3 + random.Float64()
		},
		"constant":   func() float64 { return 12.345 },
		"tiny":       func() float64 { return random.Float64()*1e-6 + 1e-9 },
		"huge":       func() float64 { return 1e12 + random.Float64()*1e19 },
		"with zeros": func() float64 { return max(0, random.NormFloat64()*100) },
		"two-sided":  func() float64 { return random.NormFloat64() * 100 },
		"integers":   func() float64 { return float64(random.IntN(50)) },
	}
	percentiles := []float64{0, 0.01, 1, 5, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 99.999, 100}
	for name, next := range distributions {
		for _, size := range []int{1, 2, 3, 10, 100, 1000, 100_000} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				values := make([]float64, size)
				for i := range values {
					values[i] = next()
				}
				sorted := slices.Sorted(slices.Values(values))
				one, sixteen := recordAll(t, values, 1), recordAll(t, values, 16)
				if one.Count != uint64(size) || one.Min != sorted[0] || one.Max != sorted[size-1] {
					t.Fatalf("count %d, min %v, max %v", one.Count, one.Min, one.Max)
				}
				previous := one.Min
				for _, p := range percentiles {
					got, want := one.Percentile(p), exactPercentile(sorted, p)
					if e := math.Abs(got - want); e > maxError*math.Abs(want) {
						t.Errorf("p%v = %v, exactly %v: error %.3f %%", p, got, want, 100*e/math.Abs(want))
					}
					if other := sixteen.Percentile(p); got != other {
						t.Errorf("p%v = %v from one registry, %v from sixteen", p, got, other)
					}
					if got < previous || got > one.Max {
						t.Errorf("p%v = %v after %v, max %v", p, got, previous, one.Max)
					}
					previous = got
				}
				if one.Percentile(0) != one.Min || one.Percentile(100) != one.Max {
					t.Error("p0 and p100 are not the extremes")
				}
			})
		}
	}
}

func TestNearestRank(t *testing.T) {
	for _, tt := range []struct {
		p     float64
		count uint64
		want  uint64
	}{
		{0, 10, 1}, {-5, 10, 1}, {math.NaN(), 10, 1}, {100, 10, 10}, {101, 10, 10},
		{math.Inf(1), 10, 10}, {math.Inf(-1), 10, 1},
		{50, 1, 1}, {50, 2, 1}, {50, 3, 2}, {50, 10, 5}, {90, 10, 9}, {91, 10, 10},
		{99.9, 1000, 999}, {99.99, 10_000, 9999}, {99.9, 1001, 1000},
		{0.1, 1000, 1}, {29, 100, 29}, {57, 100, 57}, {1e-300, 5, 1},
		{99.999999999, math.MaxUint64, math.MaxUint64 - 184_467_440},
		{100, math.MaxUint64, math.MaxUint64}, {50, math.MaxUint64, 1 << 63},
	} {
		if got := nearestRank(tt.p, tt.count); got != tt.want {
			t.Errorf("nearestRank(%v, %d) = %d, want %d", tt.p, tt.count, got, tt.want)
		}
	}
}

func TestEmptyAggregate(t *testing.T) {
	var a Aggregate
	if a.Percentile(99) != 0 || a.Mean() != 0 || a.Share() != 0 {
		t.Errorf("p99 %v, mean %v, share %v", a.Percentile(99), a.Mean(), a.Share())
	}
	a.Merge(&Aggregate{Type: Trend})
	if a.Type != Trend || a.Count != 0 || a.Min != 0 || !a.FirstAt.IsZero() {
		t.Errorf("empty into empty is %+v", a)
	}
}

func TestMergeOfDifferentTypesPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a rate was merged into a trend")
		}
	}()
	(&Aggregate{Type: Trend}).Merge(&Aggregate{Type: Rate})
}

func TestSumStaysFinite(t *testing.T) {
	r := NewRegistry(Options{Shards: 2})
	s := r.Series(r.Lookup(DataSent), NewTags())
	for i := range 6 {
		r.Recorder(i).Record(s, math.MaxFloat64)
	}
	snap := r.Snapshot(at(1))
	set := NewSet()
	for range 2 {
		if err := set.Merge("a", snap); err != nil {
			t.Fatal(err)
		}
	}
	if agg, _ := set.Select(DataSent, NewTags()); agg.Sum != math.MaxFloat64 {
		t.Errorf("sum is %v", agg.Sum)
	}
}

// drawAggregate draws one of integers, so that sums are exact in any order.
func drawAggregate(t *rapid.T, kind Type) *Aggregate {
	a := &Aggregate{Type: kind}
	for _, v := range rapid.SliceOfN(rapid.IntRange(-50, 50), 0, 6).Draw(t, "values") {
		v, seen := float64(v), at(rapid.IntRange(0, 5).Draw(t, "second"))
		one := &Aggregate{
			Type: kind, Count: 1, Sum: v, Min: v, Max: v, Last: v, LastAt: seen,
			FirstAt: seen, LastSeen: seen.Add(time.Second),
		}
		if v != 0 {
			one.NonZero = 1
		}
		if kind == Trend {
			one.Hist.Add(BucketIndex(v), 1)
		}
		a.Merge(one)
	}
	return a
}

// describe tells everything about an aggregate.
func describe(a *Aggregate) string {
	s := fmt.Sprint(a.Type, a.Count, a.Sum, a.Min, a.Max, a.Last, a.LastAt.UnixNano(), a.NonZero,
		a.FirstAt.UnixNano(), a.LastSeen.UnixNano())
	for index, count := range a.Hist.Buckets() {
		s += fmt.Sprint(" ", index, ":", count)
	}
	return s
}

func merged(parts ...*Aggregate) *Aggregate {
	var a Aggregate
	for _, p := range parts {
		a.Merge(p)
	}
	return &a
}

func TestMergeIsAssociativeAndOrderFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := Type(rapid.IntRange(int(Counter), int(Trend)).Draw(t, "type"))
		x, y, z := drawAggregate(t, kind), drawAggregate(t, kind), drawAggregate(t, kind)
		want := describe(merged(x, y, z))
		for name, got := range map[string]*Aggregate{
			"x(yz)": merged(x, merged(y, z)),
			"zyx":   merged(z, y, x),
			"yxz":   merged(y, x, z),
			"(zx)y": merged(merged(z, x), y),
		} {
			if describe(got) != want {
				t.Fatalf("%s is %s\nxyz is %s", name, describe(got), want)
			}
		}
	})
}

func TestMergeCopies(t *testing.T) {
	from := &Aggregate{Type: Trend, Count: 1, Min: 5, Max: 5}
	from.Hist.Add(BucketIndex(5), 1)
	into := merged(from)
	before := describe(into)
	from.Hist.Add(BucketIndex(5), 10)
	from.Hist.Add(BucketIndex(50), 10)
	if describe(into) != before {
		t.Error("a merged histogram shares counts with its source")
	}
}

func TestHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index := rapid.Int32Range(-maxIndex, maxIndex)
		want := make(map[int32]uint64)
		var whole, left, right Histogram
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			i, n := index.Draw(t, "index"), rapid.Uint64Range(0, 9).Draw(t, "count")
			if n > 0 {
				want[i] += n
			}
			whole.Add(i, n)
			if rapid.Bool().Draw(t, "left") {
				left.Add(i, n)
			} else {
				right.Add(i, n)
			}
		}
		left.Merge(&right)
		for name, h := range map[string]*Histogram{"whole": &whole, "merged": &left} {
			got, previous := make(map[int32]uint64), int32(math.MinInt32)
			for i, n := range h.Buckets() {
				if i <= previous {
					t.Fatalf("%s: bucket %d after %d", name, i, previous)
				}
				previous, got[i] = i, n
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s is %v, want %v", name, got, want)
			}
		}
	})
}

func TestHistogramIsBounded(t *testing.T) {
	var h Histogram
	h.Add(math.MaxInt32, 1)
	h.Add(math.MinInt32, 1)
	h.Add(7, math.MaxUint64)
	h.Add(7, 5)
	var got []Bucket
	for i, n := range h.Buckets() {
		got = append(got, Bucket{i, n})
	}
	want := []Bucket{{-maxIndex, 1}, {7, math.MaxUint64}, {maxIndex, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("buckets are %v, want %v", got, want)
	}
	for range h.Buckets() {
		break // stopping early must be possible
	}
}

// TestPercentileWithoutBuckets: counts of a Trend made by hand may lack
// buckets; the answer is still one of its values.
func TestPercentileWithoutBuckets(t *testing.T) {
	a := Aggregate{Type: Trend, Count: 10, Min: 1, Max: 7}
	if got := a.Percentile(50); got != 7 {
		t.Errorf("p50 is %v", got)
	}
}
