package sandbox

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/vu"
)

// Bounds of groups. A script that puts a variable into group names would make
// a scope for each; past the bound they share one.
const (
	maxGroups     = 1000
	maxGroupDepth = 32
	groupSep      = "::"
)

// Scope is the set of tags in force: test, scenario and group. Scopes are
// interned: same tags, same pointer, across all VUs of a Program. Modules use
// the pointer as cache key for series handles. Immutable.
type Scope struct {
	Tags     metric.Tags // complete: test-wide tags, scenario's tags, `scenario` and `group` where systemTags has them
	Scenario string
	Group    string // "::outer::inner", "" outside groups
	// Transient says that the scope is not interned: a cache must not keep it.
	// Scripts that change their VU's tags all the time make such.
	Transient bool

	plain    *Scope // without what the VU changed; nil: it changed nothing
	depth    int
	children atomic.Pointer[map[string]*Scope] // by name; replaced, never changed
}

// bare returns the scope without what the VU changed about its tags.
func (s *Scope) bare() *Scope {
	if s.plain != nil {
		return s.plain
	}
	return s
}

// scopes interns the Scopes of one Program. Entering a group that was entered
// before, by any VU, takes no lock.
type scopes struct {
	host         *Host
	test         *Scope
	withScenario bool
	withGroup    bool

	mu        sync.Mutex
	scenarios map[*vu.Scenario]*Scope
	interned  map[string]*Scope   // scenario scopes by content
	overlays  map[string]*overlay // by content
	groups    int
	full      bool
}

func (s *scopes) init(h *Host) {
	s.host = h
	s.scenarios = make(map[*vu.Scenario]*Scope)
	s.interned = make(map[string]*Scope)
	s.withScenario, s.withGroup = true, true
	var tags metric.Tags
	if h.Plan != nil {
		s.withScenario = slices.Contains(h.Plan.SystemTags, "scenario")
		s.withGroup = slices.Contains(h.Plan.SystemTags, "group")
		tags = metric.TagsFromMap(h.Plan.Tags)
	}
	s.test = &Scope{Tags: tags}
}

// scenario returns the scope of sc outside groups.
func (s *scopes) scenario(sc *vu.Scenario) *Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	if scope := s.scenarios[sc]; scope != nil {
		return scope
	}
	tags := s.test.Tags
	for key, value := range sc.Tags {
		tags = tags.With(metric.Tag{Key: key, Value: value})
	}
	if s.withScenario {
		tags = tags.With(metric.Tag{Key: "scenario", Value: sc.Name})
	}
	key := sc.Name + "\x00" + tags.String()
	scope := s.interned[key]
	if scope == nil {
		scope = &Scope{Tags: tags, Scenario: sc.Name}
		s.interned[key] = scope
	}
	s.scenarios[sc] = scope
	return scope
}

// lifecycle returns the scope of functions that belong to no iteration.
func (s *scopes) lifecycle(p Phase) *Scope {
	switch p {
	case Setup, Teardown, VUSetup, VUTeardown, Consulted:
		return s.group(s.test, p.String())
	}
	return s.test
}

// group returns the scope of the group name inside parent.
func (s *scopes) group(parent *Scope, name string) *Scope {
	if known := parent.children.Load(); known != nil {
		if scope := (*known)[name]; scope != nil {
			return scope
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var old map[string]*Scope
	if known := parent.children.Load(); known != nil {
		old = *known
		if scope := old[name]; scope != nil {
			return scope
		}
	}
	if s.groups >= maxGroups && name != metric.Overflow {
		if !s.full {
			s.full = true
			s.host.log(LogLine{Level: "warn", Source: "group", Text: "more than 1000 groups: further ones are counted as " + metric.Overflow + "; put what varies into a tag"})
		}
		if scope := old[metric.Overflow]; scope != nil {
			return scope
		}
		name = metric.Overflow
	}
	s.groups++
	scope := &Scope{
		Tags:     parent.Tags,
		Scenario: parent.Scenario,
		Group:    parent.Group + groupSep + name,
		depth:    parent.depth + 1,
	}
	if s.withGroup {
		scope.Tags = scope.Tags.With(metric.Tag{Key: "group", Value: scope.Group})
	}
	children := make(map[string]*Scope, len(old)+1)
	for k, v := range old {
		children[k] = v
	}
	children[name] = scope
	parent.children.Store(&children)
	return scope
}

// Scope returns the scope in force.
func (v *VU) Scope() *Scope { return v.scope }

// EnterGroup makes name the innermost group and returns what restores the
// scope before it. It throws when name cannot be a group's.
func (v *VU) EnterGroup(name string) (leave func()) {
	before := v.scope.bare()
	if strings.Contains(name, groupSep) {
		v.Throw("Error", "a group's name must not contain "+groupSep)
	}
	if before.depth >= maxGroupDepth {
		v.Throw("Error", "groups are nested too deep")
	}
	v.setScope(v.program.scopes.group(before, name))
	return func() { v.setScope(before) }
}

// scopeTracker carries the scope over awaits: code after an await runs in the
// scope it was suspended in.
type scopeTracker VU

// Grab returns the scope for a continuation that is being registered.
func (t *scopeTracker) Grab() any { return t.scope.bare() }

// Resumed is called before the continuation runs.
func (t *scopeTracker) Resumed(scope any) {
	if scope, ok := scope.(*Scope); ok {
		(*VU)(t).setScope(scope)
	}
}

// Exited is called after the continuation ran.
func (t *scopeTracker) Exited() { (*VU)(t).setScope(t.root) }
