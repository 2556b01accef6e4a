//go:build unix

package cluster

import (
	"os"

	"golang.org/x/sys/unix"
)

// takeStandardPipes moves standard input and output to descriptors of their
// own, in the mode in which Close unblocks Read and Write, and puts the null
// device and standard error in their place.
func takeStandardPipes() (r, w *os.File, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, nil, err
	}
	defer null.Close()
	if r, err = take(unix.Stdin, int(null.Fd()), "stream in"); err != nil {
		return nil, nil, err
	}
	if w, err = take(unix.Stdout, unix.Stderr, "stream out"); err != nil {
		r.Close()
		return nil, nil, err
	}
	return r, w, nil
}

// take moves fd away and puts a copy of instead there.
func take(fd, instead int, name string) (*os.File, error) {
	moved, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	if err := unix.SetNonblock(moved, true); err != nil {
		unix.Close(moved)
		return nil, os.NewSyscallError("set non-blocking", err)
	}
	if err := unix.Dup2(instead, fd); err != nil {
		unix.Close(moved)
		return nil, os.NewSyscallError("dup2", err)
	}
	return os.NewFile(uintptr(moved), name), nil
}
