package http

import (
	"testing"
	"time"
)

func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want time.Duration
		ok   bool
	}{
		{int64(500), 500 * time.Millisecond, true}, {0.5, 500 * time.Microsecond, true}, {"1m30s", 90 * time.Second, true},
		{"250", 250 * time.Millisecond, true}, {1e300, maxTimeout, true}, {"9999999h", 0, false}, {"200h", maxTimeout, true},
		{int64(0), 0, false}, {int64(-1), 0, false}, {"-1s", 0, false}, {"x", 0, false}, {"NaN", 0, false}, {nil, 0, false}, {true, 0, false},
	} {
		d, ok := parseTimeout(tt.in)
		if ok != tt.ok || ok && d != tt.want {
			t.Errorf("parseTimeout(%v) is %v, %v", tt.in, d, ok)
		}
	}
}
