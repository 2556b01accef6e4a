package cluster

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine"
)

// session is the coordinator's view of one runner. Its fields belong to the
// goroutine of Run, which learns what the session's own two goroutines see
// through events.
type session struct {
	name     string // source of its metrics
	link     Link
	conn     *wire.Conn
	receiver *wire.Receiver

	commands uint64       // sent so far; the number of the last
	waiting  bool         // for the answer to the last
	answer   *wire.Answer // to the last
	status   engine.Status
	until    time.Time // what was recorded before is merged, by the runner's clock
	heard    time.Time // when anything came, or the last command went
	reported bool      // a status came since the last tick
	dead     bool
	expected bool   // we ended it: its end is no news
	verdict  string // why we ended it, if it is to blame
	pace     pacer  // of its log lines

	out     chan *wire.Message
	working sync.WaitGroup
	ended   chan struct{} // closed when it is gone and everything it sent was handled
}

// event is what a session's reader passes on: a message, or the end.
type event struct {
	session *session
	message *wire.Message
	cause   string // of the end, without a message
}

// outbox is how many messages may wait for a runner that does not read. An
// honest one reads at once.
const outbox = 256

// reapAfter is how long a runner may live on after its stream broke.
const reapAfter = 2 * time.Second

func newSession(name string, epoch uint64, link Link) *session {
	return &session{
		name:     name,
		link:     link,
		conn:     wire.NewConn(link, wire.CoordinatorLimits),
		receiver: wire.NewReceiver(epoch),
		pace:     newPacer(2*logPace, 2*logBurst, time.Now()),
		out:      make(chan *wire.Message, outbox),
		ended:    make(chan struct{}),
	}
}

// open starts the session's goroutines. They end when the stream does; events
// that nobody takes any more are dropped once closed is closed.
func (s *session) open(events chan<- event, closed <-chan struct{}) {
	post := func(e event) {
		select {
		case events <- e:
		case <-closed:
		}
	}
	s.working.Go(func() {
		for m := range s.out {
			if err := s.conn.Write(m); err != nil {
				// The runner is gone or going. Its last words may still be on
				// the way: the reader finds the end when there is no more.
				for range s.out {
				}
			}
		}
	})
	s.working.Go(func() {
		defer close(s.ended)
		for {
			m, err := s.conn.Read()
			if err != nil {
				post(event{session: s, cause: s.reap(err)})
				return
			}
			post(event{session: s, message: m})
		}
	})
}

// reap waits for the end of the runner after its stream broke and returns the
// cause of it.
func (s *session) reap(broken error) string {
	malformed := errors.Is(broken, wire.ErrMalformed)
	if malformed {
		s.link.Kill()
	}
	timer := time.AfterFunc(reapAfter, s.link.Kill)
	err := s.link.Wait()
	late := !timer.Stop()
	s.link.Close()
	if malformed {
		return "broke the protocol: " + broken.Error()
	}
	if late {
		return "closed its stream: " + streamEnd(broken)
	}
	if d, ok := s.link.(Diagnoser); ok {
		if diagnosis := d.Diagnosis(); diagnosis != "" {
			if err != nil {
				return fmt.Sprintf("%s (%v)", diagnosis, err)
			}
			return diagnosis
		}
	}
	if err != nil {
		return err.Error()
	}
	return "ended early: " + streamEnd(broken)
}

func streamEnd(err error) string {
	if errors.Is(err, io.EOF) {
		return "end of stream"
	}
	return err.Error()
}

// send queues a message. A runner that does not take its messages is ended.
func (s *session) send(m *wire.Message) {
	if s.dead {
		return
	}
	select {
	case s.out <- m:
	default:
		s.blame("does not take its messages")
	}
}

// command sends a command, whose answer is then waited for.
func (s *session) command(m *wire.Message) {
	s.commands++
	m.Id = s.commands
	s.waiting, s.answer = true, nil
	s.heard = time.Now()
	s.send(m)
}

// blame ends a runner that broke the rules.
func (s *session) blame(verdict string) {
	if s.verdict == "" {
		s.verdict = verdict
	}
	s.link.Kill()
}

// kill ends a runner for our own reasons.
func (s *session) kill() {
	s.expected = true
	s.link.Kill()
}

// close says goodbye, waits for the runner to end, and ends it if it does not.
// It returns when nothing of the session is left. Call it once, last.
func (s *session) close() {
	s.expected = true
	s.send(&wire.Message{Body: &wire.Message_Goodbye{Goodbye: &wire.Goodbye{}}})
	close(s.out)
	timer := time.AfterFunc(reapAfter, s.link.Kill)
	<-s.ended
	timer.Stop()
	s.link.Close()
	s.working.Wait()
}
