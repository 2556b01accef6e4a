// Package metric records what a test measures and makes it mergeable.
//
// A runner records samples into a [Registry] through [Recorder] shards: no
// lock, no channel, no allocation per sample. Once a second it takes a
// [Snapshot], the delta since the previous one, and sends it on. Whoever
// receives snapshots merges them into a [Set]. Every value is an exactly
// mergeable aggregate of fixed size, so one runner or a thousand give the same
// counts and the same percentiles.
//
// Values of [Time] metrics are milliseconds; values of [Data] metrics are bytes.
package metric

import (
	"errors"
	"fmt"
)

// Type says how the samples of a metric aggregate.
type Type uint8

// The four types, with the meaning they have in k6.
const (
	Counter Type = iota + 1 // sums
	Gauge                   // keeps the latest value, the smallest and the largest
	Rate                    // share of samples that are not zero
	Trend                   // distribution: percentiles, mean, min, max
)

// String returns the lower-case name of the type.
func (t Type) String() string {
	switch t {
	case Counter:
		return "counter"
	case Gauge:
		return "gauge"
	case Rate:
		return "rate"
	case Trend:
		return "trend"
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Unit says what the values of a metric are.
type Unit uint8

// Units of values.
const (
	Plain Unit = iota // a bare number
	Time              // milliseconds
	Data              // bytes
)

// String returns "plain", "time" or "data".
func (u Unit) String() string {
	switch u {
	case Plain:
		return "plain"
	case Time:
		return "time"
	case Data:
		return "data"
	}
	return fmt.Sprintf("unit(%d)", uint8(u))
}

// Contains returns what k6 says a metric of that unit contains: "default",
// "time" or "data".
func (u Unit) Contains() string {
	if u == Time || u == Data {
		return u.String()
	}
	return "default"
}

// MarshalText and UnmarshalText make units readable in JSON.
func (u Unit) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (u *Unit) UnmarshalText(text []byte) error {
	for known := Plain; known <= Data; known++ {
		if string(text) == known.String() {
			*u = known
			return nil
		}
	}
	return fmt.Errorf("unknown unit %q", text)
}

// noun says in an error message what values of the unit are.
func (u Unit) noun() string {
	switch u {
	case Plain:
		return "plain numbers"
	case Time:
		return "times"
	case Data:
		return "data sizes"
	}
	return fmt.Sprintf("unit(%d)", uint8(u))
}

// Metric is a named measurement. It is made by [Registry.Define] and immutable.
type Metric struct {
	Name string
	Type Type
	Unit Unit
}

// AddsUp reports whether m is a gauge of things that runners and tag sets have
// beside each other: the VUs of a run are those of all its runners.
func (m Metric) AddsUp() bool {
	return m.Type == Gauge && (m.Name == VUs || m.Name == VUsMax)
}

// Validate reports why m cannot be defined.
func (m Metric) Validate() error {
	if err := validName(m.Name); err != nil {
		return err
	}
	if m.Type < Counter || m.Type > Trend {
		return fmt.Errorf("metric %q: unknown type %d", m.Name, m.Type)
	}
	if m.Unit > Data {
		return fmt.Errorf("metric %q: unknown unit %d", m.Name, m.Unit)
	}
	return nil
}

func tooManyMetrics(name string) error {
	return fmt.Errorf("metric %q is one too many: a test has at most %d metrics", name, MaxMetrics)
}

func validName(name string) error {
	if name == "" {
		return errors.New("a metric needs a name")
	}
	if len(name) > maxNameLength {
		return fmt.Errorf("metric name %q… is longer than %d characters", name[:32], maxNameLength)
	}
	for i, c := range []byte(name) {
		letter := c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if !letter && (!digit || i == 0) {
			return fmt.Errorf("metric name %q: use a letter or _, then letters, digits or _", name)
		}
	}
	return nil
}

// mustEqual reports how m differs from the metric known under its name.
func (m Metric) mustEqual(known Metric) error {
	if m.Type != known.Type {
		return fmt.Errorf("metric %q is a %s already, not a %s", m.Name, known.Type, m.Type)
	}
	if m.Unit != known.Unit {
		return fmt.Errorf("metric %q holds %s already, not %s", m.Name, known.Unit.noun(), m.Unit.noun())
	}
	return nil
}
