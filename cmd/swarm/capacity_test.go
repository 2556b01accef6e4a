package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// bottleneck answers so many requests a second and no more: each has to wait
// for those before it, as at a counter with one clerk. It turns those away that
// would have to wait for too long.
type bottleneck struct {
	rate float64

	mu   sync.Mutex
	free time.Time // when the clerk will be
}

func (b *bottleneck) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	now := time.Now()
	if b.free.Before(now) {
		b.free = now
	}
	wait := b.free.Sub(now)
	if wait > 2*time.Second {
		b.mu.Unlock()
		http.Error(w, "too busy", http.StatusServiceUnavailable)
		return
	}
	b.free = b.free.Add(time.Duration(float64(time.Second) / b.rate))
	b.mu.Unlock()
	time.Sleep(wait)
	w.Write([]byte("ok"))
}

// TestCapacityOfAKnownTarget lets a search find what is known: how many
// requests a second a target can answer.
func TestCapacityOfAKnownTarget(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	const rate, precision = 150, 0.1
	web := httptest.NewServer(&bottleneck{rate: rate})
	defer web.Close()
	dir := t.TempDir()
	script := filepath.Join(dir, "capacity.js")
	if err := os.WriteFile(script, []byte(`
import http from "swarm/http";
export const options = {
  scenarios: { find: {
    executor: "capacity", rate: 40, preAllocatedVUs: 50, maxVUs: 1000,
    step: "3s", settle: "1s", hold: "5s", precision: 0.1, maxDuration: "3m",
  } },
  thresholds: { http_req_response_time: ["p(95)<150"], http_req_failed: ["rate<0.01"] },
};
export default function () { http.get(__ENV.TARGET); }
`), 0o600); err != nil {
		t.Fatal(err)
	}
	results := filepath.Join(dir, "summary.json")
	var output bytes.Buffer
	c := exec.Command("swarm", "run", "-e", "TARGET="+web.URL, "--out", "json="+results, script)
	c.Env = append(os.Environ(), "SWARM_RUNS="+t.TempDir())
	c.Stdout, c.Stderr = &output, &output
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &output)
	}
	s := readSummary(t, results)
	if len(s.Capacity) != 1 {
		t.Fatalf("%+v", s.Capacity)
	}
	// A rate just above what the target can do takes longer than a step to
	// show, and a busy machine makes the target slower than it says.
	found := s.Capacity[0]
	if found.Rate < rate*(1-3*precision) || found.Rate > rate*(1+2*precision) || !found.Complete || len(found.Steps) < 5 {
		t.Errorf("found %d of %d\n%s", found.Rate, rate, &output)
	}
	if !s.Passed || !strings.Contains(output.String(), "find") {
		t.Errorf("passed %v\n%s", s.Passed, &output)
	}
	t.Logf("%d a second found of %d, broke at %d", found.Rate, rate, found.Broke)
}
