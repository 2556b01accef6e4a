package jsmodules_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox"
)

// fakeTest notes what scripts say of the test.
type fakeTest struct {
	mu     sync.Mutex
	said   []string
	status sandbox.Status
}

func (f *fakeTest) Abort(reason string) { f.say("abort " + reason) }
func (f *fakeTest) Fail(reason string)  { f.say("fail " + reason) }

func (f *fakeTest) say(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, text)
}

func (f *fakeTest) Status() sandbox.Status { return f.status }

const importExec = `import exec from "k6/execution"; import { scenario, instance, test, vu, agent } from "swarm/execution"; import { group, sleep } from "k6"; import { Counter } from "k6/metrics";
const c = new Counter("c");
`

func executionWorld() (*world, *fakeTest) {
	now := time.UnixMilli(1_700_000_010_000)
	w := newWorld(&plan.Plan{
		Scenarios: []plan.Scenario{
			{Name: "default", Executor: "constant-vus", Exec: "default", VUs: 2, Duration: time.Minute, GracefulStop: 30 * time.Second, Tags: map[string]string{"kind": "a"}},
			{Name: "later", Executor: "ramping-arrival-rate", Exec: "other", StartRate: 5, TimeUnit: time.Second, PreAllocatedVUs: 1, MaxVUs: 3, Stages: []plan.Stage{{Duration: time.Second, Target: 7}}},
		},
		Thresholds: []plan.Threshold{
			{Metric: "http_reqs", Filter: map[string]string{"b": "2", "a": "1"}, Expression: "count>1", AbortOnFail: true, DelayAbortEval: time.Second},
			{Metric: "checks", Expression: "rate>0.9"}, {Metric: "checks", Expression: "rate>0.5"},
			{Metric: "script_errors", Expression: "count==0", Default: true},
		},
		SystemTags: []string{"scenario", "group"},
		Tags:       map[string]string{"env": "test"},
	})
	test := &fakeTest{status: sandbox.Status{
		Elapsed: 12500 * time.Millisecond, VUs: 2, VUsMax: 5, Complete: 40, Interrupted: 3,
		Scenarios: []sandbox.ScenarioStatus{{Name: "default", Elapsed: 10 * time.Second, Progress: 0.25}},
	}}
	w.host.Test = test
	w.host.Now = func() time.Time { return now }
	return w, test
}

func TestExecutionTells(t *testing.T) {
	w, _ := executionWorld()
	code := importExec + `
		export function other() { throw JSON.stringify([scenario.name, scenario.executor, vu.iterationInInstance, vu.iterationInScenario]) }
		export default function () {
			throw JSON.stringify([scenario, instance, vu, agent, exec.vu === vu, exec.default === exec, vu.metrics === exec.vu.metrics, vu.tags === vu.metrics.tags])
		}`
	p := w.program(t, code)
	v, err := p.NewVU(t.Context(), vu.Identity{InInstance: 3, InTest: 33})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	s := &vu.Scenario{Name: "default", Exec: "default", Tags: map[string]string{"kind": "a"}}
	e := wantException(t, v.Iterate(t.Context(), vu.Iteration{Scenario: s, InVU: 4, InScenario: 5, InTest: 6}), "")
	want := `[{"iterationInInstance":5,"iterationInTest":6,"name":"default","executor":"constant-vus","startTime":1700000000000,"progress":0.25},` +
		`{"currentTestRunDuration":12500,"iterationsCompleted":40,"iterationsInterrupted":3,"vusActive":2,"vusInitialized":5},` +
		`{"idInInstance":3,"idInTest":33,"iterationInInstance":0,"iterationInScenario":4,"tags":{"env":"test","kind":"a","scenario":"default"},"metrics":{"tags":{"env":"test","kind":"a","scenario":"default"},"metadata":{}}},` +
		`{"id":1,"count":1},true,true,true,true]`
	if e.Message != want {
		t.Errorf("got  %s\nwant %s", e.Message, want)
	}
	e = wantException(t, v.Iterate(t.Context(), vu.Iteration{Scenario: &vu.Scenario{Name: "later", Exec: "other"}, InVU: 0}), "")
	if want := `["later","ramping-arrival-rate",1,0]`; e.Message != want {
		t.Errorf("got %s, want %s", e.Message, want)
	}
}

func TestExecutionOptions(t *testing.T) {
	w, _ := executionWorld()
	code := importExec + `export default function () {
		const o = test.options, bad = [];
		if (o !== exec.test.options) bad.push("another object");
		const frozen = (x, path) => { if (typeof x !== "object" || x === null) return; if (!Object.isFrozen(x)) bad.push(path); for (const k in x) frozen(x[k], path + "." + k) };
		frozen(o, "options");
		for (const f of [() => { o.vus = 1 }, () => { o.scenarios.default.vus = 9 }, () => { o.systemTags.push("x") }, () => { delete o.tags }]) {
			try { f(); bad.push("changed by " + f) } catch (e) { if (!(e instanceof TypeError)) bad.push(String(e)) }
		}
		if (bad.length) throw bad.join();
		throw JSON.stringify([o.scenarios, o.thresholds, o.tags, o.baseURL, o.setupTimeout]);
	}`
	v := w.vu(t, code)
	e := wantException(t, v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}), "")
	want := `[{"default":{"executor":"constant-vus","startTime":"0s","startAfter":null,"gracefulStop":"30s","exec":"default","env":null,"tags":{"kind":"a"},"vus":2,"duration":"1m0s","startJitter":"0s"},` +
		`"later":{"executor":"ramping-arrival-rate","startTime":"0s","startAfter":null,"gracefulStop":"0s","exec":"other","env":null,"tags":null,"startRate":5,"stages":[{"duration":"1s","target":7}],"timeUnit":"1s","preAllocatedVUs":1,"maxVUs":3,"maxIterationDelay":"0s","startJitter":"0s"}},` +
		`{"checks":["rate>0.9","rate>0.5"],"http_reqs{a:1,b:2}":[{"threshold":"count>1","abortOnFail":true,"delayAbortEval":"1s"}]},{"env":"test"},null,"0s"]`
	if e.Message != want {
		t.Errorf("got  %s\nwant %s", e.Message, want)
	}
}

// What is not there yet, or no longer, says so; the objects themselves are
// always there, since an import reads them.
func TestExecutionByPhase(t *testing.T) {
	const read = `const read = () => { const out = [];
		for (const [name, o, keys] of [["scenario", scenario, ["name"]], ["instance", instance, ["vusActive"]], ["vu", vu, ["idInTest", "tags", "iterationInScenario", "metrics"]], ["test", test, ["options"]], ["agent", agent, ["count"]]])
			for (const k of keys) try { void o[k]; out.push(k) } catch (e) { out.push(e.message.replace(/^exec\./, "").slice(0, 45)) }
		return out.join("|") };`
	w, _ := executionWorld()
	code := importExec + read + `
		const atTop = read();
		export function setup() { throw read() }
		export function vuSetup() { throw read() }
		export function teardown() { throw read() }
		export default function () { throw __ITER ? atTop : read() }`
	p := w.program(t, code)
	v, err := p.NewVU(t.Context(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, setup := p.Setup(t.Context())
	got := map[string]error{
		"setup":     setup,
		"teardown":  p.Teardown(t.Context()),
		"vuSetup":   v.Setup(t.Context()),
		"iteration": v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}),
		"init":      v.Iterate(t.Context(), vu.Iteration{Scenario: scenario, InVU: 1}),
	}
	for phase, want := range map[string]string{
		"init":      "scenario.name cannot be read in init: it is t|instance.vusActive cannot be read in init: it|vu.idInTest cannot be read in init: it is the|vu.tags cannot be read in init: it is there i|vu.iterationInScenario cannot be read in init|vu.metrics cannot be read in init: it is ther|test.options cannot be read in init: options |count",
		"setup":     "scenario.name cannot be read in setup: it is |vusActive|idInTest|tags|vu.iterationInScenario cannot be read in setu|metrics|options|count",
		"vuSetup":   "scenario.name cannot be read in vuSetup: it i|vusActive|idInTest|tags|vu.iterationInScenario cannot be read in vuSe|metrics|options|count",
		"teardown":  "scenario.name cannot be read in teardown: it |vusActive|idInTest|tags|vu.iterationInScenario cannot be read in tear|metrics|options|count",
		"iteration": "name|vusActive|idInTest|tags|iterationInScenario|metrics|options|count",
	} {
		if e := wantException(t, got[phase], ""); e.Message != want {
			t.Errorf("%s:\ngot  %s\nwant %s", phase, e.Message, want)
		}
	}
}

// counted returns the sums of metric c by tags.
func counted(t *testing.T, w *world) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for tags, agg := range w.series(t, "c") {
		sums[tags] = agg.Sum
	}
	return sums
}

func TestVUTags(t *testing.T) {
	for name, c := range map[string]struct {
		body string // of the iterations
		want map[string]float64
	}{
		"set":                              {`vu.tags.a = "x"; c.add(1)`, map[string]float64{"a=x,env=test,scenario=default": 3}},
		"types":                            {`vu.tags.a = 1; vu.tags.b = true; c.add(1)`, map[string]float64{"a=1,b=true,env=test,scenario=default": 3}},
		"lasts":                            {`if (__ITER === 0) vu.metrics.tags["a"] = "x"; c.add(1)`, map[string]float64{"a=x,env=test,scenario=default": 3}},
		"later":                            {`c.add(1); vu.tags.a = "x"`, map[string]float64{"env=test,scenario=default": 1, "a=x,env=test,scenario=default": 2}},
		"delete":                           {`vu.tags.a = "x"; delete vu.tags.a; c.add(1)`, map[string]float64{"env=test,scenario=default": 3}},
		"delete what is not the script's":  {`delete vu.tags.env; delete vu.tags.scenario; delete vu.tags.none; c.add(1)`, map[string]float64{"": 3}},
		"deleted and set again":            {`delete vu.tags.env; vu.tags.env = "prod"; c.add(1)`, map[string]float64{"env=prod,scenario=default": 3}},
		"in and after a group":             {`group("g", () => { vu.tags.a = __ITER; c.add(1) }); c.add(1)`, map[string]float64{"a=0,env=test,group=::g,scenario=default": 1, "a=0,env=test,scenario=default": 1, "a=1,env=test,group=::g,scenario=default": 1, "a=1,env=test,scenario=default": 1, "a=2,env=test,group=::g,scenario=default": 1, "a=2,env=test,scenario=default": 1}},
		"around a group":                   {`vu.tags.a = "x"; group("g", () => { c.add(1); delete vu.tags.a }); c.add(1)`, map[string]float64{"a=x,env=test,group=::g,scenario=default": 3, "env=test,scenario=default": 3}},
		"across awaits":                    {`return group("g", async () => { vu.tags.a = "x"; await null; c.add(1); vu.tags.a = "y"; await null; c.add(1) })`, map[string]float64{"a=x,env=test,group=::g,scenario=default": 3, "a=y,env=test,group=::g,scenario=default": 3}},
		"of a sample over those of the VU": {`vu.tags.a = "x"; c.add(1, {a: "y"})`, map[string]float64{"a=y,env=test,scenario=default": 3}},
		"another prototype":                {`vu.tags.__proto__ = {a: "x"}; c.add(1)`, map[string]float64{"env=test,scenario=default": 3}},
		"an object that pretends":          {`Object.prototype.evil = "1"; vu.tags.a = "x"; c.add(1); if (vu.tags.evil !== "1" || Object.keys(vu.tags).join() !== "a,env,scenario") throw 1`, map[string]float64{"a=x,env=test,scenario=default": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := executionWorld()
			v := w.vu(t, importExec+"export default function(){"+c.body+"}")
			for i := range uint64(3) {
				if err := v.Iterate(t.Context(), vu.Iteration{Scenario: scenario, InVU: i}); err != nil {
					t.Fatal(err)
				}
			}
			if got := counted(t, w); !maps.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestVUTagsByScenario(t *testing.T) {
	w, _ := executionWorld()
	v := w.vu(t, importExec+`
		export function vuSetup() { vu.tags.born = "1"; c.add(1) }
		export default function () { vu.tags.a = "x"; vu.metrics.metadata.trace = "t"; c.add(1) }
		export function other() { if (Object.keys(vu.metrics.metadata).length) throw 1; c.add(1) }`)
	other := &vu.Scenario{Name: "later", Exec: "other"}
	if err := errors.Join(v.Setup(t.Context()), v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}), v.Iterate(t.Context(), vu.Iteration{Scenario: other})); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"born=1,env=test,group=::vuSetup": 1, "a=x,born=1,env=test,scenario=default": 1, "born=1,env=test,scenario=later": 1}
	if got := counted(t, w); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBadVUTags(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"object":          {`vu.tags.a = {}`, `TypeError: exec.vu.tags: "a" must be a string, a number or a boolean, got {}`},
		"function":        {`vu.tags.a = () => 1`, `got a function`},
		"symbol":          {`vu.tags.a = Symbol("s")`, `got Symbol(s)`},
		"undefined":       {`vu.tags.a = undefined`, `got undefined`},
		"null":            {`vu.metrics.tags.a = null`, `TypeError: exec.vu.tags: "a" must be`},
		"no name":         {`vu.tags[""] = 1`, `TypeError: exec.vu.tags: a tag must have a name`},
		"throwing getter": {`vu.tags.a = {get x(){ throw 1 }, toString(){ throw 2 }, toJSON(){ throw 3 }}`, `TypeError: exec.vu.tags: "a" must be`},
		"too many":        {`for (let i = 0; i < 1e6; i++) vu.tags["k" + i] = i`, `RangeError: a VU cannot have more than 32 tags`},
		"all at once":     {`vu.tags = {a: 1}`, `TypeError`},
		"vu":              {`exec.vu = {}`, `TypeError`},
		"scenario":        {`scenario.name = "x"`, `TypeError`},
		"metadata":        {`vu.metrics.metadata.a = {}`, `TypeError: exec.vu.metrics.metadata: "a" must be`},
		"much metadata":   {`for (let i = 0; i < 1e6; i++) vu.metrics.metadata["k" + i] = i`, `RangeError: exec.vu.metrics.metadata: at most 64 entries`},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := executionWorld()
			v := w.vu(t, importExec+"export default function(){"+c.body+"}")
			wantException(t, v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}), c.want)
		})
	}
}

// Tags that change all the time, and huge ones, cost a bounded amount of
// memory; totals stay exact.
func TestVUTagsAreBounded(t *testing.T) {
	w, _ := executionWorld()
	v := w.vu(t, importExec+`
		const big = "x".repeat(1e6);
		export default function(){
			vu.tags.n = __ITER; vu.tags["name" + big] = "value" + big; c.add(1); group("g", () => c.add(1));
			vu.tags["t" + __ITER] = 1; c.add(1); delete vu.tags["t" + __ITER];
			for (const k of Object.keys(vu.tags)) if (k.length > 200 || vu.tags[k].length > 2000) throw k.length;
		}`)
	const iterations = 1500
	for i := range uint64(iterations) {
		if err := v.Iterate(t.Context(), vu.Iteration{Scenario: scenario, InVU: i}); err != nil {
			t.Fatal(err)
		}
	}
	total := 0.0
	groups := 0
	for tags, sum := range counted(t, w) {
		total += sum
		if strings.Contains(tags, "group=::g") {
			groups++
		}
	}
	if total != 3*iterations {
		t.Errorf("%v samples, want %v", total, 3*iterations)
	}
	if groups == 0 {
		t.Error("the group was lost")
	}
}

// VUs with the same tags share their series' handles.
func TestVUTagsAreShared(t *testing.T) {
	w, _ := executionWorld()
	p := w.program(t, importExec+`export default function(){ vu.tags.a = "x"; c.add(1) }`)
	for i := range uint64(3) {
		v, err := p.NewVU(t.Context(), vu.Identity{InInstance: i + 1, InTest: i + 1})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if err := v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := counted(t, w), map[string]float64{"a=x,env=test,scenario=default": 3}; !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestAbortStopsTheVU(t *testing.T) {
	for name, body := range map[string]string{
		"plain":           `test.abort("why"); c.add(1)`,
		"caught":          `try { test.abort("why") } catch (e) { c.add(1) } finally { c.add(1) } c.add(1)`,
		"in a callback":   `try { [1].map(() => test.abort("why")) } catch (e) { c.add(1) } c.add(1)`,
		"in a group":      `group("g", () => { try { test.abort("why") } finally { c.add(1) } }); c.add(1)`,
		"async":           `return (async () => { try { await null; test.abort("why") } catch (e) { c.add(1) } finally { c.add(1) } })().catch(() => c.add(1)).then(() => c.add(1))`,
		"started async":   `return (async () => { try { test.abort("why") } catch (e) { c.add(1) } })().then(() => c.add(1), () => c.add(1))`,
		"in a getter":     `console.log({get x(){ test.abort("why") }}); c.add(1)`,
		"in a toString":   `try { vu.tags.a = {toJSON(){ test.abort("why") }} } catch (e) { c.add(1) } c.add(1)`,
		"at the very end": `console.log({get x(){ test.abort("why") }})`,
		"with an error":   `test.abort(new Error("why"))`,
		"after tags":      `vu.tags.a = "x"; test.abort("why")`,
	} {
		t.Run(name, func(t *testing.T) {
			w, test := executionWorld()
			v := w.vu(t, importExec+"export default function(){"+body+"}\nexport function vuTeardown(){ c.add(10) }; export function fine(){ c.add(100) }")
			if err := v.Setup(t.Context()); err != nil {
				t.Fatal(err)
			}
			err := v.Iterate(t.Context(), vu.Iteration{Scenario: scenario})
			var in *vu.Interrupted
			var aborted *sandbox.Aborted
			if !errors.As(err, &in) || !errors.As(err, &aborted) || !strings.HasSuffix(aborted.Reason, "why") {
				t.Fatalf("got %T %v", err, err)
			}
			if len(test.said) != 1 || !strings.HasPrefix(test.said[0], "abort ") {
				t.Errorf("said %q", test.said)
			}
			// The VU can still be torn down, and used.
			if err := errors.Join(v.Iterate(t.Context(), vu.Iteration{Scenario: &vu.Scenario{Name: "later", Exec: "fine"}}), v.Teardown(t.Context())); err != nil {
				t.Fatal("afterwards:", err)
			}
			for tags, sum := range counted(t, w) {
				if sum != 10 && sum != 100 || strings.Contains(tags, "a=x") {
					t.Errorf("the script went on: %s %v", tags, sum)
				}
			}
		})
	}
}

func TestAbortInEveryPhase(t *testing.T) {
	w, test := executionWorld()
	p := w.program(t, importExec+`
		export function setup() { test.abort("in setup") }
		export function teardown() { test.abort("in teardown") }
		export function vuSetup() { test.abort("in vuSetup") }
		export function vuTeardown() { test.abort("in vuTeardown") }
		export function handleSummary() { test.abort("in handleSummary") }
		export default function () {}`)
	v, err := p.NewVU(t.Context(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	_, inSetup := p.Setup(t.Context())
	_, inSummary := p.HandleSummary(t.Context(), []byte("{}"))
	_, inInit := w.program(t, importExec+`test.abort("in init"); export default function(){}`).NewVU(t.Context(), vu.Identity{})
	for name, err := range map[string]error{"setup": inSetup, "teardown": p.Teardown(t.Context()), "vuSetup": v.Setup(t.Context()), "handleSummary": inSummary, "init": inInit} {
		var aborted *sandbox.Aborted
		if !errors.As(err, &aborted) || aborted.Reason != "in "+name {
			t.Errorf("%s: got %v", name, err)
		}
	}
	slices.Sort(test.said)
	if got := strings.Join(test.said, "|"); got != "abort in handleSummary|abort in init|abort in setup|abort in teardown|abort in vuSetup" {
		t.Error(got)
	}
}

func TestFailGoesOn(t *testing.T) {
	w, test := executionWorld()
	v := w.vu(t, importExec+`export default function(){ test.fail(); test.fail("x".repeat(1e6)); c.add(1) }`)
	if err := v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}); err != nil {
		t.Fatal(err)
	}
	if len(test.said) != 2 || test.said[0] != "fail " || len(test.said[1]) > 2000 || len(counted(t, w)) != 1 {
		t.Errorf("said %.100q", test.said)
	}
}

// A script that is run without a test around it can still say what it likes.
func TestExecutionWithoutATest(t *testing.T) {
	w := newWorld(nil)
	v := w.vu(t, importExec+`export default function(){ test.fail("x"); if (instance.vusActive !== 0 || scenario.progress !== 0 || scenario.executor !== "") throw 1; test.abort("y") }`)
	var aborted *sandbox.Aborted
	if err := v.Iterate(t.Context(), vu.Iteration{Scenario: scenario}); !errors.As(err, &aborted) {
		t.Fatal(err)
	}
}

func BenchmarkExecution(b *testing.B) {
	for _, body := range []string{`vu.idInTest`, `vu.tags.a = "x"`, `vu.tags.a = i % 7`, `scenario.iterationInTest`} {
		b.Run(body, func(b *testing.B) {
			const times = 100
			v := newWorld(nil).vu(b, importExec+fmt.Sprintf("export default function(){ for (let i = 0; i < %d; i++) { %s } }", times, body))
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Iterate(context.Background(), vu.Iteration{Scenario: scenario}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*times), "ns/time")
		})
	}
}
