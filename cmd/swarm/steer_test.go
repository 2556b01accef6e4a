//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/swarmload/swarm/cmd/swarm/target"
	"github.com/swarmload/swarm/engine/result"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// session is the binary on a terminal of its own, as a person has it.
type session struct {
	t        *testing.T
	server   *target.Server
	master   *os.File
	terminal *os.File
	before   *term.State
	command  *exec.Cmd
	screen   transcript
	ended    chan error
	seen     int // how much of the screen was awaited
}

const steered = `
import http from "k6/http";
import { sleep } from "k6";
export const options = { scenarios: {
  browse: { executor: "constant-vus", vus: 10, duration: "10m", gracefulStop: "5s" },
}};
export default function () { http.get(__ENV.TARGET + "/items"); sleep(0.02); }
`

// startSession starts swarm run with the script on a terminal; change may alter the command.
func startSession(t *testing.T, script string, change func(*exec.Cmd), flags ...string) *session {
	t.Helper()
	s := &session{t: t, server: target.New(target.Options{Seed: 1}), ended: make(chan error, 1)}
	web := httptest.NewServer(s.server)
	t.Cleanup(web.Close)
	var err error
	if s.master, s.terminal, err = pty.Open(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { s.master.Close(); s.terminal.Close() })
	if err := pty.Setsize(s.master, &pty.Winsize{Rows: 40, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	if s.before, err = term.GetState(int(s.terminal.Fd())); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "s.js")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("swarm")
	if err != nil {
		t.Fatal(err)
	}
	s.command = exec.Command(path, append([]string{"run", "--no-save", "-e", "TARGET=" + web.URL, file}, flags...)...)
	s.command.Args[0] = "swarm"
	s.command.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=1")
	s.command.Stdin, s.command.Stdout, s.command.Stderr = s.terminal, s.terminal, s.terminal
	s.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if change != nil {
		change(s.command)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(&s.screen, s.master) // ends when the master is closed
	go func() { s.ended <- s.command.Wait() }()
	t.Cleanup(func() { s.command.Process.Kill() })
	return s
}

// await waits until something is on the screen that was not there before.
func (s *session) await(what string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		text := s.screen.String()
		if i := strings.Index(text[s.seen:], what); i >= 0 {
			s.seen += i + len(what)
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%q is not on the screen: %s", what, s.tail())
		}
	}
}

// tail is what was written last, to look at when a test fails.
func (s *session) tail() string {
	text := s.screen.String()
	return fmt.Sprintf("%q", text[max(len(text)-2000, 0):])
}

func (s *session) press(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// exits waits for the end, which has that code, and looks at the terminal: it
// must be as it was.
func (s *session) exits(code int) {
	s.t.Helper()
	var err error
	select {
	case err = <-s.ended:
	case <-time.After(patience):
		s.t.Fatalf("it does not end: %s", s.tail())
	}
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != code {
		s.t.Errorf("exit code %d, want %d: %s", got, code, s.tail())
	}
	s.restored()
}

func (s *session) restored() {
	s.t.Helper()
	now, err := term.GetState(int(s.terminal.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	if fmt.Sprint(*now) != fmt.Sprint(*s.before) {
		s.t.Errorf("the terminal is %v, it was %v", *now, *s.before)
	}
}

// received counts the requests that arrive in a while.
func (s *session) received(while time.Duration) uint64 {
	before := s.server.Counts().Total
	time.Sleep(while)
	return s.server.Counts().Total - before
}

// TestKeysSteerARun: what keys say they do happens at the target.
func TestKeysSteerARun(t *testing.T) {
	s := startSession(t, steered, nil)
	s.await("10 of 10 VUs")
	s.await("p pause")
	if s.received(300*time.Millisecond) == 0 {
		t.Error("no load")
	}

	s.press("p")
	s.await("paused at")
	if n := s.received(time.Second); n != 0 {
		t.Errorf("%d requests while paused", n)
	}
	s.press("p")
	s.await("p pause")
	for deadline := time.Now().Add(patience); s.received(100*time.Millisecond) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the load does not go on")
		}
	}

	s.press("+")
	s.await("browse: 10 VUs → 11 VUs")
	s.await("11 of 11 VUs")
	s.press("--")
	s.await("browse: 10 VUs → 9 VUs")
	s.await("9 of 9 VUs")

	s.press("?")
	s.await("teardown and summary follow")
	s.press("?")
	s.press("q")
	s.await("q again quits")
	s.press("s")
	s.await("stopping: running iterations may finish")
	s.exits(exitSignal)
	s.await("complete") // the summary
}

// TestTerminalIsRestored: however a run ends, its terminal is as it was.
func TestTerminalIsRestored(t *testing.T) {
	endless := strings.Replace(steered, "sleep(0.02)", "sleep(1000)", 1)
	signal := func(signals ...syscall.Signal) func(*session) {
		return func(s *session) {
			for i, sig := range signals {
				if i > 0 {
					s.await("stopping:")
				}
				s.command.Process.Signal(sig)
			}
		}
	}
	keys := func(keys string) func(*session) { return func(s *session) { s.press(keys) } }
	const stacks = 2 // of a Go program that was told to quit
	for _, c := range []struct {
		name   string
		script string
		end    func(*session)
		code   int
	}{
		{"its time is over", strings.Replace(steered, "10m", "1500ms", 1), func(*session) {}, 0},
		{"s", steered, keys("s"), exitSignal},
		{"q q", endless, keys("qq"), exitSignal},
		{"Ctrl-C", steered, keys("\x03"), exitSignal},
		{"Ctrl-C twice", endless, func(s *session) { s.press("\x03"); s.await("stopping:"); s.press("\x03") }, exitSignal},
		{"SIGTERM", steered, signal(syscall.SIGTERM), exitSignal},
		{"SIGTERM twice", endless, signal(syscall.SIGTERM, syscall.SIGTERM), exitSignal},
		{"SIGHUP", steered, signal(syscall.SIGHUP), exitSignal},
		{"SIGQUIT", steered, signal(syscall.SIGQUIT), stacks},
		{"the script throws in teardown", strings.Replace(steered, "10m", "1500ms", 1) + "export function teardown() { throw new Error('x') }", func(*session) {}, exitScript},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startSession(t, c.script, nil)
			s.await("? help")
			s.await("VUs")
			mode, err := unix.IoctlGetTermios(int(s.terminal.Fd()), termiosRequest)
			if err != nil {
				t.Fatal(err)
			}
			if mode.Lflag&(unix.ICANON|unix.ECHO) != 0 || mode.Lflag&unix.ISIG == 0 || mode.Oflag&unix.OPOST == 0 {
				t.Errorf("mode %+v: want keys one by one, signals and output as ever", mode)
			}
			c.end(s)
			s.exits(c.code)
		})
	}
}

// TestKeysWhereThereAreNone: nobody's terminal is touched that does not watch.
func TestKeysWhereThereAreNone(t *testing.T) {
	for _, c := range []struct {
		name   string
		flags  []string
		change func(*exec.Cmd)
	}{
		{"quiet", []string{"--quiet"}, nil},
		{"standard error in a file", nil, func(c *exec.Cmd) { c.Stderr = nil }},
		{"a dumb terminal", nil, func(c *exec.Cmd) { c.Env = append(c.Env, "TERM=dumb") }},
		{"standard input elsewhere", nil, func(c *exec.Cmd) {
			c.SysProcAttr.Ctty = 1
			c.Stdin = nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startSession(t, steered, c.change, c.flags...)
			for deadline := time.Now().Add(patience); s.server.Counts().Total == 0; time.Sleep(5 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("no load: %s", s.tail())
				}
			}
			s.restored()
			s.press("s")
			if s.received(500*time.Millisecond) == 0 {
				t.Error("a key stopped the run")
			}
			if strings.Contains(s.screen.String(), "? help") {
				t.Errorf("keys are offered: %s", s.tail())
			}
			s.command.Process.Signal(syscall.SIGTERM)
			s.exits(exitSignal)
		})
	}
}

// TestSuspend: Ctrl-Z stops the load with the process, and both go on.
func TestSuspend(t *testing.T) {
	s := startSession(t, steered, nil)
	s.await("10 of 10 VUs")
	s.press("\x1a")
	stopped := func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.command.Process.Pid))
		if err != nil {
			t.Skip("no /proc to see a stopped process in")
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		return strings.HasPrefix(rest, "T")
	}
	for deadline := time.Now().Add(patience); !stopped(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not stopped: %s", s.tail())
		}
	}
	s.restored()
	time.Sleep(200 * time.Millisecond) // iterations that had begun
	if n := s.received(time.Second); n != 0 {
		t.Errorf("%d requests while suspended", n)
	}
	s.command.Process.Signal(syscall.SIGCONT)
	s.await("p pause")
	for deadline := time.Now().Add(patience); s.received(100*time.Millisecond) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the load does not go on")
		}
	}
	s.press("s")
	s.exits(exitSignal)
}

// TestLostTerminal: whose terminal goes away in the middle of a run finds the
// run among those that were saved.
func TestLostTerminal(t *testing.T) {
	runs := t.TempDir()
	s := startSession(t, steered, func(c *exec.Cmd) {
		c.Args = slices.DeleteFunc(c.Args, func(arg string) bool { return arg == "--no-save" })
		c.Env = append(c.Env, "SWARM_RUNS="+runs)
	})
	s.await("10 of 10 VUs")
	s.terminal.Close()
	s.master.Close()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	if code := s.command.ProcessState.ExitCode(); code != exitSignal {
		t.Errorf("exit code %d, want %d", code, exitSignal)
	}
	list, err := result.NewStore(runs).List()
	if err != nil || len(list) != 1 || list[0].Requests == 0 {
		t.Errorf("saved: %+v, %v", list, err)
	}
}
