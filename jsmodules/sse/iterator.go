package sse

import (
	"github.com/dop251/goja"
	"github.com/swarmload/swarm/sandbox"
)

// iterator is what events() returns, for loops with for await. The iteration
// waits for the stream while the loop does, and for no longer.
type iterator struct {
	m      *module
	line   *line
	origin string
	queue  []event

	waiting   []settling // of next()
	returning []settling // of return(), with what it gives
	fail      *ending    // to be thrown
	closed    bool
}

// settling is a promise.
type settling struct {
	resolve, reject func(any) error
	value           goja.Value
}

var iteratorShape = sandbox.NewShape[*iterator]()

func iteratorMethods() *sandbox.Shape[*module] {
	const class = "EventIterator"
	return sandbox.NewShape(
		method(class, "next", 0, func(m *module, it *iterator, _ goja.FunctionCall) goja.Value {
			m.v.StopIfDone()
			promise, p := m.promise(goja.Undefined())
			it.waiting = append(it.waiting, p)
			it.serve()
			return promise
		}),
		method(class, "return", 1, func(m *module, it *iterator, fc goja.FunctionCall) goja.Value {
			m.v.StopIfDone()
			promise, p := m.promise(fc.Argument(0))
			it.closed, it.queue, it.fail = true, nil, nil
			it.returning = append(it.returning, p)
			it.line.hangUp()
			it.serve()
			return promise
		}),
	)
}

func (m *module) promise(value goja.Value) (goja.Value, settling) {
	promise, resolve, reject := m.rt.NewPromise()
	return m.rt.ToValue(promise), settling{resolve, reject, value}
}

// events implements events(url, params).
func (m *module) events(fc goja.FunctionCall) goja.Value {
	sub := m.subscribe("sse.events", fc.Argument(0), fc.Argument(1))
	it := &iterator{m: m}
	it.line = m.start(sub, true, it.take)
	return m.iteratorClass().Adopt(iteratorShape.New(m.v, it))
}

func (m *module) iteratorClass() *sandbox.Class {
	if m.iterator != nil {
		return m.iterator
	}
	m.iterator = sandbox.NewClass(m.v, "EventIterator", 0, m.iterators, m, func(goja.ConstructorCall) *goja.Object {
		m.v.Throw("TypeError", "EventIterator: use sse.events()")
		return nil
	})
	self := m.v.Func("[Symbol.asyncIterator]", 0, func(fc goja.FunctionCall) goja.Value { return fc.This })
	// goja has no such symbol; what for await is lowered to looks for this one.
	class, _ := m.rt.GlobalObject().Get("Symbol").(*goja.Object)
	if class != nil {
		if registry, ok := goja.AssertFunction(class.Get("for")); ok {
			symbol, err := registry(class, m.rt.ToValue("Symbol.asyncIterator"))
			if err != nil {
				panic(err)
			}
			if symbol, ok := symbol.(*goja.Symbol); ok {
				m.iterator.Symbol(symbol, self)
			}
		}
	}
	return m.iterator
}

// take queues what came.
func (it *iterator) take(n news) {
	if n.opened != nil {
		it.origin = originOf(n.opened.url)
	}
	switch {
	case n.ended != nil:
		if n.ended.live != nil {
			n.ended.live.Warn()
		}
		if n.ended.fail != nil && !n.ended.again && !it.closed {
			it.fail = n.ended
		}
	case !it.closed:
		it.queue = append(it.queue, n.events...)
	}
	it.serve()
}

// serve settles the promises that can be, and asks for more if some are left.
func (it *iterator) serve() {
	for len(it.waiting) > 0 {
		p := it.waiting[0]
		switch {
		case len(it.queue) > 0:
			e := it.queue[0]
			it.queue = it.queue[1:]
			it.waiting = it.waiting[1:]
			it.settle(p, it.m.message(e, it.origin, goja.Null()), false)
		case it.fail != nil:
			it.waiting = it.waiting[1:]
			e := it.m.failure(it.fail)
			it.fail = nil
			settle(p.reject, e)
		case it.line.ended() || it.closed:
			it.waiting = it.waiting[1:]
			it.settle(p, goja.Undefined(), true)
		default:
			it.line.ask()
			return
		}
	}
	if len(it.queue) == 0 {
		it.queue = nil
	}
	for len(it.returning) > 0 {
		if !it.line.ended() {
			it.line.ask()
			return
		}
		p := it.returning[0]
		it.returning = it.returning[1:]
		it.settle(p, p.value, true)
	}
}

// settle resolves a promise with what iterators give.
func (it *iterator) settle(p settling, value goja.Value, done bool) {
	result := it.m.rt.NewObject()
	_ = result.Set("value", value) // a plain object takes any
	_ = result.Set("done", done)
	settle(p.resolve, result)
}

// settle calls a promise's resolve or reject. What they return cannot be caught
// by scripts: the end of the iteration, or of its stack.
func settle(f func(any) error, value goja.Value) {
	if err := f(value); err != nil {
		panic(err)
	}
}

// failure makes the error that a loop gets.
func (m *module) failure(e *ending) goja.Value {
	o := m.v.NewError("HTTPError", e.fail.Text)
	_ = o.DefineDataProperty("error_code", m.rt.ToValue(e.fail.Code), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	_ = o.DefineDataProperty("status", m.rt.ToValue(e.status()), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	return o
}
