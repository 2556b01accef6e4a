package http

import (
	"math"

	"github.com/dop251/goja"
)

// expectation is what http.expectedStatuses returns: the statuses a response
// may have. Immutable. A nil *expectation expects nothing: no verdict is given.
type expectation struct {
	opaque
	ranges []statusRange
}

type statusRange struct{ min, max int }

// defaultExpectation is in force until a script sets another.
func defaultExpectation() *expectation {
	return &expectation{ranges: []statusRange{{200, 399}}}
}

// judge says whether a response of that status was expected; 0 is none.
func (e *expectation) judge(status int) verdict {
	if e == nil {
		return unjudged
	}
	for _, r := range e.ranges {
		if status >= r.min && status <= r.max {
			return expected
		}
	}
	return unexpected
}

// expectedStatuses implements http.expectedStatuses(200, {min: 300, max: 399}, …).
func (m *module) expectedStatuses(fc goja.FunctionCall) goja.Value {
	e := &expectation{}
	if len(fc.Arguments) == 0 {
		m.throw("TypeError", "http.expectedStatuses: give at least one status, such as 200 or {min: 200, max: 299}")
	}
	for _, arg := range fc.Arguments {
		if o, ok := arg.(*goja.Object); ok {
			r := statusRange{m.status(o.Get("min")), m.status(o.Get("max"))}
			if r.max < r.min {
				m.throw("TypeError", "http.expectedStatuses: max is below min")
			}
			e.ranges = append(e.ranges, r)
			continue
		}
		n := m.status(arg)
		e.ranges = append(e.ranges, statusRange{n, n})
	}
	return m.rt.NewDynamicObject(e)
}

func (m *module) status(v goja.Value) int {
	n, ok := number(v)
	if !ok || n != math.Trunc(n) || n < 0 || n > 999 {
		m.wrong("http.expectedStatuses", "a status", "a whole number from 0 to 999, or {min, max} of such", v)
	}
	return int(n)
}

// setResponseCallback implements http.setResponseCallback(expectedStatuses(…) or null).
func (m *module) setResponseCallback(fc goja.FunctionCall) goja.Value {
	m.expect = m.responseCallback("http.setResponseCallback", fc.Argument(0))
	return goja.Undefined()
}

// responseCallback decodes what scripts give as a response callback.
func (m *module) responseCallback(where string, v goja.Value) *expectation {
	if goja.IsNull(v) {
		return nil
	}
	e, ok := hosted[*expectation](v)
	if !ok {
		m.wrong(where, "the response callback", "what http.expectedStatuses() returns, or null", v)
	}
	return e
}

// opaque is a host object without any property a script could see or change.
type opaque struct{}

func (opaque) Get(string) goja.Value       { return nil }
func (opaque) Set(string, goja.Value) bool { return false }
func (opaque) Has(string) bool             { return false }
func (opaque) Delete(string) bool          { return true }
func (opaque) Keys() []string              { return nil }
