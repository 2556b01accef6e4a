package html

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// byID returns the first element of d with that id, or nil.
func (d *Document) byID(id string) (found *html.Node) {
	if id == "" {
		return nil
	}
	within(d.root, func(n *html.Node) bool {
		if v, ok := attribute(n, "id"); ok && v == id && n.Type == html.ElementNode {
			found = n
		}
		return found == nil
	})
	return found
}

// isControl reports whether n is one of the elements that form.elements lists,
// or an image button.
func isControl(n *html.Node) bool {
	return is(n, atom.Button, atom.Fieldset, atom.Input, atom.Object, atom.Output, atom.Select, atom.Textarea)
}

// form returns the form that a control or label belongs to, or nil.
func (d *Document) form(n *html.Node) *html.Node {
	if id, ok := attribute(n, "form"); ok && isControl(n) {
		if f := d.byID(id); is(f, atom.Form) {
			return f
		}
		return nil
	}
	if f := above(n, atom.Form); f != nil {
		return f
	}
	// <table><form><tr>…: the form ends where it begins, as far as the tree is
	// concerned, yet what follows in the table belongs to it.
	for p := n; p.Parent != nil; p = p.Parent {
		if !isTabular(p.Parent) {
			continue
		}
		for s := p.PrevSibling; s != nil; s = s.PrevSibling {
			if isBroken(s) {
				return s
			}
		}
	}
	return nil
}

func isTabular(n *html.Node) bool {
	return is(n, atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr)
}

// isBroken reports whether n is a form that began inside a table and outside of
// its cells.
func isBroken(n *html.Node) bool {
	return is(n, atom.Form) && n.FirstChild == nil && isTabular(n.Parent)
}

// controls returns the controls of a form, in the order of the document.
func (d *Document) controls(form *html.Node) []*html.Node {
	id, _ := attribute(form, "id")
	owns := id != "" && d.byID(id) == form // an id may be there twice; the first counts
	around := make(nodeSet)                // what a broken form has after it
	if isBroken(form) {
		for s := form.NextSibling; s != nil && !isBroken(s); s = s.NextSibling {
			around[s] = struct{}{}
		}
	}
	var all []*html.Node
	// nearest is the form around, inside whether the broken form has it.
	var walk func(n, nearest *html.Node, inside bool)
	walk = func(n, nearest *html.Node, inside bool) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			inside := inside || around.Match(c)
			if isControl(c) {
				own, ok := attribute(c, "form")
				if ok && owns && own == id || !ok && (nearest == form || nearest == nil && inside) {
					all = append(all, c)
				}
			}
			if is(c, atom.Form) {
				walk(c, c, inside)
			} else {
				walk(c, nearest, inside)
			}
		}
	}
	walk(d.root, nil, false)
	return all
}

// inputType is the type of an input, in lower case.
func inputType(n *html.Node) string {
	t, _ := attribute(n, "type")
	switch t = strings.ToLower(t); t {
	case "button", "checkbox", "color", "date", "datetime-local", "email", "file", "hidden", "image", "month", "number",
		"password", "radio", "range", "reset", "search", "submit", "tel", "time", "url", "week":
		return t
	}
	return "text"
}

// buttonType is the type of a button, in lower case.
func buttonType(n *html.Node) string {
	t, _ := attribute(n, "type")
	switch t = strings.ToLower(t); t {
	case "button", "reset":
		return t
	}
	return "submit"
}

// isSubmit reports whether n is a button that submits its form.
func isSubmit(n *html.Node) bool {
	if is(n, atom.Input) {
		t := inputType(n)
		return t == "submit" || t == "image"
	}
	return is(n, atom.Button) && buttonType(n) == "submit"
}

// disabled reports whether a control is, itself or by a fieldset around it, or
// an option, itself or by its group.
func disabled(n *html.Node) bool {
	if is(n, atom.Option) {
		return has(n, "disabled") || is(n.Parent, atom.Optgroup) && has(n.Parent, "disabled")
	}
	if has(n, "disabled") {
		return true
	}
	for c, p := n, n.Parent; p != nil; c, p = p, p.Parent {
		// What is in the legend of a fieldset is not disabled with it.
		if is(p, atom.Fieldset) && has(p, "disabled") && !is(c, atom.Legend) {
			return true
		}
	}
	return false
}

func firstChild(n *html.Node, name atom.Atom) *html.Node {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if is(c, name) {
			return c
		}
	}
	return nil
}

// options returns the options of a select or datalist.
func options(n *html.Node) []*html.Node {
	var all []*html.Node
	within(n, func(o *html.Node) bool {
		if is(o, atom.Option) {
			all = append(all, o)
		}
		return true
	})
	return all
}

// selected returns the options of a select that are. If none is said to be, it
// is the first that can be, where one must be.
func selected(n *html.Node) []*html.Node {
	all := options(n)
	var chosen []*html.Node
	for _, o := range all {
		if has(o, "selected") {
			chosen = append(chosen, o)
		}
	}
	if has(n, "multiple") {
		return chosen
	}
	if len(chosen) > 0 {
		return chosen[len(chosen)-1:] // the last one counts
	}
	if size, _ := attribute(n, "size"); size == "" || size == "1" {
		if i := slices.IndexFunc(all, func(o *html.Node) bool { return !disabled(o) }); i >= 0 {
			return all[i : i+1]
		}
	}
	return nil
}

// optionText is the text of an option: its whitespace collapsed.
func optionText(n *html.Node) string { return strings.Join(strings.Fields(content(n)), " ") }

func optionValue(n *html.Node) string {
	if v, ok := attribute(n, "value"); ok {
		return v
	}
	return optionText(n)
}

// labels returns the labels of a control.
func (d *Document) labels(control *html.Node) []*html.Node {
	if !isLabelable(control) {
		return nil
	}
	id, _ := attribute(control, "id")
	owns := id != "" && d.byID(id) == control
	var all []*html.Node
	within(d.root, func(n *html.Node) bool {
		if !is(n, atom.Label) {
			return true
		}
		if to, ok := attribute(n, "for"); ok && owns && to == id || !ok && labeledInside(n) == control {
			all = append(all, n)
		}
		return true
	})
	return all
}

// isLabelable reports whether a label can be n's.
func isLabelable(n *html.Node) bool {
	if is(n, atom.Input) {
		return inputType(n) != "hidden"
	}
	return is(n, atom.Button, atom.Meter, atom.Output, atom.Progress, atom.Select, atom.Textarea)
}

// labeled returns what a label is for, or nil.
func (d *Document) labeled(label *html.Node) *html.Node {
	if id, ok := attribute(label, "for"); ok {
		if n := d.byID(id); isLabelable(n) {
			return n
		}
		return nil
	}
	return labeledInside(label)
}

func labeledInside(label *html.Node) (found *html.Node) {
	within(label, func(n *html.Node) bool {
		if isLabelable(n) {
			found = n
		}
		return found == nil
	})
	return found
}
