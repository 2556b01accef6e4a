package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// grouping is a module with which scripts enter groups and report the scope.
func grouping(report func(*Scope)) Module {
	return Module{Names: []string{"groups"}, Load: func(*Host) (New, error) {
		return func(v *VU) *goja.Object {
			o := v.Runtime().NewObject()
			_ = o.Set("group", v.Func("group", 2, func(call goja.FunctionCall) goja.Value {
				leave := v.EnterGroup(call.Argument(0).String())
				defer leave()
				fn, _ := goja.AssertFunction(call.Argument(1))
				result, err := fn(goja.Undefined())
				if err != nil {
					panic(err)
				}
				return result
			}))
			_ = o.Set("report", v.Func("report", 0, func(goja.FunctionCall) goja.Value {
				report(v.Scope())
				return nil
			}))
			return o
		}, nil
	}}
}

func TestScopeTags(t *testing.T) {
	for name, c := range map[string]struct {
		plan *plan.Plan
		want []string
	}{
		"inspecting":     {nil, []string{"kind=a,scenario=s", "group=::x,kind=a,scenario=s"}},
		"all":            {&plan.Plan{Tags: map[string]string{"env": "test", "kind": "t"}, SystemTags: []string{"scenario", "group"}}, []string{"env=test,kind=a,scenario=s", "env=test,group=::x,kind=a,scenario=s"}},
		"no system tags": {&plan.Plan{}, []string{"kind=a", "kind=a"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost()
			h.Plan = c.plan
			var got []string
			v := newVU(t, newProgram(t, h, `const {group, report} = require("groups"); exports.default = ()=>{ report(); group("x", report) }`,
				grouping(func(s *Scope) { got = append(got, s.Tags.String()) })))
			s := &vu.Scenario{Name: "s", Exec: "default", Tags: map[string]string{"kind": "a"}}
			if err := v.Iterate(context.Background(), vu.Iteration{Scenario: s}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestScopesNest(t *testing.T) {
	for name, c := range map[string]struct{ body, want, failure string }{
		"nested":       {`group("a", ()=>{ report(); group("b", report); report() }); report()`, `::a ::a::b ::a -`, ``},
		"thrown":       {`try { group("a", ()=>{ throw 1 }) } catch (e) {} report()`, `-`, ``},
		"async":        {`return (async()=>{ const p = group("a", async()=>{ report(); await null; report(); await null; report() }); report(); await p; report() })()`, `::a - ::a ::a -`, ``},
		"side by side": {`const f = n => group(n, async()=>{ for (let i=0; i<2; i++) { report(); await null } }); return Promise.all([f("a"), f("b")])`, `::a ::b ::a ::b`, ``},
		"separator":    {`group("a::b", ()=>{})`, ``, `must not contain ::`},
		"too deep":     {`(function f(){ group("a", f) })()`, ``, `nested too deep`},
		"left open":    {`throw group("a", ()=>{ throw 7 })`, ``, `uncaught: 7`},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			v := newVU(t, newProgram(t, newHost(), `const {group, report} = require("groups"); exports.default = ()=>{`+c.body+`}; exports.look = ()=>report()`,
				grouping(func(s *Scope) {
					if s.Group == "" {
						got = append(got, "-")
					} else {
						got = append(got, s.Group)
					}
				})))
			err := v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario})
			if c.failure != "" {
				wantException(t, err, c.failure)
			} else if err != nil {
				t.Fatal(err)
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got %s, want %s", text, c.want)
			}
			got = nil
			if err := v.Iterate(context.Background(), vu.Iteration{Scenario: &vu.Scenario{Exec: "look"}}); err != nil || got[0] != "-" {
				t.Errorf("afterwards: %v %v", got, err)
			}
		})
	}
}

func TestScopesAreInterned(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]map[*Scope]bool{}
	p := newProgram(t, newHost(), `const {group, report} = require("groups"); exports.default = ()=>{ for (let i=0; i<20; i++) group("g"+i%7, ()=>group("x", report)) }`,
		grouping(func(s *Scope) {
			mu.Lock()
			defer mu.Unlock()
			key := s.Scenario + s.Group
			if seen[key] == nil {
				seen[key] = map[*Scope]bool{}
			}
			seen[key][s] = true
		}))
	var all sync.WaitGroup
	for i := range 8 {
		v := newVU(t, p)
		// Equal scenarios are one scenario, whatever their pointers.
		s := &vu.Scenario{Name: fmt.Sprint("s", i%2), Exec: "default"}
		all.Go(func() {
			for range 5 {
				if err := v.Iterate(context.Background(), vu.Iteration{Scenario: s}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if len(seen) != 14 {
		t.Errorf("%d groups, want 14", len(seen))
	}
	for key, scopes := range seen {
		if len(scopes) != 1 {
			t.Errorf("%s has %d scopes", key, len(scopes))
		}
	}
}

func TestManyGroupsBecomeOne(t *testing.T) {
	l := &logs{}
	h := newHost()
	h.Log = l.add
	groups := map[string]bool{}
	v := newVU(t, newProgram(t, h, `const {group, report} = require("groups"); exports.default = ()=>{ for (let i=0; i<1500; i++) group("g"+i, report) }`,
		grouping(func(s *Scope) { groups[s.Group] = true })))
	if err := v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario}); err != nil {
		t.Fatal(err)
	}
	if len(groups) != maxGroups+1 || !groups["::"+metric.Overflow] {
		t.Errorf("%d groups", len(groups))
	}
	if lines := l.all(); len(lines) != 1 || lines[0].Level != "warn" {
		t.Errorf("logged %v", lines)
	}
}

func TestSeriesCache(t *testing.T) {
	r := metric.NewRegistry(metric.Options{})
	m := r.Lookup(metric.Checks)
	c := NewSeriesCache(r)
	scope := &Scope{Tags: metric.NewTags(metric.Tag{Key: "scenario", Value: "s"})}
	a := metric.Tag{Key: "a", Value: "1"}
	for range 2 { // from the registry, then from the cache
		if c.Series(scope, m) != r.Series(m, scope.Tags) {
			t.Error("without tags")
		}
		if c.SeriesWithTag(scope, m, a) != r.Series(m, scope.Tags.With(a)) {
			t.Error("with a tag")
		}
		if c.SeriesWithTags(scope, m, []metric.Tag{a, {Key: "b", Value: "2"}}) != r.Series(m, scope.Tags.With(a, metric.Tag{Key: "b", Value: "2"})) {
			t.Error("with tags")
		}
		if c.SeriesWithTags(scope, m, nil) != r.Series(m, scope.Tags) {
			t.Error("with no tags")
		}
	}
	if n := testing.AllocsPerRun(100, func() { c.SeriesWithTag(scope, m, a) }); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}
