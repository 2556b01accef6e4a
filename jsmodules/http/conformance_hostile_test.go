package http

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/peers"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// lateness is how much later than its timeout a request may end, and what a
// machine that is busy with other tests may add to that.
const lateness = 100*time.Millisecond + 400*time.Millisecond

// crowd is the same where many tests run at once: far from the minute that a
// request may take by default, and no measure of time.
const crowd = 20 * time.Second

// bomb is 100 MiB of zeros, as small as gzip makes it.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 100 {
		z.Write(zeros)
	}
	z.Close()
	return b.Bytes()
})

// TestConformanceHostile has raw servers do what no server should, on plain
// connections, in TLS and through a tunnel. Each ends in its time and memory,
// with a code of its own, and what it sent is never taken for another response.
func TestConformanceHostile(t *testing.T) {
	limit := 100 * time.Millisecond
	if raceDetector {
		limit = 500 * time.Millisecond // all is slower, and a tunnel has to be opened in it
	}
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	packed := string(bomb())
	endless := func(head, piece string, pause time.Duration) func(net.Conn) {
		return func(c net.Conn) {
			io.WriteString(c, head)
			for {
				if _, err := io.WriteString(c, piece); err != nil {
					return
				}
				time.Sleep(pause)
			}
		}
	}
	send := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			io.WriteString(c, text)
			io.Copy(io.Discard, c) // until the client hangs up
		}
	}
	hangUp := func(text string, hard bool) func(net.Conn) {
		return func(c net.Conn) {
			io.WriteString(c, text)
			if t, isTCP := c.(*net.TCPConn); isTCP && hard {
				t.SetLinger(0)
			}
		}
	}
	const mebi = 1 << 20
	big := strings.Repeat("x", 64<<10)
	cases := []struct {
		name   string
		act    func(net.Conn)
		status int
		code   int
		late   bool // it ends with the timeout
		memory int64
	}{
		{"length of 99999999999", send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok"), 0, transport.CodeBodyTooLarge, false, 8 * mebi},
		{"announced and not sent", send("HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\nok"), 0, 1050, true, 8 * mebi},
		{"chunk of 7fffffff", send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\nok"), 0, 1050, true, 8 * mebi},
		{"endless chunk", endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", big, 0), 0, transport.CodeBodyTooLarge, false, 240 * mebi},
		{"endless body", endless("HTTP/1.1 200 OK\r\n\r\n", big, 0), 0, transport.CodeBodyTooLarge, false, 240 * mebi},
		{"endless header", endless("HTTP/1.1 200 OK\r\nA: ", big, 0), 0, transport.CodeHeadTooLarge, false, 8 * mebi},
		{"drip of a body", endless("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "x", 10*time.Millisecond), 0, 1050, true, 8 * mebi},
		{"drip of a header", endless("HTTP/1.1 200 OK\r\nA: ", "x", 10*time.Millisecond), 0, 1050, true, 8 * mebi},
		{"drip of 1xx", endless("", "HTTP/1.1 102 Processing\r\n\r\n", 50*time.Millisecond), 0, 1050, true, 8 * mebi},
		{"flood of 1xx", endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", 0), 0, transport.CodeInterim, false, 8 * mebi},
		{"gzip bomb", send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(len(packed)) + "\r\n\r\n" + packed), 0, transport.CodeBodyTooLarge, false, 240 * mebi},
		{"reset", hangUp("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", true), 0, -1, false, 8 * mebi},
		{"cut off", hangUp("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", false), 0, transport.CodeTruncated, false, 8 * mebi},
		{"nothing", hangUp("", false), 0, transport.CodeNoResponse, false, 8 * mebi},
		{"silence", send(""), 0, 1050, true, 8 * mebi},
		{"garbage", send("\x00\xff\x01 this is no HTTP\r\n\r\n"), 0, transport.CodeMalformed, false, 8 * mebi},
		{"two lengths", send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok."), 0, transport.CodeLengths, false, 8 * mebi},
		{"bytes after", send(ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"), 200, transport.CodeSurplus, false, 8 * mebi},
		{"wrong gzip", send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"), 0, transport.CodeDecode, false, 8 * mebi},
	}
	ca := peers.NewCA(t)
	certificate := ca.Issue(t)
	through := peers.ForwardProxy(t)
	for _, way := range []struct {
		name   string
		secure bool
		proxy  string
	}{{"plain", false, ""}, {"tls", true, ""}, {"tunnel", true, through.URL}} {
		t.Run(way.name, func(t *testing.T) {
			for _, tt := range cases {
				if way.proxy != "" && tt.memory > 8*mebi {
					continue // the way makes no difference to what is kept
				}
				t.Run(tt.name, func(t *testing.T) {
					var conns atomic.Int64
					url := rawServer(t, func(c net.Conn) {
						if way.secure {
							c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
							defer c.Close()
						}
						r := bufio.NewReader(c)
						if !readRequest(r) {
							return
						}
						if conns.Add(1) == 1 {
							tt.act(c)
							return
						}
						for ok := true; ok; ok = readRequest(r) {
							io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")
						}
					})
					p := newPlan()
					if way.secure {
						url = strings.Replace(url, "http:", "https:", 1)
						p.HTTP.TLS.CACerts = []string{ca.PEM()}
						p.HTTP.Version = "1.1"
						p.HTTP.Proxy = way.proxy
					}
					given := limit
					if !tt.late {
						given = 20 * time.Second // the cause ends it, not the time
					}
					w := newWorld(t, p, "", fmt.Sprintf(`
						const r = http.post('%s', '', {timeout: %d});
						say(r.status, r.error_code, r.error !== '');
						say(http.get('%[1]s', {timeout: '10s'}).body);`, url, given.Milliseconds()))
					var took time.Duration
					var got []string
					grown := peak(func() {
						start := time.Now()
						got = w.run()
						took = time.Since(start)
					})
					code := tt.code
					if code < 0 { // a proxy may make an end of a reset
						code = 1220
						if strings.Contains(got[0], " 1036 ") && way.secure {
							code = transport.CodeTruncated
						}
					}
					if want := fmt.Sprint(tt.status, " ", code, " true"); got[0] != want || got[1] != "second" {
						t.Errorf("got %q, want %q and second", got, want)
					}
					if tt.late && took < limit || took > given+lateness {
						t.Errorf("it took %v of %v", took, given)
					}
					if grown > tt.memory && !raceDetector {
						t.Errorf("the heap grew by %d KiB, %d may be", grown>>10, tt.memory>>10)
					}
					if n := conns.Load(); n != 2 {
						t.Errorf("%d connections were asked, want 2: none is used again after that", n)
					}
				})
			}
		})
	}
}

// testHostileAnswers has the target do, in each version, what a server can do
// within the protocol.
func testHostileAnswers(t *testing.T, b *bench) {
	const limit = 100
	b.run(t, script{init: fmt.Sprintf(`
			const timed = (path, params) => {
				const from = Date.now(), r = http.get(base + path, params), took = Date.now() - from;
				say(path, r.status, r.error_code, r.body === null, took <= ((params || {}).timeout || 20000) + %d || took);
			};
		`, crowd.Milliseconds()), body: fmt.Sprintf(`
			timed('/endless');
			timed('/endless', {timeout: %[1]d, responseType: 'none'});
			timed('/drip', {timeout: %[1]d});
			timed('/bomb');
			timed('/bomb', {responseType: 'none'});
			timed('/interim/5');
			timed('/interim/100');
			timed('/huge-header');
			timed('/short');
			timed('/redirect/302?n=1000000');
			timed('/redirect/307?n=1000000', {redirects: 3});
			say(http.get(base + '/echo').status);
		`, limit), want: []string{
		"/endless 0 1034 true true",
		"/endless 0 1050 true true",
		"/drip 0 1050 true true",
		"/bomb 0 1034 true true",
		"/bomb 200 0 true true",
		"/interim/5 200 0 false true",
		"/interim/100 0 1035 true true",
		fmt.Sprintf("/huge-header 0 %d true true", transport.CodeHeadTooLarge),
		fmt.Sprintf("/short 0 %s true true", shortCode(b)),
		"/redirect/302?n=1000000 302 0 false true",
		"/redirect/307?n=1000000 307 0 false true",
		"200",
	}, loose: "responses are given up while they are sent", lost: 64 << 10, unread: 1 << 40})
}

// shortCode is that of a response that ends before its announced length: in
// HTTP/1.1 that is the end of the connection, elsewhere lengths that differ.
func shortCode(b *bench) string {
	return map[string]string{"HTTP/1.1": "1036", "HTTP/2.0": "1031", "HTTP/3.0": "1031"}[b.proto]
}

var hostileFeatures = []feature{
	{name: "egress", test: testEgressOn, core: true},
	{name: "hostile answers", test: testHostileAnswers, direct: true},
}
