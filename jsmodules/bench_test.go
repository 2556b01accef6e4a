package jsmodules_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

// benchmarkIterate measures iterations of a script that does a thing `times`
// in each. Less than one time, it measures the iteration itself.
func benchmarkIterate(b *testing.B, times int, init, body string) {
	if times > 0 {
		body = fmt.Sprintf("for (let i = 0; i < %d; i++) { %s }", times, body)
	}
	v := newWorld(nil).vu(b, imports+init+"\nexport default function(){"+body+"}")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := v.Iterate(ctx, vu.Iteration{Scenario: scenario, InVU: uint64(i)}); err != nil {
			b.Fatal(err)
		}
	}
	if times > 0 {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*times), "ns/time")
	}
}

func BenchmarkIterateEmpty(b *testing.B) { benchmarkIterate(b, 0, ``, ``) }

// What the loop around the next ones costs by itself.
func BenchmarkLoop(b *testing.B) { benchmarkIterate(b, 100, ``, ``) }

func BenchmarkCheck(b *testing.B) {
	b.Run("kept", func(b *testing.B) {
		benchmarkIterate(b, 100, `const set = {"is one": v => v === 1};`, `check(1, set)`)
	})
	b.Run("literal", func(b *testing.B) { // the script makes an object and a function each time
		benchmarkIterate(b, 100, ``, `check(1, {"is one": v => v === 1})`)
	})
	b.Run("literal alone", func(b *testing.B) {
		benchmarkIterate(b, 100, `const f = () => {};`, `f(1, {"is one": v => v === 1})`)
	})
}

func BenchmarkMetricAdd(b *testing.B) {
	const init = `const t = new Trend("t"), tags = {kind: "a"};`
	b.Run("no tags", func(b *testing.B) { benchmarkIterate(b, 100, init, `t.add(i)`) })
	b.Run("tags", func(b *testing.B) { benchmarkIterate(b, 100, init, `t.add(i, tags)`) })
}

func BenchmarkGroup(b *testing.B) {
	benchmarkIterate(b, 100, `const f = () => {};`, `group("g", f)`)
}

func BenchmarkGlobals(b *testing.B) {
	for _, name := range []string{"__ITER", "__VU", "__ENV.A"} {
		b.Run(name, func(b *testing.B) { benchmarkIterate(b, 100, ``, name) })
	}
}

const realistic = `import { check, group, sleep } from "k6";
import { Counter, Rate, Trend } from "k6/metrics";
const a = new Trend("a", true), b = new Rate("b"), c = new Counter("c");
export const options = { vus: 10, thresholds: { a: ["p(95)<200"], b: ["rate>0.9"] } };
export default function(data){
  group("one", () => { const r = {status: 200}; check(r, {"status is 200": r => r.status === 200}); a.add(1) });
  group("two", () => { const r = {status: 200}; check(r, {"status is 200": r => r.status === 200, "fast": () => true}); b.add(true); c.add(1) });
}`

func BenchmarkNewVU(b *testing.B) {
	for name, c := range map[string]struct {
		code     string
		iterated bool
	}{
		"bare":               {`export default function(){}`, false},
		"k6":                 {`import {check} from "k6"; export default function(){ check(1, {}) }`, false},
		"realistic":          {realistic, false},
		"realistic/iterated": {realistic, true},
		"realistic+http":     {`import http from "k6/http"; ` + realistic + `; export function other(){ http.get(""); http.post("") }`, true},
	} {
		b.Run(name, func(b *testing.B) {
			const count = 2000
			p := newWorld(nil).program(b, c.code)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				before := heap()
				vus := make([]vu.VU, count)
				stop := make(chan struct{})
				var ready, done sync.WaitGroup
				b.StartTimer()
				for i := range vus {
					v, err := p.NewVU(ctx, vu.Identity{InInstance: uint64(i + 1), InTest: uint64(i + 1)})
					if err != nil {
						b.Fatal(err)
					}
					vus[i] = v
				}
				b.StopTimer()
				for _, v := range vus {
					ready.Add(1)
					done.Go(func() {
						if c.iterated {
							if err := v.Iterate(ctx, vu.Iteration{Scenario: scenario}); err != nil {
								b.Error(err)
							}
						}
						ready.Done()
						<-stop
					})
				}
				ready.Wait()
				after := heap()
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/count, "heap-B/VU")
				b.ReportMetric(float64(after.StackInuse-before.StackInuse)/count, "stack-B/VU")
				close(stop)
				done.Wait()
				for _, v := range vus {
					v.Close()
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/count, "ns/VU")
		})
	}
}

func heap() runtime.MemStats {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m
}
