package health

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// quota returns how many processors the control groups of this process allow
// it on average, 0 when they set no limit or cannot be read. GOMAXPROCS
// respects them too, but rounds up. root is the file system.
//
// See Documentation/admin-guide/cgroup-v2.rst (cpu.max) and
// Documentation/scheduler/sched-bwc.rst (cpu.cfs_quota_us) of Linux.
func quota(root fs.FS) float64 {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	var least float64
	limit := func(q float64) {
		if q > 0 && (least == 0 || q < least) {
			least = q
		}
	}
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		// Every group above limits too. In a container the path may be that
		// outside, where only the last one is to be seen.
		switch controllers := fields[1]; {
		case fields[0] == "0" && controllers == "":
			for _, group := range upwards(fields[2]) {
				limit(unified(root, path.Join("sys/fs/cgroup", group)))
			}
		case hasController(controllers, "cpu"):
			for _, group := range upwards(fields[2]) {
				limit(legacy(root, path.Join("sys/fs/cgroup/cpu", group)))
			}
		}
	}
	return least
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// upwards returns a path and those above it, as far as the root.
func upwards(group string) []string {
	var all []string
	for group = path.Clean("/" + group); group != "/"; group = path.Dir(group) {
		all = append(all, group)
	}
	return append(all, "/")
}

// unified reads cpu.max: "max 100000", or quota and period in microseconds.
func unified(root fs.FS, folder string) float64 {
	text, err := fs.ReadFile(root, path.Join(folder, "cpu.max"))
	if err != nil {
		return 0
	}
	allowed, period, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return ratio(allowed, period)
}

// legacy reads the two files of version 1; a quota of -1 is none.
func legacy(root fs.FS, folder string) float64 {
	allowed, err := fs.ReadFile(root, path.Join(folder, "cpu.cfs_quota_us"))
	if err != nil {
		return 0
	}
	period, err := fs.ReadFile(root, path.Join(folder, "cpu.cfs_period_us"))
	if err != nil {
		return 0
	}
	return ratio(strings.TrimSpace(string(allowed)), strings.TrimSpace(string(period)))
}

func ratio(allowed, period string) float64 {
	a, errA := strconv.ParseUint(allowed, 10, 63)
	p, errP := strconv.ParseUint(period, 10, 63)
	if errA != nil || errP != nil || p == 0 {
		return 0
	}
	return float64(a) / float64(p)
}
