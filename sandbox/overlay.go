package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/swarmload/swarm/engine/metric"
)

// maxOverlays bounds how many are interned. A script that puts a counter into
// its VU's tags makes one for each value; those beyond live as long as their VU
// has them.
const maxOverlays = 500

// maxVUTags is how many tags a VU may come to have by those that a script sets.
// It leaves room in a set for the tags of a request.
const maxVUTags = metric.MaxTags / 2

// overlay is what a script changed about the tags of its VU: a layer over
// whatever scope is in force. Interned like scopes, so that VUs with the same
// changes share their scopes, and with them every cached handle.
type overlay struct {
	changes  []tagChange // by key, each once
	interned bool

	mu     sync.Mutex
	scopes atomic.Pointer[map[*Scope]*Scope] // by the scope underneath; replaced, never changed
}

type tagChange struct {
	key, value string
	gone       bool
}

// over returns the scope that plain is with the changes made.
func (o *overlay) over(plain *Scope) *Scope {
	if known := o.scopes.Load(); known != nil {
		if scope := (*known)[plain]; scope != nil {
			return scope
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make(map[*Scope]*Scope)
	if known := o.scopes.Load(); known != nil {
		if scope := (*known)[plain]; scope != nil {
			return scope
		}
		maps.Copy(all, *known)
	}
	scope := &Scope{
		Tags: plain.Tags, Scenario: plain.Scenario, Group: plain.Group,
		Transient: !o.interned,
		depth:     plain.depth, plain: plain,
	}
	set := make([]metric.Tag, 0, len(o.changes))
	gone := make(map[string]bool)
	for _, c := range o.changes {
		if c.gone {
			gone[c.key] = true
		} else {
			set = append(set, metric.Tag{Key: c.key, Value: c.value})
		}
	}
	if len(gone) > 0 {
		var left []metric.Tag
		for key, value := range plain.Tags.All() {
			if !gone[key] {
				left = append(left, metric.Tag{Key: key, Value: value})
			}
		}
		scope.Tags = metric.NewTags(left...)
	}
	scope.Tags = scope.Tags.With(set...)
	all[plain] = scope
	o.scopes.Store(&all)
	return scope
}

// without returns the changes of o, which may be nil, less that of key, and
// where in them one of key belongs.
func (o *overlay) without(key string) ([]tagChange, int) {
	if o == nil {
		return nil, 0
	}
	changes := slices.Clone(o.changes)
	i, found := slices.BinarySearchFunc(changes, key, func(c tagChange, key string) int { return strings.Compare(c.key, key) })
	if found {
		changes = slices.Delete(changes, i, i+1)
	}
	return changes, i
}

// overlay returns the layer of these changes, nil for none.
func (s *scopes) overlay(changes []tagChange) *overlay {
	if len(changes) == 0 {
		return nil
	}
	var key strings.Builder
	for _, c := range changes {
		// Lengths keep different lists from giving one text.
		fmt.Fprintf(&key, "%d:%s=%d:%s,%t;", len(c.key), c.key, len(c.value), c.value, c.gone)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.overlays[key.String()]; o != nil {
		return o
	}
	o := &overlay{changes: changes}
	if len(s.overlays) < maxOverlays {
		if s.overlays == nil {
			s.overlays = make(map[string]*overlay)
		}
		o.interned = true
		s.overlays[key.String()] = o
	}
	return o
}

// SetTag makes key=value one of the tags of everything the VU records from now
// on, in this scenario and whatever group. It throws when the VU has as many
// tags as there may be.
func (v *VU) SetTag(key, value string) {
	// As the registry would: what is read back is what is recorded.
	for k, bounded := range metric.NewTags(metric.Tag{Key: key, Value: value}).All() {
		key, value = k, bounded
	}
	if known, ok := v.scope.Tags.Get(key); ok && known == value && v.scope.plain != nil {
		return
	}
	if _, ok := v.scope.Tags.Get(key); !ok && v.scope.Tags.Len() >= maxVUTags {
		v.Throw("RangeError", fmt.Sprintf("a VU cannot have more than %d tags", maxVUTags))
	}
	changes, i := v.overlay.without(key)
	v.lay(slices.Insert(changes, i, tagChange{key: key, value: value}))
}

// DeleteTag takes the tag of that name away from everything the VU records from
// now on, also if it is the test's, the scenario's or one that swarm sets.
func (v *VU) DeleteTag(key string) {
	if _, ok := v.scope.Tags.Get(key); !ok {
		return
	}
	changes, i := v.overlay.without(key)
	if _, own := v.scope.bare().Tags.Get(key); own {
		changes = slices.Insert(changes, i, tagChange{key: key, gone: true})
	}
	v.lay(changes)
}

// lay puts these changes in force instead of those before.
func (v *VU) lay(changes []tagChange) {
	v.overlay = v.program.scopes.overlay(changes)
	v.setScope(v.scope.bare())
}

// setScope puts a scope in force, under what the script changed about it.
func (v *VU) setScope(plain *Scope) {
	v.scope = plain
	if v.overlay != nil {
		v.scope = v.overlay.over(plain)
	}
}
