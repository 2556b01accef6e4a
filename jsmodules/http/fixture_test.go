package http

import (
	"context"
	"fmt"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/bundle"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a script in one VU, and all that can be seen of what it does.
type world struct {
	t       testing.TB
	plan    *plan.Plan
	program *sandbox.Program
	vu      vu.VU
	vus     []*sandbox.VU // all that were made
	reg     *metric.Registry
	set     *metric.Set

	mu    sync.Mutex
	lines []string // logged
	texts []string // what the script passed to say()
}

func newPlan() *plan.Plan {
	return &plan.Plan{
		SystemTags: append([]string{"scenario", "group"}, defaultSystemTags...),
		HTTP:       plan.HTTP{MaxRedirects: 10, Batch: 20, BatchPerHost: 6, UserAgent: "swarm/test"},
	}
}

// scriptModules are the modules scripts of tests see: ours, and say(value…), which
// passes text to the test.
func (w *world) modules() []sandbox.Module {
	say := sandbox.Module{
		Names: []string{"test"}, Exports: []string{"say"},
		Load: func(*sandbox.Host) (sandbox.New, error) {
			return func(v *sandbox.VU) *goja.Object {
				w.mu.Lock()
				w.vus = append(w.vus, v)
				w.mu.Unlock()
				o := v.Runtime().NewObject()
				_ = o.Set("say", v.Func("say", 1, func(fc goja.FunctionCall) goja.Value {
					w.mu.Lock()
					defer w.mu.Unlock()
					var parts []string
					for _, a := range fc.Arguments {
						parts = append(parts, a.String())
					}
					w.texts = append(w.texts, strings.Join(parts, " "))
					return goja.Undefined()
				}))
				return o
			}, nil
		},
	}
	return []sandbox.Module{Module(), say}
}

// newWorld compiles the body of an iteration; init is top-level code.
func newWorld(t testing.TB, p *plan.Plan, init, iteration string, adjust ...func(*sandbox.Host)) *world {
	t.Helper()
	w, err := tryWorld(t, p, init, iteration, adjust...)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func tryWorld(t testing.TB, p *plan.Plan, init, iteration string, adjust ...func(*sandbox.Host)) (*world, error) {
	t.Helper()
	w := &world{t: t, plan: p, reg: metric.NewRegistry(metric.Options{}), set: metric.NewSet()}
	code := "const http = require('swarm/http').default; const {say} = require('test');\n" + init +
		"\nexports.default = function () {\n" + iteration + "\n}"
	script, err := sandbox.Compile(&bundle.Bundle{Entry: "script.js", Code: []byte(code)}, w.modules(), nil)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{}
	host := &sandbox.Host{
		Registry: w.reg, Plan: p, Dial: dialer.DialContext, Now: time.Now,
		Log: func(l sandbox.LogLine) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lines = append(w.lines, l.Level+": "+l.Text)
		},
	}
	for _, f := range adjust {
		f(host)
	}
	w.program, err = script.Program(host)
	if err != nil {
		return nil, err
	}
	w.vu, err = w.program.NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		return nil, err
	}
	t.Cleanup(w.vu.Close)
	return w, nil
}

var scenario = &vu.Scenario{Name: "default", Exec: "default"}

// iterate runs one iteration.
func (w *world) iterate(ctx context.Context) error {
	return w.vu.Iterate(ctx, vu.Iteration{Scenario: scenario})
}

// run runs one iteration, which must not throw, and returns what it said.
func (w *world) run() []string {
	w.t.Helper()
	if err := w.iterate(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return w.heard()
}

func (w *world) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.texts
	w.texts = nil
	return out
}

func (w *world) logged() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.lines...)
}

// value returns the aggregate of a metric over the series with these tags.
func (w *world) value(name string, filter ...string) metric.Aggregate {
	w.t.Helper()
	if err := w.set.Merge("test", w.reg.Snapshot(time.Now())); err != nil {
		w.t.Fatal(err)
	}
	tags := metric.Tags{}
	for i := 0; i < len(filter); i += 2 {
		tags = tags.With(metric.Tag{Key: filter[i], Value: filter[i+1]})
	}
	a, ok := w.set.Select(name, tags)
	if !ok {
		w.t.Fatalf("metric %s is unknown", name)
	}
	return a
}

// says compares what an iteration of the script says with want.
func says(t *testing.T, p *plan.Plan, init, iteration string, want ...string) *world {
	t.Helper()
	w := newWorld(t, p, init, iteration)
	got := w.run()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Fatalf("script said\n%q, want\n%q\nlogged %q", got, want, w.logged())
	}
	return w
}

// throws runs an iteration that must throw an exception holding text.
func throws(t *testing.T, p *plan.Plan, iteration, text string) *world {
	t.Helper()
	w := newWorld(t, p, "", iteration)
	err := w.iterate(context.Background())
	ex, ok := err.(*vu.Exception)
	if !ok || !strings.Contains(ex.Error(), text) {
		t.Fatalf("got error %v, want an exception with %q", err, text)
	}
	return w
}

func serve(t testing.TB, h nethttp.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// rawServer answers each connection with handle, which must return when the
// connection is closed.
func rawServer(t testing.TB, handle func(c net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

var iteration = vu.Iteration{Scenario: scenario}

func identity(n int) vu.Identity { return vu.Identity{InInstance: uint64(n), InTest: uint64(n)} }
