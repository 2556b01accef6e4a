package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/alarm"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
)

// stuckAfter is how long Serve waits for a command to end after it was told
// to. The coordinator gives up at the same time.
const stuckAfter = 2 * time.Second

// Serve is the runner: it speaks the protocol on stream until it is told to
// end, which returns nil, or until ctx ends or the stream breaks, which ends
// whatever runs at once: no load goes on that nobody listens to. It closes
// stream. If the script does not end within two seconds of being told to, Serve
// returns without it; then only the end of the process stops it.
func Serve(ctx context.Context, stream io.ReadWriteCloser, c RunnerConfig) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Closing the stream is what unblocks the reader and writers below.
	closed := make(chan struct{})
	defer func() { cancel(); <-closed }()
	context.AfterFunc(ctx, func() { stream.Close(); close(closed) })

	r := &runner{
		config: c,
		conn:   wire.NewConn(stream, wire.RunnerLimits),
		log:    newLineQueue(time.Now()),

		rulings: newRulings(),
	}
	commands := make(chan command, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.work(ctx, commands)
	}()

	err := r.read(ctx, commands)
	close(commands)
	if err != nil {
		cancel()
	}
	timer := time.NewTimer(stuckAfter)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
		err = errors.Join(err, errors.New("the script does not end"))
	}
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return nil
}

// runner is one life of Serve. Two goroutines share it: one reads, one works.
type runner struct {
	config RunnerConfig
	conn   *wire.Conn
	log    *lineQueue

	// Of the reader.
	end context.CancelFunc // cancels the last command

	// Of the worker; the reader sees what a command made in the next commands.
	loaded  Loaded
	host    RunnerHost
	epoch   uint64
	script  vu.Script
	started bool // the load was

	shared  shared
	helm    helm
	rulings *rulings
}

// command is what the coordinator wants done; ctx ends when it is cancelled.
type command struct {
	ctx     context.Context
	message *wire.Message
}

// read takes in messages until the goodbye. It never writes and never waits
// for the worker, so that the coordinator can always get rid of a message.
func (r *runner) read(ctx context.Context, commands chan<- command) error {
	r.end = func() {}
	defer func() { r.end() }()
	for {
		m, err := r.conn.Read()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("stream to the coordinator: %w", err)
		}
		switch body := m.Body.(type) {
		case *wire.Message_Goodbye:
			return nil
		case *wire.Message_Cancel:
			r.end()
		case *wire.Message_Stop:
			r.shared.stop()
		case *wire.Message_Ack:
			r.shared.ack(body.Ack, time.Now())
		case *wire.Message_Control:
			if err := r.helm.order(body.Control); err != nil {
				return err
			}
		case *wire.Message_Consult:
			if err := r.helm.ask(body.Consult); err != nil {
				return err
			}
		case *wire.Message_Hello, *wire.Message_Load, *wire.Message_Prepare, *wire.Message_Setup,
			*wire.Message_Start, *wire.Message_Teardown, *wire.Message_HandleSummary:
			r.end() // of the last command, which was answered
			if m.GetStart() != nil {
				r.helm.expect()
			}
			c := command{message: m}
			c.ctx, r.end = context.WithCancel(ctx)
			select {
			case commands <- c:
			default:
				return fmt.Errorf("%w: a command before the last was answered", wire.ErrMalformed)
			}
		}
	}
}

// work carries out commands one after the other and reports in between.
func (r *runner) work(ctx context.Context, commands <-chan command) {
	ctx, cancel := context.WithCancel(ctx)
	reporting := make(chan struct{})
	reports := newReporter(r.conn, r.log, r.rulings)
	go func() {
		defer close(reporting)
		reports.loop(ctx)
	}()
	defer func() {
		cancel()
		<-reporting
		if run := r.shared.current(); run != nil {
			run.Close()
		}
		if r.host.Sleepers != nil {
			r.host.Sleepers.Close()
		}
	}()

	for c := range commands {
		if hello := c.message.GetHello(); hello != nil {
			// A mismatch is for the coordinator to report: it has the user.
			r.send(&wire.Message{Id: c.message.Id, Body: &wire.Message_Hello{Hello: wire.NewHello(wire.RoleRunner)}})
			continue
		}
		answer, err := r.execute(c.ctx, c.message, reports)
		if err != nil {
			answer = &wire.Answer{Failure: failure(c.ctx, err)}
		}
		reports.flush(time.Now())
		answer.Deltas = reports.last()
		if err := r.answer(c.message, answer); err != nil {
			answer = &wire.Answer{Failure: failure(c.ctx, err), Deltas: answer.Deltas}
			r.answer(c.message, answer)
		}
	}
}

// answer sends the answer. An error means that another, smaller one may be
// sent; a broken stream is none: the reader will see it.
func (r *runner) answer(to *wire.Message, a *wire.Answer) error {
	err := r.send(&wire.Message{Id: to.Id, Body: &wire.Message_Answer{Answer: a}})
	var large *wire.FrameTooLarge
	if errors.As(err, &large) {
		return &vu.Exception{Name: "RangeError", Message: fmt.Sprintf(
			"what it returned takes %d bytes; at most %d can be passed on", large.Size, large.Limit)}
	}
	return nil
}

func (r *runner) send(m *wire.Message) error { return r.conn.Write(m) }

// execute carries out one command.
func (r *runner) execute(ctx context.Context, m *wire.Message, reports *reporter) (*wire.Answer, error) {
	switch body := m.Body.(type) {
	case *wire.Message_Load:
		return r.load(ctx, body.Load)
	case *wire.Message_Prepare:
		return r.prepare(ctx, body.Prepare, reports)
	}
	run := r.shared.current()
	if run == nil {
		return nil, fmt.Errorf("%w: a command before the plan", wire.ErrMalformed)
	}
	switch body := m.Body.(type) {
	case *wire.Message_Setup:
		data, err := r.script.Setup(ctx)
		return &wire.Answer{SetupData: data}, err
	case *wire.Message_Start:
		return r.start(ctx, body.Start, run, reports)
	case *wire.Message_Teardown:
		if !r.started { // setup aborted the test
			r.script.SetSetupData(nil)
		}
		return &wire.Answer{}, r.script.Teardown(ctx)
	case *wire.Message_HandleSummary:
		files, err := r.script.HandleSummary(ctx, body.HandleSummary.GetData())
		if files == nil || err != nil {
			return &wire.Answer{}, err
		}
		byName := make(map[string][]byte, len(files))
		for name, data := range files {
			byName[wire.Text(name)] = data
		}
		return &wire.Answer{Files: &wire.Files{ByName: byName}}, nil
	}
	return nil, fmt.Errorf("%w: unknown command", wire.ErrMalformed)
}

// start runs the load, and steers it meanwhile.
func (r *runner) start(ctx context.Context, m *wire.Start, run *engine.Run, reports *reporter) (*wire.Answer, error) {
	r.script.SetSetupData(m.SetupData)
	r.started = true
	reports.begin(time.Now(), run)
	defer reports.end()
	steering, leave := context.WithCancel(ctx)
	var working sync.WaitGroup
	p := &pilot{helm: &r.helm, load: run, script: r.script, send: r.send, log: r.log}
	working.Go(func() { p.steer(steering) })
	defer func() {
		r.helm.leave()
		leave()
		working.Wait()
	}()
	r.shared.loading.Store(run)
	defer r.shared.loading.Store(nil)
	if err := run.Execute(ctx); err != nil {
		return nil, err
	}
	return &wire.Answer{}, nil
}

// load makes the script ready and runs its top level once, with a registry
// that is thrown away.
func (r *runner) load(ctx context.Context, m *wire.Load) (*wire.Answer, error) {
	b, err := wire.ToBundle(m.GetBundle())
	if err == nil {
		err = b.Verify()
	}
	if err != nil {
		return nil, err
	}
	if r.loaded, err = r.config.Load(b); err != nil {
		return nil, err
	}
	env := make(map[string]string, len(m.GetEnv()))
	for name, value := range m.GetEnv() {
		env[name] = string(value)
	}
	r.epoch = m.GetEpoch()
	r.host = RunnerHost{
		Registry: metric.NewRegistry(metric.Options{}),
		Env:      env,
		Seed:     m.GetSeed(),
		Log:      func(l LogLine) { r.log.add(l, time.Now()) },
		Abort:    r.abort,
		Fail:     r.rulings.fail,
		Status:   r.shared.status,

		SocketError: r.shared.socketError,
	}
	inspection, err := r.loaded.Inspect(ctx, r.host)
	if err != nil {
		return nil, err
	}
	exports := make([]string, len(inspection.Exports))
	for i, name := range inspection.Exports {
		exports[i] = wire.Text(name)
	}
	return &wire.Answer{Inspection: &wire.Inspection{
		Options: inspection.Options,
		Exports: exports,
		Metrics: wire.FromMetrics(inspection.Metrics),
	}}, nil
}

// abort passes on that the script wants the test to end. This runner's part of
// the load ends now: each iteration more would say the same.
func (r *runner) abort(reason string) {
	r.rulings.abort(reason)
	r.shared.stop()
}

// prepare makes everything the load needs, all VUs included.
func (r *runner) prepare(ctx context.Context, m *wire.Prepare, reports *reporter) (*wire.Answer, error) {
	if r.loaded == nil || r.script != nil {
		return nil, fmt.Errorf("%w: the plan comes once, after the script", wire.ErrMalformed)
	}
	p, err := wire.ToPlan(m.GetPlan())
	if err != nil {
		return nil, err
	}
	r.host.Registry = metric.NewRegistry(metric.Options{MaxSeries: p.MaxSeries, Keep: p.Metrics})
	r.host.Env = maps.Clone(r.host.Env)
	r.host.Sleepers = alarm.NewSleepers(alarm.NewSystem())
	if r.script, err = r.loaded.Program(r.host, p); err != nil {
		return nil, err
	}
	sender := wire.NewSender(r.epoch)
	exceptions := newExceptionLog()
	run := engine.New(engine.Config{
		Plan:     p,
		Script:   r.script,
		Registry: r.host.Registry,
		Events:   events{exceptions, r.log},
		Alarm:    alarm.NewSystem,
		Sleepers: r.host.Sleepers,
	})
	if err := run.Init(ctx); err != nil {
		run.Close()
		return nil, err
	}
	r.shared.set(run, sender)
	reports.open(&r.shared, sender, r.host.Registry, exceptions)
	return &wire.Answer{}, nil
}

// events takes what happens in VUs that is not a number.
type events struct {
	exceptions *exceptionLog
	log        *lineQueue
}

func (e events) Exception(scenario string, x *vu.Exception) {
	e.exceptions.add(scenario, x, time.Now())
}

func (e events) Fault(scenario string, err error) {
	e.log.add(LogLine{Level: "error", Source: "engine", Scenario: scenario, Text: err.Error()}, time.Now())
}

// failure says why a command failed.
func failure(ctx context.Context, err error) *wire.Failure {
	f := &wire.Failure{Kind: wire.Failure_FAULT, Text: wire.Text(wire.Shorten(err.Error(), maxLogText))}
	var exception *vu.Exception
	var interrupted *vu.Interrupted
	var unusable *plan.Fault
	switch {
	case errors.As(err, &exception):
		f.Kind, f.Exception = wire.Failure_EXCEPTION, wire.FromException(exception)
	case ctx.Err() != nil && (errors.As(err, &interrupted) || errors.Is(err, ctx.Err())):
		f.Kind = wire.Failure_INTERRUPTED
	case errors.As(err, &unusable):
		f.Kind, f.Text, f.Hint = wire.Failure_OPTIONS, wire.Text(wire.Shorten(unusable.Message, maxLogText)), wire.Text(unusable.Hint)
		for _, key := range unusable.Path {
			f.Path = append(f.Path, wire.Text(key))
		}
	}
	return f
}
