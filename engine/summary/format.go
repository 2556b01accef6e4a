package summary

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/metric"
)

// figures rounds v to n significant digits.
func figures(v float64, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', n-1, 64), 64)
	if err != nil {
		return v
	}
	return rounded
}

// plainest is the shortest text of v, thousands separated.
func plainest(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e15) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	whole, fraction, found := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	return sign + whole
}

// grouped writes a count in full.
func grouped(v float64) string { return plainest(math.Round(v)) }

// astronomic is where numbers stop meaning anything but "far too large".
const astronomic = 1e15

// scientific writes what has no better form.
func scientific(v float64) string { return strconv.FormatFloat(v, 'e', 2, 64) }

// short writes a count in at most eight columns: 90,000 and 3.71 M.
func short(v float64) string {
	if math.Abs(v) >= astronomic {
		return scientific(v)
	}
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, " T"}, {1e9, " G"}, {1e6, " M"}} {
		if math.Abs(v) >= unit.size*0.9999995 {
			return fixed(v/unit.size, 2) + unit.name
		}
	}
	return grouped(v)
}

// perSec writes a number per second, whole from ten on.
func perSec(v float64) string {
	switch a := math.Abs(v); {
	case a > 0 && a < 0.01:
		return "<0.01/s"
	case a < 0.995:
		return plainest(math.Round(v*100)/100) + "/s"
	case a < 9.95:
		return plainest(figures(v, 2)) + "/s"
	case a < 1e6:
		return grouped(v) + "/s"
	}
	return short(v) + "/s"
}

// fixed writes v with n decimals.
func fixed(v float64, n int) string { return strconv.FormatFloat(v, 'f', n, 64) }

// percent writes a share of one. It never rounds to 0 or 100 what is neither.
func percent(share float64) string {
	switch p := share * 100; {
	case p == 0 || p == 100:
		return fixed(p, 0) + " %"
	case p > 0 && p < 0.01:
		return "<0.01 %"
	case p > 99.99 && p < 100:
		return ">99.99 %"
	case p > 99 && p < 100:
		return plainest(math.Round(p*100)/100) + " %"
	case p < 9.95:
		return plainest(figures(p, 2)) + " %"
	default:
		return plainest(figures(p, 3)) + " %"
	}
}

// milliseconds writes a time in the unit that suits it, with two figures below
// ten of that unit. With unit "s", "ms" or "us" all times have that one.
func milliseconds(ms float64, unit string) string {
	switch unit {
	case "s":
		return fixed(ms/1e3, 3) + " s"
	case "ms":
		return fixed(ms, 2) + " ms"
	case "us":
		return grouped(ms*1e3) + " µs"
	}
	twoFigures := func(v float64) string {
		if math.Abs(v) < 9.95 {
			return fixed(v, 1)
		}
		return fixed(v, 0)
	}
	switch a := math.Abs(ms); {
	case a == 0:
		return "0 ms"
	case a < 0.9995:
		if a < 0.00995 {
			return twoFigures(ms*1e3) + " µs"
		}
		return fixed(ms*1e3, 0) + " µs"
	case a < 999.5:
		return twoFigures(ms) + " ms"
	case a < 59_950:
		return fixed(ms/1e3, 1) + " s"
	case a < float64(math.MaxInt64/time.Millisecond):
		return length(time.Duration(ms * float64(time.Millisecond)))
	}
	return scientific(ms/1e3) + " s"
}

// dataSize writes an amount of data in decimal units.
func dataSize(v float64) string {
	if math.Abs(v) >= 1e18 {
		return scientific(v) + " B"
	}
	for _, unit := range []string{"B", "KB", "MB", "GB", "TB", "PB"} {
		if math.Abs(v) < 999.5 {
			if unit != "B" && math.Abs(v) < 9.95 {
				return fixed(v, 1) + " " + unit
			}
			return fixed(v, 0) + " " + unit
		}
		v /= 1000
	}
	return fixed(v, 0) + " EB"
}

// quantity writes a value of a metric.
func quantity(v float64, u metric.Unit, timeUnit string) string {
	switch u {
	case metric.Time:
		return milliseconds(v, timeUnit)
	case metric.Data:
		return dataSize(v)
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e6 {
		return grouped(v)
	}
	if math.Abs(v) >= 1e6 && math.Abs(v) < astronomic {
		return short(v)
	}
	return plainest(figures(v, 4))
}

// length writes how long something took: 350ms, 9.8s, 3m00s, 1h02m03s.
func length(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + length(-d)
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	case d < 59950*time.Millisecond:
		return fixed(d.Seconds(), 1) + "s"
	}
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm%02ds", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%dd%02dh%02dm", s/86400, s/3600%24, s/60%60)
}

// clock writes a moment of the run: 02:57, 1:02:57.
func clock(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
