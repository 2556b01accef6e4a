//go:build !linux

package egress

import (
	"context"
	"syscall"
)

// bindLate is for Linux alone.
func bindLate(context.Context, string, string, syscall.RawConn) error { return nil }
