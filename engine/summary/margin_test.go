package summary

import (
	"math"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/threshold"
)

func TestQuantity(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{quantity(3, metric.Plain, ""), "3"}, {quantity(1.0/3, metric.Plain, ""), "0.3333"}, {quantity(5e6, metric.Plain, ""), "5.00 M"},
		{quantity(90_000, metric.Plain, ""), "90,000"}, {quantity(-2.5, metric.Plain, ""), "-2.5"}, {quantity(1e300, metric.Plain, ""), "1.00e+300"},
		{quantity(231.2, metric.Time, ""), "231 ms"}, {quantity(231.2, metric.Time, "s"), "0.231 s"}, {quantity(1500, metric.Data, ""), "1.5 KB"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	for exponent := -320; exponent <= 308; exponent++ {
		v := 4.7651 * math.Pow10(exponent)
		if text := quantity(v, metric.Plain, ""); len(text) > 12 {
			t.Errorf("%g takes %d columns: %q", v, len(text), text)
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
		if got := Condition(v); got != c.condition {
			t.Errorf("condition of %s: %q, want %q", c.expression, got, c.condition)
		}
		if got := Observed(v, c.unit); got != c.value {
			t.Errorf("observed for %s: %q, want %q", c.expression, got, c.value)
		}
		if got := Margin(v); got != c.byHowMuch {
			t.Errorf("margin of %v for %s: %q, want %q", c.observed, c.expression, got, c.byHowMuch)
		}
	}
}

func TestWindow(t *testing.T) {
	trend := metric.Metric{Name: "t", Type: metric.Trend, Unit: metric.Time}
	for _, c := range []struct {
		over, at        time.Duration
		condition, when string
	}{
		{0, 0, "p(95)<200ms", ""},
		{30 * time.Second, 130 * time.Second, "p(95)<200ms over 30s", "worst 01:40–02:10"},
		{90 * time.Minute, 2 * time.Hour, "p(95)<200ms over 1h30m", "worst 30:00–2:00:00"},
		{time.Minute, 0, "p(95)<200ms over 1m", "no full window"},
		{2 * time.Hour, 0, "p(95)<200ms over 2h", "no full window"},
		{1500 * time.Millisecond, 3 * time.Second, "p(95)<200ms over 2s", "worst 00:01–00:03"},
	} {
		v := threshold.Verdict{Expression: "p(95)<200", Metric: trend, Over: c.over, At: c.at}
		if got := Condition(v); got != c.condition {
			t.Errorf("%v: %q, want %q", c.over, got, c.condition)
		}
		if got := Window(v); got != c.when {
			t.Errorf("%v: %q, want %q", c.over, got, c.when)
		}
	}
}

// TestMarginWithoutData: what a threshold without data counts as is the test's choice.
func TestMarginWithoutData(t *testing.T) {
	for ok, want := range map[bool]string{true: "counts as passed", false: "counts as failed"} {
		if got := Margin(threshold.Verdict{Expression: "max<1", OK: ok, NoData: true}); got != want {
			t.Errorf("%v: %q, want %q", ok, got, want)
		}
	}
}
