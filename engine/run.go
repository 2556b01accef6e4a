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

	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/executor"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// Config is what a Run needs. All fields but Alarm and Sleepers are required.
type Config struct {
	Plan     *plan.Plan
	Script   vu.Script
	Registry *metric.Registry
	Events   Events
	// Alarm makes what arrival rates go by, such as alarm.NewSystem; nil: timers
	// of the Go runtime, which are up to a millisecond late.
	Alarm func() alarm.Alarm
	// Sleepers are where VUs wait, the caller's; nil: each by a timer of its own.
	Sleepers *alarm.Sleepers
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

// Run is one load phase: Init once, then Execute once. All its other methods may
// be called from any goroutine at any time. It is a [Control] from Init on:
// orders that come before Execute are in force when it begins.
type Run struct {
	host      *executor.Host
	scenarios []*scenario
	invalid   error // why no executor could be made for a scenario
	monitor   *health.Monitor

	vus, vusMax, exceptions *metric.Series
	rec                     *metric.Recorder

	began atomic.Int64 // clock when Execute began, in ns; negative before
	ended atomic.Int64 // clock when the last scenario ended, in ns; negative before
	stop  chan struct{}
	once  sync.Once

	mu     sync.Mutex
	phase  phase
	paused bool // wanted so
}

// phase is how far a run is.
type phase int

const (
	unready phase = iota
	ready         // Init is done
	loading       // Execute runs, and scenarios may
	over
)

// scenario is one workload of the run and those who do it.
type scenario struct {
	*plan.Scenario
	executor executor.Executor
	crew     *executor.Crew
	after    *scenario     // whose end it waits for; nil for the start of the load
	done     chan struct{} // closed when it has ended
}

var _ Control = (*Run)(nil)

// New checks nothing and starts nothing.
func New(c Config) *Run {
	r := &Run{stop: make(chan struct{}), rec: c.Registry.Recorder(0), paused: c.Plan.Paused}
	tags := metric.TagsFromMap(c.Plan.Tags)
	series := func(name string) *metric.Series { return c.Registry.Series(c.Registry.Lookup(name), tags) }
	r.vus, r.vusMax, r.exceptions = series(metric.VUs), series(metric.VUsMax), series(metric.ScriptErrors)
	r.monitor = health.New(c.Registry, tags)
	r.monitor.Follow(c.Sleepers.Late)
	r.host = &executor.Host{
		Plan:     c.Plan,
		Pool:     newPool(c.Script, c.Plan),
		Registry: c.Registry,
		Events:   c.Events,
		VUs:      executor.NewHeadcount(r.rec, r.vus),
		Clock:    executor.NewClock(),
		Alarm:    c.Alarm,
		Sleepers: c.Sleepers,
	}
	r.host.Stopwatch = executor.NewStopwatch(r.host.Clock)
	r.began.Store(-1)
	r.ended.Store(-1)
	for i := range c.Plan.Scenarios {
		s := &scenario{Scenario: &c.Plan.Scenarios[i], done: make(chan struct{})}
		var err error
		if s.executor, err = executor.New(s.Scenario, c.Plan.Segment); err != nil {
			r.invalid = errors.Join(r.invalid, err)
		}
		s.crew = executor.NewCrew(r.host, s.Scenario)
		r.scenarios = append(r.scenarios, s)
	}
	r.invalid = errors.Join(r.invalid, r.chain())
	return r
}

// newPool returns the pool for a plan: with the VUs it is known to need, and
// room for those that it, or who scales the test, may want besides.
func newPool(script vu.Script, p *plan.Plan) *vu.Pool {
	size := p.MaxVUs()
	for i := range p.Scenarios {
		if s := &p.Scenarios[i]; executor.Scales(s) && !s.Arrives() {
			size = plan.MaxVUs
		}
	}
	pool := vu.NewPool(script, size)
	pool.Initial = p.InitialVUs()
	item := p.Segment.Stripe().Item
	pool.Number = func(inInstance uint64) uint64 { return uint64(item(int64(inInstance-1))) + 1 }
	return pool
}

// chain finds whom the scenarios with startAfter wait for.
func (r *Run) chain() error {
	for _, s := range r.scenarios {
		if s.StartAfter == "" {
			continue
		}
		if s.after = r.find(s.StartAfter); s.after == nil {
			return fmt.Errorf("scenario %q: startAfter names no scenario: %q", s.Name, s.StartAfter)
		}
	}
	for _, s := range r.scenarios {
		for steps, before := 0, s.after; before != nil; steps, before = steps+1, before.after {
			if steps == len(r.scenarios) {
				return fmt.Errorf("scenario %q waits for itself by startAfter", s.Name)
			}
		}
	}
	return nil
}

// find returns the scenario of that name, nil if there is none.
func (r *Run) find(name string) *scenario {
	for _, s := range r.scenarios {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Init makes the VUs that the plan is known to need (in parallel on all cores).
// The error is that of the first VU that failed, an *vu.Exception when the
// script threw; then no VU is left. VUs are closed by Execute, or by Close.
func (r *Run) Init(ctx context.Context) error {
	if r.invalid != nil {
		return r.invalid
	}
	if err := r.host.Pool.Init(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = ready
	return nil
}

// Execute runs all scenarios to their end, then vuTeardown on the VUs, and
// closes them. It returns nil however the scenarios ended; an error means a
// fault of ours. When ctx ends, iterations are interrupted at once and there is
// no vuTeardown.
//
// When it returns, every goroutine it started has ended, so nothing is recorded
// any more: what the registry then holds is all there was.
func (r *Run) Execute(ctx context.Context) error {
	if !r.begin() {
		return errors.New("the run has no VUs: not initialised, or ended before")
	}
	defer r.host.Pool.Close()

	// quit ends all waiting: the load is not to go on.
	quit, cancel := context.WithCancel(ctx)
	watching, unwatch := context.WithCancel(context.Background())
	var working, watches sync.WaitGroup
	watches.Go(func() { r.gauge(watching.Done()) })
	watches.Go(func() { r.monitor.Run(watching) })
	watches.Go(func() {
		select {
		case <-r.stop:
			cancel()
		case <-quit.Done():
		}
	})
	for _, s := range r.scenarios {
		working.Go(func() {
			if r.turn(s, quit) {
				s.executor.Run(ctx, r.stop, s.crew)
			}
			s.crew.Finish()
			close(s.done)
		})
	}
	working.Wait()
	r.end()
	cancel()
	r.host.Pool.Teardown(ctx, r.host.Plan.VUTeardownTimeout, func(err error) { r.threw(ctx, err) })
	unwatch()
	watches.Wait()
	return r.lost()
}

// begin starts the load's time, unless it is to begin paused.
func (r *Run) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase != ready {
		return false
	}
	r.phase = loading
	r.began.Store(int64(r.host.Clock.Now()))
	if !r.paused {
		r.host.Stopwatch.Resume()
	}
	return true
}

// end says that the last scenario has ended.
func (r *Run) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phase = over
	r.ended.Store(int64(r.host.Clock.Now()))
}

// turn waits until it is the scenario's turn; false says that the load ended
// before.
func (r *Run) turn(s *scenario, quit context.Context) bool {
	var from time.Duration
	if s.after != nil {
		select {
		case <-s.after.done:
		case <-quit.Done():
			return false
		}
		from = r.host.Stopwatch.Now()
	}
	if !r.host.Stopwatch.Await(from+s.StartTime, nil, quit.Done()) {
		return false
	}
	select {
	case <-r.stop: // quit may not know yet
		return false
	default:
		return true
	}
}

// threw accounts for a vuTeardown that failed.
func (r *Run) threw(ctx context.Context, err error) {
	e, thrown := errors.AsType[*vu.Exception](err)
	_, interrupted := errors.AsType[*vu.Interrupted](err)
	switch {
	case thrown:
	case interrupted && ctx.Err() != nil:
		return // the user did not want to wait
	case interrupted, errors.Is(err, context.DeadlineExceeded):
		e = &vu.Exception{Name: "TimeoutError", Message: fmt.Sprintf(
			"vuTeardown interrupted after the vuTeardownTimeout of %v", r.host.Plan.VUTeardownTimeout)}
	default:
		r.host.Events.Fault("", err)
		return
	}
	r.rec.Record(r.exceptions, 1)
	r.host.Events.Exception("", e)
}

// Close closes the VUs of a run that will not be executed, and what it holds
// besides. After Execute it
// does nothing; they must not run at the same time.
func (r *Run) Close() {
	r.mu.Lock()
	unused := r.phase < loading
	r.phase = over
	r.mu.Unlock()
	if unused {
		r.monitor.Close()
	}
	r.host.Pool.Close()
}

// Stop asks for a graceful end: no new iterations, running ones get their
// scenario's gracefulStop. Safe at any time, from any goroutine, repeatedly.
func (r *Run) Stop() { r.once.Do(func() { close(r.stop) }) }

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
