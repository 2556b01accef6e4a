package jsmodules_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

func benchmarkIterate(b *testing.B, code string) {
	v := newWorld(nil).vu(b, imports+code)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := v.Iterate(ctx, vu.Iteration{Scenario: scenario, InVU: uint64(i)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIterateEmpty(b *testing.B) {
	benchmarkIterate(b, `export default function(){}`)
}

// The loops of a hundred make the iteration's own cost small; divide by 100.

func BenchmarkIterateLoop100(b *testing.B) {
	benchmarkIterate(b, `export default function(){ for (let i=0; i<100; i++); }`)
}

func BenchmarkCheck100(b *testing.B) {
	benchmarkIterate(b, `const set = {"is one": v => v === 1};
export default function(){ for (let i=0; i<100; i++) check(1, set) }`)
}

func BenchmarkCheckLiteral100(b *testing.B) {
	benchmarkIterate(b, `export default function(){ for (let i=0; i<100; i++) check(1, {"is one": v => v === 1}) }`)
}

func BenchmarkMetricAdd100(b *testing.B) {
	benchmarkIterate(b, `const t = new Trend("t");
export default function(){ for (let i=0; i<100; i++) t.add(i) }`)
}

func BenchmarkMetricAddTags100(b *testing.B) {
	benchmarkIterate(b, `const t = new Trend("t"), tags = {kind: "a"};
export default function(){ for (let i=0; i<100; i++) t.add(i, tags) }`)
}

func BenchmarkIterNumber100(b *testing.B) {
	benchmarkIterate(b, `export default function(){ let s = 0; for (let i=0; i<100; i++) s += __ITER }`)
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
