package http

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// peak runs f and returns by how many bytes the heap grew at most meanwhile,
// garbage included.
func peak(f func()) int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	used := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	runtime.GC()
	before := used()
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		highest := before
		for {
			highest = max(highest, used())
			select {
			case <-tick.C:
			case <-done:
				most <- highest
				return
			}
		}
	}()
	f()
	close(done)
	return <-most - before
}

// Bodies of a gibibyte go either way without being held.
func TestLargeBodiesTakeNoMemory(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("moves gigabytes")
	}
	const size, most = 1 << 30, 32 << 20
	s := peers.Nginx(t)
	for _, c := range []struct{ version, url, proto string }{
		{"1.1", s.HTTP, "HTTP/1.1"}, {"1.1", s.HTTPS, "HTTP/1.1"}, {"2", s.H2, "HTTP/2.0"}, {"h2c", s.H2C, "HTTP/2.0"},
	} {
		for name, code := range map[string]string{
			"down": fmt.Sprintf(`const r = http.get(URL + '/bytes/%d', {responseType: 'none', timeout: 300000}); say(r.status, r.proto, r.body, r.error);`, size),
			"up":   fmt.Sprintf(`const r = http.post(URL + '/sink', http.payload(%d), {timeout: 300000}); say(r.status, r.proto, r.json('received'), r.error);`, size),
		} {
			t.Run(c.url[:5]+" "+c.proto+" "+name, func(t *testing.T) {
				p := newPlan()
				p.HTTP.Version, p.HTTP.InsecureSkipTLSVerify = c.version, true
				w := newWorld(t, p, "const URL = '"+c.url+"';", code)
				want := fmt.Sprintf("200 %s null ", c.proto)
				metric := "data_received"
				if name == "up" {
					want, metric = fmt.Sprintf("200 %s %d ", c.proto, size), "data_sent"
				}
				var got []string
				begin := time.Now()
				grown := peak(func() { got = w.run() })
				took := time.Since(begin)
				if len(got) != 1 || got[0] != want {
					t.Fatalf("script said %q, want %q", got, want)
				}
				if grown > most {
					t.Errorf("the heap grew by %d bytes, want at most %d", grown, most)
				}
				if n := w.value(metric).Sum; n < size || n > size*1.02 {
					t.Errorf("%s is %v, want %d and some", metric, n, size)
				}
				t.Logf("%d bytes of heap, %.0f MB/s", grown, size/1e6/took.Seconds())
			})
		}
	}
}
