package http

import (
	"slices"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/html"
)

// html implements response.html([selector]).
func (r *response) html(fc goja.FunctionCall) goja.Value {
	selector := ""
	if v := fc.Argument(0); !goja.IsUndefined(v) && !goja.IsNull(v) {
		selector = r.m.text("response.html", "the selector", "a string", v)
	}
	return html.Of(r.m.v).Selection(r.page("response.html"), selector)
}

// page returns the body as an HTML document, parsed once.
func (r *response) page(where string) *html.Document {
	if r.document == nil {
		r.needBody(where)
		r.document = html.Of(r.m.v).Parse(where, stringOf(r.Body))
	}
	return r.document
}

// needBody throws when there is no body, and says why.
func (r *response) needBody(where string) {
	switch {
	case r.Status == 0:
		r.m.throw("Error", where+": the request failed, there is no body")
	case r.Dropped:
		r.m.throw("Error", where+": the body was discarded, see responseType and discardResponseBodies")
	}
}

// arguments reads the object that the methods of pages take: f gets each of the
// known keys that was given.
func (r *response) arguments(where string, v goja.Value, known []string, f func(key string, v goja.Value)) {
	if goja.IsUndefined(v) || goja.IsNull(v) {
		return
	}
	o := r.m.dictionary(where, "the argument", v)
	for _, key := range o.Keys() {
		if !slices.Contains(known, key) {
			r.m.unknownKey(where, "argument", key, known)
		}
		if v := o.Get(key); v != nil && !goja.IsUndefined(v) && !goja.IsNull(v) {
			f(key, v)
		}
	}
}

// submitForm implements response.submitForm({formSelector, fields,
// submitSelector, params}).
func (r *response) submitForm(fc goja.FunctionCall) goja.Value {
	const where = "response.submitForm"
	m := r.m
	m.online(r.s, where)
	fill := html.Fill{Page: r.url}
	var params goja.Value
	r.arguments(where, fc.Argument(0), []string{"formSelector", "fields", "submitSelector", "params"}, func(key string, v goja.Value) {
		switch key {
		case "formSelector":
			fill.Form = m.text(where, key, "a string", v)
		case "submitSelector":
			fill.Submit = m.text(where, key, "a string", v)
		case "fields":
			fill.Fields = m.fields(where, v)
		case "params":
			params = v
		}
	})
	form, err := r.page(where).Form(m.v.Context(), fill)
	if err != nil {
		m.v.StopIfDone()
		m.throw("Error", where+": "+err.Error())
	}
	q := new(request)
	m.decode(r.s, where, q, form.Method, m.rt.ToValue(form.URL), nil, params)
	switch {
	case form.Method != "POST":
	case form.Enctype == html.Multipart:
		m.multipart(q, formFields(form.Fields))
	default:
		q.Call.Body = form.Body()
		if !has(q.Headers, "Content-Type") {
			q.header("Content-Type", form.Enctype)
		}
	}
	m.compress(where, q)
	return m.send(r.s, q)
}

// fields reads what a script fills into a form: an array gives its field several
// values, null takes it away.
func (m *module) fields(where string, v goja.Value) []html.Values {
	o := m.dictionary(where, "fields", v)
	var fields []html.Values
	for _, name := range o.Keys() {
		field := html.Values{Name: name}
		switch v := o.Get(name).(type) {
		case nil:
		case *goja.Object:
			if v.ClassName() != "Array" {
				field.Values = []string{v.String()}
				break
			}
			for _, i := range v.Keys() {
				field.Values = append(field.Values, v.Get(i).String())
			}
		default:
			if !goja.IsUndefined(v) && !goja.IsNull(v) {
				field.Values = []string{v.String()}
			}
		}
		fields = append(fields, field)
	}
	return fields
}

// formFields returns the fields of a page's form. Of files, which no script
// chose, only the names are sent.
func formFields(fields []html.Field) []field {
	out := make([]field, len(fields))
	for i, f := range fields {
		out[i] = field{name: f.Name, value: f.Value}
		if f.File {
			out[i].file = &file{contentType: defaultFileType}
		}
	}
	return out
}

// clickLink implements response.clickLink({selector, params}).
func (r *response) clickLink(fc goja.FunctionCall) goja.Value {
	const where = "response.clickLink"
	m := r.m
	m.online(r.s, where)
	selector := ""
	var params goja.Value
	r.arguments(where, fc.Argument(0), []string{"selector", "params"}, func(key string, v goja.Value) {
		switch key {
		case "selector":
			selector = m.text(where, key, "a string", v)
		case "params":
			params = v
		}
	})
	link, err := r.page(where).Link(m.v.Context(), r.url, selector)
	if err != nil {
		m.v.StopIfDone()
		m.throw("Error", where+": "+err.Error())
	}
	return m.perform(r.s, where, "GET", m.rt.ToValue(link), nil, params)
}
