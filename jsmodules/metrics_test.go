package jsmodules_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/metric"
)

func TestMetrics(t *testing.T) {
	w := newWorld(nil)
	err := w.run(t, `const c = new Counter("c"), g = new Gauge("g"), r = new Rate("r"), t = new Trend("t", true), plain = new Trend("plain");`, `
		c.add(2); c.add(3, {kind: "x"}); c.add(4, {kind: "x"}); c.add(5, {kind: "y"}); c.add(6);
		g.add(5); g.add(1); g.add(3);
		r.add(true); r.add(false); r.add(1); r.add(0);
		for (let i=1; i<=4; i++) t.add(i);
		group("g", () => t.add(10)); t.add(5); t.add(6, {}); t.add(7, null);
		if (c.name !== "c" || !(c instanceof Counter) || Object.keys(c).join() !== "name") fail("shape");`)
	if err != nil {
		t.Fatal(err)
	}
	sums := func(name string) map[string]float64 {
		got := map[string]float64{}
		for tags, a := range w.series(t, name) {
			got[tags] = a.Sum
		}
		return got
	}
	if got := sums("c"); !maps.Equal(got, map[string]float64{"scenario=default": 8, "kind=x,scenario=default": 7, "kind=y,scenario=default": 5}) {
		t.Errorf("counter: %v", got)
	}
	if got := sums("t"); !maps.Equal(got, map[string]float64{"scenario=default": 28, "group=::g,scenario=default": 10}) {
		t.Errorf("trend: %v", got)
	}
	if g := w.series(t, "g")["scenario=default"]; g.Last != 3 || g.Min != 1 || g.Max != 5 {
		t.Errorf("gauge: %+v", g)
	}
	if got := counts(w.series(t, "r"))["scenario=default"]; got != "2/4" {
		t.Errorf("rate: %v", got)
	}
	if m := w.host.Registry.Lookup("t"); m.Unit != metric.Time {
		t.Errorf("unit of a trend of times: %v", m.Unit)
	}
	if m := w.host.Registry.Lookup("plain"); m.Unit != metric.Plain {
		t.Errorf("unit of a plain trend: %v", m.Unit)
	}
}

func TestMetricsCanBeDerivedFrom(t *testing.T) {
	w := newWorld(nil)
	err := w.run(t, `class Mine extends Counter {}; const c = new Mine("c"), d = Reflect.construct(Counter, ["d"])`, `
		c.add(3); d.add(4);
		if (!(c instanceof Mine) || !(c instanceof Counter) || !(d instanceof Counter)) fail("class");`)
	if err != nil {
		t.Fatal(err)
	}
	if c, d := w.series(t, "c")["scenario=default"], w.series(t, "d")["scenario=default"]; c.Sum != 3 || d.Sum != 4 {
		t.Errorf("counted %v and %v", c.Sum, d.Sum)
	}
}

func TestMetricsAreInspected(t *testing.T) {
	in, err := compile(t, imports+`new Rate("r"); new Counter("c"); new Trend("t", true); export default function(){}`).Inspect(context.Background(), newWorld(nil).host)
	if err != nil {
		t.Fatal(err)
	}
	want := []metric.Metric{{Name: "r", Type: metric.Rate}, {Name: "c", Type: metric.Counter}, {Name: "t", Type: metric.Trend, Unit: metric.Time}}
	if !slices.Equal(in.Metrics, want) {
		t.Errorf("got %v", in.Metrics)
	}
}

func TestMetricsRefuse(t *testing.T) {
	for init, want := range map[string]string{
		`new Counter()`:                                "TypeError: new Counter: the first argument must be the metric's name, got undefined",
		`new Counter({})`:                              "got {}",
		`new Counter("no spaces")`:                     "no spaces",
		`new Counter("")`:                              "new Counter",
		`new Counter("x".repeat(200))`:                 "new Counter",
		`new Counter("twice"); new Rate("twice")`:      "twice",
		`new Counter("http_reqs", true)`:               "http_reqs",
		`const M = {Counter}; M.Counter("x")`:          "Counter must be called with new",
		`Counter.call(new Rate("x"), "y")`:             "Counter must be called with new",
		`new Counter("x").add(1)`:                      "samples cannot be added in init",
		`Counter.prototype.add(1)`:                     "add must be called on a metric",
		`const {add} = new Counter("x"); add(1)`:       "add must be called on a metric",
		`new Proxy(new Counter("x"), {}).add(1)`:       "add must be called on a metric",
		`for (let i=0; i<1e6; i++) new Counter("m"+i)`: "too many",
	} {
		_, err := compile(t, imports+init).Inspect(context.Background(), newWorld(nil).host)
		e := wantException(t, err, want)
		if len(e.Stack) == 0 || e.Stack[0].Line != 3 {
			t.Errorf("%s: stack %+v", init, e.Stack)
		}
	}
	wantException(t, newWorld(nil).run(t, "", `new Counter("late")`), "metrics must be made in init")
	wantException(t, newWorld(nil).run(t, `const c = new Counter("c")`, `c.add(1, {x: () => 1})`), `add: tag "x" must be`)
}

func TestValuesThatAreNoNumbers(t *testing.T) {
	w := newWorld(nil)
	if err := w.run(t, `const a = new Trend("a"), b = new Trend("b")`, `a.add(NaN); a.add("x"); a.add(); a.add(Infinity); b.add({}); a.add("1.5"); a.add(null)`); err != nil {
		t.Fatal(err)
	}
	lines := w.log()
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "warn metric a: NaN is not a number") || !strings.HasPrefix(lines[1], "warn metric b: {} is not") {
		t.Errorf("logged %q", lines)
	}
	if a := w.series(t, "a")["scenario=default"]; a.Count != 2 || a.Sum != 1.5 {
		t.Errorf("recorded %+v", a)
	}
}

// A counter only grows, as in k6: a negative value would make totals and rates lie.
func TestCountersOnlyGrow(t *testing.T) {
	w := newWorld(nil)
	if err := w.run(t, `const c = new Counter("c"), g = new Gauge("g")`, `
		const taken = [c.add(2), c.add(-1), c.add(true), c.add(-0.5), g.add(-3), g.add(NaN)].join();
		if (taken !== "true,false,true,false,true,false") fail(taken)`); err != nil {
		t.Fatal(err)
	}
	if c := w.series(t, "c")["scenario=default"]; c.Sum != 3 || c.Count != 2 {
		t.Errorf("counted %+v", c)
	}
	if g := w.series(t, "g")["scenario=default"]; g.Last != -3 {
		t.Errorf("gauge %+v", g)
	}
	if got := w.log(); len(got) != 2 || !strings.Contains(got[0], "-1 is negative") {
		t.Errorf("logged %q, want a warning for each metric", got)
	}
}

func TestSubclassedMetric(t *testing.T) {
	w := newWorld(nil)
	if err := w.run(t, `class Timer extends Trend { constructor(n){ super(n, true) } one(){ this.add(1) } } const t = new Timer("t")`, `t.one()`); err != nil {
		t.Fatal(err)
	}
	if a := w.series(t, "t")["scenario=default"]; a.Count != 1 {
		t.Errorf("recorded %+v", a)
	}
}

// Beyond the first few, metrics are found all the same, and nothing else is
// taken for one.
func TestManyMetrics(t *testing.T) {
	w := newWorld(nil)
	err := w.run(t, `const all = Array.from({length: 40}, (_, i) => new Counter("m" + i));`, `
		all.forEach((m, i) => { if (m.name !== "m" + i || Object.keys(m).join() !== "name" || !(m instanceof Counter)) throw m.name; m.add(i + 1) });
		all[30].note = 1; if (all[30].note !== 1 || Object.keys(all[30]).join() !== "name,note" || !delete all[30].note || "note" in all[30]) throw "note";
		try { all[0].name = "x"; throw "renamed" } catch (e) { if (!(e instanceof TypeError)) throw e }
		for (const other of [{}, [], null, () => 1, Object.create(all[35]), new Proxy(all[35], {})]) {
			try { all[0].add.call(other, 1) } catch (e) { if (e instanceof TypeError) continue; throw e }
			throw "taken for a metric";
		}`)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		for _, agg := range w.series(t, "m"+strconv.Itoa(i)) {
			if agg.Sum != float64(i+1) {
				t.Errorf("m%d: %v", i, agg.Sum)
			}
		}
	}
}
