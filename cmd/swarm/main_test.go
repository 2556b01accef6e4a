package main

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/swarmload/swarm/cmd/swarm/target"
	"github.com/swarmload/swarm/engine/summary"
)

var update = flag.Bool("update", false, "write what the scripts expect anew")

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "swarm" {
		// Tests that run where hang-ups are ignored, under nohup for one, would
		// hand that on to the binary.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	testscript.Main(m, map[string]func(){"swarm": main})
}

// patience bounds every wait for another process. It is never used up unless
// something hangs.
const patience = 30 * time.Second

// TestScripts runs the binary as users do. Each script has a target of its own
// at $TARGET, over TLS at $TARGET_TLS with a certificate for 127.0.0.1 and
// example.com that ca.pem vouches for, and an address that refuses connections
// at $REFUSED.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			server := target.New(target.Options{Seed: 1})
			web := httptest.NewServer(server)
			e.Defer(web.Close)
			secure := httptest.NewTLSServer(server)
			e.Defer(secure.Close)
			certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
			if err := os.WriteFile(filepath.Join(e.WorkDir, "ca.pem"), certificate, 0o600); err != nil {
				return err
			}
			closed, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			closed.Close()
			e.Values[targetKey{}] = server
			e.Setenv("TARGET", web.URL)
			e.Setenv("TARGET_TLS", secure.URL)
			e.Setenv("SWARM_RUNS", filepath.Join(e.WorkDir, ".runs"))
			e.Setenv("REFUSED", "http://"+closed.Addr().String())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"received":  received,
			"tallies":   tallies,
			"interrupt": interrupt,
			"behead":    behead,
			"simulate":  simulate,
		},
	})
}

type targetKey struct{}

func targetOf(ts *testscript.TestScript) *target.Server {
	return ts.Value(targetKey{}).(*target.Server)
}

// exits CODE command…: runs the command, which must exit with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command…")
	}
	mustExit(ts, args[0], ts.Exec(args[1], args[2:]...))
}

func mustExit(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}

// received METHOD ROUTE N: the target has counted N such requests. N may be
// "some"; METHOD ROUTE may be "total".
func received(ts *testscript.TestScript, neg bool, args []string) {
	counts := targetOf(ts).Counts()
	n := counts.Total
	switch {
	case neg || len(args) < 2:
		ts.Fatalf("usage: received method route n | received total n")
	case args[0] != "total":
		n = counts.Routes[args[0]+" "+args[1]]
	}
	want := args[len(args)-1]
	if want == "some" && n > 0 || strconv.FormatUint(n, 10) == want {
		return
	}
	ts.Fatalf("received %d, want %s; in all: %v", n, want, counts.Routes)
}

// tallies FILE: the summary in the file counts the requests that the target
// has counted.
func tallies(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tallies file")
	}
	var s summary.Summary
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &s))
	if got, want := metricValue(s, "http_reqs", "count"), targetOf(ts).Counts().Total; got != float64(want) || want == 0 {
		ts.Fatalf("swarm counts %g requests, the target %d", got, want)
	}
}

// interrupt SIGNAL N CODE command…: starts the command, waits until load
// arrives at the target, sends the signal N times, and waits for the exit.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: interrupt signal n code command…")
	}
	signal := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP}[args[0]]
	times, err := strconv.Atoi(args[1])
	ts.Check(err)
	meddle(ts, args[2], args[3:], func(c *exec.Cmd, stderr *transcript) {
		for n := range times {
			if n > 0 {
				stderr.await(ts, "stopping")
			}
			ts.Check(c.Process.Signal(signal))
		}
	})
}

// behead CODE command…: starts the command, waits until load arrives at the
// target, kills the runner, and waits for the exit.
func behead(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: behead code command…")
	}
	meddle(ts, args[0], args[1:], func(c *exec.Cmd, _ *transcript) {
		children := children(c.Process.Pid)
		if len(children) != 1 {
			ts.Fatalf("the command has children %v, want one runner", children)
		}
		runner, err := os.FindProcess(children[0])
		ts.Check(err)
		ts.Check(runner.Kill())
	})
}

// children lists the child processes of all threads of a process; none where
// there is no /proc.
func children(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// meddle starts a command and calls do once the target has received something.
func meddle(ts *testscript.TestScript, code string, args []string, do func(*exec.Cmd, *transcript)) {
	path, err := exec.LookPath(args[0])
	ts.Check(err)
	c := exec.Command(path, args[1:]...)
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "TARGET="+ts.Getenv("TARGET"), "SWARM_RUNS="+ts.Getenv("SWARM_RUNS"))
	c.Args[0] = args[0]
	var stderr transcript
	c.Stdout, c.Stderr = ts.Stdout(), &stderr
	before := targetOf(ts).Counts().Total
	ts.Check(c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	deadline := time.Now().Add(patience)
	for targetOf(ts).Counts().Total == before {
		if time.Now().After(deadline) {
			c.Process.Kill()
			<-ended
			ts.Fatalf("no load arrived: %s", stderr.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	do(c, &stderr)
	select {
	case err = <-ended:
	case <-time.After(patience):
		c.Process.Kill()
		<-ended
		ts.Fatalf("the command did not end: %s", stderr.String())
	}
	fmt.Fprint(ts.Stderr(), stderr.String())
	mustExit(ts, code, err)
}

// transcript is output that can be read while it is written.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func (t *transcript) await(ts *testscript.TestScript, what string) {
	for deadline := time.Now().Add(patience); !strings.Contains(t.String(), what); {
		if time.Now().After(deadline) {
			ts.Fatalf("%q was not printed: %s", what, t)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
