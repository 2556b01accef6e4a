package control

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
)

// patience bounds every wait. It is never used up unless something hangs.
const patience = 20 * time.Second

// TestStrangersAreRefused: threats.md, web: cross-site requests, forged hosts,
// requests without the token. Nothing is ordered and nothing told.
func TestStrangersAreRefused(t *testing.T) {
	a := newAPI(t, defaults, "browse")
	_, port, _ := net.SplitHostPort(a.address)
	for _, c := range []struct {
		name   string
		change func(r *http.Request)
		status int
	}{
		{"no token", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		{"wrong token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+strings.Repeat("x", 32)) }, 401},
		{"another scheme", func(r *http.Request) { r.Header.Set("Authorization", "Basic "+token) }, 401},
		{"a prefix of the token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token[:31]) }, 401},
		{"a token in the query", func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "token=" + token }, 401},
		{"a name that was made to point here", func(r *http.Request) { r.Host = "evil.example:" + port }, 403},
		{"localhost as a subdomain", func(r *http.Request) { r.Host = "localhost.evil.example:" + port }, 403},
		{"another address", func(r *http.Request) { r.Host = "10.0.0.1:" + port }, 403},
		{"another port", func(r *http.Request) { r.Host = "127.0.0.1:1" }, 403},
		{"no port", func(r *http.Request) { r.Host = "127.0.0.1" }, 403},
		{"a page elsewhere", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"a page of nowhere", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"a page on another port", func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") }, 403},
		{"a cross-site fetch", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"a same-site fetch", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, 403},
		{"a form", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		{"text", func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415},
		{"no type", func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
	} {
		for _, method := range []string{"POST", "PATCH"} {
			path, body := "/v1/stop", "{}"
			if method == "PATCH" {
				path, body = "/v1/status", `{"data":{"attributes":{"stopped":true}}}`
			}
			r := a.request(method, path, body)
			c.change(r)
			if status, text := a.send(r); status != c.status && status != http.StatusTooManyRequests {
				t.Errorf("%s: %d %s", c.name, status, text)
			}
		}
		if c.status == 415 {
			continue
		}
		r := a.request("GET", "/v1/status", "")
		c.change(r)
		if status, text := a.send(r); status < 400 || strings.Contains(string(text), "browse") {
			t.Errorf("%s may read: %d %s", c.name, status, text)
		}
	}
	if got := a.orders.taken(); got != "" {
		t.Errorf("ordered: %s", got)
	}
	// The same page, and programs, are heard.
	for _, change := range []func(r *http.Request){
		func(r *http.Request) {},
		func(r *http.Request) { r.Host = "localhost:" + port },
		func(r *http.Request) { r.Host = "[::1]:" + port },
		func(r *http.Request) {
			r.Header.Set("Origin", "http://"+a.address)
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		},
	} {
		r := a.request("GET", "/v1/status", "")
		change(r)
		if status, text := a.send(r); status != 200 {
			t.Errorf("refused: %d %s", status, text)
		}
	}
}

// TestTokenGuesses: threats.md: 1,000 guesses are refused, slowed down and
// told; the owner of the token is heard meanwhile.
func TestTokenGuesses(t *testing.T) {
	a := newAPI(t, defaults, "browse")
	count := map[int]int{}
	for n := range 1000 {
		r := a.request("POST", "/v1/stop", "")
		r.Header.Set("Authorization", fmt.Sprintf("Bearer %032d", n))
		status, _ := a.send(r)
		count[status]++
		if n%100 == 0 {
			if status, text := a.do("GET", "/v1/status", ""); status != 200 {
				t.Fatalf("the right token is refused: %d %s", status, text)
			}
		}
	}
	if count[401] < guesses || count[401] > 500 || count[429] < 500 || count[401]+count[429] != 1000 {
		t.Errorf("answers: %v", count)
	}
	if logs := a.logged(); len(logs) == 0 || len(logs) > 20 || strings.Contains(strings.Join(logs, ""), "0000") {
		t.Errorf("told: %q", logs)
	}
	if got := a.orders.taken(); got != "" {
		t.Errorf("ordered: %s", got)
	}
}

// TestGuessesRecover: after a while a wrong token is told what is wrong again.
func TestGuessesRecover(t *testing.T) {
	now := time.Unix(0, 0)
	g := newGuard(token, "1", func() time.Time { return now }, func(string) {})
	try := func() int {
		return g.admit(&http.Request{Host: "127.0.0.1:1", Header: http.Header{"Authorization": {"Bearer x"}}}).status
	}
	for range guesses {
		if try() != 401 {
			t.Fatal("throttled early")
		}
	}
	if try() != 429 {
		t.Error("not throttled")
	}
	now = now.Add(time.Second)
	if try() != 401 || try() != 429 {
		t.Error("one a second is not what is answered")
	}
}

func (a *api) dial() net.Conn {
	a.t.Helper()
	c, err := net.Dial("tcp", a.address)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// short are limits that tests can wait for.
func short() limits {
	l := defaults
	l.header, l.read, l.write, l.idle = 300*time.Millisecond, 600*time.Millisecond, 600*time.Millisecond, 300*time.Millisecond
	l.connections = 4
	return l
}

// ends waits until the server has closed the connection.
func ends(t *testing.T, what string, c net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
		t.Errorf("%s: the connection stays open", what)
	}
}

// TestSlowClients: threats.md: slow headers are timed out; so are slow bodies
// and connections on which nothing comes.
func TestSlowClients(t *testing.T) {
	a := newAPI(t, short(), "browse")
	silent := a.dial()
	ends(t, "nothing sent", silent)

	header := a.dial()
	fmt.Fprint(header, "GET /v1/status HTTP/1.1\r\nHost: ")
	ends(t, "half a header", header)

	drip := a.dial()
	go func() {
		for {
			if _, err := drip.Write([]byte("X")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	ends(t, "a header byte by byte", drip)

	body := a.dial()
	fmt.Fprintf(body, "POST /v1/scale HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{", a.address, token)
	ends(t, "half a body", body)
	if got := a.orders.taken(); got != "" {
		t.Errorf("ordered: %s", got)
	}
}

// TestCrowd: who holds all connections keeps others out no longer than the
// timeouts.
func TestCrowd(t *testing.T) {
	a := newAPI(t, short(), "browse")
	var held []net.Conn
	for range 4 {
		held = append(held, a.dial())
	}
	for _, c := range held { // all are accepted: each can be answered
		fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: evil\r\n\r\n")
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "403") {
			t.Fatalf("%q, %v", line, err)
		}
	}
	ends(t, "one too many", a.dial())
	for _, c := range held {
		ends(t, "idle", c)
	}
	if status, text := a.do("GET", "/v1/status", ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
}

func TestLargeRequests(t *testing.T) {
	a := newAPI(t, defaults, "browse")
	status, text := a.do("POST", "/v1/scale", `{"scenario":"`+strings.Repeat("x", 70_000)+`","vus":1}`)
	if status != http.StatusRequestEntityTooLarge || !strings.Contains(text, "larger than 65536 bytes") {
		t.Errorf("%d %s", status, text)
	}
	c := a.dial()
	go fmt.Fprintf(c, "GET /v1/status HTTP/1.1\r\nHost: %s\r\nX: %s\r\n\r\n", a.address, strings.Repeat("x", 100_000))
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, "431") {
		t.Errorf("a header of 100 KB: %q, %v", line, err)
	}
	deep := a.dial()
	body := strings.Repeat("[", 60_000)
	go fmt.Fprintf(deep, "POST /v1/scale HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", a.address, token, len(body), body)
	if line, err := bufio.NewReader(deep).ReadString('\n'); err != nil || !strings.Contains(line, "400") {
		t.Errorf("60,000 brackets: %q, %v", line, err)
	}
}

// TestGarbage: what is no HTTP is answered or dropped; the server goes on.
func TestGarbage(t *testing.T) {
	a := newAPI(t, short(), "browse")
	for _, text := range []string{
		"\x16\x03\x01\x02\x00", "\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /v1/status HTTP/1.1\r\n\r\n",
		"GET /v1/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET http://evil.example/ HTTP/1.1\r\nHost: " + a.address + "\r\n\r\n",
		"POST /v1/stop HTTP/1.1\r\nHost: " + a.address + "\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"CONNECT evil:1 HTTP/1.1\r\nHost: evil:1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		c := a.dial()
		fmt.Fprint(c, text)
		line, _ := bufio.NewReader(c).ReadString('\n')
		if strings.Contains(line, " 2") {
			t.Errorf("%q: %q", text, line)
		}
		c.Close()
	}
	if status, text := a.do("GET", "/v1/status", ""); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	if got := a.orders.taken(); got != "" {
		t.Errorf("ordered: %s", got)
	}
}

// TestNamesOfStrangersAreInert: what a script calls its scenarios is data in
// the answer, and refusals quote it.
func TestNamesOfStrangersAreInert(t *testing.T) {
	a := newAPI(t, defaults)
	a.board.Plan(&plan.Plan{Scenarios: []plan.Scenario{{Name: "<script>\x1b[2J\u202e", Executor: plan.ConstantVUs}}})
	for _, path := range []string{"/v1/status", "/v1/<script>alert(1)</script>", "/v1/metrics/<b>\x1b"} {
		r := a.request("GET", "/", "")
		r.URL.Path = path
		_, text := a.send(r)
		if strings.ContainsAny(string(text), "<>\x1b") {
			t.Errorf("%s: %q", path, text)
		}
	}
}

// FuzzDecode: no body is a panic, and what is accepted has known keys alone.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{`{"scenario":"a","vus":1}`, `{}`, ``, `null`, `{"vus":1e999}`, `{"data":{"attributes":{"paused":true}}}`, `{"rate":1}{"rate":2}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var s scaling
		if decode(body, &s) == nil {
			for _, m := range []Model{VUs, Rate} {
				level, err := s.level("x", m)
				if err == nil && (level.VUs < 0 || level.Rate < 0 || level.SpawnRate < 0) {
					t.Errorf("%q gives %+v", body, level)
				}
			}
		}
		var p patch
		decode(body, &p)
	})
}
