package transport

import (
	"fmt"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
)

func TestParseAltSvc(t *testing.T) {
	for value, want := range map[string]struct {
		authority string
		age       time.Duration
		clear     bool
	}{
		`h3=":443"; ma=60`: {":443", time.Minute, false},
		`h3=":443"`:        {":443", altDefault, false},
		`h2="a,b;c:1", h3="other.test:8443";ma=1;x`:  {"other.test:8443", time.Second, false},
		`h3-29=":443", h3=":444"; persist=1; ma="5"`: {":444", 5 * time.Second, false},
		`clear`: {"", 0, true}, ` clear `: {"", 0, true},
		``: {}, `h3`: {}, `h3=`: {}, `h3=":443`: {}, `h3=:443`: {}, `h2=":443"`: {}, `h3="a b:1"`: {}, `h3="`: {}, `,;=,`: {},
		`h3=":443"; ma=99999999999999999999`: {":443", altDefault, false},
	} {
		authority, age, clear := parseAltSvc(value)
		if authority != want.authority || age != want.age || clear != want.clear {
			t.Errorf("%q is %q, %v, %v", value, authority, age, clear)
		}
	}
}

func FuzzAltSvc(f *testing.F) {
	f.Add(`h3=":443"; ma=60, h2="x"`)
	f.Fuzz(func(t *testing.T, value string) {
		authority, age, clear := parseAltSvc(value)
		if age < 0 || clear && authority != "" {
			t.Errorf("%q is %q, %v, %v", value, authority, age, clear)
		}
	})
}

// TestAltSvc follows an advertisement from TCP to QUIC.
func TestAltSvc(t *testing.T) {
	s := peers.QUIC(t)
	v := newVU(t, s.CA, func(o *Options) { o.Version = "auto" })
	want(t, v.get(s.H3+"/json"), "HTTP/2.0")
	for range 2 {
		want(t, v.get(s.H3+"/json"), "HTTP/3.0")
	}
	if n := v.n.dialled(); n != 2 {
		t.Errorf("%d connections, want one of each kind", n)
	}
	other := newVU(t, s.CA)
	other.get(s.H3 + "/json")
	want(t, other.get(s.H3+"/json"), "HTTP/2.0")
}

// TestAltSvcDead goes on over TCP when what was advertised does not answer.
func TestAltSvcDead(t *testing.T) {
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	s := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Alt-Svc", fmt.Sprintf(`h3=":%d"`, silent.LocalAddr().(*net.UDPAddr).Port))
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	v := newVU(t, nil, func(o *Options) { o.Version, o.TLS = "auto", skipVerify(t) })
	want(t, v.get(s.URL), "HTTP/2.0")
	r := v.get(s.URL)
	want(t, r, "HTTP/2.0")
	if tm := r.Timings; tm.TLSHandshaking < altConnect/2 {
		t.Errorf("QUIC was not tried: %+v", tm)
	}
	dialled := v.n.dialled()
	want(t, v.get(s.URL), "HTTP/2.0")
	if n := v.n.dialled(); n != dialled {
		t.Errorf("QUIC was tried again at once")
	}
}

func skipVerify(t testing.TB) *tlsconfig.Settings {
	s, err := tlsconfig.New(plan.TLS{}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
