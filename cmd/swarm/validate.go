package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/plan"
)

// newValidateCommand checks a script without running it.
func newValidateCommand(e *env) *cobra.Command {
	s := newSettler(e)
	c := &cobra.Command{
		Use:   "validate [flags] script.js",
		Short: "Check a script and its options",
		Long: `Checks that a script can be run: that it parses, that its imports exist, that
its top level runs, and that its options make sense together with those of the
configuration file, the environment and the flags. It sends nothing.

All problems of the options are shown at once; the exit code is 104 then, and
that of swarm run for anything else.`,
		Example: `  swarm validate script.js`,
		Args:    oneScript,
		RunE: func(c *cobra.Command, args []string) error {
			e.everything = true
			found, err := s.settle(c, args[0])
			if err != nil {
				return err
			}
			for _, note := range found.plan.Notes {
				e.show(codeframe.Frame{Severity: "note", Message: note})
			}
			_, err = fmt.Fprintln(e.stdout, "ok: "+outline(found.plan))
			return err
		},
	}
	s.register(c)
	return c
}

// outline sums a plan up in a line: "2 scenarios, up to 50 VUs, 1m30s at most".
func outline(p *plan.Plan) string {
	vus := "1 VU"
	if n := p.MaxVUs(); n != 1 {
		vus = "up to " + figure.Count(n) + " VUs"
	}
	length := figure.Length(p.Duration()) + " at most"
	for i := range p.Scenarios {
		if p.Scenarios[i].Unbounded() {
			length = "until it is stopped"
		}
	}
	return figure.Counted(len(p.Scenarios), "scenario") + ", " + vus + ", " + length
}
