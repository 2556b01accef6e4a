package jsmodules_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// world is a host whose samples and log lines a test can read.
type world struct {
	host *sandbox.Host
	set  *metric.Set

	mu    sync.Mutex
	lines []sandbox.LogLine
}

func newWorld(p *plan.Plan) *world {
	w := &world{set: metric.NewSet()}
	w.host = &sandbox.Host{
		Registry: metric.NewRegistry(metric.Options{}),
		Plan:     p,
		Log: func(l sandbox.LogLine) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lines = append(w.lines, l)
		},
	}
	return w
}

func (w *world) log() []sandbox.LogLine {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]sandbox.LogLine(nil), w.lines...)
}

// series returns what was recorded of a metric, by tags.
func (w *world) series(t testing.TB, name string) map[string]metric.Aggregate {
	t.Helper()
	if err := w.set.Merge("here", w.host.Registry.Snapshot(time0)); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]metric.Aggregate)
	for tags, agg := range w.set.Series(name) {
		all[tags.String()] = *agg
	}
	return all
}

func compile(t testing.TB, code string) *sandbox.Script {
	t.Helper()
	s, err := sandbox.Compile(&bundle.Bundle{Entry: "script.js", Code: []byte(code)}, jsmodules.Builtin(), jsmodules.Globals())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w *world) program(t testing.TB, code string) *sandbox.Program {
	t.Helper()
	p, err := compile(t, code).Program(w.host)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) vu(t testing.TB, code string) vu.VU {
	t.Helper()
	v, err := w.program(t, code).NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

var time0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var scenario = &vu.Scenario{Name: "default", Exec: "default"}

// imports is what a bundler makes of the usual imports.
const imports = `const { check, group, sleep, fail, randomSeed } = require("k6");
const { Counter, Gauge, Rate, Trend } = require("k6/metrics");
`

// run runs code as the body of the default function once.
func (w *world) run(t testing.TB, body string) error {
	t.Helper()
	v := w.vu(t, imports+"exports.default = function(){"+body+"\n}")
	return v.Iterate(context.Background(), vu.Iteration{Scenario: scenario})
}

func wantException(t testing.TB, err error, want string) {
	t.Helper()
	var e *vu.Exception
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want an exception", err, err)
	}
	if !strings.Contains(e.Error(), want) {
		t.Fatalf("exception %q does not contain %q", e.Error(), want)
	}
}
