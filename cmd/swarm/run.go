package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// runCommand runs one test on this machine.
type runCommand struct {
	env       *env
	overrides overrideFlags
	scriptEnv scriptEnv
	results   results

	quiet, verbose bool
	seed           uint64
	isolation      choiceFlag
	summaryMode    choiceFlag
	outputs        []string
	export         string
}

func newRunCommand(e *env) *cobra.Command {
	r := &runCommand{
		env:         e,
		isolation:   choiceFlag{value: "auto", choices: []string{"auto", "process", "off", "require"}},
		summaryMode: choiceFlag{value: "normal", choices: []string{"compact", "normal", "full", "off"}},
	}
	c := &cobra.Command{
		Use:   "run [flags] script.js",
		Short: "Run a script",
		Long: `Runs a script and prints a summary. Results go to the standard output, progress
and logs to the standard error.

Of one setting the last of these counts: default, the script's options, an
environment variable (SWARM_VUS for --vus and so on; K6_VUS is read too), a flag.

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

func oneScript(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 1:
		return nil
	case 0:
		return &usageError{message: "no script given", hint: "swarm run script.js"}
	}
	return &usageError{message: fmt.Sprintf("one script at a time, got %q and %q", args[0], args[1]), hint: "flags take their value after a space or ="}
}

func (r *runCommand) register(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	r.overrides.register(f)
	f.VarP(&r.scriptEnv.pairs, "env", "e", "a value of __ENV; repeat for more")
	f.StringArrayVar(&r.scriptEnv.files, "env-file", nil, "`file` with a NAME=value of __ENV on each line")
	f.StringArrayVar(&r.scriptEnv.pass, "pass-env", nil, "`name` of an environment variable to pass into __ENV; no other is")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "no progress")
	f.BoolVar(&r.verbose, "verbose", false, "more about each log line, and debug lines")
	f.Var(&r.summaryMode, "summary", "how much the summary tells")
	f.StringArrayVarP(&r.outputs, "out", "o", nil, "also write the summary to a file: json=`FILE`, - for the standard output")
	f.StringVar(&r.export, "summary-export", "", "the same as --out json=`FILE`")
	f.StringVar(&r.results.dir, "summary-dir", "", "let handleSummary write any file below `DIR`; without it, reports below the current folder")
	f.Var(&r.isolation, "isolation", "what the script runs in: a process of its own, or (off) this one")
	f.Uint64Var(&r.seed, "seed", 0, "`number` that makes random values repeatable")
	withoutVariable(f, "env", "env-file", "pass-env")
}

// run is the way of one run, from the script to the exit code.
func (r *runCommand) run(c *cobra.Command, script string) error {
	set, err := fromEnvironment(c.Flags(), r.env.lookup)
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
	b, err := bundle.Build(bundle.Options{Root: root, Entry: entry, Modules: hostModules()})
	if err != nil {
		return err
	}
	if err := r.results.check(); err != nil {
		return err
	}

	if r.isolation.value == "off" {
		defer tuneCollector()() // this process is the runner too
	}
	watch := newWatcher(r.env.color(r.env.stderr), b, r.quiet, r.verbose)
	defer watch.display.Close()
	ctx, stop, done := r.interrupts(c.Context(), watch)
	defer done()
	res, err := cluster.Run(ctx, cluster.Config{
		Bundle:    b,
		Overrides: r.overrides.overrides(c.Flags(), set),
		Env:       values,
		Seed:      r.seed,
		Connect:   r.connect,
		Isolation: r.isolation.value,
		Observer:  watch,
		Stop:      stop,
	})
	watch.display.Close()
	if res == nil || res.Summary == nil {
		return wrap(err, b, false)
	}
	return wrap(errors.Join(err, r.results.write(r.env, res)), b, r.results.mode != "off")
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
	r.results.mode = r.summaryMode.value
	if r.results.json, err = parseOutputs(r.outputs); err != nil {
		return err
	}
	if r.export != "" {
		r.results.json = append(r.results.json, r.export)
	}
	return nil
}

func (r *runCommand) connect(ctx context.Context) (cluster.Link, error) {
	if r.isolation.value == "off" {
		return cluster.StartInProcess(ctx, runnerConfig())
	}
	return startRunner(ctx, r.env)
}

// forceAfter is how long a run may take to end after it was told to end at once.
const forceAfter = 10 * time.Second

// interrupts turns signals into the end of a run: the first closes stop, the
// second ends ctx, the third ends the process. done gives the signals back.
func (r *runCommand) interrupts(parent context.Context, w *watcher) (ctx context.Context, stop <-chan struct{}, done func()) {
	ctx, cancel := context.WithCancel(parent)
	gentle, ended := make(chan struct{}), make(chan struct{})
	r.env.subscribe()
	go func() {
		var force <-chan time.Time
		for n := 1; ; n++ {
			select {
			case <-ended:
				return
			case <-force:
				n = 3
			case <-r.env.signals:
			}
			switch n {
			case 1:
				close(gentle)
				w.display.Stopping()
			case 2:
				cancel()
				force = time.After(forceAfter)
			default:
				r.env.end(exitSignal)
			}
		}
	}()
	return ctx, gentle, func() { cancel(); close(ended) }
}
