package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox/bundle"
	"go.uber.org/goleak"
)

// The test binary doubles as the runner process.
const childVariable = "CLUSTER_TEST_RUNNER"

func TestMain(m *testing.M) {
	switch os.Getenv(childVariable) {
	case "":
		goleak.VerifyTestMain(m)
		return
	case "parent": // starts a runner, says its number and waits
		link, err := connectors["process"](context.Background())
		if err != nil {
			panic(err)
		}
		fmt.Println(link.(*processLink).PID())
		link.Wait()
		return
	}
	stream, err := InheritedStream()
	if err == nil {
		fmt.Println("a stray print") // must not reach the stream
		err = Serve(context.Background(), stream, RunnerConfig{Load: loadFake})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// fake is a script in Go, described by JSON in the environment. Do says what
// happens in a phase: "load", "init", "program", "vu", "setup", "iteration",
// "teardown", "summary". See act.
type fake struct {
	Options string
	Exports []string
	Do      map[string]string
	Pause   time.Duration // of an iteration
	Records int           // samples per iteration, 1 if 0

	host    *RunnerHost
	data    atomic.Pointer[[]byte]
	begun   atomic.Int64 // iterations
	samples atomic.Int64
	phases  *sync.Map // phases that were entered, for runners in this process
}

const fakeVariable = "FAKE"

func loadFake(b *bundle.Bundle) (Loaded, error) {
	if b.Entry != "script.js" {
		return nil, fmt.Errorf("entry is %q", b.Entry)
	}
	return &fake{}, nil
}

// deaf is closed by tests that ran a script which does not listen, in this process.
var deaf = make(chan struct{})

func (f *fake) act(ctx context.Context, phase string) error {
	if f.phases != nil {
		f.phases.Store(phase, true)
	}
	switch action, arg, _ := strings.Cut(f.Do[phase], " "); action {
	case "":
		return nil
	case "throw":
		return &vu.Exception{Name: "TypeError", Message: arg, Stack: []vu.Frame{{File: "script.js", Line: 4, Column: 2}}}
	case "fault":
		return errors.New(arg)
	case "unusable":
		return fmt.Errorf("module: %w", &plan.Fault{Path: []string{"proxy"}, Message: arg})
	case "hang":
		<-ctx.Done()
		return &vu.Interrupted{Cause: ctx.Err()}
	case "deaf":
		<-deaf
		return ctx.Err()
	case "panic":
		panic(arg)
	case "exit":
		fmt.Fprintln(os.Stderr, "leaving")
		os.Exit(3)
	case "kill":
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		self.Kill()
		select {}
	case "stack":
		debug.SetMaxStack(16 << 20)
		var recurse func(n int) int
		recurse = func(n int) int { return recurse(n+1) + n }
		recurse(0)
	case "abort":
		f.host.Abort(arg)
		f.host.Abort("again")
		return &vu.Interrupted{Cause: errors.New("aborted")}
	case "fail":
		f.host.Fail(arg)
	case "log":
		var n int
		fmt.Sscan(arg, &n)
		for i := range n {
			f.host.Log(LogLine{Level: "info", Source: "console", Text: fmt.Sprintf("%s %d", phase, i)})
		}
	default:
		panic("unknown action " + action)
	}
	return nil
}

func (f *fake) Inspect(ctx context.Context, h RunnerHost) (Inspection, error) {
	if err := json.Unmarshal([]byte(h.Env[fakeVariable]), f); err != nil {
		return Inspection{}, err
	}
	f.host = &h
	if phases, ok := inProcess.Load(h.Env["ID"]); ok {
		f.phases = phases.(*sync.Map)
	}
	if err := f.act(ctx, "init"); err != nil {
		return Inspection{}, err
	}
	return Inspection{
		Options: []byte(f.Options),
		Exports: append(f.Exports, "default"),
		Metrics: []metric.Metric{{Name: "done", Type: metric.Counter}},
	}, nil
}

// inProcess holds the phases of fakes that run in this process, by ID.
var inProcess sync.Map

func (f *fake) Program(h RunnerHost, p *plan.Plan) (vu.Script, error) {
	if _, err := h.Registry.Define("done", metric.Counter, metric.Plain); err != nil {
		return nil, err
	}
	f.host = &h
	return f, f.act(context.Background(), "program")
}

func (f *fake) NewVU(ctx context.Context, id vu.Identity) (vu.VU, error) {
	if err := f.act(ctx, "vu"); err != nil {
		return nil, err
	}
	rec := f.host.Registry.Recorder(int(id.InInstance))
	return &fakeVU{f, rec}, nil
}

func (f *fake) Setup(ctx context.Context) ([]byte, error) {
	f.record(f.host.Registry.Recorder(0), "setup")
	return []byte(`{"token":"abc"}`), f.act(ctx, "setup")
}

func (f *fake) SetSetupData(data []byte) { f.data.Store(&data) }

func (f *fake) Teardown(ctx context.Context) error {
	f.record(f.host.Registry.Recorder(0), "teardown")
	f.host.Log(LogLine{Level: "info", Source: "total", Text: fmt.Sprint(f.samples.Load())})
	f.host.Log(LogLine{Level: "info", Source: "data", Text: string(*f.data.Load())})
	return f.act(ctx, "teardown")
}

func (f *fake) HandleSummary(ctx context.Context, data []byte) (map[string][]byte, error) {
	if err := f.act(ctx, "summary"); err != nil {
		return nil, err
	}
	if !slices.Contains(f.Exports, "handleSummary") {
		return nil, nil
	}
	return map[string][]byte{"stdout": data}, nil
}

func (f *fake) record(rec *metric.Recorder, phase string) {
	r := f.host.Registry
	tags := metric.NewTags(metric.Tag{Key: "phase", Value: phase})
	rec.Record(r.Series(r.Lookup("done"), tags), 1)
	rec.Record(r.Series(r.Lookup(metric.HTTPReqDuration), tags), float64(f.samples.Add(1)%50))
}

type fakeVU struct {
	f   *fake
	rec *metric.Recorder
}

func (v *fakeVU) Iterate(ctx context.Context, it vu.Iteration) error {
	v.f.begun.Add(1)
	for range max(v.f.Records, 1) {
		v.f.record(v.rec, "load")
	}
	if err := v.f.act(ctx, "iteration"); err != nil {
		return err
	}
	if v.f.Pause > 0 {
		select {
		case <-ctx.Done():
			return &vu.Interrupted{Cause: ctx.Err()}
		case <-time.After(v.f.Pause):
		}
	}
	return nil
}

func (v *fakeVU) Close() {}

// testBundle is a bundle as the bundler makes it.
var testBundle = sync.OnceValues(func() (*bundle.Bundle, error) {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(dir+"/script.js", []byte("export default function () {}\n"), 0o600); err != nil {
		return nil, err
	}
	return bundle.Build(bundle.Options{Root: dir, Entry: "script.js"})
})

// connectors are the implementations of Link.
var connectors = map[string]func(ctx context.Context) (Link, error){
	"process": func(ctx context.Context) (Link, error) {
		return StartProcess(ctx, ProcessConfig{Path: os.Args[0], Env: []string{childVariable + "=1", "GORACE=atexit_sleep_ms=0"}})
	},
	"off": func(ctx context.Context) (Link, error) {
		return StartInProcess(ctx, RunnerConfig{Load: loadFake})
	},
}

// overBoth runs a test over both kinds of link and checks that nothing is left.
func overBoth(t *testing.T, test func(t *testing.T, connect func(ctx context.Context) (Link, error))) {
	for name, connect := range connectors {
		t.Run(name, func(t *testing.T) {
			before := descriptors(t)
			test(t, connect)
			goleak.VerifyNone(t)
			if after := descriptors(t); after > before {
				t.Errorf("%d descriptors open, %d before", after, before)
			}
		})
	}
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc")
	}
	return len(entries)
}

// witness is an Observer that writes down what it saw.
type witness struct {
	phases     []string
	plans      int
	ticks      []Tick
	counts     []uint64 // of the samples at each tick
	logs       []LogLine
	exceptions []Exception
	onTick     func(Tick)
	onPhase    func(string)
	onLog      func(LogLine)
}

func (w *witness) Planned(*plan.Plan) { w.plans++ }
func (w *witness) Phase(name string) {
	w.phases = append(w.phases, name)
	if w.onPhase != nil {
		w.onPhase(name)
	}
}
func (w *witness) Tick(t Tick) {
	agg, _ := t.Set.Select("done", metric.Tags{})
	w.counts = append(w.counts, agg.Count)
	t.Set = nil
	w.ticks = append(w.ticks, t)
	if w.onTick != nil {
		w.onTick(t)
	}
}
func (w *witness) Log(l LogLine) {
	w.logs = append(w.logs, l)
	if w.onLog != nil {
		w.onLog(l)
	}
}
func (w *witness) Exception(e Exception) { w.exceptions = append(w.exceptions, e) }

// from returns the texts of log lines of a source.
func (w *witness) from(source string) []string {
	var texts []string
	for _, l := range w.logs {
		if l.Source == source {
			texts = append(texts, l.Text)
		}
	}
	return texts
}

// trial is a run of a fake.
type trial struct {
	script  *fake
	observe *witness
	ctx     context.Context
	stop    chan struct{}
	config  Config
}

func newTrial(t *testing.T, script *fake, connect func(ctx context.Context) (Link, error)) *trial {
	b, err := testBundle()
	if err != nil {
		t.Fatal(err)
	}
	described, err := json.Marshal(struct {
		Options string
		Exports []string
		Do      map[string]string
		Pause   time.Duration
		Records int
	}{script.Options, script.Exports, script.Do, script.Pause, script.Records})
	if err != nil {
		t.Fatal(err)
	}
	tr := &trial{script: script, observe: &witness{}, ctx: context.Background(), stop: make(chan struct{})}
	tr.config = Config{
		Bundle:    b,
		Env:       map[string]string{fakeVariable: string(described), "ID": t.Name()},
		Connect:   connect,
		Isolation: "process",
		Observer:  tr.observe,
		Stop:      tr.stop,
	}
	return tr
}

func (tr *trial) run() (*Result, error) { return Run(tr.ctx, tr.config) }

// metricOf returns a value of a metric in a result, 0 without.
func metricOf(r *Result, name, value string) float64 {
	for _, m := range r.Summary.Metrics {
		if m.Name == name {
			return m.Values[value]
		}
	}
	return 0
}

// Function makes ready the function that Do["shape"] describes: "throw …",
// "hang", or "return JSON JSON …", one for each call, the last again and again.
func (f *fake) Function(ctx context.Context, name string) (vu.Function, error) {
	if !slices.Contains(f.Exports, name) {
		return nil, fmt.Errorf("no function %s", name)
	}
	return &fakeFunction{f: f}, nil
}

type fakeFunction struct {
	f     *fake
	calls int
}

func (s *fakeFunction) Call(ctx context.Context, arg []byte) ([]byte, error) {
	s.f.host.Log(LogLine{Level: "info", Source: "asked", Text: string(arg)})
	action, rest, _ := strings.Cut(s.f.Do["shape"], " ")
	if action != "return" {
		return nil, s.f.act(ctx, "shape")
	}
	values := strings.Fields(rest)
	value := values[min(s.calls, len(values)-1)]
	s.calls++
	if value == "undefined" {
		return nil, nil
	}
	return []byte(value), nil
}

func (s *fakeFunction) Close() { s.f.host.Log(LogLine{Level: "info", Source: "asked", Text: "closed"}) }

func (v *fakeVU) Setup(context.Context) error    { return nil }
func (v *fakeVU) Teardown(context.Context) error { return nil }
