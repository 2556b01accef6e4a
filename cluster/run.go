package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
	"github.com/swarmload/swarm/engine/health"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/threshold"
	"github.com/swarmload/swarm/engine/timeline"
)

const (
	// cancelGrace is how long a runner may take to answer after its command was
	// cancelled because of a timeout, hardGrace when the user wants to leave.
	cancelGrace = 2 * time.Second
	hardGrace   = time.Second
	// tickAfter is how long a tick waits for runners that do not report, and
	// tickApart how close two ticks may be.
	tickAfter = 3 * reportEvery / 2
	tickApart = reportEvery / 2
	// silence is how long a runner under load may say nothing before it is taken
	// for dead: it reports each second, whatever its VUs do.
	silence = 20 * time.Second
	// maxNotes and maxMarks bound what runners may add to the summary.
	maxNotes = 50
	maxMarks = 10_000
)

// run is the state of one Run. It belongs to Run's goroutine.
type run struct {
	ctx      context.Context
	config   Config
	observer Observer

	sessions []*session
	events   chan event
	closed   chan struct{}

	plan      *plan.Plan
	exported  []string
	setupData []byte // what setup() returned, as JSON

	set        *metric.Set
	exceptions *exceptionBook
	marks      []health.Mark
	notes      []string
	invalid    uint64

	// Of the load.
	loaded     bool // it was started
	started    time.Time
	took       time.Duration
	stood      time.Duration // of took: paused
	clock      loadClock
	steering   *steering // while it goes on
	thresholds []threshold.Compiled
	judge      *threshold.Judge
	verdicts   []threshold.Verdict
	aborter    *threshold.Verdict // which threshold ended the run, as it was then
	abortedAt  int
	timeline   *timeline.Timeline
	defs       map[string][]metric.SeriesDef // of each source, before there is a timeline
	shapes     []*shape
	searches   []*search
	consults   uint64 // so far

	faults  []string       // what the searches failed to find
	nothing *NothingTested // nil when something was tested
	aborted bool           // by the script
	marked  *Failed        // by the script, as failed

	stopped bool   // gracefully, from outside
	over    bool   // a graceful end was asked for, from outside or within
	hard    bool   // ctx ended
	ended   string // why before its time
	err     error
}

func newRun(ctx context.Context, c Config) *run {
	r := &run{
		ctx:        ctx,
		config:     c,
		observer:   c.Observer,
		events:     make(chan event),
		closed:     make(chan struct{}),
		set:        metric.NewSet(),
		exceptions: newExceptionBook(),
		started:    time.Now(),
		defs:       map[string][]metric.SeriesDef{},
	}
	if r.observer == nil {
		r.observer = nobody{}
	}
	return r
}

// fail notes what went wrong; see rank.
func (r *run) fail(err error) {
	if rank(err) > rank(r.err) {
		r.err = err
	}
}

func (r *run) exports(name string) bool { return slices.Contains(r.exported, name) }

// join makes a session of a link. Each life of a runner has an epoch and a
// name of its own: series are numbered per life.
func (r *run) join(link Link) {
	epoch := uint64(len(r.sessions) + 1)
	s := newSession(fmt.Sprintf("runner-%d", epoch), epoch, link)
	r.sessions = append(r.sessions, s)
	s.open(r.events, r.closed)
}

// live returns the sessions whose runner is there.
func (r *run) live() []*session {
	var live []*session
	for _, s := range r.sessions {
		if !s.dead {
			live = append(live, s)
		}
	}
	return live
}

// status returns where the load stands, over all runners; of those that died,
// where it stood then.
func (r *run) status() engine.Status {
	var sum engine.Status
	for _, s := range r.sessions {
		addStatus(&sum, s.status)
	}
	return sum
}

// close ends all sessions. Nothing is left when it returns.
func (r *run) close() {
	close(r.closed)
	for _, s := range r.sessions {
		s.close()
	}
}

// call is one command to some runners and the rules for waiting.
type call struct {
	phase    string
	timeout  time.Duration
	command  func(*session) *wire.Message
	stop     func(*session) // what a graceful stop does; nil: nothing, the phase is short
	steering *steering      // of the load; nil outside
}

// steering is what happens while the load goes on, beside what arrives.
type steering struct {
	deadline *deadline
	orders   <-chan struct{} // somebody wants something of the load
	order    func()
	tick     func()               // when all have reported, about each second
	wake     func() time.Duration // at its own request: it returns when to be called next
	awake    bool                 // it has a reason to be called now
	drain    time.Duration        // how long the load may go on after a graceful stop
}

// call gives the command to the sessions and handles all that arrives until
// each has answered or is dead. The answers are in the order of the sessions,
// nil of the dead. What went wrong is in r.err.
func (r *run) call(c call, to []*session) []*wire.Answer {
	for _, s := range to {
		if s.answer = nil; !s.dead {
			s.command(c.command(s))
		}
	}
	if c.steering == nil {
		c.steering = &steering{deadline: newDeadline(c.timeout), drain: c.timeout}
	}
	var (
		steer    = c.steering
		deadline = steer.deadline
		ticker   = time.NewTicker(tickAfter)
		ticked   = time.Now()
		wake     = time.NewTimer(0)
		kill     <-chan time.Time // nil until somebody has been cancelled
		told     bool             // to end gracefully
		cut      bool             // this command was cancelled
	)
	defer deadline.stop()
	defer ticker.Stop()
	defer wake.Stop()
	tick := func() {
		if steer.tick == nil || r.hard {
			return
		}
		each(to, func(s *session) { s.reported = false })
		ticker.Reset(tickAfter)
		ticked = time.Now()
		steer.tick()
		each(to, func(s *session) {
			if ticked.Sub(s.heard) > silence {
				s.blame("unresponsive: nothing was heard of it for " + silence.String())
			}
		})
	}
	stopping := r.config.Control.stopping()
	for waiting(to) {
		stop, done := r.config.Stop, r.ctx.Done()
		if r.stopped {
			stop, stopping = nil, nil
		}
		if r.hard {
			done = nil
		}
		select {
		case e := <-r.events:
			r.handle(e)
			if reported(to) && time.Since(ticked) >= tickApart {
				tick()
			}
		case <-ticker.C:
			tick()
		case <-steer.orders:
			steer.order()
		case <-wake.C:
			if steer.wake != nil && !r.over && !r.hard {
				wake.Reset(steer.wake())
			}
		case <-stop:
			r.halt(c.stop != nil, &Stopped{})
		case <-stopping:
			r.halt(c.stop != nil, &Stopped{Control: true})
		case <-deadline.C:
			if !r.hard {
				r.fail(&TimeoutError{Phase: c.phase, After: deadline.limit})
			}
			cut = true
			each(to, (*session).cancel)
			if kill == nil {
				kill = time.After(cancelGrace)
			}
		case <-done:
			r.hard, cut = true, true
			r.fail(&Stopped{Hard: true})
			each(to, (*session).cancel)
			kill = time.After(hardGrace)
		case <-kill:
			each(to, (*session).kill)
		}
		if steer.awake {
			steer.awake = false
			wake.Reset(0)
		}
		if r.over && !told && c.stop != nil {
			told = true
			each(to, c.stop)
			deadline.cap(steer.drain)
			if c.phase != "load" {
				cut = true
				if kill == nil {
					kill = time.After(cancelGrace)
				}
			}
		}
	}
	answers := make([]*wire.Answer, len(to))
	for i, s := range to {
		if answers[i] = s.answer; s.answer.GetFailure() != nil {
			r.fail(r.failure(c.phase, s.answer.GetFailure(), cut))
		}
	}
	return answers
}

// halt is a graceful stop from outside, once. A phase that is short is not cut off
// for it, and ends as if nothing had happened.
func (r *run) halt(matters bool, err error) {
	r.stopped = true
	if matters {
		r.over = true
		r.fail(err)
	}
}

// failure returns the error a failed command stands for; nil if it failed
// because we cut it off, the reason of which is known.
func (r *run) failure(phase string, f *wire.Failure, cut bool) error {
	exception := wire.ToException(f.GetException())
	switch {
	case f.GetKind() == wire.Failure_EXCEPTION && exception != nil:
		return &ScriptError{Phase: phase, Err: exception}
	case cut:
		return nil
	case f.GetKind() == wire.Failure_OPTIONS:
		path := f.GetPath()
		fault := &plan.Fault{Path: path[:min(len(path), maxFaultPath)], Message: wire.Shorten(f.GetText(), maxLogText), Hint: wire.Shorten(f.GetHint(), maxLogText)}
		return plan.Problems{fault.Problem(locate(r.config.Bundle))}
	}
	return fmt.Errorf("%s: %s", phase, wire.Shorten(f.GetText(), maxLogText))
}

// maxFaultPath bounds the path of an option that a runner may name.
const maxFaultPath = 100

func waiting(sessions []*session) bool {
	return slices.ContainsFunc(sessions, func(s *session) bool { return s.waiting })
}

// reported says whether all that have not answered yet have reported since the
// last tick.
func reported(sessions []*session) bool {
	return waiting(sessions) && !slices.ContainsFunc(sessions, func(s *session) bool { return s.waiting && !s.reported })
}

// each does something to the sessions that have not answered yet.
func each(sessions []*session, do func(*session)) {
	for _, s := range sessions {
		if s.waiting {
			do(s)
		}
	}
}

// cancel and stop tell a runner to end what it does, at once or gracefully.
func (s *session) cancel() {
	s.send(&wire.Message{Body: &wire.Message_Cancel{Cancel: &wire.Cancel{}}})
}

func (s *session) stop() {
	s.send(&wire.Message{Body: &wire.Message_Stop{Stop: &wire.Stop{}}})
}

// handle takes in one event. Messages of a kind this version does not know
// are ignored, as are those of runners that were ended for what they sent.
func (r *run) handle(e event) {
	s := e.session
	if e.message == nil {
		r.bury(s, e.cause)
		return
	}
	if s.verdict != "" {
		return
	}
	s.heard = time.Now()
	switch body := e.message.Body.(type) {
	case *wire.Message_Hello:
		if !s.waiting || s.commands != 1 {
			s.blame("broke the protocol: a second greeting")
			return
		}
		s.waiting = false
		if _, err := wire.Negotiate(wire.NewHello(wire.RoleCoordinator), body.Hello); err != nil {
			r.fail(err)
		}
	case *wire.Message_Answer:
		switch {
		case !s.waiting || e.message.Id != s.commands || s.commands == 1:
			s.blame("broke the protocol: an answer to no command")
		case body.Answer.GetDeltas() != s.receiver.Last():
			s.blame(fmt.Sprintf("broke the protocol: %d of %d reports arrived", s.receiver.Last(), body.Answer.GetDeltas()))
		default:
			s.waiting, s.answer = false, body.Answer
		}
	case *wire.Message_Status:
		s.status, s.reported = toStatus(body.Status, r.plan), true
		s.until = time.Now()
		if told := time.Unix(0, body.Status.GetUntil()); body.Status.GetUntil() != 0 && told.Before(s.until) {
			s.until = told
		}
	case *wire.Message_Delta:
		if s.receiver.Accept(body.Delta) {
			if err := r.merge(s, body.Delta); err != nil {
				s.blame("sent numbers that cannot be: " + err.Error())
				return
			}
		}
		s.send(&wire.Message{Body: &wire.Message_Ack{Ack: s.receiver.Ack()}})
	case *wire.Message_Ruling:
		r.rule(body.Ruling)
	case *wire.Message_Advice:
		r.advice(s, body.Advice)
	case *wire.Message_Log:
		for _, l := range body.Log.GetLines() {
			if !s.pace.allow(time.Now()) {
				continue // a runner's own limit is lower
			}
			r.observer.Log(LogLine{
				Level:    wire.Shorten(l.GetLevel(), maxLogName),
				Text:     wire.Shorten(l.GetText(), maxLogText),
				Source:   wire.Shorten(l.GetSource(), maxLogName),
				Scenario: wire.Shorten(l.GetScenario(), maxScenarioName),
				VU:       l.GetVu(),
				At:       wire.ToFrame(l.GetAt()),
				Hint:     wire.Shorten(l.GetHint(), maxLogName),
			})
		}
	}
}

// merge counts a delta.
func (r *run) merge(s *session, d *wire.Delta) error {
	if d.GetSnapshot() != nil {
		snap, err := wire.ToSnapshot(d.GetSnapshot())
		if err != nil {
			return err
		}
		if err := r.set.Merge(s.name, snap); err != nil {
			return err
		}
		r.record(s, snap)
	}
	for _, m := range d.GetMarks() {
		r.mark(s, m)
	}
	r.exceptions.merge(d.GetExceptions())
	r.exceptions.tell(false, r.observer.Exception)
	for _, o := range d.GetOverflowed() {
		// Several metrics share the tag; the text is the same, and told once.
		text := fmt.Sprintf("tag %q has too many values: the rest is counted as %q", wire.Shorten(o.GetTag(), maxLogName), metric.Overflow)
		if tag := o.GetTag(); tag == "url" || tag == "name" {
			text += "; requests that belong together need one name: http.url`…` or the tag name"
		}
		r.note(text)
	}
	if r.invalid == 0 && d.GetInvalid() > 0 {
		r.note("values that are not finite numbers were added to metrics and left out")
	}
	r.invalid += d.GetInvalid()
	return nil
}

// note tells the user now and in the summary.
func (r *run) note(text string) {
	if len(r.notes) >= maxNotes || slices.Contains(r.notes, text) {
		return
	}
	r.notes = append(r.notes, text)
	r.observer.Log(LogLine{Level: "warn", Source: "metrics", Text: text})
}

// bury takes note of a runner's end. If it ended by itself, the others are
// stopped: their part alone is not the test that was asked for.
func (r *run) bury(s *session, cause string) {
	s.dead, s.waiting = true, false
	if s.expected && s.verdict == "" {
		return
	}
	if s.verdict != "" {
		cause = s.verdict
	}
	if !r.hard {
		r.fail(&RunnerDied{Cause: cause})
	}
	r.over = true
}

// rule obeys what the script says of the whole test.
func (r *run) rule(m *wire.Ruling) {
	reason := wire.Shorten(m.GetReason(), maxReason)
	switch m.GetKind() {
	case wire.Ruling_ABORT:
		if !r.aborted {
			r.aborted, r.over = true, true
			r.fail(&Aborted{Reason: reason})
		}
	case wire.Ruling_FAIL:
		if r.marked == nil {
			r.marked = &Failed{Reason: reason}
		}
	}
}

// mark takes note of a span in which a generator was slow.
func (r *run) mark(s *session, m *wire.Mark) {
	name := s.name
	if len(r.sessions) == 1 {
		name = ""
	}
	mark, ok := toMark(m, name)
	if !ok {
		return
	}
	if len(r.marks) >= maxMarks {
		r.note(fmt.Sprintf("the load generator was slow in more than %d spans: the rest is left out", maxMarks))
		return
	}
	r.marks = append(r.marks, mark)
}

// nobody is the Observer of a run that nobody watches.
type nobody struct{}

func (nobody) Planned(*plan.Plan)  {}
func (nobody) Phase(string)        {}
func (nobody) Tick(Tick)           {}
func (nobody) Log(LogLine)         {}
func (nobody) Exception(Exception) {}
