package figure

import (
	"math"
	"testing"
	"time"
	"unicode/utf8"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Short(0), "0"}, {Short(999), "999"}, {Short(90_000), "90,000"}, {Short(999_999), "999,999"},
		{Short(1_000_000), "1.00 M"}, {Short(3_712_345), "3.71 M"}, {Short(2.5e9), "2.50 G"}, {Short(7e13), "70.00 T"},
		{Count(7_412_905), "7,412,905"}, {Count(-1234), "-1,234"}, {Count(uint64(12)), "12"}, {Count(0.6), "1"}, {Plain(0.0002), "0.0002"}, {Plain(1e20), "1e+20"},
		{Counted(1, "request"), "1 request"}, {Counted(uint64(0), "request"), "0 requests"}, {Counted(1.0, "error"), "1 error"}, {Counted(1234, "VU"), "1,234 VUs"},
		{PerSecond(0), "0/s"}, {PerSecond(0.001), "<0.01/s"}, {PerSecond(0.25), "0.25/s"}, {PerSecond(4.84), "4.8/s"}, {PerSecond(9.99), "10/s"}, {PerSecond(41_182.4), "41,182/s"}, {PerSecond(3e6), "3.00 M/s"},
		{Percent(0), "0 %"}, {Percent(1), "100 %"}, {Percent(0.00001), "<0.01 %"}, {Percent(0.0002), "0.02 %"}, {Percent(0.004), "0.4 %"},
		{Percent(0.0421), "4.2 %"}, {Percent(0.5), "50 %"}, {Percent(0.9876), "98.8 %"}, {Percent(0.9998), "99.98 %"}, {Percent(0.99999), ">99.99 %"},
		{Milliseconds(0), "0 ms"}, {Milliseconds(0.0005), "0.5 µs"}, {Milliseconds(0.085), "85 µs"}, {Milliseconds(0.9996), "1.0 ms"},
		{Milliseconds(1.14), "1.1 ms"}, {Milliseconds(9.96), "10 ms"}, {Milliseconds(231.2), "231 ms"}, {Milliseconds(999.6), "1.0 s"},
		{Milliseconds(1900), "1.9 s"}, {Milliseconds(72_000), "1m12s"}, {Milliseconds(1e300), "1.00e+297 s"}, {Milliseconds(-5), "-5.0 ms"},
		{MillisecondsIn("s", 231.24), "0.231 s"}, {MillisecondsIn("ms", 231.24), "231.24 ms"}, {MillisecondsIn("us", 1.5), "1,500 µs"},
		{Size(0), "0 B"}, {Size(999), "999 B"}, {Size(1_500), "1.5 KB"}, {Size(84e6), "84 MB"}, {Size(15.14e9), "15 GB"}, {Size(999.9e15), "1 EB"}, {Size(1e19), "1.00e+19 B"},
		{Length(350 * time.Millisecond), "350ms"}, {Length(9_870 * time.Millisecond), "9.9s"}, {Length(59_960 * time.Millisecond), "1m00s"},
		{Length(3 * time.Minute), "3m00s"}, {Length(3723 * time.Second), "1h02m03s"}, {Length(49*time.Hour + time.Minute), "2d01h01m"}, {Length(-time.Second), "-1.0s"},
		{Clock(177 * time.Second), "02:57"}, {Clock(3723 * time.Second), "1:02:03"}, {Clock(-1), "00:00"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestNumbersOfAnySize prints all orders of magnitude: columns can be planned for.
func TestNumbersOfAnySize(t *testing.T) {
	for exponent := -320; exponent < 100; exponent++ {
		v := 4.7651 * math.Pow10(exponent)
		for _, c := range []struct {
			what, text string
			most       int
		}{
			{"count", Short(v), 8}, {"rate", PerSecond(v), 10}, {"share", Percent(min(v, 1)), 8},
			{"time", Milliseconds(v), 13}, {"data", Size(v), 11}, {"clock", Clock(time.Duration(min(v, math.MaxInt64/2))), 13},
		} {
			if n := utf8.RuneCountInString(c.text); n == 0 || n > c.most {
				t.Errorf("%s of %g takes %d columns: %q", c.what, v, n, c.text)
			}
		}
	}
}

// TestNoNumbers: a division by zero somewhere must show, not crash.
func TestNoNumbers(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, text := range []string{Count(v), Short(v), Plain(v), PerSecond(v), Percent(v), Milliseconds(v), MillisecondsIn("us", v), Size(v)} {
			if text == "" {
				t.Errorf("%g is written as nothing", v)
			}
		}
	}
	if got := Percent(math.NaN()); got != "NaN %" {
		t.Errorf("got %q", got)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 30 * time.Second: "30s", 10 * time.Minute: "10m", 90 * time.Minute: "1h30m", 2 * time.Hour: "2h",
		1500 * time.Millisecond: "1.5s", time.Hour + time.Second: "1h0m1s", 10 * time.Second: "10s",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
