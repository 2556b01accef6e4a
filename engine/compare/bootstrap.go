package compare

import (
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// resamples is how many runs are put together. The noise is read from their
	// spread, not from their outermost ones, and is known to 4 % with so many.
	resamples = 300
	// seed makes a comparison repeatable.
	seed = 0x5eed
	// resolution is how wide a bucket of a histogram is: a percentile is not
	// known better.
	resolution = 0.0054
	// fewestBeyond is how many samples must lie beyond a percentile for it to
	// say anything.
	fewestBeyond = 10
)

// row computes one value of both runs and whether it differs. level is how
// often it may be called different by chance.
func (w *windows) row(v value, level float64) Row {
	r := Row{Name: v.name, Unit: v.unit, Better: v.better, Judges: v.judges, Verdict: unknown}
	r.A, _ = v.known(w.a.Summary)
	r.B, _ = v.known(w.b.Summary)
	if w.step == 0 {
		r.Change = change(r.A, r.B)
		return r
	}
	inA, inB := w.a.all, w.b.all
	if v.stat == percentile {
		inA, inB = w.a.warm, w.b.warm
	}
	a := newSample(w.a.column(v.selection, inA, w.step), v)
	b := newSample(w.b.column(v.selection, inB, w.step), v)
	if a.ok {
		r.A = a.value
	}
	if b.ok {
		r.B = b.value
	}
	r.Change = change(r.A, r.B)
	if !a.tells(v) || !b.tells(v) {
		return r
	}
	d := difference(a, b, w.paired, v.stat)
	r.Low, r.High, r.Verdict = d.judge(r, level)
	return r
}

func change(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return (b - a) / a
}

// sample is a statistic of one run with what it takes to vary it.
type sample struct {
	*evaluator
	value float64
	ok    bool
	block int // intervals drawn together
}

func newSample(c *column, v value) *sample {
	s := &sample{evaluator: c.evaluator(v.stat, v.p), block: blockLength(c.level(v.stat))}
	s.value, s.ok = s.of(nil)
	return s
}

// tells reports whether the run is long enough and has samples enough.
func (s *sample) tells(v value) bool {
	return s.ok && len(s.count) >= minIntervals && (v.stat != percentile || s.samples()*(1-v.p/100) >= fewestBeyond)
}

// blocks is of how many independent pieces the run consists.
func (s *sample) blocks() float64 { return float64(len(s.count)) / float64(s.block) }

// draw fills weights with how often each interval is in a run put together of
// blocks that were drawn at random, with the end joined to the beginning: the
// circular block bootstrap (Politis and Romano 1992).
func draw(weights []float64, block int, random *rand.Rand) {
	clear(weights)
	n := len(weights)
	for left := n; left > 0; left -= block {
		at := random.IntN(n)
		for i := range min(block, left) {
			weights[(at+i)%n]++
		}
	}
}

// spread is how two runs differ, and the noise of that.
type spread struct {
	relative bool    // of the logarithm of their ratio, else of their difference
	by       float64 // b against a
	deviates float64 // standard error of by
	freedom  float64 // degrees of freedom of that
}

// difference measures the noise of b against a. What is a share may be 0 and
// is compared by difference, all else by ratio.
func difference(a, b *sample, paired bool, stat statistic) spread {
	d := spread{relative: stat == percentile || stat == perSecond}
	if a.value <= 0 || b.value <= 0 {
		d.relative = false
	}
	scale := func(v float64) float64 {
		if d.relative {
			return math.Log(v)
		}
		return v
	}
	d.by = scale(b.value) - scale(a.value)
	if paired {
		// What is common to an interval of both runs, because the plan makes the
		// load vary, must not count as noise: the same ones are drawn of both.
		block := max(a.block, b.block)
		m := float64(len(a.count)) / float64(block)
		d.deviates = deviation(len(a.count), block, m, func(weights []float64) (float64, bool) {
			va, okA := a.of(weights)
			vb, okB := b.of(weights)
			if !okA || !okB || d.relative && (va <= 0 || vb <= 0) {
				return 0, false
			}
			return scale(vb) - scale(va), true
		})
		d.freedom = m - 1
	} else {
		of := func(s *sample) (variance, freedom float64) {
			e := deviation(len(s.count), s.block, s.blocks(), func(weights []float64) (float64, bool) {
				v, ok := s.of(weights)
				if !ok || d.relative && v <= 0 {
					return 0, false
				}
				return scale(v), true
			})
			return e * e, s.blocks() - 1
		}
		va, fa := of(a)
		vb, fb := of(b)
		d.deviates = math.Sqrt(va + vb)
		// Welch and Satterthwaite.
		if d.freedom = fa + fb; va+vb > 0 {
			d.freedom = (va + vb) * (va + vb) / (va*va/fa + vb*vb/fb)
		}
	}
	if stat == percentile && d.relative {
		// Each is somewhere in a bucket.
		d.deviates = math.Sqrt(d.deviates*d.deviates + 2*resolution*resolution/12)
	}
	return d
}

// deviation returns the standard deviation of a statistic over runs put
// together of n intervals, for one that consists of m blocks.
func deviation(n, block int, m float64, of func(weights []float64) (float64, bool)) float64 {
	random := rand.New(rand.NewPCG(seed, uint64(n)<<32|uint64(block)))
	weights := make([]float64, n)
	var values []float64
	for range resamples {
		draw(weights, block, random)
		if v, ok := of(weights); ok {
			values = append(values, v)
		}
	}
	if len(values) < 2 {
		return 0
	}
	m0, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m0) * (v - m0)
	}
	// A run drawn from m blocks varies a little less than one of new blocks.
	return math.Sqrt(sum / float64(len(values)-1) * m / (m - 1))
}

// least is the difference that nobody minds: less is never called one.
const least = 0.005

// tooWide is a noise band that says nothing: from half of a value to one and a
// half of it.
const tooWide = 1

// judge returns the noise band of the change and what it says.
func (d spread) judge(r Row, level float64) (low, high float64, verdict string) {
	t := quantile(1-level/2, d.freedom) * d.deviates
	down, up := d.by-t, d.by+t
	switch {
	case d.relative:
		low, high = math.Expm1(down), math.Expm1(up)
	case r.A > 0:
		low, high = down/r.A, up/r.A
	}
	low, high = finite(low), finite(high)
	// Equal noise-free runs have a band of no width.
	if d.relative {
		low, high = min(low, r.Change), max(high, r.Change)
	}
	verdict = same
	if high-low > tooWide {
		verdict = unknown // nobody should call this equal
	}
	switch small := r.A > 0 && math.Abs(r.Change) < least; {
	case small || down <= 0 && up >= 0:
	case r.Better == "":
		verdict = different
	case (d.by > 0) == (r.Better == "higher"):
		verdict = better
	default:
		verdict = worse
	}
	return low, high, verdict
}

func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, -math.MaxFloat64), math.MaxFloat64)
}

// quantile returns the p-quantile of Student's t with that many degrees of
// freedom, by the expansion around the normal one (Abramowitz and Stegun,
// Handbook of mathematical functions, 26.7.5): to 1 % from 7 degrees on.
func quantile(p, freedom float64) float64 {
	z := math.Sqrt2 * math.Erfinv(2*p-1)
	if math.IsInf(freedom, 1) {
		return z
	}
	freedom = max(freedom, 1)
	t, power := z, freedom
	for _, g := range []struct {
		coefficients []float64 // of z, z^3, z^5 …
		divisor      float64
	}{
		{[]float64{1, 1}, 4},
		{[]float64{3, 16, 5}, 96},
		{[]float64{-15, 17, 19, 3}, 384},
		{[]float64{-945, -1920, 1482, 776, 79}, 92160},
	} {
		sum := 0.0
		for _, c := range slices.Backward(g.coefficients) {
			sum = sum*z*z + c
		}
		t += sum * z / (g.divisor * power)
		power *= freedom
	}
	return t
}
