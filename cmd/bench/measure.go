package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Measurement is one run of one tool.
type Measurement struct {
	Requests uint64        // counted by the target
	Wall     time.Duration // from start to exit of the tool
	CPU      time.Duration // user and system time of the tool and its children
	Peak     int64         // bytes resident, the tool and its children together
}

// Rate returns requests per second of wall time, start-up included.
func (m Measurement) Rate() float64 { return float64(m.Requests) / m.Wall.Seconds() }

// CPUPerRequest returns microseconds.
func (m Measurement) CPUPerRequest() float64 {
	return float64(m.CPU.Microseconds()) / float64(max(m.Requests, 1))
}

// PeakMB returns the peak memory in megabytes (1024 × 1024).
func (m Measurement) PeakMB() float64 { return float64(m.Peak) / (1 << 20) }

// Measure runs the tool on processor 1 to its end. A tool that sends nothing,
// asks with another protocol than it should, or exits with an error is an error.
func Measure(ctx context.Context, tool Tool, target *Nginx) (Measurement, error) {
	before, err := target.Requests()
	if err != nil {
		return Measurement{}, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", "1"}, tool.Args...)...)
	cmd.Env = append(os.Environ(), tool.Env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Measurement{}, err
	}
	peak := watchMemory(cmd.Process.Pid)
	err = cmd.Wait()
	wall := time.Since(start)
	memory := peak()
	if err != nil {
		return Measurement{}, fmt.Errorf("%w\n%s", err, output.String())
	}
	after, err := target.Requests()
	if err != nil {
		return Measurement{}, err
	}
	m := Measurement{
		Requests: after - before - 1, // the count asks nginx too
		Wall:     wall,
		CPU:      cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		Peak:     memory,
	}
	if m.Requests == 0 {
		return m, fmt.Errorf("sent nothing\n%s", output.String())
	}
	return m, target.Strangers()
}

// watchMemory samples the resident memory of a process tree ten times a second
// until the returned function is called; that one returns the largest sum.
func watchMemory(pid int) (peak func() int64) {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, resident(pid))
			select {
			case <-stop:
				result <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 { close(stop); return <-result }
}

// resident returns the bytes that a process and all below it hold, pages they
// share with each other counted once (PSS); 0 for a process that has ended.
func resident(pid int) int64 {
	var total int64
	base := filepath.Join("/proc", strconv.Itoa(pid))
	if rollup, err := os.ReadFile(filepath.Join(base, "smaps_rollup")); err == nil {
		for line := range strings.Lines(string(rollup)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
				kb, _ := strconv.ParseInt(fields[1], 10, 64)
				total += kb << 10
			}
		}
	}
	for _, child := range children(pid) {
		total += resident(child)
	}
	return total
}

// processorTime returns what a process and all below it have used of the
// processor, in the system's ticks of 10 ms.
func processorTime(pid int) time.Duration {
	const tick = 10 * time.Millisecond // sysconf(_SC_CLK_TCK) is 100 on all Linux
	var total time.Duration
	if stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat")); err == nil {
		// The name, in parentheses, may hold anything; fields 14 and 15 are ours.
		if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 12 {
			user, _ := strconv.ParseInt(fields[11], 10, 64)
			system, _ := strconv.ParseInt(fields[12], 10, 64)
			total += time.Duration(user+system) * tick
		}
	}
	for _, child := range children(pid) {
		total += processorTime(child)
	}
	return total
}

// children returns the processes that a process has started and that run.
func children(pid int) []int {
	var all []int
	tasks, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, child := range strings.Fields(string(text)) {
			if id, err := strconv.Atoi(child); err == nil {
				all = append(all, id)
			}
		}
	}
	return all
}
