package sse

import (
	"slices"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

// States of an EventSource.
const (
	connecting = iota
	open
	closed
)

var stateNames = [...]string{connecting: "CONNECTING", open: "OPEN", closed: "CLOSED"}

// source is an EventSource object's state.
type source struct {
	m         *module
	object    *goja.Object
	url       string
	line      *line
	state     int
	origin    string // of the stream that is open
	listeners []listener
}

type listener struct {
	kind  string
	value goja.Value // a function, or an object with handleEvent
	once  bool
}

func live(name string, f func(*source) any) sandbox.Prop[*source] {
	return sandbox.Prop[*source]{Name: name, Live: true, Make: func(s *source) goja.Value { return s.m.rt.ToValue(f(s)) }}
}

func handler(name string) sandbox.Prop[*source] {
	return sandbox.Prop[*source]{Name: name, Make: func(*source) goja.Value { return goja.Null() }}
}

var sourceShape = sandbox.NewShape(
	live("url", func(s *source) any { return s.url }),
	live("readyState", func(s *source) any { return s.readyState() }),
	live("withCredentials", func(*source) any { return false }),
	handler("onopen"), handler("onmessage"), handler("onerror"), handler("onend"),
)

func sourceMethods() *sandbox.Shape[*module] {
	const class = "EventSource"
	props := []sandbox.Prop[*module]{
		method(class, "addEventListener", 2, (*module).addListener),
		method(class, "removeEventListener", 2, (*module).removeListener),
		method(class, "close", 0, func(_ *module, s *source, _ goja.FunctionCall) goja.Value {
			s.close()
			return goja.Undefined()
		}),
	}
	for state, name := range stateNames {
		props = append(props, sandbox.Prop[*module]{Name: name, Make: func(m *module) goja.Value { return m.rt.ToValue(state) }})
	}
	return sandbox.NewShape(props...)
}

func (m *module) sourceClass() *sandbox.Class {
	if m.source == nil {
		m.source = sandbox.NewClass(m.v, "EventSource", 1, m.sources, m, m.newSource)
		for state, name := range stateNames {
			_ = m.source.Constructor.DefineDataProperty(name, m.rt.ToValue(state), goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_TRUE)
		}
	}
	return m.source
}

// newSource implements new EventSource(url, params).
func (m *module) newSource(cc goja.ConstructorCall) *goja.Object {
	sub := m.subscribe("EventSource", cc.Argument(0), cc.Argument(1))
	s := &source{m: m, url: sub.req.URL()}
	s.object = sourceShape.New(m.v, s)
	s.line = m.start(sub, false, s.take)
	s.line.ask()
	return s.object
}

func (s *source) readyState() int {
	if s.line.ended() {
		return closed
	}
	return s.state
}

// close ends the stream; nothing is dispatched any more.
func (s *source) close() {
	s.state = closed
	s.line.hangUp()
}

// take acts upon what came, and asks for more.
func (s *source) take(n news) {
	m := s.m
	switch {
	case n.ended != nil:
		s.end(n.ended)
	case s.state == closed:
	case n.opened != nil:
		s.state, s.origin = open, originOf(n.opened.url)
		s.dispatch("open", m.openEvent(n.opened, s.object))
	default:
		for _, e := range n.events {
			s.dispatch(e.kind, m.message(e, s.origin, s.object))
			if s.state == closed || m.v.Context().Err() != nil {
				break
			}
		}
	}
	s.line.ask()
}

func (s *source) end(e *ending) {
	if e.live != nil {
		e.live.Warn()
	}
	if s.state == closed {
		return
	}
	s.state = connecting
	if !e.again {
		s.state = closed
	}
	if e.again || e.fail != nil {
		s.dispatch("error", s.m.errorEvent(e, s.object))
	}
	if f, ok := goja.AssertFunction(s.object.Get("onend")); ok && !e.again {
		call(f, s.object, s.m.endEvent(e, s.object))
	}
}

// dispatch calls the handlers of an event, as they are when it begins.
func (s *source) dispatch(kind string, event goja.Value) {
	switch kind {
	case "open", "message", "error":
		if f, ok := goja.AssertFunction(s.object.Get("on" + kind)); ok {
			call(f, s.object, event)
		}
	}
	if len(s.listeners) == 0 {
		return
	}
	for _, l := range slices.Clone(s.listeners) {
		if l.kind != kind || s.find(l.kind, l.value) < 0 {
			continue
		}
		if l.once {
			s.remove(l.kind, l.value)
		}
		this := goja.Value(s.object)
		f, ok := goja.AssertFunction(l.value)
		if !ok {
			this = l.value
			f, ok = goja.AssertFunction(l.value.(*goja.Object).Get("handleEvent"))
		}
		if ok {
			call(f, this, event)
		}
	}
}

func (s *source) find(kind string, value goja.Value) int {
	return slices.IndexFunc(s.listeners, func(l listener) bool { return l.kind == kind && l.value.SameAs(value) })
}

func (s *source) remove(kind string, value goja.Value) {
	if i := s.find(kind, value); i >= 0 {
		s.listeners = slices.Delete(s.listeners, i, i+1)
	}
}

// addListener implements addEventListener(type, listener, {once}).
func (m *module) addListener(s *source, fc goja.FunctionCall) goja.Value {
	const where = "EventSource.addEventListener"
	kind, value := m.kind(where, fc.Argument(0)), fc.Argument(1)
	if missing(value) {
		return goja.Undefined()
	}
	if _, ok := value.(*goja.Object); !ok {
		m.wrong(where, "the listener", "a function", value)
	}
	once := false
	if o, ok := fc.Argument(2).(*goja.Object); ok {
		if v := o.Get("once"); v != nil {
			once = v.ToBoolean()
		}
	}
	if s.find(kind, value) < 0 {
		s.listeners = append(s.listeners, listener{kind, value, once})
	}
	return goja.Undefined()
}

// removeListener implements removeEventListener(type, listener).
func (m *module) removeListener(s *source, fc goja.FunctionCall) goja.Value {
	kind := m.kind("EventSource.removeEventListener", fc.Argument(0))
	s.remove(kind, fc.Argument(1))
	return goja.Undefined()
}

// kind decodes the type of an event.
func (m *module) kind(where string, v goja.Value) string {
	text, ok := v.(goja.String)
	if !ok {
		m.wrong(where, "the type", "a string", v)
	}
	return text.String()
}
