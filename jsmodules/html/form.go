package html

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Field is one entry of what a form sends.
type Field struct {
	Name, Value string
	// File says that it stands for a file that was not chosen: in a multipart
	// body, a part with an empty file name and no content.
	File bool
}

// Fill is what to do with a form.
type Fill struct {
	Page   string   // the URL the document came from
	Form   string   // selector; "" for "form"
	Submit string   // selector of the button in the form; "" for the form's own
	Fields []Values // what the script sets, in its order; each name once
}

// Values are what a script sets a field to: the field is sent once for each.
// None means that it is not sent.
type Values struct {
	Name   string
	Values []string
}

// Submission is the request that submitting a form makes.
type Submission struct {
	Method  string  // GET or POST
	URL     string  // absolute, without fragment; in a GET, the fields are its query
	Enctype string  // of a POST: one of the three below
	Fields  []Field // in the order of the document; in a POST, the body
}

// How the body of a POST is written.
const (
	URLEncoded = "application/x-www-form-urlencoded"
	Multipart  = "multipart/form-data"
	PlainText  = "text/plain"
)

var (
	// ErrNotFound is returned when a selector finds no form, button or link.
	ErrNotFound = errors.New("not found")
	// ErrSelector is returned for what is no selector.
	ErrSelector = errors.New("not a selector")
)

// Form returns the request that submitting a form of d makes, by the rules of
// HTML (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html).
// The form is the first that f.Form finds. The button is the first that
// f.Submit finds in it; without f.Submit it is the first [type="submit"], else
// the first other button that submits, and there need not be any.
func (d *Document) Form(ctx context.Context, f Fill) (*Submission, error) {
	selector := f.Form
	if selector == "" {
		selector = "form"
	}
	w := newWork(ctx)
	form, err := d.first(w, d.root, selector)
	if err != nil {
		return nil, err
	}
	if form == nil {
		return nil, fmt.Errorf("%w: no form fits %s", ErrNotFound, quoted(selector))
	}
	if !is(form, atom.Form) {
		return nil, fmt.Errorf("%s finds a <%s>, not a form", quoted(selector), form.Data)
	}
	controls := d.controls(form)
	button, err := d.submitter(w, form, controls, f.Submit)
	if err != nil {
		return nil, err
	}
	// What the button says goes before what the form says.
	say := func(name string) string {
		if button != nil {
			if v, ok := attribute(button, "form"+name); ok {
				return strings.ToLower(strings.Trim(v, space))
			}
		}
		v, _ := attribute(form, name)
		return strings.ToLower(strings.Trim(v, space))
	}
	action, _ := attribute(form, "action")
	if button != nil {
		if v, ok := attribute(button, "formaction"); ok {
			action = v
		}
	}
	s := &Submission{Fields: entries(w, controls, button, f.Fields)}
	if w.err != nil {
		return nil, fmt.Errorf("fill in the form: %w", w.err)
	}
	if s.URL, err = d.resolve(f.Page, action); err != nil {
		return nil, fmt.Errorf("the form's action: %w", err)
	}
	switch say("method") {
	case "post":
		s.Method = "POST"
		switch s.Enctype = say("enctype"); s.Enctype {
		case Multipart, PlainText:
		default:
			s.Enctype = URLEncoded
		}
	case "dialog":
		return nil, fmt.Errorf("the form %s closes a dialog, it sends nothing", quoted(selector))
	default:
		s.Method = "GET"
		u, err := url.Parse(s.URL)
		if err != nil {
			return nil, fmt.Errorf("the form's action: %w", err)
		}
		u.RawQuery = encode(s.Fields)
		s.URL = u.String()
	}
	return s, nil
}

// Body returns the body of a POST that is not multipart.
func (s *Submission) Body() string {
	if s.Enctype != PlainText {
		return encode(s.Fields)
	}
	var b strings.Builder
	for _, f := range s.Fields {
		b.WriteString(crlf(f.Name) + "=" + crlf(f.Value) + "\r\n")
	}
	return b.String()
}

// Link returns the address, absolute and without fragment, of the first link
// that the selector finds ("" for a[href]) in d, which came from page.
func (d *Document) Link(ctx context.Context, page, selector string) (string, error) {
	if selector == "" {
		selector = "a[href]"
	}
	n, err := d.first(newWork(ctx), d.root, selector)
	if err != nil {
		return "", err
	}
	if n == nil {
		return "", fmt.Errorf("%w: no link fits %s", ErrNotFound, quoted(selector))
	}
	href, ok := attribute(n, "href")
	if !ok {
		return "", fmt.Errorf("%s finds a <%s> without href", quoted(selector), n.Data)
	}
	address, err := d.resolve(page, href)
	if err != nil {
		return "", fmt.Errorf("the link: %w", err)
	}
	return address, nil
}

// first returns the first element below n that the selector finds, or nil.
func (d *Document) first(w *work, n *html.Node, selector string) (*html.Node, error) {
	s, err := compile(selector)
	if err != nil {
		return nil, err
	}
	found := (&matching{selector: s, work: w}).find([]*html.Node{n}, 1)
	if w.err != nil {
		return nil, fmt.Errorf("look for %s: %w", quoted(selector), w.err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

// submitter returns the button that submits the form, nil for none.
func (d *Document) submitter(w *work, form *html.Node, controls []*html.Node, selector string) (*html.Node, error) {
	if selector == "" {
		var other *html.Node
		for _, n := range controls {
			if !w.step() {
				return nil, fmt.Errorf("look for the button: %w", w.err)
			}
			if !isSubmit(n) || disabled(n) {
				continue
			}
			if t, _ := attribute(n, "type"); strings.EqualFold(t, "submit") {
				return n, nil
			}
			if other == nil {
				other = n
			}
		}
		return other, nil
	}
	s, err := compile(selector)
	if err != nil {
		return nil, err
	}
	m := &matching{selector: s, work: w}
	var found *html.Node
	for _, n := range controls {
		if m.Match(n) {
			found = n
			break
		}
	}
	if w.err != nil {
		return nil, fmt.Errorf("look for %s: %w", quoted(selector), w.err)
	}
	if found == nil {
		// Not a control of this form: perhaps something that only looks like one.
		if found, err = d.first(w, form, selector); err != nil {
			return nil, err
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: no button of the form fits %s", ErrNotFound, quoted(selector))
	}
	return found, nil
}

// entries constructs what a form with these controls sends when button, which
// may be nil, is pressed. What the script sets goes in the place of the control
// of that name, whether that would be sent or not; at the end, if there is
// none.
func entries(w *work, controls []*html.Node, button *html.Node, fields []Values) []Field {
	var out []Field
	set := make(map[string]*Values, len(fields))
	for i := range fields {
		set[fields[i].Name] = &fields[i]
	}
	sent := make(map[string]bool, len(fields))
	send := func(v *Values) {
		if !sent[v.Name] {
			sent[v.Name] = true
			for _, value := range v.Values {
				out = append(out, Field{Name: v.Name, Value: value})
			}
		}
	}
	checked := checkedRadios(controls, true)
	for _, n := range controls {
		if !w.step() {
			return nil
		}
		name, _ := attribute(n, "name")
		if v := set[name]; v != nil && name != "" && (n == button || !isButton(n)) && !is(n, atom.Fieldset, atom.Output, atom.Object) {
			send(v)
			continue
		}
		out = append(out, entry(n, name, n == button, checked)...)
	}
	for i := range fields {
		send(&fields[i])
	}
	return out
}

// radios are the checked radio buttons, one of each group: of several, the last.
type radios map[radioGroup]*html.Node

type radioGroup struct {
	name string
	form *html.Node // nil when all are of one form
}

// checkedRadios returns the radios among controls, which are those of one form
// or, if not, are told apart by the forms around them.
func checkedRadios(controls []*html.Node, oneForm bool) radios {
	var checked radios
	for _, n := range controls {
		if is(n, atom.Input) && inputType(n) == "radio" && has(n, "checked") {
			if checked == nil {
				checked = make(radios)
			}
			checked[groupOf(n, oneForm)] = n
		}
	}
	return checked
}

func groupOf(n *html.Node, oneForm bool) radioGroup {
	name, _ := attribute(n, "name")
	if oneForm {
		return radioGroup{name, nil}
	}
	return radioGroup{name, above(n, atom.Form)}
}

// has reports whether n is one of r.
func (r radios) has(n *html.Node) bool {
	return r[groupOf(n, true)] == n || r[groupOf(n, false)] == n
}

// isButton reports whether n is a button of any kind.
func isButton(n *html.Node) bool {
	if is(n, atom.Input) {
		switch inputType(n) {
		case "submit", "image", "reset", "button":
			return true
		}
	}
	return is(n, atom.Button)
}

// entry returns what one control sends.
func entry(n *html.Node, name string, pressed bool, checked radios) []Field {
	if disabled(n) || above(n, atom.Datalist) != nil || isButton(n) && !pressed {
		return nil
	}
	if is(n, atom.Input) && inputType(n) == "image" {
		// Where it was pressed.
		if name != "" {
			name += "."
		}
		return []Field{{Name: name + "x", Value: "0"}, {Name: name + "y", Value: "0"}}
	}
	if name == "" {
		return nil
	}
	v, _ := value(n)
	switch n.DataAtom {
	case atom.Select:
		var all []Field
		for _, o := range selected(n) {
			if !disabled(o) {
				all = append(all, Field{Name: name, Value: optionValue(o)})
			}
		}
		return all
	case atom.Textarea, atom.Button:
	case atom.Input:
		switch inputType(n) {
		case "checkbox":
			if !has(n, "checked") {
				return nil
			}
		case "radio":
			if !checked.has(n) {
				return nil
			}
		case "file":
			return []Field{{Name: name, File: true}}
		case "hidden":
			if strings.EqualFold(name, "_charset_") {
				v = "UTF-8"
			}
		}
	default:
		return nil
	}
	return []Field{{Name: name, Value: v}}
}

// serialize returns what jQuery's serializeArray does of forms and controls:
// what is sent without any button, files left out.
func serialize(w *work, d *Document, nodes []*html.Node) []Field {
	var out []Field
	add := func(n *html.Node, checked radios) {
		if !w.step() {
			return
		}
		name, _ := attribute(n, "name")
		for _, f := range entry(n, name, false, checked) {
			if !f.File {
				f.Value = crlf(f.Value)
				out = append(out, f)
			}
		}
	}
	alone := checkedRadios(nodes, false)
	for _, n := range nodes {
		if is(n, atom.Form) {
			controls := d.controls(n)
			checked := checkedRadios(controls, true)
			for _, n := range controls {
				add(n, checked)
			}
		} else if isControl(n) {
			add(n, alone)
		}
	}
	return out
}

// encode writes fields as application/x-www-form-urlencoded
// (https://url.spec.whatwg.org/#urlencoded-serializing).
func encode(fields []Field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteByte('&')
		}
		escape(&b, crlf(f.Name))
		b.WriteByte('=')
		escape(&b, crlf(f.Value))
	}
	return b.String()
}

func escape(b *strings.Builder, text string) {
	const hex = "0123456789ABCDEF"
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '*' || c == '-' || c == '.' || c == '_':
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}

// crlf writes line breaks as forms send them.
func crlf(text string) string {
	if !strings.ContainsAny(text, "\r\n") {
		return text
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	return strings.ReplaceAll(text, "\n", "\r\n")
}
