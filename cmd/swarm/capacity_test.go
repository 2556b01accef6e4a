package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/capacity"
	"github.com/swarmload/swarm/engine/threshold"
)

// turnstile turns requests away while more than most have come within a second.
// It goes by what comes, not by when it gets the processor.
type turnstile struct {
	most int

	mu   sync.Mutex
	came []time.Time // within the last second
}

func (u *turnstile) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	u.came = append(u.came, now)
	for now.Sub(u.came[0]) > time.Second {
		u.came = u.came[1:]
	}
	if len(u.came) > u.most {
		http.Error(w, "too many", http.StatusServiceUnavailable)
	}
}

// TestCapacityOfAKnownTarget lets a search find what is known: how many
// requests a second a target takes. The bounds are as wide as a machine with
// other things to do needs them; each step must be what its own numbers say.
func TestCapacityOfAKnownTarget(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	t.Parallel()
	const most, tooMany = 140, 160 // a second
	web := httptest.NewServer(&turnstile{most: most})
	defer web.Close()
	dir := t.TempDir()
	script := filepath.Join(dir, "capacity.js")
	if err := os.WriteFile(script, []byte(`
import http from "swarm/http";
export const options = {
  scenarios: { find: {
    executor: "capacity", rate: 80, preAllocatedVUs: 200, maxVUs: 200, maxIterationDelay: "10s",
    step: "1500ms", settle: "500ms", hold: "2s", precision: 0.5, maxDuration: "3m",
  } },
  thresholds: { http_req_failed: ["rate<0.01"] },
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
	found := s.Capacity[0]
	// To break at a quarter of what the target takes, the machine would have to
	// stand still for seconds.
	if found.Rate < most/4 || found.Rate >= tooMany || found.Broke <= found.Rate || found.Broke > tooMany || !found.Complete {
		t.Errorf("found %d, broke at %d, of %d\n%s", found.Rate, found.Broke, most, &output)
	}
	var held, broke []int64
	for _, step := range found.Steps {
		seconds, dropped := step.Span.Seconds(), float64(step.Dropped)
		begun := step.Achieved * seconds
		good := begun+1 >= 0.95*float64(step.Rate)*seconds && dropped <= 0.01*(begun+dropped) &&
			!slices.ContainsFunc(step.Verdicts, func(v threshold.Verdict) bool { return !v.OK })
		if good != step.Held || step.Held != (step.Why == "") || step.Held && step.Rate >= tooMany {
			t.Errorf("step %+v", step)
		}
		switch {
		case !step.Held:
			broke = append(broke, step.Rate)
		case step.Phase == capacity.Hold:
			held = append(held, step.Rate)
		}
	}
	if len(held) == 0 || slices.Max(held) != found.Rate || !slices.Contains(broke, found.Broke) {
		t.Errorf("found %d to %d; these were held %v, these not %v\n%s", found.Rate, found.Broke, held, broke, &output)
	}
	if !s.Passed || !strings.Contains(output.String(), "capacity of find") {
		t.Errorf("passed %v\n%s", s.Passed, &output)
	}
	t.Logf("%d a second found of %d, broke at %d", found.Rate, most, found.Broke)
}
