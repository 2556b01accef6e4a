package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

// teller is a module whose probe(x) notes x as text.
func teller(told *[]string) Module {
	return probe(func(v *VU, call goja.FunctionCall) goja.Value {
		*told = append(*told, v.Describe(call.Argument(0)))
		return goja.Undefined()
	})
}

const tell = "const tell = require('probe').probe;\n"

func TestVUSetupAndTeardown(t *testing.T) {
	for name, c := range map[string]struct{ code, want string }{
		"all": {`exports.vuSetup = d => { tell("up " + d.a); return {n: 1} };
			exports.default = (d, own) => { own.n++; tell("run " + own.n) };
			exports.vuTeardown = (d, own) => tell("down " + d.a + own.n)`, "up 7|run 2|run 3|down 73"},
		"async": {`exports.vuSetup = async d => { await null; tell("up " + d.a); return {n: 1} };
			exports.default = async (d, own) => { await null; own.n++; tell("run " + own.n) };
			exports.vuTeardown = async (d, own) => { await null; tell("down " + d.a + own.n) }`, "up 7|run 2|run 3|down 73"},
		"setup alone":           {`exports.vuSetup = () => 5; exports.default = (d, own) => tell(own)`, "5|5"},
		"nothing returned":      {`exports.vuSetup = () => {}; exports.default = function(d, own){ tell(arguments.length + String(own)) }`, "2undefined|2undefined"},
		"teardown alone":        {`exports.default = function(){ tell(arguments.length) }; exports.vuTeardown = (d, own) => tell("down " + d.a + own)`, "1|1|down 7undefined"},
		"neither":               {`exports.default = function(){ tell(arguments.length) }`, "1|1"},
		"no functions":          {`exports.vuSetup = 1; exports.vuTeardown = {}; exports.default = function(){ tell(arguments.length) }`, "1|1"},
		"what cannot be JSON":   {`exports.vuSetup = () => { const o = {n: 1}; o.o = o; return o }; exports.default = (d, own) => tell(own.o.n); exports.vuTeardown = (d, own) => tell(own.o.n)`, "1|1|1"},
		"hostile toJSON":        {`exports.vuSetup = () => ({toJSON(){ throw 1 }, n: 1}); exports.default = (d, own) => tell(own.n); exports.vuTeardown = (d, own) => tell(own.n)`, "1|1|1"},
		"a promise kept inside": {`exports.vuSetup = () => ({p: Promise.resolve(3)}); exports.default = async (d, own) => tell(await own.p)`, "3|3"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			p := newProgram(t, newHost(), tell+c.code, teller(&told))
			p.SetSetupData([]byte(`{"a":7}`))
			v := newVU(t, p)
			for _, step := range []func() error{
				func() error { return v.Setup(t.Context()) },
				func() error { return v.Setup(t.Context()) }, // once in a life
				func() error { return v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario}) },
				func() error { return v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario, InVU: 1}) },
				func() error { return v.Teardown(t.Context()) },
				func() error { return v.Teardown(t.Context()) },
			} {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(told, "|"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestVUTeardownNeedsSetup(t *testing.T) {
	var told []string
	v := newVU(t, newProgram(t, newHost(), tell+`exports.default = () => {}; exports.vuTeardown = () => tell("down")`, teller(&told)))
	if err := v.Teardown(t.Context()); err != nil || told != nil {
		t.Fatalf("got %v, %v", err, told)
	}
}

func TestVUSetupFails(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"throws":    {`throw new RangeError("no")`, "RangeError: no"},
		"rejects":   {`return Promise.reject(new RangeError("no"))`, "RangeError: no"},
		"forgotten": {`Promise.reject(new RangeError("no"))`, "RangeError: no"},
		"for ever":  {`return new Promise(() => {})`, "can never be settled"},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			v := newVU(t, newProgram(t, newHost(), tell+`let n = 0; exports.vuSetup = () => { if (n++) return n;`+c.body+`};
				exports.default = (d, own) => tell(own);
				exports.vuTeardown = (d, own) => tell("down " + own)`, teller(&told)))
			e := wantException(t, v.Setup(t.Context()), c.want)
			if c.want != "can never be settled" && (len(e.Stack) == 0 || e.Stack[0].File != "script.js") {
				t.Errorf("no place in the script: %+v", e.Stack)
			}
			if err := v.Teardown(t.Context()); err != nil || told != nil {
				t.Errorf("vuTeardown without vuSetup: %v, %v", err, told)
			}
			if err := v.Setup(t.Context()); err != nil {
				t.Fatal("again:", err)
			}
			if err := v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario}); err != nil {
				t.Fatal(err)
			}
			if err := v.Teardown(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(told, "|"); got != "2|down 2" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestVUSetupIsInterrupted(t *testing.T) {
	for name, body := range map[string]string{
		"loop":       `try { while (true) {} } finally { while (true) {} }`,
		"async loop": `return (async () => { await null; while (true) {} })()`,
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			v := newVU(t, newProgram(t, newHost(), tell+`exports.vuSetup = () => { if (require("probe").first) { `+body+` } return 1 }; exports.default = (d, own) => tell(own)`, teller(&told)))
			_ = v.Runtime().GlobalObject() // the VU is usable before
			if err := v.enter(t.Context(), Init, func() error { return v.modules[0].Set("first", true) }); err != nil {
				t.Fatal(err)
			}
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer time.AfterFunc(20*time.Millisecond, func() { cancel(cause) }).Stop()
			var in *vu.Interrupted
			if err := v.Setup(ctx); !errors.As(err, &in) || in.Cause != cause {
				t.Fatalf("got %v", err)
			}
			if !v.stale {
				if err := v.enter(t.Context(), Init, func() error { return v.modules[0].Set("first", false) }); err != nil {
					t.Fatal(err)
				}
			}
			if err := v.Setup(t.Context()); err != nil {
				t.Fatal("again:", err)
			}
			if err := v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario}); err != nil || strings.Join(told, "|") != "1" {
				t.Fatalf("got %v, %v", err, told)
			}
		})
	}
}

// A VU whose runtime had to be replaced makes anew what vuSetup made, or at
// least tears it down.
func TestVUSetupInANewRuntime(t *testing.T) {
	const code = tell + `exports.vuSetup = () => { tell("up"); return {n: 1, f(){ return 2 }} };
		exports.default = async (d, own) => { tell("run " + own.f()); own.n = 9; await null; while (own.n === 9) {} };
		exports.fine = (d, own) => tell("fine " + own.f());
		exports.vuTeardown = (d, own) => tell("down " + own.n + typeof own.f)`
	interrupt := func(t *testing.T, told *[]string) *VU {
		ctx, cancel := context.WithCancel(t.Context())
		v := newVU(t, newProgram(t, newHost(), code, probe(func(v *VU, call goja.FunctionCall) goja.Value {
			text := call.Argument(0).String()
			*told = append(*told, text)
			if strings.HasPrefix(text, "run") {
				cancel()
			}
			return goja.Undefined()
		})))
		if err := v.Setup(t.Context()); err != nil {
			t.Fatal(err)
		}
		var in *vu.Interrupted
		if err := v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario}); !errors.As(err, &in) {
			t.Fatalf("got %v", err)
		}
		v.stale = true // as it is when an uncatchable error left calls open
		return v
	}
	t.Run("iterate", func(t *testing.T) {
		var told []string
		v := interrupt(t, &told)
		if err := v.Iterate(t.Context(), vu.Iteration{Scenario: &vu.Scenario{Name: "s", Exec: "fine"}}); err != nil {
			t.Fatal(err)
		}
		if err := v.Teardown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(told, "|"); got != "up|run 2|up|fine 2|down 1function" {
			t.Error(got)
		}
	})
	t.Run("teardown", func(t *testing.T) {
		var told []string
		v := interrupt(t, &told)
		if err := v.Teardown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(told, "|"); got != "up|run 2|down 1undefined" {
			t.Error(got)
		}
	})
}

// vuSetup and vuTeardown have phases and groups of their own.
func TestVUSetupScope(t *testing.T) {
	var told []string
	m := probe(func(v *VU, _ goja.FunctionCall) goja.Value {
		d, ok := v.Delay()
		told = append(told, fmt.Sprint(v.Phase(), " ", v.Scope().Tags, " ", d, ok))
		return goja.Undefined()
	})
	v := newVU(t, newProgram(t, newHost(), `const {probe} = require("probe");
		exports.vuSetup = async () => { await null; probe() }; exports.default = () => probe(); exports.vuTeardown = () => probe()`, m))
	it := vu.Iteration{Scenario: defaultScenario, Scheduled: true, Delay: time.Second}
	if err := errors.Join(v.Setup(t.Context()), v.Iterate(t.Context(), it), v.Teardown(t.Context()), v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario})); err != nil {
		t.Fatal(err)
	}
	want := "vuSetup group=::vuSetup 0s false|an iteration scenario=default 1s true|vuTeardown group=::vuTeardown 1s false|an iteration scenario=default 0s false"
	if got := strings.Join(told, "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Modules are told of the end of vuSetup while its phase lasts.
func TestVUSetupEndIsTold(t *testing.T) {
	var told []string
	m := probe(func(v *VU, _ goja.FunctionCall) goja.Value {
		v.OnIterationEnd(func() { told = append(told, v.Phase().String()) })
		return goja.Undefined()
	})
	v := newVU(t, newProgram(t, newHost(), `require("probe").probe(); exports.vuSetup = () => {}; exports.default = () => {}`, m))
	if err := errors.Join(v.Setup(t.Context()), v.Setup(t.Context()), v.Iterate(t.Context(), vu.Iteration{Scenario: defaultScenario})); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, "|"); got != "vuSetup|an iteration" {
		t.Error(got)
	}
}

func TestFunction(t *testing.T) {
	const code = `let n = 0;
		exports.add = x => { n += x.by; return {n} };
		exports.late = async x => { await null; return [x] };
		exports.none = () => {}; exports.nil = () => null; exports.no = () => false; exports.zero = () => 0; exports.text = () => "a\"b";
		exports.throws = () => { throw new RangeError("no") };
		exports.nan = () => ({users: NaN}); exports.inf = () => -Infinity; exports.fn = () => () => 1; exports.deep = () => ({f(){}}); exports.symbol = () => Symbol("s");
		exports.big = () => ({users: 1n}); exports.hostile = () => ({get users(){ throw new TypeError("mine") }});
		exports.value = 1`
	p := newProgram(t, newHost(), code)
	for name, c := range map[string]struct{ arg, want, failure string }{
		"late":    {arg: `{"a":1}`, want: `[{"a":1}]`},
		"none":    {},
		"nil":     {},
		"no":      {want: "false"},
		"zero":    {want: "0"},
		"text":    {want: `"a\"b"`},
		"throws":  {failure: "RangeError: no"},
		"nan":     {failure: "TypeError: nan returned an object whose users is NaN"},
		"inf":     {failure: "TypeError: inf returned -Infinity"},
		"fn":      {failure: "TypeError: fn returned a function"},
		"deep":    {failure: "TypeError: deep returned an object whose f is a function"},
		"symbol":  {failure: "TypeError: symbol returned Symbol(s)"},
		"big":     {failure: "TypeError"},
		"hostile": {failure: "TypeError: mine"},
		"add":     {arg: `{"by":`, failure: "SyntaxError"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := p.Function(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for range 2 {
				got, err := f.Call(t.Context(), []byte(c.arg))
				if c.failure != "" {
					wantException(t, err, c.failure)
				} else if err != nil || string(got) != c.want || (got == nil) != (c.want == "") {
					t.Fatalf("got %q, %v", got, err)
				}
			}
		})
	}
	t.Run("keeps its state", func(t *testing.T) {
		f, err := p.Function(t.Context(), "add")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for i := range 3 {
			if got, err := f.Call(t.Context(), []byte(`{"by":2}`)); err != nil || string(got) != fmt.Sprintf(`{"n":%d}`, 2*i+2) {
				t.Fatalf("got %s, %v", got, err)
			}
		}
	})
	for _, name := range []string{"missing", "value", ""} {
		_, err := p.Function(t.Context(), name)
		wantException(t, err, fmt.Sprintf("ReferenceError: the script exports no function %q", name))
	}
}

func TestFunctionIsInterrupted(t *testing.T) {
	f, err := newProgram(t, newHost(), `exports.shape = async x => { await null; while (x.loop) {} return x }`).Function(t.Context(), "shape")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer time.AfterFunc(20*time.Millisecond, func() { cancel(cause) }).Stop()
	var in *vu.Interrupted
	if _, err := f.Call(ctx, []byte(`{"loop":true}`)); !errors.As(err, &in) || in.Cause != cause {
		t.Fatalf("got %v", err)
	}
	if got, err := f.Call(t.Context(), []byte(`{"a":1}`)); err != nil || string(got) != `{"a":1}` {
		t.Fatalf("afterwards: %s, %v", got, err)
	}
}
