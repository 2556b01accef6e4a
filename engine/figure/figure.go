// Package figure writes numbers as people read them: counts, rates, shares,
// times and amounts of data, with as many digits as tell something and a unit
// that suits. The live view and the summary say the same number the same way.
//
// Between a number and its unit stands a space, except in lengths of time
// (3m00s) and rates (41,182/s). Data is counted in decimal units: 1 KB is 1000
// bytes. All functions are pure and none fails: NaN and infinities are written as such.
package figure

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Number is what counts and amounts come as.
type Number interface {
	~int | ~int64 | ~uint64 | ~float64
}

// Round rounds v to n significant digits.
func Round(v float64, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', n-1, 64), 64)
	if err != nil {
		return v
	}
	return rounded
}

// Plain is the shortest text that tells v from all other numbers, thousands
// separated; from 1e15 on and below 1e-6 with an exponent.
func Plain(v float64) string {
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

// Count writes a whole number in full, thousands separated.
func Count[N Number](n N) string { return Plain(math.Round(float64(n))) }

// Counted writes how many there are of what noun names, a word that takes an s:
// 1 request, 1,234 requests.
func Counted[N Number](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// astronomic is where numbers stop meaning anything but "far too large".
const astronomic = 1e15

// scientific writes what has no better form.
func scientific(v float64) string { return strconv.FormatFloat(v, 'e', 2, 64) }

// Short writes a count in at most eight columns (below 1e100): 90,000 and 3.71 M.
func Short[N Number](n N) string {
	v := float64(n)
	if math.Abs(v) >= astronomic {
		return scientific(v)
	}
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, " T"}, {1e9, " G"}, {1e6, " M"}} {
		if math.Abs(v) >= unit.size*0.9999995 {
			return Fixed(v/unit.size, 2) + unit.name
		}
	}
	return Count(v)
}

// PerSecond writes a number per second, whole from ten on, in at most
// ten columns (below 1e100).
func PerSecond(v float64) string {
	switch a := math.Abs(v); {
	case a > 0 && a < 0.01:
		return "<0.01/s"
	case a < 0.995:
		return Plain(math.Round(v*100)/100) + "/s"
	case a < 9.95:
		return Plain(Round(v, 2)) + "/s"
	case a < 1e6:
		return Count(v) + "/s"
	}
	return Short(v) + "/s"
}

// Fixed writes v with n decimals.
func Fixed(v float64, n int) string { return strconv.FormatFloat(v, 'f', n, 64) }

// Percent writes a share of one, in at most eight columns where it is one. It
// never rounds to 0 or 100 what is neither.
func Percent(share float64) string {
	switch p := share * 100; {
	case p == 0 || p == 100:
		return Fixed(p, 0) + " %"
	case p > 0 && p < 0.01:
		return "<0.01 %"
	case p > 99.99 && p < 100:
		return ">99.99 %"
	case p > 99 && p < 100:
		return Plain(math.Round(p*100)/100) + " %"
	case p < 9.95:
		return Plain(Round(p, 2)) + " %"
	default:
		return Plain(Round(p, 3)) + " %"
	}
}

// MillisecondsIn writes a time in one unit, "s", "ms" or "us", so that times
// compare at a glance; with any other unit it is [Milliseconds].
func MillisecondsIn(unit string, ms float64) string {
	switch unit {
	case "s":
		return Fixed(ms/1e3, 3) + " s"
	case "ms":
		return Fixed(ms, 2) + " ms"
	case "us":
		return Count(ms*1e3) + " µs"
	}
	return Milliseconds(ms)
}

// Milliseconds writes a time in the unit that suits it, with two figures below
// ten of that unit.
func Milliseconds(ms float64) string {
	twoFigures := func(v float64) string {
		if math.Abs(v) < 9.95 {
			return Fixed(v, 1)
		}
		return Fixed(v, 0)
	}
	switch a := math.Abs(ms); {
	case a == 0:
		return "0 ms"
	case a < 0.9995:
		if a < 0.00995 {
			return twoFigures(ms*1e3) + " µs"
		}
		return Fixed(ms*1e3, 0) + " µs"
	case a < 999.5:
		return twoFigures(ms) + " ms"
	case a < 59_950:
		return Fixed(ms/1e3, 1) + " s"
	case a < float64(math.MaxInt64/time.Millisecond):
		return Length(time.Duration(ms * float64(time.Millisecond)))
	}
	return scientific(ms/1e3) + " s"
}

// Size writes an amount of data, given in bytes, in decimal units.
func Size[N Number](bytes N) string {
	v := float64(bytes)
	if math.Abs(v) >= 1e18 {
		return scientific(v) + " B"
	}
	for _, unit := range []string{"B", "KB", "MB", "GB", "TB", "PB"} {
		if math.Abs(v) < 999.5 {
			if unit != "B" && math.Abs(v) < 9.95 {
				return Fixed(v, 1) + " " + unit
			}
			return Fixed(v, 0) + " " + unit
		}
		v /= 1000
	}
	return Fixed(v, 0) + " EB"
}

// Length writes how long something took: 350ms, 9.8s, 3m00s, 1h02m03s.
func Length(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Length(-d)
	case d < 999500*time.Microsecond:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond).Milliseconds())
	case d < 59950*time.Millisecond:
		return Fixed(d.Seconds(), 1) + "s"
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

// Span writes a length of time as scripts do: 30s, 10m, 1h30m, 1.5s.
func Span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Clock writes a moment of a run, the second it falls into: 02:57, 1:02:57.
// There is no moment before the start.
func Clock(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%02d:%02d", s/60, s%60)
}
