package threshold

import (
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/metric"
	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"p(95)<200":             "p(95)<200",
		"  p( 99.99 ) <=\t200 ": "p(99.99)<=200",
		"rate < 0.01":           "rate<0.01",
		"count===0":             "count==0",
		"count==0":              "count==0",
		"value!=-3.50":          "value!=-3.5",
		"avg>=1e3":              "avg>=1000",
		"max<1e300":             "max<1e+300",
		"min>.5":                "min>0.5",
		"med<-0":                "med<0",
		"p(0)<1":                "p(0)<1",
		"p(100)<1":              "p(100)<1",
		"count>+5":              "count>5",
	} {
		e, err := Parse(src)
		if err != nil {
			t.Errorf("Parse(%q): %v", src, err)
			continue
		}
		if e.String() != want {
			t.Errorf("Parse(%q) = %s, want %s", src, e, want)
		}
		if again, err := Parse(e.String()); err != nil || again != e {
			t.Errorf("Parse(%q) = %v, %v; want the expression it came from", e.String(), again, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for src, want := range map[string]string{
		"":                              "column 1: expected a condition such as p(95)<200, got nothing",
		" \t":                           "column 3: expected a condition such as p(95)<200, got nothing",
		"p95<200":                       `column 1: unknown method "p95": write p(95)`,
		"P99.9<200":                     `column 1: unknown method "P99": write p(99)`,
		"mean<200":                      `column 1: unknown method "mean": expected avg, min, max, med, count, rate, value or p(N)`,
		"<200":                          `column 1: expected a method (avg, min, max, med, count, rate, value or p(N)), got "<200"`,
		"p<200":                         `column 2: expected ( after p, as in p(95), got "<200"`,
		"p(95<200":                      `column 5: expected ) after p(95, got "<200"`,
		"p(101)<200":                    `column 3: a percentile lies between 0 and 100, got 101`,
		"p(-1)<200":                     `column 3: a percentile lies between 0 and 100, got -1`,
		"p(x)<200":                      `column 3: expected a number, got "x)<200"`,
		"avg":                           `column 4: expected an operator (< <= > >= == !=), got the end`,
		"avg=5":                         `column 4: = is not an operator: write ==`,
		"avg<":                          `column 5: expected a number, got the end`,
		"avg<abc":                       `column 5: expected a number, got "abc"`,
		"avg<NaN":                       `column 5: expected a number, got "NaN"`,
		"avg<Infinity":                  `column 5: expected a number, got "Infinity"`,
		"avg<0x10":                      `column 6: unexpected "x10" after the number`,
		"avg<1_0":                       `column 6: unexpected "_0" after the number`,
		"avg<1e309":                     `column 5: the number "1e309" is out of range`,
		"avg<1.2.3":                     `column 5: expected a number, got "1.2.3"`,
		"avg<200ms":                     `column 8: unexpected "ms" after the number: limits carry no unit, times are milliseconds`,
		"rate<1%":                       `column 7: unexpected "%" after the number: a share is a number from 0 to 1, such as rate<0.01`,
		"avg<1 and max<2":               `column 7: unexpected "and max<2" after the number`,
		"é":                             `column 1: expected a method (avg, min, max, med, count, rate, value or p(N)), got "é"`,
		"avg<1\x1b[31m":                 `column 6: unexpected "\x1b[31m" after the number`,
		strings.Repeat("a", 300):        `column 1: a condition has at most 256 bytes, got 300`,
		"avg" + strings.Repeat("é", 60): `column 4: expected an operator (< <= > >= == !=), got "` + strings.Repeat("é", 40) + `…"`,
	} {
		if e, err := Parse(src); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", src, e)
		} else if err.Error() != want {
			t.Errorf("Parse(%q)\n got %s\nwant %s", src, err, want)
		}
	}
}

func TestParseMethod(t *testing.T) {
	for _, src := range []string{"avg", "min", "max", "med", "count", "rate", "value", "p(99.99)", "p(0)"} {
		m, err := ParseMethod(src)
		if err != nil || m.String() != src {
			t.Errorf("ParseMethod(%q) = %v, %v", src, m, err)
		}
	}
	for _, src := range []string{"", "p", "p95", "p(95)<1", "average", "p(200)"} {
		if m, err := ParseMethod(src); err == nil {
			t.Errorf("ParseMethod(%q) = %v, want an error", src, m)
		}
	}
}

func TestValidFor(t *testing.T) {
	types := []metric.Type{metric.Counter, metric.Gauge, metric.Rate, metric.Trend}
	for src, want := range map[string][4]string{
		"count<1": {"", "count needs a counter; m is a gauge", "count needs a counter; m is a rate", "count needs a counter; m is a trend"},
		"rate<1":  {"", "rate needs a counter or a rate; m is a gauge", "", "rate needs a counter or a rate; m is a trend"},
		"value<1": {"value needs a gauge; m is a counter", "", "value needs a gauge; m is a rate", "value needs a gauge; m is a trend"},
		"p(95)<1": {"p(95) needs a trend; m is a counter", "p(95) needs a trend; m is a gauge", "p(95) needs a trend; m is a rate", ""},
		"med<1":   {"med needs a trend; m is a counter", "med needs a trend; m is a gauge", "med needs a trend; m is a rate", ""},
	} {
		e, err := Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		for i, typ := range types {
			got := ""
			if err := e.ValidFor("m", typ); err != nil {
				got = err.Error()
			}
			if got != want[i] {
				t.Errorf("%s on a %v: %q, want %q", src, typ, got, want[i])
			}
		}
	}
}

func TestExpressionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Expression{
			method:   Method{name: rapid.SampledFrom([]string{"avg", "min", "max", "med", "count", "rate", "value", "p"}).Draw(t, "method")},
			operator: operator(rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "operator")),
			limit:    rapid.Float64Range(-1e308, 1e308).Draw(t, "limit"),
		}
		if e.method.name == "p" {
			e.method.percentile = rapid.Float64Range(0, 100).Draw(t, "percentile")
		}
		if again, err := Parse(e.String()); err != nil || again != e {
			t.Fatalf("Parse(%q) = %v, %v", e.String(), again, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"p(95)<200", "rate<0.01", "count===0", "avg >= -1e-9", "p(99.99)!=1", "p(", "value<1e309"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		e, err := Parse(src)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Fatalf("Parse(%q): error is not one inert line: %q", src, err)
			}
			return
		}
		if again, err := Parse(e.String()); err != nil || again != e || again.String() != e.String() {
			t.Fatalf("Parse(%q) = %s; parsed again: %v, %v", src, e, again, err)
		}
	})
}
