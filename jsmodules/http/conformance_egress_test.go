package http

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/sandbox/egress"
)

// testEgressOn asks for what nobody may reach.
func testEgressOn(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const line = r => [r.status, r.error_code, r.error].join(' ');
		const port = base.split(':')[2];
		const scheme = base.split(':')[0];
		say(line(http.get(scheme + '://169.254.169.254/latest/meta-data')));
		say(line(http.get(scheme + '://[::ffff:169.254.169.254]/')).includes('egress blocked'));
		say(line(http.get(base + '/redirect/302?to=' + encodeURIComponent(scheme + '://169.254.169.254/'))));
		say(line(http.get(scheme + '://10.1.2.3/')), line(http.get(scheme + '://blocked.test/')));
		say(http.get(base + '/echo').status);
	`, unsent: 5, want: []string{
		"0 1110 egress blocked: 169.254.169.254 is a cloud metadata address",
		"true",
		"0 1110 egress blocked: 169.254.169.254 is a cloud metadata address",
		"0 1110 egress blocked: 10.1.2.3 is a blacklisted address 0 1111 egress blocked: the host name blocked.test is blocked",
		"200",
	}, change: func(h *plan.HTTP) {
		h.BlacklistIPs, h.BlockHostnames = []string{"10.0.0.0/8"}, []string{"blocked.test"}
	}})
}

// internet is a world of names and addresses: nothing but loopback is dialled for real, and
// nothing that is refused is dialled at all.
type internet struct {
	mu     sync.Mutex
	asked  map[string]int
	dialed []string
}

const metadata = "169.254.169.254"

// lookup is the DNS of the tests. rebind.test changes its mind.
func (n *internet) lookup(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[host]++
	loopback, refused := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr(metadata)
	switch host {
	case "good.test":
		return []netip.Addr{loopback}, nil
	case "evil.test":
		return []netip.Addr{refused, netip.MustParseAddr("fe80::1"), netip.MustParseAddr("64:ff9b::a9fe:a9fe")}, nil
	case "mixed.test":
		return []netip.Addr{refused, loopback}, nil
	case "rebind.test":
		if n.asked[host] > 1 {
			return []netip.Addr{refused}, nil
		}
		return []netip.Addr{loopback}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n *internet) dial(ctx context.Context, network, address string, _ netip.Addr) (net.Conn, error) {
	n.mu.Lock()
	n.dialed = append(n.dialed, address)
	n.mu.Unlock()
	if network != "unix" && !strings.HasPrefix(address, "127.") {
		return nil, errors.New("not in a test")
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// TestConformanceEgress tries every way a script has to reach what it must not:
// each fails with its code, and nothing is sent there, by us or by a proxy.
func TestConformanceEgress(t *testing.T) {
	s := newSite(t)
	port := portOf(s.plainAddr)
	tls := portOf(s.tlsAddr)
	var asked atomic.Int64 // requests a proxy was given
	open := rawServer(t, func(c net.Conn) {
		var b [1]byte
		if n, _ := c.Read(b[:]); n > 0 {
			asked.Add(1)
		}
		io.Copy(io.Discard, c)
	})
	through := strings.TrimPrefix(open, "http://")
	const blocked = "1110 egress blocked: 169.254.169.254 is a cloud metadata address"
	for _, tt := range []struct {
		name, body string
		change     func(*plan.HTTP)
		want       []string
	}{
		{name: "literal", body: "get('http://169.254.169.254/'); get('http://2852039166/'); get('http://0xa9fea9fe/')", want: []string{blocked, "1101 no such host: 2852039166", "1101 no such host: 0xa9fea9fe"}},
		{name: "IPv6 forms", body: "for (const a of ['fe80::1', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::', 'fd00:ec2::254', '::', 'ff02::1']) get('http://[' + a + ']/')",
			want: []string{"1110 *", "1110 *", "1110 *", "1110 *", "1110 *", "1110 *", "1110 *"}},
		{name: "name", body: "get('http://evil.test/'); get('https://evil.test/'); get('http://mixed.test:" + port + "/echo')", want: []string{blocked, blocked, "200"}},
		{name: "rebinding", body: "get('http://rebind.test:" + port + "/echo'); get('http://rebind.test:" + port + "/echo')", want: []string{"200", blocked},
			change: func(h *plan.HTTP) { h.NoConnectionReuse = true }},
		{name: "redirect", body: "get('http://good.test:" + port + "/redirect/302?to=http://169.254.169.254/'); get('http://good.test:" + port + "/redirect/307?to=http://evil.test/')", want: []string{blocked, blocked}},
		{name: "hosts", body: "get('http://app.test/'); get('http://x.wild.test/')", want: []string{blocked, blocked},
			change: func(h *plan.HTTP) {
				h.Hosts = map[string]string{"app.test": metadata + ":80", "*.wild.test": "evil.test"}
			}},
		{name: "proxy there", body: "get('http://good.test/')", want: []string{blocked}, change: func(h *plan.HTTP) { h.Proxy = "http://169.254.169.254:3128" }},
		{name: "proxy by name", body: "get('http://good.test/')", want: []string{blocked}, change: func(h *plan.HTTP) { h.Proxy = "socks5://evil.test:1080" }},
		{name: "asked of an HTTP proxy", body: "get('http://169.254.169.254/'); get('https://169.254.169.254/'); get('http://evil.test/'); get('https://evil.test/')", want: []string{blocked, blocked, blocked, blocked},
			change: func(h *plan.HTTP) { h.Proxy = "http://" + through }},
		{name: "asked of a SOCKS proxy", body: "get('http://169.254.169.254/'); get('http://evil.test/')", want: []string{blocked, blocked}, change: func(h *plan.HTTP) { h.Proxy = "socks5://" + through }},
		{name: "asked of a SOCKS proxy that resolves", body: "get('http://169.254.169.254/'); get('http://evil.test/')", want: []string{blocked, blocked}, change: func(h *plan.HTTP) { h.Proxy = "socks5h://" + through }},
		{name: "proxy of a client", body: "const c = new http.Client({proxy: 'http://169.254.169.254:1'}); say(c.get('http://good.test/').error_code)", want: []string{"1110"}},
		{name: "proxy of a request", body: "say(http.get('http://good.test/', {proxy: 'http://169.254.169.254:1'}).error_code)", want: []string{"1110"}},
		{name: "blacklist", body: "get('http://10.1.2.3/'); get('http://good.test:" + port + "/redirect/302?to=http://10.9.9.9/'); get('http://[::ffff:10.1.2.3]/')", want: []string{"1110 *", "1110 *", "1110 *"},
			change: func(h *plan.HTTP) { h.BlacklistIPs = []string{"10.0.0.0/8"} }},
		{name: "blocked names", body: "get('http://good.test:" + port + "/'); get('http://GOOD.test.:" + port + "/'); get('http://a.below.test/'); get('http://127.0.0.1:" + port + "/redirect/302?to=http://good.test/')", want: []string{"1111 *", "1111 *", "1111 *", "1111 *"},
			change: func(h *plan.HTTP) { h.BlockHostnames = []string{"good.test", "*.below.test"} }},
		{name: "blocked names through a proxy", body: "get('http://good.test/'); get('https://good.test/')", want: []string{"1111 *", "1111 *"},
			change: func(h *plan.HTTP) { h.BlockHostnames, h.Proxy = []string{"good.test"}, "http://"+through }},
		{name: "blocked names and hosts", body: "get('http://good.test/')", want: []string{"1111 *"},
			change: func(h *plan.HTTP) {
				h.BlockHostnames, h.Hosts = []string{"good.test"}, map[string]string{"good.test": "127.0.0.1:" + port}
			}},
		{name: "HTTP/3", body: "get('https://169.254.169.254/'); get('https://evil.test/'); get('https://good.test:" + tls + "/redirect/302?to=https://169.254.169.254/')", want: []string{blocked, blocked, blocked},
			change: func(h *plan.HTTP) { h.Version = "3" }},
		{name: "unix socket", body: "get('http://socket.test/echo')", want: []string{"1110 *"}, change: func(h *plan.HTTP) { h.Hosts = map[string]string{"socket.test": "unix:" + s.unix} }},
		{name: "batch", body: "http.batch(['http://evil.test/', 'http://good.test:" + port + "/echo']).forEach(r => say(r.error_code))", want: []string{"1110", "0"}},
		{name: "beside the script", body: "return http.asyncRequest('GET', 'http://evil.test/').then(r => say(r.error_code))", want: []string{"1110"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlan()
			p.HTTP.TLS.CACerts = []string{s.ca.PEM()}
			p.HTTP.InsecureSkipTLSVerify = true // names are not those of the certificate
			if tt.change != nil {
				tt.change(&p.HTTP)
			}
			net := &internet{asked: map[string]int{}}
			use, err := newEgress(&p.HTTP, func(o *egress.Options) { o.Lookup, o.DialIP, o.TTL = net.lookup, net.dial, 0 })
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, p, "const get = url => { const r = http.get(url, {timeout: 2000}); say(r.status ? r.status : r.error_code + ' ' + r.error) };", tt.body, use)
			got := w.run()
			for i, want := range tt.want {
				if i >= len(got) {
					t.Errorf("line %d is missing", i+1)
				} else if prefix, open := strings.CutSuffix(want, "*"); got[i] != want && (!open || !strings.HasPrefix(got[i], prefix) || !strings.Contains(got[i], "egress blocked")) {
					t.Errorf("line %d: got %q, want %q", i+1, got[i], want)
				}
			}
			for _, address := range net.dialed {
				host, _, err := splitHost(address)
				if err == nil && !host.IsLoopback() {
					t.Errorf("%s was dialled", address)
				}
			}
			if n := asked.Load(); n != 0 {
				t.Errorf("the proxy was asked %d times", n)
			}
		})
	}
}

func splitHost(address string) (netip.Addr, string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return netip.Addr{}, "", err
	}
	addr, err := netip.ParseAddr(host)
	return addr, port, err
}
