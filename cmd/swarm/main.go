// Command swarm is a scripted load tester.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
)

func main() {
	// A crash of a goroutine says what happened; its stack helps no user.
	debug.SetTraceback("none")
	signals := make(chan os.Signal, 4)
	e := env{
		stdin:     os.Stdin,
		stdout:    terminal.Open(os.Stdout, os.Getenv),
		stderr:    terminal.Open(os.Stderr, os.Getenv),
		lookup:    os.LookupEnv,
		environ:   os.Environ(),
		signals:   signals,
		subscribe: func() { subscribe(signals) },
		end:       os.Exit,
	}
	os.Exit(execute(e, os.Args[1:]))
}

// subscribe sends what shall end a run to signals: Ctrl-C, SIGTERM, and that
// the terminal is gone, unless that was to be ignored, as under nohup.
func subscribe(signals chan<- os.Signal) {
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
}

// execute runs one command line and returns the exit code.
func execute(e env, args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			e.show(codeframe.Frame{Message: fmt.Sprintf("internal fault: %v", r), Hint: reportHint})
			code = exitInternal
		}
	}()
	root := newRootCommand(&e)
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	report(&e, err)
	return exitCode(err)
}

const reportHint = "this is a bug in swarm; please report it with the command you ran"

func newRootCommand(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:           "swarm",
		Short:         "A load tester you script in JavaScript or TypeScript",
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().BoolVar(&e.noColor, "no-color", false, "print without colours")
	root.AddCommand(newRunCommand(e), newInspectCommand(e), newValidateCommand(e), newReportCommand(e), newCompareCommand(e),
		newTargetCommand(e), newVersionCommand(e), newRunnerCommand())
	return root
}
