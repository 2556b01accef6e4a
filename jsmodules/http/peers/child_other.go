//go:build !linux

package peers

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

// confine leaves a child the rights of the test.
func confine(_ *exec.Cmd, dir string) error { return os.Chmod(dir, 0o755) }

// reserve finds a TCP port of 127.0.0.1 that is free now.
func reserve(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
