package sandbox

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

func TestInspect(t *testing.T) {
	for name, c := range map[string]struct{ code, options, exports, failure string }{
		"empty":           {``, `{}`, ``, ``},
		"options":         {`exports.options = {vus: 1, f(){}, d: new Date(0), u: undefined}`, `{"vus":1,"d":"1970-01-01T00:00:00.000Z"}`, ``, ``},
		"null options":    {`exports.options = null`, `{}`, ``, ``},
		"functions":       {`exports.default = ()=>{}; exports.b = async function(){}; exports.a = class {}; exports.c = 1`, `{}`, `a,b,default`, ``},
		"module.exports":  {`module.exports = {default(){}}`, `{}`, `default`, ``},
		"list of options": {`exports.options = [1]`, `[1]`, ``, ``},
		"function":        {`exports.options = ()=>({})`, `"a function"`, `options`, ``},
		"text":            {`exports.options = "vus=1"`, `"vus=1"`, ``, ``},
		"number":          {`exports.options = 5`, `5`, ``, ``},
		"no number":       {`exports.options = NaN`, `"NaN"`, ``, ``},
		"cyclic":          {`const o = {}; o.o = o; exports.options = o`, ``, ``, `options cannot be turned into JSON`},
		"throwing getter": {`exports.options = {get vus(){ throw new RangeError("no") }}`, ``, ``, `RangeError: options cannot be turned into JSON: no`},
		"throwing export": {`Object.defineProperty(exports, "options", {enumerable: true, get(){ throw new Error("no") }})`, ``, ``, `Error: no`},
		"throws":          {`throw new Error("at top level")`, ``, ``, `Error: at top level`},
		"rejects":         {`Promise.reject(new Error("later"))`, ``, ``, `Error: later`},
		"no object":       {`module.exports = 1`, ``, ``, `module.exports must be an object`},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := compile(t, c.code).Inspect(context.Background(), newHost())
			if c.failure != "" {
				wantException(t, err, c.failure)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(in.Options); got != c.options {
				t.Errorf("options %s, want %s", got, c.options)
			}
			if got := strings.Join(in.Exports, ","); got != c.exports {
				t.Errorf("exports %s, want %s", got, c.exports)
			}
		})
	}
}

// TestInspectRefusesNumbersThatAreNone: JSON would make null of them, which is
// "not given".
func TestInspectRefusesNumbersThatAreNone(t *testing.T) {
	for code, want := range map[string]string{
		`{rps: NaN}`: "rps: must be a finite number, got NaN",
		`{vus: 1, dns: {select: "first", ttl: __ENV.NONE * 1000}}`:              "dns.ttl: must be a finite number, got NaN",
		`{stages: [{target: 1}, {target: 2, duration: -Infinity}]}`:             "stages[1].duration: must be a finite number, got -Infinity",
		`{scenarios: {a: {env: {X: 1/0}}}}`:                                     "scenarios.a.env.X: must be a finite number, got Infinity",
		`{rps: new Number(NaN)}`:                                                "rps: must be a finite number, got NaN",
		`{get rps() { return this.read ? 1 : (this.read = true, NaN) }}`:        "rps: must be a finite number, got NaN",
		`{tags: {toJSON() { return {a: NaN} }}}`:                                "tags.a: must be a finite number, got NaN",
		`(() => { const s = {x: 1}; return {a: s, b: {c: s, d: [s, NaN]}} })()`: "b.d[1]: must be a finite number, got NaN",
		`[NaN]`: "[0]: must be a finite number, got NaN",
	} {
		_, err := compile(t, "exports.options = "+code).Inspect(context.Background(), newHost())
		var fault *plan.Fault
		if !errors.As(err, &fault) || fault.Error() != want+" (is an environment variable missing?)" {
			t.Errorf("%s: got %v, want %s", code, err, want)
		}
	}
	for code, want := range map[string]string{
		`exports.options = {rps: null, a: 1e308, b: [undefined, () => NaN], c: "NaN", d: -0}`:                  `{"rps":null,"a":1e+308,"b":[null,null],"c":"NaN","d":0}`,
		`JSON.stringify = 1; exports.options = {rps: 1}`:                                                       `{"rps":1}`,
		`globalThis.JSON = undefined; exports.options = {rps: 1}`:                                              `{"rps":1}`,
		`exports.options = {toJSON() {}}`:                                                                      `{}`,
		`let o = {}; exports.options = o; for (let i = 0; i < 300; i++) o = o.o = {}; o.toJSON = () => "deep"`: strings.Repeat(`{"o":`, 300) + `"deep"` + strings.Repeat("}", 300),
	} {
		in, err := compile(t, code).Inspect(context.Background(), newHost())
		if err != nil || string(in.Options) != want {
			t.Errorf("%s: got %s, %v", code, in.Options, err)
		}
	}
}

func TestInspectListsMetrics(t *testing.T) {
	m := probe(func(v *VU, call goja.FunctionCall) goja.Value {
		if _, err := v.DefineMetric(call.Argument(0).String(), metric.Trend, metric.Time); err != nil {
			v.Throw("Error", err.Error())
		}
		return nil
	})
	in, err := compile(t, `const {probe} = require("probe"); probe("a"); probe("b"); probe("a")`, m).Inspect(context.Background(), newHost())
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Metrics) != 2 || in.Metrics[0].Name != "a" || in.Metrics[1] != (metric.Metric{Name: "b", Type: metric.Trend, Unit: metric.Time}) {
		t.Fatalf("got %+v", in.Metrics)
	}
	_, err = compile(t, `require("probe").probe("not a name")`, m).Inspect(context.Background(), newHost())
	wantException(t, err, "not a name")
}

func TestCompileRefuses(t *testing.T) {
	for name, b := range map[string]*bundle.Bundle{
		"syntax":     {Entry: "x.js", Code: []byte("let = =")},
		"source map": {Entry: "x.js", Map: []byte("{")},
		"mappings":   {Entry: "x.js", Map: []byte(`{"mappings":1,"sources":[]}`)},
	} {
		if _, err := Compile(b, nil, nil); err == nil || !strings.Contains(err.Error(), "x.js") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Compile(commonJS(""), []Module{probe(nil), probe(nil)}, nil); err == nil {
		t.Error("two modules of one name were accepted")
	}
}

func TestSetupAndTeardown(t *testing.T) {
	p := newProgram(t, newHost(), `
		exports.setup = async function(){ await null; return {n: 1, list: [1,2], u: undefined} };
		exports.default = function(data){ if (data.n++ !== __ITER + 1 || data.list.length !== 2) throw new Error(JSON.stringify(data)) };
		exports.teardown = function(data){ if (data.n !== 1) throw new Error("teardown got " + JSON.stringify(data)); throw new Error("torn down") };`)
	ctx := context.Background()
	data, err := p.Setup(ctx)
	if err != nil || string(data) != `{"n":1,"list":[1,2]}` {
		t.Fatalf("setup: %s, %v", data, err)
	}
	p.SetSetupData(data)
	clear(data) // it is the caller's to do with as he likes
	for range 2 {
		v := newVU(t, p)
		for i := range 3 {
			// The object is one VU's own and the same in each of its iterations.
			if err := v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario, InVU: uint64(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantException(t, p.Teardown(ctx), "Error: torn down")
}

func TestSetupResults(t *testing.T) {
	for code, want := range map[string]string{
		``:                                     `nil`,
		`exports.setup = ()=>{}`:               `nil`,
		`exports.setup = ()=>null`:             `null`,
		`exports.setup = ()=>"a\u2028"`:        "\"a\u2028\"",
		`exports.setup = ()=>1.5`:              `1.5`,
		`exports.setup = ()=>[[]]`:             `[[]]`,
		`exports.setup = async ()=>({a: "]"})`: `{"a":"]"}`,
	} {
		p := newProgram(t, newHost(), code)
		data, err := p.Setup(context.Background())
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		got := string(data)
		if data == nil {
			got = "nil"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", code, got, want)
		}
		if err := p.Teardown(context.Background()); err != nil {
			t.Errorf("%s: teardown: %v", code, err)
		}
	}
	_, err := newProgram(t, newHost(), `exports.setup = ()=>{ const a = {}; return a.a = a }`).Setup(context.Background())
	wantException(t, err, "TypeError")
	_, err = newProgram(t, newHost(), `exports.setup = ()=>{ throw new Error("no") }`).Setup(context.Background())
	wantException(t, err, "Error: no")
}

func TestHandleSummary(t *testing.T) {
	ctx := context.Background()
	files, err := newProgram(t, newHost(), ``).HandleSummary(ctx, []byte(`{}`))
	if files != nil || err != nil {
		t.Fatalf("without handleSummary: %v, %v", files, err)
	}
	files, err = newProgram(t, newHost(), `exports.handleSummary = async (data)=>({stdout: "n=" + data.n, "a.bin": new Uint8Array([1,2]).buffer, skipped: undefined})`).HandleSummary(ctx, []byte(`{"n":3}`))
	if err != nil || len(files) != 2 || string(files["stdout"]) != "n=3" || string(files["a.bin"]) != "\x01\x02" {
		t.Fatalf("got %q, %v", files, err)
	}
	for _, nothing := range []string{`()=>{}`, `()=>null`, `async ()=>{}`} {
		files, err := newProgram(t, newHost(), `exports.handleSummary = `+nothing).HandleSummary(ctx, []byte(`{}`))
		if files != nil || err != nil {
			t.Errorf("%s: %v, %v", nothing, files, err)
		}
	}
	for code, want := range map[string]string{
		`()=>1`:                           "must return an object",
		`()=>[]`:                          "must return an object",
		`()=>({stdout: 1})`:               `the content of "stdout" must be a string or an ArrayBuffer, got 1`,
		`()=>({stdout: {a: 1}})`:          `got {"a":1}`,
		`()=>{ throw new Error("no") }`:   "Error: no",
		`()=>({get stdout(){ throw 1 }})`: "uncaught: 1",
	} {
		_, err := newProgram(t, newHost(), `exports.handleSummary = `+code).HandleSummary(ctx, []byte(`{}`))
		wantException(t, err, want)
	}
}

func TestEnvironment(t *testing.T) {
	h := newHost()
	h.Env = map[string]string{"A": "a", "B": "b"}
	p := newProgram(t, h, `
		const atInit = [__ENV.A, __VU, __ITER].join();
		const env = __ENV;
		exports.default = function(){ throw [atInit, JSON.stringify(__ENV), env === __ENV, __VU, __ITER].join(" ") };
		exports.change = function(){ __ENV.A = "changed" };`)
	ctx := context.Background()
	v := newVU(t, p)
	with := &vu.Scenario{Name: "with", Exec: "default", Env: map[string]string{"B": "over", "C": "c"}}
	without := &vu.Scenario{Name: "without", Exec: "default"}
	for _, c := range []struct {
		s    *vu.Scenario
		iter uint64
		want string
	}{
		{with, 0, `a,1, {"A":"a","B":"over","C":"c"} true 1 0`},
		{with, 1, `a,1, {"A":"a","B":"over","C":"c"} true 1 1`},
		{without, 0, `a,1, {"A":"a","B":"b"} true 1 0`},
		{with, 2, `a,1, {"A":"a","B":"over","C":"c"} true 1 2`},
	} {
		wantException(t, v.Iterate(ctx, vu.Iteration{Scenario: c.s, InVU: c.iter}), "uncaught: "+c.want)
	}
	if err := v.Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "change"}}); err != nil {
		t.Fatal(err)
	}
	if h.Env["A"] != "a" {
		t.Fatal("the script changed the host's environment")
	}
	wantException(t, newVU(t, p).Iterate(ctx, vu.Iteration{Scenario: without}), `{"A":"a","B":"b"}`)
}

func TestUnknownExec(t *testing.T) {
	v := newVU(t, newProgram(t, newHost(), ``))
	wantException(t, v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario}), `the script exports no function "default"`)
}

func TestRandomIsRepeatable(t *testing.T) {
	draw := func(seed, number uint64) string {
		h := newHost()
		h.Seed = seed
		v, err := newProgram(t, h, `exports.default = ()=>{ throw [Math.random(), Math.random()].join() }`).newVU(context.Background(), vu.Identity{InInstance: 1, InTest: number})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		return v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario}).Error()
	}
	if first, second := draw(1, 1), draw(1, 1); first != second {
		t.Error("the same seed gave different numbers")
	}
	if draw(1, 1) == draw(1, 2) || draw(1, 1) == draw(2, 1) {
		t.Error("different VUs or seeds gave the same numbers")
	}
}

// A Go panic in a host function is a fault of ours: the VU must be replaced. A
// panic inside the JavaScript engine is the script's doing.
func TestPanics(t *testing.T) {
	ctx := context.Background()
	l := &logs{}
	h := newHost()
	h.Log = l.add
	m := probe(func(*VU, goja.FunctionCall) goja.Value { panic("ours") })
	v := newVU(t, newProgram(t, h, `let n = 0; exports.default = ()=>{ if (n++ > 0) throw n; require("probe").probe() }`, m))
	for range 2 { // each time in a new runtime
		err := v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario})
		var e *vu.Exception
		if err == nil || errors.As(err, &e) || !strings.Contains(err.Error(), "internal fault in VU 1: ours") || strings.Contains(err.Error(), "goroutine") {
			t.Fatalf("got %v", err)
		}
	}
	if lines := l.all(); len(lines) != 2 || lines[0].Level != "debug" || !strings.Contains(lines[0].Text, "lifecycle_test.go") {
		t.Fatalf("logged %v", lines)
	}

	v = newVU(t, newProgram(t, newHost(), `exports.default = ()=>{ var [a]={[Symbol.iterator](){return {}}} }; exports.fine = ()=>{}`))
	for range 2 {
		wantException(t, v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario}), "")
	}
	if err := v.Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "fine"}}); err != nil {
		t.Fatal(err)
	}
}

func TestHooks(t *testing.T) {
	var calls []string
	m := Module{Names: []string{"probe"}, Load: func(*Host) (New, error) {
		return func(v *VU) *goja.Object {
			v.OnIterationEnd(func() { calls = append(calls, "end") })
			v.OnClose(func() { calls = append(calls, "close 1") })
			v.OnClose(func() { calls = append(calls, "close 2") })
			return v.Runtime().NewObject()
		}, nil
	}}
	p := newProgram(t, newHost(), `require("probe"); exports.default = ()=>{ if (__ITER) throw 1 }`, m)
	v, err := p.NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		_ = v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario, InVU: uint64(i)})
	}
	v.Close()
	if got := strings.Join(calls, ","); got != "end,end,close 2,close 1" {
		t.Fatal(got)
	}

	failing := Module{Names: []string{"bad"}, Load: func(*Host) (New, error) { return nil, errors.New("no") }}
	if _, err := compile(t, ``, failing).Program(newHost()); err == nil || err.Error() != "load module bad: no" {
		t.Fatal(err)
	}
}
