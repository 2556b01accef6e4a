//go:build aix || linux || solaris || illumos

package terminal

import "golang.org/x/sys/unix"

const getMode, setMode = unix.TCGETS, unix.TCSETS
