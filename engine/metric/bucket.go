package metric

import (
	"math"
	"math/big"
)

// The layout of buckets is that of OTLP exponential histograms and Prometheus
// native histograms at scale 7: bucket k holds [2^(k/128), 2^((k+1)/128)).
// Indexes are k shifted so that the lowest bucket is 1; 0 holds zero and -i
// mirrors i for negative values. So indexes sort as values do.
const (
	perOctave   = 128
	minExponent = -32
	maxExponent = 64
	maxIndex    = (maxExponent - minExponent) * perOctave

	mantissaBits = 52
	mantissaMask = 1<<mantissaBits - 1
	exponentMask = 0x7ff
	exponentBias = 1023
)

// layout holds what is computed once for the 128 buckets of an octave.
type layout struct {
	// guess gives, by the top 8 bits of a mantissa, the bucket of the smallest
	// such mantissa. Buckets are wider than 2^-8, so that the right one is the
	// guess or the next.
	guess [256]uint8
	// upper is the first mantissa beyond a bucket. Only 128 entries are used:
	// an array of 256 needs no bounds check for a uint8.
	upper [256]uint64
	bound [perOctave + 1]float64 // limits of the buckets between 1 and 2
	value [perOctave]float64     // what stands for them
}

var octave = newLayout()

// newLayout computes the limits with big floats: math.Exp2 differs in the last
// bit from one processor architecture to another, and then a value would be
// counted in different buckets on different runners.
func newLayout() *layout {
	const precision = 256
	root := new(big.Float).SetPrec(precision).SetInt64(2)
	for range 7 {
		root.Sqrt(root)
	}
	l := new(layout)
	power := new(big.Float).SetPrec(precision).SetInt64(1)
	for i := range perOctave {
		bound := new(big.Float).SetMode(big.ToPositiveInf).SetPrec(mantissaBits + 1).Set(power)
		l.bound[i], _ = bound.Float64()
		power.Mul(power, root)
	}
	l.bound[perOctave] = 2
	for i := range perOctave {
		lower, upper := l.bound[i], l.bound[i+1]
		// The harmonic mean is equally far, in relation to the value, from
		// both limits: 0.271 %.
		l.value[i] = 2 * lower * upper / (lower + upper)
		l.upper[i] = math.Float64bits(upper) & mantissaMask
	}
	l.upper[perOctave-1] = mantissaMask + 1
	sub := 0
	for top := range l.guess {
		for l.upper[sub] <= uint64(top)<<(mantissaBits-8) {
			sub++
		}
		l.guess[top] = uint8(sub)
	}
	return l
}

// BucketIndex returns the bucket of v; BucketValue the value that stands for a
// bucket (the relative error of any value in it is at most 0.3 %);
// BucketBounds its limits. Zero and negative values have buckets of their own.
//
// Magnitudes below 2^-32 and from 2^64 on count in the first and the last
// bucket, where the error bound does not hold.
func BucketIndex(v float64) int32 {
	bits := math.Float64bits(v)
	i := magnitudeIndex(bits &^ (1 << 63))
	if bits>>63 != 0 {
		return -i
	}
	return i
}

// magnitudeIndex returns the bucket of the float without sign that bits encode.
func magnitudeIndex(bits uint64) int32 {
	scale := int32(bits>>mantissaBits) - (exponentBias + minExponent)
	if uint32(scale) >= maxExponent-minExponent {
		switch {
		case scale > 0:
			return maxIndex
		case bits == 0:
			return 0
		}
		return 1
	}
	mantissa := bits & mantissaMask
	sub := octave.guess[uint8(mantissa>>(mantissaBits-8))]
	index := scale*perOctave + int32(sub) + 1
	if mantissa >= octave.upper[sub] {
		index++
	}
	return index
}

// BucketValue returns the representative of a bucket. An index beyond the
// outermost buckets stands for these.
func BucketValue(index int32) float64 {
	switch index = clampIndex(index); {
	case index == 0:
		return 0
	case index < 0:
		return -BucketValue(-index)
	}
	exponent, sub := int(index-1)/perOctave+minExponent, (index-1)%perOctave
	return math.Ldexp(octave.value[sub], exponent)
}

// BucketBounds returns the limits of a bucket. Positive buckets include the
// lower limit, negative ones the upper; both limits of bucket 0 are 0.
func BucketBounds(index int32) (lower, upper float64) {
	switch index = clampIndex(index); {
	case index == 0:
		return 0, 0
	case index < 0:
		lower, upper = BucketBounds(-index)
		return -upper, -lower
	}
	exponent, sub := int(index-1)/perOctave+minExponent, (index-1)%perOctave
	return math.Ldexp(octave.bound[sub], exponent), math.Ldexp(octave.bound[sub+1], exponent)
}

func clampIndex(index int32) int32 { return min(max(index, -maxIndex), maxIndex) }
