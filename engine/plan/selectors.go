package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/engine/spelling"
)

// selected is what a threshold is on, and where it says so.
type selected struct {
	Selector
	at value
}

// maxGuesses bounds how many tags are compared with those that may be meant.
const maxGuesses = 1_000

// laterTags are system tags of k6 beyond those that are on by default.
func laterTags() []string { return []string{"vu", "iter", "ip", "ocsp_status"} }

// ownTags are tags we set that systemTags does not govern.
func ownTags() []string { return []string{"user"} }

// selectors checks that what thresholds are on can come to have samples.
func (d *draft) selectors() {
	defer func() { d.selected = nil }()
	intended := d.plan.MinIterationDuration > 0 || slices.ContainsFunc(d.plan.Scenarios, func(s Scenario) bool { return s.Arrives() })
	custom := d.customTags()
	for _, s := range d.selected {
		switch s.Metric {
		case metric.HTTPReqResponseTime, metric.IterationResponseTime, metric.IterationDelay:
			if !intended && len(d.plan.Scenarios) > 0 {
				s.at.failHint("arrival rates and minIterationDuration have one; else use "+plainOf(s.Metric),
					"%s counts from an intended start, which no scenario has", s.Metric)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(s.Filter)) {
			d.checkTag(s, key, s.Filter[key], custom)
		}
	}
}

// plainOf returns the metric that measures the same without an intended start.
func plainOf(name string) string {
	if name == metric.HTTPReqResponseTime {
		return metric.HTTPReqDuration
	}
	return metric.IterationDuration
}

// checkTag judges one tag of a threshold's filter. What a script tags with at
// run time is not known here, so most doubts are notes.
func (d *draft) checkTag(s selected, key, value string, custom map[string]bool) {
	p := &d.plan
	name := pathString(s.at.path)
	switch {
	case key == "scenario" && !custom[key]:
		var scenarios []string
		for scenario := range d.places {
			scenarios = append(scenarios, scenario)
		}
		if !slices.Contains(scenarios, value) {
			s.at.failHint(d.didYouMean(value, scenarios), "there is no scenario %s", quote(value))
		}
	case key == "group" && value != "" && !strings.HasPrefix(value, "::"):
		d.notef("%s: the tag group holds a path: write group:::%s", name, shorten(value))
	case custom[key]:
	case slices.Contains(p.SystemTags, key), slices.Contains(ownTags(), key):
	case slices.Contains(defaults().SystemTags, key), slices.Contains(laterTags(), key):
		d.notef("%s: no sample has the tag %s, unless the script sets it: systemTags leaves it out", name, key)
	case d.guesses < maxGuesses:
		d.guesses++
		if near := spelling.Nearest(key, slices.Concat(p.SystemTags, ownTags())); near != "" {
			d.notef("%s: is the tag %s one of the script's? did you mean %q?", name, quote(key), near)
		}
	}
}

// customTags returns the names of all tags that the options set.
func (d *draft) customTags() map[string]bool {
	all := map[string]bool{}
	add := func(tags map[string]string) {
		for key := range tags {
			all[key] = true
		}
	}
	add(d.plan.Tags)
	for _, s := range d.plan.Scenarios {
		add(s.Tags)
		for _, c := range s.Classes {
			add(c.Tags)
		}
	}
	return all
}
