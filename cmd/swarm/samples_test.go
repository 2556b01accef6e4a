package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swarmload/swarm/cmd/swarm/target"
	"github.com/swarmload/swarm/engine/summary"
)

// TestSamples runs every sample against a target of its own. Each must pass,
// and the requests it reports must be those the target counted, exactly.
func TestSamples(t *testing.T) {
	folder, err := filepath.Abs("../../samples")
	if err != nil {
		t.Fatal(err)
	}
	samples, err := filepath.Glob(filepath.Join(folder, "*.[jt]s"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, sample := range samples {
		t.Run(filepath.Base(sample), func(t *testing.T) {
			t.Parallel()
			runSample(t, sample)
		})
	}
}

func runSample(t *testing.T, sample string) {
	server := target.New(target.Options{Seed: 1})
	web := httptest.NewServer(server)
	defer web.Close()
	results := filepath.Join(t.TempDir(), "summary.json")
	var output bytes.Buffer
	c := exec.Command("swarm", "run", "-e", "TARGET="+web.URL, "--out", "json="+results, sample)
	c.Env = append(os.Environ(), "SWARM_RUNS="+t.TempDir())
	c.Stdout, c.Stderr = &output, &output
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &output)
	}
	if strings.Contains(output.String(), "error:") || strings.Contains(output.String(), "warn ") {
		t.Errorf("it complains:\n%s", &output)
	}
	s := readSummary(t, results)
	counts := server.Counts()
	if got := metricValue(s, "http_reqs", "count"); got != float64(counts.Total) || counts.Total == 0 {
		t.Errorf("swarm counts %g requests, the target %d: %v", got, counts.Total, counts.Routes)
	}
	var listed uint64
	for _, r := range s.Requests {
		listed += r.Count
	}
	if listed != counts.Total {
		t.Errorf("the table of requests has %d, the target %d", listed, counts.Total)
	}
}

func readSummary(t *testing.T, file string) summary.Summary {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s summary.Summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func metricValue(s summary.Summary, name, key string) float64 {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m.Values[key]
		}
	}
	return 0
}
