package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// child is a program that runs for a test.
type child struct {
	cmd  *exec.Cmd
	said string        // the file that holds what it printed
	done chan struct{} // closed when it has ended and was waited for
}

// program returns the path of a program that a Debian package holds. Without
// it the test is skipped, or fails if the environment demands every program.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // users' PATHs leave sbin out
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err == nil {
		return path
	}
	if os.Getenv("TEST_READERS") == "require" {
		t.Fatalf("%s is not installed (Debian: %s)", name, pkg)
	}
	t.Skipf("%s is not installed (Debian: %s)", name, pkg)
	return ""
}

// folder makes a folder for a child. Not t.TempDir: its name would be too long
// for a unix socket, and its parent is closed to the user the child runs as.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// write puts a file into a child's folder.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// launch starts a program with dir as its folder and returns when ready says
// so. A program that ends before, or is not ready in time, is an error that
// holds what it printed.
func launch(dir string, ready func() error, path string, args ...string) (*child, error) {
	said := filepath.Join(dir, "output")
	out, err := os.Create(said)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	// Go raises its own limit of files, and so of connections, but not that of
	// what it starts; without a shell, the child has to do with what there is.
	cmd := exec.Command(path, args...)
	if sh, err := exec.LookPath("sh"); err == nil {
		cmd = exec.Command(sh, append([]string{"-c", `ulimit -Sn "$(ulimit -Hn)"; exec "$0" "$@"`, path}, args...)...)
	}
	c := &child{cmd: cmd, said: said, done: make(chan struct{})}
	c.cmd.Dir = dir
	c.cmd.Stdout, c.cmd.Stderr = out, out
	if err := confine(c.cmd, dir); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.done)
		c.cmd.Wait() // how it ended is of interest while it starts only: see below
	}()
	for deadline := time.Now().Add(10 * time.Second); ; {
		err = ready()
		select {
		case <-c.done:
			return nil, fmt.Errorf("%s ended: %v\n%s", filepath.Base(path), c.cmd.ProcessState, c.output())
		case <-time.After(5 * time.Millisecond):
		}
		if err == nil {
			return c, nil
		}
		if time.Now().After(deadline) {
			c.stop()
			return nil, fmt.Errorf("%s is not ready: %w\n%s", filepath.Base(path), err, c.output())
		}
	}
}

// output returns what the child printed so far.
func (c *child) output() string {
	b, err := os.ReadFile(c.said)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// stop kills the child and waits for its end.
func (c *child) stop() {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		panic(err) // not ours to kill: a bug, and waiting would hang
	}
	<-c.done
}

// attempts is how often a child is started again, on other ports: a port that
// was free may be taken when the child comes to bind it.
const attempts = 5

// persist calls start until it succeeds.
func persist(t testing.TB, start func() error) {
	t.Helper()
	var failed []error
	for range attempts {
		err := start()
		if err == nil {
			return
		}
		failed = append(failed, err)
	}
	t.Fatal(errors.Join(failed...))
}

// confess shows a file in the log of a test that failed.
func confess(t testing.TB, path string) {
	if !t.Failed() {
		return
	}
	const most = 16 << 10
	if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
		t.Logf("%s:\n%s", filepath.Base(path), b[max(0, len(b)-most):])
	}
}

// readLines returns the whole lines of a file that is being written.
func readLines(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	lines := strings.SplitAfter(string(b), "\n")
	return lines[:len(lines)-1]
}

// containing returns the lines that contain the text.
func containing(lines []string, text string) []string {
	var found []string
	for _, line := range lines {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return found
}
