package engine

import (
	"time"

	"github.com/swarmload/swarm/engine/executor"
	"github.com/swarmload/swarm/engine/health"
)

// Status is a moment of a run.
type Status struct {
	// Elapsed is the time since Execute began, until the last scenario ended,
	// as a clock on the wall shows it: pauses count, for during them requests
	// may be under way and are measured. Schedules, and with them each
	// scenario's Elapsed and Progress, stand still meanwhile.
	Elapsed   time.Duration
	VUs       int           // at work in a scenario now
	VUsMax    int           // made
	Paused    bool          // no iteration begins until Resume
	Vitals    health.Vitals // of this generator
	Scenarios []ScenarioStatus
}

// ScenarioStatus is a moment of one scenario.
type ScenarioStatus struct {
	Name        string
	State       string        // "waiting", "running", "stopping", "done"
	Elapsed     time.Duration // load time since its start, until its end
	VUs         int           // at work now
	VUsPlanned  int           // most it should run now
	RatePlanned float64       // open models: iterations per second it should start now
	Dropped     uint64        // iterations that were due and never began
	Started     uint64        // iterations begun
	Complete    uint64        // iterations ended by themselves, with or without exception
	Interrupted uint64        // iterations cut off
	Progress    float64       // 0 to 1
}

// Status returns where the run stands. Safe from any goroutine at any time.
// The numbers are read one after the other while the run goes on; Complete and
// Interrupted together never exceed Started.
func (r *Run) Status() Status {
	st := Status{
		VUs:       r.host.VUs.Now(),
		VUsMax:    r.host.Pool.Made(),
		Vitals:    r.monitor.Vitals(),
		Scenarios: make([]ScenarioStatus, 0, len(r.scenarios)),
	}
	if began := r.began.Load(); began >= 0 {
		now := r.ended.Load()
		if now < 0 {
			now = int64(r.host.Clock.Now())
			st.Paused = r.host.Stopwatch.Paused()
		}
		st.Elapsed = time.Duration(now - began)
	}
	for _, s := range r.scenarios {
		st.Scenarios = append(st.Scenarios, s.status())
	}
	return st
}

func (s *scenario) status() ScenarioStatus {
	state := s.crew.State()
	st := ScenarioStatus{
		Name:    s.Name,
		State:   state.String(),
		Elapsed: s.crew.Elapsed(),
		VUs:     s.crew.Active(),
		Dropped: s.crew.Dropped(),
	}
	st.Complete, st.Interrupted = s.crew.Ended()
	st.Started = s.crew.Started() // read last: never less than what ended
	if s.executor != nil && state != executor.Waiting {
		st.Progress = s.executor.Progress(st.Elapsed, st.Complete+st.Interrupted)
		if state == executor.Running {
			planned := s.executor.Planned(st.Elapsed)
			st.VUsPlanned, st.RatePlanned = planned.VUs, planned.Rate
		}
	}
	return st
}
