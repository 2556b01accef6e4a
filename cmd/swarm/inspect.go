package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cluster"
	"github.com/swarmload/swarm/cmd/swarm/terminal"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox/bundle"
)

// settler finds out what the options of a script come to, without running it:
// what inspect and validate have in common.
type settler struct {
	env       *env
	overrides overrideFlags
	scriptEnv scriptEnv
	isolation choiceFlag
}

func newSettler(e *env) settler {
	return settler{env: e, isolation: choiceFlag{value: "process", choices: []string{"auto", "process", "off"}}}
}

func (s *settler) register(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	s.overrides.register(f)
	s.scriptEnv.register(f)
	f.Var(&s.isolation, "isolation", "what the script runs in: a process of its own, or (off) this one")
}

// settled is what a script's options came to.
type settled struct {
	plan     *plan.Plan
	settings []plan.Setting
}

// settle runs the script's top level and lays its options between all others.
func (s *settler) settle(c *cobra.Command, script string) (*settled, error) {
	variables, err := readEnvironment(s.env, c)
	if err != nil {
		return nil, err
	}
	values, err := s.scriptEnv.values(s.env.lookup)
	if err != nil {
		return nil, err
	}
	root, entry, err := bundle.ProjectRoot(script)
	if err != nil {
		return nil, &startError{err}
	}
	overrides, err := s.overrides.overrides(c.Flags(), variables, s.env.lookup, root)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Build(bundle.Options{Root: root, Entry: entry, Modules: hostModules()})
	if err != nil {
		return nil, err
	}
	watch := newWatcher(s.env.color(s.env.stderr), b, true, false)
	defer watch.display.Close()
	found, err := cluster.Inspect(c.Context(), cluster.Config{
		Bundle: b, Env: values, Connect: s.connect, Isolation: s.isolation.value, Observer: watch,
		InitTimeout: overrides.InitTimeout(),
	})
	if err != nil {
		return nil, wrap(err, b, false)
	}
	p, settings, err := plan.Explain(found.Options, overrides, plan.Source{
		Exports: found.Exports,
		Metrics: found.Metrics,
		Locate: func(path []string) plan.Position {
			at := b.Locate(path)
			return plan.Position{File: at.File, Line: at.Line, Column: at.Column}
		},
		Check: checkPlan,
	})
	if err != nil {
		return nil, wrap(err, b, false)
	}
	return &settled{p, settings}, nil
}

func (s *settler) connect(ctx context.Context) (cluster.Link, error) {
	if s.isolation.value == "off" {
		return cluster.StartInProcess(ctx, runnerConfig(nil))
	}
	return startRunner(ctx, s.env)
}

// newInspectCommand shows what a script's options come to.
func newInspectCommand(e *env) *cobra.Command {
	s := newSettler(e)
	var explain, requirements bool
	c := &cobra.Command{
		Use:   "inspect [flags] script.js",
		Short: "Show what the options of a script come to",
		Long: `Prints the options that swarm run would go by, as JSON on the standard output:
all defaults filled in, checked, and laid over each other. It is a script's
options again: swarm inspect script.js > swarm.json keeps them. Keys and
passwords are masked.

Of one setting the last of these counts: default, configuration file, the
script's options, an environment variable, a flag. --explain tells which it was.`,
		Example: `  swarm inspect script.js
  swarm inspect --explain -u 10 -d 30s script.js`,
		Args: oneScript,
		RunE: func(c *cobra.Command, args []string) error {
			found, err := s.settle(c, args[0])
			switch {
			case err != nil:
				return err
			case explain:
				return explainSettings(e, found.settings)
			}
			return printOptions(e.stdout, found.plan, requirements)
		},
	}
	s.register(c)
	c.Flags().BoolVar(&explain, "explain", false, "print a table instead: each option, its value and where it was given")
	c.Flags().BoolVar(&requirements, "execution-requirements", false, "also print the time and the virtual users needed at most")
	return c
}

// printOptions prints the settled options; with requirements also, as k6 does,
// what it takes to run them.
func printOptions(w io.Writer, p *plan.Plan, requirements bool) error {
	options := p.Masked().Options()
	if requirements {
		options = fmt.Appendf(options[:len(options)-1], `,"totalDuration":%q,"maxVUs":%d}`, p.Duration(), p.MaxVUs())
	}
	var out bytes.Buffer
	if err := json.Indent(&out, options, "", "  "); err != nil {
		return fmt.Errorf("print options: %w", err)
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

// explainSettings prints a table of all settings. What was given stands out
// from what is a default.
func explainSettings(e *env, settings []plan.Setting) error {
	const widest = 60
	out := e.color(e.stdout)
	paint := terminal.Paint{On: out.Color}
	rows := [][3]string{{"option", "value", "from"}}
	for _, s := range settings {
		from := s.From.String()
		if from == "" {
			from = "default"
		}
		rows = append(rows, [3]string{inert.Line(s.Path), terminal.Truncate(inert.Line(s.Value), widest), inert.Line(from)})
	}
	var widths [2]int
	for _, row := range rows {
		for i := range widths {
			widths[i] = max(widths[i], terminal.Columns(row[i]))
		}
	}
	var b strings.Builder
	for i, row := range rows {
		line := ""
		for i, cell := range row[:2] {
			line += cell + strings.Repeat(" ", widths[i]-terminal.Columns(cell)+2)
		}
		line += row[2]
		switch {
		case i == 0:
			line = paint.Bold(line)
		case row[2] == "default":
			line = paint.Dim(line)
		}
		b.WriteString(line + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
