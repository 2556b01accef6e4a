package http

import (
	"math"
	"testing"
	"time"
)

func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want time.Duration
		ok   bool
	}{
		{500., 500 * time.Millisecond, true}, {0.5, 500 * time.Microsecond, true}, {"1m30s", 90 * time.Second, true},
		{"250", 250 * time.Millisecond, true}, {1e300, maxTimeout, true}, {"9999999h", 0, false}, {"200h", maxTimeout, true},
		{"24h1ns", maxTimeout, true}, {math.Inf(1), maxTimeout, true}, {"Infinity", maxTimeout, true}, {"1e300", maxTimeout, true}, {math.Inf(-1), 0, false},
		{0., 0, false}, {-1., 0, false}, {math.NaN(), 0, false}, {"-1s", 0, false}, {"x", 0, false}, {"NaN", 0, false},
	} {
		var d time.Duration
		var ok bool
		switch in := tt.in.(type) {
		case string:
			d, ok = parseTimeout(in)
		case float64:
			d, ok = milliseconds(in)
		}
		if ok != tt.ok || ok && d != tt.want {
			t.Errorf("parseTimeout(%v) is %v, %v", tt.in, d, ok)
		}
	}
}
