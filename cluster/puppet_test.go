package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
)

// puppet is a runner that runs nothing: it reports, each second, what a load
// would have brought forth, by formula. In a bubble of testing/synctest the
// coordinator lives through half an hour in no time.
type puppet struct {
	options string
	exports []string

	// latency says how long a request takes, in milliseconds, at an arrival
	// rate, that many seconds after it was set.
	latency func(rate float64, age time.Duration) float64
	// drops says which share of what is due is dropped at a rate.
	drops func(rate float64) float64
	// slow says whether the generator is slow at a rate.
	slow func(rate float64) bool
	// answer says what the script's function returns: JSON, or an error.
	answer func(question map[string]float64) (string, *wire.Failure)

	// mute is when it stops to report, though it lives; 0: never.
	mute time.Duration

	// Read them after the run.
	orders []*wire.Control
	rates  []float64
	paused bool
}

// run is the runner's side of the stream.
func (p *puppet) run(c *wire.Conn) {
	messages := make(chan *wire.Message)
	go func() {
		defer close(messages)
		for {
			m, err := c.Read()
			if err != nil || m.GetGoodbye() != nil {
				return
			}
			messages <- m
		}
	}()
	var seq uint64
	registry := metric.NewRegistry(metric.Options{})
	report := func(marks ...*wire.Mark) {
		seq++
		c.Write(&wire.Message{Body: &wire.Message_Delta{Delta: &wire.Delta{
			Epoch: 1, Seq: seq, Snapshot: wire.FromSnapshot(registry.Snapshot(time.Now())), Marks: marks,
		}}})
	}
	answer := func(m *wire.Message, a *wire.Answer) {
		a.Deltas = seq
		c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Answer{Answer: a}})
	}
	var running *plan.Plan
	for m := range messages {
		switch body := m.Body.(type) {
		case *wire.Message_Hello:
			c.Write(&wire.Message{Id: m.Id, Body: &wire.Message_Hello{Hello: wire.NewHello(wire.RoleRunner)}})
		case *wire.Message_Load:
			answer(m, &wire.Answer{Inspection: &wire.Inspection{Options: []byte(p.options), Exports: append(p.exports, "default")}})
		case *wire.Message_Prepare:
			running, _ = wire.ToPlan(body.Prepare.GetPlan())
			answer(m, &wire.Answer{})
		case *wire.Message_Start:
			p.load(c, running, registry, messages, report)
			answer(m, &wire.Answer{})
		case *wire.Message_Ack, *wire.Message_Stop, *wire.Message_Cancel:
		default:
			answer(m, &wire.Answer{})
		}
	}
}

// load plays one scenario that makes a rate, or any number of VUs.
func (p *puppet) load(c *wire.Conn, of *plan.Plan, registry *metric.Registry, messages <-chan *wire.Message, report func(...*wire.Mark)) {
	s := of.Scenarios[0]
	rec := registry.Recorder(0)
	tags := metric.NewTags(metric.Tag{Key: "status", Value: "200"})
	series := func(name string) *metric.Series { return registry.Series(registry.Lookup(name), tags) }
	began, last, set := time.Now(), time.Now(), time.Now()
	p.paused = of.Paused
	rate := float64(s.Rate) / max(s.TimeUnit.Seconds(), 1e-9)
	if s.TimeUnit == 0 {
		rate = 0
	}
	vus := s.VUs
	var started, dropped float64
	advance := func(now time.Time) {
		defer func() { last = now }()
		if p.paused {
			return
		}
		due := rate * now.Sub(last).Seconds()
		lost := 0.0
		if p.drops != nil {
			lost = due * p.drops(rate)
		}
		before := math.Floor(started)
		started, dropped = started+due-lost, dropped+lost
		for range int(math.Floor(started) - before) {
			ms := 5.0
			if p.latency != nil {
				ms = p.latency(rate, now.Sub(set))
			}
			rec.Record(series(metric.HTTPReqs), 1)
			rec.Record(series(metric.HTTPReqDuration), ms)
			rec.Record(series(metric.HTTPReqResponseTime), ms)
			rec.Record(series(metric.Iterations), 1)
		}
		if lost > 0 {
			rec.Record(series(metric.DroppedIterations), lost)
		}
		if rate == 0 { // VUs that ask for nothing, an iteration a second each
			started += float64(vus) * now.Sub(last).Seconds()
		}
	}
	status := func(state string) {
		st := &wire.Status{
			Elapsed: int64(time.Since(began)), Vus: uint32(vus), VusMax: 10, Paused: p.paused, Until: time.Now().UnixNano(), Vitals: &wire.Vitals{},
			Scenarios: []*wire.ScenarioStatus{{
				Name: s.Name, State: state, Elapsed: int64(time.Since(began)), Vus: uint32(vus),
				Started: uint64(started), Complete: uint64(started), Dropped: uint64(dropped), RatePlanned: rate,
			}},
		}
		if p.slow != nil && p.slow(rate) {
			st.Vitals.Cause = "cpu"
		}
		c.Write(&wire.Message{Body: &wire.Message_Status{Status: st}})
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	end := make(<-chan time.Time)
	if span := s.Span(); span < plan.MaxDuration {
		end = time.After(span)
	}
	for {
		select {
		case <-ticker.C:
			if p.mute > 0 && time.Since(began) > p.mute {
				continue
			}
			advance(time.Now())
			report()
			status("running")
			continue
		case <-end:
		case m, ok := <-messages:
			if !ok {
				return
			}
			switch body := m.Body.(type) {
			case *wire.Message_Stop, *wire.Message_Cancel:
				end = nil
			case *wire.Message_Consult:
				var question map[string]float64
				json.Unmarshal(body.Consult.GetArg(), &question)
				a := &wire.Advice{Number: body.Consult.GetNumber()}
				value, failure := p.answer(question)
				if a.Failure = failure; value != "" {
					a.Value = []byte(value)
				}
				if value != "silence" {
					c.Write(&wire.Message{Body: &wire.Message_Advice{Advice: a}})
				}
				continue
			case *wire.Message_Control:
				advance(time.Now())
				p.orders = append(p.orders, body.Control)
				switch o := body.Control.Order.(type) {
				case *wire.Control_Pause:
					p.paused = true
				case *wire.Control_Resume:
					p.paused = false
				case *wire.Control_Scale:
					if o.Scale.GetEnd() {
						end = time.After(0)
						continue
					}
					rate, vus, set = o.Scale.GetRate(), int(o.Scale.GetVus()), time.Now()
					p.rates = append(p.rates, rate)
				}
				continue
			default:
				continue
			}
		}
		break
	}
	advance(time.Now())
	report(&wire.Mark{From: 1, To: 2, Cause: "gc", Worst: 3}, &wire.Mark{From: 3, To: 2, Cause: "gc"}, &wire.Mark{To: 2, Worst: math.NaN(), Cause: "lag"})
	status("done")
}

// perform runs a test on a puppet.
func perform(t *testing.T, p *puppet, prepare func(*trial)) (result *Result, tr *trial, err error) {
	t.Helper()
	b, err := testBundle() // outside the bubble
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		tr = &trial{observe: &witness{}, ctx: context.Background(), stop: make(chan struct{})}
		tr.config = Config{
			Bundle: b, Observer: tr.observe, Stop: tr.stop, Control: NewControl(),
			Connect: func(context.Context) (Link, error) { return newImpostor(p.run), nil },
		}
		if prepare != nil {
			prepare(tr)
		}
		result, err = tr.run()
	})
	return result, tr, err
}

// scales returns the levels that were asked for, as text.
func (p *puppet) scales() (all []string) {
	for _, o := range p.orders {
		switch o := o.Order.(type) {
		case *wire.Control_Pause:
			all = append(all, "pause")
		case *wire.Control_Resume:
			all = append(all, "resume")
		case *wire.Control_Scale:
			switch {
			case o.Scale.GetEnd():
				all = append(all, "end")
			case o.Scale.GetRate() != 0:
				all = append(all, fmt.Sprintf("%g/s", o.Scale.GetRate()))
			default:
				all = append(all, fmt.Sprintf("%d at %g", o.Scale.GetVus(), o.Scale.GetSpawnRate()))
			}
		}
	}
	return all
}
