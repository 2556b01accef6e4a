package plan

import (
	"maps"

	"github.com/swarmload/swarm/engine/figure"
)

const (
	maxClasses   = 1_000
	maxWeight    = 1_000_000
	minSpawnRate = 0.001
	maxSpawnRate = 1_000_000
)

// readClasses reads the kinds of users.
func (r *reading) readClasses(v value) {
	known := []string{"exec", "name", "weight", "fixedCount", "env", "tags"}
	names := map[string]bool{}
	isList := v.list(" of classes", maxClasses, func(_ int, v value) {
		c := Class{Exec: "default", Weight: 1, Env: map[string]string{}, Tags: map[string]string{}}
		named, fixed := v, false
		isObject := v.object(" with exec, weight and the like", func(key string, v value) {
			switch key {
			case "exec":
				if exec, ok := v.str(); ok {
					c.Exec = exec
				}
			case "name":
				if name, ok := v.str(); ok {
					c.Name, named = name, v
				}
			case "weight":
				v.setFloat(&c.Weight, 0, maxWeight)
			case "fixedCount":
				v.setInt(&c.FixedCount, 0, MaxVUs)
				fixed = true
			case "env":
				v.setStrings(c.Env)
			case "tags":
				v.setStrings(c.Tags)
			default:
				v.unknown("option of a class", known)
			}
		})
		if !isObject {
			if v.kind == null {
				v.fail("must be an object with exec, weight and the like, got null")
			}
			return
		}
		if c.Name == "" {
			c.Name = c.Exec
		}
		weight, _ := v.get("weight")
		switch {
		case c.Weight == 0 && !fixed:
			v.child("weight", weight).failHint("leave the class out, or give it a fixedCount", "must be above 0, got 0")
		case names[c.Name]:
			named.failHint("give each a name", "there are two classes named %s", quote(c.Name))
		}
		if c.FixedCount > 0 {
			c.Weight = 0
		}
		names[c.Name] = true
		r.checkExec(v, c.Exec, !v.lacks("exec"))
		r.s.Classes = append(r.s.Classes, c)
	})
	switch {
	case v.kind == null:
		v.fail("must be an array of classes, got null")
	case isList && len(v.items) == 0:
		v.fail("must have at least one class")
	}
}

// checkUsers makes a class of a scenario without any, and gives each what the
// scenario has for all.
func (r *reading) checkUsers() {
	s := &r.s
	if runTime, both := r.given["runTime"]; both {
		if _, both = r.given["duration"]; both {
			runTime.fail("conflicts with duration: they mean the same")
		}
	}
	if _, given := r.given["maxVUs"]; given && s.MaxVUs < s.VUs && r.clean() {
		r.option("maxVUs").fail("must be at least users (%s), got %s", figure.Count(s.VUs), figure.Count(s.MaxVUs))
	}
	if classes, given := r.given["classes"]; given {
		if exec, both := r.given["exec"]; both {
			exec.failHint("each class has its own", "conflicts with classes")
		}
		if r.clean() {
			s.Exec = s.Classes[0].Exec
			r.noteFixed(classes)
		}
	} else {
		if exec, given := r.given["exec"]; given {
			r.alias(exec, "scenarios", s.Name, "classes")
		}
		s.Classes = []Class{{Name: s.Exec, Exec: s.Exec, Weight: 1, Env: map[string]string{}, Tags: map[string]string{}}}
	}
	for i := range s.Classes {
		c := &s.Classes[i]
		c.Env, c.Tags = joined(s.Env, c.Env), joined(s.Tags, c.Tags)
	}
}

// noteFixed tells of classes that get no user for those of a fixed count.
func (r *reading) noteFixed(classes value) {
	fixed, byWeight := 0, false // at least one class goes by weight
	for _, c := range r.s.Classes {
		fixed += c.FixedCount
		byWeight = byWeight || c.FixedCount == 0
	}
	switch {
	case fixed > r.s.VUs:
		r.notef("%s: their fixedCount comes to %d, more than users (%d): not all will be there", pathString(classes.path), fixed, r.s.VUs)
	case fixed < r.s.VUs && !byWeight:
		r.notef("%s: there will be %d users, not %d, as that is what fixedCount comes to and no class has a weight", pathString(classes.path), fixed, r.s.VUs)
	case fixed == r.s.VUs && byWeight:
		r.notef("%s: those with a weight get no user, as users (%d) are no more than fixedCount comes to", pathString(classes.path), fixed)
	}
}

// joined returns own laid over common.
func joined(common, own map[string]string) map[string]string {
	all := maps.Clone(common)
	maps.Copy(all, own)
	return all
}
