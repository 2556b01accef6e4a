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

import "fmt"

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

// Metric is a named measurement. It is made by [Registry.Define] and immutable.
type Metric struct {
	Name string
	Type Type
	Unit Unit
}
