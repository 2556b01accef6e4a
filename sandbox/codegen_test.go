package sandbox

import (
	"context"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
)

// Each expression tries to make code that returns 1 from a string.
var codeFromStrings = map[string]string{
	"eval":                        `eval("1")`,
	"indirect eval":               `(0,eval)("1")`,
	"eval by call":                `eval.call(null,"1")`,
	"eval by bind":                `eval.bind(null,"1")()`,
	"eval by apply":               `Reflect.apply(eval,null,["1"])`,
	"eval of globalThis":          `globalThis.eval("1")`,
	"eval as callback":            `["1"].map(eval)[0]`,
	"eval as replacer":            `"1".replace("1", eval)`,
	"eval as promise callback":    `"1".replace(/1/, (s) => globalThis["ev"+"al"](s))`,
	"Function":                    `Function("return 1")()`,
	"new Function":                `new Function("return 1")()`,
	"Function.call":               `Function.call(null,"return 1")()`,
	"Reflect.construct":           `Reflect.construct(Function,["return 1"])()`,
	"Reflect.construct newTarget": `Reflect.construct(Function,["return 1"],Object)()`,
	"bound constructor":           `new (Function.bind(null,"return 1"))()()`,
	"subclass":                    `new (class extends Function{})("return 1")()`,
	"function constructor":        `(function(){}).constructor("return 1")()`,
	"arrow constructor":           `(()=>{}).constructor("return 1")()`,
	"method constructor":          `({m(){}}).m.constructor("return 1")()`,
	"class constructor":           `(class{}).constructor("return 1")()`,
	"native constructor":          `Math.max.constructor("return 1")()`,
	"require's constructor":       `require.constructor("return 1")()`,
	"getter constructor":          `Object.getOwnPropertyDescriptor({get a(){return 1}},"a").get.constructor("return 1")()`,
	"prototype chain":             `Object.getPrototypeOf(function(){}).constructor("return 1")()`,
	"constructor of constructor":  `({}).constructor.constructor("return 1")()`,
	"string's":                    `"".constructor.constructor("return 1")()`,
	"error's":                     `(()=>{ try { null.x } catch (e) { return e.constructor.constructor("return 1")() } })()`,
	"async constructor":           `(async()=>{}).constructor("return 1")`,
	"async by prototype":          `Object.getPrototypeOf(async function(){}).constructor("return 1")`,
	"async method":                `({async m(){}}).m.constructor("return 1")`,
	"generator constructor":       `(function*(){}).constructor("yield 1")().next().value`,
	"generator by prototype":      `Object.getPrototypeOf(function*(){}).constructor("yield 1")`,
	"generator prototype":         `Object.getPrototypeOf(function*(){}()).constructor.constructor("yield 1")`,
	"new generator constructor":   `new (function*(){}).constructor("yield 1")`,
	"proxy of Function":           `new Proxy(Function,{})("return 1")()`,
	"console's":                   `globalThis.global.require?.constructor("return 1")() ?? (()=>{}).constructor("return 1")()`,
	"toString trick":              `Function({toString(){return "return 1"}})()`,
	"parameters":                  `Function("a=1","return a")()`,
	"source map comment":          `Function("return 1\n//# sourceMappingURL=/etc/passwd")()`,
	"JSON reviver":                `JSON.parse("1", (k,v) => eval("1"))`,
	"sort comparator":             `[1,2].sort(Function("return 1"))`,
	"symbol species":              `(()=>{ class A extends Array { static get [Symbol.species]() { return Function } } return new A("return 1").concat()() })()`,
	"array from":                  `Array.from.call(Function, ["return 1"])()`,
	"array of":                    `Array.of.call(Function, "return 1")()`,
	"regexp species":              `Reflect.construct(Function, ["return 1"], RegExp)()`,
	"tagged template":             "Function`return 1`()",
	"accessor on prototype":       `(()=>{ Object.defineProperty(Object.prototype, "x", {configurable: true, get: Function}); return ({}).x; })()`,
}

func TestNoCodeFromStrings(t *testing.T) {
	for name, expression := range codeFromStrings {
		t.Run(name, func(t *testing.T) {
			err := iterate(t, "return "+expression)
			if name == "accessor on prototype" && err == nil {
				t.Fatal("code was made from a string")
			}
			wantException(t, err, "code cannot be made from strings")
		})
	}
}

// A library that only looks at Function must go on working.
func TestFunctionStaysReadable(t *testing.T) {
	err := iterate(t, `
		if (!((()=>{}) instanceof Function)) throw 1;
		if (typeof Function.prototype.call !== "function") throw 2;
		if (Function.prototype.toString.call(Math.max).indexOf("native code") < 0) throw 3;
		if (global !== globalThis || global.Object !== Object) throw 4;`)
	if err != nil {
		t.Fatal(err)
	}
}

func TestHostIsOutOfReach(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"require fs":       {`require("fs")`, `cannot import "fs"`},
		"require misspelt": {`require("prob")`, `did you mean "probe"?`},
		"require object":   {`require({toString(){ throw new Error("mine") }})`, "mine"},
		"process":          {`process.env`, "process is not defined"},
		"Go names":         {`const n = require("probe").probe.name; throw new Error(n)`, "Error: probe"},
		"own keys":         {`throw new Error(Object.getOwnPropertyNames(require("probe")).join())`, "Error: probe"},
	} {
		t.Run(name, func(t *testing.T) {
			wantException(t, iterate(t, c.body, probe(nil)), c.want)
		})
	}
}

// What a script does to its intrinsics stays in its VU.
func TestVUsShareNothing(t *testing.T) {
	p := newProgram(t, newHost(), `
		exports.pollute = function(){
			Object.prototype.evil = 1; Array.prototype.push = null; Math.max = null; JSON.parse = null;
			globalThis.mark = 1; Promise.prototype.then = null; Function.prototype.call = null;
			__ENV.A = "changed"; require("probe").probe = null; require("probe").extra = 1;
		};
		exports.look = function(){
			if ({}.evil || !Array.prototype.push || !Math.max || !JSON.parse || globalThis.mark || !Promise.prototype.then
				|| !Function.prototype.call || __ENV.A || !require("probe").probe || require("probe").extra) throw new Error("shared");
		};`, probe(nil))
	a, b := newVU(t, p), newVU(t, p)
	ctx := context.Background()
	if err := a.Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "pollute"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "look"}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "look"}}); err == nil {
		t.Fatal("the pollution had no effect even where it was made")
	}
	if err := newVU(t, p).Iterate(ctx, vu.Iteration{Scenario: &vu.Scenario{Exec: "look"}}); err != nil {
		t.Fatal(err)
	}
}
