package plan

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// overlay lays o over the options a script exported. What it adds is checked
// by the same readers as the script's own values.
func overlay(root node, o Overrides) node {
	if root.kind != object {
		return root
	}
	root.fields = slices.Clone(root.fields)
	lay := func(key string, n node) {
		n.laid = true
		root.set(key, n)
	}
	if o.VUs != nil || o.Duration != nil || o.Iterations != nil || o.Stages != nil {
		root.drop("scenarios")
	}
	if o.Duration != nil || o.Iterations != nil || o.Stages != nil {
		root.drop("duration", "iterations", "stages")
	}
	if o.VUs != nil {
		lay("vus", integerNode(int64(*o.VUs)))
	}
	if o.Duration != nil {
		lay("duration", durationNode(*o.Duration))
	}
	if o.Iterations != nil {
		lay("iterations", integerNode(*o.Iterations))
	}
	if o.Stages != nil {
		lay("stages", stagesNode(o.Stages))
	}
	if len(o.Tags) > 0 {
		tags, _ := root.get("tags")
		if tags.kind == null {
			tags.kind = object
		}
		if tags.kind == object {
			tags.fields = slices.Clone(tags.fields)
			for _, key := range slices.Sorted(maps.Keys(o.Tags)) {
				tags.set(key, node{kind: text, literal: o.Tags[key], laid: true})
			}
			root.set("tags", tags)
		}
	}
	if o.SummaryTrendStats != nil {
		stats := node{kind: list}
		for _, s := range o.SummaryTrendStats {
			stats.items = append(stats.items, node{kind: text, literal: s})
		}
		lay("summaryTrendStats", stats)
	}
	if o.SummaryTimeUnit != nil {
		lay("summaryTimeUnit", node{kind: text, literal: *o.SummaryTimeUnit})
	}
	if o.MaxRedirects != nil {
		lay("maxRedirects", integerNode(int64(*o.MaxRedirects)))
	}
	if o.UserAgent != nil {
		lay("userAgent", node{kind: text, literal: *o.UserAgent})
	}
	for key, b := range map[string]*bool{
		"throw":                 o.Throw,
		"insecureSkipTLSVerify": o.InsecureSkipTLSVerify,
		"noConnectionReuse":     o.NoConnectionReuse,
		"noVUConnectionReuse":   o.NoVUConnectionReuse,
		"discardResponseBodies": o.DiscardResponseBodies,
	} {
		if b != nil {
			lay(key, node{kind: boolean, literal: strconv.FormatBool(*b)})
		}
	}
	for key, given := range map[string]bool{
		"noSetup":      o.NoSetup,
		"noTeardown":   o.NoTeardown,
		"noThresholds": o.NoThresholds,
	} {
		if given {
			lay(key, node{kind: boolean, literal: "true"})
		}
	}
	return root
}

func integerNode(n int64) node { return node{kind: number, literal: strconv.FormatInt(n, 10)} }

func durationNode(d time.Duration) node { return node{kind: text, literal: d.String()} }

func stagesNode(stages []Stage) node {
	n := node{kind: list}
	for _, s := range stages {
		n.items = append(n.items, node{kind: object, fields: []field{
			{"duration", durationNode(s.Duration)},
			{"target", integerNode(int64(s.Target))},
		}})
	}
	return n
}
