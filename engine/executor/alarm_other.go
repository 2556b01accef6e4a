//go:build !linux

package executor

// NewSystemAlarm returns an Alarm that is as precise as the system's timers. It
// must not be used where time is faked.
func NewSystemAlarm() Alarm { return newTimerAlarm() }
