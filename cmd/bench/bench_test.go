package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTools checks that only what is on PATH is measured, and that all run the
// same scripts in the same way.
func TestTools(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "k6"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	var names []string
	all := job{"/swarm", "/scripts", "http://127.0.0.1:1/", 50, 5 * time.Second}
	for _, tool := range all.Tools(0) {
		names = append(names, tool.Name)
		if line := strings.Join(tool.Args[1:], " "); !strings.Contains(line, "-u 50 -d 5s /scripts/") {
			t.Errorf("%s runs as %q", tool.Name, line)
		}
	}
	want := []string{"swarm minimal", "k6 minimal", "swarm checked", "k6 checked", "swarm realistic", "k6 realistic"}
	if !slices.Equal(names, want) {
		t.Errorf("tools %q, want %q", names, want)
	}
	paced := all.Tools(2000)
	if last := paced[len(paced)-1]; last.Name != "k6 paced" || !slices.Contains(last.Args, "2000") {
		t.Errorf("with paced VUs the last tool is %q %q", last.Name, last.Args)
	}
}

// TestScripts checks that every script a tool is given is embedded.
func TestScripts(t *testing.T) {
	all := job{"/swarm", "scripts", "http://127.0.0.1:1/", 1, time.Second}
	for _, tool := range slices.Concat(all.Tools(1), all.TLSTools(), all.HTTP2Tools()) {
		file := tool.Args[len(tool.Args)-1]
		if !strings.HasSuffix(file, ".js") {
			continue // wrk and the like
		}
		if text, err := scripts.ReadFile(file); err != nil || len(text) == 0 {
			t.Errorf("%s: %s: %v", tool.Name, file, err)
		}
	}
}

// TestWatchMemory holds the memory of a process tree against what a child of it
// must at least take.
func TestWatchMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	alone := resident(child.Process.Pid)
	all := watchMemory(os.Getpid())()
	if alone <= 0 || all <= alone {
		t.Errorf("the child holds %d bytes, the tree %d", alone, all)
	}
	if gone := resident(1 << 30); gone != 0 {
		t.Errorf("a process that is not there holds %d bytes", gone)
	}
}

// TestMeasurement checks the arithmetic of the table.
func TestMeasurement(t *testing.T) {
	m := Measurement{Requests: 1000, Wall: 2 * time.Second, CPU: 10 * time.Millisecond, Peak: 3 << 20}
	if m.Rate() != 500 || m.CPUPerRequest() != 10 || m.PeakMB() != 3 {
		t.Errorf("%v requests/s, %v µs, %v MB", m.Rate(), m.CPUPerRequest(), m.PeakMB())
	}
}

func TestRatios(t *testing.T) {
	rates := func(requests ...uint64) (all []Measurement) {
		for _, n := range requests {
			all = append(all, Measurement{Requests: n, Wall: time.Second})
		}
		return all
	}
	got := Ratios(rates(30, 80, 10, 7), rates(10, 10, 10), Measurement.Rate)
	if !slices.Equal(got, []float64{1, 3, 8}) {
		t.Errorf("ratios %v, want 1, 3, 8", got)
	}
	if got := Ratios(rates(1), rates(0), Measurement.Rate); len(got) != 0 {
		t.Errorf("ratios to nothing: %v", got)
	}
}

// TestPartScripts checks that each part's script is embedded and each part has
// what is printed.
func TestPartScripts(t *testing.T) {
	for _, file := range []string{
		"rate.js", "stall.js", "crowd.js", "idle.js", "full.js", "paced-realistic.js", "minimal.js", "realistic.js", "download.js", "upload.js",
	} {
		if text, err := scripts.ReadFile("scripts/" + file); err != nil || len(text) == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	seen := make(map[string]bool)
	for _, p := range parts() {
		if seen[p.name] || p.number == "" || p.what == "" || p.budget == "" || p.length < 0 || p.run == nil {
			t.Errorf("part %+v is not complete or double", p.name)
		}
		seen[p.name] = true
	}
}

// TestRunParts runs parts that need no load and reads what is printed.
func TestRunParts(t *testing.T) {
	var asked []time.Duration
	result := func(ok bool) func(context.Context, *bench, time.Duration) (string, bool, error) {
		return func(_ context.Context, _ *bench, length time.Duration) (string, bool, error) {
			asked = append(asked, length)
			return "7 apples", ok, nil
		}
	}
	parts := []part{
		{"good", "B1", "apples", "≥ 5 apples", time.Minute, result(true)},
		{"bad", "B2", "more apples", "≥ 10 apples", time.Hour, result(false)},
		{"short", "B3", "an apple", "≥ 1 apple", 0, result(true)},
		{"alone", "B4", "apples and pears", "≥ 2 × the pears", 0, func(context.Context, *bench, time.Duration) (string, bool, error) {
			return "no pears", false, errUnjudged
		}},
	}
	var out strings.Builder
	b := &bench{out: &out}
	if err := b.runParts(t.Context(), parts, []string{"good"}, 0); err != nil {
		t.Error(err)
	}
	if err := b.runParts(t.Context(), parts, []string{"bad", "good"}, time.Second); err == nil || err.Error() != "missed: B2" {
		t.Errorf("error %v", err)
	}
	if err := b.runParts(t.Context(), parts, []string{"short", "alone"}, time.Second); err != nil {
		t.Error(err)
	}
	if err := b.runParts(t.Context(), parts, []string{"ugly"}, 0); err == nil || !strings.Contains(err.Error(), "there are good, bad") {
		t.Errorf("error %v", err)
	}
	if want := []time.Duration{time.Minute, time.Second, time.Second, 0}; !slices.Equal(asked, want) {
		t.Errorf("lengths %v, want %v", asked, want)
	}
	want := "B2   more apples, 1s\n     budget    ≥ 10 apples\n     measured  7 apples\n     MISSED\n"
	if !strings.Contains(out.String(), want) || !strings.Contains(out.String(), "B3   an apple\n") || !strings.Contains(out.String(), "no pears\n     not judged\n") {
		t.Errorf("printed %s", out.String())
	}
}

func TestUntilServed(t *testing.T) {
	const every, stall = 10 * time.Second, time.Second
	for _, c := range []struct{ at, want time.Duration }{
		{0, 0},
		{8999 * time.Millisecond, 0},
		{9 * time.Second, time.Second},
		{9750 * time.Millisecond, 250 * time.Millisecond},
		{10 * time.Second, 0},
		{19900 * time.Millisecond, 100 * time.Millisecond},
	} {
		if got := untilServed(c.at, every, stall); got != c.want {
			t.Errorf("at %v one waits %v, want %v", c.at, got, c.want)
		}
	}
}

// TestStallingTarget asks a target that stalls half of the time.
func TestStallingTarget(t *testing.T) {
	const every, stall = 200 * time.Millisecond, 100 * time.Millisecond
	target, err := startStalling(every, stall)
	if err != nil {
		t.Fatal(err)
	}
	defer target.stop()
	begin := time.Now()
	for range 4 { // one after the other: at least one of them in a stall
		time.Sleep(60 * time.Millisecond)
		answer, err := http.Get(target.url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("status %d", answer.StatusCode)
		}
	}
	if took := time.Since(begin); took < every {
		t.Errorf("4 requests and pauses took %v", took)
	}
}

func TestSecondAndLast(t *testing.T) {
	var values []float64
	for i := range 100 {
		values = append(values, float64(i))
	}
	if second, last, err := secondAndLast(values); second != 14.5 || last != 94.5 || err != nil {
		t.Errorf("%v, %v, %v", second, last, err)
	}
	if _, _, err := secondAndLast(values[:9]); err == nil {
		t.Error("nine values have no tenths")
	}
}

// TestSummaryValue reads what swarm writes.
func TestSummaryValue(t *testing.T) {
	var s summary
	text := `{"iterations":7,"dropped":2,"metrics":[{"name":"a","values":{"avg":3}}],"generator":{"cpu":0.5}}`
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	if v, err := s.value("a", "avg"); v != 3 || err != nil || s.Iterations != 7 || s.Dropped != 2 || s.Generator.CPU != 0.5 {
		t.Errorf("%v, %v, %+v", v, err, s)
	}
	if _, err := s.value("a", "p(99)"); err == nil {
		t.Error("there is no p(99)")
	}
}

// TestProcessorTime holds the time of this process, which has worked, against
// the system's own account.
func TestProcessorTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	begin := time.Now()
	for n := 0; time.Since(begin) < 60*time.Millisecond; n++ {
		_ = n * n
	}
	if got := processorTime(os.Getpid()); got < 20*time.Millisecond || got > time.Hour {
		t.Errorf("this process has used %v", got)
	}
	if got := processorTime(1 << 30); got != 0 {
		t.Errorf("a process that is not there has used %v", got)
	}
}
