package plan

import (
	"slices"
	"time"
)

// Overrides are the layers of options around those of the script. Of a setting
// that several give, the topmost counts: Below, the script, Above.
//
// Options that describe a workload exclude each other across layers as they do
// within one: scenarios hide what lower layers say of vus, duration and the
// like; any of those hides lower scenarios, as in k6, and duration, iterations
// and stages hide each other. The workload of a users scenario is changed in
// place instead (see adjust). Tags are joined, all other values replace what
// lies below them.
type Overrides struct {
	Below []Layer // lowest first: a configuration file
	Above []Layer // lowest first: the environment, then flags
}

// Layer is options from one source.
type Layer struct {
	Options []byte // a JSON object with the keys of a script's options
	// Locate returns where the value at path was given: a place in a file, or
	// just a File, "--vus", if it was not in one. The zero Position when it is
	// not known. May be nil.
	Locate func(path []string) Position
	// Line returns a line of the file that Locate names, to be shown with what
	// is wrong there. May be nil.
	Line func(number int) string
}

// layer is a Layer that values point back to.
type layer struct {
	locate func(path []string) Position
	line   func(number int) string
	script bool // the layer is what the script exports
}

// isScript reports whether the script itself gave a value, as far as is known.
func (l *layer) isScript() bool { return l == nil || l.script }

// at finds the closest place known: that of the value, or of what holds it
// when the value is what is missing.
func (l *layer) at(path []string) Position {
	if l == nil || l.locate == nil {
		return Position{}
	}
	for ; ; path = path[:len(path)-1] {
		if at := l.locate(slices.Clone(path)); at != (Position{}) || len(path) == 0 {
			return at
		}
	}
}

// stack reads the layers, lowest first, and lays them over each other. It
// reports those that are no options and goes on without them. The script's is
// layers[own].
func (d *draft) stack(layers []Layer, own int) node {
	root := node{kind: object}
	for i, l := range layers {
		from := &layer{l.Locate, l.Line, i == own}
		n, err := decode(l.Options)
		switch {
		case err != nil:
			d.report(nil, from, nil, "", "options "+err.Error())
			continue
		case n.kind != object:
			v := value{node: n, to: d.ledger}
			v.from = from
			hint := ""
			if i == own {
				hint = "export const options = { … }"
			}
			v.failHint(hint, "options must be an object, got %s", v.got())
			continue
		}
		root = d.lay(root, n, from)
	}
	return root
}

// excludes lists, for each option of a workload, those of lower layers that it
// takes the place of.
func excludes() map[string][]string {
	return map[string][]string{
		"scenarios":  {"vus", "users", "spawnRate", "duration", "runTime", "iterations", "stages"},
		"vus":        {"scenarios", "users"},
		"users":      {"scenarios", "vus", "iterations", "stages"},
		"spawnRate":  {"scenarios", "iterations", "stages"},
		"duration":   {"scenarios", "runTime", "iterations", "stages"},
		"runTime":    {"scenarios", "duration", "iterations", "stages"},
		"iterations": {"scenarios", "users", "spawnRate", "duration", "runTime", "stages"},
		"stages":     {"scenarios", "users", "spawnRate", "duration", "runTime", "iterations"},
	}
}

// lay returns over, which comes from that layer, laid over under.
func (d *draft) lay(under, over node, from *layer) node {
	under.fields = slices.Clone(under.fields)
	adjusted := adjust(&under, over, from)
	table := excludes()
	for _, f := range over.fields {
		if f.value.empty() || slices.Contains(adjusted, f.key) {
			continue
		}
		for _, key := range table[f.key] {
			if hidden, _ := under.get(key); key == "scenarios" && !hidden.empty() {
				d.note("the scenarios of " + giver(hidden.from, key) + " are not run: " + giver(from, f.key) + " takes their place")
			}
			under.drop(key)
		}
	}
	for _, f := range over.fields {
		switch {
		case slices.Contains(adjusted, f.key):
		case f.key == "tags" && f.value.kind == object:
			tags, _ := under.get("tags")
			if tags.kind == null {
				tags = node{kind: object}
			}
			if tags.kind != object {
				continue // to be reported as what it is
			}
			tags.fields = slices.Clone(tags.fields)
			for _, tag := range f.value.fields {
				tags.set(tag.key, tag.value.given(from, "tags", tag.key))
			}
			under.set("tags", tags.given(from, "tags"))
		default:
			under.set(f.key, f.value.given(from, f.key))
		}
	}
	return under
}

// giver names where an option was given, for a sentence.
func giver(from *layer, key string) string {
	if at := from.at([]string{key}); at.File != "" {
		return at.File
	}
	return "the script"
}

// given returns n as something given by a layer, at path there.
func (n node) given(from *layer, path ...string) node {
	if n.from == nil {
		n.from, n.where = from, path
	}
	return n
}

// empty reports whether a workload option says nothing.
func (n node) empty() bool {
	return n.kind == null || n.kind == list && len(n.items) == 0 || n.kind == object && len(n.fields) == 0
}

// adjust lets a layer change the numbers of a users scenario below it, as
// Locust's flags change those of the classes in a file: users, spawnRate and
// runTime, if one scenario is of that kind; also vus and duration, if it is
// the only one. It returns the options that it took.
func adjust(under *node, over node, from *layer) (taken []string) {
	targets := map[string]string{"users": "users", "spawnRate": "spawnRate", "runTime": "duration", "vus": "users", "duration": "duration"}
	scenarios, _ := under.get("scenarios")
	at, found := -1, 0
	for i, f := range scenarios.fields {
		if executor, _ := f.value.get("executor"); executor.literal == Users {
			at = i
			found++
		}
	}
	if found != 1 {
		return nil
	}
	var wanted []field
	locust := len(scenarios.fields) == 1
	for _, f := range over.fields {
		if _, workload := excludes()[f.key]; !workload || f.value.empty() {
			continue
		}
		if targets[f.key] == "" {
			return nil // a workload of its own
		}
		if f.key == "users" || f.key == "spawnRate" || f.key == "runTime" {
			locust = true
		}
		wanted = append(wanted, f)
	}
	if !locust || len(wanted) == 0 {
		return nil
	}
	scenarios.fields = slices.Clone(scenarios.fields)
	changed := scenarios.fields[at].value
	changed.fields = slices.Clone(changed.fields)
	for _, f := range wanted {
		target := targets[f.key]
		if target == "duration" {
			changed.drop("duration", "runTime")
		}
		if f.key == "runTime" {
			target = "runTime"
		}
		changed.set(target, f.value.given(from, f.key))
		taken = append(taken, f.key)
	}
	scenarios.fields[at].value = changed
	under.set("scenarios", scenarios)
	return taken
}

// InitTimeout returns what the layers say of initTimeout, 0 when nothing that
// can be used: the script cannot be asked before its top level has run.
func (o Overrides) InitTimeout() time.Duration {
	for _, l := range slices.Backward(slices.Concat(o.Below, o.Above)) {
		n, err := decode(l.Options)
		if err != nil {
			continue
		}
		if given, ok := n.get("initTimeout"); ok && (given.kind == number || given.kind == text) {
			if d, err := ParseDuration(given.literal); err == nil && d > 0 {
				return d
			}
		}
	}
	return 0
}
