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
//	go run ./cmd/bench -swarm ./swarm memory-per-vu start stream
//
// Two of them compare after all, against targets of their own (HTTP/1.1 and
// HTTP/2 over TLS 1.3), which also see to it that requests really come so:
//
//	go run ./cmd/bench -swarm ./swarm tls http2
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"
)

//go:embed scripts/*.js
var scripts embed.FS

func main() {
	swarm := flag.String("swarm", "./swarm", "the swarm binary to measure")
	duration := flag.Duration("duration", 0, "length of one measurement (5s; of a named part its own)")
	rounds := flag.Int("rounds", 3, "measurements of each tool where tools are compared")
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

func run(ctx context.Context, swarm, only string, duration time.Duration, rounds, connections, paced int, named []string) (err error) {
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
	if swarm, err = filepath.Abs(swarm); err != nil {
		return err
	}
	b := &bench{swarm: swarm, dir: dir, rounds: rounds, connections: connections, only: only, out: os.Stdout}
	if b.target, err = b.startTarget(ctx, "plain", site{}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.target.Stop()) }()
	if len(named) > 0 {
		return b.runParts(ctx, parts(), named, duration)
	}
	if duration == 0 {
		duration = defaultLength
	}
	c, err := b.compare(ctx, b.job(b.target, duration).Tools(paced), b.target)
	if err != nil {
		return err
	}
	return b.report(c, duration, paced)
}

// report prints the medians and the ratios the budgets are stated in.
func (b *bench) report(c *comparison, duration time.Duration, paced int) error {
	fmt.Fprintf(b.out, "%d connections, %s each, median of %d\n\n", b.connections, duration, b.rounds)
	if err := c.table(b.out); err != nil {
		return err
	}
	fmt.Fprintln(b.out)
	ratio := func(budget, x, y string, f func(Measurement) float64, what string) {
		if _, words, ok := c.ratio(x, y, f, what); ok {
			fmt.Fprintf(b.out, "%s: %s\n", budget, words)
		}
	}
	ratio("B1", "swarm minimal", "bombardier", Measurement.CPUPerRequest, "CPU per request")
	ratio("B1", "swarm minimal", "k6 minimal", Measurement.Rate, "throughput")
	ratio("B2", "swarm realistic", "k6 realistic", Measurement.Rate, "throughput")
	ratio("--", "swarm checked", "k6 checked", Measurement.Rate, "throughput")
	for _, name := range []string{"swarm paced", "k6 paced"} {
		if mb := c.median(name, Measurement.PeakMB); mb > 0 {
			fmt.Fprintf(b.out, "B3: memory per VU, %s, %d VUs, all processes: %.1f KB\n", name, paced, mb*1024/float64(paced))
		}
	}
	return nil
}
