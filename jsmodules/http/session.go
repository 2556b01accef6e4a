package http

import (
	"github.com/swarmload/swarm/engine/metric"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// session is a client as scripts know it: settings, connections, cookies and
// what is done unless a request says otherwise. The functions of the module use
// one; each http.Client has one of its own. It belongs to the VU's goroutine,
// but for client and jar, and for exchange.
type session struct {
	p *program
	*habits
	client *transport.Client
	jar    *jar // cookies of requests that name no other
	logins logins

	listed  bool // among the module's clients
	passing bool // made in an iteration: its connections end with that
	closed  bool // by the script

	lastURL string            // the URL asked for last
	last    *transport.Target // and what it parsed to
}

// habits are what sessions with the same settings have in common. Shared by all
// VUs; never changed.
type habits struct {
	set       *transport.Settings
	userAgent string
	base      request // what every request begins as
}

func newSession(p *program, h *habits, j *jar, vu uint64) *session {
	return &session{p: p, habits: h, client: transport.NewClient(h.set, vu), jar: j}
}

// fresh makes r a request of s that asks for nothing yet.
func (m *module) fresh(s *session, r *request) {
	*r = s.base
	r.s, r.expect, r.jar = s, m.expect, s.jar
}

// inherit gives r what requests of its session have and r has none of its own of.
func (m *module) inherit(r *request) {
	base := &r.s.base
	for _, h := range base.Headers {
		if !has(r.Headers, h.Name) {
			r.Headers = append(r.Headers, h)
		}
	}
	if base.tags != nil && r.tags != base.tags {
		var tags []metric.Tag
		for _, t := range base.tags.tags {
			if !r.tags.has(t.Key) {
				tags = append(tags, t)
			}
		}
		if r.tags != nil {
			tags = append(tags, r.tags.tags...)
		}
		r.tags = m.p.intern(tags)
	}
}

// has reports whether a header of that canonical name is among headers.
func has(headers []transport.Header, name string) bool {
	for i := range headers {
		if headers[i].Name == name {
			return true
		}
	}
	return false
}
