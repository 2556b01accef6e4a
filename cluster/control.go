package cluster

import "github.com/swarmload/swarm/engine"

// Control steers a whole test: what one runner's engine.Run does for a runner
// it does for all of them. Make one with NewControl, give it to Config, use it
// from any goroutine, before, during and after Run. It satisfies engine.Control;
// outside the load phase its methods return an error, except Stop, which then
// ends the run as Config.Stop does.
type Control struct{}

var _ engine.Control = (*Control)(nil)

// NewControl returns the control of one run.
func NewControl() *Control { panic("contract") }

// Pause implements engine.Control.
func (c *Control) Pause() error { panic("contract") }

// Resume implements engine.Control.
func (c *Control) Resume() error { panic("contract") }

// Scale implements engine.Control.
func (c *Control) Scale(scenario string, to engine.Level) error { panic("contract") }

// Stop implements engine.Control.
func (c *Control) Stop() { panic("contract") }
