package http

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/sandbox"
	"github.com/swarmload/swarm/sandbox/egress"
)

// row is one way to carry requests: a version of HTTP, with or without TLS,
// directly or through a proxy. Every feature runs on every row, unless it says
// which rows have it.
type row struct {
	name    string
	version string // option httpVersion
	proto   string // what responses say
	secure  bool   // https://
	shared  bool   // requests at once share a connection
	via     string // "", "http", "https", "socks5"
	brief   bool   // only features that differ by the way to the target
}

var rows = []row{
	{name: "h1", version: "1.1", proto: "HTTP/1.1"},
	{name: "h1-tls", version: "1.1", proto: "HTTP/1.1", secure: true},
	{name: "h2", proto: "HTTP/2.0", secure: true, shared: true},
	{name: "h2c", version: "h2c", proto: "HTTP/2.0", shared: true},
	{name: "h3", version: "3", proto: "HTTP/3.0", secure: true, shared: true},
	{name: "h1-proxy", version: "1.1", proto: "HTTP/1.1", via: "http"},
	{name: "h1-tls-proxy", version: "1.1", proto: "HTTP/1.1", secure: true, via: "http", brief: true},
	{name: "h2-proxy", proto: "HTTP/2.0", secure: true, shared: true, via: "http", brief: true},
	{name: "h1-tls-httpsproxy", version: "1.1", proto: "HTTP/1.1", secure: true, via: "https", brief: true},
	{name: "h2-httpsproxy", proto: "HTTP/2.0", secure: true, shared: true, via: "https", brief: true},
	{name: "h1-socks5", version: "1.1", proto: "HTTP/1.1", via: "socks5", brief: true},
	{name: "h2-socks5", proto: "HTTP/2.0", secure: true, shared: true, via: "socks5", brief: true},
}

// scheme is that of the row's URLs.
func (r *row) scheme() string {
	if r.secure {
		return "https"
	}
	return "http"
}

// absolute reports whether requests go to the proxy itself and not through a tunnel.
func (r *row) absolute() bool { return r.via == "http" && !r.secure }

// bench is a row with a target to talk to.
type bench struct {
	row
	*site
	other *site // of another origin
	proxy *plan.HTTP
	front *relay // before the proxy; nil without one
	base  string
	far   string // the other origin
}

func newBench(t *testing.T, r row) *bench {
	t.Helper()
	b := &bench{row: r, site: newSite(t), other: newSite(t)}
	b.base, b.far = r.scheme()+"://"+b.address(b.site), r.scheme()+"://"+b.address(b.other)
	b.proxy = &plan.HTTP{}
	var through *peers.Proxy
	switch r.via {
	case "":
		return b
	case "socks5":
		through = peers.SOCKS(t, peers.Credentials{User: "me", Password: "secret"})
	case "http":
		if !r.secure {
			b.front = newRelay(t, newForward(t))
			b.proxy.Proxy = "http://me:secret@" + b.front.addr
			return b
		}
		fallthrough
	default:
		through = peers.ForwardProxy(t, peers.Credentials{User: "me", Password: "secret"})
	}
	raw := through.URL
	if r.via == "https" {
		raw = through.TLS
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	b.front = newRelay(t, u.Host)
	u.Host = b.front.addr
	b.proxy.Proxy = u.String()
	b.proxy.TLS.CACerts = []string{through.PEM()}
	return b
}

func (b *bench) address(s *site) string {
	if b.secure {
		return s.tlsAddr
	}
	return s.plainAddr
}

// plan returns options under which scripts run on the row.
func (b *bench) plan() *plan.Plan {
	p := newPlan()
	h := &p.HTTP
	h.Version = b.version
	h.Proxy = b.proxy.Proxy
	h.TLS.CACerts = append([]string{b.ca.PEM(), b.other.ca.PEM()}, b.proxy.TLS.CACerts...)
	_, port, _ := strings.Cut(b.address(b.site), ":")
	h.Hosts = map[string]string{"*.example.test": "127.0.0.1", "mapped.example.test:1": "127.0.0.1:" + port}
	return p
}

// script is what runs on a row, and what must come of it.
type script struct {
	init, body string
	want       []string // what it says in each iteration
	iterations int      // 0: one
	change     func(*plan.HTTP)
	adjust     func(*sandbox.Host)
	unsent     int // requests that are counted and never reach a target
	unseen     int // requests that reach a target, without a sample: none should
	// loose tells why bytes cannot be equal. The target may then have received
	// up to lost bytes less than were sent, and sent up to unread more than were
	// received.
	loose        string
	lost, unread int64
}

// run runs s, and holds its totals against what the targets saw: requests and
// bytes are equal. It returns the world for more questions.
func (b *bench) run(t *testing.T, s script) *world {
	t.Helper()
	p := b.plan()
	if s.change != nil {
		s.change(&p.HTTP)
	}
	dialer, err := newEgress(&p.HTTP, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.quiesceAll(t)
	b.requests()
	b.busiest()
	reqs := b.site.reqs.Load() + b.other.reqs.Load()
	in, out := b.wire()
	conns := b.site.conns.Load() + b.other.conns.Load()
	adjust := []func(*sandbox.Host){dialer}
	if s.adjust != nil {
		adjust = append(adjust, s.adjust)
	}
	w := newWorld(t, p, fmt.Sprintf("const base = %q, far = %q, proto = %q;\n%s", b.base, b.far, b.proto, s.init), s.body, adjust...)
	for range max(s.iterations, 1) {
		got := w.run()
		for i := range max(len(got), len(s.want)) {
			g, n := "(nothing)", "(nothing)"
			if i < len(got) {
				g = got[i]
			}
			if i < len(s.want) {
				n = s.want[i]
			}
			if g != n {
				t.Errorf("line %d: said\n\t%s\nwant\n\t%s", i+1, g, n)
			}
		}
	}
	if t.Failed() {
		t.Logf("logged %q", w.logged())
	}
	w.vu.Close()
	b.quiesceAll(t)
	reqs = b.site.reqs.Load() + b.other.reqs.Load() - reqs
	if got := w.value("http_reqs").Sum; got != float64(reqs)+float64(s.unsent)-float64(s.unseen) {
		t.Errorf("http_reqs is %v, the targets received %d", got, reqs)
	}
	in2, out2 := b.wire()
	in, out = in2-in, out2-out
	conns = b.site.conns.Load() + b.other.conns.Load() - conns
	// A connection's end belongs to no request. TLS servers say goodbye to a
	// client that has gone, in vain; QUIC's last acknowledgements and its
	// CONNECTION_CLOSE come after the last request, and datagrams that a socket
	// has no room for are sent again. Nothing else is missing.
	var early, late, lost int64
	switch {
	case b.version == "3":
		early, late, lost = quicEnd*conns, quicEnd*conns, in/10
	case b.row.secure:
		late = closeAlert * conns
		if b.via == "https" {
			late *= 4 // within another session, which says goodbye too
		}
	}
	got := int64(w.value("data_sent").Sum)
	if got < in-early || got > in+lost+s.lost {
		t.Errorf("data_sent is %d, the targets received %d: %d apart (%s)", got, in, got-in, s.loose)
	}
	got = int64(w.value("data_received").Sum)
	if got > out || got < out-late-s.unread || s.loose == "" && b.version != "3" && b.via != "https" && (out-got)%closeAlert != 0 {
		t.Errorf("data_received is %d, the targets sent %d: %d apart, of which %d belong to ends (%s)", got, out, out-got, late, s.loose)
	}
	return w
}

// quicEnd bounds what one QUIC connection sends, either way, after its last
// request: a few datagrams that are sent once more, and the goodbye.
const quicEnd = 4 << 10

// closeAlert is the size of a close_notify alert of TLS 1.3 on the wire (RFC 8446, 5.2 and 6.1).
const closeAlert = 5 + 2 + 1 + 16

// wire returns the bytes received from and sent to the client under test.
func (b *bench) wire() (in, out int64) {
	if b.front != nil {
		return b.front.received.Load(), b.front.sent.Load()
	}
	return b.site.received.Load() + b.other.received.Load(), b.site.sent.Load() + b.other.sent.Load()
}

func (b *bench) quiesceAll(t *testing.T) {
	t.Helper()
	b.site.quiesce()
	b.other.quiesce()
	if b.front == nil {
		return
	}
	for deadline := time.Now().Add(10 * time.Second); b.front.open.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections to the proxy are still open", b.front.open.Load())
		}
	}
}

// newEgress makes the way to the network that the binary makes of the same options.
func newEgress(h *plan.HTTP, change func(*egress.Options)) (func(*sandbox.Host), error) {
	o := egress.Options{BlockHosts: h.BlockHostnames, UnixSockets: h.UnixSockets, TTL: time.Minute}
	for _, text := range h.BlacklistIPs {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, err
		}
		o.Blacklist = append(o.Blacklist, network)
	}
	if change != nil {
		change(&o)
	}
	d, err := egress.New(o)
	if err != nil {
		return nil, err
	}
	return func(h *sandbox.Host) {
		h.Dial, h.DialPacket = d.Dial, d.DialPacket
		h.CheckHost, h.Permit, h.Resolve = d.CheckHost, d.Permit, d.Resolve
	}, nil
}

// feature is something every version of HTTP must do alike.
type feature struct {
	name string
	test func(*testing.T, *bench)
	rows func(*row) bool // nil: all
	// direct features have nothing to do with the way to the target, core ones
	// most.
	direct, core bool
}

// TestConformance runs every feature on every row. Whatever a script does, the
// totals must be what the targets counted: see run.
func TestConformance(t *testing.T) {
	features := conformance()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, r)
			for _, f := range features {
				if (f.rows == nil || f.rows(&r)) && (r.via == "" || !f.direct) && (!r.brief || f.core) {
					t.Run(f.name, func(t *testing.T) { f.test(t, b) })
				}
			}
		})
	}
}
