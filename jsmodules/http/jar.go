package http

import (
	"math"
	nethttp "net/http"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// jarObject is a CookieJar as scripts see it: no properties, and the methods of
// its prototype.
type jarObject struct {
	opaque
	s   *session // that says what URLs mean; whose jar it is, unless a script made it
	jar *jar
}

// cookieJar implements http.cookieJar(): the VU's jar.
func (m *module) cookieJar(goja.FunctionCall) goja.Value {
	if m.vuJar == nil {
		m.vuJar = m.newJar(m.session, m.jar)
	}
	return m.vuJar
}

// cookieJarClass makes http.CookieJar.
func (m *module) cookieJarClass() goja.Value {
	class := m.v.Constructor("CookieJar", 0, m.newCookieJar)
	prototype := m.jarPrototype()
	// Both are ours and still configurable.
	_ = class.DefineDataProperty("prototype", prototype, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	_ = prototype.DefineDataProperty("constructor", class, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	return class
}

// newCookieJar implements new http.CookieJar().
func (m *module) newCookieJar(cc goja.ConstructorCall) *goja.Object {
	return m.newJar(m.session, &jar{})
}

func (m *module) newJar(s *session, j *jar) *goja.Object {
	o := m.rt.NewDynamicObject(&jarObject{s: s, jar: j})
	_ = o.SetPrototype(m.jarPrototype()) // a fresh object takes any
	return o
}

func (m *module) jarPrototype() *goja.Object {
	if m.jars != nil {
		return m.jars
	}
	m.jars = m.rt.NewObject()
	method := func(name string, length int, f func(j *jar, t *transport.Target, fc goja.FunctionCall) goja.Value) {
		fn := m.v.Func(name, length, func(fc goja.FunctionCall) goja.Value {
			j, ok := hosted[*jarObject](fc.This)
			if !ok {
				m.throw("TypeError", "CookieJar."+name+" was called on something that is not a CookieJar")
			}
			raw, _ := m.url("CookieJar."+name, fc.Argument(0))
			t, err := j.s.set.Target(raw)
			if err != nil {
				m.throw("TypeError", "CookieJar."+name+": "+err.Error())
			}
			if m.v.Phase() == sandbox.VUSetup {
				j.s.jar.record()
			}
			return f(j.jar, t, fc)
		})
		_ = m.jars.DefineDataProperty(name, fn, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
	method("cookiesForURL", 1, func(j *jar, t *transport.Target, fc goja.FunctionCall) goja.Value {
		out := m.rt.NewObject()
		for _, ck := range j.cookies(t.URL) {
			m.appendTo(out, ck.Name, m.rt.ToValue(ck.Value))
		}
		return out
	})
	method("set", 4, func(j *jar, t *transport.Target, fc goja.FunctionCall) goja.Value {
		ck := &nethttp.Cookie{Name: m.text("CookieJar.set", "name", "a string", fc.Argument(1)), Value: m.plain("CookieJar.set", "value", fc.Argument(2))}
		if o := fc.Argument(3); !goja.IsUndefined(o) && !goja.IsNull(o) {
			m.cookieOptions(ck, m.object_("CookieJar.set", "options", o))
		}
		if ck.String() == "" {
			m.throw("TypeError", "CookieJar.set: "+quoted(ck.Name)+" cannot be the name of a cookie")
		}
		if !j.set(t.URL, []*nethttp.Cookie{ck}) {
			m.throw("Error", "CookieJar.set: the jar is full")
		}
		return m.rt.ToValue(true)
	})
	method("clear", 1, func(j *jar, t *transport.Target, fc goja.FunctionCall) goja.Value {
		j.remove(t.URL, "")
		return goja.Undefined()
	})
	method("delete", 2, func(j *jar, t *transport.Target, fc goja.FunctionCall) goja.Value {
		if name := m.text("CookieJar.delete", "name", "a string", fc.Argument(1)); name != "" {
			j.remove(t.URL, name)
		}
		return goja.Undefined()
	})
	return m.jars
}

// appendTo adds value to the array under key, making it when there is none.
func (m *module) appendTo(o *goja.Object, key string, value goja.Value) {
	list, ok := o.Get(key).(*goja.Object)
	if !ok || list.ClassName() != "Array" {
		list = m.rt.NewArray()
		_ = o.DefineDataProperty(key, list, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
	}
	_ = list.Set(list.Get("length").String(), value)
}

// cookieOptions decodes the options of CookieJar.set.
func (m *module) cookieOptions(ck *nethttp.Cookie, o *goja.Object) {
	const where = "CookieJar.set"
	for _, key := range o.Keys() {
		v := o.Get(key)
		if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
			continue
		}
		switch key {
		case "domain":
			ck.Domain = m.text(where, key, "a string", v)
		case "path":
			ck.Path = m.text(where, key, "a string", v)
		case "expires":
			ck.Expires = m.expiry(where, v)
		case "max_age":
			n, ok := number(v)
			if !ok || n != math.Trunc(n) || math.Abs(n) > math.MaxInt32 {
				m.wrong(where, key, "a whole number of seconds", v)
			}
			if ck.MaxAge = int(n); n == 0 {
				ck.MaxAge = -1 // as in a Set-Cookie header: it is over
			}
		case "secure":
			ck.Secure = m.flag(where, key, v)
		case "http_only":
			ck.HttpOnly = m.flag(where, key, v)
		default:
			m.unknownKey(where, "option", key, []string{"domain", "path", "expires", "max_age", "secure", "http_only"})
		}
	}
}

// expiry decodes the time when a cookie expires, as a Set-Cookie header has it.
func (m *module) expiry(where string, v goja.Value) time.Time {
	const wanted = `a time such as "Mon, 02 Jan 2006 15:04:05 GMT"`
	text := m.text(where, "expires", wanted, v)
	t, err := nethttp.ParseTime(text)
	if err != nil {
		t, err = time.Parse(time.RFC1123, text)
	}
	if err != nil {
		m.wrong(where, "expires", wanted, v)
	}
	return t
}

// jarOf decodes the parameter jar; null is for no cookies at all.
func (m *module) jarOf(where string, v goja.Value) *jar {
	if goja.IsNull(v) {
		return nil
	}
	j, ok := hosted[*jarObject](v)
	if !ok {
		m.wrong(where, "jar", "a CookieJar or null", v)
	}
	return j.jar
}

// requestCookies decodes the parameter cookies.
func (m *module) requestCookies(where string, r *request, v goja.Value) {
	o := m.dictionary(where, "cookies", v)
	for _, name := range o.Keys() {
		what := "the cookie " + quoted(name)
		ck := requestCookie{name: name}
		v := o.Get(name)
		if spec, ok := v.(*goja.Object); ok {
			v = spec.Get("value")
			for _, key := range spec.GetOwnPropertyNames() {
				switch key {
				case "value":
				case "replace":
					ck.replace = m.flag(where, what+": replace", spec.Get(key))
				default:
					m.unknownKey(where+": "+what, "key", key, []string{"value", "replace"})
				}
			}
		}
		if v == nil || goja.IsUndefined(v) || goja.IsNull(v) {
			continue
		}
		ck.value = m.plain(where, what, v)
		r.cookies = append(r.cookies, ck)
	}
}
