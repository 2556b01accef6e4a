//go:build unix

package terminal

import (
	"errors"
	"os"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// TestOpenKeyboard: files and pipes have no keys.
func TestOpenKeyboard(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := OpenKeyboard(r, func([]byte) {}); !errors.Is(err, ErrNoKeyboard) {
		t.Errorf("a pipe: %v", err)
	}
}

// TestKeyMode: keys come one by one and unseen, signals and lines stay as they
// are, and restore gives back exactly what was.
func TestKeyMode(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skip(err)
	}
	defer master.Close()
	defer slave.Close()
	fd := int(slave.Fd())
	mode := func() unix.Termios {
		m, err := unix.IoctlGetTermios(fd, getMode)
		if err != nil {
			t.Fatal(err)
		}
		return *m
	}
	before := mode()
	was, err := term.GetState(fd)
	if err != nil {
		t.Fatal(err)
	}
	tty := &unixTTY{fd: fd, was: was}
	if tty.foreground() {
		t.Error("a terminal that is not ours is taken for it")
	}
	if err := tty.keyMode(); err != nil {
		t.Fatal(err)
	}
	m := mode()
	if m.Lflag&(unix.ICANON|unix.ECHO) != 0 {
		t.Error("lines or echo are still on")
	}
	if m.Lflag&unix.ISIG == 0 || m.Oflag != before.Oflag || m.Iflag != before.Iflag {
		t.Error("signals or the processing of output changed")
	}
	if err := tty.restore(); err != nil {
		t.Fatal(err)
	}
	if mode() != before {
		t.Errorf("not restored: %+v, before %+v", mode(), before)
	}
}
