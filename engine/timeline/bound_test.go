package timeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// TestRecentStaysFine runs under pressure: windows within Recent are exact to
// a second all the same.
func TestRecentStaysFine(t *testing.T) {
	b := newPair(t, Options{MaxBytes: 20_000, Recent: 20 * time.Second})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 3600; second++ {
		for i := range 20 {
			record(r, metric.HTTPReqDuration, float64(second+i*i))
		}
		record(r, metric.HTTPReqs, float64(second))
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
		if second%100 != 0 {
			continue
		}
		now := time.Duration(second) * time.Second
		for back := range min(20, second) {
			from := now - time.Duration(back+1)*time.Second
			agg, _ := b.line.Between(from, from+time.Second).Select(metric.HTTPReqs, metric.Tags{})
			if agg.Sum != float64(second-back) {
				t.Fatalf("second %d at %d: %s", second-back, second, brief(&agg))
			}
		}
	}
	if b.line.bytes > 20_000 || b.line.Resolution() < 8*time.Second || b.line.Folded() != 0 {
		t.Errorf("%d bytes, resolution %v, %d folded", b.line.bytes, b.line.Resolution(), b.line.Folded())
	}
	if n := int(b.line.End() / b.line.Resolution()); n < fewest {
		t.Errorf("%d intervals are left", n)
	}
}

// TestTooManySeriesAreFolded has more series than fit: rare ones give way,
// frequent ones stay, sums stay exact.
func TestTooManySeriesAreFolded(t *testing.T) {
	const maxBytes = 1 << 20
	b := newPair(t, Options{MaxBytes: maxBytes, Recent: 5 * time.Second})
	r := metric.NewRegistry(metric.Options{Start: start(), MaxSeries: 20_000})
	random := rand.New(rand.NewPCG(3, 4))
	most := 0
	for second := 1; second <= 90; second++ {
		for range 400 {
			name := metric.Tag{Key: "name", Value: fmt.Sprint(random.IntN(5000))}
			record(r, metric.HTTPReqDuration, random.ExpFloat64()*50, name, metric.Tag{Key: "status", Value: "200"})
		}
		for i := range 40 {
			record(r, metric.HTTPReqDuration, 10, metric.Tag{Key: "name", Value: "often"}, metric.Tag{Key: "status", Value: fmt.Sprint(200 + i%2)})
		}
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
		most = max(most, b.line.bytes)
	}
	if b.line.Folded() == 0 || most > maxBytes {
		t.Errorf("%d series were folded; at most %d bytes", b.line.Folded(), most)
	}
	whole := b.line.Between(0, b.line.End())
	for _, filter := range []metric.Tags{
		{}, someTags,
		metric.NewTags(metric.Tag{Key: "name", Value: "often"}),
		metric.NewTags(metric.Tag{Key: "name", Value: "often"}, metric.Tag{Key: "status", Value: "201"}),
	} {
		want, _ := b.set.Select(metric.HTTPReqDuration, filter)
		got, _ := whole.Select(metric.HTTPReqDuration, filter)
		got.Sum, want.Sum = 0, 0
		if facts(&got) != facts(&want) {
			t.Errorf("{%s}: %s\nwant %s", filter, brief(&got), brief(&want))
		}
	}
	other, _ := whole.Select(metric.HTTPReqDuration, metric.NewTags(metric.Tag{Key: "name", Value: metric.Overflow}))
	if other.Count == 0 {
		t.Error("what was folded cannot be found")
	}
}

// TestUnboundable says that a bound that cannot be held costs no fact and no
// endless loop.
func TestUnboundable(t *testing.T) {
	b := newPair(t, Options{MaxBytes: 1})
	r := metric.NewRegistry(metric.Options{Start: start()})
	for second := 1; second <= 300; second++ {
		record(r, metric.HTTPReqs, 1, metric.Tag{Key: "name", Value: fmt.Sprint(second % 7)})
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
	}
	if agg, _ := b.line.Between(0, b.line.End()).Select(metric.HTTPReqs, metric.Tags{}); agg.Sum != 300 {
		t.Errorf("%s", facts(&agg))
	}
}
