package egress

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindLate lets the kernel choose the local port when it connects instead of
// when it binds: then a port is taken for one remote address alone, and one
// local address can have more than 65,535 connections (ip(7)).
func bindLate(_ context.Context, _, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// Without it (before Linux 4.2) there are fewer ports, no more than that.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}
