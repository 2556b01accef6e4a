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

func TestExtentOfExecutors(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		scenario      Scenario
		span          time.Duration
		peak, initial int
		open          bool
	}{
		{Scenario{Executor: ConstantVUs, VUs: 3, Duration: s}, s, 3, 3, false},
		{Scenario{Executor: RampingVUs, StartVUs: 2, Stages: []Stage{{s, 9}, {s, 0}}}, 2 * s, 9, 9, false},
		{Scenario{Executor: PerVUIterations, VUs: 3, Iterations: 2, MaxDuration: 4 * s}, 4 * s, 3, 3, false},
		{Scenario{Executor: ConstantArrivalRate, Rate: 9, Duration: s, PreAllocatedVUs: 2, MaxVUs: 7}, s, 7, 2, true},
		{Scenario{Executor: RampingArrivalRate, Stages: []Stage{{s, 900}, {s, 0}}, PreAllocatedVUs: 2, MaxVUs: 7}, 2 * s, 7, 2, true},
		{Scenario{Executor: ExternallyControlled, VUs: 2, MaxVUs: 7}, MaxDuration, 7, 2, false},
		{Scenario{Executor: ExternallyControlled, VUs: 2, MaxVUs: 7, Duration: s}, s, 7, 2, false},
		{Scenario{Executor: Users, VUs: 5}, MaxDuration, 5, 5, false},
		{Scenario{Executor: Users, VUs: 5, MaxVUs: 8, Duration: s}, s, 8, 5, false},
		{Scenario{Executor: Shape, MaxVUs: 8}, MaxDuration, 8, 0, false},
		{Scenario{Executor: Shape, MaxVUs: 8, PreAllocatedVUs: 3, Open: true, Duration: s}, s, 8, 3, true},
		{Scenario{Executor: Capacity, Rate: 5, PreAllocatedVUs: 2, MaxVUs: 7, MaxDuration: 9 * s}, 9 * s, 7, 2, true},
		{Scenario{Executor: "nonsense", VUs: 1}, 0, 1, 1, false},
	} {
		x := &c.scenario
		if x.Span() != c.span || x.Peak() != c.peak || x.Initial() != c.initial || x.Arrives() != c.open || x.Unbounded() != (c.span == MaxDuration) {
			t.Errorf("%s: span %v, peak %d, initial %d, open %t, unbounded %t", x.Executor, x.Span(), x.Peak(), x.Initial(), x.Arrives(), x.Unbounded())
		}
	}
}

func TestExtentOfChains(t *testing.T) {
	const s = time.Second
	closed := func(name, after string, start time.Duration, vus int) Scenario {
		return Scenario{Name: name, Executor: ConstantVUs, StartTime: start, StartAfter: after, Duration: 10 * s, GracefulStop: s, VUs: vus}
	}
	open := Scenario{Name: "open", Executor: ConstantArrivalRate, StartAfter: "a", Duration: 10 * s, PreAllocatedVUs: 3, MaxVUs: 30}
	endless := Scenario{Name: "endless", Executor: Users, VUs: 5, GracefulStop: s}
	var long []Scenario
	for i := range 300 {
		x := endless
		x.Name = string(rune('A' + i))
		if i > 0 {
			x.StartAfter = long[i-1].Name
		}
		long = append(long, x)
	}
	for _, c := range []struct {
		name         string
		scenarios    []Scenario
		most, before int
		duration     time.Duration
	}{
		{"one after the other", []Scenario{closed("a", "", 0, 5), closed("b", "a", 0, 7)}, 7, 7, 22 * s},
		{"with a pause", []Scenario{closed("a", "", 0, 5), closed("b", "a", 3*s, 7)}, 7, 7, 25 * s},
		{"the later first", []Scenario{closed("b", "a", 0, 7), closed("a", "", 2*s, 5)}, 7, 7, 24 * s},
		{"a chain", []Scenario{closed("c", "b", 0, 1), closed("b", "a", 0, 7), closed("a", "", 0, 5)}, 7, 7, 33 * s},
		{"two after one", []Scenario{closed("a", "", 0, 5), closed("b", "a", 0, 7), closed("c", "a", 0, 8)}, 15, 15, 22 * s},
		{"open after closed", []Scenario{closed("a", "", 0, 5), open}, 30, 5, 21 * s},
		{"open beside closed", []Scenario{closed("a", "", 0, 5), open, closed("b", "a", 0, 4)}, 34, 7, 22 * s},
		{"without an end", []Scenario{endless, closed("a", "endless", 0, 9)}, 9, 9, MaxDuration + 12*s},
		{"without an end, again and again", long, 5, 5, never},
		{"in a circle", []Scenario{closed("a", "b", 0, 5), closed("b", "a", 0, 7)}, 7, 7, 22 * s},
		{"after nobody", []Scenario{closed("a", "b", 0, 5)}, 5, 5, 11 * s},
	} {
		p := Plan{Scenarios: c.scenarios}
		if p.MaxVUs() != c.most || p.InitialVUs() != c.before || p.Duration() != c.duration {
			t.Errorf("%s: %d VUs, %d before, for %v; want %d, %d, %v", c.name, p.MaxVUs(), p.InitialVUs(), p.Duration(), c.most, c.before, c.duration)
		}
	}
}

// TestSegmentsShareTheVUs: what the instances of a test need comes to what the
// test needs, when its scenarios run side by side.
func TestSegmentsShareTheVUs(t *testing.T) {
	sequence := "0,1/7,1/2,5/8,1"
	rapid.Check(t, func(t *rapid.T) {
		var p Plan
		for i := range rapid.IntRange(1, 4).Draw(t, "scenarios") {
			vus := rapid.IntRange(1, 1000).Draw(t, "vus")
			p.Scenarios = append(p.Scenarios, Scenario{Name: string(rune('a' + i)), Executor: Users, VUs: vus, MaxVUs: 2 * vus})
		}
		initial, most := 0, 0
		for _, own := range []string{"0:1/7", "1/7:1/2", "1/2:5/8", "5/8:1"} {
			part := p
			var err error
			if part.Segment, err = NewSegment(own, sequence); err != nil {
				t.Fatal(err)
			}
			initial += part.InitialVUs()
			most += part.MaxVUs()
		}
		if initial != p.InitialVUs() || most != p.MaxVUs() {
			t.Fatalf("segments have %d and %d VUs, the test %d and %d", initial, most, p.InitialVUs(), p.MaxVUs())
		}
	})
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
