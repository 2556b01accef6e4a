package plan

import "errors"

// Fault is an option that cannot be used, found by who uses it: whether a key
// fits its certificate, say, is not for this package to know.
type Fault struct {
	Path    []string // in Plan.Options: "tlsAuth", "0", "key"
	Message string   // as in a Problem; without secrets
	Hint    string   // may be empty
}

// Error returns path, message and hint in one line.
func (f *Fault) Error() string {
	return f.Problem(nil).String()
}

// Problem returns the fault as a problem of options that stand where locate, as
// in Source, says.
func (f *Fault) Problem(locate func(path []string) Position) Problem {
	return Problem{Path: pathString(f.Path), Message: f.Message, Hint: f.Hint, At: (&layer{locate: locate}).at(f.Path)}
}

// Within returns the fault as one of an option further in: its path after path.
func (f *Fault) Within(path ...string) *Fault {
	return &Fault{Path: append(path, f.Path...), Message: f.Message, Hint: f.Hint}
}

// check asks whoever will use the plan whether it can be used.
func (d *draft) check(root value) {
	if d.src.Check == nil {
		return
	}
	err := d.src.Check(&d.plan)
	if err == nil {
		return
	}
	var f *Fault
	if !errors.As(err, &f) {
		f = &Fault{Message: err.Error()}
	}
	at := root
	for _, key := range f.Path {
		n, _ := at.get(key) // what was not given stands where its parent does
		at = at.child(key, n)
	}
	at.failHint(f.Hint, "%s", f.Message)
}
