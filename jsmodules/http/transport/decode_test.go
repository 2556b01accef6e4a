package transport

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	nethttp "net/http"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// packed returns size bytes of nothing, compressed.
func packed(t testing.TB, size int64) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	io.CopyN(z, zeros{}, size)
	z.Close()
	return b.Bytes()
}

// way is a protocol, and a server that answers everything in it with one thing.
type way struct {
	proto string
	start func(t testing.TB, body []byte) (url string, ca *peers.CA)
}

var ways = []way{
	{"1.1", func(t testing.TB, body []byte) (string, *peers.CA) {
		return serveHTTP(t, packedHandler(body), nil), nil
	}},
	{"2", func(t testing.TB, body []byte) (string, *peers.CA) {
		p := new(nethttp.Protocols)
		p.SetUnencryptedHTTP2(true)
		return serveHTTP(t, packedHandler(body), p), nil
	}},
	{"3", func(t testing.TB, body []byte) (string, *peers.CA) {
		return serveQUIC(t, func(c *rawQUIC) {
			c.greet()
			for s := c.request(); s != nil; s = c.request() {
				go func() {
					s.Write(h3Fields(":status", "200", "content-encoding", "gzip"))
					s.Write(h3Frame(h3Data, body))
					s.Close()
				}()
			}
		})
	}},
}

func packedHandler(body []byte) nethttp.HandlerFunc {
	return func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(body)
	}
}

// TestDecodeIsReceiving decompresses what takes a while: that is a part of the
// call, in its times and under its deadline.
func TestDecodeIsReceiving(t *testing.T) {
	body := packed(t, 32<<20)
	for _, p := range ways {
		t.Run(p.proto, func(t *testing.T) {
			url, ca := p.start(t, body)
			v := newVU(t, ca, func(o *Options) { o.Version = p.proto })
			q := v.call("GET", url+"/")
			r := v.do(q)
			took := v.n.Clock() - q.Start
			if r.Fail != nil || len(r.Body) != 32<<20 {
				t.Fatalf("%d bytes, %s", len(r.Body), describe(r.Fail))
			}
			m := r.Timings
			if whole := m.Blocked + m.Connecting + m.TLSHandshaking + m.Duration(); took-whole > 2*time.Millisecond+took/5 {
				t.Errorf("it took %v, of which %v are told: %+v", took, whole, m)
			}
		})
	}
}

// TestDecodeInTime gives decompression less time than it takes.
func TestDecodeInTime(t *testing.T) {
	body := packed(t, 1<<30)
	for _, p := range ways {
		t.Run(p.proto, func(t *testing.T) {
			url, ca := p.start(t, body)
			v := newVU(t, ca, func(o *Options) { o.Version = p.proto })
			q := v.call("GET", url+"/")
			r := v.do(q)
			took := v.n.Clock() - q.Start
			if r.Fail != failBodyTooLarge {
				t.Fatalf("%s after %v", describe(r.Fail), took)
			}
			q = v.call("GET", url+"/")
			q.Deadline, q.Slack = q.Start+10*time.Millisecond, 0
			r = v.do(q)
			late := v.n.Clock() - q.Deadline
			if r.Fail != FailTimeout || late > 100*time.Millisecond {
				t.Errorf("%s, %v late; in full it took %v", describe(r.Fail), late, took)
			}
			t.Logf("in full %v, %v late", took, late)
		})
	}
}

// serveHTTP starts a server that speaks HTTP/1.1, or what p says.
func serveHTTP(t testing.TB, h nethttp.Handler, p *nethttp.Protocols) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &nethttp.Server{Handler: h, Protocols: p}
	ended := make(chan struct{})
	go func() { defer close(ended); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-ended })
	return "http://" + l.Addr().String()
}
