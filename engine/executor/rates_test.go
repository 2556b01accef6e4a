package executor

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/swarmload/swarm/engine/plan"
)

func TestConstantRate(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		rate int64
		unit time.Duration
		dues []time.Duration // of the first iterations
		over time.Duration
		want int64
	}{
		{10, time.Second, []time.Duration{0, 100 * ms, 200 * ms}, time.Second, 10},
		{3, time.Second, []time.Duration{0, 333333333, 666666666, time.Second}, 10 * time.Second, 30},
		{7, time.Minute, []time.Duration{0, time.Minute / 7}, 100 * time.Second, 12},
		{1, time.Hour, []time.Duration{0, time.Hour}, time.Second, 1},
		{40_000, time.Second, []time.Duration{0, 25000, 50000}, 30 * time.Second, 1_200_000},
		{70_000, time.Second, []time.Duration{0, 14285, 28571, 42857}, 24 * 365 * time.Hour, 2_207_520_000_000},
		{5_000_000_000, time.Second, []time.Duration{0, 0, 0, 0, 0, 1}, time.Second, 5_000_000_000},
	} {
		r := constantRate(c.rate, c.unit)
		for i, want := range c.dues {
			if got := r.due(int64(i)); got != want {
				t.Errorf("%d per %v: iteration %d is due at %v, want %v", c.rate, c.unit, i, got, want)
			}
		}
		if got := r.count(c.over); got != c.want {
			t.Errorf("%d per %v: %d in %v, want %d", c.rate, c.unit, got, c.over, c.want)
		}
		if got, want := r.at(c.over), float64(c.rate)/c.unit.Seconds(); got != want {
			t.Errorf("%d per %v: rate %v, want %v", c.rate, c.unit, got, want)
		}
	}
}

func TestRampingRate(t *testing.T) {
	// 0 → 10/s in 2 s: 10 iterations, the k-th at √(k/2.5) s. Then 5 s at 10/s.
	// Then a jump to 4/s, held for 1.25 s. Then down to 0 in 3 s: 6 iterations.
	r := rampingRate(0, []plan.Stage{
		{Duration: 2 * time.Second, Target: 10},
		{Duration: 5 * time.Second, Target: 10},
		{Target: 4},
		{Duration: 1250 * time.Millisecond, Target: 4},
		{Duration: 3 * time.Second},
	}, time.Second)
	for i := range int64(10) {
		want := math.Sqrt(float64(i)/2.5) * 1e9
		if got := r.due(i); math.Abs(float64(got)-want) > 2 {
			t.Errorf("iteration %d is due at %v, want %v", i, got, time.Duration(want))
		}
	}
	for _, c := range []struct {
		at   time.Duration
		due  int64
		rate float64
	}{
		{0, 0, 0},
		{time.Second, 3, 5},
		{2 * time.Second, 10, 10},
		{7 * time.Second, 60, 4},
		{8250 * time.Millisecond, 65, 4},
		{9750 * time.Millisecond, 70, 2}, // 4.5 of the last 6
		{11250 * time.Millisecond, 71, 0},
		{time.Hour, 71, 0},
	} {
		if got := r.count(c.at); got != c.due {
			t.Errorf("%d are due before %v, want %d", got, c.at, c.due)
		}
		if got := r.at(c.at); got != c.rate {
			t.Errorf("rate %v at %v, want %v", got, c.at, c.rate)
		}
	}
	if got := r.due(71); got < endless {
		t.Errorf("iteration 71 is due at %v", got)
	}
}

// exactCount is what count must be, by fractions of any size: the least whole
// number not below the integral of the rate.
func exactCount(start int64, stages []plan.Stage, unit, t time.Duration) int64 {
	sum := new(big.Rat)
	from := start
	for _, s := range stages {
		if d := min(t, s.Duration); d > 0 {
			at := big.NewRat(int64(d), 1)
			flat := new(big.Rat).Mul(big.NewRat(from, 1), at)
			slope := new(big.Rat).Mul(big.NewRat(int64(s.Target)-from, 2*int64(s.Duration)), new(big.Rat).Mul(at, at))
			sum.Add(sum, flat.Add(flat, slope))
		}
		if t -= s.Duration; t <= 0 {
			break
		}
		from = int64(s.Target)
	}
	sum.Quo(sum, big.NewRat(int64(unit), 1))
	n := new(big.Int).Add(sum.Num(), new(big.Int).Sub(sum.Denom(), big.NewInt(1)))
	return n.Quo(n, sum.Denom()).Int64()
}

func drawStages(t *rapid.T) (start int64, stages []plan.Stage, unit time.Duration) {
	unit = rapid.SampledFrom([]time.Duration{1, 7, time.Millisecond, time.Second, time.Minute, 24 * time.Hour}).Draw(t, "unit")
	rate := rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(0, 1_000_000_000))
	length := rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(0, int64(time.Minute)), rapid.Int64Range(0, int64(plan.MaxDuration)))
	start = int64(rate.Draw(t, "start"))
	from := start
	for range rapid.IntRange(1, 4).Draw(t, "stages") {
		s := plan.Stage{Duration: time.Duration(length.Draw(t, "length")), Target: rate.Draw(t, "target")}
		total := new(big.Int).Mul(big.NewInt(max(from, int64(s.Target), 1)), big.NewInt(int64(s.Duration)))
		if total.Quo(total, big.NewInt(int64(unit))); total.Cmp(big.NewInt(1<<58)) > 0 {
			s.Duration %= 1000 // nobody counts that far
		}
		stages = append(stages, s)
		from = int64(s.Target)
	}
	return start, stages, unit
}

func TestRatesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start, stages, unit := drawStages(t)
		r := rampingRate(start, stages, unit)
		var span time.Duration
		for _, s := range stages {
			span += s.Duration
		}
		at := time.Duration(rapid.Int64Range(0, int64(span)+10).Draw(t, "at"))
		n := r.count(at)
		if want := exactCount(start, stages, unit, at); n != want {
			t.Fatalf("%d due before %v, want %d", n, at, want)
		}
		if total := r.count(span + time.Hour); n > total {
			t.Fatalf("%d due before %v, %d in all", n, at, total)
		}
		if n > 0 {
			if due := r.due(n - 1); due >= at {
				t.Fatalf("%d are due before %v, but iteration %d at %v", n, at, n-1, due)
			}
		}
		if due := r.due(n); due < at {
			t.Fatalf("%d are due before %v, but iteration %d at %v", n, at, n, due)
		}
	})
}

// due and count are each other's inverse, and due rises.
func TestRatesDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawScaled(t)
		total := r.count(plan.MaxDuration)
		if total == 0 {
			return
		}
		i := rapid.Int64Range(0, total-1).Draw(t, "iteration")
		due := r.due(i)
		if r.count(due) > i || r.count(due+1) <= i {
			t.Fatalf("iteration %d is due at %d, but %d are before and %d up to then", i, due, r.count(due), r.count(due+1))
		}
		if next := r.due(i + 1); next < due {
			t.Fatalf("iteration %d is due at %v, the next at %v", i, due, next)
		}
	})
}

// drawScaled returns stages that were scaled some times.
func drawScaled(t *rapid.T) rates {
	r := rampingRate(drawStages(t))
	now := time.Duration(0)
	for range rapid.IntRange(0, 3).Draw(t, "scaled") {
		now += time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "later"))
		if r.count(now) > 1<<60 {
			return r
		}
		r = r.scaled(now, rapid.Float64Range(0, 1e6).Draw(t, "rate"), forever)
	}
	return r
}

func TestScaled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawScaled(t)
		now := r[len(r)-1].at + time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "now"))
		rate := rapid.Float64Range(0, 1e6).Draw(t, "rate")
		n := r.count(now)
		if n > 1<<60 {
			return
		}
		s := r.scaled(now, rate, forever)
		if got := s.count(now); got != n {
			t.Fatalf("%d were due before it was scaled, %d after", n, got)
		}
		if n > 0 {
			i := rapid.Int64Range(max(0, n-1000), n-1).Draw(t, "iteration")
			if got, want := s.due(i), r.due(i); got != want {
				t.Fatalf("iteration %d was due at %v, now at %v", i, want, got)
			}
		}
		for _, d := range []time.Duration{time.Millisecond, time.Second, time.Hour} {
			want := float64(n) + rate*d.Seconds()
			if got := float64(s.count(now + d)); math.Abs(got-want) > 1.01+want*1e-9 {
				t.Fatalf("%v after it was scaled to %v/s %v are due, want %v", d, rate, got, want)
			}
		}
		if got := s.at(now); math.Abs(got-rate) > 1e-6 {
			t.Fatalf("rate %v, want %v", got, rate)
		}
	})
}

// A shape that says the same at every tick changes nothing, however slow the
// rate is, and old pieces are forgotten.
func TestScaledAgainAndAgain(t *testing.T) {
	r := constantRate(0, time.Second)
	for tick := range 1000 {
		r = r.scaled(time.Duration(tick)*time.Second, 0.3, time.Second)
	}
	if got := r.count(1000 * time.Second); got != 300 {
		t.Errorf("%d in 1000 s at 0.3/s", got)
	}
	if len(r) > 3 {
		t.Errorf("%d pieces are kept", len(r))
	}
	if got, from := r.due(0), r[0].at; got != from {
		t.Errorf("a forgotten iteration was due at %v, want %v", got, from)
	}
}

// Instances that share a timetable begin each iteration once, at its time.
func TestRatesOfSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rampingRate(0, []plan.Stage{{Duration: 5 * time.Second, Target: rapid.IntRange(1, 50).Draw(t, "target")}, {Duration: time.Second, Target: 3}}, time.Second)
		until := time.Duration(rapid.Int64Range(0, int64(7*time.Second)).Draw(t, "until"))
		cuts := []int64{0, 12}
		cuts = append(cuts, rapid.SliceOfNDistinct(rapid.Int64Range(1, 11), 0, 4, rapid.ID).Draw(t, "cuts")...)
		slices.Sort(cuts)
		var bounds []plan.Fraction
		for _, c := range cuts {
			bounds = append(bounds, plan.Fraction{Num: c, Den: 12})
		}
		var all []int64
		for i := range len(bounds) - 1 {
			stripe := plan.Segment{Bounds: bounds, Index: i}.Stripe()
			for k := range stripe.Share(r.count(until)) {
				n := stripe.Item(k)
				if r.due(n) >= until {
					t.Fatalf("iteration %d is not due before %v", n, until)
				}
				all = append(all, n)
			}
		}
		slices.Sort(all)
		if int64(len(all)) != r.count(until) {
			t.Fatalf("%d iterations in all segments, want %d", len(all), r.count(until))
		}
		for i, n := range all {
			if n != int64(i) {
				t.Fatalf("iteration %d is missing or double", i)
			}
		}
	})
}

func BenchmarkDue(b *testing.B) {
	for name, r := range map[string]rates{
		"constant": constantRate(40_000, time.Second),
		"ramping":  rampingRate(0, []plan.Stage{{Duration: time.Hour, Target: 40_000}, {Duration: time.Hour, Target: 40_000}}, time.Second),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				r.due(int64(i) % 70_000_000)
			}
		})
	}
}
