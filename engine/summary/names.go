package summary

import (
	"iter"
	"strings"

	"github.com/swarmload/swarm/engine/metric"
)

// placeholder is what stands for the changing part of a path once the names of
// requests have become too many to keep apart.
const placeholder = "{id}"

// Naming says under which method and name requests are listed.
type Naming struct{ as map[endpoint]endpoint }

// Of returns what requests with the tags are listed as.
func (n Naming) Of(tags metric.Tags) (method, name string) {
	e := n.of(endpointOf(tags))
	return e.method, e.name
}

func (n Naming) of(e endpoint) endpoint {
	if as, ok := n.as[e]; ok {
		return as
	}
	return e
}

// NamingOf reads the tags of all series of http_reqs. What was named before
// names became too many is listed under the template that those after got:
// /users/7 with /users/{id}.
func NamingOf(all iter.Seq[metric.Tags]) Naming {
	type form struct {
		method   string
		segments int
	}
	templates := map[form][]endpoint{}
	concrete := map[endpoint]bool{}
	for tags := range all {
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
		return Naming{}
	}
	as := map[endpoint]endpoint{}
	for e := range concrete {
		path, _, _ := strings.Cut(e.name, "?")
		for _, t := range templates[form{e.method, strings.Count(path, "/")}] {
			if t != e && under(t.name, path) && (as[e].name == "" || t.name < as[e].name) {
				as[e] = t
			}
		}
	}
	return Naming{as}
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
