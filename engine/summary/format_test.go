package summary

import (
	"math"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/threshold"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{short(0), "0"}, {short(999), "999"}, {short(90_000), "90,000"}, {short(999_999), "999,999"},
		{short(1_000_000), "1.00 M"}, {short(3_712_345), "3.71 M"}, {short(2.5e9), "2.50 G"}, {short(7e13), "70.00 T"},
		{grouped(7_412_905), "7,412,905"}, {grouped(-1234), "-1,234"}, {plainest(0.0002), "0.0002"}, {plainest(1e20), "1e+20"},
		{perSec(0), "0/s"}, {perSec(0.001), "<0.01/s"}, {perSec(0.25), "0.25/s"}, {perSec(4.84), "4.8/s"}, {perSec(9.99), "10/s"}, {perSec(41_182.4), "41,182/s"}, {perSec(3e6), "3.00 M/s"},
		{percent(0), "0 %"}, {percent(1), "100 %"}, {percent(0.00001), "<0.01 %"}, {percent(0.0002), "0.02 %"}, {percent(0.004), "0.4 %"},
		{percent(0.0421), "4.2 %"}, {percent(0.5), "50 %"}, {percent(0.9876), "98.8 %"}, {percent(0.9998), "99.98 %"}, {percent(0.99999), ">99.99 %"},
		{milliseconds(0, ""), "0 ms"}, {milliseconds(0.0005, ""), "0.5 µs"}, {milliseconds(0.085, ""), "85 µs"}, {milliseconds(0.9996, ""), "1.0 ms"},
		{milliseconds(1.14, ""), "1.1 ms"}, {milliseconds(9.96, ""), "10 ms"}, {milliseconds(231.2, ""), "231 ms"}, {milliseconds(999.6, ""), "1.0 s"},
		{milliseconds(1900, ""), "1.9 s"}, {milliseconds(72_000, ""), "1m12s"}, {milliseconds(1e300, ""), "1.00e+297 s"}, {milliseconds(-5, ""), "-5.0 ms"},
		{milliseconds(231.24, "s"), "0.231 s"}, {milliseconds(231.24, "ms"), "231.24 ms"}, {milliseconds(1.5, "us"), "1,500 µs"},
		{dataSize(0), "0 B"}, {dataSize(999), "999 B"}, {dataSize(1_500), "1.5 KB"}, {dataSize(84e6), "84 MB"}, {dataSize(15.14e9), "15 GB"}, {dataSize(999.9e15), "1 EB"}, {dataSize(1e19), "1.00e+19 B"},
		{quantity(3, metric.Plain, ""), "3"}, {quantity(1.0/3, metric.Plain, ""), "0.3333"}, {quantity(5e6, metric.Plain, ""), "5.00 M"},
		{length(350 * time.Millisecond), "350ms"}, {length(9_870 * time.Millisecond), "9.9s"}, {length(59_960 * time.Millisecond), "1m00s"},
		{length(3 * time.Minute), "3m00s"}, {length(3723 * time.Second), "1h02m03s"}, {length(49*time.Hour + time.Minute), "2d01h01m"}, {length(-time.Second), "-1.0s"},
		{clock(177 * time.Second), "02:57"}, {clock(3723 * time.Second), "1:02:03"}, {clock(-1), "00:00"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestNumbersOfAnySize prints all orders of magnitude in at most 12 columns.
func TestNumbersOfAnySize(t *testing.T) {
	for exponent := -320; exponent <= 308; exponent++ {
		v := 4.7651 * math.Pow10(exponent)
		for name, text := range map[string]string{
			"count": short(v), "rate": perSec(v), "share": percent(min(v, 1)), "time": milliseconds(v, ""), "data": dataSize(v), "plain": quantity(v, metric.Plain, ""),
		} {
			if n := columns(text); n == 0 || n > 14 {
				t.Errorf("%s of %g takes %d columns: %q", name, v, n, text)
			}
		}
	}
}

func TestThresholdRow(t *testing.T) {
	counter := metric.Metric{Name: "c", Type: metric.Counter}
	data := metric.Metric{Name: "d", Type: metric.Counter, Unit: metric.Data}
	rate := metric.Metric{Name: "r", Type: metric.Rate}
	trend := metric.Metric{Name: "t", Type: metric.Trend, Unit: metric.Time}
	for _, c := range []struct {
		metric                      metric.Metric
		expression                  string
		observed                    float64
		unit                        string
		condition, value, byHowMuch string
	}{
		{trend, "p(95) < 200", 231, "", "p(95)<200ms", "231 ms", "+16 % over"},
		{trend, "p(95)<200", 199.996, "", "p(95)<200ms", "199.996 ms", "<0.1 % below"},
		{trend, "p(95)<200", 200.04, "", "p(95)<200ms", "200.04 ms", "+<0.1 % over"},
		{trend, "p(95)<200", 200, "", "p(95)<200ms", "200 ms", "at the limit"},
		{trend, "p(95)<=200", 200, "", "p(95)<=200ms", "200 ms", "at the limit"},
		{trend, "max<20000", 15_000, "", "max<20000ms", "15 s", "25 % below"},
		{trend, "max<0.5", 0.0412, "", "max<0.5ms", "41.2 µs", "92 % below"},
		{trend, "max<200", 231.2, "s", "max<200ms", "0.231 s", "+16 % over"},
		{trend, "max<200", 231.2, "us", "max<200ms", "231,000 µs", "+16 % over"},
		{rate, "rate<0.01", 0.0002, "", "rate<0.01", "0.0002", "98 % below"},
		{rate, "rate>0.95", 0.9, "", "rate>0.95", "0.9", "5.3 % short"},
		{rate, "rate===1", 0.5, "", "rate==1", "0.5", ""},
		{counter, "count==0", 17, "", "count==0", "17", ""},
		{counter, "count<10", 12_345, "", "count<10", "12,345", "1,200 × the limit"},
		{counter, "rate>=100", 612.34, "", "rate>=100/s", "612/s", "512 % above"},
		{counter, "count<0", 5, "", "count<0", "5", ""},
		{counter, "count>-5", 5, "", "count>-5", "5", "200 % above"},
		{data, "count<2000000", 1_234_567, "", "count<2000000B", "1.23 MB", "38 % below"},
		{data, "rate<2000", 12, "", "rate<2000B/s", "12 B/s", "99 % below"},
	} {
		e, err := threshold.Parse(c.expression)
		if err != nil {
			t.Fatal(err)
		}
		v := threshold.Verdict{Expression: c.expression, Observed: c.observed, Limit: e.Limit(), Metric: c.metric}
		agg := metric.Aggregate{Type: metric.Gauge, Count: 1, Last: c.observed}
		judge, err := threshold.Parse("value" + e.Operator() + "0")
		if err != nil {
			t.Fatal(err)
		}
		agg.Last = c.observed - e.Limit()
		_, v.OK, _ = judge.Judge(&agg, 1)
		if got := condition(v); got != c.condition {
			t.Errorf("condition of %s: %q, want %q", c.expression, got, c.condition)
		}
		if got := observed(v, c.unit); got != c.value {
			t.Errorf("observed for %s: %q, want %q", c.expression, got, c.value)
		}
		if got := margin(v); got != c.byHowMuch {
			t.Errorf("margin of %v for %s: %q, want %q", c.observed, c.expression, got, c.byHowMuch)
		}
	}
}
