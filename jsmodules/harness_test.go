package jsmodules_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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

// log returns what was logged, "level text" each.
func (w *world) log() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for _, l := range w.lines {
		lines = append(lines, l.Level+" "+l.Text)
	}
	return lines
}

// series returns what was recorded of a metric, by tags.
func (w *world) series(t testing.TB, name string) map[string]metric.Aggregate {
	t.Helper()
	if err := w.set.Merge("here", w.host.Registry.Snapshot(time.Now())); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]metric.Aggregate)
	for tags, agg := range w.set.Series(name) {
		all[tags.String()] = *agg
	}
	return all
}

// compile bundles and compiles code as a user's script is.
func compile(t testing.TB, code string) *sandbox.Script {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "script.js"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	options := bundle.Options{Root: root, Entry: "script.js"}
	for _, m := range jsmodules.Builtin() {
		options.Modules = append(options.Modules, bundle.HostModule{
			Names:      m.Names,
			Exports:    m.Exports,
			HasDefault: slices.Contains(m.Exports, "default"),
		})
	}
	b, err := bundle.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.Compile(b, jsmodules.Builtin(), jsmodules.Globals())
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

var scenario = &vu.Scenario{Name: "default", Exec: "default"}

// imports are the usual ones.
const imports = `import { check, group, sleep, fail, randomSeed } from "k6";
import { Counter, Gauge, Rate, Trend } from "k6/metrics";
`

// run runs body as the default function once, after init at the top level.
func (w *world) run(t testing.TB, init, body string) error {
	t.Helper()
	v := w.vu(t, imports+init+"\nexport default function(){"+body+"\n}")
	return v.Iterate(context.Background(), vu.Iteration{Scenario: scenario})
}

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
