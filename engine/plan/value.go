package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swarmload/swarm/engine/figure"
	"github.com/swarmload/swarm/engine/spelling"
)

// value is a node and where it stands. Its readers report what is wrong and
// then return false, so that one pass finds every problem. null means "not
// given" except where a number is due: NaN and Infinity arrive as null.
type value struct {
	node
	path   []string
	to     *ledger
	secret bool // see conceal
}

// child returns the value of n found under key. The path is copied: siblings
// must not share its memory.
func (v value) child(key string, n node) value {
	if n.from == nil {
		n.from, n.where = v.from, append(slices.Clip(v.where), key)
	}
	return value{node: n, path: append(slices.Clip(v.path), key), to: v.to, secret: v.secret}
}

// fail reports a problem with the value.
func (v value) fail(format string, args ...any) { v.failHint("", format, args...) }

func (v value) failHint(hint, format string, args ...any) {
	v.to.report(v.path, v.from, v.where, hint, fmt.Sprintf(format, args...))
	if v.secret {
		v.to.hide(v.at())
	}
}

// at returns where the value was given.
func (v value) at() Position { return v.from.at(v.where) }

// unknown reports the key as unknown.
func (v value) unknown(what string, known []string) {
	v.failHint(v.to.didYouMean(v.path[len(v.path)-1], known), "unknown %s", what)
}

// got describes the value for "…, got …".
func (v value) got() string {
	if v.secret && v.kind != null && v.kind != list && v.kind != object {
		return "what is not shown here"
	}
	switch v.kind {
	case null:
		return "null"
	case text:
		return quote(v.literal)
	case list:
		return "an array"
	case object:
		return "an object"
	}
	return shorten(v.literal)
}

// nullHint explains the null that JavaScript made of a miscalculation.
func (v value) nullHint() string {
	if v.kind == null {
		return "NaN and Infinity arrive as null"
	}
	return ""
}

// integer reads a whole number from low to high, also when it is written as a
// string, because everything in __ENV is one.
func (v value) integer(low, high int64) (int64, bool) { return v.integerHint(low, high, "") }

// integerHint is integer with a hint for what is too much.
func (v value) integerHint(low, high int64, hint string) (int64, bool) {
	f, err := strconv.ParseFloat(v.literal, 64)
	switch {
	case v.kind != number && v.kind != text,
		!isDecimal(v.literal),
		err != nil && !math.IsInf(f, 0),
		f != math.Trunc(f),
		f < float64(low):
		v.failHint(v.nullHint(), "must be a whole number of at least %s, got %s", figure.Count(low), v.got())
		return 0, false
	case f > float64(high):
		v.failHint(hint, "must be a whole number of at most %s, got %s", figure.Count(high), v.got())
		return 0, false
	}
	return int64(f), true
}

func (v value) setInt(dst *int, low, high int) {
	if n, ok := v.integer(int64(low), int64(high)); ok {
		*dst = int(n)
	}
}

// setFloat reads a number from low to high, also when it is written as a string.
func (v value) setFloat(dst *float64, low, high float64) {
	f, err := strconv.ParseFloat(v.literal, 64)
	if v.kind != number && v.kind != text || !isDecimal(v.literal) || err != nil || f < low || f > high {
		v.failHint(v.nullHint(), "must be a number from %s to %s, got %s", figure.Plain(low), figure.Plain(high), v.got())
		return
	}
	*dst = f
}

// choice reads one of a few words.
func (v value) choice(words ...string) (string, bool) {
	word, ok := v.str()
	if ok && !slices.Contains(words, word) {
		v.failHint(v.to.didYouMean(word, words), "must be %s, got %s", strings.Join(quoted(words, len(words)), " or "), v.got())
		ok = false
	}
	return word, ok
}

// setRunTime reads how long users are there: as Locust does, a number alone is
// seconds. 0 is until the run is stopped.
func (v value) setRunTime(dst *time.Duration) {
	if seconds, err := strconv.ParseFloat(v.literal, 64); isDecimal(v.literal) && (err == nil || math.IsInf(seconds, 0)) {
		switch d, err := milliseconds(seconds * 1000); {
		case err != nil:
			v.fail("%v, got %s", err, v.got())
		case d < 0:
			v.fail("must not be negative, got %s", v.got())
		default:
			*dst = d
		}
		return
	}
	v.setDuration(dst, 0)
}

// duration reads a duration of at least low.
func (v value) duration(low time.Duration) (time.Duration, bool) {
	if v.kind != number && v.kind != text {
		v.failHint(v.nullHint(), "%v, got %s", errNotDuration, v.got())
		return 0, false
	}
	d, err := ParseDuration(v.literal)
	switch {
	case err != nil:
		v.fail("%v, got %s", err, v.got())
		return 0, false
	case d < 0:
		v.fail("must not be negative, got %s", v.got())
		return 0, false
	case d < low && low == 1:
		v.fail("must be longer than 0, got %s", v.got())
		return 0, false
	case d < low:
		v.fail("must be at least %v, got %s", low, v.got())
		return 0, false
	}
	return d, true
}

func (v value) setDuration(dst *time.Duration, low time.Duration) {
	if d, ok := v.duration(low); ok {
		*dst = d
	}
}

func (v value) setBool(dst *bool) {
	switch v.kind {
	case null:
	case boolean:
		*dst = v.literal == "true"
	default:
		v.fail("must be true or false, got %s", v.got())
	}
}

// str reads a string of a sane length, which may be empty.
func (v value) str() (string, bool) { return v.longText(4096) }

// longText reads a string of at most that many bytes.
func (v value) longText(most int) (string, bool) {
	switch {
	case v.kind == null:
		return "", false
	case v.kind != text:
		v.fail("must be a string, got %s", v.got())
		return "", false
	case len(v.literal) > most:
		v.fail("must have at most %d bytes, got %d", most, len(v.literal))
		return "", false
	}
	return v.literal, true
}

// lacks reports whether the object has neither key nor a misspelling of it,
// which is reported already.
func (v value) lacks(key string) bool {
	for _, f := range v.fields {
		if f.key == key || spelling.Nearest(f.key, []string{key}) != "" {
			return false
		}
	}
	return true
}

// object calls visit for each field. It returns false when v is no object.
func (v value) object(what string, visit func(key string, v value)) bool {
	switch v.kind {
	case null:
		return false
	case object:
		for _, f := range v.fields {
			visit(f.key, v.child(f.key, f.value))
		}
		return true
	}
	v.fail("must be an object%s, got %s", what, v.got())
	return false
}

// list calls visit for each item. It returns false when v is no array.
func (v value) list(what string, most int, visit func(i int, v value)) bool {
	switch {
	case v.kind == null:
		return false
	case v.kind != list:
		v.fail("must be an array%s, got %s", what, v.got())
		return false
	case len(v.items) > most:
		v.fail("must have at most %d items, got %d", most, len(v.items))
		return false
	}
	for i, item := range v.items {
		visit(i, v.child(strconv.Itoa(i), item))
	}
	return true
}

// setStrings reads an object whose values are strings into dst; numbers and
// booleans become strings as in JavaScript.
func (v value) setStrings(dst map[string]string) {
	const most = 1000
	if len(v.fields) > most {
		v.fail("must have at most %d entries, got %d", most, len(v.fields))
		return
	}
	v.object(" of strings", func(key string, v value) {
		switch v.kind {
		case null:
		case text:
			if s, ok := v.str(); ok {
				dst[key] = s
			}
		case boolean, number:
			dst[key] = shorten(v.literal)
		default:
			v.fail("must be a string, a number or a boolean, got %s", v.got())
		}
	})
}
