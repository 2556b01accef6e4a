//go:build unix && !linux

package cluster

import "syscall"

// A child outlives us for as long as it takes to see the end of its stream.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
