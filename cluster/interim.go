package cluster

import (
	"errors"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/health"
)

func marksOf(run *engine.Run) []health.Mark {
	if m, ok := any(run).(interface{ Marks() []health.Mark }); ok {
		return m.Marks()
	}
	return nil
}

func socketErrorOf(run *engine.Run) {
	if m, ok := any(run).(interface{ SocketError() }); ok {
		m.SocketError()
	}
}

func controlOf(run *engine.Run) engine.Control {
	if m, ok := any(run).(engine.Control); ok {
		return m
	}
	return uncontrolled{run}
}

type uncontrolled struct{ *engine.Run }

func (uncontrolled) Pause() error                     { return errors.New("cannot be paused") }
func (uncontrolled) Resume() error                    { return errors.New("cannot be resumed") }
func (uncontrolled) Scale(string, engine.Level) error { return errors.New("cannot be scaled") }
