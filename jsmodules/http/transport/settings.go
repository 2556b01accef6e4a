package transport

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/cache"
	"github.com/swarmload/swarm/jsmodules/http/coding"
	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
)

// Network is what all clients of a runner share. Safe for concurrent use.
type Network struct {
	// Dial opens connections; the egress policy is behind it.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// DialPacket opens the sockets of HTTP/3; nil: there is no HTTP/3.
	DialPacket func(ctx context.Context, address string) (net.PacketConn, net.Addr, error)
	// CheckHost returns the refusal of a host name that must not be contacted;
	// nil: there are none.
	CheckHost func(host string) error
	// Permit returns the refusal of an address that a proxy is to be asked for;
	// nil: it may be asked for any.
	Permit func(ctx context.Context, address string) error
	// Resolve returns host:port with the host resolved, for proxies that resolve
	// no names; nil: such proxies cannot be used for names.
	Resolve func(ctx context.Context, address string) (string, error)

	base      time.Time // zero of the clock
	scratch   sync.Pool
	buffers   sync.Pool // of *[copyBuffer]byte
	small     sync.Pool // of *[readBuffer]byte
	streams   sync.Pool // of *stream
	quicCalls sync.Pool // of *quicCall
	coder     coding.Coder
	bodies    budget
}

// NewNetwork returns a network that dials with dial.
func NewNetwork(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Network {
	n := &Network{Dial: dial, base: time.Now(), bodies: budget{limit: maxBodies}}
	n.scratch.New = func() any { return newScratch() }
	n.buffers.New = func() any { return new([copyBuffer]byte) }
	n.small.New = func() any { return new([readBuffer]byte) }
	n.streams.New = func() any { return newStream() }
	n.quicCalls.New = func() any { return newQUICCall() }
	return n
}

// Clock returns the monotonic time since the network was made. All times of
// calls are on it.
func (n *Network) Clock() time.Duration { return time.Since(n.base) }

// decode undoes the content codings of a body, by q's deadline.
func (n *Network) decode(encodings string, body []byte, q *Call) ([]byte, *Failure) {
	body, err := n.coder.DecodeUntil(encodings, body, maxBody, func() bool { return n.Clock() > q.Deadline+q.Slack }, n.grower())
	if err != nil {
		return nil, decodeFailure(err)
	}
	return body, nil
}

// grower makes Room in the terms of package coding.
func (n *Network) grower() func(b []byte, more int) ([]byte, error) {
	var room Room
	return func(b []byte, more int) ([]byte, error) {
		b, f := room.Grow(n, b, more)
		if f != nil {
			return nil, f
		}
		return b, nil
	}
}

// Options say how a client talks. The zero value is a plain client.
type Options struct {
	BaseURL   string            // what relative URLs are put behind; "" refuses them
	UserAgent string            // sent unless a request has its own; "" sends none
	Hosts     map[string]string // what to dial instead, see plan.HTTP
	NoReuse   bool              // a new connection for every request
	Version   string            // of HTTP, see plan.HTTP
	// Proxy returns what calls to a URL that name no proxy go through, nil for
	// nothing. It is asked once for a URL. May be nil.
	Proxy    func(*url.URL) *proxy.Proxy
	Lifetime time.Duration       // how long a connection is reused at most; 0: for ever
	TLS      *tlsconfig.Settings // nil: the defaults
}

// Settings are Options made ready, with the URLs that were parsed under them.
// Immutable but for caches; shared by the clients of all VUs.
type Settings struct {
	net     *Network
	opt     Options
	targets cache.Cache[string, *Target]
}

// NewSettings makes o ready for clients on n.
func NewSettings(n *Network, o Options) *Settings {
	s := &Settings{net: n, opt: o}
	s.targets.Limit = maxTargets
	if o.TLS == nil {
		s.opt.TLS, _ = tlsconfig.New(plan.TLS{}, false, nil) // nothing in it that could be wrong
	}
	return s
}

// Target returns the parsed form of raw, from the cache when it was seen before.
func (s *Settings) Target(raw string) (*Target, error) {
	if t, ok := s.targets.Lookup(raw); ok {
		return t, nil
	}
	t, err := s.parseTarget(raw)
	if err != nil {
		return nil, err
	}
	return s.targets.Put(strings.Clone(raw), t), nil
}
