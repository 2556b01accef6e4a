package plan

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestExtent(t *testing.T) {
	constant := func(start, length, grace time.Duration, vus int) Scenario {
		return Scenario{Executor: ConstantVUs, StartTime: start, Duration: length, GracefulStop: grace, VUs: vus}
	}
	const s = time.Second
	ramp := Scenario{Executor: RampingVUs, StartVUs: 2, Stages: []Stage{{s, 9}, {2 * s, 1}}, GracefulStop: s}
	if ramp.Peak() != 9 || ramp.Span() != 3*s {
		t.Errorf("ramp: peak %d, span %v", ramp.Peak(), ramp.Span())
	}
	shared := Scenario{Executor: SharedIterations, VUs: 4, Iterations: 9, MaxDuration: 10 * s}
	if shared.Peak() != 4 || shared.Span() != 10*s {
		t.Errorf("shared: peak %d, span %v", shared.Peak(), shared.Span())
	}
	for _, c := range []struct {
		name      string
		scenarios []Scenario
		vus       int
		duration  time.Duration
	}{
		{"one", []Scenario{constant(0, 10*s, 0, 5)}, 5, 10 * s},
		{"side by side", []Scenario{constant(0, 10*s, 0, 5), constant(5*s, 10*s, 0, 7)}, 12, 15 * s},
		{"one after another", []Scenario{constant(0, 10*s, 0, 5), constant(10*s, 10*s, 0, 7)}, 7, 20 * s},
		{"overlap by gracefulStop alone", []Scenario{constant(0, 10*s, s, 5), constant(10*s, 10*s, 0, 7)}, 12, 20 * s},
		{"three, never all", []Scenario{constant(0, 10*s, 0, 5), constant(5*s, 10*s, 0, 7), constant(11*s, s, 0, 6)}, 13, 15 * s},
		{"mixed", []Scenario{ramp, shared}, 13, 10 * s},
	} {
		p := Plan{Scenarios: c.scenarios}
		if p.MaxVUs() != c.vus || p.Duration() != c.duration {
			t.Errorf("%s: %d VUs for %v, want %d for %v", c.name, p.MaxVUs(), p.Duration(), c.vus, c.duration)
		}
	}
}

// TestMaxVUsAgainstSampling compares the sweep with adding up at every instant.
func TestMaxVUsAgainstSampling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p Plan
		for range rapid.IntRange(1, 6).Draw(t, "scenarios") {
			p.Scenarios = append(p.Scenarios, Scenario{
				Executor:     ConstantVUs,
				StartTime:    time.Duration(rapid.IntRange(0, 20).Draw(t, "start")),
				Duration:     time.Duration(rapid.IntRange(1, 20).Draw(t, "duration")),
				GracefulStop: time.Duration(rapid.IntRange(0, 5).Draw(t, "grace")),
				VUs:          rapid.IntRange(1, 10).Draw(t, "vus"),
			})
		}
		want := 0
		for at := time.Duration(0); at < p.Duration(); at++ {
			now := 0
			for _, s := range p.Scenarios {
				if s.StartTime <= at && at < s.StartTime+s.Duration+s.GracefulStop {
					now += s.VUs
				}
			}
			want = max(want, now)
		}
		if got := p.MaxVUs(); got != want {
			t.Fatalf("MaxVUs = %d, want %d", got, want)
		}
	})
}

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0":           0,
		"1500":        1500 * time.Millisecond,
		"0.5":         500 * time.Microsecond,
		"1e3":         time.Second,
		"30s":         30 * time.Second,
		"1m30s":       90 * time.Second,
		"500ms":       500 * time.Millisecond,
		"1.5h":        90 * time.Minute,
		"1d":          day,
		"1d2h":        day + 2*time.Hour,
		"0.5d1ms":     day/2 + time.Millisecond,
		"365d":        MaxDuration,
		"-1d2h":       -day - 2*time.Hour,
		"-5s":         -5 * time.Second,
		"250us":       250 * time.Microsecond,
		"250µs":       250 * time.Microsecond,
		"31536000000": MaxDuration,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"":                      errNotDuration,
		" ":                     errNotDuration,
		"s":                     errNotDuration,
		"d":                     errNotDuration,
		"1x":                    errNotDuration,
		"1.2.3s":                errNotDuration,
		"1d-2h":                 errNotDuration,
		"1d+2h":                 errNotDuration,
		"1d1d":                  errNotDuration,
		"nand":                  errNotDuration,
		"NaN":                   errNotDuration,
		"Infinity":              errNotDuration,
		"0x10":                  errNotDuration,
		"1_0s":                  errNotDuration,
		"--5":                   errNotDuration,
		"1e400":                 errTooLong,
		"-1e400":                errTooLong,
		"365d1ns":               errTooLong,
		"8761h":                 errTooLong,
		"1e99d":                 errTooLong,
		"1e999d":                errTooLong,
		"99999999999999999999s": errTooLong,
		"364d" + "9999999h":     errTooLong,
	} {
		if got, err := ParseDuration(text); err != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}
