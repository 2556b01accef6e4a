//go:build !linux

package alarm

// NewSystem returns an Alarm that is as precise as the system's timers. It
// must not be used where time is faked.
func NewSystem() Alarm { return NewTimer() }
