package http

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dop251/goja"
	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// Session is the client that the functions of swarm/http use in one VU, for
// packages that show scripts another face of it. It is for the goroutine that
// owns the VU.
type Session struct{ m *module }

type moduleKey struct{}

// Of returns the session of v's present runtime. The module swarm/http must be
// among the modules of v's script, whether the script imports it or not.
func Of(v *sandbox.VU) Session {
	v.Module("swarm/http")
	return Session{v.Local(moduleKey{}, func() any { panic("http: the module is not there") }).(*module)}
}

// Why a request's own context ended, as the cause of it.
var (
	// ErrAborted: the script gave the request up. It is counted, but neither
	// measured nor judged.
	ErrAborted = errors.New("aborted by the script")
	// ErrTimeout: a time limit of the script's has passed. The request timed out.
	ErrTimeout = errors.New("timeout")
)

// failLimit is a timeout that AbortSignal.timeout set, and no parameter.
var failLimit = &transport.Failure{Code: transport.FailTimeout.Code, Text: transport.FailTimeout.Text}

var failAborted = &transport.Failure{Code: transport.FailInterrupted.Code, Text: ErrAborted.Error()}

// Ask is a request of another package.
type Ask struct {
	Where     string // the function that was called, for messages
	Method    string // valid
	URL       string // absolute, or relative to the option baseURL
	Name      string // in metrics; "" for the URL
	Headers   []transport.Header
	Body      string
	Source    transport.Source // instead of Body, when it is not nil
	Redirects int              // that are followed
	Timeout   time.Duration    // 0 for the usual
	Tags      goja.Value       // an object; nil for none
	// Context ends this request alone, see ErrAborted; nil for none. It is made
	// from [Session.Context].
	Context context.Context
}

// Answer is what came of an Ask.
type Answer struct{ r *response }

// Fail returns why there is no response, nil when there is one.
func (a Answer) Fail() *transport.Failure { return a.r.Fail }

// Reply returns the response. It must not be changed.
func (a Answer) Reply() *transport.Reply { return &a.r.Reply }

// URL returns the last URL asked for and whether redirects led to it.
func (a Answer) URL() (url string, redirected bool) { return a.r.url, a.r.moved }

// Reason returns what the server wrote behind the status, such as "Not Found".
func (a Answer) Reason() string {
	_, reason, _ := strings.Cut(a.r.statusText(), " ")
	return reason
}

// Lines calls f with each line of the response's header.
func (a Answer) Lines(f func(name, value string)) { a.r.lines(f) }

// Timings returns the object that scripts know as response.timings.
func (a Answer) Timings() goja.Value { return a.r.Get("timings") }

// Redirects reports whether the response asks to go elsewhere.
func (a Answer) Redirects() bool { return a.r.Location != "" && redirects(a.r.Status) }

// Context returns what ends with the requests of the running phase, to make the
// contexts of Asks from.
func (s Session) Context() context.Context { return s.m.aloft().ctx }

// Start sends a request and calls done with what came of it on the VU's
// goroutine, unless the iteration is interrupted before. It throws where there
// is no network and for tags that are none; anything else is told in the Answer.
func (s Session) Start(ask *Ask, done func(Answer)) {
	m := s.m
	m.online(m.session, ask.Where)
	r := new(request)
	m.fresh(m.session, r)
	r.Method, r.Body, r.Source = ask.Method, ask.Body, ask.Source
	r.redirects, r.quiet = ask.Redirects, true
	for _, h := range ask.Headers {
		m.setHeader(ask.Where, r, canonical(h.Name), h.Value)
	}
	if ask.Timeout > 0 {
		r.timeout = ask.Timeout
	}
	if ask.Tags != nil {
		r.tags = m.tags(ask.Where, ask.Tags)
	}
	m.aim(r, ask.URL, ask.Name)
	res, place := &response{m: m, s: m.session}, m.v.Mark()
	ctx := ask.Context
	if ctx == nil {
		ctx = m.aloft().ctx
	}
	m.start(ctx, r, res, func() {
		if res.Fail != failAborted {
			m.warnLater(r, res, place)
		}
		done(Answer{res})
	})
}

// URL decodes a URL argument: text, what http.url made, or anything with a
// toString of its own. It throws when there is none.
func (s Session) URL(where string, v goja.Value) (url, name string) { return s.m.url(where, v) }

// Timeout decodes a time limit: milliseconds, or text such as "30s".
func (s Session) Timeout(where string, v goja.Value) time.Duration { return s.m.timeout(where, v) }

// Body returns a copy of binary data, or what makes the body that http.payload
// returned; ok is false for what is neither.
func (s Session) Body(o *goja.Object) (bytes string, source transport.Source, ok bool) {
	if p, ok := hosted[*payload](o); ok {
		return "", p, true
	}
	b, ok := s.m.binary(o)
	return string(b), nil, ok
}

// ValidHeader reports whether a header may have that name and that value.
func ValidHeader(name, value string) (nameOK, valueOK bool) {
	return validHeaderName(name), validHeaderValue(value)
}
