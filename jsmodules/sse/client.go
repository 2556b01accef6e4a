package sse

import (
	"slices"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/spelling"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
)

// client is what the callback of open gets: it calls the handlers of a stream on
// the VU's goroutine, which reads it.
type client struct {
	m        *module
	object   *goja.Object
	handlers []reaction
	closed   bool
	origin   string
	last     *ending
}

type reaction struct {
	name string
	call goja.Callable
}

// What a client's handlers are for.
var clientEvents = []string{"open", "event", "error", "end"}

var clientShape = sandbox.NewShape[*client]()

func clientMethods() *sandbox.Shape[*module] {
	return sandbox.NewShape(
		method("client", "on", 2, func(m *module, c *client, fc goja.FunctionCall) goja.Value {
			name := m.kind("client.on", fc.Argument(0))
			if !slices.Contains(clientEvents, name) {
				text := "client.on: there is no event \"" + sandbox.Clip(name, 100) + "\""
				if hint := spelling.Nearest(name, clientEvents); hint != "" {
					text += ", did you mean \"" + hint + "\"?"
				}
				m.v.Throw("TypeError", text+"; there are open, event, error and end")
			}
			c.handlers = append(c.handlers, reaction{name, m.callback("client.on", "the handler", fc.Argument(1))})
			return goja.Undefined()
		}),
		method("client", "close", 0, func(_ *module, c *client, _ goja.FunctionCall) goja.Value {
			c.closed = true
			return goja.Undefined()
		}),
	)
}

// open implements open(url, params, callback): it returns a response when the
// stream has ended.
func (m *module) open(fc goja.FunctionCall) goja.Value {
	const where = "sse.open"
	params, callback := fc.Argument(1), fc.Argument(2)
	if _, ok := goja.AssertFunction(params); ok && goja.IsUndefined(callback) {
		params, callback = goja.Undefined(), params
	}
	var setUp goja.Callable
	if !missing(callback) {
		setUp = m.callback(where, "the callback", callback)
	}
	sub := m.subscribe(where, fc.Argument(0), params)
	if m.client == nil {
		m.client = sandbox.NewClass(m.v, "SSEClient", 0, m.clients, m, func(goja.ConstructorCall) *goja.Object {
			m.v.Throw("TypeError", "SSEClient: use sse.open()")
			return nil
		})
	}
	c := &client{m: m}
	c.object = m.client.Adopt(clientShape.New(m.v, c))
	if setUp != nil {
		call(setUp, goja.Undefined(), c.object)
	}
	ctx := m.v.Context()
	sub.run(ctx, func() *http.Live { return sub.req.Open() }, c.tell)
	m.v.StopIfDone()
	return c.last.live.Response(c.last.fail)
}

// tell calls the handlers of n.
func (c *client) tell(n news) bool {
	m := c.m
	if m.v.Context().Err() != nil {
		c.last = n.ended
		return false
	}
	switch {
	case n.opened != nil:
		c.origin = originOf(n.opened.url)
		c.emit("open", m.openEvent(n.opened, c.object))
	case n.ended != nil:
		c.last = n.ended
		if n.ended.again || n.ended.fail != nil {
			c.emit("error", m.errorEvent(n.ended, c.object))
		}
		if !n.ended.again {
			c.emit("end", m.endEvent(n.ended, c.object))
		}
	default:
		for _, e := range n.events {
			if c.closed || m.v.Context().Err() != nil {
				break
			}
			c.emit("event", m.message(e, c.origin, c.object))
		}
	}
	return !c.closed
}

func (c *client) emit(name string, event goja.Value) {
	for _, h := range c.handlers {
		if h.name == name {
			call(h.call, c.object, event)
		}
	}
}
