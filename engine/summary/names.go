package summary

import (
	"strings"

	"github.com/swarmload/swarm/engine/metric"
)

// placeholder is what stands for the changing part of a path once the names of
// requests have become too many to keep apart.
const placeholder = "{id}"

// naming says under which name the requests of an endpoint are listed.
type naming map[endpoint]endpoint

// of returns what e is listed as.
func (n naming) of(e endpoint) endpoint {
	if as, ok := n[e]; ok {
		return as
	}
	return e
}

// names lists requests that were named before the names became too many under
// the template that those after got: /users/7 with /users/{id}.
func names(set *metric.Set) naming {
	type form struct {
		method   string
		segments int
	}
	templates := map[form][]endpoint{}
	concrete := map[endpoint]bool{}
	for tags := range set.Series(metric.HTTPReqs) {
		e := endpointOf(tags)
		if concrete[e] {
			continue
		}
		concrete[e] = true
		if strings.Contains(e.name, placeholder) {
			f := form{e.method, strings.Count(e.name, "/")}
			templates[f] = append(templates[f], e)
		}
	}
	if len(templates) == 0 {
		return nil
	}
	as := naming{}
	for e := range concrete {
		path, _, _ := strings.Cut(e.name, "?")
		for _, t := range templates[form{e.method, strings.Count(path, "/")}] {
			if t != e && under(t.name, path) && (as[e].name == "" || t.name < as[e].name) {
				as[e] = t
			}
		}
	}
	return as
}

// under reports whether a path is one of those a template stands for: all its
// segments are the template's, or something like an ID where that has {id}.
func under(template, path string) bool {
	template, _, _ = strings.Cut(template, "?")
	for {
		want, restWanted, moreWanted := strings.Cut(template, "/")
		got, rest, more := strings.Cut(path, "/")
		if want != got && !(want == placeholder && strings.ContainsAny(got, "0123456789@")) || more != moreWanted {
			return false
		}
		if !more {
			return true
		}
		template, path = restWanted, rest
	}
}
