package plan

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// MaxDuration is the longest time any option may name. Sums of a few of them
// stay far from overflow.
const MaxDuration = 365 * 24 * time.Hour

var (
	errNotDuration = errors.New(`must be a duration such as "30s" or "1m30s", or a number of milliseconds`)
	errTooLong     = fmt.Errorf("must be at most %d days", MaxDuration/(24*time.Hour))
)

// ParseDuration reads a duration as k6 scripts and flags write it: numbers with
// the units d h m s ms us µs ns ("1d2h", "1m30s", "1.5s"), or a number alone,
// which is milliseconds. Negative durations are returned as such; anything
// beyond MaxDuration either way is an error. Errors are one lower-case line
// without the text itself.
func ParseDuration(text string) (time.Duration, error) {
	if ms, err := strconv.ParseFloat(text, 64); isDecimal(text) && (err == nil || math.IsInf(ms, 0)) {
		return milliseconds(ms)
	}
	var days time.Duration
	rest := text
	if head, tail, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseFloat(head, 64)
		if !isDecimal(head) || err != nil && !math.IsInf(n, 0) || strings.HasPrefix(tail, "-") || strings.HasPrefix(tail, "+") {
			return 0, errNotDuration
		}
		if days, err = milliseconds(n * 24 * 60 * 60 * 1000); err != nil || tail == "" {
			return days, err
		}
		rest = tail
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		// time.ParseDuration does not tell overflow from nonsense.
		if overflows(rest) {
			return 0, errTooLong
		}
		return 0, errNotDuration
	}
	if strings.HasPrefix(text, "-") && days <= 0 && d > 0 {
		d = -d // "-1d2h" is minus (1d2h)
	}
	if d > MaxDuration || d < -MaxDuration || days+d > MaxDuration || days+d < -MaxDuration {
		return 0, errTooLong
	}
	return days + d, nil
}

// milliseconds converts with the range checked first, because converting a
// float that does not fit is undefined.
func milliseconds(ms float64) (time.Duration, error) {
	if math.IsNaN(ms) || math.Abs(ms) > float64(MaxDuration/time.Millisecond) {
		return 0, errTooLong
	}
	return time.Duration(math.Round(ms * float64(time.Millisecond))), nil
}

// isDecimal keeps out the words, underscores and hexadecimal that ParseFloat takes.
func isDecimal(text string) bool {
	return text != "" && strings.Trim(text, "+-0123456789.eE") == "" && strings.ContainsAny(text, "0123456789")
}

var digits = regexp.MustCompile(`[0-9]+`)

// overflows reports whether text is a duration but for its size.
func overflows(text string) bool {
	_, err := time.ParseDuration(digits.ReplaceAllString(text, "1"))
	return err == nil
}
