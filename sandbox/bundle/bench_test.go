package bundle

import (
	"runtime"
	"strings"
	"testing"

	"github.com/dop251/goja"
)

var small = map[string]string{"script.js": `
import http from 'k6/http';
import { check, sleep } from 'k6';
import { token } from './lib/auth.js';
export const options = { vus: 10, thresholds: { http_req_duration: ['p(95)<200'] } };
export function setup() { return token(); }
export default function (data) {
  const res = http.get('http://127.0.0.1:8080/items', { headers: { Authorization: data } });
  check(res, { 'status is 200': (r) => r.status === 200, 'has items': (r) => r.json('items').length > 0 });
  sleep(1);
}
`, "lib/auth.js": "import http from 'swarm/http';\nexport const token = () => http.post('http://127.0.0.1:8080/login').json('token');\n"}

// BenchmarkBuild is a script as people begin with; the start of a run has
// 120 ms for everything.
func BenchmarkBuild(b *testing.B) {
	root := write(b, small)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Build(Options{Root: root, Entry: "script.js", Modules: modules}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRuntime is what a bundle costs each VU beside the runtime itself.
func BenchmarkRuntime(b *testing.B) {
	bundle := mustBuild(b, small)
	program := goja.MustCompile("bundle.js", "(function(module, exports, require){"+string(bundle.Code)+"})", false)
	empty := goja.MustCompile("empty.js", "(function(module, exports, require){})", false)
	load := func(p *goja.Program) any {
		rt := goja.New()
		wrapper, err := rt.RunProgram(p)
		if err != nil {
			b.Fatal(err)
		}
		call, _ := goja.AssertFunction(wrapper)
		module, host := rt.NewObject(), rt.NewObject()
		if _, err := call(goja.Undefined(), module, module, rt.ToValue(func(goja.FunctionCall) goja.Value { return host })); err != nil {
			b.Fatal(err)
		}
		return [2]any{rt, module}
	}
	held := func(p *goja.Program) float64 {
		const n = 500
		keep := make([]any, n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range keep {
			keep[i] = load(p)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(keep)
		return float64(after.HeapAlloc-before.HeapAlloc) / n
	}
	bytes := held(program) - held(empty)
	b.ReportAllocs()
	for b.Loop() {
		load(program)
	}
	b.ReportMetric(bytes, "heldB/VU")
}

// BenchmarkScreen reads 1 MB of ordinary code.
func BenchmarkScreen(b *testing.B) {
	text := strings.Repeat(small["script.js"], 1<<20/len(small["script.js"]))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if s := screen(text, 0); s.why != "" {
			b.Fatal(s.why)
		}
	}
}

// BenchmarkLocate is a look-up after the first.
func BenchmarkLocate(b *testing.B) {
	bundle := mustBuild(b, small)
	for b.Loop() {
		if at := bundle.Locate([]string{"thresholds", "http_req_duration", "0"}); at.Line == 0 {
			b.Fatal("not found")
		}
	}
}
