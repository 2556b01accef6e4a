package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/control"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// runCommand runs one test on this machine.
type runCommand struct {
	env       *env
	overrides overrideFlags
	scriptEnv scriptEnv
	results   results
	api       apiFlags

	quiet, verbose bool
	seed           uint64
	isolation      choiceFlag
	keyLog         io.Writer // takes the secrets of TLS sessions; nil: nobody does
}

func newRunCommand(e *env) *cobra.Command {
	r := &runCommand{
		env:       e,
		isolation: choiceFlag{value: "auto", choices: []string{"auto", "process", "off", "require"}},
	}
	c := &cobra.Command{
		Use:   "run [flags] script.js",
		Short: "Run a script",
		Long: `Runs a script and prints a summary. Results go to the standard output, progress
and logs to the standard error.

On a terminal keys steer the run: p pauses it and lets it go on, + and - change
the load, s stops it, q q ends it at once, ? shows them all. --address lets
programs do the same over HTTP.

Of one setting the last of these counts: default, configuration file, the
script's options, an environment variable (SWARM_VUS for --vus and so on; K6_VUS
is read too), a flag. swarm inspect --explain tells which it was.

` + exitHelp,
		Example: `  swarm run script.js
  swarm run -u 10 -d 30s script.js
  swarm run -s 10s:50 -s 1m:50 -s 10s:0 -e TARGET=http://127.0.0.1:8080 script.ts`,
		Args: oneScript,
		RunE: func(c *cobra.Command, args []string) error { return r.run(c, args[0]) },
	}
	r.register(c)
	return c
}

func oneScript(c *cobra.Command, args []string) error {
	switch len(args) {
	case 1:
		return nil
	case 0:
		return &usageError{message: "no script given", hint: c.CommandPath() + " script.js"}
	}
	return &usageError{message: fmt.Sprintf("one script at a time, got %q and %q", args[0], args[1]), hint: "flags take their value after a space or ="}
}

func (r *runCommand) register(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	r.overrides.register(f)
	r.scriptEnv.register(f)
	f.BoolVarP(&r.quiet, "quiet", "q", false, "no progress")
	f.BoolVar(&r.verbose, "verbose", false, "more about each log line, and debug lines")
	r.results.register(f)
	r.api.register(f)
	f.Var(&r.isolation, "isolation", "what the script runs in: a process of its own, or (off) this one")
	f.Uint64Var(&r.seed, "seed", 0, "`number` that makes random values repeatable")
}

// run is the way of one run, from the script to the exit code.
func (r *runCommand) run(c *cobra.Command, script string) error {
	variables, err := readEnvironment(r.env, c)
	if err != nil {
		return err
	}
	if err := r.settle(c.Flags().Changed("seed")); err != nil {
		return err
	}
	values, err := r.scriptEnv.values(r.env.lookup)
	if err != nil {
		return err
	}
	root, entry, err := bundle.ProjectRoot(script)
	if err != nil {
		return &startError{err}
	}
	overrides, err := r.overrides.overrides(c.Flags(), variables, r.env.lookup, root)
	if err != nil {
		return err
	}
	b, err := bundle.Build(bundle.Options{Root: root, Entry: entry, Modules: hostModules()})
	if err != nil {
		return err
	}
	if err := r.results.check(); err != nil {
		return err
	}
	if note, any := r.overrides.network.unusedProxies(c.Flags(), r.env.lookup); any {
		r.env.show(note)
	}
	// Runners open it again, before they lock themselves down.
	keyLog, err := openKeyLog(r.env.lookup)
	if err != nil {
		return &configError{err}
	}
	if keyLog != nil {
		defer keyLog.Close()
		r.keyLog = keyLog
		warnOfKeyLog(r.env)
	}

	api, err := r.api.open(r.env.lookup)
	if err != nil {
		return err
	}
	if r.isolation.value == "off" {
		defer tuneCollector()() // this process is the runner too
	} else {
		defer debug.SetGCPercent(debug.SetGCPercent(coordinatorPercent))
	}
	watch := newWatcher(r.env.color(r.env.stderr), b, r.quiet, r.verbose)
	defer watch.display.Close()
	steering := cluster.NewControl()
	ctx, stop, done := r.steer(c.Context(), steering, watch, api)
	defer done()
	res, err := cluster.Run(ctx, cluster.Config{
		Bundle:      b,
		Overrides:   overrides,
		Env:         values,
		Seed:        r.seed,
		Connect:     r.connect,
		Isolation:   r.isolation.value,
		Observer:    watch,
		Stop:        stop,
		Control:     steering,
		InitTimeout: overrides.InitTimeout(),
		Check:       checkPlan,
	})
	done()
	watch.display.Close()
	if res == nil || res.Summary == nil {
		return wrap(err, b, false)
	}
	about := runFacts{seed: r.seed, root: root, script: b}
	return wrap(errors.Join(err, r.results.write(r.env, res, about)), b, r.results.summary.value != "off")
}

func wrap(err error, b *bundle.Bundle, told bool) error {
	if err == nil {
		return nil
	}
	return &located{error: err, bundle: b, told: told}
}

// settle checks and completes what the flags say.
func (r *runCommand) settle(seeded bool) (err error) {
	switch r.isolation.value {
	case "auto":
		r.isolation.value = "process"
	case "require":
		return &configError{errors.New("--isolation=require: runners cannot be confined completely yet; auto runs the script in a process of its own")}
	}
	if !seeded {
		r.seed = rand.Uint64()
	}
	return r.results.settle(r.env)
}

func (r *runCommand) connect(ctx context.Context) (cluster.Link, error) {
	if r.isolation.value == "off" {
		return cluster.StartInProcess(ctx, runnerConfig(r.keyLog))
	}
	return startRunner(ctx, r.env, keyLogVariable)
}

// steer lets signals, keys and the API act on a run: it returns the context
// that ends it at once and the channel that ends it gracefully. done puts
// everything back, the terminal above all; it may be called repeatedly.
func (r *runCommand) steer(parent context.Context, c *cluster.Control, w *watcher, api *door) (ctx context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancel(parent)
	var keyboard atomic.Pointer[terminal.Keyboard]
	b := newBrake(cancel,
		func() { w.board.Stopping(); w.display.Stopping() },
		func() { keyboard.Load().Release(); r.env.end(exitSignal) })
	keyboard.Store(r.keyboard(c, w, b))
	wake := (&suspender{control: c, board: w.board, display: w.display, keyboard: keyboard.Load()}).start()
	w.steered.Store(keyboard.Load() != nil || api != nil)
	var server *control.Server
	if api != nil {
		w.display.Print(api.news...)
		server = control.Serve(api, control.Config{
			Token: api.token, Control: c, Board: w.board,
			Stop: func() { c.Stop(); b.noticed() },
			Log:  w.note,
		})
	}
	ended := make(chan struct{})
	r.env.subscribe()
	go func() {
		for {
			select {
			case <-ended:
				return
			case sig := <-r.env.signals:
				if sig == syscall.SIGHUP {
					b.to(gently) // of one lost terminal, shell and system both may tell
				} else {
					b.harder()
				}
			}
		}
	}()
	return ctx, b.gentle, sync.OnceFunc(func() {
		close(ended)
		b.release()
		if server != nil {
			server.Close()
			api.forget()
		}
		wake()
		keyboard.Load().Close()
		cancel()
	})
}
