//go:build !unix

package main

import (
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/progress"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// suspender has nothing to do where processes are not suspended from a terminal.
type suspender struct {
	control  *cluster.Control
	board    *control.Board
	display  *progress.Display
	keyboard *terminal.Keyboard
}

func (*suspender) start() (end func()) { return func() {} }
