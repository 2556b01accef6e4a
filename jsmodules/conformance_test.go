package jsmodules_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules"
	"github.com/swarmload/swarm/sandbox"
)

// The conformance suite: what holds for every module, present and future. A
// module joins by standing in jsmodules.Builtin, and adds to longCalls what it
// has that waits.

// longCalls are expressions that wait for something that never comes.
var longCalls = map[string][]string{
	"swarm": {
		`m.sleep(3600)`,
		`m.group("g", () => m.sleep(3600))`,
		`m.check(1, {"slow": () => m.sleep(3600)})`,
		`m.group("g", async () => { await null; m.sleep(3600) })`,
	},
	"swarm/execution": {
		`[m.vu.tags.a = "x"].map(() => { while (true) m.test.fail("on and on") })`,
		`m.test.fail({toJSON(){ for (;;) m.vu.idInTest }})`,
	},
	"swarm/summary": {
		`m.textSummary({get metrics(){ while (true) m.humanizeValue(1) }})`,
		`m.jUnit({toJSON(){ while (true) {} }})`,
		`m.humanizeValue({valueOf(){ while (true) {} }})`,
	},
	"swarm/html": {
		`m.parseHTML("<p>x".repeat(1e5)).find("p:nth-last-child(2n)")`,
		`m.parseHTML("<p>x").find("p").filter(() => { while (true) {} })`,
	},
	"swarm/sse": {
		`new Promise(done => { new m.EventSource("http://127.0.0.1:9/").onend = done })`,
		`m.open("http://127.0.0.1:9/", () => {})`,
		`m.open("http://127.0.0.1:9/", {reconnect: true}, c => c.on("error", () => m.open("http://127.0.0.1:9/")))`,
		`m.events("http://127.0.0.1:9/").next()`,
	},
	"swarm/http": {
		`m.get("http://127.0.0.1:9/")`,
		`m.post("http://127.0.0.1:9/", "x")`,
		`m.batch(["http://127.0.0.1:9/", "http://127.0.0.1:9/"])`,
		`m.asyncRequest("GET", "http://127.0.0.1:9/")`,
		`Promise.all([1, 2, 3].map(n => m.asyncRequest("GET", "http://127.0.0.1:9/" + n)))`,
		`new m.Client({baseURL: "http://127.0.0.1:9"}).get("/")`,
		`new m.Client().asyncRequest("GET", "http://127.0.0.1:9/")`,
	},
}

// conformingWorld is a host whose network is a hole: what is dialled never
// answers and ends with the context.
func conformingWorld() *world {
	w := newWorld(nil)
	w.host.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return w
}

func forEachModule(t *testing.T, f func(t *testing.T, m sandbox.Module)) {
	for _, m := range jsmodules.Builtin() {
		t.Run(strings.ReplaceAll(m.Names[0], "/", "."), func(t *testing.T) { f(t, m) })
	}
}

// runModule runs body with the module as m, with ctx, once.
func (w *world) runModule(t *testing.T, ctx context.Context, m sandbox.Module, body string) error {
	t.Helper()
	v := w.vu(t, fmt.Sprintf("const m = require(%q);\nexport default function(){ %s\n}", m.Names[0], body))
	return v.Iterate(ctx, vu.Iteration{Scenario: scenario})
}

func TestModuleNames(t *testing.T) {
	seen := map[string]bool{}
	forEachModule(t, func(t *testing.T, m sandbox.Module) {
		if !strings.HasPrefix(m.Names[0], "swarm") {
			t.Errorf("the canonical name %q does not begin with swarm", m.Names[0])
		}
		for _, name := range m.Names {
			if seen[name] {
				t.Errorf("%q names two modules", name)
			}
			seen[name] = true
			if err := conformingWorld().runModule(t, t.Context(), m, fmt.Sprintf("if (require(%q) !== m) throw new Error('an object of its own')", name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Scripts see the documented exports of a module and nothing else.
func TestModuleExports(t *testing.T) {
	forEachModule(t, func(t *testing.T, m sandbox.Module) {
		for how, expression := range map[string]string{
			"keys":   `Object.keys(m)`,
			"names":  `Object.getOwnPropertyNames(m)`,
			"own":    `Reflect.ownKeys(m).map(String)`,
			"for in": `(() => { const all = []; for (const k in m) all.push(k); return all })()`,
		} {
			err := conformingWorld().runModule(t, t.Context(), m, "throw "+expression+".sort().join()")
			// A module may leave out `default`, which is the module again.
			isDefault := func(s string) bool { return s == "default" }
			want := slices.DeleteFunc(slices.Sorted(slices.Values(m.Exports)), isDefault)
			got := slices.DeleteFunc(strings.Split(wantException(t, err, "").Message, ","), isDefault)
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", how, got, want)
			}
		}
		err := conformingWorld().runModule(t, t.Context(), m, `for (const k of Object.keys(m)) if (m[k] === undefined) throw k; if (m.nothing !== undefined || "nothing" in m) throw "nothing"`)
		if err != nil {
			t.Error(err)
		}
	})
}

// Nothing that can be reached from a module bears a Go name or holds an object
// that is not JavaScript's.
func TestModulesShowNoGo(t *testing.T) {
	forEachModule(t, func(t *testing.T, m sandbox.Module) {
		err := conformingWorld().runModule(t, t.Context(), m, `
			const seen = new Set(), bad = [];
			const look = (o, path) => {
				if ((typeof o !== "object" && typeof o !== "function") || o === null || seen.has(o)) return;
				seen.add(o);
				if (typeof o === "function") {
					if (!/^[\w$ .\[\]]*$/.test(o.name)) bad.push(path + ".name is " + o.name);
					if (/[\/]|func\d/.test(Function.prototype.toString.call(o))) bad.push(path + " prints as " + o);
				}
				for (const k of Reflect.ownKeys(o)) {
					if (/[\/*]/.test(String(k)) || k === "runtime") bad.push(path + " has " + String(k));
					const d = Object.getOwnPropertyDescriptor(o, k);
					if (d && "value" in d) look(d.value, path + "." + String(k));
				}
				look(Object.getPrototypeOf(o), path + ".__proto__");
			};
			look(m, "m");
			if (bad.length) throw bad.join("; ");`)
		if err != nil {
			t.Error(err)
		}
	})
}

// What a module throws is an Error with a name and a message that tell a user
// something, whatever it was called with.
func TestModuleErrors(t *testing.T) {
	arguments := []string{``, `null`, `{}`, `-1`, `""`, `[]`, `NaN, NaN`, `"x", 1, 2, 3`, `{}, {}, {}`, `() => { throw new TypeError("mine") }`,
		`Symbol("s")`, `{toString(){ throw new TypeError("mine") }}`, `new Proxy({}, {get(){ throw new TypeError("mine") }})`, `1n`, `"\ud800"`}
	forEachModule(t, func(t *testing.T, m sandbox.Module) {
		w := conformingWorld()
		w.host.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("refused") }
		v := w.vu(t, fmt.Sprintf(`const m = require(%q);
			const judge = (what, e) => {
				if (!(e instanceof Error)) return what + " threw " + typeof e + " " + String(e);
				if (Object.keys(e).length) return what + " threw an error with keys " + Object.keys(e);
				if (typeof e.name !== "string" || !/Error$/.test(e.name)) return what + " threw a " + e.name;
				if (typeof e.message !== "string" || e.message === "") return what + " threw without a message";
				if (/goroutine|\.go:|0x[0-9a-f]{6}|runtime error|reflect|goja|<nil>/.test(e.message)) return what + " threw " + e.message;
			};
			export default function(data) {
				const f = m[__ENV.NAME], bad = [], promises = [];
				if (typeof f !== "function") return;
				const caught = (what, e) => { const b = judge(what, e); if (b) bad.push(b) };
				const call = (what, run) => { try { const r = run(); if (r instanceof Promise) promises.push(r.catch(e => caught(what, e))) } catch (e) { caught(what, e) } };
				%s
				return Promise.all(promises).then(() => { if (bad.length) throw new Error(bad.join("; ")) });
			}`, m.Names[0], callsOf(arguments)))
		for i, name := range m.Exports {
			s := &vu.Scenario{Name: name, Exec: "default", Env: map[string]string{"NAME": name}}
			err := v.Iterate(t.Context(), vu.Iteration{Scenario: s, InVU: uint64(i)})
			var e *vu.Exception
			if errors.As(err, &e) && !strings.Contains(e.Error(), "mine") {
				t.Errorf("%s: %v", name, err)
			} else if err != nil && e == nil {
				t.Errorf("%s: %T %v", name, err, err)
			}
		}
	})
}

func callsOf(arguments []string) string {
	var b strings.Builder
	for _, a := range arguments {
		fmt.Fprintf(&b, "call(__ENV.NAME + %q, () => f(%s));\n", "("+a+")", a)
		fmt.Fprintf(&b, "call(\"new \" + __ENV.NAME + %q, () => new f(%s));\n", "("+a+")", a)
	}
	return b.String()
}

// A call that waits ends when the context does, past catch and finally, and
// the VU can be used again.
func TestModulesAreCancelled(t *testing.T) {
	forEachModule(t, func(t *testing.T, m sandbox.Module) {
		for _, call := range longCalls[m.Names[0]] {
			t.Run(call, func(t *testing.T) {
				v := conformingWorld().vu(t, fmt.Sprintf(`const m = require(%q);
					export default async function(){ try { await %s } catch (e) { while (true) {} } finally { while (true) {} } }
					export function fine(){}`, m.Names[0], call))
				cause := errors.New("enough")
				ctx, cancel := context.WithCancelCause(t.Context())
				timer := time.AfterFunc(20*time.Millisecond, func() { cancel(cause) })
				defer timer.Stop()
				err := v.Iterate(ctx, vu.Iteration{Scenario: scenario})
				var in *vu.Interrupted
				if !errors.As(err, &in) || in.Cause != cause {
					t.Fatalf("got %v", err)
				}
				if err := v.Iterate(t.Context(), vu.Iteration{Scenario: &vu.Scenario{Exec: "fine"}}); err != nil {
					t.Fatal("afterwards:", err)
				}
			})
		}
	})
}

// What a script does to a module stays in its own VU, and what is documented as
// read-only cannot be changed at all.
func TestModulesBelongToTheirVU(t *testing.T) {
	readOnly := map[string]bool{"swarm/execution": true}
	forEachModule(t, func(t *testing.T, m sandbox.Module) {
		p := conformingWorld().program(t, fmt.Sprintf(`const m = require(%q);
			export function spoil() {
				let refused = 0;
				for (const k of Object.keys(m)) {
					try { m[k] = "spoilt" } catch (e) { if (!(e instanceof TypeError)) throw e; refused++ }
					try { delete m[k] } catch (e) { if (!(e instanceof TypeError)) throw e }
					if (!(k in m)) throw new Error(k + " was deleted");
				}
				try { Object.setPrototypeOf(m, {evil: 1}) } catch (e) {}
				Object.prototype.evil = 1;
				if (%t && refused !== Object.keys(m).length) throw new Error("only " + refused + " were refused");
			}
			export function look() { for (const k of Object.keys(m)) if (m[k] === "spoilt") throw new Error(k + " is spoilt"); if (m.evil) throw new Error("evil") }`,
			m.Names[0], readOnly[m.Names[0]]))
		for i, exec := range []string{"spoil", "look"} {
			v, err := p.NewVU(t.Context(), vu.Identity{InInstance: uint64(i + 1), InTest: uint64(i + 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if err := v.Iterate(t.Context(), vu.Iteration{Scenario: &vu.Scenario{Name: exec, Exec: exec}}); err != nil {
				t.Errorf("%s: %v", exec, err)
			}
		}
	})
}

// Globals come into being when they are read, can be replaced, and are not
// listed among the script's own.
func TestGlobals(t *testing.T) {
	for _, g := range jsmodules.Globals() {
		err := newWorld(nil).run(t, "", fmt.Sprintf(`
			const name = %q;
			if (!(name in globalThis) || globalThis[name] === undefined || globalThis[name] !== globalThis[name]) throw 1;
			if (Object.keys(globalThis).includes(name)) throw 2;
			globalThis[name] = 5; if (globalThis[name] !== 5) throw 3;`, g.Name))
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
	}
}
