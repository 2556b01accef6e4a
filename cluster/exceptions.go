package cluster

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/swarmload/swarm/cluster/wire"
	"github.com/swarmload/swarm/engine/summary"
	"github.com/swarmload/swarm/engine/vu"
)

// Exceptions are grouped where they happen. A script whose messages all differ
// fills maxKinds groups; further ones are counted by place, and when those
// groups are full as well, as one.
const (
	maxKinds     = 100  // exact groups on a runner
	maxPlaces    = 50   // groups by place on a runner
	maxBookKinds = 1000 // on a coordinator, over all runners
)

// signature tells kinds of exceptions apart: same scenario, same text, same place.
func signature(scenario string, e *vu.Exception) string {
	var b strings.Builder
	b.WriteString(scenario)
	b.WriteByte(0)
	b.WriteString(e.Name)
	b.WriteByte(0)
	b.WriteString(e.Message)
	if len(e.Stack) > 0 {
		f := e.Stack[0]
		b.WriteByte(0)
		b.WriteString(f.File)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(f.Line))
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(f.Column))
	}
	return b.String()
}

// exceptionLog counts exceptions on the runner. Safe for concurrent use.
type exceptionLog struct {
	mu     sync.Mutex
	began  time.Time
	groups map[string]*exceptionGroup
	order  []*exceptionGroup
	exact  int
	places int
}

type exceptionGroup struct {
	scenario    string
	error       *vu.Exception
	count, sent uint64
	first, last time.Duration
}

func newExceptionLog() *exceptionLog {
	return &exceptionLog{groups: map[string]*exceptionGroup{}}
}

// start sets the moment from which First and Last count.
func (l *exceptionLog) start(now time.Time) {
	l.mu.Lock()
	l.began = now
	l.mu.Unlock()
}

func (l *exceptionLog) add(scenario string, e *vu.Exception, now time.Time) {
	e = wire.Trim(e)
	key := signature(scenario, e)
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[key]
	if g == nil {
		g = l.newGroup(key, scenario, e)
	}
	at := now.Sub(l.began)
	if g.count == 0 {
		g.first = at
	}
	g.count++
	g.last = max(g.last, at)
}

func (l *exceptionLog) newGroup(key, scenario string, e *vu.Exception) *exceptionGroup {
	switch {
	case l.exact < maxKinds:
		l.exact++
	default:
		e = &vu.Exception{Name: e.Name, Message: "(other messages)", Stack: e.Stack}
		key = signature(scenario, e)
		if g := l.groups[key]; g != nil {
			return g
		}
		if l.places < maxPlaces {
			l.places++
			break
		}
		scenario, e = "", &vu.Exception{Name: "Error", Message: "(other errors)"}
		key = signature(scenario, e)
		if g := l.groups[key]; g != nil {
			return g
		}
	}
	g := &exceptionGroup{scenario: scenario, error: e}
	l.groups[key] = g
	l.order = append(l.order, g)
	return g
}

// take returns what was added since the last take.
func (l *exceptionLog) take() []*wire.ExceptionDelta {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*wire.ExceptionDelta
	for _, g := range l.order {
		if g.count == g.sent {
			continue
		}
		out = append(out, &wire.ExceptionDelta{
			Scenario:  wire.Text(wire.Shorten(g.scenario, maxScenarioName)),
			Exception: wire.FromException(g.error),
			Count:     g.count - g.sent,
			First:     int64(g.first),
			Last:      int64(g.last),
		})
		g.sent = g.count
	}
	return out
}

const maxScenarioName = 256

// exceptionBook merges exceptions on the coordinator. Not safe for concurrent use.
type exceptionBook struct {
	groups map[string]*bookEntry
	order  []*bookEntry
}

type bookEntry struct {
	Exception
	told uint64 // Count when the observer last heard of it
}

func newExceptionBook() *exceptionBook { return &exceptionBook{groups: map[string]*bookEntry{}} }

func (b *exceptionBook) merge(deltas []*wire.ExceptionDelta) {
	for _, d := range deltas {
		e := wire.ToException(d.GetException())
		if e == nil || d.GetCount() == 0 {
			continue
		}
		scenario := wire.Shorten(d.GetScenario(), maxScenarioName)
		key := signature(scenario, e)
		entry := b.groups[key]
		if entry == nil && len(b.order) >= maxBookKinds {
			scenario, e = "", &vu.Exception{Name: "Error", Message: "(other errors)"}
			key = signature(scenario, e)
			entry = b.groups[key]
		}
		first, last := time.Duration(d.GetFirst()), time.Duration(d.GetLast())
		if entry == nil {
			entry = &bookEntry{Exception: Exception{Scenario: scenario, Error: e, First: first, Last: last}}
			b.groups[key] = entry
			b.order = append(b.order, entry)
		}
		entry.Count += d.GetCount()
		entry.First, entry.Last = min(entry.First, first), max(entry.Last, last)
	}
}

// tell passes on kinds that are new, and if all is set those that changed.
func (b *exceptionBook) tell(all bool, observe func(Exception)) {
	for _, entry := range b.order {
		if entry.told == 0 || all && entry.told != entry.Count {
			entry.told = entry.Count
			observe(entry.Exception)
		}
	}
}

// summarise returns the groups as the summary has them: whatever the scenario.
func (b *exceptionBook) summarise() []summary.ErrorGroup {
	var out []summary.ErrorGroup
	at := map[string]int{}
	for _, entry := range b.order {
		key := signature("", entry.Error)
		i, known := at[key]
		if !known {
			g := summary.ErrorGroup{Kind: "exception", Message: entry.Error.Error(), First: entry.First, Last: entry.Last}
			if len(entry.Error.Stack) > 0 {
				f := entry.Error.Stack[0]
				g.File, g.Line, g.Column = f.File, f.Line, f.Column
			}
			i = len(out)
			at[key] = i
			out = append(out, g)
		}
		out[i].Count += entry.Count
		out[i].First, out[i].Last = min(out[i].First, entry.First), max(out[i].Last, entry.Last)
	}
	return out
}
