//go:build unix

package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/progress"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

// suspender does what Ctrl-Z asks for. The runner is in a process group of its
// own and would go on: so the load is paused before this process stops, and
// resumed after. The terminal is left as it was found. Signals that end the
// process without its doing get the terminal put right before they do.
type suspender struct {
	control  *cluster.Control
	board    *control.Board
	display  *progress.Display
	keyboard *terminal.Keyboard // may be nil

	signals chan os.Signal
	stop    chan struct{}
	working sync.WaitGroup
}

// start watches until the returned function is called.
func (s *suspender) start() (end func()) {
	s.signals, s.stop = make(chan os.Signal, 4), make(chan struct{})
	for _, sig := range []os.Signal{syscall.SIGTSTP, syscall.SIGQUIT} {
		if !signal.Ignored(sig) && (sig == syscall.SIGTSTP || s.keyboard != nil) {
			signal.Notify(s.signals, sig)
		}
	}
	s.working.Go(func() {
		for {
			select {
			case <-s.stop:
				return
			case sig := <-s.signals:
				s.handle(sig.(syscall.Signal))
			}
		}
	})
	return func() {
		signal.Stop(s.signals)
		close(s.stop)
		s.working.Wait()
	}
}

func (s *suspender) handle(sig syscall.Signal) {
	if sig != syscall.SIGTSTP {
		s.keyboard.Release()
		signal.Reset(sig)
		syscall.Kill(os.Getpid(), sig)
		return
	}
	resume := s.pause()
	s.display.Suspend()
	s.keyboard.Suspend(sleepUntilContinued)
	s.display.Resume()
	if resume {
		s.control.Resume() // an error means that the load is over
	}
}

// orderTime is how long the order to pause may take to arrive at the runners.
const orderTime = 250 * time.Millisecond

// pause pauses the load, if there is one that is not paused, and says whether
// it did.
func (s *suspender) pause() bool {
	if s.board.Paused() || s.control.Pause() != nil {
		return false
	}
	for deadline := time.Now().Add(orderTime); time.Now().Before(deadline) && !s.board.Paused(); {
		time.Sleep(orderTime / 10)
	}
	return true
}

// sleepUntilContinued stops this process and returns when it goes on.
func sleepUntilContinued() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	if syscall.Kill(os.Getpid(), syscall.SIGSTOP) == nil {
		<-continued
	}
}
