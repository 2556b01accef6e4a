package execution

import (
	"fmt"
	"slices"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/sandbox"
)

func (in *instance) vuMetrics() goja.Value {
	if in.metrics == nil {
		in.metrics = in.metricsShape.New(in.v, in)
	}
	return in.metrics
}

func (in *instance) vuTags() goja.Value {
	if in.tags == nil {
		in.tags = in.v.Runtime().NewDynamicObject(tags{in.v})
	}
	return in.tags
}

func (in *instance) vuMetadata() goja.Value {
	if in.metadata == nil {
		in.metadata = in.v.Runtime().NewDynamicObject(&metadata{v: in.v})
	}
	return in.metadata
}

// label returns a value as a tag has it, or throws.
func label(v *sandbox.VU, what, key string, value goja.Value) string {
	switch value.(type) {
	case *goja.Object, *goja.Symbol:
	default:
		if !goja.IsUndefined(value) && !goja.IsNull(value) {
			return value.String()
		}
	}
	v.Throw("TypeError", fmt.Sprintf("%s: %q must be a string, a number or a boolean, got %s",
		what, sandbox.Clip(key, metric.MaxTagKey), sandbox.Clip(v.Describe(value), metric.MaxTagKey)))
	return ""
}

// tags is exec.vu.tags: the tags in force, live both ways.
type tags struct{ v *sandbox.VU }

func (t tags) Get(key string) goja.Value {
	if value, ok := t.v.Scope().Tags.Get(key); ok {
		return t.v.Runtime().ToValue(value)
	}
	return nil
}

func (t tags) Set(key string, value goja.Value) bool {
	if key == "" {
		t.v.Throw("TypeError", "exec.vu.tags: a tag must have a name")
	}
	t.v.SetTag(key, label(t.v, "exec.vu.tags", key, value))
	return true
}

func (t tags) Has(key string) bool {
	_, ok := t.v.Scope().Tags.Get(key)
	return ok
}

func (t tags) Delete(key string) bool {
	t.v.DeleteTag(key)
	return true
}

func (t tags) Keys() []string {
	var keys []string
	for key := range t.v.Scope().Tags.All() {
		keys = append(keys, key)
	}
	return keys
}

// maxMetadata is how many entries a VU's metadata may have.
const maxMetadata = metric.MaxTags

// metadata is exec.vu.metrics.metadata: what k6 attaches to single samples.
// There are no single samples here, so it is only kept for the script.
type metadata struct {
	v      *sandbox.VU
	of     string // scenario
	keys   []string
	values map[string]string
}

// now returns the metadata of the current scenario: another one begins without.
func (m *metadata) now() *metadata {
	if of := m.v.Scope().Scenario; of != m.of {
		m.of, m.keys, m.values = of, nil, nil
	}
	return m
}

func (m *metadata) Get(key string) goja.Value {
	if value, ok := m.now().values[key]; ok {
		return m.v.Runtime().ToValue(value)
	}
	return nil
}

func (m *metadata) Set(key string, value goja.Value) bool {
	text := label(m.v, "exec.vu.metrics.metadata", key, value)
	m.now()
	if _, known := m.values[key]; !known {
		if len(m.keys) >= maxMetadata || len(key) > metric.MaxTagKey {
			m.v.Throw("RangeError", fmt.Sprintf("exec.vu.metrics.metadata: at most %d entries with names of at most %d bytes", maxMetadata, metric.MaxTagKey))
		}
		if m.values == nil {
			m.values = make(map[string]string)
		}
		m.keys = append(m.keys, key)
	}
	m.values[key] = sandbox.Clip(text, metric.MaxTagValue)
	return true
}

func (m *metadata) Has(key string) bool {
	_, ok := m.now().values[key]
	return ok
}

func (m *metadata) Delete(key string) bool {
	if m.Has(key) {
		delete(m.values, key)
		m.keys = slices.DeleteFunc(m.keys, func(k string) bool { return k == key })
	}
	return true
}

func (m *metadata) Keys() []string { return m.now().keys }
