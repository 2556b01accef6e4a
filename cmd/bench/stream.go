package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// transfer is a run that moves a number of bodies of one size.
type transfer struct {
	script   string
	vus      int
	requests int
	mb       int // of each body
}

// Bodies are read and written by nginx from and to files; the log tells how
// much of them crossed the network, and when.
const nginxFiles = `
    root %[1]s/files;
    location / {
      client_max_body_size 0;
      dav_methods PUT;
      access_log %[1]s/transfers.log transfer;
    }
`

// stream compares the memory that 1 GB takes with that of 1 MB, both ways.
func stream(ctx context.Context, b *bench, _ time.Duration) (result string, ok bool, err error) {
	const flat = 16 << 20
	target, err := b.startTarget(ctx, "files", site{locations: nginxFiles})
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, target.Stop()) }()
	files := filepath.Join(target.dir, "files")
	if err := writeFiles(files, 1, 64, 1024); err != nil {
		return "", false, err
	}
	var words []string
	ok = true
	for _, script := range []string{"download.js", "upload.js"} {
		least := int64(0)
		for _, t := range []transfer{{script, 1, 1, 1}, {script, 1, 1, 1024}, {script, 4, 16, 64}} {
			moved, err := b.move(ctx, target, t)
			if err != nil {
				return "", false, fmt.Errorf("%s, %d × %d MB: %w", script, t.requests, t.mb, err)
			}
			if t.mb == 1 {
				least = moved.peak
				words = append(words, fmt.Sprintf("%s 1 MB: peak %d MB", strings.TrimSuffix(script, ".js"), least>>20))
				continue
			}
			more := moved.peak - least
			ok = ok && more <= flat
			words = append(words, fmt.Sprintf("%d × %d MB by %d: %+.1f MB, %.0f MB/s, %.2f ms CPU/MB",
				t.requests, t.mb, t.vus, float64(more)/(1<<20), moved.rate, moved.cpu))
		}
	}
	return strings.Join(words, "; "), ok, nil
}

// writeFiles makes a file of each size in megabytes and reads it once, so that
// the kernel has it at hand.
func writeFiles(dir string, sizes ...int) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o777); err != nil { // the worker writes here too
		return err
	}
	for _, mb := range sizes {
		name := filepath.Join(dir, strconv.Itoa(mb))
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			return err
		}
		if err := os.Truncate(name, int64(mb)<<20); err != nil {
			return err
		}
		if err := readThrough(name); err != nil {
			return err
		}
	}
	return nil
}

func readThrough(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()

	_, err = io.Copy(io.Discard, file)
	return err
}

// moved is what came of a transfer.
type moved struct {
	peak int64   // bytes, see peakResident
	rate float64 // MB/s from the first byte to the last
	cpu  float64 // milliseconds per MB
}

// move runs a transfer and holds it against the target's account.
func (b *bench) move(ctx context.Context, target *Nginx, t transfer) (moved, error) {
	log := filepath.Join(target.dir, "transfers.log")
	if err := os.Truncate(log, 0); err != nil {
		return moved{}, err
	}
	var output writer
	cmd := exec.CommandContext(ctx, "taskset", "-c", "1", b.swarm, "run", "--quiet", "--no-save",
		"-e", "TARGET="+strings.TrimSuffix(target.URL, "items"), "-e", "MB="+strconv.Itoa(t.mb),
		"-u", strconv.Itoa(t.vus), "-i", strconv.Itoa(t.requests), filepath.Join(b.dir, "scripts", t.script))
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return moved{}, err
	}
	var peak int64
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for err := error(nil); ; {
		select {
		case err = <-ended:
			if err != nil {
				return moved{}, fmt.Errorf("%w\n%s", err, output.text())
			}
			text, err := os.ReadFile(log)
			if err != nil {
				return moved{}, err
			}
			account, err := readTransfers(string(text))
			if err != nil {
				return moved{}, err
			}
			want := int64(t.requests) * int64(t.mb) << 20
			got := account.sent
			if t.script == "upload.js" {
				got = account.received
			}
			// Headers come on top.
			if account.requests != t.requests || got < want || got > want+int64(t.requests)*2000 {
				return moved{}, fmt.Errorf("the target counted %d requests and %d bytes, not %d and %d\n%s", account.requests, got, t.requests, want, output.text())
			}
			total := float64(t.requests * t.mb)
			cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			return moved{peak, total / account.seconds, float64(cpu.Microseconds()) / 1000 / total}, nil
		case <-time.After(10 * time.Millisecond):
			peak = max(peak, peakResident(cmd.Process.Pid))
		}
	}
}

// account is what nginx's log says of all transfers.
type account struct {
	requests       int
	received, sent int64   // bytes, headers included
	seconds        float64 // from the beginning of the first to the end of the last
}

// readTransfers reads a log of the format transfer. An answer that is no
// success is an error.
func readTransfers(log string) (a account, err error) {
	var begin, end float64
	for line := range strings.Lines(log) {
		var at, took float64
		var status int
		var received, sent int64
		if _, err := fmt.Sscan(line, &at, &took, &status, &received, &sent); err != nil {
			return a, fmt.Errorf("nginx's log: %q: %w", line, err)
		}
		if status < 200 || status > 299 {
			return a, fmt.Errorf("nginx answered with status %d", status)
		}
		if a.requests == 0 || at-took < begin {
			begin = at - took
		}
		end = max(end, at)
		a.requests++
		a.received += received
		a.sent += sent
	}
	a.seconds = max(end-begin, 0.001) // the log's unit
	return a, nil
}

// peakResident returns the most bytes that each of a process and those below it
// has held so far (VmHWM), summed up. The kernel keeps it, so no peak is missed
// between two looks.
func peakResident(pid int) int64 {
	var total int64
	if status, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status")); err == nil {
		for lines := bufio.NewScanner(status); lines.Scan(); {
			if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
				total += kb << 10
			}
		}
		status.Close()
	}
	for _, child := range children(pid) {
		total += peakResident(child)
	}
	return total
}
