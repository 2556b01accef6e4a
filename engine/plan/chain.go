package plan

import (
	"slices"
	"strings"
)

// waiting is a scenario that starts after another.
type waiting struct {
	name, after string
	at          value // startAfter
}

// chains checks what scenarios wait for.
func (d *draft) chains() {
	var names []string
	for name := range d.places {
		names = append(names, name)
	}
	after := make(map[string]string, len(d.waits))
	for _, w := range d.waits {
		after[w.name] = w.after
	}
	inCircle := map[string]bool{}
	for _, w := range d.waits {
		switch {
		case w.after == w.name:
			w.at.fail("must name another scenario, not its own")
			continue
		case !slices.Contains(names, w.after):
			w.at.failHint(d.didYouMean(w.after, names), "there is no scenario %s", quote(w.after))
			continue
		}
		if inCircle[w.name] {
			continue
		}
		circle, visited := []string{w.name}, map[string]bool{w.name: true}
		next := w.after
		for ; next != "" && !visited[next]; next = after[next] {
			visited[next] = true
			circle = append(circle, next)
		}
		if next != w.name {
			continue
		}
		for _, name := range circle {
			inCircle[name] = true
		}
		w.at.failHint("one of them must not wait", "these scenarios wait for one another: %s", strings.Join(quoted(circle, 5), ", "))
	}
}

// endless tells of scenarios that wait for one that nothing in the plan ends.
func (d *draft) endless() {
	for i := range d.plan.Scenarios {
		s := &d.plan.Scenarios[i]
		if s.StartAfter == "" {
			continue
		}
		for j := range d.plan.Scenarios {
			if before := &d.plan.Scenarios[j]; before.Name == s.StartAfter && before.Unbounded() {
				d.notef("scenario %s waits for %s, which has no duration: it starts when that is ended by hand, or by its shape", s.Name, before.Name)
			}
		}
	}
}

// searches checks capacity scenarios: there must be something to judge rates
// by, and only one search at a time that the judgement can belong to.
func (d *draft) searches() {
	var found []int
	for i := range d.plan.Scenarios {
		if d.plan.Scenarios[i].Executor == Capacity {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return
	}
	judged := len(d.selected) > len(d.plan.Submetrics) // those that are wrong count too
	starts := d.plan.starts()
	for n, i := range found {
		s := &d.plan.Scenarios[i]
		switch at := d.places[s.Name]; {
		case d.plan.NoThresholds:
			at.fail("a capacity scenario looks for the rate at which thresholds hold: it cannot go without (noThresholds)")
		case !judged:
			at.failHint(`such as thresholds: { http_req_response_time: ["p(95)<200"] }`, "a capacity scenario looks for the rate at which thresholds hold: there are none")
		}
		for _, j := range found[:n] {
			other := &d.plan.Scenarios[j]
			if starts[i] < other.endFrom(starts[j]) && starts[j] < s.endFrom(starts[i]) {
				d.places[s.Name].failHint("let one start after the other: startAfter: "+quote(other.Name),
					"two capacity scenarios cannot search at the same time, and %s does", quote(other.Name))
			}
		}
	}
}
