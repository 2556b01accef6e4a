package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/engine/compare"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/result"
)

// compareCommand compares two runs that were saved.
type compareCommand struct {
	env        *env
	failOn     percentFlag
	confidence percentFlag
	metrics    []string
	format     choiceFlag
}

func newCompareCommand(e *env) *cobra.Command {
	r := &compareCommand{env: e, format: choiceFlag{value: "text", choices: []string{"text", "markdown", "json"}}, confidence: percentFlag{share: 0.95, set: true}}
	c := &cobra.Command{
		Use:   "compare [flags] BASELINE [RUN]",
		Short: "Compare two runs",
		Long: `Compares a run, the last one unless another is named, with a baseline: what
differs by more than the noise of both is better or worse. A run is an ID, last
or a file. With --fail-on 5% the exit code is 99 when a value is worse by more
than 5 % even at the near end of its noise band, or when no value that judges
could be compared. docs/compare.md tells how the noise is measured.`,
		Example: `  swarm compare 7f3c
  swarm compare 7f3c last --fail-on 5%
  swarm compare main.json.gz branch.json.gz --format markdown`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return &usageError{message: "no baseline given", hint: "swarm compare BASELINE; swarm report --list lists the runs that are kept"}
			case len(args) > 2:
				return &usageError{message: fmt.Sprintf("two runs at a time, got %d", len(args))}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := readEnvironment(e, c); err != nil {
				return err
			}
			return r.run(args[0], append(args[1:], result.Last)[0])
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.Var(&r.failOn, "fail-on", "exit with 99 when a value is worse by more, such as 5%")
	f.StringArrayVarP(&r.metrics, "metric", "m", nil, "`value` that judges, such as \"http_req_duration p(95)\", instead of the usual ones; repeat for more")
	f.Var(&r.confidence, "confidence", "how rarely runs of the same may be called different: never in that share of comparisons")
	f.Var(&r.format, "format", "how to print")
	return c
}

func (r *compareCommand) run(baseline, other string) error {
	a, err := openRun(r.env, baseline)
	if err != nil {
		return err
	}
	b, err := openRun(r.env, other)
	if err != nil {
		return err
	}
	c, err := compare.Compare(a, b, compare.Bounds{Regression: r.failOn.share, Confidence: r.confidence.share, Metrics: r.metrics})
	if err != nil {
		return &usageError{message: strings.TrimPrefix(err.Error(), "compare: ")}
	}
	out := r.env.color(r.env.stdout)
	switch r.format.value {
	case "markdown":
		err = compare.WriteMarkdown(out, c)
	case "json":
		err = compare.WriteJSON(out, c)
	default:
		err = compare.WriteText(out, c, out.Color, out.Width())
	}
	switch {
	case err != nil:
		return &configError{err}
	case r.failOn.set && len(c.Regressions) > 0:
		return &regressed{len(c.Regressions)}
	case r.failOn.set:
		if ok, why := c.Judged(); !ok {
			return &unjudged{why}
		}
	}
	return nil
}

// unjudged says that a comparison that should have judged a run could not.
type unjudged struct{ why string }

func (u *unjudged) Error() string {
	return "--fail-on cannot judge: no value could be compared"
}

// regressed says that a run is worse than its baseline by more than allowed.
type regressed struct{ values int }

func (r *regressed) Error() string {
	return figure.Counted(r.values, "value") + " worse than allowed"
}

// percentFlag reads 5% and 0.5 %.
type percentFlag struct {
	share float64
	set   bool
}

func (p *percentFlag) Set(text string) error {
	number, ok := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(v >= 0 && v <= 1e6) {
		return fmt.Errorf("must be a percentage such as 5%%")
	}
	p.share, p.set = v/100, true
	return nil
}

func (p *percentFlag) String() string {
	if !p.set {
		return ""
	}
	return figure.Plain(figure.Round(p.share*100, 6)) + "%"
}

func (p *percentFlag) Type() string { return "percent" }
