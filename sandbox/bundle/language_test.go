package bundle

import (
	"strings"
	"testing"
)

// Each text is the body of an async function that returns a string: what the
// bundler leaves as it is, goja must run, and what goja cannot run, the
// bundler must lower.
var language = []struct{ name, body, want string }{
	{"optional chaining", `const o = { a: { f() { return this.x; }, x: 1 } }; return [o?.a?.x, o.b?.c.d.e, o.a.f?.(), o.a.g?.(), delete o?.a?.x].join()`, "1,,1,,true"},
	{"nullish", `return [null ?? 1, 0 ?? 2, undefined ?? null ?? 3].join()`, "1,0,3"},
	{"logical assignment", `let a = null, b = 1, c = 0; const o = { get x() { return 5; } }; a ??= 1; b &&= 2; c ||= 3; o.x ||= 6; return [a, b, c, o.x].join()`, "1,2,3,5"},
	{"class fields", `class A { x = 1; ['y'] = this.x + 1; static z = 3; 'quoted name' = 4; f = () => this.x; } const a = new A(); return [a.x, a.y, A.z, a['quoted name'], a.f.call(null)].join()`, "1,2,3,4,1"},
	{"private members", `class A { #x = 1; static #n = 0; #m() { return this.#x; } get #g() { return 2; } set #g(v) { this.#x = v; } static #s() { return ++A.#n; } static has(o) { return #x in o; } run() { this.#g = 7; return [this.#m(), this.#g, A.#s(), A.has(this), A.has({})].join(); } } return new A().run()`, "7,2,1,true,false"},
	{"static blocks", `class A { static x; static { const y = 2; A.x = y * 2; } static { this.z = this.x + 1; } } return [A.x, A.z].join()`, "4,5"},
	{"inheritance", `class A { constructor(x) { this.x = x; } static make() { return new this(1); } get d() { return this.x * 2; } } class B extends A { constructor() { super(4); } get d() { return super.d + 1; } } class E extends Error { constructor(m) { super(m); this.name = 'E'; } } const e = new E('m'); return [new B().d, A.make().x, e instanceof E, e instanceof Error, e.message, new.target === undefined].join()`, "9,1,true,true,m,true"},
	{"async await", `const f = async x => await x * 2; const o = { async m() { return this.v; }, v: 3 }; try { await Promise.reject(new Error('e')); } catch ({ message }) { return [await f(2), await o.m(), message].join(); } finally { await null; }`, "4,3,e"},
	{"async generator", `async function* g() { try { yield 1; yield await Promise.resolve(2); yield* [3, 4]; yield* h(); } finally { log.push('done'); } } async function* h() { yield 5; } const log = []; for await (const x of g()) { log.push(x); if (x === 5) break; } return log.join()`, "1,2,3,4,5,done"},
	{"async generator method", `class A { async *[Symbol.asyncIterator]() { yield 'a'; } static async *s() { yield 'b'; } } const out = []; for await (const x of new A()) out.push(x); for await (const x of A.s()) out.push(x); return out.join()`, "a,b"},
	{"for await of sync", `const out = []; for await (const x of [Promise.resolve(1), 2]) out.push(x); outer: for await (const a of [1, 2]) for (const b of [1, 2]) { if (b === 2) continue outer; out.push(a + '' + b); } return out.join()`, "1,2,11,21"},
	{"using", `const log = []; { using a = { [Symbol.dispose]() { log.push('a'); } }; using b = { [Symbol.dispose]() { log.push('b'); } }; log.push('in'); } return log.join()`, "in,b,a"},
	{"await using", `const log = []; { await using a = { async [Symbol.asyncDispose]() { await null; log.push('a'); } }; log.push('in'); } return log.join()`, "in,a"},
	{"decorators", `const log = []; const d = (v, c) => { log.push(c.kind + ':' + String(c.name)); return v; }; @d class A { @d m() { return 1; } @d x = 2; @d accessor y = 3; } const a = new A(); return [log.join(), a.m(), a.x, a.y].join()`, ""},
	{"generator", `function* g() { const x = yield 1; try { yield x; } finally { yield 'f'; } return 9; } const it = g(); return [it.next().value, it.next(2).value, it.return(3).value, it.next().value].join()`, "1,2,f,3"},
	{"spread and rest", `const f = (a, ...r) => a + r.length; const { a, ...o } = { a: 1, b: 2, ...{ c: 3 }, ...null }; const [x, ...[y, z]] = [...'abc']; return [f(...[1, 2, 3]), Object.keys(o), x, y, z, Math.max(...[1], 2, ...[3]), [...new Set([1, 1])].length].join()`, "3,b,c,a,b,c,3,1"},
	{"destructuring", `const { a: { b = 5, ['c']: c } = { c: 6 }, d = b } = {}; let x = 1, y = 2; [x, y = 3] = [y, x]; const f = ({ p, q = p } = { p: 1 }, [r] = [2]) => p + q + r; for (const [k, { v }] of Object.entries({ m: { v: 1 } })) x += k + v; return [b, c, d, x, y, f()].join()`, "5,6,5,2m1,1,4"},
	{"templates", "const tag = (s, ...v) => s.raw.join('|') + v.join(); return [`a${1 + 1}b${`n${3}`}`, tag`x\\n${1}y${2}`, `line\nbreak`.length].join()", "a2bn3,x\\n|y|1,2,10"},
	{"bigint", `return [2n ** 64n, 0xFFn, BigInt(2) * 3n, typeof 1n, -5n / 2n, BigInt.asUintN(8, 257n), 1_000n].join()`, "18446744073709551616,255,6,bigint,-2,1,1000"},
	{"exponent", `let x = 2; x **= 3; return [x, 2 ** 3 ** 2, (-2) ** 2].join()`, "8,512,4"},
	{"numbers", `return [1_000_000, 0b101, 0o17, 0xff, .5e1].join()`, "1000000,5,15,255,5"},
	{"regexp flags", `return [/a.b/s.test('a\nb'), /^.$/u.test('😀'), 'aXbX'.replace(/x/gi, '-'), /^b/m.test('a\nb'), (() => { const r = /a/y; r.lastIndex = 1; return r.test('ba'); })(), /\u{61}/u.test('a')].join()`, "true,true,a-b-,true,true,true"},
	{"regexp named groups", `const m = /(?<y>\d{4})-(?<m>\d\d)/.exec('2024-05'); return [m.groups.y, '2024-05'.replace(/(?<a>\d+)-(?<b>\d+)/, '$<b>/$<a>'), /(?<q>['"]).*?\k<q>/.exec('x"y"')[0]].join()`, "2024,05/2024,\"y\""},
	{"regexp lookbehind", `return ['$5 €6'.match(/(?<=\$)\d/)[0], '$5 €6'.match(/(?<!\$)\d/)[0], 'ab'.match(/a(?=b)/)[0], /a(?!b)/.test('ab')].join()`, "5,6,a,false"},
	{"well-known symbols", `return [typeof Symbol.asyncIterator, typeof Symbol.dispose, Symbol.asyncIterator === Symbol.asyncIterator, String(Symbol.iterator)].join()`, "symbol,symbol,true,Symbol(Symbol.iterator)"},
	{"matchAll", `return [...'a1b2'.matchAll(/[a-z](\d)/g)].map(m => m[1]).join()`, "1,2"},
	{"symbols", `const o = { [Symbol.toPrimitive]: () => 42, *[Symbol.iterator]() { yield* [1, 2]; }, get [Symbol.toStringTag]() { return 'T'; } }; return [+o, ...o, Object.prototype.toString.call(o), Symbol('d').description].join()`, "42,1,2,[object T],d"},
	{"proxy and reflect", `const p = new Proxy({}, { get: (_, k) => k === 'then' ? undefined : 'got ' + String(k), has: () => true }); return [p.x, 'y' in p, Reflect.ownKeys({ a: 1, [Symbol.iterator]: 2 }).length].join()`, "got x,true,2"},
	{"optional catch", `try { throw 1; } catch { return 'caught'; }`, "caught"},
	{"labels and loops", `let n = 0; outer: for (let i = 0; i < 3; i++) { for (const j in { a: 1, b: 2 }) { if (j === 'b') continue outer; n += i; } } do n++; while (n < 5); const fs = []; for (let i = 0; i < 2; i++) fs.push(() => i); return [n, fs.map(f => f())].join()`, "5,0,1"},
	{"getters and setters", `const o = { _v: 1, get v() { return this._v; }, set v(x) { this._v = x * 2; }, ['c' + 1]: 1, __proto__: { inherited: 2 } }; o.v = 4; return [o.v, o.c1, o.inherited, Object.keys(o)].join()`, "8,1,2,_v,v,c1"},
	{"promises", `const r = await Promise.allSettled([1, Promise.reject(2)]); return [r.map(x => x.status), await Promise.any([Promise.reject(1), 2]), await Promise.race([3]), (await Promise.all([4, Promise.resolve(5)])).join()].join()`, "fulfilled,rejected,2,3,4,5"},
	{"weak and map", `const m = new Map([[NaN, 1]]), w = new WeakMap(), k = {}; w.set(k, 2); return [m.get(NaN), w.get(k), [...m.entries()].length, Object.fromEntries(new Map([['a', 1]])).a].join()`, "1,2,1,1"},
	{"array methods", `return [[1, [2, [3]]].flat(Infinity), [3, 1, 2].toSorted ? [3, 1, 2].toSorted() : 'old', [1, 2, 3].at(-1), [1, 2].includes(2), [1].flatMap(x => [x, x]), Array.from({ length: 2 }, (_, i) => i)].join()`, "1,2,3,1,2,3,3,true,1,1,0,1"},
	{"strings", `return ['a'.padStart(3, '-'), ' x '.trim(), 'aa'.replaceAll('a', 'b'), 'abc'.at(-1), '😀'.codePointAt(0), String.raw` + "`\\n`" + `, 'a\u2028b'.length].join()`, "--a,x,bb,c,128512,\\n,3"},
	{"non-ASCII names", `const größe = 1, 变量 = 2, o = { ключ: 3 }; return [größe, 变量, o.ключ, 'é'.normalize('NFD').length, '\u00e9' === 'é'].join()`, "1,2,3,2,true"},
	{"date and json", `return [JSON.stringify({ d: new Date(0), u: undefined, n: NaN, b: [undefined] }), JSON.parse('{"a":[1]}', (k, v) => v).a[0]].join()`, `{"d":"1970-01-01T00:00:00.000Z","n":null,"b":[null]},1`},
	{"comma, void, in, instanceof", `const x = (1, 2); return [x, void 0, 'a' in { a: 1 }, [] instanceof Array, typeof undeclaredName].join()`, "2,,true,true,undefined"},
	{"switch", `const f = x => { switch (x) { case 1: { let y = 'one'; return y; } case 2: case 3: return 'few'; default: return 'many'; } }; return [f(1), f(3), f(9)].join()`, "one,few,many"},
}

func TestLanguage(t *testing.T) {
	for _, ext := range []string{"js", "ts"} {
		for _, c := range language {
			if c.want == "" {
				continue
			}
			t.Run(ext+"/"+c.name, func(t *testing.T) {
				script := "script." + ext
				b := mustBuild(t, map[string]string{script: "export default async function () {\n" + c.body + "\n}"})
				if got := run(t, b).call(t, "default"); got != c.want {
					t.Errorf("got  %v\nwant %v\n%s", got, c.want, b.Code)
				}
			})
		}
	}
}

func TestNamesOfFunctionsSurvive(t *testing.T) {
	b := mustBuild(t, map[string]string{"script.js": `
class Order {} 
const arrow = () => {}, expression = function () {};
function declared() {}
export default () => [Order.name, arrow.name, expression.name, declared.name, new Order().constructor.name].join()`})
	if got := run(t, b).call(t, "default"); got != "Order,arrow,expression,declared,Order" {
		t.Errorf("got %v", got)
	}
	if strings.Contains(string(b.Code), "__name") {
		t.Error("closures are wrapped to keep their names")
	}
}
