package transport

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/jsmodules/http/tlsconfig"
)

// processor returns the processor time that the process has used.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkGET asks a server for a small response over and over. nginx is a
// process of its own, so cpu-µs/op is the client's alone; the server of HTTP/3
// is not, so there it is both's.
func BenchmarkGET(b *testing.B) {
	nginx, quic := peers.Nginx(b), peers.QUIC(b)
	for _, s := range []struct {
		name, url, version string
		ca                 *peers.CA
	}{
		{"h1", nginx.HTTP, "1.1", nginx.CA}, {"h1-tls", nginx.HTTPS, "1.1", nginx.CA},
		{"h2c", nginx.H2C, "2", nginx.CA}, {"h2-tls", nginx.H2, "", nginx.CA}, {"h3-both", quic.H3, "3", quic.CA},
	} {
		b.Run(s.name, func(b *testing.B) {
			v := newVU(b, s.ca, func(o *Options) { o.Version = s.version })
			q := v.call("GET", s.url+"/json")
			var r Reply
			v.Do(context.Background(), q, &r)
			if r.Status != 200 {
				b.Fatal(r.Fail)
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := processor(b)
			for b.Loop() {
				q.Start = v.n.Clock()
				q.Queued, q.Deadline = q.Start, q.Start+10*time.Second
				r = Reply{}
				v.Do(context.Background(), q, &r)
				if r.Fail != nil {
					b.Fatal(r.Fail)
				}
			}
			b.ReportMetric(float64((processor(b)-before).Nanoseconds())/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}

// BenchmarkIdle measures what a connection holds that has carried a call.
func BenchmarkIdle(b *testing.B) {
	nginx, quic := peers.Nginx(b), peers.QUIC(b)
	for _, s := range []struct {
		name, url, version string
		ca                 *peers.CA
	}{
		{"h1", nginx.HTTP, "1.1", nginx.CA}, {"h1-tls", nginx.HTTPS, "1.1", nginx.CA},
		{"h2c", nginx.H2C, "2", nginx.CA}, {"h2-tls", nginx.H2, "", nginx.CA}, {"h3-both", quic.H3, "3", quic.CA},
	} {
		b.Run(s.name, func(b *testing.B) {
			settings, err := tlsconfig.New(plan.TLS{CACerts: []string{s.ca.PEM()}}, false, nil)
			if err != nil {
				b.Fatal(err)
			}
			v := newVU(b, nil, func(o *Options) { o.Version, o.TLS = s.version, settings })
			q := v.call("GET", s.url+"/json")
			held := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC()
				runtime.ReadMemStats(&m)
				return m.HeapAlloc + m.StackInuse
			}
			const n = 300
			for b.Loop() {
				clients := make([]*Client, n)
				var base uint64
				for i := range clients {
					if i == n/2 {
						base = held()
					}
					clients[i] = NewClient(v.set, 0)
					q.Deadline = v.n.Clock() + 10*time.Second
					var r Reply
					clients[i].Do(context.Background(), q, &r)
					if r.Fail != nil {
						b.Fatal(r.Fail)
					}
				}
				b.ReportMetric(float64(held()-base)/(n-n/2), "bytes/connection")
				for _, c := range clients {
					c.Close()
				}
			}
		})
	}
}
