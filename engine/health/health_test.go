package health

import (
	"context"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/engine/metric"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a process that uses what it is told.
type fake struct {
	script []usage // one a reading; the last goes on
	n      int
	closed bool
}

func (f *fake) use() usage {
	u := f.script[min(f.n, len(f.script)-1)]
	f.n++
	return u
}
func (f *fake) processors() float64 { return 2 }
func (f *fake) close()              { f.closed = true }

// selected merges a registry and returns one metric.
func selected(t *testing.T, r *metric.Registry, name string) metric.Aggregate {
	t.Helper()
	set := metric.NewSet()
	if err := set.Merge("runner", r.Snapshot(time.Now())); err != nil {
		t.Fatal(err)
	}
	agg, _ := set.Select(name, metric.NewTags(metric.Tag{Key: "team", Value: "a"}))
	return agg
}

func watched(p process) (*metric.Registry, *Monitor) {
	r := metric.NewRegistry(metric.Options{Shards: 1})
	return r, newMonitor(r, metric.NewTags(metric.Tag{Key: "team", Value: "a"}), p)
}

func TestReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &fake{script: []usage{
			{cpu: 5 * time.Second, memory: 100},
			{cpu: 6 * time.Second, memory: 300, pauses: []time.Duration{ms / 2, 2 * ms}},
			{cpu: 6500 * ms, memory: 200},
		}}
		r, m := watched(p)
		ctx, cancel := context.WithTimeout(t.Context(), 2500*ms)
		defer cancel()
		m.SocketError()
		go func() {
			time.Sleep(1100 * ms)
			want := Vitals{CPU: 0.5, Memory: 300, Cause: Sockets}
			if got := m.Vitals(); got != want {
				t.Errorf("after a second: %+v, want %+v", got, want)
			}
			time.Sleep(time.Second)
			want = Vitals{CPU: 0.25, Memory: 200}
			if got := m.Vitals(); got != want {
				t.Errorf("after two: %+v, want %+v", got, want)
			}
			if marks := m.Marks(); len(marks) != 0 {
				t.Errorf("a span that goes on was returned: %+v", marks)
			}
		}()
		m.Run(ctx)
		if !p.closed {
			t.Error("the process was not closed")
		}
		want := []Mark{{From: 0, To: time.Second, Cause: Sockets, Worst: 1}}
		if got := m.Marks(); !slices.Equal(got, want) {
			t.Errorf("marks are %+v, want %+v", got, want)
		}
		set := metric.NewSet()
		if err := set.Merge("runner", r.Snapshot(time.Now())); err != nil {
			t.Fatal(err)
		}
		get := func(name string) metric.Aggregate {
			agg, _ := set.Select(name, metric.NewTags(metric.Tag{Key: "team", Value: "a"}))
			return agg
		}
		if lag := get(metric.GeneratorLag); lag.Count != 125 || lag.Max != 0 {
			t.Errorf("lag: %d samples, max %v", lag.Count, lag.Max)
		}
		if cpu := get(metric.GeneratorCPU); cpu.Count != 3 || cpu.Max != 0.5 || cpu.Last != 0 {
			t.Errorf("cpu: %+v", cpu)
		}
		if memory := get(metric.GeneratorMemory); memory.Max != 300 || memory.Last != 200 {
			t.Errorf("memory: %+v", memory)
		}
		if pause := get(metric.GeneratorGCPause); pause.Count != 2 || pause.Max != 2 || pause.Min != 0.5 {
			t.Errorf("pauses: %+v", pause)
		}
		if refused := get(metric.GeneratorSocketErrors); refused.Sum != 1 {
			t.Errorf("socket errors: %+v", refused)
		}
	})
}

// TestStandstill says that one late wake-up counts for all it held up.
func TestStandstill(t *testing.T) {
	r, m := watched(&fake{script: []usage{{}}})
	began := time.Now()
	var read reading
	due := m.late(began.Add(65*ms), began.Add(15*ms), &read)
	if due != began.Add(75*ms) {
		t.Errorf("next is due after %v", due.Sub(began))
	}
	// Due after 15, 35 and 55 ms: 50, 30 and 10 ms late.
	if read.beats != 3 || read.late != 2 || read.lag != 50*ms {
		t.Errorf("reading %+v", read)
	}
	if lag := selected(t, r, metric.GeneratorLag); lag.Count != 3 || lag.Min != 10 || lag.Max != 50 || lag.Sum != 90 {
		t.Errorf("lag %+v", lag)
	}
	if due := m.late(began.Add(24*time.Hour), due, &read); due != began.Add(24*time.Hour+beat) || read.beats != 3+maxMissed {
		t.Errorf("after a day %d timers, next due after %v", read.beats, due.Sub(began))
	}
}

// TestBusyProcessIsMarked makes goroutines that wait for nothing share one
// processor with the monitor.
func TestBusyProcessIsMarked(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	r := metric.NewRegistry(metric.Options{Shards: 1})
	m := New(r, metric.Tags{})
	ctx, cancel := context.WithTimeout(t.Context(), 2500*ms)
	defer cancel()
	var stop atomic.Bool
	var spinning sync.WaitGroup
	for range 8 {
		spinning.Go(func() {
			for !stop.Load() {
			}
		})
	}
	m.Run(ctx)
	stop.Store(true)
	spinning.Wait()
	marks := m.Marks()
	// With other programs on the machine the processor may not have been ours.
	if len(marks) == 0 || marks[0].Cause != CPU && marks[0].Cause != Lag {
		t.Errorf("marks are %+v, vitals %+v", marks, m.Vitals())
	}
	var marked time.Duration
	for _, mark := range marks {
		marked += mark.To - mark.From
	}
	if marked < time.Second {
		t.Errorf("of 2.5 s only %v are marked: %+v", marked, marks)
	}
	set := metric.NewSet()
	if err := set.Merge("runner", r.Snapshot(time.Now())); err != nil {
		t.Fatal(err)
	}
	if lag, _ := set.Select(metric.GeneratorLag, metric.Tags{}); lag.Max <= milliseconds(lateAfter) {
		t.Errorf("lag is %+v", lag)
	}
	if cpu, _ := set.Select(metric.GeneratorCPU, metric.Tags{}); cpu.Max <= 0 || cpu.Max > 1 {
		t.Errorf("cpu is %+v", cpu)
	}
	if memory, _ := set.Select(metric.GeneratorMemory, metric.Tags{}); memory.Last < 1<<20 {
		t.Errorf("memory is %+v", memory)
	}
}

// TestEndedBeforeItBegan says that a moment gives no figure of processor time.
func TestEndedBeforeItBegan(t *testing.T) {
	p := &fake{script: []usage{{cpu: time.Second}, {cpu: 2 * time.Second}}}
	r, m := watched(p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Run(ctx)
	if cpu := selected(t, r, metric.GeneratorCPU); cpu.Count != 0 || !p.closed {
		t.Errorf("cpu is %+v, closed %v", cpu, p.closed)
	}
	if marks := m.Marks(); len(marks) != 0 {
		t.Errorf("marks are %+v", marks)
	}
}

func TestSocketErrorsOfManyGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := watched(&fake{script: []usage{{}}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 100 {
					m.SocketError()
					m.Vitals()
					time.Sleep(37 * ms)
				}
			})
		}
		m.Run(ctx)
		wg.Wait()
		if refused := selected(t, r, metric.GeneratorSocketErrors); refused.Sum != 1000 {
			t.Errorf("counted %v", refused.Sum)
		}
	})
}

func TestPauses(t *testing.T) {
	p := openProcess()
	defer p.close()
	p.use()
	for range 3 {
		runtime.GC()
	}
	if u := p.use(); len(u.pauses) < 3 || slices.Min(u.pauses) <= 0 || u.work <= 0 || u.cpu <= 0 || u.memory < 1<<20 {
		t.Errorf("%+v", u)
	}
	if u := p.use(); len(u.pauses) > 3 { // another collection may have run
		t.Errorf("pauses were returned again: %+v", u)
	}
}

func TestResident(t *testing.T) {
	p := openProcess()
	p.use()
	one := p.resident()
	p.close()
	p.statm = nil
	if other := p.resident(); one == 0 || other == 0 {
		t.Errorf("resident %d, by the runtime %d", one, other)
	}
	for text, want := range map[string]uint64{
		"1234 567 89 1 0 2 0\n": 567, "1 0 2": 0, "": 0, "12": 0, "1 2": 0, "a b c": 0,
	} {
		if got, ok := residentPages([]byte(text)); got != want || ok != (text == "1 0 2" || want > 0) {
			t.Errorf("%q: %d, %v", text, got, ok)
		}
	}
}

func TestQuota(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"none":      {nil, 0},
		"no limit":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 0},
		"container": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}, 1.5},
		"above": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
			"sys/fs/cgroup/a/cpu.max": "50000 100000\n",
		}, 0.5},
		"least": {map[string]string{
			"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "300000 100000\n",
			"sys/fs/cgroup/a/cpu.max": "200000 100000\n",
		}, 2},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:cpuacct,cpu:/docker/1\n4:memory:/x\n",
			"sys/fs/cgroup/cpu/docker/1/cpu.cfs_quota_us": "25000", "sys/fs/cgroup/cpu/docker/1/cpu.cfs_period_us": "100000\n",
		}, 0.25},
		"version 1 without": {map[string]string{
			"proc/self/cgroup":                   "5:cpu:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
		}, 0},
		"nonsense": {map[string]string{"proc/self/cgroup": "0::/../..\nx\n::\n", "sys/fs/cgroup/cpu.max": "1 0"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for file, text := range tt.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			if got := quota(root); got != tt.want {
				t.Errorf("quota is %v, want %v", got, tt.want)
			}
		})
	}
}

// BenchmarkIdle tells what watching costs: the share of one core.
func BenchmarkIdle(b *testing.B) {
	if os.Getenv("CI") != "" {
		b.Skip("needs a quiet machine")
	}
	r := metric.NewRegistry(metric.Options{})
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 5*time.Second)
		before := processorTime()
		New(r, metric.Tags{}).Run(ctx)
		b.ReportMetric(100*(processorTime()-before).Seconds()/5, "%core")
		cancel()
	}
}

func BenchmarkSocketError(b *testing.B) {
	r := metric.NewRegistry(metric.Options{})
	m := newMonitor(r, metric.Tags{}, &fake{script: []usage{{}}})
	for b.Loop() {
		m.SocketError()
	}
}
