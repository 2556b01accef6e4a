package metric

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// maxError is the relative error that budget B7 allows.
const maxError = 0.003

// TestLayoutIsExact checks every limit against 2^(i/128) without a logarithm:
// b is the smallest float that is at least that if b^128 ≥ 2^i and the float
// before it is not.
func TestLayoutIsExact(t *testing.T) {
	atLeast := func(b float64, i int) bool {
		power := new(big.Float).SetPrec(53 * perOctave).SetFloat64(b)
		for range 7 {
			power.Mul(power, power)
		}
		limit := new(big.Float).SetMantExp(big.NewFloat(1), i)
		return power.Cmp(limit) >= 0
	}
	for i := range perOctave + 1 {
		b := octave.bound[i]
		if !atLeast(b, i) {
			t.Errorf("limit %d is %v, too small", i, b)
		}
		if before := math.Nextafter(b, 0); atLeast(before, i) {
			t.Errorf("limit %d is %v, but %v suffices", i, b, before)
		}
	}
}

func TestBucketIndex(t *testing.T) {
	for _, tt := range []struct {
		value float64
		want  int32
	}{
		{0, 0},
		{math.Copysign(0, -1), 0},
		{1, 32*perOctave + 1},
		{math.Nextafter(1, 0), 32 * perOctave},
		{2, 33*perOctave + 1},
		{math.Sqrt2, 32*perOctave + 64 + 1}, // rounded up by math, so within
		{math.Nextafter(math.Sqrt2, 0), 32*perOctave + 64},
		{0x1p-32, 1},
		{0x1p-33, 1},
		{math.SmallestNonzeroFloat64, 1},
		{math.Nextafter(0x1p64, 0), maxIndex},
		{0x1p64, maxIndex},
		{math.MaxFloat64, maxIndex},
		{-1, -32*perOctave - 1},
		{-math.MaxFloat64, -maxIndex},
		{-math.SmallestNonzeroFloat64, -1},
	} {
		if got := BucketIndex(tt.value); got != tt.want {
			t.Errorf("BucketIndex(%v) = %d, want %d", tt.value, got, tt.want)
		}
	}
}

func TestEveryBucket(t *testing.T) {
	previous := math.Inf(-1)
	for i := int32(-maxIndex); i <= maxIndex; i++ {
		lower, upper := BucketBounds(i)
		value := BucketValue(i)
		if i != 0 && !(lower < value && value < upper) || value <= previous {
			t.Fatalf("bucket %d: value %v in %v..%v, after %v", i, value, lower, upper, previous)
		}
		previous = value
		first, beyond := lower, upper // of positive buckets
		if i < 0 {
			first, beyond = upper, lower
		}
		if got := BucketIndex(first); got != i {
			t.Fatalf("bucket %d: limit %v is in %d", i, first, got)
		}
		if got := BucketIndex(value); got != i {
			t.Fatalf("bucket %d: value %v is in %d", i, value, got)
		}
		if i == 0 {
			continue
		}
		last := math.Nextafter(beyond, first)
		if got := BucketIndex(last); got != i {
			t.Fatalf("bucket %d: last value %v is in %d", i, last, got)
		}
		for _, v := range []float64{first, last} {
			if e := math.Abs(value-v) / math.Abs(v); e > maxError {
				t.Fatalf("bucket %d: %v stands for %v, error %v", i, value, v, e)
			}
		}
	}
}

func TestBucketBeyondTheOutermost(t *testing.T) {
	for _, i := range []int32{maxIndex + 1, math.MaxInt32} {
		if BucketValue(i) != BucketValue(maxIndex) || BucketValue(-i) != BucketValue(-maxIndex) {
			t.Errorf("bucket %d does not stand for the outermost", i)
		}
	}
	if BucketValue(math.MinInt32) != BucketValue(-maxIndex) {
		t.Error("the smallest index does not stand for the outermost")
	}
}

// FuzzBucketIndex checks that indexes sort as values do and that the error
// bound holds.
func FuzzBucketIndex(f *testing.F) {
	f.Add(0.0, 1.0)
	f.Add(-1.5, 1e-300)
	f.Add(0x1p64, -0x1p-32)
	f.Add(math.NaN(), math.Inf(1))
	f.Fuzz(func(t *testing.T, a, b float64) {
		ia, ib := BucketIndex(a), BucketIndex(b)
		for _, i := range []int32{ia, ib} {
			if i < -maxIndex || i > maxIndex {
				t.Fatalf("bucket %d does not exist", i)
			}
		}
		if math.IsNaN(a) || math.IsNaN(b) {
			return
		}
		if a < b && ia > ib || a > b && ia < ib {
			t.Fatalf("%v is in %d, %v in %d", a, ia, b, ib)
		}
		if magnitude := math.Abs(a); magnitude < 0x1p-32 || magnitude >= 0x1p64 {
			return
		}
		if lower, upper := BucketBounds(ia); a < lower || a > upper {
			t.Fatalf("%v is not in bucket %d, %v..%v", a, ia, lower, upper)
		}
		if e := math.Abs(BucketValue(ia)-a) / math.Abs(a); e > maxError {
			t.Fatalf("%v stands for %v, error %v", BucketValue(ia), a, e)
		}
	})
}

// TestBucketIndexIsTheLogarithm compares with the definition on many values.
func TestBucketIndexIsTheLogarithm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		v := math.Ldexp(1+random.Float64(), random.IntN(96)-32)
		exact := math.Log2(v) * perOctave
		if _, fraction := math.Modf(exact); math.Abs(fraction) < 1e-6 || math.Abs(fraction) > 1-1e-6 {
			continue // too near a limit for math.Log2
		}
		want := int32(math.Floor(exact)) + 32*perOctave + 1
		if got := BucketIndex(v); got != want {
			t.Fatalf("BucketIndex(%v) = %d, want %d", v, got, want)
		}
	}
}

// floats reads finite float64s from fuzz input.
func floats(data []byte) []float64 {
	var values []float64
	for ; len(data) >= 8; data = data[8:] {
		v := math.Float64frombits(binary.LittleEndian.Uint64(data))
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, v)
		}
	}
	return values
}
