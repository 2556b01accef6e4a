package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/vu"
)

// helm is where a runner's reader leaves what the coordinator says during a
// load, and where the load picks it up: orders in the order in which they came,
// and questions to functions of the script. Nothing blocks the reader; what
// comes outside a load is of no concern to anybody and dropped, what comes
// between the command to start and the start itself waits.
type helm struct {
	mu        sync.Mutex
	open      bool
	orders    []*wire.Control
	questions []*wire.Consult
	ready     chan struct{} // holds a token while something waits
}

// maxWaiting bounds what may wait for a load that is about to begin.
const maxWaiting = 1024

// expect opens the helm: the command to start has arrived.
func (h *helm) expect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open, h.orders, h.questions, h.ready = true, nil, nil, make(chan struct{}, 1)
}

// leave closes it: the load has ended.
func (h *helm) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open, h.orders, h.questions = false, nil, nil
}

func (h *helm) order(m *wire.Control) error {
	return h.add(func() int { h.orders = append(h.orders, m); return len(h.orders) })
}

func (h *helm) ask(m *wire.Consult) error {
	return h.add(func() int { h.questions = append(h.questions, m); return len(h.questions) })
}

func (h *helm) add(keep func() (waiting int)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return nil
	}
	if keep() > maxWaiting {
		return fmt.Errorf("%w: more than %d orders wait", wire.ErrMalformed, maxWaiting)
	}
	select {
	case h.ready <- struct{}{}:
	default:
	}
	return nil
}

func (h *helm) take() ([]*wire.Control, []*wire.Consult) {
	h.mu.Lock()
	defer h.mu.Unlock()
	orders, questions := h.orders, h.questions
	h.orders, h.questions = nil, nil
	return orders, questions
}

// pilot carries out what the helm holds, until ctx ends.
type pilot struct {
	helm   *helm
	load   engine.Control
	script vu.Script
	send   func(*wire.Message) error
	log    *lineQueue
}

// steer runs until ctx ends. Every goroutine it started has ended when it
// returns.
func (p *pilot) steer(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	counsels := map[string]chan *wire.Consult{}
	defer func() {
		for _, c := range counsels {
			close(c)
		}
	}()
	p.helm.mu.Lock()
	ready := p.helm.ready
	p.helm.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ready:
		}
		orders, questions := p.helm.take()
		for _, o := range orders {
			if err := p.carryOut(o); err != nil {
				p.log.add(LogLine{Level: "warn", Source: "control", Text: err.Error()}, time.Now())
			}
		}
		for _, q := range questions {
			c := counsels[q.GetFunction()]
			if c == nil {
				if len(counsels) >= maxCounsels {
					p.advise(&wire.Advice{Number: q.GetNumber(), Failure: failure(ctx, fmt.Errorf("more than %d functions are asked", maxCounsels))})
					continue
				}
				c = make(chan *wire.Consult, 1)
				counsels[q.GetFunction()] = c
				working.Go(func() { p.counsel(ctx, q.GetFunction(), c) })
			}
			select {
			case c <- q:
			default:
				p.advise(&wire.Advice{Number: q.GetNumber(), Failure: failure(ctx, fmt.Errorf("%s was asked before it had answered", q.GetFunction()))})
			}
		}
	}
}

// maxCounsels bounds how many functions a coordinator may consult.
const maxCounsels = 100

func (p *pilot) carryOut(m *wire.Control) error {
	switch o := m.Order.(type) {
	case *wire.Control_Pause:
		return p.load.Pause()
	case *wire.Control_Resume:
		return p.load.Resume()
	case *wire.Control_Scale:
		return p.load.Scale(o.Scale.GetScenario(), engine.Level{
			VUs: toInt(o.Scale.GetVus()), Rate: o.Scale.GetRate(),
			SpawnRate: o.Scale.GetSpawnRate(), End: o.Scale.GetEnd(),
		})
	}
	return nil // of a newer version
}

// counsel answers the questions to one function, one after the other, in a VU
// of its own.
func (p *pilot) counsel(ctx context.Context, name string, questions <-chan *wire.Consult) {
	var f vu.Function
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	for q := range questions {
		answer := func(ctx context.Context) (_ []byte, err error) {
			if f == nil {
				if f, err = p.script.Function(ctx, name); err != nil {
					f = nil
					return nil, err
				}
			}
			return f.Call(ctx, q.GetArg())
		}
		within, cancel := ctx, context.CancelFunc(func() {})
		if q.GetTimeout() > 0 {
			within, cancel = context.WithTimeout(ctx, time.Duration(q.GetTimeout()))
		}
		value, err := answer(within)
		advice := &wire.Advice{Number: q.GetNumber(), Value: value}
		if err != nil {
			advice.Value, advice.Failure = nil, failure(within, err)
		}
		cancel()
		if ctx.Err() != nil {
			return // the load has ended: nobody wants to know any more
		}
		p.advise(advice)
	}
}

// advise sends an answer. One that is too large to send is no answer.
func (p *pilot) advise(a *wire.Advice) {
	const most = 64 << 10
	if len(a.Value) > most {
		a = &wire.Advice{Number: a.Number, Failure: &wire.Failure{
			Text: fmt.Sprintf("it returned %d bytes of JSON; at most %d make sense", len(a.Value), most)}}
	}
	p.send(&wire.Message{Body: &wire.Message_Advice{Advice: a}})
}
