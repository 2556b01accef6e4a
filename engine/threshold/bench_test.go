package threshold

import (
	"fmt"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/timeline"
)

// BenchmarkWindow judges one threshold with a window of a minute, once: what it
// costs a coordinator each second. 50 series, 100 samples each a second.
func BenchmarkWindow(b *testing.B) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := metric.NewRegistry(metric.Options{Shards: 1})
	line := timeline.New(start, timeline.Options{})
	for second := range 60 {
		for i := range 50 {
			series := r.Series(r.Lookup(metric.HTTPReqDuration), metric.NewTags(metric.Tag{Key: "name", Value: fmt.Sprint(i)}))
			for n := range 100 {
				r.Recorder(0).Record(series, float64(10+n))
			}
		}
		line.Add("a", r.Snapshot(start.Add(time.Duration(second)*time.Second+time.Millisecond)))
	}
	c, err := Compile(Spec{Metric: metric.HTTPReqDuration, Type: metric.Trend, Expression: "p(95)<200", Over: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	between := func(from, to time.Duration) Source { return line.Between(from, to) }
	for b.Loop() {
		j := NewJudge([]Compiled{c}, 0)
		if v, _ := j.Judge(nil, time.Minute, between, time.Minute); !v[0].OK || v[0].At != time.Minute {
			b.Fatalf("%+v", v)
		}
	}
}
