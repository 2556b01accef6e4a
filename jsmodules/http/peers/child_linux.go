package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// nobody is the user and group without rights, by Linux's convention.
const nobody = 65534

// confine makes a child die with the test, however that ends, and takes root's
// rights from it where the test has them.
func confine(cmd *exec.Cmd, dir string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := os.Chmod(dir, 0o755); err != nil || os.Geteuid() != 0 {
		return err
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	return os.Chown(dir, nobody, nobody)
}

// reserve finds a free TCP port of 127.0.0.1 for a child and keeps others away
// from it until the test ends: it binds the port without listening, which the
// kernel does not hand out any more, but lets a program listen on that sets
// SO_REUSEADDR, as servers do.
func reserve(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(fmt.Errorf("reserve a port: %w", err))
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		t.Fatal(fmt.Errorf("reserve a port: %w", err))
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(fmt.Errorf("reserve a port: %w", err))
	}
	addr, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(fmt.Errorf("reserve a port: %w", err))
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(addr.(*syscall.SockaddrInet4).Port))
}
