package http

import (
	"context"
	"net/url"
	"slices"

	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// exchange carries out a request, following redirects, and puts what came of
// it into res. Every hop is recorded as a request of its own. One deadline
// holds for all of them.
//
// It touches no JavaScript, so it may run on any goroutine; w must be that
// goroutine's own.
func (s *session) exchange(ctx context.Context, r *request, scope *sandbox.Scope, w *recorder, res *response) {
	q := &r.Call
	if r.fail != nil {
		// Nothing was sent, but a request was asked for and failed: a test
		// must not pass because of it.
		res.method, res.url, res.sentURL, res.Fail, res.code = q.Method, r.Invalid, r.Invalid, r.fail, r.fail.Code
		w.record(scope, r.tags, q, &res.Reply, r.expect.judge(0), res.code)
		return
	}
	q.Deadline = q.Start + r.timeout
	l := r.login
	if l != nil {
		defer s.client.Unhold(&l.hold)
	}
	for hop, first := 0, true; ; first = false {
		if s.p.rate != nil && !s.await(ctx, q) {
			res.Reply = transport.Reply{Fail: transport.FailInterrupted}
			if q.Alone {
				res.Fail = whyEnded(ctx)
			}
			res.code, res.url = res.Fail.Code, q.Target.Name
			return
		}
		q.Cookie = cookieHeader(r, q.Target.URL)
		if !first {
			if res.Stream != nil {
				res.Stream.Close()
			}
			res.Reply = transport.Reply{}
		}
		call := q
		if l != nil {
			call = l.prepare(q)
		}
		s.client.Do(ctx, call, &res.Reply)
		if res.Stream != nil && !r.streams(res) {
			s.collect(ctx, q, &res.Reply)
		}
		if q.Alone && res.Fail == transport.FailInterrupted {
			res.Fail = whyEnded(ctx)
		}
		if res.Fail != nil && res.Fail.Own && s.p.host.SocketError != nil {
			s.p.host.SocketError()
		}
		if s.p.opt.Debug != "" {
			s.debug(call, res)
		}
		if first {
			res.method, res.sentURL, res.host = q.Method, q.Target.Name, q.Host
			res.sentHeaders, res.sentBody, res.sentSource, res.lent, res.sentCookie = q.Headers, q.Body, q.Source, r.lent, q.Cookie
		}
		if len(res.SetCookie) > 0 && r.jar != nil {
			r.jar.store(s.p, q.Target.URL, res.SetCookie)
		}
		var next *transport.Target
		if res.Location != "" && res.Status != 0 && redirects(res.Status) && hop < r.redirects {
			var f *transport.Failure
			if next, f = s.follow(q.Target, res.Location); f != nil {
				res.Fail, res.Status = f, 0
			}
		}
		res.code = transport.StatusCode(res.Status)
		if res.Fail != nil {
			res.code = res.Fail.Code
		}
		if res.Fail == transport.FailInterrupted || res.Fail == failAborted {
			w.recordCut(scope, r.tags, q, &res.Reply, res.code)
			break
		}
		if res.Stream != nil {
			break // recorded when it has ended
		}
		v := r.expect.judge(res.Status)
		again := l != nil && l.again(s.p, res)
		if again && v == unexpected {
			v = expected // it only asks for what it gets now
		}
		w.record(scope, r.tags, q, &res.Reply, v, res.code)
		if again {
			q.Queued = s.p.net.Clock()
			q.Start = q.Queued
			continue
		}
		if next == nil {
			if hop > 0 && hop == r.redirects && !r.quiet && res.Location != "" && redirects(res.Status) {
				s.p.warn("a request to " + q.Target.Origin + " was redirected more often than it may be; its last response was returned")
			}
			break
		}
		hop++
		r.redirect(res.Status, next)
		res.moved = true
		if l != nil && next.Origin != l.origin {
			s.client.Unhold(&l.hold)
			l = nil
		}
		q.Queued = s.p.net.Clock()
		q.Start = q.Queued
	}
	res.url = q.Target.Name
}

// await waits until the option rps lets q begin; false means that ctx ended. The
// wait delays the request: it is part of no timing and no timeout.
func (s *session) await(ctx context.Context, q *transport.Call) bool {
	if !s.p.rate.wait(ctx) {
		return false
	}
	now := s.p.net.Clock()
	q.Deadline += now - q.Start
	q.Queued += now - q.Start
	q.Start = now
	return true
}

// whyEnded says why a request ended whose own context has.
func whyEnded(ctx context.Context) *transport.Failure {
	switch context.Cause(ctx) {
	case ErrAborted:
		return failAborted
	case ErrTimeout:
		return failLimit
	}
	return transport.FailInterrupted
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// follow returns where a Location header leads.
func (s *session) follow(from *transport.Target, location string) (*transport.Target, *transport.Failure) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, &transport.Failure{Code: transport.CodeURL, Text: "redirect to an invalid URL"}
	}
	next, err := s.set.Target(from.URL.ResolveReference(u).String())
	if err != nil {
		return nil, &transport.Failure{Code: transport.CodeURL, Text: "redirect to an unusable URL"}
	}
	return next, nil
}

// redirect turns r into the request that a redirect asks for: 301, 302 and 303
// become a GET without body, whatever the method was but HEAD, as k6 does and
// RFC 9110 (15.4) allows. What was meant for one origin alone is not told to
// another.
func (r *request) redirect(status int, next *transport.Target) {
	q := &r.Call
	if status <= 303 && q.Method != "GET" && q.Method != "HEAD" {
		q.Method, q.Body, q.Source = "GET", "", nil
		q.Headers = without(q.Headers, "Content-Type", "Content-Encoding", "Content-Language", "Content-Location")
	}
	if next.Origin != q.Target.Origin {
		q.Headers = without(q.Headers, "Authorization", "Proxy-Authorization")
		q.Host, r.ownCookie, r.cookies = "", "", nil
	} else if user := q.Target.User; user != nil && next.User == nil && r.login == nil && !has(q.Headers, "Authorization") {
		r.header("Authorization", basicAuthorization(user))
	}
	q.Target = next
}

// without returns headers less those named, leaving the argument as it is.
func without(headers []transport.Header, names ...string) []transport.Header {
	if !slices.ContainsFunc(headers, func(h transport.Header) bool { return slices.Contains(names, h.Name) }) {
		return headers
	}
	var out []transport.Header
	for _, h := range headers {
		if !slices.Contains(names, h.Name) {
			out = append(out, h)
		}
	}
	return out
}
