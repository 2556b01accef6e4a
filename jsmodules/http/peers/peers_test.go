package peers

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/quic-go/quic-go/http3"
	"go.uber.org/goleak"
)

// noLeaks looks for goroutines left behind, once all that the test registers
// later has been cleaned up.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// client returns a client of net/http that trusts the authority and speaks
// the protocols.
func client(t *testing.T, ca *CA, set func(*http.Protocols), changes ...func(*http.Transport)) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}, Protocols: new(http.Protocols)}
	set(transport.Protocols)
	for _, change := range changes {
		change(transport)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func h1(p *http.Protocols)  { p.SetHTTP1(true) }
func h2(p *http.Protocols)  { p.SetHTTP2(true) }
func h2c(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }

func do(t *testing.T, c *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(got)
}

func TestNginx(t *testing.T) {
	noLeaks(t)
	s := Nginx(t)
	plain := client(t, s.CA, h1)
	for _, tc := range []struct {
		name, url, proto string
		set              func(*http.Protocols)
	}{
		{"plain", s.HTTP, "HTTP/1.1", h1},
		{"tls", s.HTTPS, "HTTP/1.1", h1},
		{"h2", s.H2, "HTTP/2.0", h2},
		{"h2 without", s.H2, "HTTP/1.1", h1},
		{"h2c", s.H2C, "HTTP/2.0", h2c},
	} {
		c := client(t, s.CA, tc.set)
		if resp, body := do(t, c, "GET", tc.url+"/json", ""); body != JSON || resp.Proto != tc.proto || resp.StatusCode != 200 {
			t.Errorf("%s: %s %s %q", tc.name, resp.Proto, resp.Status, body)
		}
		for _, n := range Sizes()[:6] {
			if _, body := do(t, c, "GET", tc.url+"/bytes/"+strconv.FormatInt(n, 10), ""); int64(len(body)) != n {
				t.Errorf("%s: /bytes/%d has %d", tc.name, n, len(body))
			}
		}
		if _, body := do(t, c, "POST", tc.url+"/echo", "back, please"); body != "back, please" {
			t.Errorf("%s: echo %q", tc.name, body)
		}
		if _, body := do(t, c, "POST", tc.url+"/sink", strings.Repeat("x", 3<<20)); body != `{"received":3145728}`+"\n" {
			t.Errorf("%s: sink %q", tc.name, body)
		}
		if resp, _ := do(t, c, "POST", tc.url+"/limited", strings.Repeat("x", 2000)); resp.StatusCode != 413 {
			t.Errorf("%s: limited %s", tc.name, resp.Status)
		}
		if _, body := do(t, c, "GET", tc.url+"/redirect/chain", ""); body != JSON {
			t.Errorf("%s: redirects end at %q", tc.name, body)
		}
		if resp, _ := do(t, c, "GET", tc.url+"/gzip/65536", ""); !resp.Uncompressed {
			t.Errorf("%s: not compressed", tc.name)
		}
		if resp, _ := do(t, c, "GET", tc.url+"/private", ""); resp.StatusCode != 401 {
			t.Errorf("%s: private without a password: %s", tc.name, resp.Status)
		}
		private := strings.Replace(tc.url, "://", "://user:secret@", 1) + "/private"
		if resp, body := do(t, c, "GET", private, ""); resp.StatusCode != 200 || len(body) != 49 {
			t.Errorf("%s: private: %s %q", tc.name, resp.Status, body)
		}
		var who struct{ Protocol, TLS, Cipher string }
		if _, body := do(t, c, "GET", tc.url+"/who", ""); json.Unmarshal([]byte(body), &who) != nil || who.Protocol != tc.proto || (who.TLS != "") != strings.HasPrefix(tc.url, "https") {
			t.Errorf("%s: who %s", tc.name, body)
		}
	}
	for _, status := range []int{204, 404, 429, 500, 503} {
		if resp, _ := do(t, plain, "GET", s.HTTP+"/status/"+strconv.Itoa(status), ""); resp.StatusCode != status {
			t.Errorf("status %d: %s", status, resp.Status)
		}
	}
	if resp, _ := do(t, plain, "GET", s.HTTP+"/close", ""); !resp.Close {
		t.Error("close keeps the connection")
	}
	if resp, _ := do(t, plain, "HEAD", s.HTTP+"/bytes/1073741824", ""); resp.ContentLength != 1<<30 {
		t.Errorf("a gibibyte is %d", resp.ContentLength)
	}
	unix := client(t, s.CA, h1, func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.Unix)
		}
	})
	if _, body := do(t, unix, "GET", "http://anything/json", ""); body != JSON {
		t.Errorf("unix: %q", body)
	}
}

// TestNginxCounts holds the log against bytes counted at the client's socket.
func TestNginxCounts(t *testing.T) {
	noLeaks(t)
	s := Nginx(t, "keepalive_requests 3;")
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const get = "GET /json HTTP/1.1\r\nHost: a\r\n\r\n"
	if _, err := io.WriteString(conn, strings.Repeat(get, 3)); err != nil {
		t.Fatal(err)
	}
	answers, err := io.ReadAll(conn) // the server closes after three
	if err != nil {
		t.Fatal(err)
	}
	entries := s.Log(3)
	if len(entries) != 3 || s.Requests("HTTP/1.1") != 3 || s.Requests("HTTP/2.0") != 0 || s.Requests("") != 3 {
		t.Errorf("logged %v", entries)
	}
	last := entries[len(entries)-1]
	if last.Nth != 3 || last.Connection != entries[0].Connection || last.Method != "GET" || last.URI != "/json" || last.Status != 200 {
		t.Errorf("the last entry is %+v", last)
	}
	if received, sent := s.Wire(); received != int64(3*len(get)) || sent != int64(len(answers)) {
		t.Errorf("nginx counted %d and %d bytes, the client %d and %d", received, sent, 3*len(get), len(answers))
	}
}

// TestNginxMany holds more connections than shells let programs open.
func TestNginxMany(t *testing.T) {
	noLeaks(t)
	s := Nginx(t)
	const many = 1500
	c := client(t, s.CA, h1, func(tr *http.Transport) { tr.MaxIdleConnsPerHost = many })
	var answers []*http.Response
	for range many {
		resp, err := c.Get(s.HTTP + "/json") // unread, it keeps its connection
		if err != nil {
			t.Fatalf("after %d: %v", len(answers), err)
		}
		answers = append(answers, resp)
	}
	for _, resp := range answers {
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != JSON {
			t.Fatalf("%q, %v", body, err)
		}
		resp.Body.Close()
	}
	connections := map[int64]bool{}
	for _, e := range s.Log(many) {
		connections[e.Connection] = true
	}
	if len(connections) != many {
		t.Errorf("%d connections, want %d", len(connections), many)
	}
}

func TestHTTPBin(t *testing.T) {
	noLeaks(t)
	s := HTTPBin(t)
	for _, tc := range []struct {
		name, url, proto string
		set              func(*http.Protocols)
	}{
		{"plain", s.HTTP, "HTTP/1.1", h1},
		{"h2c", s.H2C, "HTTP/2.0", h2c},
		{"tls", s.HTTPS, "HTTP/1.1", h1},
		{"h2", s.H2, "HTTP/2.0", h2},
	} {
		before := s.Requests(tc.proto)
		exercise(t, client(t, s.CA, tc.set), tc.name, tc.url, tc.proto)
		if n := s.Requests(tc.proto) - before; n != 4 {
			t.Errorf("%s: logged %d requests, want 4", tc.name, n)
		}
	}
	if e := s.Log(16)[1]; e.URI != "/echo" || e.Method != "POST" || e.Received != 8 || e.Sent != 8 {
		t.Errorf("the second entry is %+v", e)
	}
}

// exercise makes four requests.
func exercise(t *testing.T, c *http.Client, name, url, proto string) {
	t.Helper()
	resp, body := do(t, c, "GET", url+"/get?a=b", "")
	var got struct{ Args map[string][]string }
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Args["a"] == nil || resp.Proto != proto {
		t.Errorf("%s: %s %s %v", name, resp.Proto, body, err)
	}
	if _, body := do(t, c, "POST", url+"/echo", "an echo!"); body != "an echo!" {
		t.Errorf("%s: echo %q", name, body)
	}
	if _, body := do(t, c, "PUT", url+"/sink", strings.Repeat("x", 2<<20)); body != `{"received":2097152}`+"\n" {
		t.Errorf("%s: sink %q", name, body)
	}
	if resp, body := do(t, c, "GET", url+"/zeros/100000?chunked", ""); len(body) != 100000 || resp.ContentLength >= 0 {
		t.Errorf("%s: %d zeros, Content-Length %d", name, len(body), resp.ContentLength)
	}
}

// TestWire holds the bytes of TLS against those the client counts.
func TestWire(t *testing.T) {
	noLeaks(t)
	s := HTTPBin(t)
	raw, err := net.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	own := newService(t)
	conn := tls.Client(&countedConn{raw, own}, &tls.Config{RootCAs: s.Pool(), ServerName: "localhost"})
	if _, err := io.WriteString(conn, "GET /zeros/5000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Fatal(err)
	}
	raw.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, raw)
	conn.Close()
	s.Close() // both have seen all of it
	received, sent := s.Wire()
	clientReceived, clientSent := own.wire()
	if received != clientSent || sent != clientReceived || sent < 5000 {
		t.Errorf("the server counted %d and %d bytes, the client %d and %d", received, sent, clientSent, clientReceived)
	}
}

func TestQUIC(t *testing.T) {
	noLeaks(t)
	s := QUIC(t)
	transport := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: s.Pool()}}
	t.Cleanup(func() { transport.Close() })
	exercise(t, &http.Client{Transport: transport}, "h3", s.H3, "HTTP/3.0")
	received, sent := s.Wire()
	if received < 2<<20 || sent < 100000 {
		t.Errorf("%d and %d bytes on the wire", received, sent)
	}
	c := client(t, s.CA, func(p *http.Protocols) { h1(p); h2(p) })
	exercise(t, c, "twin", s.HTTPS, "HTTP/2.0")
	resp, _ := do(t, c, "GET", s.HTTPS+"/get", "")
	_, port, _ := strings.Cut(strings.TrimPrefix(s.H3, "https://"), ":")
	if got, want := resp.Header.Get("Alt-Svc"), `h3=":`+port+`"; ma=3600`; got != want {
		t.Errorf("Alt-Svc: %q, want %q", got, want)
	}
	if s.Requests("HTTP/3.0") != 4 || s.Requests("HTTP/2.0") != 5 {
		t.Errorf("the log is %v", s.Log(9))
	}
}

// TestChanges lets a server demand client certificates.
func TestChanges(t *testing.T) {
	noLeaks(t)
	ca := NewCA(t)
	s := HTTPBin(t, func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool() })
	c := client(t, s.CA, h1)
	if resp, err := c.Get(s.HTTPS + "/get"); err == nil {
		resp.Body.Close()
		t.Error("no certificate was demanded")
	}
	cert, key := Encode(t, ca.Issue(t, func(c *x509.Certificate) { c.Subject.CommonName = "a client" }))
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	c.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{pair}
	if resp, _ := do(t, c, "GET", s.HTTPS+"/get", ""); resp.StatusCode != 200 {
		t.Errorf("with a certificate: %s", resp.Status)
	}
}

func TestForwardProxy(t *testing.T) {
	noLeaks(t)
	target := HTTPBin(t)
	for _, auth := range [][]Credentials{nil, {{"someone", "secret"}}} {
		p := ForwardProxy(t, auth...)
		pool := p.Pool()
		pool.AddCert(target.Cert)
		for i, via := range []string{p.URL, p.TLS} {
			c := through(t, via, pool)
			if _, body := do(t, c, "POST", target.HTTP+"/echo", "hello"); body != "hello" {
				t.Errorf("echo %q", body)
			}
			if got := p.Log(i+1, "POST "+target.HTTP+"/echo"); len(got) != i+1 {
				t.Errorf("logged %q", got)
			}
			if _, body := do(t, c, "POST", target.HTTPS+"/echo", "hello"); body != "hello" {
				t.Errorf("echo through TLS %q", body)
			}
			if got := p.Log(i+1, "CONNECT "+strings.TrimPrefix(target.HTTPS, "https://")); len(got) != i+1 {
				t.Errorf("logged %q", got)
			}
		}
		if auth != nil {
			if resp, _ := do(t, through(t, "http://"+p.Addr, pool), "GET", target.HTTP+"/get", ""); resp.StatusCode != 407 {
				t.Errorf("without a password: %s", resp.Status)
			}
		}
	}
}

func TestSOCKS(t *testing.T) {
	noLeaks(t)
	target := HTTPBin(t)
	for _, auth := range [][]Credentials{nil, {{"someone", "secret"}}} {
		p := SOCKS(t, auth...)
		c := through(t, p.URL, target.Pool())
		for _, url := range []string{target.HTTP, target.HTTPS} {
			if _, body := do(t, c, "POST", url+"/echo", "hello"); body != "hello" {
				t.Errorf("echo %q", body)
			}
			_, addr, _ := strings.Cut(url, "://")
			if got := p.Log(1, "connected to "+addr); len(got) != 1 {
				t.Errorf("logged %q", got)
			}
		}
		if auth != nil {
			if resp, err := through(t, "socks5://"+p.Addr, target.Pool()).Get(target.HTTP + "/get"); err == nil {
				resp.Body.Close()
				t.Error("it lets everybody in")
			}
		}
	}
}

func through(t *testing.T, proxy string, pool *x509.CertPool) *http.Client {
	t.Helper()
	u, err := url.Parse(proxy)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// TestReserve sees that a reserved port is nobody else's, yet can be listened on.
func TestReserve(t *testing.T) {
	addr := reserve(t)
	for range 100 {
		if other := reserve(t); other == addr {
			t.Fatalf("%s was reserved twice", addr)
		}
	}
	l, err := net.Listen("tcp", addr) // as a child would
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// TestFailedStart sees that the reason is in the error.
func TestFailedStart(t *testing.T) {
	noLeaks(t)
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	never := func() error { return io.EOF }
	_, err = launch(folder(t), never, sh, "-c", "echo the reason >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "sh ended: exit status 3") || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("the error is %v", err)
	}
}

// TestSwarmIsWithout holds that the binary contains neither this package nor
// what it alone needs.
func TestSwarmIsWithout(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/swarm")
	cmd.Dir = "../../.."
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	for _, pkg := range strings.Fields(string(out)) {
		if strings.HasSuffix(pkg, "jsmodules/http/peers") || strings.HasPrefix(pkg, "github.com/mccutchen/go-httpbin") {
			t.Errorf("swarm contains %s", pkg)
		}
	}
	if !bytes.Contains(out, []byte("/cmd/swarm\n")) {
		t.Errorf("go list printed %q", out)
	}
}
