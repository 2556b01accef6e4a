//go:build unix

package terminal

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// OpenKeyboard reads keys of the terminal f and gives them to press, one call
// at a time, in a goroutine of its own. The error is ErrNoKeyboard when f is no
// terminal.
func OpenKeyboard(f *os.File, press func(keys []byte)) (*Keyboard, error) {
	fd := int(f.Fd())
	was, err := term.GetState(fd)
	if err != nil {
		return nil, ErrNoKeyboard
	}
	return newKeyboard(&unixTTY{fd: fd, was: was}, press), nil
}

type unixTTY struct {
	fd  int
	was *term.State
}

func (t *unixTTY) foreground() bool {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// keyMode differs from term.MakeRaw in that signals and the processing of
// output stay: Ctrl-C works and lines begin at the left.
func (t *unixTTY) keyMode() error {
	mode, err := unix.IoctlGetTermios(t.fd, getMode)
	if err != nil {
		return err
	}
	mode.Lflag &^= unix.ICANON | unix.ECHO
	mode.Cc[unix.VMIN], mode.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(t.fd, setMode, mode)
}

func (t *unixTTY) restore() error { return term.Restore(t.fd, t.was) }

func (t *unixTTY) read() ([]byte, error) {
	ready := []unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ready, int(patience.Milliseconds()))
	switch {
	case errors.Is(err, unix.EINTR), err == nil && n == 0:
		return nil, nil
	case err != nil:
		return nil, err
	case !t.foreground():
		return nil, nil // what came is for somebody else
	}
	var keys [64]byte
	n, err = unix.Read(t.fd, keys[:])
	switch {
	case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		return nil, nil
	case err != nil:
		return nil, err
	case n == 0:
		return nil, io.EOF
	}
	return keys[:n], nil
}
