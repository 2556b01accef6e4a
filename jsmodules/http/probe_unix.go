//go:build unix

package http

import "golang.org/x/sys/unix"

// nothingToRead reports whether the socket is open and has no byte waiting.
func nothingToRead(fd uintptr) bool {
	var b [1]byte
	for {
		_, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err != unix.EINTR {
			return err == unix.EAGAIN
		}
	}
}
