package tlsconfig

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// BenchmarkLiveConnections measures what a thousand connections with TLS hold
// here once each has made a request, the target being another process: with
// the shared config, with a session each, and with a clone of the config each.
func BenchmarkLiveConnections(b *testing.B) {
	server := peers.Nginx(b)
	addr := strings.TrimPrefix(server.HTTPS, "https://")
	for _, tc := range []struct {
		name   string
		o      plan.TLS
		config func(*Settings) *tls.Config
	}{
		{"shared/tls1.3", plan.TLS{}, shared},
		{"shared/tls1.2", plan.TLS{MaxVersion: "tls1.2"}, shared},
		{"resumption/tls1.3", plan.TLS{Resumption: true}, shared},
		{"cloned/tls1.3", plan.TLS{}, func(s *Settings) *tls.Config { return shared(s).Clone() }},
	} {
		b.Run(tc.name, func(b *testing.B) {
			const connections = 1000
			tc.o.CACerts = []string{server.PEM()}
			s := settings(b, tc.o, false, nil)
			var bytes float64
			for range b.N {
				before := live()
				conns := make([]*tls.Conn, connections)
				for i := range conns {
					raw, err := net.Dial("tcp", addr)
					if err != nil {
						b.Fatal(err)
					}
					conns[i] = tls.Client(raw, tc.config(s))
					if _, err := io.WriteString(conns[i], "GET /json HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
						b.Fatal(err)
					}
					answer := make([]byte, 4096)
					for n := 0; !strings.HasSuffix(string(answer[:n]), peers.JSON); {
						m, err := conns[i].Read(answer[n:])
						if err != nil {
							b.Fatal(err)
						}
						n += m
					}
				}
				bytes += float64(live()-before) / connections
				for _, conn := range conns {
					conn.NetConn().Close()
				}
			}
			b.ReportMetric(bytes/float64(b.N), "B/conn")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func shared(s *Settings) *tls.Config { return s.ForVU().For("127.0.0.1", []string{"http/1.1"}) }

// live returns the bytes of the heap in use.
func live() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkFor(b *testing.B) {
	s := settings(b, plan.TLS{}, false, nil)
	vu, protos := s.ForVU(), []string{"h2", "http/1.1"}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			vu.For("example.com", protos)
		}
	})
}
