package transport

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// raw is a server of HTTP/2 that does whatever its test wants.
type raw struct {
	net.Conn
	*http2.Framer
	enc   *hpack.Encoder
	block bytes.Buffer
	dec   *hpack.Decoder
}

// serveRaw starts a server that gives each connection, after the preface, to
// handle. It returns the URL.
func serveRaw(t testing.TB, handle func(c *raw)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, nc)
			mu.Unlock()
			all.Go(func() {
				defer nc.Close()
				if _, err := io.ReadFull(nc, make([]byte, len(h2Preface))); err != nil {
					return
				}
				c := &raw{Conn: nc, Framer: http2.NewFramer(nc, nc), dec: hpack.NewDecoder(4096, nil)}
				c.AllowIllegalWrites = true
				c.enc = hpack.NewEncoder(&c.block)
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, nc := range conns {
			nc.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "http://" + l.Addr().String()
}

// await reads frames until the header of a request, and returns its stream;
// 0 when the connection has ended.
func (c *raw) await() uint32 {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return 0
		}
		if h, ok := f.(*http2.HeadersFrame); ok {
			return h.StreamID
		}
	}
}

// fields returns a header block.
func (c *raw) fields(pairs ...string) []byte {
	c.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		c.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return bytes.Clone(c.block.Bytes())
}

func (c *raw) header(id uint32, end bool, pairs ...string) {
	c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(pairs...), EndStream: end, EndHeaders: true})
}

// answer sends a response whose body is its stream's number.
func (c *raw) answer(id uint32) {
	c.header(id, false, ":status", "200")
	c.WriteData(id, true, fmt.Append(nil, id))
}

// hangUp says the last word. Closing would be a reset while bytes are unread.
func (c *raw) hangUp() { c.Conn.(*net.TCPConn).CloseWrite() }

// idle reads until the connection ends.
func (c *raw) idle() { io.Copy(io.Discard, c.Conn) }

// TestHostileH2 has servers do what they must not. Each call fails with the
// code that tells what they did, in time, and holds little.
func TestHostileH2(t *testing.T) {
	begin := func(f func(c *raw, id uint32)) func(c *raw) {
		return func(c *raw) {
			c.WriteSettings()
			if id := c.await(); id != 0 {
				f(c, id)
			}
			c.idle()
		}
	}
	frames := func(n int, f func() error) {
		for range n {
			if f() != nil {
				return
			}
		}
	}
	for name, tc := range map[string]struct {
		code  int
		serve func(c *raw)
	}{
		"silence":         {codeTimeout, func(c *raw) { c.idle() }},
		"settings only":   {codeTimeout, begin(func(c *raw, id uint32) {})},
		"speaks HTTP/1.1": {codeH2, func(c *raw) { io.WriteString(c.Conn, "HTTP/1.1 400 Bad Request\r\n\r\n") }},
		"garbage":         {codeH2Conn + h2Protocol, func(c *raw) { io.WriteString(c.Conn, strings.Repeat("\xff\x00garbage", 1000)); c.idle() }},
		"no settings":     {codeH2Conn + h2Protocol, func(c *raw) { c.answer(c.await()); c.idle() }},
		"closed at once":  {CodeNoResponse, func(c *raw) { c.await(); c.hangUp(); c.idle() }},
		"closed in head": {CodeNoResponse, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(":status", "200")})
			c.hangUp()
		})},
		"closed in body": {CodeTruncated, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200")
			c.WriteData(id, false, []byte("half"))
			c.hangUp()
		})},
		"no status":      {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, "a", "b") })},
		"two statuses":   {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "200", ":status", "200") })},
		"late status":    {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, "a", "b", ":status", "200") })},
		"strange pseudo": {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "200", ":path", "/") })},
		"status 99":      {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "099") })},
		"status word":    {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "+20") })},
		"status 101":     {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, false, ":status", "101") })},
		"upper case":     {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "200", "Ab", "c") })},
		"split":          {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "200", "a", "b\r\nSet-Cookie: x=y") })},
		"split name":     {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "200", "a: b\r\nc", "d") })},
		"data first":     {CodeMalformed, begin(func(c *raw, id uint32) { c.WriteData(id, true, []byte("x")) })},
		"open trailer":   {CodeMalformed, begin(func(c *raw, id uint32) { c.header(id, false, ":status", "200"); c.header(id, false, "a", "b") })},
		"too long": {CodeLengths, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200", "content-length", "1")
			c.WriteData(id, true, []byte("22"))
		})},
		"too short": {CodeLengths, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200", "content-length", "3")
			c.WriteData(id, true, []byte("22"))
		})},
		"two lengths": {CodeLengths, begin(func(c *raw, id uint32) {
			c.header(id, true, ":status", "200", "content-length", "1", "content-length", "2")
		})},
		"negative length": {CodeLengths, begin(func(c *raw, id uint32) { c.header(id, true, ":status", "200", "content-length", "-1") })},
		"huge length":     {CodeBodyTooLarge, begin(func(c *raw, id uint32) { c.header(id, false, ":status", "200", "content-length", "99999999999") })},
		"1xx for ever": {CodeInterim, begin(func(c *raw, id uint32) {
			frames(100, func() error { c.header(id, false, ":status", "103"); return nil })
		})},
		"reset": {codeH2Stream + h2Internal, begin(func(c *raw, id uint32) { c.WriteRSTStream(id, http2.ErrCodeInternal) })},
		"reset in body": {codeH2Stream + h2Cancel, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200")
			c.WriteRSTStream(id, http2.ErrCodeCancel)
		})},
		"unknown reset": {codeH2Stream - 1, begin(func(c *raw, id uint32) { c.WriteRSTStream(id, 0xdeadbeef) })},
		"refused always": {codeH2Stream + h2RefusedStream, func(c *raw) {
			c.WriteSettings()
			for id := c.await(); id != 0; id = c.await() {
				c.WriteRSTStream(id, http2.ErrCodeRefusedStream)
			}
		}},
		"away":       {codeH2GoAway + h2EnhanceYourCalm, begin(func(c *raw, id uint32) { c.WriteGoAway(id, http2.ErrCodeEnhanceYourCalm, []byte("debug")); c.hangUp() })},
		"away storm": {codeH2GoAway, begin(func(c *raw, id uint32) { frames(1e6, func() error { return c.WriteGoAway(0, http2.ErrCodeNo, nil) }) })},
		"push": {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) {
			c.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, BlockFragment: c.fields(":method", "GET"), EndHeaders: true})
		})},
		"pushed stream":   {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) { c.header(2, true, ":status", "200") })},
		"unopened stream": {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) { c.answer(id + 2) })},
		"data nowhere":    {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) { c.WriteData(0, false, nil) })},
		"large frame":     {codeH2Conn + h2FrameSize, begin(func(c *raw, id uint32) { c.WriteRawFrame(http2.FrameData, 0, id, make([]byte, minFrame+1)) })},
		"short ping":      {codeH2Conn + h2FrameSize, begin(func(c *raw, id uint32) { c.WriteRawFrame(http2.FramePing, 0, 0, make([]byte, 7)) })},
		"odd settings":    {codeH2Conn + h2FrameSize, begin(func(c *raw, id uint32) { c.WriteRawFrame(http2.FrameSettings, 0, 0, make([]byte, 7)) })},
		"wrong settings": {codeH2Conn + h2FlowControl, begin(func(c *raw, id uint32) {
			c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		})},
		"all padding": {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) { c.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, id, []byte{9, 1, 2}) })},
		"broken hpack": {codeH2Conn + h2Compression, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0xff, 0xff, 0xff, 0x0f}, EndHeaders: true, EndStream: true})
		})},
		"interleaved": {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(":status", "200")})
			c.WritePing(false, [8]byte{})
		})},
		"lone continuation": {codeH2Conn + h2Protocol, begin(func(c *raw, id uint32) { c.WriteContinuation(id, true, c.fields(":status", "200")) })},
		"window overflow":   {codeH2Conn + h2FlowControl, begin(func(c *raw, id uint32) { c.WriteWindowUpdate(0, 1<<31-1) })},
		"stream overflow":   {codeH2Stream + h2FlowControl, begin(func(c *raw, id uint32) { c.WriteWindowUpdate(id, 1<<31-1) })},
		"window of zero":    {codeH2Stream + h2FlowControl, begin(func(c *raw, id uint32) { c.WriteWindowUpdate(id, 0) })},
		"head of 10 MB": {CodeHeadTooLarge, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(":status", "200")})
			frames(10<<20/minFrame, func() error { return c.WriteContinuation(id, false, c.fields("a", strings.Repeat("x", 16000))) })
		})},
		"large head": {CodeHeadTooLarge, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(":status", "200")})
			frames(6, func() error { return c.WriteContinuation(id, false, c.fields("a", strings.Repeat("x", 16000))) })
			c.WriteContinuation(id, true, nil)
		})},
		"long string": {CodeHeadTooLarge, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: append([]byte{0, 1, 'a', 0x7f}, 0x81, 0x80, 0x80, 0x08)})
		})},
		"hpack bomb": {CodeHeadTooLarge, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(":status", "200", "bomb", strings.Repeat("x", 4000))})
			c.WriteContinuation(id, true, bytes.Repeat([]byte{0xbe}, 16000))
		})},
		"empty continuations": {codeH2Conn + h2EnhanceYourCalm, begin(func(c *raw, id uint32) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: c.fields(":status", "200")})
			frames(1e6, func() error { return c.WriteContinuation(id, false, nil) })
		})},
		"settings flood": {codeH2Conn + h2EnhanceYourCalm, begin(func(c *raw, id uint32) { frames(1e6, func() error { return c.WriteSettings() }) })},
		"ping flood":     {codeH2Conn + h2EnhanceYourCalm, begin(func(c *raw, id uint32) { frames(1e6, func() error { return c.WritePing(false, [8]byte{}) }) })},
		"reset flood": {codeH2Conn + h2EnhanceYourCalm, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200")
			frames(1e6, func() error { return c.WritePriority(id, http2.PriorityParam{}) })
		})},
		"empty data": {codeH2Conn + h2EnhanceYourCalm, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200")
			frames(1e6, func() error { return c.WriteData(id, false, nil) })
		})},
		"a byte at a time": {codeTimeout, begin(func(c *raw, id uint32) {
			c.header(id, false, ":status", "200")
			frames(1e6, func() error { time.Sleep(10 * time.Millisecond); return c.WriteData(id, false, []byte("x")) })
		})},
		"head in bytes": {codeTimeout, begin(func(c *raw, id uint32) {
			c.Conn.Write(append(appendFrame(nil, 16000, frameHeaders, 0, id), 0, 1, 'a', 0x7f, 0x81, 0x7d)) // a value of 16,128 bytes
			frames(1e6, func() error { time.Sleep(10 * time.Millisecond); _, err := c.Conn.Write([]byte{'x'}); return err })
		})},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveRaw(t, tc.serve)
			v := newVU(t, nil, func(o *Options) { o.Version = "2" })
			q := v.call("GET", url+"/")
			q.Deadline = q.Start + time.Second/2
			due := alarm(v.n.Network, q.Deadline)
			r := v.do(q)
			late := v.n.Clock() - due()
			if r.Fail == nil || r.Fail.Code != tc.code || r.Status != 0 {
				t.Errorf("status %d, failure %v, want code %d", r.Status, describe(r.Fail), tc.code)
			}
			if tc.code == codeH2Conn+h2EnhanceYourCalm && strings.Contains(r.Fail.Text, "CALM") {
				t.Errorf("%q does not say which limit of ours it was", r.Fail.Text)
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

func describe(f *Failure) string {
	if f == nil {
		return "none"
	}
	return fmt.Sprintf("%d %q", f.Code, f.Text)
}

// alarm tells when a timer set to a time went off, or will: how late that is, is
// the machine's doing.
func alarm(n *Network, at time.Duration) (off func() time.Duration) {
	rung := make(chan time.Duration, 1)
	timer := time.AfterFunc(at-n.Clock(), func() { rung <- n.Clock() })
	return func() time.Duration {
		if timer.Stop() {
			return at
		}
		return <-rung
	}
}

// TestBombH2 has a small response become a big one.
func TestBombH2(t *testing.T) {
	bomb := gzipped(t, maxBody+1)
	url := serveRaw(t, func(c *raw) {
		c.WriteSettings()
		id := c.await()
		c.header(id, false, ":status", "200", "content-encoding", "gzip")
		for ; len(bomb) > minFrame; bomb = bomb[minFrame:] {
			c.WriteData(id, false, bomb[:minFrame])
		}
		c.WriteData(id, true, bomb)
		c.idle()
	})
	v := newVU(t, nil, func(o *Options) { o.Version = "2" })
	if r := v.get(url); r.Fail != failBodyTooLarge || r.Status != 0 {
		t.Errorf("status %d, failure %s", r.Status, describe(r.Fail))
	}
}

// gzipped returns n zeros compressed.
func gzipped(t testing.TB, n int64) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.CopyN(w, zeros{}, n); err != nil {
		t.Error(err)
	}
	w.Close()
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
