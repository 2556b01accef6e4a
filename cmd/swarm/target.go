package main

import (
	"context"
	"fmt"
	"net"

	"github.com/spf13/cobra"
	"github.com/swarmload/swarm/cmd/swarm/target"
)

// targetCommand is the built-in server to try things on.
type targetCommand struct {
	env     *env
	listen  string
	public  bool
	latency string
	stall   string
	options target.Options
}

func newTargetCommand(e *env) *cobra.Command {
	t := &targetCommand{env: e}
	c := &cobra.Command{
		Use:   "target",
		Short: "Start a demo server to put under load",
		Long: `Starts a small shop to put under load: GET /items, GET /items/{id}, POST /login,
GET and POST /orders, and pages to try cookies and redirects on. /sse sends
Server-Sent Events: /sse?count=10&interval=100ms&lines=2&retry=1s. Its URL is
printed first; GET /count tells what it received so far.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return t.run(c.Context()) },
	}
	f := c.Flags()
	f.StringVar(&t.listen, "listen", "127.0.0.1:8080", "`address` to listen on; port 0 takes any that is free")
	f.BoolVar(&t.public, "public", false, "allow an address that others can reach")
	f.StringVar(&t.latency, "latency", "0ms", "how long answers take: "+target.LatencyHelp)
	f.Float64Var(&t.options.ErrorRate, "error-rate", 0, "`share` of requests answered with status 503, from 0 to 1")
	f.StringVar(&t.stall, "stall", "", "`pause/period` of stalls, such as 1s/10s: nothing is answered for 1s of each 10s")
	f.Uint64Var(&t.options.Seed, "seed", 1, "`number` that makes latencies and faults repeatable")
	return c
}

func (t *targetCommand) run(ctx context.Context) error {
	var err error
	if t.options.Latency, err = target.ParseLatency(t.latency); err != nil {
		return &usageError{message: "--latency: " + err.Error()}
	}
	if t.stall != "" {
		if t.options.Stall, err = target.ParseStall(t.stall); err != nil {
			return &usageError{message: "--stall: " + err.Error()}
		}
	}
	if r := t.options.ErrorRate; !(r >= 0 && r <= 1) {
		return &usageError{message: fmt.Sprintf("--error-rate: must be from 0 to 1, got %v", r)}
	}
	listener, err := target.Listen(t.listen, t.public)
	if err != nil {
		return &startError{err}
	}
	return t.serve(ctx, listener)
}

func (t *targetCommand) serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t.env.subscribe()
	go func() {
		select {
		case <-t.env.signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	server := target.New(t.options)
	if _, err := fmt.Fprintf(t.env.stdout, "http://%s\n", listener.Addr()); err != nil {
		listener.Close()
		return fmt.Errorf("print the address: %w", err)
	}
	err := server.Serve(ctx, listener, t.env.stderr)
	if printed := server.Counts().Write(t.env.stdout); err == nil {
		err = printed
	}
	return err
}
