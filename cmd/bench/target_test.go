package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// startNginx starts a target for a test, which is skipped where there is none.
func startNginx(t *testing.T, s site) *Nginx {
	t.Helper()
	_, missing := exec.LookPath("nginx")
	if _, err := os.Stat("/usr/sbin/nginx"); missing != nil && err != nil || runtime.GOOS != "linux" {
		t.Skip("needs nginx")
	}
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o755) // best effort: a worker of another user must come by
	}
	target, err := StartNginx(t.Context(), dir, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Stop(); err != nil {
			t.Error(err)
		}
	})
	return target
}

// TestStrangers asks a target that wants HTTP/2 with HTTP/2, then with HTTP/1.1.
func TestStrangers(t *testing.T) {
	target := startNginx(t, site{protocol: "TLSv1.3 HTTP/2.0", listen: "ssl http2"})
	before, err := target.Requests()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(protocol string) {
		t.Helper()
		var p http.Protocols
		p.SetHTTP1(protocol == "HTTP/1.1")
		p.SetHTTP2(protocol == "HTTP/2.0")
		transport := &http.Transport{Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get(target.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || len(body) != 49 || answer.Proto != protocol {
			t.Fatalf("%s, %d bytes, %v", answer.Proto, len(body), err)
		}
	}
	ask("HTTP/2.0")
	if err := target.Strangers(); err != nil {
		t.Error(err)
	}
	ask("HTTP/1.1")
	ask("HTTP/1.1")
	if err := target.Strangers(); err == nil || err.Error() != "2 requests came with another protocol than TLSv1.3 HTTP/2.0, the first with TLSv1.3 HTTP/1.1" {
		t.Errorf("error %v", err)
	}
	if err := target.Strangers(); err != nil {
		t.Errorf("told again: %v", err)
	}
	after, err := target.Requests()
	if err != nil || after-before-1 != 3 {
		t.Errorf("%d requests were counted, %v", after-before-1, err)
	}
}

// TestTransfers moves bodies both ways and reads the target's account.
func TestTransfers(t *testing.T) {
	target := startNginx(t, site{locations: nginxFiles})
	files := filepath.Join(target.dir, "files")
	if err := writeFiles(files, 1, 3); err != nil {
		t.Fatal(err)
	}
	base := strings.TrimSuffix(target.URL, "items")
	answer, err := http.Get(base + "3")
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	if n != 3<<20 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	put, err := http.NewRequest(http.MethodPut, base+"up-1", bytes.NewReader(make([]byte, 2<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if answer, err = http.DefaultClient.Do(put); err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("status %d", answer.StatusCode)
	}
	var a account
	for begin := time.Now(); a.requests < 2 && time.Since(begin) < 5*time.Second; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(target.dir, "transfers.log"))
		if err != nil {
			t.Fatal(err)
		}
		if a, err = readTransfers(string(text)); err != nil {
			t.Fatal(err)
		}
	}
	const heads = 2 * 2000
	if a.requests != 2 || a.sent < 3<<20 || a.sent > 3<<20+heads || a.received < 2<<20 || a.received > 2<<20+heads {
		t.Errorf("account %+v", a)
	}
}

func TestReadTransfers(t *testing.T) {
	a, err := readTransfers("12.500 0.500 200 100 1000\n13.000 0.250 201 2000 200\n")
	if err != nil || a != (account{requests: 2, received: 2100, sent: 1200, seconds: 1}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, bad := range []string{"12.5 0.5 413 1 1\n", "12.5 0.5 200\n", "nonsense\n"} {
		if _, err := readTransfers(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// TestPeakResident lets memory go before it asks for the peak.
func TestPeakResident(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { child.Process.Kill(); child.Wait() }()
	alone, all := peakResident(child.Process.Pid), peakResident(os.Getpid())
	if alone <= 0 || all <= alone {
		t.Errorf("the child held %d bytes, the tree %d", alone, all)
	}
	if gone := peakResident(1 << 30); gone != 0 {
		t.Errorf("a process that is not there held %d bytes", gone)
	}
}

// TestClock asks three times for the time of the second request.
func TestClock(t *testing.T) {
	c, err := startClock(2)
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	var after [3]time.Time
	for i := range after {
		answer, err := http.Get(c.url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		after[i] = time.Now()
	}
	http.DefaultClient.CloseIdleConnections()
	if at := <-c.asked; at.Before(after[0]) || at.After(after[1]) {
		t.Errorf("the second request came at %v, not between %v and %v", at, after[0], after[1])
	}
	if len(c.asked) != 0 {
		t.Error("the third request was told too")
	}
}

// TestStartThatFails runs a program that never asks.
func TestStartThatFails(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.NumCPU() < 2 {
		t.Skip("needs taskset and two processors")
	}
	program := filepath.Join(t.TempDir(), "swarm")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho no such script\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := &bench{swarm: program, dir: t.TempDir()}
	_, err := b.untilRequest(context.Background(), "minimal.js", 1, 1)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such script") {
		t.Errorf("error %v", err)
	}
}
