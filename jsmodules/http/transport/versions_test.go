package transport

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
)

// network dials for real, and counts how often.
type network struct {
	*Network
	mu    sync.Mutex
	dials int
}

func newNetwork() *network {
	n := &network{}
	n.Network = NewNetwork(func(ctx context.Context, kind, address string) (net.Conn, error) {
		n.mu.Lock()
		n.dials++
		n.mu.Unlock()
		var d net.Dialer
		return d.DialContext(ctx, kind, address)
	})
	n.DialPacket = func(ctx context.Context, address string) (net.PacketConn, net.Addr, error) {
		n.mu.Lock()
		n.dials++
		n.mu.Unlock()
		addr, err := net.ResolveUDPAddr("udp4", address)
		if err != nil {
			return nil, nil, err
		}
		pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		return pc, addr, err
	}
	return n
}

func (n *network) dialled() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

// vu is a client with its network and settings.
type vu struct {
	*Client
	n   *network
	set *Settings
	t   testing.TB
}

func newVU(t testing.TB, ca *peers.CA, change ...func(*Options)) *vu {
	t.Helper()
	n := newNetwork()
	o := Options{UserAgent: "swarm/test"}
	if ca != nil {
		var err error
		if o.TLS, err = tlsconfig.New(plan.TLS{CACerts: []string{ca.PEM()}}, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range change {
		f(&o)
	}
	set := NewSettings(n.Network, o)
	v := &vu{NewClient(set, 0), n, set, t}
	t.Cleanup(v.Close)
	return v
}

// call makes a call of a URL that may take ten seconds.
func (v *vu) call(method, url string) *Call {
	v.t.Helper()
	target, err := v.set.Target(url)
	if err != nil {
		v.t.Fatal(err)
	}
	now := v.n.Clock()
	return &Call{Method: method, Target: target, Queued: now, Start: now, Deadline: now + 10*time.Second, Slack: DeadlineSlack}
}

func (v *vu) do(q *Call) *Reply {
	r := &Reply{}
	v.Do(context.Background(), q, r)
	return r
}

func (v *vu) get(url string) *Reply {
	v.t.Helper()
	return v.do(v.call("GET", url))
}

// want fails unless r is a 200 of proto.
func want(t testing.TB, r *Reply, proto string) {
	t.Helper()
	if r.Fail != nil {
		t.Fatalf("failed: %d %s", r.Fail.Code, r.Fail.Text)
	}
	if r.Status != 200 || r.Proto != proto {
		t.Fatalf("%d %s, want 200 %s: %q", r.Status, r.Proto, proto, r.Raw)
	}
}

// protocol is a way to reach a server, and what replies then say.
type protocol struct{ name, url, version, proto string }

// servers starts servers that nobody here wrote, and returns how to reach them
// by HTTP/2 and HTTP/3.
func servers(t testing.TB) (list []struct {
	protocol
	*peers.Server
}) {
	add := func(s *peers.Server, p ...protocol) {
		for _, p := range p {
			list = append(list, struct {
				protocol
				*peers.Server
			}{p, s})
		}
	}
	nginx, bin, quic := peers.Nginx(t), peers.HTTPBin(t), peers.QUIC(t)
	add(nginx, protocol{"nginx/h2", nginx.H2, "2", "HTTP/2.0"}, protocol{"nginx/h2c", nginx.H2C, "2", "HTTP/2.0"})
	add(bin, protocol{"go/h2", bin.H2, "", "HTTP/2.0"}, protocol{"go/h2c", bin.H2C, "h2c", "HTTP/2.0"})
	add(quic, protocol{"quic-go/h3", quic.H3, "3", "HTTP/3.0"})
	return list
}

func TestVersions(t *testing.T) {
	for _, s := range servers(t) {
		t.Run(s.name, func(t *testing.T) {
			v := newVU(t, s.CA, func(o *Options) { o.Version = s.version })
			for i := range 3 {
				r := v.get(s.url + "/json")
				want(t, r, s.proto)
				tm := r.Timings
				if i > 0 && (tm.Connecting != 0 || tm.TLSHandshaking != 0) || i == 0 && tm.Connecting+tm.TLSHandshaking <= 0 || tm.Sending <= 0 || tm.Waiting <= 0 {
					t.Errorf("call %d took %+v", i, tm)
				}
				if !strings.HasPrefix(string(r.Raw), s.proto+" 200\r\n") || !strings.Contains(string(r.Raw[:r.HeadLen]), "\r\nContent-Type: application/json") {
					t.Errorf("head %q", r.Raw[:r.HeadLen])
				}
				if len(r.Body) == 0 || r.Body[0] != '{' {
					t.Errorf("body %q", r.Body)
				}
				if r.Peer == nil || r.Peer.IP != "127.0.0.1" || strings.HasPrefix(s.url, "https") != (r.Peer.TLSVersion == "tls1.3") {
					t.Errorf("peer %+v", r.Peer)
				}
				if r.Sent <= 0 || r.Received < int64(len(r.Body)) || !r.Written {
					t.Errorf("%d bytes sent, %d received, written %v", r.Sent, r.Received, r.Written)
				}
			}
			if n := v.n.dialled(); n != 1 {
				t.Errorf("%d connections for three calls", n)
			}
			t.Run("echo", func(t *testing.T) {
				for _, size := range []int{0, 1, inlineBody, inlineBody + 1, 100 << 10, 3 << 20} {
					q := v.call("POST", s.url+"/echo")
					q.Body = strings.Repeat("abcdefghijklmno\n", size/16+1)[:size]
					r := v.do(q)
					want(t, r, s.proto)
					if string(r.Body) != q.Body || !r.Written {
						t.Errorf("%d bytes echoed as %d, written %v", size, len(r.Body), r.Written)
					}
				}
			})
			t.Run("together", func(t *testing.T) {
				v := newVU(t, s.CA, func(o *Options) { o.Version = s.version })
				var wg sync.WaitGroup
				for i := range 30 {
					wg.Go(func() {
						q := v.call("POST", s.url+"/echo")
						q.Body = strings.Repeat(strconv.Itoa(i%10), 1000*i+1)
						if r := v.do(q); r.Fail != nil || string(r.Body) != q.Body {
							t.Errorf("call %d: %v, %d bytes of %d", i, r.Fail, len(r.Body), len(q.Body))
						}
					})
				}
				wg.Wait()
				if n := v.n.dialled(); n != 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}
