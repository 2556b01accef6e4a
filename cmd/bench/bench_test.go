package main

import (
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
	for _, tool := range Tools("/swarm", "/scripts", "http://127.0.0.1:1/", 50, 5*time.Second, 0) {
		names = append(names, tool.Name)
		if line := strings.Join(tool.Args[1:], " "); !strings.Contains(line, "-u 50 -d 5s /scripts/") {
			t.Errorf("%s runs as %q", tool.Name, line)
		}
	}
	want := []string{"swarm minimal", "k6 minimal", "swarm checked", "k6 checked", "swarm realistic", "k6 realistic"}
	if !slices.Equal(names, want) {
		t.Errorf("tools %q, want %q", names, want)
	}
	paced := Tools("/swarm", "/scripts", "http://127.0.0.1:1/", 50, 5*time.Second, 2000)
	if last := paced[len(paced)-1]; last.Name != "k6 paced" || !slices.Contains(last.Args, "2000") {
		t.Errorf("with paced VUs the last tool is %q %q", last.Name, last.Args)
	}
}

// TestScripts checks that every script a tool is given is embedded.
func TestScripts(t *testing.T) {
	for _, tool := range Tools("/swarm", "scripts", "http://127.0.0.1:1/", 1, time.Second, 1) {
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
