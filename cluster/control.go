package cluster

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/spelling"
)

// Control steers a whole test: what one runner's engine.Run does for a runner
// it does for all of them. Make one with NewControl, give it to Config, use it
// from any goroutine, before, during and after Run. It satisfies engine.Control;
// outside the load phase its methods return an error, except Stop, which then
// ends the run as Config.Stop does. Orders that wait for the coordinator are
// few, however many are given: of each kind, and for each scenario, the last
// one counts.
type Control struct {
	once sync.Once
	stop chan struct{} // closed by Stop

	mu     sync.Mutex
	state  controlState
	plan   *plan.Plan
	ended  map[string]bool // scenarios
	orders []order
	ready  chan struct{} // holds a token while orders wait
}

type controlState uint8

const (
	beforeLoad controlState = iota
	duringLoad
	afterLoad
)

// order is what somebody wants the load to do: a pause, its end, or another
// level for a scenario.
type order struct {
	pause, resume bool
	scenario      string
	to            engine.Level
}

var _ engine.Control = (*Control)(nil)

// NewControl returns the control of one run.
func NewControl() *Control {
	return &Control{stop: make(chan struct{}), ready: make(chan struct{}, 1), ended: map[string]bool{}}
}

// Pause implements engine.Control.
func (c *Control) Pause() error { return c.give(order{pause: true}) }

// Resume implements engine.Control.
func (c *Control) Resume() error { return c.give(order{resume: true}) }

// Scale implements engine.Control. A level beyond what the scenario allows is
// an error.
func (c *Control) Scale(scenario string, to engine.Level) error {
	return c.give(order{scenario: scenario, to: to})
}

// Stop implements engine.Control.
func (c *Control) Stop() { c.once.Do(func() { close(c.stop) }) }

// give checks an order and leaves it for the coordinator.
func (c *Control) give(o order) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state {
	case beforeLoad:
		return errors.New("the load has not begun yet")
	case afterLoad:
		return errors.New("the load has ended")
	}
	if !o.pause && !o.resume {
		s, err := c.scenario(o.scenario)
		if err == nil {
			err = checkLevel(s, o.to)
		}
		if err == nil && c.ended[s.Name] {
			err = fmt.Errorf("scenario %q has ended", s.Name)
		}
		if err != nil {
			return err
		}
		o.scenario = s.Name
	}
	c.orders = slices.DeleteFunc(c.orders, func(old order) bool {
		scales := !old.pause && !old.resume
		return scales == (!o.pause && !o.resume) && old.scenario == o.scenario
	})
	c.orders = append(c.orders, o)
	select {
	case c.ready <- struct{}{}:
	default:
	}
	return nil
}

// scenario finds the one that is meant.
func (c *Control) scenario(name string) (*plan.Scenario, error) {
	var all, fit []string
	for i := range c.plan.Scenarios {
		s := &c.plan.Scenarios[i]
		if s.Name == name {
			return s, nil
		}
		all = append(all, s.Name)
		if scalable(s) == nil {
			fit = append(fit, s.Name)
		}
	}
	switch {
	case name != "":
		err := fmt.Errorf("there is no scenario %q", name)
		if near := spelling.Nearest(name, all); near != "" {
			err = fmt.Errorf("%w: did you mean %q?", err, near)
		}
		return nil, err
	case len(fit) == 1:
		return c.scenario(fit[0])
	case len(fit) == 0 && len(all) == 1:
		return nil, scalable(&c.plan.Scenarios[0])
	case len(fit) == 0:
		return nil, errors.New("no scenario of this test can be scaled")
	}
	return nil, fmt.Errorf("say which scenario: %s", strings.Join(fit, ", "))
}

// scalable says why the load of a scenario is not for others to change.
func scalable(s *plan.Scenario) error {
	switch s.Executor {
	case plan.SharedIterations, plan.PerVUIterations:
		return fmt.Errorf("scenario %q runs a fixed number of iterations on its VUs: it cannot be scaled", s.Name)
	case plan.Shape:
		return fmt.Errorf("scenario %q does what its function %s() says: it cannot be scaled", s.Name, s.Shape)
	case plan.Capacity:
		return fmt.Errorf("scenario %q searches its rate by itself: it cannot be scaled", s.Name)
	}
	return nil
}

// checkLevel says what is wrong with a level for the scenario.
func checkLevel(s *plan.Scenario, to engine.Level) error {
	if err := scalable(s); err != nil {
		return err
	}
	switch most := mostVUs(s); {
	case to.SpawnRate < 0 || !finite(to.SpawnRate):
		return fmt.Errorf("a spawn rate is a number from 0, got %v", to.SpawnRate)
	case s.Arrives() && to.VUs != 0:
		return fmt.Errorf("scenario %q goes by a rate, not by VUs", s.Name)
	case s.Arrives() && !(to.Rate >= 0 && to.Rate <= plan.MaxRate):
		return fmt.Errorf("a rate is a number from 0 to %s a second, got %v", figure.Count(plan.MaxRate), to.Rate)
	case !s.Arrives() && to.Rate != 0:
		return fmt.Errorf("scenario %q goes by VUs, not by a rate", s.Name)
	case to.VUs < 0:
		return fmt.Errorf("a number of VUs is at least 0, got %d", to.VUs)
	case to.VUs > most:
		return fmt.Errorf("scenario %q has at most %s VUs, got %s", s.Name, figure.Count(most), figure.Count(to.VUs))
	}
	return nil
}

// mostVUs returns how many VUs a scenario of a closed model may be given.
func mostVUs(s *plan.Scenario) int {
	if s.MaxVUs > 0 {
		return s.MaxVUs
	}
	return plan.MaxVUs
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// begin opens the control for the load of p, end closes it, finish says that a
// scenario has ended; take returns the orders that wait. The coordinator calls
// them. A nil Control takes no orders.
func (c *Control) begin(p *plan.Plan) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.plan = duringLoad, p
}

func (c *Control) end() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.orders = afterLoad, nil
}

func (c *Control) finish(scenario string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended[scenario] = true
}

func (c *Control) take() []order {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.orders
	c.orders = nil
	return taken
}

// waiting and stopping return the channels the coordinator listens to.
func (c *Control) waiting() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.ready
}

func (c *Control) stopping() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.stop
}
