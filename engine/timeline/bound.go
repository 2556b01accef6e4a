package timeline

import (
	"cmp"
	"slices"

	"github.com/swarmload/swarm/engine/metric"
)

// bound makes room until the timeline is within its bytes.
func (t *Timeline) bound() {
	t.retire()
	for t.bytes > t.maxBytes && (t.coarsen() || t.fold()) {
	}
	// What is recent, and how many intervals there are, is not kept at any
	// price: it takes a runner that means harm to get there, or a bound that
	// nothing fits in.
	for t.bytes > 2*t.maxBytes && (t.recent > 1 || t.fewest > 1) {
		t.recent, t.fewest = max(t.recent/2, 1), max(t.fewest/2, 1)
		t.retire()
		for t.bytes > 2*t.maxBytes && t.coarsen() {
		}
	}
	if t.bytes > t.maxBytes {
		t.patience, t.excess = t.end+fewest/4, t.bytes+t.maxBytes/8
	}
}

// retire makes old what is not recent.
func (t *Timeline) retire() {
	for _, e := range t.series {
		t.account(e, func() { e.retire(t.end-t.recent, t) })
	}
}

// account keeps the count of bytes while change changes e.
func (t *Timeline) account(e *series, change func()) {
	before := e.size()
	change()
	t.bytes += e.size() - before
}

// coarsen merges the neighbouring intervals of the next series that has some;
// false when there is none, but for those of a run that has few intervals.
func (t *Timeline) coarsen() bool {
	for {
		for ; t.sweep < len(t.series); t.sweep++ {
			e := t.series[t.sweep]
			if e.old.n < 2 || e.old.width >= t.target {
				continue
			}
			t.account(e, func() { e.old.coarsen(t.target, e.shape, &t.tmp) })
			t.coarsest = max(t.coarsest, t.target)
			return true
		}
		if t.end/(2*t.target) < t.fewest {
			return false
		}
		t.target *= 2
		t.sweep = 0
	}
}

// foldShare is which part of the series that can be folded are at once: it
// costs a look at all of them.
const foldShare = 32

// fold adds the series with the fewest samples to ones with fewer tags; false
// when there are none.
func (t *Timeline) fold() bool {
	distinct := make(map[*family]map[string]int)
	for _, f := range t.families {
		distinct[f] = f.distinct()
	}
	var candidates []*series
	for _, e := range t.series {
		f := t.families[e.metric.Name]
		if _, ok := collapsed(e.tags, distinct[f]); ok {
			candidates = append(candidates, e)
		}
	}
	slices.SortStableFunc(candidates, func(a, b *series) int { return cmp.Compare(a.count, b.count) })
	groups := make(map[*series][]*series)
	var order []*series // that of a map would differ from run to run
	for _, e := range candidates[:(len(candidates)+foldShare-1)/foldShare] {
		tags, _ := collapsed(e.tags, distinct[t.families[e.metric.Name]])
		into := t.find(e.metric, tags)
		if groups[into] == nil {
			order = append(order, into)
		}
		groups[into] = append(groups[into], e)
	}
	for _, into := range order {
		// It may have been one of another group. A target has more tags
		// collapsed than its group, so that there is no circle.
		t.foldAll(groups[into], into.survivor())
	}
	if len(candidates) == 0 {
		return false
	}
	t.series = slices.DeleteFunc(t.series, func(e *series) bool { return e.into != nil })
	t.sweep = 0
	for _, src := range t.sources {
		for _, known := range src {
			known.series = known.survivor()
		}
	}
	return true
}

// distinct counts the values of each tag.
func (f *family) distinct() map[string]int {
	values := make(map[metric.Tag]struct{})
	counts := make(map[string]int)
	for _, e := range f.sorted {
		for k, v := range e.tags.All() {
			tag := metric.Tag{Key: k, Value: v}
			if _, known := values[tag]; !known && v != metric.Overflow {
				values[tag] = struct{}{}
				counts[k]++
			}
		}
	}
	return counts
}

// collapsed returns tags with the value of that one replaced which has most;
// ok is false when none has more than one.
func collapsed(tags metric.Tags, distinct map[string]int) (_ metric.Tags, ok bool) {
	var worst string
	most := 1
	for k, v := range tags.All() {
		if v != metric.Overflow && distinct[k] > most {
			worst, most = k, distinct[k]
		}
	}
	if most == 1 {
		return tags, false
	}
	return tags.With(metric.Tag{Key: worst, Value: metric.Overflow}), true
}

// foldAll adds series to another. It adds them to each other first, two and
// two, so that a column that has become large is not written for each of them.
func (t *Timeline) foldAll(group []*series, into *series) {
	for len(group) > 1 {
		half := (len(group) + 1) / 2
		for i, e := range group[half:] {
			t.fold2(e, group[i])
		}
		group = group[:half]
	}
	t.fold2(group[0], into)
}

// fold2 adds e to another series.
func (t *Timeline) fold2(e, into *series) {
	before := e.size() + into.size()
	for _, half := range []*series{e, into} {
		half.retire(max(e.boundary, into.boundary), t)
	}
	width := max(e.old.width, into.old.width)
	for _, half := range []*series{e, into} {
		half.old.coarsen(width, e.shape, &t.tmp)
	}
	into.old.join(&e.old, e.shape, &t.tmp)
	into.recent.join(&e.recent, e.shape, &t.tmp)
	into.absorb(e)
	t.bytes += into.size() - before
	e.into = into
	f := t.families[e.metric.Name]
	delete(f.byKey, e.key) // who defines it anew gets it anew
	i, _ := f.search(e.key)
	f.sorted = slices.Delete(f.sorted, i, i+1)
	t.folded++
}

// absorb adds the totals of e.
func (into *series) absorb(e *series) {
	into.base = finite(into.base + e.base)
	switch {
	case e.shape == level:
		into.min, into.max = finite(into.min+e.min), finite(into.max+e.max)
	case into.count == 0:
		into.min, into.max = e.min, e.max
	case e.count > 0:
		into.min, into.max = min(into.min, e.min), max(into.max, e.max)
	}
	into.count = add(into.count, e.count)
}
