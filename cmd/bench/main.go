// Command bench compares swarm with the load tools found on PATH.
//
// The target is nginx (one worker on processor 0) that answers every request
// with 49 bytes of JSON; each client runs on processor 1. Requests are counted
// by nginx, CPU time and memory by the kernel: no tool is asked about itself.
// Tools take turns, round after round, so that a machine that drifts drifts
// for all of them. The table shows medians; ratios are taken round by round,
// between measurements a few seconds apart, and their median is shown with the
// smallest and the largest.
//
//	go run ./cmd/bench -swarm ./swarm -duration 5s -rounds 3
//
// Named parts measure swarm alone against the budgets that no other tool is
// needed for, and print each beside its result:
//
//	go run ./cmd/bench -swarm ./swarm rate highest stall memory crowd idle
package main

import (
	"context"
	"embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

//go:embed scripts/*.js
var scripts embed.FS

func main() {
	swarm := flag.String("swarm", "./swarm", "the swarm binary to measure")
	duration := flag.Duration("duration", 0, "length of one measurement (5s; of a named part its own)")
	rounds := flag.Int("rounds", 3, "measurements of each tool")
	connections := flag.Int("connections", 50, "connections, or VUs")
	paced := flag.Int("paced", 0, "also measure memory with this many VUs at one request a second")
	only := flag.String("only", "", "measure only tools whose name contains this")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: bench [flags] [part…]\nparts: %s\n", partNames(parts()))
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *swarm, *only, *duration, *rounds, *connections, *paced, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, swarm, only string, duration time.Duration, rounds, connections, paced int, named []string) error {
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("two processors are needed: one for the target, one for the client")
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, scripts); err != nil {
		return err
	}
	target, err := StartNginx(ctx, dir)
	if err != nil {
		return err
	}
	defer target.Stop()

	swarm, err = filepath.Abs(swarm)
	if err != nil {
		return err
	}
	if len(named) > 0 {
		b := &bench{swarm: swarm, dir: dir, target: target, out: os.Stdout}
		return b.runParts(ctx, parts(), named, duration)
	}
	if duration == 0 {
		duration = 5 * time.Second
	}
	tools := Tools(swarm, filepath.Join(dir, "scripts"), target.URL, connections, duration, paced)
	tools = slices.DeleteFunc(tools, func(t Tool) bool { return !strings.Contains(t.Name, only) })
	results := make(map[string][]Measurement)
	for round := range rounds {
		for _, tool := range tools {
			m, err := Measure(ctx, tool, target)
			if err != nil {
				return fmt.Errorf("%s: %w", tool.Name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d  %-28s %8.0f requests/s  %6.2f µs CPU/request  %5.0f MB\n",
				round+1, tool.Name, m.Rate(), m.CPUPerRequest(), m.PeakMB())
			results[tool.Name] = append(results[tool.Name], m)
		}
	}
	return report(tools, results, connections, duration, rounds, paced)
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

// report prints the medians and the ratios the budgets are stated in.
func report(tools []Tool, results map[string][]Measurement, connections int, duration time.Duration, rounds, paced int) error {
	median := func(name string, f func(Measurement) float64) float64 {
		var values []float64
		for _, m := range results[name] {
			values = append(values, f(m))
		}
		if len(values) == 0 {
			return 0
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	fmt.Printf("%d connections, %s each, median of %d\n\n", connections, duration, rounds)
	tw := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	fmt.Fprintln(tw, "program\tCPU per request\trequests/s\tpeak memory\t")
	for _, tool := range tools {
		fmt.Fprintf(tw, "%s\t%.2f µs\t%.0f\t%.0f MB\t\n", tool.Name,
			median(tool.Name, Measurement.CPUPerRequest), median(tool.Name, Measurement.Rate), median(tool.Name, Measurement.PeakMB))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Println()
	ratio := func(budget, a, b string, f func(Measurement) float64, what string) {
		if all := Ratios(results[a], results[b], f); len(all) > 0 {
			fmt.Printf("%s: %s, %s against %s: %.2f × (%.2f to %.2f)\n",
				budget, what, a, b, all[len(all)/2], all[0], all[len(all)-1])
		}
	}
	ratio("B1", "swarm minimal", "bombardier", Measurement.CPUPerRequest, "CPU per request")
	ratio("B1", "swarm minimal", "k6 minimal", Measurement.Rate, "throughput")
	ratio("B2", "swarm realistic", "k6 realistic", Measurement.Rate, "throughput")
	ratio("--", "swarm checked", "k6 checked", Measurement.Rate, "throughput")
	if paced > 0 {
		for _, name := range []string{"swarm paced", "k6 paced"} {
			if mb := median(name, Measurement.PeakMB); mb > 0 {
				fmt.Printf("B3: memory per VU, %s, %s VUs, all processes: %.1f KB\n", name, strconv.Itoa(paced), mb*1024/float64(paced))
			}
		}
	}
	return nil
}
