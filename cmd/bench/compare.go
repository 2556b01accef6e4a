package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// comparison is several tools measured in turn against one target.
type comparison struct {
	tools   []Tool
	results map[string][]Measurement // by the tool's name, one a round
}

// compare measures the tools that -only names, round by round.
func (b *bench) compare(ctx context.Context, tools []Tool, target *Nginx) (*comparison, error) {
	tools = slices.DeleteFunc(tools, func(t Tool) bool { return !strings.Contains(t.Name, b.only) })
	c := &comparison{tools: tools, results: make(map[string][]Measurement)}
	for round := range b.rounds {
		for _, tool := range tools {
			m, err := Measure(ctx, tool, target)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", tool.Name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d  %-28s %8.0f requests/s  %6.2f µs CPU/request  %5.0f MB\n",
				round+1, tool.Name, m.Rate(), m.CPUPerRequest(), m.PeakMB())
			c.results[tool.Name] = append(c.results[tool.Name], m)
		}
	}
	return c, nil
}

// median returns the median of f over the rounds of a tool, 0 for one that was
// not measured.
func (c *comparison) median(name string, f func(Measurement) float64) float64 {
	var values []float64
	for _, m := range c.results[name] {
		values = append(values, f(m))
	}
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// table prints the medians.
func (c *comparison) table(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	fmt.Fprintln(tw, "program\tCPU per request\trequests/s\tpeak memory\t")
	for _, tool := range c.tools {
		fmt.Fprintf(tw, "%s\t%.2f µs\t%.0f\t%.0f MB\t\n", tool.Name,
			c.median(tool.Name, Measurement.CPUPerRequest), c.median(tool.Name, Measurement.Rate), c.median(tool.Name, Measurement.PeakMB))
	}
	return tw.Flush()
}

// ratio returns f of one tool over f of another, the median of the rounds, in
// words too; ok is false when one of them was not measured.
func (c *comparison) ratio(a, b string, f func(Measurement) float64, what string) (ratio float64, words string, ok bool) {
	all := Ratios(c.results[a], c.results[b], f)
	if len(all) == 0 {
		return 0, fmt.Sprintf("%s: %s or %s was not measured", what, a, b), false
	}
	ratio = all[len(all)/2]
	return ratio, fmt.Sprintf("%s, %s against %s: %.2f × (%.2f to %.2f)", what, a, b, ratio, all[0], all[len(all)-1]), true
}

// Ratios returns f of a over f of b for each round in which both were measured,
// the smallest first.
func Ratios(a, b []Measurement, f func(Measurement) float64) []float64 {
	var all []float64
	for i := range min(len(a), len(b)) {
		if y := f(b[i]); y > 0 {
			all = append(all, f(a[i])/y)
		}
	}
	slices.Sort(all)
	return all
}
