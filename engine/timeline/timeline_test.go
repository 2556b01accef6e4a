package timeline

import (
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func at(d time.Duration) time.Time { return start().Add(d) }

// both feeds a set and a timeline the way a coordinator does.
type both struct {
	t    testing.TB
	set  *metric.Set
	line *Timeline
}

func newBoth(t testing.TB, o Options) *both {
	return &both{t, metric.NewSet(), New(start(), o)}
}

func (b *both) merge(from string, s *metric.Snapshot) {
	b.t.Helper()
	if err := b.set.Merge(from, s); err != nil {
		b.t.Fatal(err)
	}
	b.line.Add(from, s)
}

func record(r *metric.Registry, name string, v float64, tags ...metric.Tag) {
	r.Recorder(0).Record(r.Series(r.Lookup(name), metric.NewTags(tags...)), v)
}

func TestPointsOfOneRunner(t *testing.T) {
	b := newBoth(t, Options{})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 5; second++ {
		for i := range second {
			record(r, metric.HTTPReqDuration, float64(10*second+i))
			record(r, metric.HTTPReqs, 1)
		}
		record(r, metric.VUs, float64(second))
		// A little late, as timers are.
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second+3*time.Millisecond)))
	}
	if end := b.line.End(); end != 5*time.Second {
		t.Errorf("ends at %v", end)
	}
	for _, name := range []string{metric.HTTPReqs, metric.HTTPReqDuration, metric.VUs} {
		var series int
		for s := range b.line.Series(name) {
			series++
			second := 0
			for p := range s.Points() {
				second++
				if p.At != time.Duration(second-1)*time.Second {
					t.Errorf("%s: point %d at %v", name, second, p.At)
				}
				switch name {
				case metric.HTTPReqs:
					if p.Agg.Sum != float64(second) {
						t.Errorf("point %d: %+v", second, p.Agg)
					}
				case metric.HTTPReqDuration:
					if p.Agg.Count != uint64(second) || p.Agg.Percentile(50) < float64(10*second)*.997 || p.Agg.Max > float64(11*second)*1.003 {
						t.Errorf("point %d: %+v", second, p.Agg)
					}
				case metric.VUs:
					if p.Agg.Last != float64(second) || p.Agg.Max != float64(second) {
						t.Errorf("point %d: %+v", second, p.Agg)
					}
				}
			}
			if second != 5 {
				t.Errorf("%s has %d points", name, second)
			}
		}
		if series != 1 {
			t.Errorf("%s has %d series", name, series)
		}
	}
	window, ok := b.line.Between(2*time.Second, 4*time.Second).Select(metric.HTTPReqs, metric.Tags{})
	if !ok || window.Sum != 3+4 {
		t.Errorf("window holds %+v, %v", window, ok)
	}
}
