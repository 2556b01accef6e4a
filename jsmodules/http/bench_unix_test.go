//go:build unix

package http

import (
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// benchTarget is the server to load: SWARM_BENCH_URL, or one in this process
// whose own CPU time is then part of what is measured.
func benchTarget(b *testing.B) string {
	if u := os.Getenv("SWARM_BENCH_URL"); u != "" {
		return u
	}
	return serve(b, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":1,"name":"swarm","items":[1,2,3],"ok":true}`)
	})
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkScript runs scripts against a server, 50 VUs at a time, and reports
// the processor time per request. To compare with other tools:
//
//	taskset -c 1 env SWARM_BENCH_URL=http://127.0.0.1:8080/ go test -bench Script -benchtime 200000x
func BenchmarkScript(b *testing.B) {
	for _, bm := range []struct{ name, body string }{
		{"get", `http.get(URL);`},
		{"get+json", `const r = http.get(URL); if (r.status !== 200 || r.json('name') !== 'swarm') throw 1;`},
		{"get+params", `http.get(URL, {headers: {'X-Token': 'abc', Accept: 'application/json'}, tags: {name: 'item'}});`},
		{"post", `http.post(URL, JSON.stringify({a: 1, b: 'zwei'}), {headers: {'Content-Type': 'application/json'}});`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			const vus = 50
			url := benchTarget(b)
			w := newWorld(b, newPlan(), "", strings.ReplaceAll(bm.body, "URL", "'"+url+"'"))
			vu := worlds(b, w, vus)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime()
			var wg sync.WaitGroup
			for i, v := range vu {
				n := b.N / vus
				if i < b.N%vus {
					n++
				}
				wg.Go(func() {
					for range n {
						if err := v(context.Background()); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.StopTimer()
			if n := w.value("http_reqs", "status", "200").Sum; int(n) < b.N {
				b.Errorf("%v requests were counted, want %d", n, b.N)
			}
		})
	}
}

// worlds returns what runs an iteration in each of n VUs of w's program.
func worlds(b *testing.B, w *world, n int) []func(context.Context) error {
	var out []func(context.Context) error
	for i := range n {
		v, err := w.program.NewVU(context.Background(), identity(i+2))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(v.Close)
		run := func(ctx context.Context) error { return v.Iterate(ctx, iteration) }
		if err := run(context.Background()); err != nil { // opens the connection
			b.Fatal(err)
		}
		out = append(out, run)
	}
	return out
}

// BenchmarkResponse measures what reading a response costs a script.
func BenchmarkResponse(b *testing.B) {
	body := `{"id":1,"tags":[` + strings.TrimSuffix(strings.Repeat(`"some tag",`, 80), ",") + `],"a":{"b":"found"}}`
	url := serve(b, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, body) })
	for _, bm := range []struct{ name, code string }{
		{"nothing", ``},
		{"status", `r.status`},
		{"body", `r.body.length`},
		{"selector", `r.json('a.b')`},
		{"tree", `JSON.parse(r.body).a.b`},
		{"timings", `r.timings.duration`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w := newWorld(b, newPlan(), "let r; let n = 0;", fmt.Sprintf("r = r || http.get('%s'); for (let i = 0; i < 1000; i++) { %s; }", url, bm.code))
			w.run()
			b.ReportAllocs()
			b.ResetTimer()
			for range (b.N + 999) / 1000 {
				w.run()
			}
		})
	}
}

// BenchmarkParams measures what params cost that are made anew for every
// request, without the request: its URL is not valid. The objects alone, which
// the script makes, are "made".
func BenchmarkParams(b *testing.B) {
	const params = `{headers: {'X-Token': 'abc', Accept: 'application/json'}, tags: {name: 'item'}}`
	for _, bm := range []struct{ name, code string }{
		{"none", `http.get('x')`},
		{"made", `http.get('x'); keep = ` + params},
		{"decoded", `http.get('x', ` + params + `)`},
		{"kept", `http.get('x', kept)`},
	} {
		b.Run(bm.name, func(b *testing.B) {
			w := newWorld(b, newPlan(), "let keep; const kept = "+params, "for (let i = 0; i < 1000; i++) { "+bm.code+" }")
			w.run()
			b.ReportAllocs()
			b.ResetTimer()
			for range (b.N + 999) / 1000 {
				w.run()
			}
		})
	}
}
