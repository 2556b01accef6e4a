package health

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ms = time.Millisecond

// well and bad readings of one second.
var (
	well   = reading{beats: 100, cpu: 0.3, lag: 2 * ms}
	hiccup = reading{beats: 100, late: 8, cpu: 0.3, lag: 90 * ms} // uneasy
	lagged = reading{beats: 100, late: 40, cpu: 0.3, lag: 60 * ms}
	worse  = reading{beats: 100, late: 40, cpu: 0.3, lag: 80 * ms}
	busy   = reading{beats: 100, late: 40, cpu: 0.97, lag: 30 * ms}
	full   = reading{beats: 100, late: 1, cpu: 1, lag: 11 * ms} // but in time
	swept  = reading{beats: 100, late: 20, cpu: 0.6, collector: 0.5, lag: 25 * ms}
	paused = reading{beats: 100, late: 2, cpu: 0.6, pause: 22 * ms, lag: 22 * ms}
	broke  = reading{beats: 100, cpu: 0.3, sockets: 3}
	last   = reading{beats: 2, late: 2, lag: 15 * ms} // cut short
)

// marks runs a detector over seconds.
func marks(readings ...reading) []Mark {
	var d detector
	for i, r := range readings {
		r.from, r.to = time.Duration(i)*time.Second, time.Duration(i+1)*time.Second
		d.see(r)
	}
	d.end()
	return d.take()
}

func TestMarks(t *testing.T) {
	mark := func(from, to int, cause Cause, worst float64) Mark {
		return Mark{From: time.Duration(from) * time.Second, To: time.Duration(to) * time.Second, Cause: cause, Worst: worst}
	}
	for name, tt := range map[string]struct {
		readings []reading
		want     []Mark
	}{
		"nothing":           {nil, nil},
		"well":              {[]reading{well, well, well, well}, nil},
		"a hiccup":          {[]reading{well, hiccup, well, well}, nil},
		"full but in time":  {[]reading{full, full, full}, nil},
		"cut short":         {[]reading{well, last}, nil},
		"lag":               {[]reading{well, lagged, well, well, well, well}, []Mark{mark(1, 2, Lag, 60)}},
		"worst of all":      {[]reading{lagged, worse, lagged}, []Mark{mark(0, 3, Lag, 80)}},
		"neighbours":        {[]reading{lagged, well, well, lagged, well}, []Mark{mark(0, 4, Lag, 60)}},
		"two":               {[]reading{lagged, well, well, well, lagged}, []Mark{mark(0, 1, Lag, 60), mark(4, 5, Lag, 60)}},
		"uneasy goes on":    {[]reading{lagged, hiccup, hiccup, well}, []Mark{mark(0, 3, Lag, 90)}},
		"cpu":               {[]reading{well, busy, busy}, []Mark{mark(1, 3, CPU, 0.97)}},
		"collector":         {[]reading{well, swept, well}, []Mark{mark(1, 2, GC, 25)}},
		"pause":             {[]reading{well, paused, well}, []Mark{mark(1, 2, GC, 22)}},
		"sockets add up":    {[]reading{broke, broke, well}, []Mark{mark(0, 2, Sockets, 6)}},
		"one after another": {[]reading{busy, busy, lagged}, []Mark{mark(0, 2, CPU, 0.97), mark(2, 3, Lag, 60)}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := marks(tt.readings...); !slices.Equal(got, tt.want) {
				t.Errorf("marks are %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestCauseNow(t *testing.T) {
	var d detector
	for i, step := range []struct {
		reading
		want Cause
	}{{well, ""}, {lagged, Lag}, {hiccup, Lag}, {busy, CPU}, {well, ""}, {lagged, Lag}} {
		step.from, step.to = time.Duration(i)*time.Second, time.Duration(i+1)*time.Second
		d.see(step.reading)
		if got := d.now(); got != step.want {
			t.Errorf("second %d: %q, want %q", i, got, step.want)
		}
	}
}

func TestMarksAreTakenOnce(t *testing.T) {
	var d detector
	for i, r := range []reading{lagged, well, well, well, broke, well} {
		r.from, r.to = time.Duration(i)*time.Second, time.Duration(i+1)*time.Second
		d.see(r)
	}
	if got := d.take(); len(got) != 1 || got[0].Cause != Lag {
		t.Errorf("ended: %+v", got)
	}
	if got := d.take(); len(got) != 0 {
		t.Errorf("taken twice: %+v", got)
	}
	d.end()
	if got := d.take(); len(got) != 1 || got[0].Cause != Sockets || got[0].To != 5*time.Second {
		t.Errorf("at the end: %+v", got)
	}
}

// TestMarksCover says what holds of any run: every slow reading lies in a mark
// of its cause, no mark begins or ends with a good one, marks of a cause do not
// touch, and there are few.
func TestMarksCover(t *testing.T) {
	kinds := []reading{well, hiccup, lagged, worse, busy, full, swept, paused, broke, last}
	rapid.Check(t, func(t *rapid.T) {
		var readings []reading
		for range rapid.IntRange(0, 40).Draw(t, "blocks") {
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			for range rapid.IntRange(1, 8).Draw(t, "seconds") {
				readings = append(readings, kind)
			}
		}
		got := marks(readings...)
		for i, r := range readings {
			_, slow := r.judge()
			for c, cause := range causes {
				if slow[c] && !slices.ContainsFunc(got, func(m Mark) bool {
					return m.Cause == cause && m.From <= time.Duration(i)*time.Second && m.To > time.Duration(i)*time.Second
				}) {
					t.Fatalf("second %d is slow by %s and not marked: %+v", i, cause, got)
				}
			}
		}
		end := map[Cause]time.Duration{}
		for _, m := range got {
			first, lastOf := readings[m.From/time.Second], readings[m.To/time.Second-1]
			c := slices.Index(causes[:], m.Cause)
			if _, slow := first.judge(); !slow[c] {
				t.Fatalf("%+v begins with %+v", m, first)
			}
			if worst, _ := lastOf.judge(); worst[c] == 0 || m.Worst <= 0 {
				t.Fatalf("%+v ends with %+v", m, lastOf)
			}
			if before, seen := end[m.Cause]; seen && m.From < before+calm*time.Second {
				t.Fatalf("%+v follows a mark that ended at %v", m, before)
			}
			end[m.Cause] = m.To
		}
	})
}

// TestMarksAreFew flickers for a day.
func TestMarksAreFew(t *testing.T) {
	var readings []reading
	for range 24 * 3600 / 8 {
		readings = append(readings, broke, lagged, busy, swept, well, well, well, well)
	}
	if n := len(marks(readings...)); n > 400 || n < manySpans {
		t.Errorf("%d marks", n)
	}
}
