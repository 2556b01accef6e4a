package main

import (
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// keyboard reads keys where a person has them: on a terminal, whose screen
// shows what they do. It returns nil elsewhere.
func (r *runCommand) keyboard(c *cluster.Control, w *watcher, b *brake) *terminal.Keyboard {
	if r.quiet || r.env.stdin == nil || !r.env.stderr.Interactive {
		return nil
	}
	keys := &control.Keys{
		Control: c,
		Board:   w.board,
		Screen:  w.display,
		Stop:    func() { b.to(gently) },
		Quit:    func() { b.to(atOnce) },
	}
	k, err := terminal.OpenKeyboard(r.env.stdin, keys.Press)
	if err != nil {
		return nil // no terminal to read from
	}
	w.display.Keys()
	return k
}
