package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// part measures swarm against one budget.
type part struct {
	name   string
	number string // in the list of budgets
	what   string
	budget string
	length time.Duration // of the load, unless -duration says otherwise; 0: as long as it takes
	run    func(ctx context.Context, b *bench, length time.Duration) (string, bool, error)
}

// parts returns what can be named on the command line.
func parts() []part {
	return []part{
		{"memory", "B4", "memory over time at full speed", "last minute within 5 % of the second minute", 10 * time.Minute, memory},
		{"rate", "B5", "constant arrival rate 40,000/s on one core, 1,000 VUs", "≤ 0.05 % dropped, rate error ≤ 0.1 %", 30 * time.Second, arrivalRate},
		{"highest", "B5", "highest arrival rate that holds on one core, 1,000 VUs", "beyond: 70,000/s", 10 * time.Second, highestRate},
		{"stall", "B8", "target stalls 1 s every 10 s, 50 VUs for 500/s", "corrected p99 within 5 % of the computed one", 30 * time.Second, stalling},
		{"crowd", "B12", "5,000 VUs with sleep(1) on one core", "mean latency ≤ 1 ms", 30 * time.Second, crowd},
		{"memory-per-vu", "B3", "10,000 VUs, realistic script, a connection and a request a second each", "≤ 36 KB a VU, all processes (beyond: 28)", 30 * time.Second, memoryPerVU},
		{"start", "B9", "from `swarm run` to the first request, and to that of 10,000 VUs", "≤ 120 ms, ≤ 2 s", 0, startTime},
		{"tls", "TLS", "GET over TLS 1.3, HTTP/1.1, keep-alive", "CPU per request ≤ 1.3 × bombardier", defaultLength, overTLS},
		{"http2", "H2", "GET over TLS 1.3, HTTP/2", "≥ 2 × k6's rate", defaultLength, overHTTP2},
		{"stream", "GB", "1 GB down and up, as one body and as 16 sent and read by 4 VUs", "peak memory ≤ 16 MB above that for 1 MB", 0, stream},
		{"idle", "B13", "10,000 sleeping VUs", "< 3 % of one core", 30 * time.Second, idle},
	}
}

// errUnjudged is the error of a part that lacks the tool its budget is stated
// against; there is a result nevertheless.
var errUnjudged = errors.New("not judged")

// bench is what parts share.
type bench struct {
	swarm       string // path of the binary
	dir         string // with the folder scripts
	target      *Nginx // answers every request with 49 bytes of JSON
	rounds      int
	connections int
	only        string // tools that are compared have this in their name
	out         io.Writer
}

// defaultLength is how long tools that are compared run at a time.
const defaultLength = 5 * time.Second

// job is what tools do that are compared on a target.
func (b *bench) job(target *Nginx, length time.Duration) job {
	return job{b.swarm, filepath.Join(b.dir, "scripts"), target.URL, b.connections, length}
}

// startTarget starts a target with a folder of its own.
func (b *bench) startTarget(ctx context.Context, name string, s site) (*Nginx, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	// A worker that runs as another user must be able to come by.
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return nil, err
	}
	return StartNginx(ctx, dir, s)
}

// runParts measures the named parts one after the other and prints the budget
// beside each result. A budget that is missed is an error at the end.
func (b *bench) runParts(ctx context.Context, parts []part, names []string, duration time.Duration) error {
	var missed []string
	for _, name := range names {
		i := slices.IndexFunc(parts, func(p part) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("no part is named %q: there are %s", name, partNames(parts))
		}
		p := parts[i]
		length, what := p.length, p.what
		if length > 0 {
			if duration > 0 {
				length = duration
			}
			what += ", " + length.String()
		}
		fmt.Fprintf(b.out, "%-4s %s\n     budget    %s\n", p.number, what, p.budget)
		result, ok, err := p.run(ctx, b, length)
		verdict := "held"
		switch {
		case errors.Is(err, errUnjudged):
			verdict = "not judged"
		case err != nil:
			return fmt.Errorf("%s: %w", p.name, err)
		case !ok:
			verdict = "MISSED"
			missed = append(missed, p.number)
		}
		fmt.Fprintf(b.out, "     measured  %s\n     %s\n", result, verdict)
	}
	if len(missed) > 0 {
		return fmt.Errorf("missed: %s", strings.Join(missed, ", "))
	}
	return nil
}

func partNames(parts []part) string {
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// summary is what parts read of the summary that swarm writes.
type summary struct {
	Iterations float64 `json:"iterations"`
	Dropped    float64 `json:"dropped"`
	Metrics    []struct {
		Name   string             `json:"name"`
		Values map[string]float64 `json:"values"`
	} `json:"metrics"`
	Requests []struct {
		Count float64 `json:"count"`
	} `json:"requests"`
	Generator struct {
		CPU    float64 `json:"cpu"`
		CPUMax float64 `json:"cpuMax"`
		Memory float64 `json:"memory"`
	} `json:"generator"`
}

// value returns a value of a metric, such as "p(99)".
func (s *summary) value(metric, value string) (float64, error) {
	for _, m := range s.Metrics {
		if v, ok := m.Values[value]; ok && m.Name == metric {
			return v, nil
		}
	}
	return 0, fmt.Errorf("swarm's summary has no %s of %s", value, metric)
}

// count returns how many requests there were.
func (s *summary) count() float64 {
	v, _ := s.value("http_reqs", "count")
	return v
}

// load is a run of swarm on processor 1.
type load struct {
	cmd    *exec.Cmd
	output strings.Builder
	file   string
}

// start starts a run of a script with environment variables for it.
func (b *bench) start(ctx context.Context, script string, env ...string) (*load, error) {
	var flags []string
	for _, e := range env {
		flags = append(flags, "-e", e)
	}
	return b.startWith(ctx, script, flags...)
}

// startWith starts a run of a script with flags.
func (b *bench) startWith(ctx context.Context, script string, flags ...string) (*load, error) {
	l := &load{file: filepath.Join(b.dir, "summary.json")}
	args := append([]string{"-c", "1", b.swarm, "run", "--quiet", "--no-save", "--out", "json=" + l.file}, flags...)
	l.cmd = exec.CommandContext(ctx, "taskset", append(args, filepath.Join(b.dir, "scripts", script))...)
	l.cmd.Stdout, l.cmd.Stderr = &l.output, &l.output
	return l, l.cmd.Start()
}

// wait waits for the end of the run and reads its summary.
func (l *load) wait() (*summary, error) {
	if err := l.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, l.output.String())
	}
	text, err := os.ReadFile(l.file)
	if err != nil {
		return nil, err
	}
	s := new(summary)
	return s, json.Unmarshal(text, s)
}

// load runs a script to its end.
func (b *bench) load(ctx context.Context, script string, env ...string) (*summary, error) {
	l, err := b.start(ctx, script, env...)
	if err != nil {
		return nil, err
	}
	return l.wait()
}

// atRate runs 1,000 VUs at a rate and returns the summary and which share of
// what was planned the target has seen.
func (b *bench) atRate(ctx context.Context, rate int, length time.Duration) (s *summary, seen float64, err error) {
	before, err := b.target.Requests()
	if err != nil {
		return nil, 0, err
	}
	s, err = b.load(ctx, "rate.js", "TARGET="+b.target.URL, "RATE="+strconv.Itoa(rate), "DURATION="+length.String(), "VUS=1000")
	if err != nil {
		return nil, 0, err
	}
	after, err := b.target.Requests()
	if err != nil {
		return nil, 0, err
	}
	return s, float64(after-before-1) / (float64(rate) * length.Seconds()), nil
}

func arrivalRate(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	s, seen, err := b.atRate(ctx, 40_000, length)
	if err != nil {
		return "", false, err
	}
	median, err := s.value("iteration_delay", "med")
	if err != nil {
		return "", false, err
	}
	late, err := s.value("iteration_delay", "p(99)")
	if err != nil {
		return "", false, err
	}
	planned := 40_000 * length.Seconds()
	dropped, wrong := s.Dropped/planned, math.Abs(seen-1)
	return fmt.Sprintf("%.0f of %.0f begun, %.3f %% dropped, rate error %.3f %%, delay p50 %.3f ms, p99 %.2f ms, processor %.0f %%",
		s.Iterations, planned, 100*dropped, 100*wrong, median, late, 100*s.Generator.CPU), dropped <= 0.0005 && wrong <= 0.001, nil
}

func highestRate(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	held, last := 0, ""
	for rate := 40_000; ; rate += 10_000 {
		s, seen, err := b.atRate(ctx, rate, length)
		if err != nil {
			return "", false, err
		}
		planned := float64(rate) * length.Seconds()
		last = fmt.Sprintf("at %d/s %.3f %% were dropped, the rate was %.3f %% off", rate, 100*s.Dropped/planned, 100*math.Abs(seen-1))
		if s.Dropped/planned > 0.0005 || math.Abs(seen-1) > 0.001 {
			return fmt.Sprintf("%d/s; %s", held, last), held >= 70_000, nil
		}
		held = rate
	}
}

// stalling compares with what follows from the stalls: each second of a tenth
// of the time holds up those who arrive in it for what is left of it.
func stalling(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	const every, stall = 10 * time.Second, time.Second
	if length%every != 0 {
		return "", false, fmt.Errorf("the length must be a multiple of %s", every)
	}
	target, err := startStalling(every, stall)
	if err != nil {
		return "", false, err
	}
	defer target.stop()
	s, err := b.load(ctx, "stall.js", "TARGET="+target.url, "DURATION="+length.String())
	if err != nil {
		return "", false, err
	}
	// One in ten waits, evenly from 0 to 1 s: one in a hundred longer than 0.9 s.
	computed := 1000 * (stall - every/100).Seconds()
	corrected, err := s.value("http_req_response_time", "p(99)")
	if err != nil {
		return "", false, err
	}
	plain, err := s.value("http_req_duration", "p(99)")
	if err != nil {
		return "", false, err
	}
	if s.Dropped > 0 {
		return "", false, fmt.Errorf("%.0f iterations were dropped", s.Dropped)
	}
	off := corrected/computed - 1
	return fmt.Sprintf("p99 %.0f ms from the intended start, %+.1f %% of the computed %.0f ms; %.1f ms from the actual one",
		corrected, 100*off, computed, plain), math.Abs(off) <= 0.05, nil
}

func crowd(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	s, err := b.load(ctx, "crowd.js", "TARGET="+b.target.URL, "VUS=5000", "DURATION="+length.String())
	if err != nil {
		return "", false, err
	}
	mean, err := s.value("http_req_duration", "avg")
	if err != nil {
		return "", false, err
	}
	late, err := s.value("http_req_duration", "p(99)")
	if err != nil {
		return "", false, err
	}
	return fmt.Sprintf("mean %.2f ms, p99 %.1f ms, %.0f iterations, processor %.0f %%", mean, late, s.Iterations, 100*s.Generator.CPU), mean <= 1, nil
}

// idle takes the processor's time from the system, from when all VUs have been
// asleep for a while until shortly before they wake.
func idle(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	const settle = 15 * time.Second
	asleep := settle + length + 5*time.Second
	l, err := b.start(ctx, "idle.js", "VUS=10000", "SLEEP="+strconv.FormatFloat(asleep.Seconds(), 'f', -1, 64))
	if err != nil {
		return "", false, err
	}
	share, err := func() (float64, error) {
		if err := sleep(ctx, settle); err != nil {
			return 0, err
		}
		before, begin := processorTime(l.cmd.Process.Pid), time.Now()
		if err := sleep(ctx, length); err != nil {
			return 0, err
		}
		return (processorTime(l.cmd.Process.Pid) - before).Seconds() / time.Since(begin).Seconds(), nil
	}()
	memory := float64(resident(l.cmd.Process.Pid)) / (1 << 20)
	s, waited := l.wait()
	if err = errors.Join(err, waited); err != nil {
		return "", false, err
	}
	if s.Iterations != 10_000 {
		return "", false, fmt.Errorf("%.0f VUs slept through it, not 10,000", s.Iterations)
	}
	return fmt.Sprintf("%.2f %% of one core, %.0f MB", 100*share, memory), share < 0.03, nil
}

// memory compares the second minute with the last; of a shorter load the same
// parts of it.
func memory(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	l, err := b.start(ctx, "full.js", "TARGET="+b.target.URL, "VUS=50", "DURATION="+length.String())
	if err != nil {
		return "", false, err
	}
	var mb []float64
	for begin := time.Now(); time.Since(begin) < length && err == nil; {
		mb = append(mb, float64(resident(l.cmd.Process.Pid))/(1<<20))
		err = sleep(ctx, time.Second)
	}
	s, waited := l.wait()
	if err = errors.Join(err, waited); err != nil {
		return "", false, err
	}
	second, last, err := secondAndLast(mb)
	if err != nil {
		return "", false, err
	}
	grown := last/second - 1
	return fmt.Sprintf("%.1f MB, then %.1f MB, %+.1f %%, after %.2f million requests", second, last, 100*grown, s.Iterations/1e6), math.Abs(grown) <= 0.05, nil
}

// memoryPerVU takes what all processes hold at the most.
func memoryPerVU(ctx context.Context, b *bench, length time.Duration) (string, bool, error) {
	const vus = 10_000
	l, err := b.startWith(ctx, "paced-realistic.js", "-e", "TARGET="+b.target.URL, "-u", strconv.Itoa(vus), "-d", length.String())
	if err != nil {
		return "", false, err
	}
	peak := watchMemory(l.cmd.Process.Pid)
	s, err := l.wait()
	kb := float64(peak()) / 1024 / vus
	if err != nil {
		return "", false, err
	}
	if least := vus * length.Seconds() / 2; s.count() < least {
		return "", false, fmt.Errorf("%.0f requests in %s: the VUs did not keep up", s.count(), length)
	}
	return fmt.Sprintf("%.1f KB a VU, %.0f requests, processor %.0f %%", kb, s.count(), 100*s.Generator.CPU), kb <= 36, nil
}

// secondAndLast returns the means of the second and of the last tenth.
func secondAndLast(values []float64) (second, last float64, err error) {
	n := len(values) / 10
	if n == 0 {
		return 0, 0, errors.New("the load was too short: 10 s are needed at least")
	}
	return mean(values[n : 2*n]), mean(values[len(values)-n:]), nil
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
