package http

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// flight is the requests of a VU that are under way beside its script. Each runs
// on a goroutine of its own; the VU's goroutine, to which flight belongs, waits
// for all of them before its iteration has ended.
type flight struct {
	parent  context.Context // of the phase
	ctx     context.Context // of the requests; ends with parent, or with the iteration that left them behind
	cancel  context.CancelFunc
	running sync.WaitGroup
	pending int         // begun, and not yet acted upon
	free    []*recorder // for goroutines to come
}

// context returns what the requests of the running phase end with.
func (m *module) context() context.Context {
	ctx := m.v.Context()
	if m.flight.ctx != nil && m.flight.parent == ctx {
		return m.flight.ctx
	}
	return ctx
}

// aloft returns the VU's flight in the running phase. Its context is kept from
// iteration to iteration as long as the phase's is the same.
func (m *module) aloft() *flight {
	f := &m.flight
	if ctx := m.v.Context(); f.ctx == nil || f.parent != ctx || f.ctx.Err() != nil {
		m.dissolve()
		f.parent = ctx
		f.ctx, f.cancel = context.WithCancel(ctx)
	}
	return f
}

// dissolve forgets a flight in which nothing runs.
func (m *module) dissolve() {
	f := &m.flight
	if f.ctx == nil {
		return
	}
	m.sessions(func(s *session) { s.client.Unwatch() }) // their idle connections outlive it
	f.cancel()
	f.parent, f.ctx, f.cancel = nil, nil, nil
}

// land ends what an iteration left behind, and waits for it.
func (m *module) land() {
	m.recall()
	f := &m.flight
	if f.pending == 0 {
		return
	}
	f.cancel()
	f.running.Wait()
	f.pending = 0
	f.parent, f.ctx, f.cancel = nil, nil, nil
}

// start carries out r beside the script and calls done on the VU's goroutine,
// unless the iteration is interrupted before. ctx is that of aloft, or made from
// it for r: then its end ends r alone. The samples bear what is in force now.
func (m *module) start(ctx context.Context, r *request, res *response, done func()) {
	r.own()
	f := m.aloft()
	r.Alone = ctx != f.ctx
	r.s.client.Watch(f.ctx)
	w := f.recorder(m)
	w.delay, w.scheduled = m.v.Delay()
	scope := m.v.Scope()
	now := m.p.net.Clock()
	r.Queued, r.Start = now, now
	resolve := m.v.Pending()
	f.pending++
	f.running.Go(func() {
		m.carry(ctx, r, scope, w, res)
		resolve(func() {
			f.pending--
			f.free = append(f.free, w)
			done()
		})
	})
}

func (f *flight) recorder(m *module) *recorder {
	n := len(f.free)
	if n == 0 {
		return &recorder{p: m.p, rec: m.rec.rec}
	}
	w := f.free[n-1]
	f.free = f.free[:n-1]
	return w
}

// carry is exchange for goroutines that nobody above would catch a panic of.
func (m *module) carry(ctx context.Context, r *request, scope *sandbox.Scope, w *recorder, res *response) {
	defer func() {
		if p := recover(); p != nil {
			if log := m.p.host.Log; log != nil {
				log(sandbox.LogLine{Level: "debug", Source: "http", Text: fmt.Sprintf("panic in a request: %v\n%s", p, debug.Stack())})
			}
			res.Fail = &transport.Failure{Code: transport.CodeGeneric, Text: "internal fault"}
			res.code, res.Status = transport.CodeGeneric, 0
		}
	}()
	r.s.exchange(ctx, r, scope, w, res)
}

// asyncRequest implements http.asyncRequest(method, url, body, params). Whatever
// http.request would throw rejects the promise.
func (m *module) asyncRequest(s *session, where string, fc goja.FunctionCall) goja.Value {
	promise, resolve, reject := m.rt.NewPromise()
	r, res := new(request), &response{m: m, s: s}
	var refused *goja.Object // made here, so that it tells this place
	if thrown := m.rt.Try(func() {
		m.online(s, where)
		method := m.verb(where, fc.Argument(0))
		m.decode(s, where, r, method, fc.Argument(1), fc.Argument(2), fc.Argument(3))
		if r.throw {
			refused = m.v.NewError("HTTPError", "")
		}
	}); thrown != nil {
		settle(reject, thrown.Value())
		return m.rt.ToValue(promise)
	}
	place := m.v.Mark()
	m.start(m.aloft().ctx, r, res, func() {
		m.warnLater(r, res, place)
		if text := fatal(r, res); text != "" {
			m.define(refused, "message", m.rt.ToValue(text))
			settle(reject, refused)
			return
		}
		settle(resolve, m.wrap(res, r.binary))
	})
	return m.rt.ToValue(promise)
}

// warnLater tells once that a request failed, and where it was begun.
func (m *module) warnLater(r *request, res *response, place *sandbox.Mark) {
	m.warn(r, res, func() vu.Frame { return m.v.At(place) })
}

// settle calls a promise's resolve or reject. What they return cannot be caught
// by scripts: the end of the iteration, or of its stack.
func settle(f func(any) error, value goja.Value) {
	if err := f(value); err != nil {
		panic(err)
	}
}
