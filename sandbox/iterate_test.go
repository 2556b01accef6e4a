package sandbox

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
)

func TestIterationEndsAs(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"nothing":                  {``, ""},
		"async":                    {`return (async()=>{ await null; await 1 })()`, ""},
		"throw":                    {`throw new TypeError("boom")`, "TypeError: boom"},
		"throw later":              {`return (async()=>{ await null; throw new RangeError("late") })()`, "RangeError: late"},
		"throw string":             {`throw "plain"`, "uncaught: plain"},
		"throw object":             {`throw {a:1}`, `uncaught: {"a":1}`},
		"throw undefined":          {`throw undefined`, "uncaught: undefined"},
		"throw cyclic":             {`const a={}; a.a=a; throw a`, "uncaught: [object Object]"},
		"throw function":           {`throw ()=>1`, "uncaught: a function"},
		"throw error-like":         {`throw {name:"HTTPError", message:"no"}`, "HTTPError: no"},
		"hostile getter":           {`const e = new Error("x"); Object.defineProperty(e,"message",{get(){throw 1}}); throw e`, "Error"},
		"hostile toString":         {`throw {toString(){throw 1}, toJSON(){throw 2}}`, "uncaught: an object"},
		"never settled":            {`return new Promise(()=>{})`, "can never be settled"},
		"forgotten rejection":      {`Promise.reject(new Error("lost"))`, "Error: lost"},
		"handled rejection":        {`Promise.reject(1).catch(()=>{})`, ""},
		"recursion":                {`(function f(){ f() })()`, "RangeError: maximum call stack size exceeded"},
		"native recursion":         {`(function f(){ [1].map(f) })()`, "RangeError: maximum call stack size exceeded"},
		"async recursion":          {`return (async function f(){ await f() })()`, "RangeError: maximum call stack size exceeded"},
		"not a function":           {`undefined.x()`, "TypeError"},
		"broken iterator":          {`var [a]={[Symbol.iterator](){return {}}}`, "Error"},
		"broken BigInt":            {`BigInt.asUintN(2**53-1,-1n)`, "Error"},
		"unknown global":           {`process.exit()`, "ReferenceError: process is not defined"},
		"assignment to undeclared": {`"use strict"; nope = 1`, "ReferenceError"},
	} {
		t.Run(name, func(t *testing.T) {
			err := iterate(t, c.body)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantException(t, err, c.want)
		})
	}
}

func TestStackIsMapped(t *testing.T) {
	v := newVU(t, newProgram(t, newHost(), "function inner(){\n  throw new Error('x');\n}\nexports.default = function(){\n   [1].forEach(inner);\n}"))
	e := wantException(t, v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario}), "Error: x")
	want := []vu.Frame{
		{Function: "inner", File: "script.js", Line: 2, Column: 9},
		{File: "script.js", Line: 5, Column: 15},
	}
	if !slices.Equal(e.Stack, want) {
		t.Fatalf("got %+v, want %+v", e.Stack, want)
	}
}

func TestInterrupt(t *testing.T) {
	for name, body := range map[string]string{
		"loop":         `while(true){}`,
		"try finally":  `while(true){ try { while(true){} } catch(e) {} finally { while(true){} } }`,
		"promise loop": `return (async()=>{ while(true) await null })()`,
		"in async":     `return (async()=>{ await null; while(true); })()`,
		"async start":  `return (async()=>{ while(true); })()`,
		"in callback":  `[1].map(()=>{ while(true); })`,
		"generator":    `function* g(){ while(true); } for (const x of g());`,
		"sleep":        `try { require("probe").probe() } finally { while(true){} }`,
		"getter":       `const e = new Error("x"); Object.defineProperty(e,"message",{get(){while(true);}}); throw e`,
	} {
		t.Run(name, func(t *testing.T) {
			m := probe(func(v *VU, _ goja.FunctionCall) goja.Value { v.Sleep(time.Hour); return nil })
			v := newVU(t, newProgram(t, newHost(), "exports.default = function(){"+body+"}\nlet n=0; exports.ok = function(){ if (n++ !== 0) throw n; return (async()=>{await null})() }", m))
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
			err := v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario})
			var in *vu.Interrupted
			if !errors.As(err, &in) || in.Cause != cause {
				t.Fatalf("got %v", err)
			}
			if err := v.Iterate(ctx, vu.Iteration{Scenario: defaultScenario}); !errors.As(err, &in) {
				t.Fatalf("again: got %v", err)
			}
			t.Logf("stale: %v", v.stale)
			if err := v.Iterate(context.Background(), vu.Iteration{Scenario: &vu.Scenario{Name: "s", Exec: "ok"}}); err != nil {
				t.Fatalf("afterwards: %v", err)
			}
		})
	}
}
