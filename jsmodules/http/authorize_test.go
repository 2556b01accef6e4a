package http

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/swarmload/swarm/jsmodules/http/peers"
)

// digestServer checks digest credentials of user:secret, and says that a nonce is
// stale after uses requests.
func digestServer(t *testing.T, uses int) (url string, seen func() []string) {
	var mu sync.Mutex
	var log []string
	nonce, used := 1, 0
	field := func(header, name string) string {
		m := regexp.MustCompile(`[ ,]` + name + `="?([^",]*)`).FindStringSubmatch(header)
		if m == nil {
			return ""
		}
		return m[1]
	}
	sum := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	url = serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		h := r.Header.Get("Authorization")
		if r.URL.Path == "/open" {
			log = append(log, "open "+h)
			return
		}
		if r.URL.Path == "/moved" {
			log = append(log, "moved")
			nethttp.Redirect(w, r, "/page", nethttp.StatusTemporaryRedirect)
			return
		}
		ha1, ha2 := sum("user:r:secret"), sum(r.Method+":"+r.RequestURI)
		right := sum(ha1+":"+field(h, "nonce")+":"+field(h, "nc")+":"+field(h, "cnonce")+":auth:"+ha2) == field(h, "response")
		switch {
		case h == "":
			log = append(log, "none")
		case !strings.HasPrefix(h, "Digest "), !right:
			log = append(log, "wrong")
		case field(h, "nonce") != fmt.Sprint("n", nonce), used >= uses:
			log = append(log, "stale")
			nonce, used = nonce+1, 0
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Digest realm="r", qop="auth", nonce="n%d", stale=true`, nonce))
			w.WriteHeader(401)
			return
		default:
			used++
			log = append(log, fmt.Sprintf("%s %s nc=%s %s", r.Method, r.URL.Path, field(h, "nc"), body))
			io.WriteString(w, "in")
			return
		}
		w.Header().Add("WWW-Authenticate", `Basic realm="r"`)
		w.Header().Add("WWW-Authenticate", fmt.Sprintf(`Digest realm="r", qop="auth", nonce="n%d"`, nonce))
		w.WriteHeader(401)
	})
	return url, func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := log
		log = nil
		return out
	}
}

func userURL(url string) string { return strings.Replace(url, "://", "://user:secret@", 1) }

func TestDigest(t *testing.T) {
	url, seen := digestServer(t, 4)
	w := newWorld(t, newPlan(), fmt.Sprintf("const u = %q;", userURL(url)), `
		let r = http.get(u + '/page?a=1', {auth: 'digest'});
		say(r.status, r.body, r.url.includes('secret'));
		say(http.post(u + '/page', 'body', {auth: 'digest'}).body, http.put(u + '/moved', 'x', {auth: 'Digest'}).body);
		say(http.get(u + '/page', {auth: 'digest', headers: {Authorization: 'mine'}}).status);`)
	if got := fmt.Sprint(w.run()); got != "[200 in false in in 401]" {
		t.Errorf("script said %s", got)
	}
	want := "none|GET /page nc=00000001 |POST /page nc=00000002 body|moved|PUT /page nc=00000004 x|wrong"
	if got := strings.Join(seen(), "|"); got != want {
		t.Errorf("the server saw\n%s, want\n%s", got, want)
	}
	// The next iteration needs no challenge, until the nonce has expired.
	w.run()
	want = "GET /page nc=00000005 |stale|POST /page nc=00000001 body|moved|PUT /page nc=00000003 x|wrong"
	if got := strings.Join(seen(), "|"); got != want {
		t.Errorf("then the server saw\n%s, want\n%s", got, want)
	}
	if n := w.value("http_reqs").Sum; n != 12 {
		t.Errorf("%v requests were counted, 12 were sent", n)
	}
	// Those that only asked for credentials did not fail; the script's own did.
	if n := w.value("http_reqs", "status", "401", "expected_response", "true").Sum; n != 2 {
		t.Errorf("%v expected 401", n)
	}
	if a := w.value("http_req_failed"); a.NonZero != 2 {
		t.Errorf("%v failed, want 2", a.NonZero)
	}
}

func TestDigestRefused(t *testing.T) {
	url, seen := digestServer(t, 100)
	wrong := strings.Replace(url, "://", "://user:guess@", 1)
	other := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		fmt.Fprintf(w, "%q", r.Header.Get("Authorization"))
	})
	hop := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { nethttp.Redirect(w, r, other, nethttp.StatusFound) })
	w := says(t, newPlan(), "", fmt.Sprintf(`
		say(http.get(%q, {auth: 'digest'}).status, http.get(%q + '/open', {auth: 'digest'}).status);
		say(http.get(%q, {auth: 'digest'}).body, http.get(%q, {auth: 'ntlm'}).body, http.get(%q).body);`,
		wrong, userURL(url), userURL(hop), userURL(hop), userURL(hop)), "401 200", `"" "" ""`)
	if got := strings.Join(seen(), "|"); got != "none|wrong|open " {
		t.Errorf("the server saw %s", got)
	}
	if a := w.value("http_req_failed"); a.NonZero != 1 {
		t.Errorf("%v failed, want the last 401 alone", a.NonZero)
	}
}

// Basic credentials of a URL go along to the same origin, and no further.
func TestBasicRedirects(t *testing.T) {
	show := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		fmt.Fprintf(w, "%s", r.Header.Get("Authorization"))
	}
	other := serve(t, show)
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		switch r.URL.Path {
		case "/same":
			nethttp.Redirect(w, r, "/twice", nethttp.StatusFound)
		case "/twice":
			nethttp.Redirect(w, r, "/end", nethttp.StatusFound)
		case "/other":
			nethttp.Redirect(w, r, other, nethttp.StatusFound)
		case "/named":
			nethttp.Redirect(w, r, strings.Replace(other, "://", "://a:b@", 1), nethttp.StatusFound)
		default:
			show(w, r)
		}
	})
	basic := "Basic dXNlcjpzZWNyZXQ="
	says(t, newPlan(), fmt.Sprintf("const u = %q, params = {auth: 'basic'};", userURL(url)), `
		for (const p of [params, {}, {auth: ''}]) say(http.get(u + '/', p).body, http.get(u + '/same', p).body);
		say(http.get(u + '/other').body === '', http.get(u + '/named').body);
		say(http.get(u + '/same', {headers: {Authorization: 'mine'}}).body, http.get(u + '/', {headers: {Authorization: ''}}).body === '');`,
		basic+" "+basic, basic+" "+basic, basic+" "+basic, "true Basic YTpi", "mine true")
}

// message2 is the server's part of an NTLM handshake (MS-NLMP, section 2.2.1.2).
func message2() string {
	info := []byte{}
	add := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	add(2, wide("DOMAIN"))
	add(1, wide("SERVER"))
	add(0, nil)
	target := wide("DOMAIN")
	b := append([]byte("NTLMSSP\x00"), 2, 0, 0, 0)
	at := 56
	span := func(n int) {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		b = binary.LittleEndian.AppendUint32(b, uint32(at))
		at += n
	}
	span(len(target))
	b = binary.LittleEndian.AppendUint32(b, 0x00888205)
	b = append(b, "12345678"...)
	b = append(b, make([]byte, 8)...)
	span(len(info))
	b = append(b, 10, 0, 0, 0, 0, 0, 0, 15)
	b = append(append(b, target...), info...)
	return "NTLM " + base64.StdEncoding.EncodeToString(b)
}

func wide(s string) []byte {
	var b []byte
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

// The three messages go over one connection, and a large body is not sent in vain.
func TestNTLM(t *testing.T) {
	type state struct{ challenged, in bool }
	type key struct{}
	var mu sync.Mutex
	var log []string
	s := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/open" {
			fmt.Fprint(w, "open ", len(body))
			return
		}
		st := r.Context().Value(key{}).(*state)
		token, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "NTLM "))
		switch {
		case len(token) > 12 && token[8] == 1:
			log = append(log, fmt.Sprintf("one %d", len(body)))
			*st = state{challenged: true}
			w.Header().Set("WWW-Authenticate", message2())
			w.WriteHeader(401)
		case len(token) > 12 && token[8] == 3 && st.challenged && bytes.Contains(token, wide("user")):
			log = append(log, fmt.Sprintf("three %d", len(body)))
			*st = state{in: true}
			io.WriteString(w, "in "+r.Proto)
		default:
			log = append(log, "refused")
			w.Header().Set("WWW-Authenticate", "NTLM")
			w.WriteHeader(401)
		}
	}))
	s.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return context.WithValue(ctx, key{}, new(state))
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	p := newPlan()
	p.HTTP.InsecureSkipTLSVerify = true
	w := says(t, p, fmt.Sprintf("const u = %q;", userURL(s.URL)), `
		const params = {auth: 'ntlm'};
		say(http.get(u + '/a', params).body, http.post(u + '/b', 'small', params).body);
		say(http.post(u + '/c', http.payload('1MB'), params).body);
		say(http.post(u + '/open', http.payload('1MB'), params).body);
		say(http.batch([['GET', u + '/d', null, params], ['GET', u + '/e', null, params]]).map(r => r.body).join());`,
		"in HTTP/1.1 in HTTP/1.1", "in HTTP/1.1", "open 1000000", "in HTTP/1.1,in HTTP/1.1")
	got := strings.Join(log, "|")
	if want := "one 0|three 0|one 5|three 5|one 0|three 1000000|"; !strings.HasPrefix(got, want) || strings.Count(got, "three") != 5 || strings.Contains(got, "refused") {
		t.Errorf("the server saw %s", got)
	}
	if a := w.value("http_req_failed"); a.NonZero != 0 || a.Count != 12 {
		t.Errorf("%v of %v requests failed", a.NonZero, a.Count)
	}
}

// Against a server nobody here wrote, over every protocol.
func TestLoginsOfHTTPBin(t *testing.T) {
	s := peers.HTTPBin(t)
	for _, tt := range []struct{ url, version string }{{s.HTTP, "1.1"}, {s.HTTPS, "1.1"}, {s.H2, "2"}} {
		p := newPlan()
		p.HTTP.Version, p.HTTP.InsecureSkipTLSVerify = tt.version, true
		w := says(t, p, fmt.Sprintf("const u = %q;", userURL(tt.url)), `
			for (const a of ['MD5', 'SHA-256']) {
				const r = http.get(u + '/digest-auth/auth/user/secret/' + a, {auth: 'digest'});
				say(r.status, r.json('authenticated') ?? r.json('authorized'), http.get(u + '/digest-auth/auth/user/other/' + a, {auth: 'digest'}).status);
			}
			say(http.get(u + '/basic-auth/user/secret').status, http.get(u + '/basic-auth/user/other', {auth: 'basic'}).status);`,
			"200 true 401", "200 true 401", "200 401")
		if a := w.value("http_req_failed"); a.NonZero != 3 {
			t.Errorf("%s: %v failed, want 3", tt.url, a.NonZero)
		}
	}
}
