package progress

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// clock writes mm:ss, with hours when there are any.
func clock(d time.Duration) string {
	s := int64(max(d, 0).Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}

// count writes a whole number with thousands separated, in millions from ten
// of these on.
func count(n uint64) string {
	switch {
	case n >= 10_000_000_000:
		return fmt.Sprintf("%.1f G", float64(n)/1e9)
	case n >= 10_000_000:
		return fmt.Sprintf("%.2f M", float64(n)/1e6)
	}
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rate writes a number per second.
func rate(v float64) string {
	if v < 10 && v != math.Trunc(v) {
		return fmt.Sprintf("%.1f/s", v)
	}
	return count(uint64(math.Round(max(v, 0)))) + "/s"
}

// milliseconds writes a time with a unit that suits it, two figures at least.
func milliseconds(ms float64) string {
	switch {
	case ms <= 0:
		return "0 ms"
	case ms < 0.1:
		return fmt.Sprintf("%.0f µs", ms*1000)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 1000:
		return fmt.Sprintf("%.0f ms", ms)
	case ms < 60_000:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.1f min", ms/60_000)
}

// percent never rounds a share to 0 or 100 that is not.
func percent(share float64) string {
	p := share * 100
	switch {
	case p <= 0:
		return "0 %"
	case p >= 100:
		return "100 %"
	case p < 0.01:
		return "<0.01 %"
	case p > 99.99:
		return ">99.99 %"
	case p < 10 || p > 99:
		return fmt.Sprintf("%.2f %%", p)
	}
	return fmt.Sprintf("%.1f %%", p)
}

// size writes bytes in decimal units.
func size(v float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if v < 1000 {
			if v < 10 && unit != "B" {
				return fmt.Sprintf("%.1f %s", v, unit)
			}
			return fmt.Sprintf("%.0f %s", v, unit)
		}
		v /= 1000
	}
	return fmt.Sprintf("%.1f TB", v)
}
