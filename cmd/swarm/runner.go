package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cluster"
)

const runnerName = "runner"

// maxStack is the stack of one goroutine, in bytes, at which a runner gives up.
// Scripts reach their own limit of calls long before; what gets here is a
// recursion inside the JavaScript engine that knows no limit, and Go's default
// of 1 GB would take the memory of everybody else first.
const maxStack = 128 << 20

// newRunnerCommand is what a coordinator starts; it speaks the protocol on the
// stream it inherits and is of no use to a person.
func newRunnerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    runnerName,
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// Ctrl-C goes to the whole process group. When to end is the
			// coordinator's decision; if it is gone, the stream breaks.
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			stream, err := cluster.InheritedStream()
			if err != nil {
				return &usageError{message: "this command is started by swarm run, not by hand"}
			}
			debug.SetMaxStack(maxStack)
			defer tuneCollector()()
			// Whoever started it reads the last line that stands on the
			// standard error: one line, no more.
			keyLog, err := openKeyLog(os.LookupEnv)
			if err != nil {
				return &startError{err}
			}
			if err := cluster.Serve(c.Context(), stream, runnerConfig(keyLog)); err != nil {
				return &startError{err}
			}
			return nil
		},
	}
}

// inherited are the variables a runner may see: how Go runs and where
// certificates are. Nothing of the user's own.
var inherited = [...]string{"GOMAXPROCS", "GODEBUG", "GOCOVERDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ"}

// startRunner starts this binary as a runner. Beside those inherited it sees
// the variables that also names.
func startRunner(ctx context.Context, e *env, also ...string) (cluster.Link, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, &startError{fmt.Errorf("find the swarm binary: %w", err)}
	}
	c := cluster.ProcessConfig{Path: path, Args: []string{runnerName}}
	for _, name := range append(inherited[:], also...) {
		if value, ok := e.lookup(name); ok {
			c.Env = append(c.Env, name+"="+value)
		}
	}
	link, err := cluster.StartProcess(ctx, c)
	if err != nil {
		return nil, &startError{fmt.Errorf("start a runner: %w", err)}
	}
	return link, nil
}
