package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// commonJS makes a bundle of one file, script.js, whose text is code. It maps
// every column onto itself.
func commonJS(code string) *bundle.Bundle {
	return &bundle.Bundle{
		Entry:   "script.js",
		Code:    []byte(code),
		Map:     identityMap("script.js", code),
		Sources: map[string][]byte{"script.js": []byte(code)},
	}
}

func identityMap(name, code string) []byte {
	var mappings strings.Builder
	column := 0
	for i, line := range strings.Split(code, "\n") {
		if i > 0 {
			mappings.WriteByte(';')
		}
		lines := 0
		if i > 0 {
			lines = 1
		}
		mappings.WriteString(vlq(0) + vlq(0) + vlq(lines) + vlq(-column))
		column = 0
		for range line {
			mappings.WriteString(",CAAC")
			column++
		}
	}
	text, err := json.Marshal(map[string]any{"version": 3, "sources": []string{name}, "names": []string{}, "mappings": mappings.String()})
	if err != nil {
		panic(err)
	}
	return text
}

func vlq(n int) string { return encodeVLQ([]int{n}) }

// logs collects lines for a Host.
type logs struct {
	mu    sync.Mutex
	lines []LogLine
}

func (l *logs) add(line LogLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *logs) all() []LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]LogLine(nil), l.lines...)
}

func newHost() *Host {
	return &Host{Registry: metric.NewRegistry(metric.Options{})}
}

func compile(t testing.TB, code string, modules ...Module) *Script {
	t.Helper()
	s, err := Compile(commonJS(code), modules, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newProgram(t testing.TB, h *Host, code string, modules ...Module) *Program {
	t.Helper()
	p, err := compile(t, code, modules...).Program(h)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newVU(t testing.TB, p *Program) *VU {
	t.Helper()
	v, err := p.NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v.(*VU)
}

var defaultScenario = &vu.Scenario{Name: "default", Exec: "default"}

// iterate runs code as the body of the default function once.
func iterate(t testing.TB, body string, modules ...Module) error {
	t.Helper()
	v := newVU(t, newProgram(t, newHost(), "exports.default = function(data){"+body+"\n}", modules...))
	return v.Iterate(context.Background(), vu.Iteration{Scenario: defaultScenario})
}

// wantException fails unless err is an exception whose text contains want.
func wantException(t testing.TB, err error, want string) *vu.Exception {
	t.Helper()
	var e *vu.Exception
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want an exception", err, err)
	}
	if !strings.Contains(e.Error(), want) {
		t.Fatalf("exception %q does not contain %q", e.Error(), want)
	}
	return e
}

// probe is a module that gives scripts a function of the test's.
func probe(f func(v *VU, call goja.FunctionCall) goja.Value) Module {
	return Module{Names: []string{"probe"}, Exports: []string{"probe"}, Load: func(*Host) (New, error) {
		return func(v *VU) *goja.Object {
			o := v.Runtime().NewObject()
			_ = o.Set("probe", v.Func("probe", 0, func(call goja.FunctionCall) goja.Value { return f(v, call) }))
			return o
		}, nil
	}}
}
