package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// rawQUIC is a server of QUIC on which a test speaks HTTP/3, or does not.
type rawQUIC struct {
	*quic.Conn
	control *quic.SendStream
}

// serveQUIC starts a server that gives each connection to handle. It returns
// the URL and who signed its certificate.
func serveQUIC(t testing.TB, handle func(c *rawQUIC)) (string, *peers.CA) {
	t.Helper()
	ca := peers.NewCA(t)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: &datagrams{PacketConn: socket}}
	config := peersConfig(t, ca)
	l, err := transport.Listen(config, &quic.Config{MaxIncomingUniStreams: 10})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept(ctx)
			if err != nil {
				return
			}
			all.Go(func() {
				handle(&rawQUIC{Conn: conn})
				<-conn.Context().Done()
			})
			all.Go(func() {
				<-ctx.Done()
				conn.CloseWithError(0, "")
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		all.Wait()
		transport.Close()
		socket.Close()
	})
	return "https://" + socket.LocalAddr().String(), ca
}

// greet opens the control stream.
func (c *rawQUIC) greet() *rawQUIC {
	c.control, _ = c.OpenUniStream()
	c.control.Write([]byte{h3ControlStream, h3Settings, 0})
	return c
}

// request takes the next request; it does not read it.
func (c *rawQUIC) request() *quic.Stream {
	s, err := c.AcceptStream(context.Background())
	if err != nil {
		return nil
	}
	return s
}

func h3Frame(kind uint64, payload []byte) []byte {
	b := quicvarint.Append(nil, kind)
	return append(quicvarint.Append(b, uint64(len(payload))), payload...)
}

func h3Fields(pairs ...string) []byte {
	var b bytes.Buffer
	e := qpack.NewEncoder(&b)
	for i := 0; i < len(pairs); i += 2 {
		e.WriteField(qpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return h3Frame(h3Headers, b.Bytes())
}

// TestHostileH3 is TestHostileH2 for HTTP/3.
func TestHostileH3(t *testing.T) {
	ok := h3Fields(":status", "200")
	// say answers a request with parts and the end of the stream.
	say := func(parts ...[]byte) func(c *rawQUIC) {
		return func(c *rawQUIC) {
			c.greet()
			for s := c.request(); s != nil; s = c.request() {
				for _, p := range parts {
					s.Write(p)
				}
				s.Close()
			}
		}
	}
	data := func(s string) []byte { return h3Frame(h3Data, []byte(s)) }
	onControl := func(f func(c *rawQUIC)) func(c *rawQUIC) {
		return func(c *rawQUIC) {
			c.request()
			f(c)
		}
	}
	for name, tc := range map[string]struct {
		code  int
		serve func(c *rawQUIC)
	}{
		"silence":          {codeTimeout, func(c *rawQUIC) { c.greet() }},
		"nothing":          {CodeNoResponse, say()},
		"half a frame":     {CodeTruncated, say(ok[:len(ok)-1])},
		"no status":        {CodeMalformed, say(h3Fields("a", "b"))},
		"two statuses":     {CodeMalformed, say(h3Fields(":status", "200", ":status", "200"))},
		"status 101":       {CodeMalformed, say(h3Fields(":status", "101"))},
		"upper case":       {CodeMalformed, say(h3Fields(":status", "200", "Ab", "c"))},
		"split":            {CodeMalformed, say(h3Fields(":status", "200", "a", "b\r\nc: d"))},
		"data first":       {CodeMalformed, say(data("x"))},
		"too long":         {CodeLengths, say(h3Fields(":status", "200", "content-length", "1"), data("22"))},
		"too short":        {CodeLengths, say(h3Fields(":status", "200", "content-length", "3"), data("22"))},
		"two lengths":      {CodeLengths, say(h3Fields(":status", "200", "content-length", "1", "content-length", "2"), data("22"))},
		"huge length":      {CodeBodyTooLarge, say(h3Fields(":status", "200", "content-length", "99999999999"))},
		"cut body":         {CodeTruncated, say(ok, data("12345")[:4])},
		"1xx for ever":     {CodeInterim, say(bytes.Repeat(h3Fields(":status", "103"), 100))},
		"large head":       {CodeHeadTooLarge, say(h3Fields(":status", "200", "a", strings.Repeat("~", maxHead)))},
		"announced head":   {CodeHeadTooLarge, say(quicvarint.Append([]byte{h3Headers}, 10<<20))},
		"many fields":      {CodeHeadTooLarge, say(h3Frame(h3Headers, append([]byte{0, 0, 0xd9}, bytes.Repeat([]byte{0xc2}, 60000)...)))},
		"broken qpack":     {codeH3Broken, say(h3Frame(h3Headers, []byte{0, 0, 0xff, 0xff, 0xff}))},
		"dynamic table":    {codeH3Broken, say(h3Frame(h3Headers, []byte{2, 0, 0x80}))},
		"settings there":   {codeH3Broken, say(ok, h3Frame(h3Settings, nil))},
		"push promise":     {codeH3Broken, say(h3Frame(h3Push, []byte{0}), ok)},
		"old frame":        {codeH3Broken, say(ok, h3Frame(6, nil))},
		"data after trail": {codeH3Broken, say(ok, data("a"), h3Fields("x", "y"), data("b"))},
		"strange trailer":  {CodeMalformed, say(ok, data("a"), h3Fields(":status", "200"))},
		"reset": {codeH3Stream + 2, func(c *rawQUIC) {
			s := c.greet().request()
			s.CancelWrite(0x102)
		}},
		"unknown reset": {codeH3, func(c *rawQUIC) {
			s := c.greet().request()
			s.CancelWrite(0xdeadbeef)
		}},
		"reset in body": {codeH3Stream + 0xc, func(c *rawQUIC) {
			s := c.greet().request()
			s.Write(ok)
			s.Write(data("x"))
			time.Sleep(50 * time.Millisecond)
			s.CancelWrite(h3RequestCancelled)
		}},
		"rejected always": {codeH3Stream + 0xb, func(c *rawQUIC) {
			c.greet()
			for s := c.request(); s != nil; s = c.request() {
				s.CancelWrite(h3RequestRejected)
			}
		}},
		"closed":              {codeH3Conn + 7, onControl(func(c *rawQUIC) { c.CloseWithError(0x107, "calm") })},
		"closed oddly":        {codeH3, onControl(func(c *rawQUIC) { c.CloseWithError(7, "") })},
		"no settings":         {codeH3Broken, onControl(func(c *rawQUIC) { s, _ := c.OpenUniStream(); s.Write([]byte{h3ControlStream, h3GoAway, 1, 0}) })},
		"two control streams": {codeH3Broken, onControl(func(c *rawQUIC) { c.greet(); c.greet() })},
		"control ended":       {codeH3Broken, onControl(func(c *rawQUIC) { c.greet().control.Close() })},
		"data on control":     {codeH3Broken, onControl(func(c *rawQUIC) { c.greet().control.Write(data("x")) })},
		"push stream":         {codeH3Broken, onControl(func(c *rawQUIC) { s, _ := c.greet().OpenUniStream(); s.Write([]byte{h3PushStream, 0}) })},
		"wrong goaway":        {codeH3Broken, onControl(func(c *rawQUIC) { c.greet().control.Write(h3Frame(h3GoAway, []byte{3})) })},
		"goaway":              {codeH3Conn, onControl(func(c *rawQUIC) { c.greet().control.Write(h3Frame(h3GoAway, []byte{0})) })},
		"control flood": {codeTimeout, onControl(func(c *rawQUIC) {
			c.greet()
			for {
				if _, err := c.control.Write(bytes.Repeat(h3Frame(0x21, []byte("x")), 1000)); err != nil {
					return
				}
			}
		})},
		"frames for ever": {codeTimeout, func(c *rawQUIC) {
			s := c.greet().request()
			for {
				if _, err := s.Write(bytes.Repeat(h3Frame(0x21, []byte("x")), 1000)); err != nil {
					return
				}
			}
		}},
		"streams for ever": {codeTimeout, func(c *rawQUIC) {
			c.greet().request()
			for {
				s, err := c.OpenUniStreamSync(context.Background())
				if err != nil {
					return
				}
				s.Write([]byte{0x21})
				s.Close()
			}
		}},
		"a byte at a time": {codeTimeout, func(c *rawQUIC) {
			s := c.greet().request()
			s.Write(ok)
			for {
				if _, err := s.Write(data("x")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			url, ca := serveQUIC(t, tc.serve)
			v := newVU(t, ca, func(o *Options) { o.Version = "3" })
			q := v.call("GET", url+"/")
			q.Deadline = q.Start + time.Second/2
			due := alarm(v.n.Network, q.Deadline)
			r := v.do(q)
			late := v.n.Clock() - due()
			if r.Fail == nil || r.Fail.Code != tc.code || r.Status != 0 {
				t.Errorf("status %d, failure %s, want code %d", r.Status, describe(r.Fail), tc.code)
			}
			if late > 100*time.Millisecond {
				t.Errorf("ended %v late", late)
			}
			if cap(r.Raw) > maxBody+maxHead {
				t.Errorf("holds %d bytes", cap(r.Raw))
			}
		})
	}
}

// TestDialQUIC says why there is no connection.
func TestDialQUIC(t *testing.T) {
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	url, ca := serveQUIC(t, func(c *rawQUIC) {})
	host := strings.TrimPrefix(url, "https://127.0.0.1")
	for name, tc := range map[string]struct {
		url  string
		ca   *peers.CA
		code int
	}{
		"nobody there":  {"https://" + silent.LocalAddr().String(), ca, codeDialTimeout},
		"other signer":  {url, peers.NewCA(t), codeAuthority},
		"other name":    {"https://other.test" + host, ca, codeHostname},
		"in the clear":  {"http://127.0.0.1" + host, ca, codeH3},
		"through hosts": {"https://localhost:1", ca, codeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVU(t, tc.ca, func(o *Options) {
				o.Version = "3"
				o.Hosts = map[string]string{"other.test": "127.0.0.1", "localhost:1": "127.0.0.1" + host}
			})
			q := v.call("GET", tc.url)
			q.Deadline = q.Start + time.Second/2
			if r := v.do(q); r.Fail == nil || r.Fail.Code != tc.code || r.Timings.Connecting != 0 {
				t.Errorf("%s, want code %d; %+v", describe(r.Fail), tc.code, r.Timings)
			}
		})
	}
}

// TestGoAwayH3 sends what the server has not looked at again, on a new connection.
func TestGoAwayH3(t *testing.T) {
	var mu sync.Mutex
	turn := 0
	url, ca := serveQUIC(t, func(c *rawQUIC) {
		mu.Lock()
		turn++
		first := turn == 1
		mu.Unlock()
		c.greet()
		for s := c.request(); s != nil; s = c.request() {
			if first && s.StreamID() == 4 {
				c.control.Write(h3Frame(h3GoAway, []byte{4}))
				continue
			}
			s.Write(h3Fields(":status", "200"))
			s.Close()
		}
	})
	v := newVU(t, ca, func(o *Options) { o.Version = "3" })
	for i, resent := range []bool{false, true, false} {
		q := v.call("POST", url)
		q.Body = "x"
		r := v.do(q)
		want(t, r, "HTTP/3.0")
		if r.Resent != resent {
			t.Errorf("call %d: sent again %v, want %v", i, r.Resent, resent)
		}
	}
	if n := v.n.dialled(); n != 2 {
		t.Errorf("%d connections", n)
	}
}

// TestEarlyAnswerH3 stops an upload that the server has answered.
func TestEarlyAnswerH3(t *testing.T) {
	for name, stop := range map[string]bool{"told to stop": true, "not told": false} {
		t.Run(name, func(t *testing.T) {
			url, ca := serveQUIC(t, func(c *rawQUIC) {
				c.greet()
				for s := c.request(); s != nil; s = c.request() {
					s.Write(h3Fields(":status", "413"))
					s.Write(h3Frame(h3Data, []byte("no")))
					s.Close()
					if stop {
						s.CancelRead(h3NoError)
					}
				}
			})
			v := newVU(t, ca, func(o *Options) { o.Version = "3" })
			for range 2 {
				q := v.call("POST", url)
				q.Source = made{1 << 30, 1 << 30}
				r := v.do(q)
				if r.Fail != nil || r.Status != 413 || string(r.Body) != "no" || r.Written {
					t.Errorf("%d %q, written %v: %s", r.Status, r.Body, r.Written, describe(r.Fail))
				}
			}
			if n := v.n.dialled(); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

func peersConfig(t testing.TB, ca *peers.CA) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{ca.Issue(t)}, NextProtos: []string{"h3"}}
}
