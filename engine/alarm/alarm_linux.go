package alarm

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// NewSystem returns an Alarm that is as precise as the system's timers,
// some microseconds. It is a file that becomes readable at the time: so it is
// served together with the sockets, no sooner than what has arrived on them,
// and it wakes a process that has nothing to do. It must not be used where
// time is faked.
func NewSystem() Alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return NewTimer() // no descriptor left: the load does not depend on it
	}
	return &fileAlarm{fd: fd, file: os.NewFile(uintptr(fd), "timer")}
}

type fileAlarm struct {
	fd   int
	file *os.File
}

func (a *fileAlarm) Set(d time.Duration) {
	var at unix.ItimerSpec // zero: never
	if d < Never {
		at.Value = unix.NsecToTimespec(int64(max(d, 1)))
	}
	// It fails for a bad descriptor or time only, and these are neither.
	_ = unix.TimerfdSettime(a.fd, 0, &at, nil)
}

func (a *fileAlarm) Wait() bool {
	var expirations [8]byte
	_, err := a.file.Read(expirations[:])
	return err == nil
}

func (a *fileAlarm) Stop() { _ = a.file.Close() }
