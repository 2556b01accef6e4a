package http

import "github.com/swarmload/swarm/jsmodules/http/transport"

// session is a client as scripts know it: settings, connections, cookies and
// what is done unless a request says otherwise. The functions of the module use
// one; each http.Client has one of its own.
type session struct {
	p      *program
	set    *transport.Settings
	client *transport.Client
	jar    *jar // cookies of requests that name no other
}

func newSession(p *program, set *transport.Settings, j *jar) *session {
	return &session{p: p, set: set, client: transport.NewClient(set), jar: j}
}
