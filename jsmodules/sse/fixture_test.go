package sse

import (
	"context"
	"fmt"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/bundle"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a script in one VU, and all that can be seen of what it does.
type world struct {
	t   testing.TB
	url string
	vu  vu.VU
	reg *metric.Registry
	set *metric.Set

	mu    sync.Mutex
	lines []string // logged
	texts []string // what the script passed to say()
	hear  func(text string)
}

var systemTags = []string{"scenario", "group", "proto", "status", "method", "url", "name", "error", "error_code", "expected_response"}

func newPlan() *plan.Plan {
	return &plan.Plan{SystemTags: systemTags, HTTP: plan.HTTP{MaxRedirects: 10, Batch: 20, BatchPerHost: 6, UserAgent: "swarm/test"}}
}

// newWorld bundles and compiles a script of which iteration is the body of an
// async iteration, and init stands at the top. URL stands for url in both.
func newWorld(t testing.TB, p *plan.Plan, url, init, iteration string, adjust ...func(*sandbox.Host)) *world {
	t.Helper()
	w := &world{t: t, url: url, reg: metric.NewRegistry(metric.Options{}), set: metric.NewSet()}
	say := sandbox.Module{Names: []string{"test"}, Exports: []string{"say"}, Load: func(*sandbox.Host) (sandbox.New, error) {
		return func(v *sandbox.VU) *goja.Object {
			o := v.Runtime().NewObject()
			_ = o.Set("say", v.Func("say", 1, func(fc goja.FunctionCall) goja.Value {
				var parts []string
				for _, a := range fc.Arguments {
					parts = append(parts, a.String())
				}
				w.said(strings.Join(parts, " "))
				return goja.Undefined()
			}))
			return o
		}, nil
	}}
	modules := []sandbox.Module{http.Module(), Module(), say}
	code := "import http from 'swarm/http'; import sse, {EventSource} from 'swarm/sse'; import {say} from 'test';\n" +
		init + "\nexport default async function () {\n" + iteration + "\n}\nexport function nothing() {}\nhttp; sse; EventSource;"
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "script.js"), []byte(strings.ReplaceAll(code, "URL", url)), 0o600); err != nil {
		t.Fatal(err)
	}
	options := bundle.Options{Root: root, Entry: "script.js"}
	for _, m := range modules {
		options.Modules = append(options.Modules, bundle.HostModule{Names: m.Names, Exports: m.Exports, HasDefault: slices.Contains(m.Exports, "default")})
	}
	b, err := bundle.Build(options)
	if err != nil {
		t.Fatal(err)
	}
	script, err := sandbox.Compile(b, modules, nil)
	if err != nil {
		t.Fatal(err)
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
	program, err := script.Program(host)
	if err != nil {
		t.Fatal(err)
	}
	w.vu, err = program.NewVU(context.Background(), vu.Identity{InInstance: 1, InTest: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.vu.Close)
	return w
}

func (w *world) said(text string) {
	w.mu.Lock()
	w.texts = append(w.texts, text)
	hear := w.hear
	w.mu.Unlock()
	if hear != nil {
		hear(text)
	}
}

var scenario = &vu.Scenario{Name: "default", Exec: "default"}

func (w *world) iterate(ctx context.Context) error {
	return w.vu.Iterate(ctx, vu.Iteration{Scenario: scenario})
}

// says runs one iteration and compares what it says.
func (w *world) says(want ...string) {
	w.t.Helper()
	if err := w.iterate(context.Background()); err != nil {
		w.t.Fatalf("%v\nlogged %q, said %q", err, w.logged(), w.heard())
	}
	if got := w.heard(); fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		w.t.Errorf("script said\n%q, want\n%q\nlogged %q", got, want, w.logged())
	}
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
	return slices.Clone(w.lines)
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

// counted compares sums of counters with what they must be.
func (w *world) counted(want map[string]float64) {
	w.t.Helper()
	for name, n := range want {
		a := w.value(name)
		got := a.Sum
		if a.Type == metric.Rate {
			got = float64(a.NonZero)
		}
		if got != n {
			w.t.Errorf("%s is %v, want %v", name, got, n)
		}
	}
}

func serve(t testing.TB, h nethttp.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// stream answers with an event stream made of the pieces, each sent by itself.
func stream(w nethttp.ResponseWriter, pieces ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, p := range pieces {
		fmt.Fprint(w, p)
		w.(nethttp.Flusher).Flush()
	}
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

// ask reads a request from c.
func ask(c net.Conn) bool {
	_, err := c.Read(make([]byte, 8<<10))
	return err == nil
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
