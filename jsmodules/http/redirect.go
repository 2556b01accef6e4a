package http

import (
	"context"
	"net/url"
	"slices"

	"github.com/swarmload/swarm/sandbox"
)

// exchange carries out a request, following redirects, and puts what came of
// it into res. Every hop is recorded as a request of its own. One deadline
// holds for all of them.
//
// It touches no JavaScript, so it may run on any goroutine; w must be that
// goroutine's own.
func (c *client) exchange(ctx context.Context, r *request, scope *sandbox.Scope, w *recorder, res *response) {
	q := &r.call
	if r.fail != nil {
		// Nothing was sent, but a request was asked for and failed: a test
		// must not pass because of it.
		res.method, res.url, res.sentURL, res.fail, res.code = q.method, r.invalid, r.invalid, r.fail, r.fail.code
		w.record(scope, r.tags, q, &res.reply, r.expect.judge(0), res.code)
		return
	}
	q.deadline = q.start + r.timeout
	for hop := 0; ; hop++ {
		q.cookie = cookieHeader(r, q.target.url)
		if hop > 0 {
			res.reply = reply{}
		}
		c.do(ctx, q, &res.reply)
		if res.fail != nil && res.fail.own && c.p.host.SocketError != nil {
			c.p.host.SocketError()
		}
		if hop == 0 {
			res.method, res.sentURL, res.host = q.method, q.target.name, q.host
			res.sentHeaders, res.sentBody, res.sentCookie = q.headers, q.body, q.cookie
		}
		if len(res.setCookie) > 0 && r.jar != nil {
			r.jar.store(c.p, q.target.url, res.setCookie)
		}
		var next *target
		if res.location != "" && res.status != 0 && redirects(res.status) && hop < r.redirects {
			var f *failure
			if next, f = c.p.follow(q.target, res.location); f != nil {
				res.fail, res.status = f, 0
			}
		}
		res.code = statusCode(res.status)
		if res.fail != nil {
			res.code = res.fail.code
		}
		if res.fail == failInterrupted {
			// The target may have counted it, so it is counted here; it says
			// nothing about the target, so nothing is measured.
			if res.written {
				w.record(scope, r.tags, q, &res.reply, unjudged, res.code)
			}
			break
		}
		w.record(scope, r.tags, q, &res.reply, r.expect.judge(res.status), res.code)
		if next == nil {
			if hop > 0 && hop == r.redirects && res.location != "" && redirects(res.status) {
				c.p.warn("a request to " + q.target.origin + " was redirected more often than it may be; its last response was returned")
			}
			break
		}
		r.redirect(res.status, next)
		q.queued = c.p.clock()
		q.start = q.queued
	}
	res.url = q.target.name
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// follow returns where a Location header leads.
func (p *program) follow(from *target, location string) (*target, *failure) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, &failure{code: codeURL, text: "redirect to an invalid URL"}
	}
	next, err := p.target(from.url.ResolveReference(u).String())
	if err != nil {
		return nil, &failure{code: codeURL, text: "redirect to an unusable URL"}
	}
	return next, nil
}

// redirect turns r into the request that a redirect asks for: 301, 302 and 303
// become a GET without body, whatever the method was but HEAD, as k6 does and
// RFC 9110 (15.4) allows. What was meant for one origin alone is not told to
// another.
func (r *request) redirect(status int, next *target) {
	q := &r.call
	if status <= 303 && q.method != "GET" && q.method != "HEAD" {
		q.method, q.body = "GET", ""
		q.headers = without(q.headers, "Content-Type", "Content-Encoding", "Content-Language", "Content-Location")
	}
	if next.origin != q.target.origin {
		q.headers = without(q.headers, "Authorization", "Proxy-Authorization")
		q.host, r.ownCookie, r.cookies = "", "", nil
	}
	q.target = next
}

// without returns headers less those named, leaving the argument as it is.
func without(headers []header, names ...string) []header {
	if !slices.ContainsFunc(headers, func(h header) bool { return slices.Contains(names, h.name) }) {
		return headers
	}
	var out []header
	for _, h := range headers {
		if !slices.Contains(names, h.name) {
			out = append(out, h)
		}
	}
	return out
}
