package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// The demo server prints where it is, answers, and when it is asked to end
// prints what it received.
func TestTargetCommand(t *testing.T) {
	c := exec.Command("swarm", "target", "--listen", "127.0.0.1:0", "--latency", "uniform:0ms-2ms")
	c.Stderr = os.Stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	lines := bufio.NewReader(stdout)
	url, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/items", "/items", "/items/7", "/count"} {
		r, err := http.Get(url[:len(url)-1] + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s: status %d", path, r.StatusCode)
		}
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	want := regexp.MustCompile(`(?s)^received\n  GET /items +2\n  GET /items/\{id\} +1\n  total +3\n$`)
	if !want.Match(rest) {
		t.Errorf("printed at the end:\n%s", rest)
	}
}
