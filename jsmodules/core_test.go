package jsmodules_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// counts renders rates as "passed/all" by tags.
func counts(all map[string]metric.Aggregate) map[string]string {
	text := make(map[string]string)
	for tags, a := range all {
		text[tags] = fmt.Sprintf("%d/%d", a.NonZero, a.Count)
	}
	return text
}

func TestCheck(t *testing.T) {
	const ok = `if (!`
	for name, c := range map[string]struct {
		body, failure string
		want          map[string]string
	}{
		"passes":       {ok + `check(1, {"is one": v => v === 1})) fail()`, ``, map[string]string{"check=is one,scenario=default": "1/1"}},
		"fails":        {`if (check(2, {"is one": v => v === 1})) fail()`, ``, map[string]string{"check=is one,scenario=default": "0/1"}},
		"several":      {`if (check({n: 1}, {"a": o => o.n, "b": o => o.m, "c": true, "d": 0})) fail()`, ``, map[string]string{"check=a,scenario=default": "1/1", "check=b,scenario=default": "0/1", "check=c,scenario=default": "1/1", "check=d,scenario=default": "0/1"}},
		"again":        {`for (let i=0; i<5; i++) check(i, {"even": v => v % 2 === 0})`, ``, map[string]string{"check=even,scenario=default": "3/5"}},
		"tags":         {`for (let i=0; i<2; i++) check(i, {"zero": v => v === 0}, {kind: "x", n: 1, none: null})`, ``, map[string]string{"check=zero,kind=x,n=1,scenario=default": "1/2"}},
		"group":        {`group("g", () => check(1, {"one": true}))`, ``, map[string]string{"check=one,group=::g,scenario=default": "1/1"}},
		"none":         {ok + `check(1, {})) fail()`, ``, map[string]string{}},
		"throws":       {`check(1, {"first": true, "boom": () => { throw new TypeError("boom") }, "never": true})`, `TypeError: boom`, map[string]string{"check=first,scenario=default": "1/1", "check=boom,scenario=default": "0/1"}},
		"async":        {`check(1, {"later": async () => true})`, `check "later": the condition is asynchronous`, map[string]string{}},
		"no set":       {`check(1)`, `TypeError: check: the second argument must be an object of named conditions, got undefined`, map[string]string{}},
		"nothing":      {`check()`, `TypeError: check: the second argument`, map[string]string{}},
		"wrong tags":   {`check(1, {a: true}, "x")`, `check: tags must be an object, got x`, map[string]string{}},
		"wrong tag":    {`check(1, {a: true}, {x: [1]})`, `check: tag "x" must be a string, a number or a boolean, got [1]`, map[string]string{}},
		"bound":        {ok + `check(3, {"f": function(v){ return this.n === v }.bind({n: 3})})) fail()`, ``, map[string]string{"check=f,scenario=default": "1/1"}},
		"proxy":        {ok + `check(3, {"f": new Proxy(v => v === 3, {})})) fail()`, ``, map[string]string{"check=f,scenario=default": "1/1"}},
		"class":        {`check(3, {"f": class {}})`, `TypeError`, map[string]string{"check=f,scenario=default": "0/1"}},
		"nested":       {`check(1, {"outer": v => check(v, {"inner": v => v === 1})})`, ``, map[string]string{"check=inner,scenario=default": "1/1", "check=outer,scenario=default": "1/1"}},
		"deep inside":  {`check(1, {"deep": v => { const f = n => n ? f(n-1) : v; return f(500) }})`, ``, map[string]string{"check=deep,scenario=default": "1/1"}},
		"hostile keys": {`check(1, {get a(){ throw new Error("getter") }})`, `Error: getter`, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			err := w.run(t, "", c.body)
			if c.failure != "" {
				wantException(t, err, c.failure)
			} else if err != nil {
				t.Fatal(err)
			}
			if got := counts(w.series(t, metric.Checks)); !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestCheckKeepsTheStack(t *testing.T) {
	err := newWorld(nil).run(t, "function boom(){\n  throw new Error('x');\n}", `check(1, {"a": boom})`)
	e := wantException(t, err, "Error: x")
	if len(e.Stack) != 2 || e.Stack[0].Function != "boom" || e.Stack[0].Line != 4 || e.Stack[1].Function != "default" || e.Stack[1].Line != 6 {
		t.Fatalf("stack %+v", e.Stack)
	}
}

func TestSystemTagsDecide(t *testing.T) {
	w := newWorld(&plan.Plan{SystemTags: []string{"scenario"}})
	if err := w.run(t, "", `group("g", () => check(1, {"one": true, "two": false}))`); err != nil {
		t.Fatal(err)
	}
	if got := counts(w.series(t, metric.Checks)); !maps.Equal(got, map[string]string{"scenario=default": "1/2"}) {
		t.Errorf("got %v", got)
	}
}

func TestGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		err := w.run(t, "", `
			if (group("a", () => { sleep(1); group("b", () => sleep(2)); return 7 }) !== 7) fail("no result");
			try { group("thrown", () => { sleep(0.5); throw 1 }) } catch (e) {}
			return (async () => {
				if (await group("async", async () => { await null; sleep(0.25); group("inside", () => sleep(1)); return 8 }) !== 8) fail("no result");
				await group("rejected", async () => { throw 9 }).catch(e => { if (e !== 9) throw e });
			})()`)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]float64{"::a": 3000, "::a::b": 2000, "::thrown": 500, "::async": 1250, "::async::inside": 1000, "::rejected": 0}
		got := w.series(t, metric.GroupDuration)
		if len(got) != len(want) {
			t.Errorf("got %v", got)
		}
		for name, ms := range want {
			a, ok := got["group="+name+",scenario=default"]
			if !ok || a.Count != 1 || a.Min != ms || a.Max != ms {
				t.Errorf("%s: got %+v, want %v ms", name, a, ms)
			}
		}
	})
}

func TestGroupRejectionIsNotLost(t *testing.T) {
	wantException(t, newWorld(nil).run(t, "", `group("g", async () => { throw new Error("forgotten") })`), "Error: forgotten")
}

func TestCoreRefuses(t *testing.T) {
	for call, want := range map[string]string{
		`group("a")`:         "TypeError: group: the second argument must be a function, got undefined",
		`group(1, () => {})`: "TypeError: group: the first argument must be a name, got 1",
		`sleep(Infinity)`:    "RangeError: sleep: +Inf seconds are too long",
		`sleep(1e300)`:       "RangeError: sleep: 1e+300 seconds are too long",
		`fail()`:             "Error: fail was called",
		`fail("broken")`:     "Error: broken",
		`fail({a: 1})`:       `Error: {"a":1}`,
		`randomSeed()`:       "TypeError: randomSeed: needs a whole number, got undefined",
		`randomSeed("x")`:    "TypeError: randomSeed: needs a whole number, got x",
		`sleep({valueOf(){ throw new RangeError("mine") }})`: "RangeError: mine",
	} {
		wantException(t, newWorld(nil).run(t, "", call), want)
	}
	for call, want := range map[string]string{
		`check(1, {a: true})`: "check cannot be used in init",
		`group("a", () => 1)`: "group cannot be used in init",
	} {
		_, err := compile(t, imports+call).Inspect(context.Background(), newWorld(nil).host)
		wantException(t, err, want)
	}
}

// Scripts pace themselves with sleep(1 - elapsed), which may be negative, and
// read the time from an environment that may not hold it.
func TestSleepForNoTime(t *testing.T) {
	w := newWorld(nil)
	if err := w.run(t, "", `sleep(-1); sleep(-1e300); sleep(-Infinity); sleep(0); sleep(); sleep("soon"); sleep(NaN)`); err != nil {
		t.Fatal(err)
	}
	if got := w.log(); len(got) != 1 || !strings.Contains(got[0], "sleep: needs a number of seconds, got undefined") {
		t.Errorf("logged %q, want one warning", got)
	}
}

func TestRandomSeed(t *testing.T) {
	err := newWorld(nil).run(t, "", `
		const draw = () => [Math.random(), Math.random()].join();
		randomSeed(1); const a = draw(); randomSeed(2); const b = draw(); randomSeed(1); const c = draw();
		if (a !== c || a === b) fail([a, b, c].join(" "))`)
	if err != nil {
		t.Fatal(err)
	}
}

// A million names of checks cost the series the registry allows, no more.
func TestCheckNamesWithoutEnd(t *testing.T) {
	w := newWorld(nil)
	w.host.Registry = metric.NewRegistry(metric.Options{MaxSeries: 100})
	if err := w.run(t, "", `for (let i=0; i<30000; i++) check(1, {["name " + i]: true})`); err != nil {
		t.Fatal(err)
	}
	all := w.series(t, metric.Checks)
	total := uint64(0)
	for _, a := range all {
		total += a.NonZero
	}
	if len(all) > 101 || total != 30000 {
		t.Errorf("%d series, %d samples", len(all), total)
	}
}

func TestSleepEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newWorld(nil).vu(t, imports+`export default function(){ try { sleep(3600) } finally { while (true) {} } }`)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		err := v.Iterate(ctx, vu.Iteration{Scenario: scenario})
		if _, ok := err.(*vu.Interrupted); !ok || time.Since(start) != time.Second {
			t.Fatalf("%v after %v", err, time.Since(start))
		}
	})
}
