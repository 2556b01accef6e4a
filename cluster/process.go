package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// ProcessConfig says what to start.
type ProcessConfig struct {
	Path string   // the executable
	Args []string // without the name of the program
	Env  []string // "NAME=value"; nothing else is in the child's environment
}

// StartProcess starts a child process and returns the stream to it: its
// standard input and output, which the child gets from [InheritedStream]. What
// it writes to standard error is kept, within bounds, to tell the cause of its
// end (see [Diagnoser]). It is in a process group of its own, so that Ctrl-C
// on a terminal reaches the coordinator alone, and on Linux it dies with its
// parent. ctx is for starting alone: end the child with Kill.
func StartProcess(ctx context.Context, c ProcessConfig) (Link, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	toChild, fromParent, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe to runner: %w", err)
	}
	fromChild, toParent, err := os.Pipe()
	if err != nil {
		toChild.Close()
		fromParent.Close()
		return nil, fmt.Errorf("pipe from runner: %w", err)
	}
	l := &processLink{r: fromChild, w: fromParent, ended: make(chan struct{})}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append([]string{}, c.Env...) // not nil: that would mean ours
	cmd.Stdin, cmd.Stdout, cmd.Stderr = toChild, toParent, &l.stderr
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = time.Second // for a standard error that somebody else still holds

	started := make(chan error, 1)
	go func() {
		// The signal that ends the child with its parent comes when the thread
		// ends that started it: this thread stays for as long as the child does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(l.ended)
		err := cmd.Start()
		toChild.Close()
		toParent.Close()
		l.process = cmd.Process
		started <- err
		if err == nil {
			l.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-l.ended
		l.Close()
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return l, nil
}

// processLink is a child process.
type processLink struct {
	r, w    *os.File
	process *os.Process
	stderr  stderrTail
	ended   chan struct{}
	err     error // valid once ended is closed
	closing sync.Once
}

func (l *processLink) Read(p []byte) (int, error)  { return l.r.Read(p) }
func (l *processLink) Write(p []byte) (int, error) { return l.w.Write(p) }

// Close closes both pipes.
func (l *processLink) Close() (err error) {
	l.closing.Do(func() { err = errors.Join(l.w.Close(), l.r.Close()) })
	return err
}

// Wait waits for the end of the process.
func (l *processLink) Wait() error {
	<-l.ended
	return l.err
}

// Kill kills the process. After its end it does nothing.
func (l *processLink) Kill() { l.process.Kill() }

// Diagnosis tells from the child's standard error what ended it: what its
// crash report says or, if it ended itself, its last words.
func (l *processLink) Diagnosis() string {
	if crash := l.stderr.crashed(); crash != "" {
		return crash
	}
	var exit *exec.ExitError
	if errors.As(l.Wait(), &exit) && exit.Exited() {
		return l.stderr.lastLine()
	}
	return ""
}

// PID returns the number of the process.
func (l *processLink) PID() int { return l.process.Pid }
