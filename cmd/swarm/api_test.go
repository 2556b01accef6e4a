package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/cmd/swarm/target"
)

// served is the binary with its API, as a program has it.
type served struct {
	t       *testing.T
	server  *target.Server
	command *exec.Cmd
	stderr  transcript
	stdout  transcript
	ended   chan error
	url     string
	token   string
}

const forPrograms = `
import http from "k6/http";
import { sleep } from "k6";
export const options = {
  thresholds: { http_req_failed: ["rate<0.5"] },
  scenarios: {
    browse: { executor: "externally-controlled", vus: 4, maxVUs: 20 },
    once: { executor: "shared-iterations", vus: 1, iterations: 1, exec: "once" },
  },
};
export default function () { http.get(__ENV.TARGET + "/items"); sleep(Number(__ENV.PAUSE || "0.02")); }
export function once() {}
export function teardown() { http.get(__ENV.TARGET + "/health"); }
`

func serveRun(t *testing.T, environ []string, flags ...string) *served {
	t.Helper()
	s := &served{t: t, server: target.New(target.Options{Seed: 1}), ended: make(chan error, 1)}
	web := httptest.NewServer(s.server)
	t.Cleanup(web.Close)
	file := filepath.Join(t.TempDir(), "s.js")
	if err := os.WriteFile(file, []byte(forPrograms), 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("swarm")
	if err != nil {
		t.Fatal(err)
	}
	s.command = exec.Command(path, append([]string{"run", "--no-save", "-e", "TARGET=" + web.URL, "--address", "127.0.0.1:0", file}, flags...)...)
	s.command.Args[0] = "swarm"
	s.command.Env = append(os.Environ(), environ...)
	s.command.Stdout, s.command.Stderr = &s.stdout, &s.stderr
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- s.command.Wait() }()
	t.Cleanup(func() {
		s.command.Process.Kill()
		http.DefaultClient.CloseIdleConnections()
	})
	announced := regexp.MustCompile(`api    (http://127\.0\.0\.1:\d+)/v1/status\n(.*)\n`)
	s.until("the API to be announced", func() bool {
		found := announced.FindStringSubmatch(s.stderr.String())
		if found == nil {
			return false
		}
		s.url = found[1]
		s.token = strings.TrimPrefix(strings.TrimSpace(found[2]), "Authorization: Bearer ")
		return true
	})
	return s
}

func (s *served) until(what string, done func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s: %s", what, s.stderr.String())
		}
	}
}

func (s *served) call(method, path, body string) (status int, answer string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (s *served) must(method, path, body string) string {
	s.t.Helper()
	status, answer := s.call(method, path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// shows waits until the status says so.
func (s *served) shows(what string) {
	s.t.Helper()
	s.until(what, func() bool { return strings.Contains(s.must("GET", "/v1/status", ""), what) })
}

func (s *served) exits(code int) {
	s.t.Helper()
	var err error
	select {
	case err = <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("it does not end: %s", s.stderr.String())
	}
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != code {
		s.t.Errorf("exit code %d, want %d: %s%s", got, code, s.stdout.String(), s.stderr.String())
	}
}

func (s *served) received(while time.Duration) uint64 {
	before := s.server.Counts().Total
	time.Sleep(while)
	return s.server.Counts().Total - before
}

// TestAPISteersARun: what the API says it does happens at the target.
func TestAPISteersARun(t *testing.T) {
	t.Parallel()
	s := serveRun(t, nil)
	s.shows(`"vusPlanned": 4`)
	s.must("POST", "/v1/pause", "")
	s.shows(`"paused": true`)
	if n := s.received(time.Second); n != 0 {
		t.Errorf("%d requests while paused", n)
	}
	s.must("POST", "/v1/resume", "")
	s.until("load", func() bool { return s.received(50*time.Millisecond) > 0 })

	s.must("POST", "/v1/scale", `{"scenario":"browse","vus":9}`)
	s.shows(`"vus": 9`)
	s.must("PATCH", "/v1/status", `{"data":{"type":"status","id":"default","attributes":{"vus":3}}}`)
	s.shows(`"vus": 3`)
	if status, answer := s.call("POST", "/v1/scale", `{"scenario":"browse","vus":21}`); status != http.StatusConflict || !strings.Contains(answer, "at most 20") {
		t.Errorf("beyond maxVUs: %d %s", status, answer)
	}
	if status, answer := s.call("POST", "/v1/scale", `{"scenario":"once","vus":2}`); status != http.StatusConflict || !strings.Contains(answer, "fixed number of iterations") {
		t.Errorf("a fixed number of iterations: %d %s", status, answer)
	}

	var metrics struct {
		Data []struct {
			ID         string
			Attributes struct{ Sample map[string]float64 }
		}
	}
	if err := json.Unmarshal([]byte(s.must("GET", "/v1/metrics", "")), &metrics); err != nil {
		t.Fatal(err)
	}
	requests := 0.0
	for _, m := range metrics.Data {
		if m.ID == "http_reqs" {
			requests = m.Attributes.Sample["count"]
		}
	}
	if total := s.server.Counts().Total; requests == 0 || requests > float64(total) {
		t.Errorf("the API counts %g requests, the target %d", requests, total)
	}
	if answer := s.must("GET", "/v1/thresholds", ""); !strings.Contains(answer, `"http_req_failed"`) {
		t.Errorf("thresholds: %s", answer)
	}

	s.must("POST", "/v1/stop", "")
	s.exits(exitAPI)
	if out := s.stdout.String(); !strings.Contains(out, "stopped on request") {
		t.Errorf("the summary does not say who stopped it: %s", out)
	}
	if s.server.Counts().Routes["GET /health"] != 1 {
		t.Error("teardown did not run")
	}
	if _, err := http.Get(s.url + "/v1/status"); err == nil {
		t.Error("the API outlives the run")
	}
}

func TestAPIStopsByPatch(t *testing.T) {
	t.Parallel()
	s := serveRun(t, nil)
	s.shows(`"phase": "load"`)
	s.must("PATCH", "/v1/status", `{"data":{"attributes":{"stopped":true}}}`)
	s.exits(exitAPI)
}

// TestTokenFile: the token is in the file and nowhere else, for the owner
// alone, as long as the run lasts.
func TestTokenFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "token")
	s := serveRun(t, nil, "--address-token-file", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	s.token = strings.TrimSpace(string(text))
	if len(s.token) != 64 || strings.Contains(s.stderr.String(), s.token) {
		t.Errorf("token %q, printed %q", s.token, s.stderr.String())
	}
	s.must("POST", "/v1/stop", "")
	s.exits(exitAPI)
	if _, err := os.Stat(file); err == nil {
		t.Error("the file outlives the run")
	}
}

func TestTokenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	const mine = "a-token-of-my-own-0123456789abcdef"
	s := serveRun(t, []string{"SWARM_API_TOKEN=" + mine})
	if strings.Contains(s.stderr.String(), mine) {
		t.Error("a token that somebody chose is printed")
	}
	s.token = "another"
	if status, _ := s.call("GET", "/v1/status", ""); status != http.StatusUnauthorized {
		t.Errorf("another token: %d", status)
	}
	s.token = mine
	s.must("POST", "/v1/stop", "")
	s.exits(exitAPI)
	if !strings.Contains(s.stderr.String(), "without the right token") {
		t.Errorf("a wrong token is not told: %s", s.stderr.String())
	}
}

// TestSignalAfterAPIStop: who was asked gently over the API ends at once at the
// first signal.
func TestSignalAfterAPIStop(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	t.Parallel()
	s := serveRun(t, nil, "-e", "PAUSE=1000")
	s.until("load", func() bool { return s.server.Counts().Total > 0 })
	s.must("POST", "/v1/stop", "")
	s.shows(`"stopping": true`)
	s.command.Process.Signal(os.Interrupt)
	s.exits(exitSignal)
	if out := s.stdout.String(); !strings.Contains(out, "stopped at once") {
		t.Errorf("summary: %s", out)
	}
}
