package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// startTime measures from before the process is started until the target has
// read a request, ten times for one VU and three times for 10,000: all of them
// are made before the first begins. Each run is ended as soon as it has begun.
func startTime(ctx context.Context, b *bench, _ time.Duration) (string, bool, error) {
	one, err := b.medianStart(ctx, 10, "minimal.js", 1, 1)
	if err != nil {
		return "", false, err
	}
	// The first request is that of setup, the second that of a VU.
	many, err := b.medianStart(ctx, 3, "realistic.js", 10_000, 2)
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("%.0f ms (median of 10), %.2f s with 10,000 VUs (median of 3)", float64(one.Microseconds())/1000, many.Seconds()),
		one <= 120*time.Millisecond && many <= 2*time.Second, nil
}

// medianStart returns the median of how long it takes until a request, counted
// from 1, has reached the target.
func (b *bench) medianStart(ctx context.Context, times int, script string, vus, request int) (time.Duration, error) {
	var all []time.Duration
	for range times {
		d, err := b.untilRequest(ctx, script, vus, request)
		if err != nil {
			return 0, err
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

func (b *bench) untilRequest(ctx context.Context, script string, vus, request int) (time.Duration, error) {
	target, err := startClock(request)
	if err != nil {
		return 0, err
	}
	defer target.stop()
	var output writer
	cmd := exec.CommandContext(ctx, "taskset", "-c", "1", b.swarm, "run", "--quiet", "--no-save", "-e", "TARGET="+target.url,
		"-u", strconv.Itoa(vus), "-d", "60s", filepath.Join(b.dir, "scripts", script))
	cmd.Stdout, cmd.Stderr = &output, &output
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case at := <-target.asked:
		cmd.Process.Signal(os.Interrupt)
		<-ended
		return at.Sub(begin), nil
	case err := <-ended:
		return 0, fmt.Errorf("ended before request %d: %v\n%s", request, err, output.text())
	}
}

// writer keeps what a process says. Safe for concurrent use.
type writer struct {
	mu   sync.Mutex
	kept []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = append(w.kept, p...)
	return len(p), nil
}

func (w *writer) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.kept)
}

// clock is a target that tells when one of its requests came.
type clock struct {
	url    string
	asked  chan time.Time
	server *http.Server
	served sync.WaitGroup
}

// startClock starts one on a free port of the loopback interface.
func startClock(request int) (*clock, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &clock{url: "http://" + listener.Addr().String() + "/", asked: make(chan time.Time, 1)}
	var mu sync.Mutex
	count := 0
	c.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		mu.Lock()
		if count++; count == request {
			c.asked <- now
		}
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(`{"name":"widget"}`)) // who went away meanwhile gets nothing
	})}
	c.served.Go(func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err) // the listener is ours: nothing else ends it
		}
	})
	return c, nil
}

func (c *clock) stop() {
	c.server.Close()
	c.served.Wait()
}
