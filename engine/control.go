package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/swarmload/swarm/engine/executor"
	"github.com/swarmload/swarm/engine/health"
)

// Control steers a running test. One runner's [Run] is one, and so is a whole
// test's: terminal keys, the local API and the web UI know nothing else. Its
// methods may be called from any goroutine at any time, return soon and wait
// for no effect. The error is one lower-case line for the user: the run is not
// in its load phase, there is no such scenario, the scenario cannot be scaled.
type Control interface {
	// Pause lets no iteration begin until Resume; running ones end. Schedules
	// stand still meanwhile: nothing is due, nothing is dropped.
	Pause() error
	Resume() error
	// Scale changes the load of a scenario, "" for the only one that can be
	// scaled: from now on that many VUs (closed models) or iterations per
	// second (open ones), whatever the plan had in mind for the rest of it.
	Scale(scenario string, to Level) error
	// Stop ends the load gracefully.
	Stop()
}

// Level is how much load a scenario is to make: of VUs and Rate the one that
// its model goes by counts, the other is 0.
type Level = executor.Level

// Pause implements [Control].
func (r *Run) Pause() error { return r.hold(true) }

// Resume implements [Control]. It also lets a run begin whose plan says paused.
func (r *Run) Resume() error { return r.hold(false) }

func (r *Run) hold(pause bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.loads(); err != nil {
		return err
	}
	r.paused = pause
	switch {
	case r.phase != loading: // begin sees it
	case pause:
		r.host.Stopwatch.Pause()
	default:
		r.host.Stopwatch.Resume()
	}
	return nil
}

// loads returns why there is nothing to steer; the caller holds the lock.
func (r *Run) loads() error {
	switch r.phase {
	case unready:
		return errors.New("the load has not begun")
	case over:
		return errors.New("the load has ended")
	}
	return nil
}

// Scale implements [Control].
func (r *Run) Scale(name string, to Level) error {
	r.mu.Lock()
	err := r.loads()
	r.mu.Unlock()
	if err != nil {
		return err
	}
	s, err := r.scaled(name)
	if err != nil {
		return err
	}
	if s.crew.State() >= executor.Stopping {
		return fmt.Errorf("scenario %q has ended", s.Name)
	}
	if err := s.executor.Scale(to); err != nil {
		return fmt.Errorf("scenario %q: %w", s.Name, err)
	}
	return nil
}

// scaled returns the scenario that is meant by a name.
func (r *Run) scaled(name string) (*scenario, error) {
	if name != "" {
		if s := r.find(name); s != nil {
			return s, nil
		}
		return nil, fmt.Errorf("there is no scenario %q", name)
	}
	var fit []*scenario
	var names []string
	for _, s := range r.scenarios {
		if executor.Scales(s.Scenario) {
			fit = append(fit, s)
			names = append(names, fmt.Sprintf("%q", s.Name))
		}
	}
	switch len(fit) {
	case 0:
		return nil, errors.New("no scenario can be scaled: all run a fixed number of iterations")
	case 1:
		return fit[0], nil
	}
	return nil, fmt.Errorf("say which scenario: %s", strings.Join(names, ", "))
}

// Marks returns the spans in which this generator was slow that ended since the
// last call, as [health.Monitor.Marks]: one caller at a time, last after Execute.
func (r *Run) Marks() []health.Mark { return r.monitor.Marks() }

// SocketError counts a request that failed on the generator's own account: for
// those who dial. Safe for concurrent use.
func (r *Run) SocketError() { r.monitor.SocketError() }
