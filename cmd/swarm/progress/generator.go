package progress

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Meter reads what this process and its children use, from /proc where there
// is one. It is for one goroutine.
type Meter struct {
	at    time.Time
	ticks uint64
}

const ticksPerSecond = 100 // USER_HZ, the same on every Linux Go runs on

// Read returns the use since the previous call. The first call and a system
// without /proc give an unknown Generator.
func (m *Meter) Read(now time.Time) Generator {
	var ticks, resident uint64
	for _, pid := range append(Children(os.Getpid()), os.Getpid()) {
		t, r, ok := usage(pid)
		if !ok {
			continue
		}
		ticks += t
		resident += r
	}
	seconds := now.Sub(m.at).Seconds()
	g := Generator{Memory: resident}
	if !m.at.IsZero() && seconds > 0 && ticks >= m.ticks && resident > 0 {
		g.Known = true
		g.CPU = min(float64(ticks-m.ticks)/ticksPerSecond/seconds/float64(runtime.NumCPU()), 1)
	}
	m.at, m.ticks = now, ticks
	return g
}

// Children lists the child processes of all threads of a process; none where
// there is no /proc.
func Children(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// usage returns processor ticks and resident bytes of a process.
func usage(pid int) (ticks, resident uint64, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, false
	}
	// The name of the program, in parentheses, may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 22 {
		return 0, 0, false
	}
	user, err1 := strconv.ParseUint(fields[11], 10, 64)
	system, err2 := strconv.ParseUint(fields[12], 10, 64)
	pages, err3 := strconv.ParseUint(fields[21], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return 0, 0, false
	}
	return user + system, pages * uint64(os.Getpagesize()), true
}
