package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/inert"
	"github.com/swarmload/swarm/engine/result"
)

// reportCommand prints a run that was saved.
type reportCommand struct {
	env     *env
	summary choiceFlag
	out     []string
	list    bool
}

func newReportCommand(e *env) *cobra.Command {
	r := &reportCommand{env: e, summary: summaryModes()}
	c := &cobra.Command{
		Use:   "report [flags] [ID | last | FILE]",
		Short: "Print a run again, or write it in another format",
		Long: `Prints the summary of a run that was saved, the last one unless another is
named, or writes it in other formats. Runs are kept in the folder that SWARM_RUNS
names, else in ~/.local/state/swarm/runs, the newest 100 of them.`,
		Example: `  swarm report
  swarm report 7f3c --summary full
  swarm report last --out html=report.html --out csv=series.csv
  swarm report --list`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return &usageError{message: fmt.Sprintf("one run at a time, got %q and %q", args[0], args[1]), hint: "swarm compare A B compares two"}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := readEnvironment(e, c); err != nil {
				return err
			}
			if r.list {
				return r.printList(args)
			}
			return r.run(append(args, result.Last)[0])
		},
	}
	f := c.Flags()
	f.SortFlags = false
	registerOut(f, &r.out)
	f.Var(&r.summary, "summary", "how much the summary tells")
	f.BoolVar(&r.list, "list", false, "list the runs that are kept")
	return c
}

func (r *reportCommand) run(name string) error {
	outputs, err := parseOutputs(r.out)
	if err != nil {
		return err
	}
	if err := checkOutputs(outputs); err != nil {
		return err
	}
	saved, err := openRun(r.env, name)
	if err != nil {
		return err
	}
	if len(outputs) == 0 {
		if err := writeText(r.env, r.env.stdout, saved.Summary, r.summary.value); err != nil {
			return &configError{err}
		}
	}
	if err := writeOutputs(r.env, outputs, saved); err != nil {
		return &configError{err}
	}
	return nil
}

func openStore(e *env) (*result.Store, error) {
	folder, err := result.DefaultFolder(e.variable)
	if err != nil {
		return nil, &configError{err}
	}
	return result.NewStore(folder), nil
}

// openRun returns a run by ID, "last" or file.
func openRun(e *env, name string) (*result.Result, error) {
	store, err := openStore(e)
	if err != nil {
		return nil, err
	}
	saved, err := store.Open(name)
	switch {
	case errors.Is(err, result.ErrNotFound):
		return nil, &usageError{message: err.Error(), hint: "swarm report --list lists the runs that are kept"}
	case err != nil:
		return nil, &configError{err}
	}
	return saved, nil
}

// printList lists the runs of the store, the newest first.
func (r *reportCommand) printList(args []string) error {
	if len(args) > 0 || len(r.out) > 0 {
		return &usageError{message: "--list goes alone", hint: "swarm report --list"}
	}
	store, err := openStore(r.env)
	if err != nil {
		return err
	}
	runs, err := store.List()
	if err != nil {
		return &configError{err}
	}
	if len(runs) == 0 {
		fmt.Fprintf(r.env.stderr, "no runs in %s yet\n", inert.Line(store.Folder()))
		return nil
	}
	var rows [][]string
	for _, run := range runs {
		verdict := "✓ passed"
		if !run.Passed {
			verdict = "✗ failed"
		}
		rows = append(rows, []string{
			inert.Line(run.ID), run.Started.Local().Format(time.DateTime), verdict,
			figure.Length(run.Duration), figure.Counted(run.Requests, "request"), inert.Cut(run.Script, 120),
		})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], inert.Columns(text))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			room := strings.Repeat(" ", widths[i]-inert.Columns(text))
			if i == 3 || i == 4 {
				line.WriteString(room + text + "  ")
			} else {
				line.WriteString(text + room + "  ")
			}
		}
		if _, err := fmt.Fprintln(r.env.stdout, strings.TrimRight(line.String(), " ")); err != nil {
			return &configError{err}
		}
	}
	return nil
}
