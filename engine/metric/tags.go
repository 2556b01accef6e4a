package metric

// Tag is one key and its value.
type Tag struct{ Key, Value string }

// Tags is an immutable set of tags sorted by key, each key once. The zero
// value is the empty set. It is a value: copy freely, share between goroutines.
type Tags struct{ pairs []Tag }
