package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newDigest(t testing.TB, username, password string) *Digest {
	t.Helper()
	d, err := NewDigest(username, password)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestKnownAnswers are the examples of the documents.
func TestKnownAnswers(t *testing.T) {
	const rfc7616 = `realm="http-auth@example.org", qop="auth, auth-int", algorithm=%s, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
	for _, tt := range []struct {
		name, username, password, challenge, cnonce, uri string
		want                                             []string
	}{
		{"RFC 2617, section 3.5", "Mufasa", "Circle Of Life",
			`Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "0a4f113b", "/dir/index.html",
			[]string{`Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", opaque="5ccc069c403ebaf9f0171e9517f40e41", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1"`}},
		{"RFC 2069, section 2.4, as its erratum has it", "Mufasa", "CircleOfLife",
			`Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`, "unused", "/dir/index.html",
			[]string{`response="1949323746fe6a43ef61f9606e7febea"`}},
		{"RFC 7616, section 3.9.1, MD5", "Mufasa", "Circle of Life", "Digest " + fmt.Sprintf(rfc7616, "MD5"), "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "/dir/index.html",
			[]string{`response="8ca523f5e9506fed4657c9700eebdbec"`, `algorithm=MD5,`, `qop=auth,`, `opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`}},
		{"RFC 7616, section 3.9.1, SHA-256", "Mufasa", "Circle of Life", "Digest " + fmt.Sprintf(rfc7616, "SHA-256"), "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "/dir/index.html",
			[]string{`response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`, `algorithm=SHA-256,`}},
		// The values the RFC prints are of another hash; these are of erratum 4897.
		{"RFC 7616, section 3.9.2, SHA-512-256", "Jäsøn Doe", "Secret, or not?",
			`Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true`, "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "/doe.json",
			[]string{`username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"`, `response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"`, "userhash=true"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDigest(t, tt.username, tt.password)
			d.nonce = func() string { return tt.cnonce }
			if header, ok := d.Authorize("GET", tt.uri, nil); ok || header != "" {
				t.Fatalf("before the challenge: %q", header)
			}
			if retry, err := d.Challenge("", []string{tt.challenge}); !retry || err != nil {
				t.Fatal(retry, err)
			}
			header, ok := d.Authorize("GET", tt.uri, nil)
			for _, want := range tt.want {
				if !ok || !strings.Contains(header, want) {
					t.Errorf("%s\nlacks %s", header, want)
				}
			}
		})
	}
}

// server verifies digest authentication by RFC 7616, independently of what is
// tested.
type server struct {
	username, password string
	algorithm, qop     string
	userhash           bool
	uses               int  // of one nonce; 0: any number
	mute               bool // says nothing of stale
	next               bool // names the next nonce

	mu     sync.Mutex
	nonces map[string]map[uint64]bool // the numbers seen with each
	made   int
	log    []string // what became of each request
}

var pairs = regexp.MustCompile(`([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^ ,"]+))(?:, |$)`)

func (s *server) fresh() string {
	s.made++
	n := fmt.Sprintf(`no"nce\%d=`, s.made)
	s.nonces[n] = map[uint64]bool{}
	return n
}

func quote(s string) string { return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) }

const realm = `a "quoted" realm, with \ and comma`

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	verdict := s.check(r, body)
	s.log = append(s.log, verdict)
	if verdict == "ok" {
		if s.next {
			w.Header().Set("Authentication-Info", `qop=auth, nextnonce="`+quote(s.fresh())+`"`)
		}
		io.WriteString(w, "hello")
		return
	}
	c := fmt.Sprintf(`Digest realm="%s", nonce="%s", opaque="op\"aque"`, quote(realm), quote(s.fresh()))
	if s.algorithm != "" {
		c += ", algorithm=" + s.algorithm
	}
	if s.qop != "" {
		c += `, qop="` + s.qop + `"`
	}
	if s.userhash {
		c += ", userhash=true"
	}
	if verdict == "stale" && !s.mute {
		c += ", stale=TRUE"
	}
	w.Header().Add("WWW-Authenticate", `Basic realm="other"`)
	w.Header().Add("WWW-Authenticate", `Newfangled abc==, `+c+`, Basic realm="x"`)
	w.WriteHeader(401)
}

func (s *server) check(r *http.Request, body []byte) string {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "none"
	}
	rest, ok := strings.CutPrefix(header, "Digest ")
	if !ok || pairs.ReplaceAllString(rest, "") != "" {
		return "malformed: " + header
	}
	p := map[string]string{}
	for _, m := range pairs.FindAllStringSubmatch(rest, -1) {
		if _, twice := p[m[1]]; twice {
			return "twice " + m[1]
		}
		p[m[1]] = regexp.MustCompile(`\\(.)`).ReplaceAllString(m[2], "$1") + m[3]
	}
	var h func() hash.Hash
	switch strings.TrimSuffix(s.algorithm, "-sess") {
	case "SHA-256":
		h = sha256.New
	case "SHA-512-256":
		h = sha512.New512_256
	default:
		h = md5.New
	}
	H := func(text string) string {
		x := h()
		x.Write([]byte(text))
		return fmt.Sprintf("%x", x.Sum(nil))
	}
	username := s.username
	if s.userhash {
		username = H(s.username + ":" + realm)
	}
	used, known := s.nonces[p["nonce"]]
	switch {
	case p["username"] != username, p["realm"] != realm, p["opaque"] != `op"aque`, p["uri"] != r.RequestURI, p["algorithm"] != s.algorithm:
		return "other values: " + header
	case !known:
		return "unknown nonce"
	}
	a1 := H(s.username + ":" + realm + ":" + s.password)
	if strings.HasSuffix(s.algorithm, "-sess") {
		a1 = H(a1 + ":" + p["nonce"] + ":" + p["cnonce"])
	}
	a2 := r.Method + ":" + p["uri"]
	if p["qop"] == "auth-int" {
		a2 += ":" + H(string(body))
	}
	want := H(a1 + ":" + p["nonce"] + ":" + H(a2))
	if s.qop != "" {
		if !strings.Contains(s.qop, p["qop"]) || len(p["cnonce"]) < 16 || len(p["nc"]) != 8 {
			return "qop: " + header
		}
		want = H(strings.Join([]string{a1, p["nonce"], p["nc"], p["cnonce"], p["qop"], H(a2)}, ":"))
		nc, err := strconv.ParseUint(p["nc"], 16, 32)
		switch {
		case err != nil || used[nc]:
			return "replay"
		case s.uses > 0 && len(used) >= s.uses:
			return "stale"
		}
		used[nc] = true
	}
	if p["response"] != want {
		return "refused"
	}
	return "ok"
}

// do sends a request as a client would, and again as long as Challenge wants.
func do(t testing.TB, d *Digest, method, url, uri, body string) int {
	t.Helper()
	for round := 1; ; round++ {
		if round > MaxRounds {
			return 401
		}
		req, err := http.NewRequest(method, url+uri, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		sent, ok := d.Authorize(method, uri, []byte(body))
		if ok {
			req.Header.Set("Authorization", sent)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 401 {
			d.Info(resp.Header.Values("Authentication-Info"))
			return resp.StatusCode
		}
		retry, err := d.Challenge(sent, resp.Header.Values("WWW-Authenticate"))
		if err != nil {
			t.Fatal(err)
		}
		if !retry {
			return 401
		}
	}
}

func start(t testing.TB, s *server) string {
	s.nonces = map[string]map[uint64]bool{}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return srv.URL
}

// TestDigest makes requests of every kind to a server that checks them.
func TestDigest(t *testing.T) {
	for _, algorithm := range []string{"", "MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"} {
		for _, qop := range []string{"", "auth", "auth-int", "auth-int, auth"} {
			if qop == "" && strings.HasSuffix(algorithm, "-sess") {
				continue
			}
			t.Run(algorithm+" "+qop, func(t *testing.T) {
				s := &server{username: `us"er\`, password: "pä:ss", algorithm: algorithm, qop: qop, userhash: algorithm == "SHA-256"}
				url := start(t, s)
				d := newDigest(t, s.username, s.password)
				for i, body := range []string{"", "some body", "another"} {
					if status := do(t, d, "POST", url, fmt.Sprintf("/a%%22b?n=%d&x=%%2C", i), body); status != 200 {
						t.Errorf("status %d", status)
					}
					if d.SignsBody() != (qop == "auth-int") {
						t.Errorf("SignsBody is %v", d.SignsBody())
					}
				}
				if got := strings.Join(s.log, " "); got != "none ok ok ok" {
					t.Errorf("the server saw: %s", got)
				}
			})
		}
	}
}

// TestRounds counts what goes over the wire.
func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		server   *server
		password string
		status   int
		want     string // of three requests
	}{
		{"nonces for two uses", &server{qop: "auth", uses: 2}, "p", 200, "none ok ok stale ok"},
		{"nonces for two uses, without a word", &server{qop: "auth", uses: 2, mute: true}, "p", 200, "none ok ok stale ok"},
		{"nonces for one use", &server{qop: "auth", uses: 1}, "p", 200, "none ok stale ok stale ok"},
		{"the next nonce is named", &server{qop: "auth", uses: 1, next: true}, "p", 200, "none ok ok ok"},
		{"wrong password", &server{qop: "auth"}, "wrong", 401, "none refused none refused none refused"},
		{"wrong password, old digest", &server{}, "wrong", 401, "none refused none refused none refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.server
			s.username, s.password = "u", "p"
			url := start(t, s)
			d := newDigest(t, "u", tt.password)
			for range 3 {
				if status := do(t, d, "GET", url, "/", ""); status != tt.status {
					t.Errorf("status %d", status)
				}
			}
			if got := strings.Join(s.log, " "); got != tt.want {
				t.Errorf("the server saw: %s, want %s", got, tt.want)
			}
		})
	}
}

// TestConcurrent shares a Digest among the requests of a batch: the server sees
// no number twice.
func TestConcurrent(t *testing.T) {
	s := &server{username: "u", password: "p", qop: "auth", algorithm: "SHA-256", uses: 40}
	url := start(t, s)
	d := newDigest(t, "u", "p")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if status := do(t, d, "GET", url, "/", ""); status != 200 {
					t.Errorf("status %d", status)
				}
			}
		})
	}
	wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[string]int{}
	for _, v := range s.log {
		count[v]++
	}
	if count["ok"] != 80 || count["ok"]+count["none"]+count["stale"] != len(s.log) {
		t.Errorf("the server saw %v", count)
	}
}

// TestRealms moves between two realms of one origin.
func TestRealms(t *testing.T) {
	d := newDigest(t, "u", "p")
	ask := func(sent, realm, nonce string) (string, bool) {
		retry, err := d.Challenge(sent, []string{fmt.Sprintf(`Digest realm="%s", nonce="%s", qop="auth"`, realm, nonce)})
		if err != nil {
			t.Fatal(err)
		}
		header, _ := d.Authorize("GET", "/", nil)
		return header, retry
	}
	a, retry := ask("", "a", "1")
	if !retry || !strings.Contains(a, `realm="a", nonce="1"`) {
		t.Fatal(a, retry)
	}
	b, retry := ask(a, "b", "2")
	if !retry || !strings.Contains(b, `realm="b", nonce="2"`) {
		t.Fatal(b, retry)
	}
	if c, retry := ask(b, "b", "3"); retry || c != "" {
		t.Errorf("refused credentials are sent again: %s", c)
	}
}

func TestNumbersRunOut(t *testing.T) {
	d := newDigest(t, "u", "p")
	if retry, err := d.Challenge("", []string{`Digest realm="r", nonce="n", qop=auth`}); !retry || err != nil {
		t.Fatal(retry, err)
	}
	d.current.count = math.MaxInt32 - 1
	if header, ok := d.Authorize("GET", "/", nil); !ok || !strings.Contains(header, "nc=7fffffff") {
		t.Error(header)
	}
	if header, ok := d.Authorize("GET", "/", nil); ok {
		t.Error(header)
	}
}

// TestHTTPBin asks a server that nobody here wrote.
func TestHTTPBin(t *testing.T) {
	srv := httptest.NewServer(httpbin.New())
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	defer srv.Close()
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		d := newDigest(t, "user", "passwd")
		for range 3 {
			if status := do(t, d, "GET", srv.URL, "/digest-auth/auth/user/passwd/"+algorithm, ""); status != 200 {
				t.Errorf("%s: status %d", algorithm, status)
			}
		}
		if status := do(t, newDigest(t, "user", "wrong"), "GET", srv.URL, "/digest-auth/auth/user/passwd/"+algorithm, ""); status != 401 {
			t.Errorf("%s with a wrong password: status %d", algorithm, status)
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		b.Run(algorithm, func(b *testing.B) {
			d := newDigest(b, "user", "password")
			if _, err := d.Challenge("", []string{`Digest realm="r", nonce="7ypf/xlj9XXwfDPEoM4URrv", qop="auth", algorithm=` + algorithm}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := d.Authorize("GET", "/some/path?query=1", nil); !ok {
					d.current.count = 0
				}
			}
		})
	}
}
