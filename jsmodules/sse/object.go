package sse

import (
	"net/url"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

// message is an event as scripts see it: a MessageEvent.
type message struct {
	m      *module
	event  event
	origin string
	target goja.Value
}

func messageText(name string, f func(*message) string) sandbox.Prop[*message] {
	return sandbox.Prop[*message]{Name: name, Make: func(e *message) goja.Value { return e.m.rt.ToValue(f(e)) }}
}

var messageShape = sandbox.NewShape(
	messageText("type", func(e *message) string { return e.event.kind }),
	messageText("data", func(e *message) string { return e.event.data }),
	messageText("lastEventId", func(e *message) string { return e.event.id }),
	messageText("origin", func(e *message) string { return e.origin }),
	sandbox.Prop[*message]{Name: "target", Make: func(e *message) goja.Value { return e.target }},
)

func (m *module) message(e event, origin string, target goja.Value) goja.Value {
	return messageShape.New(m.v, &message{m, e, origin, target})
}

// plain makes an event that is not the server's.
func (m *module) plain(kind string, target goja.Value, properties ...any) *goja.Object {
	o := m.rt.NewObject()
	_ = o.Set("type", kind) // a plain object takes any
	for i := 0; i < len(properties); i += 2 {
		_ = o.Set(properties[i].(string), properties[i+1])
	}
	_ = o.Set("target", target)
	return o
}

func (m *module) openEvent(o *opening, target goja.Value) *goja.Object {
	return m.plain("open", target, "url", o.url, "status", o.status)
}

// errorEvent tells why a stream failed, or that it ended and is to be asked for
// again.
func (m *module) errorEvent(e *ending, target goja.Value) *goja.Object {
	text, code := "the event stream has ended", 0
	if e.fail != nil {
		text, code = e.fail.Text, e.fail.Code
	}
	return m.plain("error", target, "error", text, "error_code", code, "status", e.status(), "reconnecting", e.again)
}

func (m *module) endEvent(e *ending, target goja.Value) *goja.Object {
	text, code := "", 0
	if e.fail != nil {
		text, code = e.fail.Text, e.fail.Code
	}
	return m.plain("end", target, "error", text, "error_code", code, "status", e.status())
}

// originOf returns the origin of a URL, as a location's.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
