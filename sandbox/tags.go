package sandbox

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
)

// AppendTags reads the tags a script gave as an object and appends them to
// dst. Values may be strings, numbers and booleans; null and undefined leave
// the tag out. Anything else is a TypeError that names what, the function the
// script called.
func (v *VU) AppendTags(dst []metric.Tag, what string, value goja.Value) []metric.Tag {
	if value == nil || goja.IsUndefined(value) || goja.IsNull(value) {
		return dst
	}
	obj, ok := value.(*goja.Object)
	if !ok {
		v.Throw("TypeError", what+": tags must be an object, got "+v.Describe(value))
	}
	for _, key := range PropertyNames(obj) {
		tag := obj.Get(key)
		if goja.IsUndefined(tag) || goja.IsNull(tag) {
			continue
		}
		if _, isObject := tag.(*goja.Object); isObject {
			v.Throw("TypeError", fmt.Sprintf("%s: tag %q must be a string, a number or a boolean, got %s", what, key, Clip(v.Describe(tag), maxName)))
		}
		dst = append(dst, metric.Tag{Key: key, Value: tag.String()})
	}
	return dst
}

// PropertyNames returns the names of the properties of an object that serves
// as a list of named things. For a plain object it takes half the time of
// Keys, by not asking of each property whether it is enumerable.
func PropertyNames(obj *goja.Object) []string {
	if obj.ClassName() == "Object" {
		return obj.GetOwnPropertyNames()
	}
	return obj.Keys()
}

// SeriesCache finds the series of a metric under the scope in force without
// hashing tags. One serves all VUs of a Program: a hit takes no lock and
// allocates nothing. The zero value is not usable.
type SeriesCache struct {
	registry *metric.Registry
	known    sync.Map // seriesKey -> *metric.Series
	size     atomic.Int64
}

// maxCachedSeries bounds a cache: beyond it a script makes up tag values, and
// each lookup goes to the registry, which has a cap of its own.
const maxCachedSeries = 2 * metric.DefaultMaxSeries

type seriesKey struct {
	scope  *Scope
	metric *metric.Metric
	extra  metric.Tag // or several, encoded
}

// NewSeriesCache returns an empty cache over the registry.
func NewSeriesCache(r *metric.Registry) *SeriesCache {
	return &SeriesCache{registry: r}
}

// Series returns the series of m with the scope's tags.
func (c *SeriesCache) Series(scope *Scope, m *metric.Metric) *metric.Series {
	key := seriesKey{scope: scope, metric: m}
	if s, ok := c.known.Load(key); ok {
		return s.(*metric.Series)
	}
	return c.add(key, c.registry.Series(m, scope.Tags))
}

// SeriesWithTag returns the series of m with the scope's tags and one more.
func (c *SeriesCache) SeriesWithTag(scope *Scope, m *metric.Metric, tag metric.Tag) *metric.Series {
	key := seriesKey{scope: scope, metric: m, extra: tag}
	if s, ok := c.known.Load(key); ok {
		return s.(*metric.Series)
	}
	return c.add(key, c.registry.Series(m, scope.Tags.With(tag)))
}

// SeriesWithTags returns the series of m with the scope's tags and those given.
func (c *SeriesCache) SeriesWithTags(scope *Scope, m *metric.Metric, tags []metric.Tag) *metric.Series {
	if len(tags) == 0 {
		return c.Series(scope, m)
	}
	var extra strings.Builder
	for _, tag := range tags {
		// Lengths keep different lists from giving one text.
		fmt.Fprintf(&extra, "%d:%s=%d:%s,", len(tag.Key), tag.Key, len(tag.Value), tag.Value)
	}
	key := seriesKey{scope: scope, metric: m, extra: metric.Tag{Value: extra.String()}}
	if s, ok := c.known.Load(key); ok {
		return s.(*metric.Series)
	}
	return c.add(key, c.registry.Series(m, scope.Tags.With(tags...)))
}

func (c *SeriesCache) add(key seriesKey, s *metric.Series) *metric.Series {
	if c.size.Load() < maxCachedSeries && !key.scope.Transient {
		if _, loaded := c.known.LoadOrStore(key, s); !loaded {
			c.size.Add(1)
		}
	}
	return s
}
