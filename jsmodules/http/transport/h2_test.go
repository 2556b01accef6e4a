package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
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

var _ = fmt.Sprint
var _ = io.EOF
var _ = nethttp.StatusOK
var _ = strings.Repeat

func TestH2(t *testing.T) {
	for name, s := range map[string]*peers.Server{"net/http": peers.HTTPBin(t)} {
		t.Run(name, func(t *testing.T) {
			for kind, url := range map[string]string{"TLS": s.H2, "clear": s.H2C} {
				t.Run(kind, func(t *testing.T) {
					v := newVU(t, s.CA, func(o *Options) { o.Version = "2" })
					for i := range 3 {
						r := v.get(url + "/json")
						want(t, r, "HTTP/2.0")
						tm := r.Timings
						if i > 0 && (tm.Connecting != 0 || tm.TLSHandshaking != 0) || i == 0 && tm.Connecting <= 0 || tm.Sending <= 0 || tm.Waiting <= 0 {
							t.Errorf("call %d took %+v", i, tm)
						}
						if !strings.HasPrefix(string(r.Raw), "HTTP/2.0 200\r\n") || !strings.Contains(string(r.Raw[:r.HeadLen]), "\r\nContent-Type: application/json") {
							t.Errorf("head %q", r.Raw[:r.HeadLen])
						}
						if len(r.Body) == 0 || r.Body[0] != '{' {
							t.Errorf("body %q", r.Body)
						}
					}
					if n := v.n.dialled(); n != 1 {
						t.Errorf("%d connections for three calls", n)
					}
				})
			}
		})
	}
}
