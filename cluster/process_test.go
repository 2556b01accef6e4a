//go:build unix

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestProcessEnvironmentIsClean(t *testing.T) {
	t.Setenv("CLUSTER_TEST_SECRET", "hunter2")
	link, err := StartProcess(context.Background(), ProcessConfig{Path: "/usr/bin/env"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(link)
	if err != nil || len(out) != 0 {
		t.Errorf("environment %q, %v", out, err)
	}
	if err := link.Wait(); err != nil {
		t.Error(err)
	}
	link.Close()
}

func TestProcessDoesNotExist(t *testing.T) {
	before := descriptors(t)
	if _, err := StartProcess(context.Background(), ProcessConfig{Path: "/nonexistent"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func TestProcessIsReapedAndAlone(t *testing.T) {
	link, err := connectors["process"](context.Background())
	if err != nil {
		t.Fatal(err)
	}
	pid := link.(*processLink).PID()
	if group, err := syscall.Getpgid(pid); err != nil || group != pid {
		t.Errorf("process %d is in group %d, %v", pid, group, err)
	}
	link.Kill()
	if err := link.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("ended with %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("still there: %v", err)
	}
	link.Close()
}

func TestInheritedStreamNeedsPipes(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{childVariable + "=1"}
	out, err := cmd.CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("not by hand")) || bytes.Contains(out, []byte("goroutine")) {
		t.Errorf("%v: %s", err, out)
	}
}

// The runner of a coordinator that was killed is gone soon, too.
func TestProcessDiesWithParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no parent-death signal here")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), childVariable+"=parent")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	parent.Process.Kill()
	parent.Wait()
	for range 1000 {
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the runner outlived its coordinator")
}
