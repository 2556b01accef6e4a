package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/swarmload/swarm/cmd/swarm/codeframe"
	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/spelling"
)

// flagError turns an error of the flag parser into one line and a hint.
func flagError(c *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	e := &usageError{message: err.Error(), hint: "see " + c.CommandPath() + " --help"}
	var (
		unknown *pflag.NotExistError
		invalid *pflag.InvalidValueError
		missing *pflag.ValueRequiredError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		e.message = "unknown flag -" + unknown.GetSpecifiedName()
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		e.message = "unknown flag --" + name
		if near := spelling.Nearest(name, flagNames(c)); near != "" {
			e.hint = "did you mean --" + near + "?"
		}
	case errors.As(err, &invalid):
		e.message = fmt.Sprintf("--%s: %q: %s", invalid.GetFlag().Name, invalid.GetValue(), valueProblem(invalid.Unwrap()))
	case errors.As(err, &missing):
		e.message = fmt.Sprintf("--%s needs a value", missing.GetFlag().Name)
	}
	return e
}

// valueProblem says what is wrong with a flag's value without the words of strconv.
func valueProblem(err error) string {
	var number *strconv.NumError
	switch {
	case !errors.As(err, &number):
		return err.Error()
	case errors.Is(number.Err, strconv.ErrRange):
		return "is out of range"
	case number.Func == "ParseFloat":
		return "must be a number"
	case number.Func == "ParseBool":
		return "must be true or false"
	}
	return "must be a whole number"
}

// flagNames are the flags of c that its help names.
func flagNames(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return names
}

// commandNames are the commands below c that its help names.
func commandNames(c *cobra.Command) (names []string) {
	for _, below := range c.Commands() {
		if below.IsAvailableCommand() {
			names = append(names, below.Name())
		}
	}
	return names
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasParent() {
		return &usageError{message: fmt.Sprintf("%s takes no argument, got %q", c.CommandPath(), args[0]), hint: "see " + c.CommandPath() + " --help"}
	}
	hint := "see swarm --help"
	if near := spelling.Nearest(args[0], commandNames(c)); near != "" {
		hint = fmt.Sprintf("did you mean swarm %s?", near)
	}
	return &usageError{message: fmt.Sprintf("unknown command %q", args[0]), hint: hint}
}

// readEnvironment gives each flag of c that was not given the value of its
// variable, and tells of variables that look like one and are none. It returns
// the variable behind each flag it set.
func readEnvironment(e *env, c *cobra.Command) (variables map[string]string, err error) {
	for _, w := range unknownVariables(c.Root(), e.environ) {
		e.show(w)
	}
	return fromEnvironment(c.Flags(), e.lookup)
}

// fromEnvironment sets each flag that was not given from the variable
// SWARM_<FLAG>, or else K6_<FLAG>. It returns the variable behind each flag it
// set.
func fromEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) (variables map[string]string, err error) {
	variables = map[string]string{}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Annotations[noVariable] != nil || err != nil {
			return
		}
		for _, prefix := range []string{variablePrefix, "K6_"} {
			name := prefix + variableSuffix(f.Name)
			value, ok := lookup(name)
			if !ok || value == "" {
				continue
			}
			if failure := flags.Set(f.Name, value); failure != nil {
				var invalid *pflag.InvalidValueError
				if errors.As(failure, &invalid) {
					failure = invalid.Unwrap()
				}
				err = &usageError{message: fmt.Sprintf("environment variable %s: %q: %s", name, value, valueProblem(failure))}
			}
			variables[f.Name] = name
			return
		}
	})
	return variables, err
}

const variablePrefix = "SWARM_"

func variableSuffix(flag string) string { return strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) }

// otherVariables are those that no flag stands for.
var otherVariables = [...]string{"SWARM_RUNS", "SWARM_API_TOKEN", tlsKeyPassword}

// unknownVariables warns of the SWARM_ variables that no flag of any command
// knows: a misspelled one would silently change nothing.
func unknownVariables(root *cobra.Command, environ []string) (warnings []codeframe.Frame) {
	const most = 10
	known := slices.Clone(otherVariables[:])
	collect := func(f *pflag.Flag) {
		if f.Name != "help" && f.Annotations[noVariable] == nil {
			known = append(known, variablePrefix+variableSuffix(f.Name))
		}
	}
	for _, c := range append(root.Commands(), root) {
		c.LocalFlags().VisitAll(collect)
	}
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(variable, "=")
		if !strings.HasPrefix(name, variablePrefix) || value == "" || slices.Contains(known, name) || len(warnings) == most {
			continue
		}
		w := codeframe.Frame{Severity: "warning", Message: fmt.Sprintf("environment variable %s has no effect: no flag is called so", name)}
		if near := spelling.Nearest(name, known); near != "" {
			w.Hint = "did you mean " + near + "?"
		}
		warnings = append(warnings, w)
	}
	return warnings
}

// noVariable marks flags that no environment variable stands for.
const noVariable = "no variable"

func withoutVariable(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		if err := flags.SetAnnotation(name, noVariable, []string{"true"}); err != nil {
			panic(err) // the flag does not exist: a slip in the list above
		}
	}
}

// durationFlag reads durations as scripts write them.
type durationFlag struct{ value *time.Duration }

func (d *durationFlag) Set(text string) error {
	v, err := plan.ParseDuration(text)
	if err == nil {
		d.value = &v
	}
	return err
}

func (d *durationFlag) String() string {
	if d.value == nil {
		return ""
	}
	return d.value.String()
}

func (d *durationFlag) Type() string { return "duration" }

// runTimeFlag reads durations as Locust does: a number alone is seconds.
type runTimeFlag struct{ text string }

func (r *runTimeFlag) Set(text string) error {
	seconds, err := strconv.ParseFloat(text, 64)
	if err == nil {
		_, err = plan.ParseDuration(strconv.FormatFloat(seconds, 'f', -1, 64) + "s")
	} else {
		_, err = plan.ParseDuration(text)
	}
	if err == nil {
		r.text = text
	}
	return err
}

func (r *runTimeFlag) String() string { return r.text }
func (r *runTimeFlag) Type() string   { return "duration" }

// stagesFlag reads "30s:10", or several with commas between; a repeated flag adds.
type stagesFlag struct{ stages []plan.Stage }

func (s *stagesFlag) Set(text string) error {
	stages := s.stages
	for part := range strings.SplitSeq(text, ",") {
		length, target, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok {
			return fmt.Errorf("must be duration:target, such as 30s:10")
		}
		d, err := plan.ParseDuration(length)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(target)
		if err != nil {
			return fmt.Errorf("the target must be a whole number, got %q", target)
		}
		stages = append(stages, plan.Stage{Duration: d, Target: n})
	}
	s.stages = stages
	return nil
}

func (s *stagesFlag) String() string {
	var parts []string
	for _, stage := range s.stages {
		parts = append(parts, fmt.Sprintf("%s:%d", stage.Duration, stage.Target))
	}
	return strings.Join(parts, ",")
}

// options returns the stages as a script writes them.
func (s *stagesFlag) options() any {
	type stage struct {
		Duration string `json:"duration"`
		Target   int    `json:"target"`
	}
	out := []stage{}
	for _, leg := range s.stages {
		out = append(out, stage{leg.Duration.String(), leg.Target})
	}
	return out
}

func (s *stagesFlag) Type() string { return "duration:target" }

// pairsFlag reads name=value; a repeated flag adds, a repeated name replaces.
type pairsFlag struct{ pairs map[string]string }

func (p *pairsFlag) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("must be name=value")
	}
	if p.pairs == nil {
		p.pairs = map[string]string{}
	}
	p.pairs[name] = value
	return nil
}

func (p *pairsFlag) String() string { return "" }
func (p *pairsFlag) Type() string   { return "name=value" }

// choiceFlag is one of a few words.
type choiceFlag struct {
	value   string
	choices []string
}

func (c *choiceFlag) Set(text string) error {
	for _, choice := range c.choices {
		if text == choice {
			c.value = text
			return nil
		}
	}
	return fmt.Errorf("must be %s", strings.Join(c.choices, " or "))
}

func (c *choiceFlag) String() string { return c.value }
func (c *choiceFlag) Type() string   { return strings.Join(c.choices, "|") }
