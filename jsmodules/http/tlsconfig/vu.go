package tlsconfig

import (
	"crypto/tls"
	"strings"
	"sync"
)

// maxSessionHosts is with how many hosts a VU can have sessions.
const maxSessionHosts = 64

// VU gives the configs of one virtual user's connections. Safe for concurrent
// use.
type VU struct {
	settings *Settings

	mu  sync.Mutex
	own map[key]*tls.Config // with a session each; nil until there is one
}

// ForVU returns what one VU takes its configs from. Without resumption all
// share one value and nothing is allocated.
func (s *Settings) ForVU() *VU {
	if !s.resumption {
		return &s.plain
	}
	return &VU{settings: s}
}

// For is Settings.For for the VU: with resumption its later connections to the
// host resume the session of an earlier one, and no other VU's ever do.
func (v *VU) For(host string, protos []string) *tls.Config {
	shared := v.settings.For(host, protos)
	if !v.settings.resumption {
		return shared
	}
	k := key{shared.ServerName, strings.Join(protos, ",")}
	v.mu.Lock()
	defer v.mu.Unlock()
	if config := v.own[k]; config != nil {
		return config
	}
	if v.own == nil || len(v.own) >= maxSessionHosts {
		v.own = map[key]*tls.Config{} // forgetting sessions costs handshakes, no more
	}
	config := shared.Clone()
	config.ClientSessionCache = new(session)
	v.own[k] = config
	return config
}

// Forget drops the VU's sessions, so that it begins anew.
func (v *VU) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.own = nil
}

// session is a cache for the one host that its config is for.
type session struct {
	mu    sync.Mutex
	state *tls.ClientSessionState
}

// Get implements tls.ClientSessionCache.
func (s *session) Get(string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.state != nil
}

// Put implements tls.ClientSessionCache; nil drops the session.
func (s *session) Put(_ string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}
