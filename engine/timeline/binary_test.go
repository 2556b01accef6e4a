package timeline

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// sample is a timeline of every shape, merged and not.
func sample(t testing.TB, seconds int, o Options) *Timeline {
	b := newPair(t, o)
	r := metric.NewRegistry(metric.Options{Start: start(), Shards: 1})
	random := rand.New(rand.NewPCG(9, 9))
	for second := 1; second <= seconds; second++ {
		for _, name := range allMetrics {
			for range 3 {
				record(r, name, float64(random.IntN(1000))/8, metric.Tag{Key: "name", Value: fmt.Sprint("/ä,=", random.IntN(3))})
			}
		}
		b.merge("a", r.Snapshot(at(time.Duration(second)*time.Second)))
	}
	return b.line
}

func marshal(t testing.TB, line *Timeline) []byte {
	t.Helper()
	data, err := line.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestUnmarshalRefuses(t *testing.T) {
	good := marshal(t, sample(t, 5, Options{}))
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":   {nil, "not a timeline"},
		"text":      {[]byte("hello, world"), "not a timeline"},
		"version":   {append([]byte("swtl\x02"), good[5:]...), "timeline of version 2: this swarm reads version 1"},
		"cut short": {good[:len(good)-1], "damaged"},
		"longer":    {append(bytes.Clone(good), 0), "damaged"},
		"name":      {bytes.Replace(good, []byte(metric.HTTPReqs), []byte("http reqs"), 1), "damaged"},
		"order":     {bytes.Replace(good, []byte(metric.VUsMax), []byte("aus_max"), 1), "damaged"},
		"type":      {bytes.Replace(good, append([]byte(metric.HTTPReqs), byte(metric.Counter)), append([]byte(metric.HTTPReqs), 9), 1), "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			var line Timeline
			if err := line.UnmarshalBinary(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
			if line.families != nil {
				t.Error("an error changed the timeline")
			}
		})
	}
	for i := range good {
		var line Timeline
		if err := line.UnmarshalBinary(good[:i]); err == nil {
			t.Errorf("%d of %d bytes were taken", i, len(good))
		}
	}
}

// TestReadThenAdd goes on with a timeline that was saved.
func TestReadThenAdd(t *testing.T) {
	var line Timeline
	if err := line.UnmarshalBinary(marshal(t, sample(t, 200, Options{Recent: 10 * time.Second}))); err != nil {
		t.Fatal(err)
	}
	before, _ := line.Between(0, line.End()).Select(metric.HTTPReqs, metric.Tags{})
	r := metric.NewRegistry(metric.Options{Start: at(200 * time.Second)})
	record(r, metric.HTTPReqs, 5, metric.Tag{Key: "name", Value: "/new"})
	line.Add("b", r.Snapshot(at(201*time.Second)))
	after, _ := line.Between(0, line.End()).Select(metric.HTTPReqs, metric.Tags{})
	if after.Sum != before.Sum+5 || line.End() != 201*time.Second {
		t.Errorf("%s then %s, end %v", brief(&before), brief(&after), line.End())
	}
}

// FuzzUnmarshal checks that what is taken can be read in every way, and is
// written as it was.
func FuzzUnmarshal(f *testing.F) {
	f.Add(marshal(f, New(start(), Options{})))
	f.Add(marshal(f, sample(f, 3, Options{})))
	f.Add(marshal(f, sample(f, 130, Options{MaxBytes: 4000, Recent: 3 * time.Second})))
	f.Add([]byte("swtl\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var line Timeline
		err := line.UnmarshalBinary(data)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20+uint64(400*len(data)) {
			t.Fatalf("%d bytes took %d", len(data), grown)
		}
		if err != nil {
			return
		}
		var again Timeline
		written := marshal(t, &line)
		if err := again.UnmarshalBinary(written); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(marshal(t, &again), written) {
			t.Fatal("written and read, it is another")
		}
		for _, m := range line.Metrics() {
			whole, ok := line.Between(0, line.End()).Select(m.Name, metric.Tags{})
			if !ok || m.Type == metric.Trend && whole.Min > whole.Max {
				t.Fatalf("%s is %s", m.Name, brief(&whole))
			}
			var count uint64
			for s := range line.Series(m.Name) {
				points := 0
				for p := range s.Points() {
					count = add(count, p.Agg.Count)
					if p.At < 0 || p.At >= line.End() {
						t.Fatalf("a point at %v of %v", p.At, line.End())
					}
					if points++; points > 1000 {
						break
					}
				}
				if points > 1000 {
					return
				}
			}
			if count != whole.Count {
				t.Fatalf("%s: %d samples in points, %d in all", m.Name, count, whole.Count)
			}
		}
	})
}
