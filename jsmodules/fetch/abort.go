package fetch

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http"
	"github.com/swarmload/swarm/sandbox"
)

// signal is an AbortSignal object's state.
type signal struct {
	a       *api
	aborted bool
	reason  goja.Value
	limit   time.Time // when it aborts by itself; zero for never

	watchers  []*watcher // requests it would end
	followers []*signal  // made of it by AbortSignal.any
	listeners []goja.Value
	object    *goja.Object // nil until a script sees it
}

// watcher is a request under way that ends with a signal.
type watcher struct {
	cancel context.CancelCauseFunc
	end    func()
}

var signalShape = sandbox.NewShape(
	sandbox.Prop[*signal]{Name: "aborted", Live: true, Make: func(s *signal) goja.Value { return s.a.v.Bool(s.ended()) }},
	sandbox.Prop[*signal]{Name: "reason", Live: true, Make: func(s *signal) goja.Value {
		if !s.ended() {
			return goja.Undefined()
		}
		return s.reason
	}},
	sandbox.Prop[*signal]{Name: "onabort", Make: func(*signal) goja.Value { return goja.Null() }},
)

func signalMethods() *sandbox.Shape[*api] {
	return sandbox.NewShape(
		method("AbortSignal", "throwIfAborted", 0, func(a *api, s *signal, _ goja.FunctionCall) goja.Value {
			if s.ended() {
				panic(s.reason)
			}
			return goja.Undefined()
		}),
		method("AbortSignal", "addEventListener", 2, func(a *api, s *signal, fc goja.FunctionCall) goja.Value {
			const where = "AbortSignal.addEventListener"
			kind, listener := a.text(where, "the type", fc.Argument(0)), fc.Argument(1)
			if missing(listener) {
				return goja.Undefined()
			}
			if _, ok := listener.(*goja.Object); !ok {
				a.wrong(where, "the listener", "a function", listener)
			}
			if kind == "abort" && !s.aborted && !slices.ContainsFunc(s.listeners, listener.SameAs) {
				s.listeners = append(s.listeners, listener)
			}
			return goja.Undefined()
		}),
		method("AbortSignal", "removeEventListener", 2, func(a *api, s *signal, fc goja.FunctionCall) goja.Value {
			kind, listener := a.text("AbortSignal.removeEventListener", "the type", fc.Argument(0)), fc.Argument(1)
			if kind == "abort" {
				s.listeners = slices.DeleteFunc(s.listeners, listener.SameAs)
			}
			return goja.Undefined()
		}),
	)
}

var controllerShape = sandbox.NewShape(
	sandbox.Prop[*controller]{Name: "signal", Make: func(c *controller) goja.Value { return c.signal.show() }},
)

// controller is an AbortController object's state.
type controller struct{ signal *signal }

func controllerMethods() *sandbox.Shape[*api] {
	return sandbox.NewShape(
		method("AbortController", "abort", 0, func(a *api, c *controller, fc goja.FunctionCall) goja.Value {
			reason := fc.Argument(0)
			if goja.IsUndefined(reason) {
				reason = a.abortError()
			}
			c.signal.abort(reason, http.ErrAborted)
			return goja.Undefined()
		}),
	)
}

func (a *api) controllerClass() *sandbox.Class {
	if a.controllers == nil {
		a.controllers = sandbox.NewClass(a.v, "AbortController", 0, a.methods.controller, a, func(goja.ConstructorCall) *goja.Object {
			return controllerShape.New(a.v, &controller{&signal{a: a}})
		})
	}
	return a.controllers
}

func (a *api) signalClass() *sandbox.Class {
	if a.signals == nil {
		a.signals = sandbox.NewClass(a.v, "AbortSignal", 0, a.methods.signal, a, func(goja.ConstructorCall) *goja.Object {
			a.throw("TypeError", "AbortSignal: use new AbortController(), AbortSignal.timeout() or AbortSignal.any()")
			return nil
		})
	}
	return a.signals
}

// signalGlobal makes the global AbortSignal: the class with its own functions.
func (a *api) signalGlobal() goja.Value {
	class := a.signalClass().Constructor
	static := func(name string, length int, f func(goja.FunctionCall) *signal) {
		define(class, name, a.v.Func(name, length, func(fc goja.FunctionCall) goja.Value { return f(fc).show() }))
	}
	static("abort", 0, func(fc goja.FunctionCall) *signal {
		reason := fc.Argument(0)
		if goja.IsUndefined(reason) {
			reason = a.abortError()
		}
		return &signal{a: a, aborted: true, reason: reason}
	})
	static("timeout", 1, func(fc goja.FunctionCall) *signal { return a.newLimit(fc.Argument(0)) })
	static("any", 1, func(fc goja.FunctionCall) *signal { return a.any(fc.Argument(0)) })
	return class
}

func (s *signal) show() *goja.Object {
	if s.object == nil {
		s.object = s.a.signalClass().Adopt(signalShape.New(s.a.v, s))
	}
	return s.object
}

// abortError and timeoutError return what the WHATWG calls DOMExceptions.
func (a *api) abortError() goja.Value {
	return a.exception("AbortError", "the operation was aborted", 20)
}
func (a *api) timeoutError() goja.Value {
	return a.exception("TimeoutError", "the operation timed out", 23)
}

func (a *api) exception(name, text string, code int) goja.Value {
	e := a.v.NewError(name, text)
	define(e, "code", a.rt.ToValue(code))
	return e
}

// abort aborts s and all that follow it, ends the requests under way and then
// tells the listeners. What a listener throws is thrown when all were told. cause
// is what the requests ended with.
func (s *signal) abort(reason goja.Value, cause error) {
	if s.aborted {
		return
	}
	all := s.mark(reason, nil)
	var watchers []*watcher
	for _, s := range all {
		watchers = append(watchers, s.watchers...)
		s.watchers = nil
	}
	for _, w := range watchers {
		w.cancel(cause)
	}
	var thrown error
	for _, s := range all {
		if err := s.tell(); thrown == nil {
			thrown = err
		}
	}
	// What waits for them goes on when all listeners were told.
	for _, w := range watchers {
		w.end()
	}
	if thrown != nil {
		panic(thrown)
	}
}

// mark notes that s and its followers are aborted and appends them to all.
func (s *signal) mark(reason goja.Value, all []*signal) []*signal {
	if s.aborted {
		return all
	}
	s.aborted, s.reason = true, reason
	all = append(all, s)
	for _, f := range s.followers {
		all = f.mark(reason, all)
	}
	s.followers = nil
	return all
}

// tell calls the listeners with an event, and returns the first error of theirs.
func (s *signal) tell() error {
	if s.object == nil {
		return nil
	}
	listeners := s.listeners
	s.listeners = nil
	if f := s.object.Get("onabort"); !missing(f) {
		listeners = append(listeners, f)
	}
	if len(listeners) == 0 {
		return nil
	}
	rt := s.a.rt
	event := rt.NewObject()
	for name, v := range map[string]any{"type": "abort", "target": s.object, "currentTarget": s.object} {
		_ = event.Set(name, v) // a plain object takes any
	}
	var first error
	for _, listener := range listeners {
		this := goja.Value(s.object)
		f, ok := goja.AssertFunction(listener)
		if o, isObject := listener.(*goja.Object); !ok && isObject {
			this = listener
			f, ok = goja.AssertFunction(o.Get("handleEvent"))
		}
		if !ok {
			continue
		}
		if _, err := f(this, event); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// ended reports whether s is aborted, and aborts it when its time has passed.
func (s *signal) ended() bool {
	if !s.aborted && !s.limit.IsZero() && !time.Now().Before(s.limit) {
		s.abort(s.a.timeoutError(), http.ErrTimeout)
	}
	return s.aborted
}

// cause returns the reason of an aborted signal.
func (s *signal) cause() goja.Value {
	if s.reason == nil {
		return s.a.timeoutError()
	}
	return s.reason
}

// watch returns a context, made from parent, that ends with s; then end is
// called too, on the VU's goroutine. done ends the watch.
func (s *signal) watch(parent context.Context, end func()) (ctx context.Context, done func()) {
	s.a.keepFor(s)
	ctx, cancel := context.WithCancelCause(parent)
	release := func() {}
	if !s.limit.IsZero() {
		ctx, release = context.WithDeadlineCause(ctx, s.limit, http.ErrTimeout)
	}
	w := &watcher{cancel, end}
	s.watchers = append(s.watchers, w)
	return ctx, func() {
		s.watchers = slices.DeleteFunc(s.watchers, func(other *watcher) bool { return other == w })
		release()
		cancel(nil)
	}
}

// limits is what signals of one iteration hold and must not keep after it.
type limits struct {
	timers  []*time.Timer
	signals []*signal
}

// atEnd returns the limits of the running iteration.
func (a *api) atEnd() *limits {
	if a.limits == nil {
		l := &limits{}
		a.limits = l
		drop := func() {
			for _, t := range l.timers {
				t.Stop()
			}
			for _, s := range l.signals {
				s.watchers, s.followers = nil, nil
			}
			*l = limits{}
		}
		a.v.OnIterationEnd(drop)
		a.v.OnClose(drop)
	}
	return a.limits
}

// keepFor notes that s holds something that ends with the iteration.
func (a *api) keepFor(s *signal) {
	if l := a.atEnd(); !slices.Contains(l.signals, s) {
		l.signals = append(l.signals, s)
	}
}

// newLimit implements AbortSignal.timeout(milliseconds). Requests end at their
// time whatever the script does then; listeners are told while it waits for
// something.
func (a *api) newLimit(v goja.Value) *signal {
	const where = "AbortSignal.timeout"
	ms := math.NaN()
	if _, symbol := v.(*goja.Symbol); !symbol {
		ms = v.ToFloat()
	}
	if !(ms >= 0) || ms > float64(math.MaxInt64/time.Millisecond) {
		a.wrong(where, "the time", "a number of milliseconds", v)
	}
	d := time.Duration(ms * float64(time.Millisecond))
	s := &signal{a: a, limit: time.Now().Add(d)}
	notify := a.v.Aside()
	l := a.atEnd()
	l.timers = append(l.timers, time.AfterFunc(d, func() { notify(func() { s.ended() }) }))
	return s
}

// any implements AbortSignal.any(signals).
func (a *api) any(v goja.Value) *signal {
	const where = "AbortSignal.any"
	s := &signal{a: a}
	a.rt.ForOf(a.object(where, "the argument", v), func(v goja.Value) bool {
		from, ok := sandbox.StateOf[*signal](v)
		if !ok {
			a.wrong(where, "each signal", "an AbortSignal", v)
		}
		switch {
		case s.aborted:
		case from.ended():
			s.aborted, s.reason = true, from.reason
		default:
			if !from.limit.IsZero() && (s.limit.IsZero() || from.limit.Before(s.limit)) {
				s.limit = from.limit
			}
			from.followers = append(from.followers, s)
			a.keepFor(from)
		}
		return true
	})
	return s
}
