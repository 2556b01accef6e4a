// Package engine is the load phase of one runner: it makes the VUs, runs the
// scenarios of a plan on them and records what happens.
//
// The work is divided: a plan says what is wanted, an executor decides when an
// iteration of its scenario begins, a pool lends the VUs, and Run puts these
// together, starts each scenario at its time and waits for all of them.
package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swarmload/swarm/engine/executor"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// Config is what a Run needs. All fields are required.
type Config struct {
	Plan     *plan.Plan
	Script   vu.Script
	Registry *metric.Registry
	Events   Events
}

// Events receives what is not a number. Methods are called from VU goroutines,
// many at once, and must not block.
type Events interface {
	// Exception reports that an iteration of the scenario threw. An iteration
	// that reached iterationTimeout is reported as one too.
	Exception(scenario string, e *vu.Exception)
	// Fault reports an error of ours that cost a VU (it was replaced, unless
	// Execute's error says otherwise).
	Fault(scenario string, err error)
}

// Run is one load phase: Init once, then Execute once. Stop and Status may be
// called from any goroutine at any time.
type Run struct {
	host      *executor.Host
	scenarios []*scenario
	invalid   error // why no executor could be made for a scenario

	vus, vusMax *metric.Series
	rec         *metric.Recorder

	ready atomic.Bool
	began atomic.Int64 // clock when Execute began, in ns; negative before
	ended atomic.Int64 // clock when the last scenario ended, in ns; negative before
	stop  chan struct{}
	once  sync.Once
}

// scenario is one workload of the run and those who do it.
type scenario struct {
	*plan.Scenario
	executor executor.Executor
	crew     *executor.Crew
}

// New checks nothing and starts nothing.
func New(c Config) *Run {
	r := &Run{stop: make(chan struct{}), rec: c.Registry.Recorder(0)}
	series := func(name string) *metric.Series {
		return c.Registry.Series(c.Registry.Lookup(name), metric.TagsFromMap(c.Plan.Tags))
	}
	r.vus, r.vusMax = series(metric.VUs), series(metric.VUsMax)
	r.host = &executor.Host{
		Plan:     c.Plan,
		Pool:     vu.NewPool(c.Script, c.Plan.MaxVUs()),
		Registry: c.Registry,
		Events:   c.Events,
		VUs:      executor.NewHeadcount(r.rec, r.vus),
		Clock:    executor.NewClock(),
	}
	r.host.Stopwatch = executor.NewStopwatch(r.host.Clock)
	r.began.Store(-1)
	r.ended.Store(-1)
	for i := range c.Plan.Scenarios {
		s := &scenario{Scenario: &c.Plan.Scenarios[i]}
		var err error
		if s.executor, err = executor.New(s.Scenario, c.Plan.Segment); err != nil {
			r.invalid = errors.Join(r.invalid, err)
		}
		s.crew = executor.NewCrew(r.host, s.Scenario)
		r.scenarios = append(r.scenarios, s)
	}
	return r
}

// Init makes all VUs of the plan (in parallel on all cores). The error is that
// of the first VU that failed, an *vu.Exception when the script threw; then no
// VU is left. VUs are closed by Execute, or by Close.
func (r *Run) Init(ctx context.Context) error {
	if r.invalid != nil {
		return r.invalid
	}
	if err := r.host.Pool.Init(ctx); err != nil {
		return err
	}
	r.ready.Store(true)
	return nil
}

// Execute runs all scenarios to their end and closes the VUs. It returns nil
// however the scenarios ended; an error means a fault of ours. When ctx ends,
// iterations are interrupted at once. Every goroutine it started has ended
// when it returns.
func (r *Run) Execute(ctx context.Context) error {
	if !r.ready.Swap(false) {
		return errors.New("the run has no VUs: not initialised, or ended before")
	}
	defer r.host.Pool.Close()
	r.began.Store(int64(r.host.Clock.Now()))
	r.host.Stopwatch.Resume()

	var working, gauging sync.WaitGroup
	done := make(chan struct{})
	gauging.Go(func() { r.gauge(done) })
	for _, s := range r.scenarios {
		working.Go(func() {
			if r.await(ctx, s.StartTime) {
				s.executor.Run(ctx, r.stop, s.crew)
			}
			s.crew.Finish()
		})
	}
	working.Wait()
	r.ended.Store(int64(r.host.Clock.Now()))
	close(done)
	gauging.Wait()
	return r.lost()
}

// Close closes the VUs of a run that will not be executed. After Execute it
// does nothing; they must not run at the same time.
func (r *Run) Close() {
	r.ready.Store(false)
	r.host.Pool.Close()
}

// Stop asks for a graceful end: no new iterations, running ones get their
// scenario's gracefulStop. Safe at any time, from any goroutine, repeatedly.
func (r *Run) Stop() { r.once.Do(func() { close(r.stop) }) }

// await waits for a time after the start of the run; false says that the run
// ended before.
func (r *Run) await(ctx context.Context, at time.Duration) bool {
	timer := time.NewTimer(at)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.stop:
	case <-ctx.Done():
	}
	select {
	case <-r.stop:
		return false
	default:
		return ctx.Err() == nil
	}
}

// gauge records vus and vus_max each second. It does so at the half of the
// second, since VUs come and go at whole ones: a value from the middle of that
// would say nothing.
func (r *Run) gauge(done <-chan struct{}) {
	r.rec.Record(r.vusMax, float64(r.host.Pool.Made()))
	timer := time.NewTimer(time.Second / 2)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
			timer.Reset(time.Second)
		}
		r.host.VUs.Record()
		r.rec.Record(r.vusMax, float64(r.host.Pool.Made()))
	}
}

// lost returns an error when VUs faulted and could not be replaced.
func (r *Run) lost() error {
	var all error
	for _, s := range r.scenarios {
		if n, err := s.crew.Lost(); n > 0 {
			all = errors.Join(all, fmt.Errorf("scenario %q: lost %d VUs that could not be replaced: %w", s.Name, n, err))
		}
	}
	return all
}
