package http

import (
	"context"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/swarmload/swarm/engine/plan"
	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/jsmodules/http/transport"
)

// echo answers with what it saw.
func echo(w nethttp.ResponseWriter, r *nethttp.Request) {
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s host=%s auth=%s cookie=%s type=%s body=%s", r.Method, r.URL, r.Host,
		r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("Content-Type"), body)
}

func TestRedirects(t *testing.T) {
	other := count(t, false, echo)
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		var status int
		var to string
		if n, _ := fmt.Sscanf(r.URL.Path, "/%d/%s", &status, &to); n == 2 {
			switch to {
			case "same":
				to = "/end?x=1#fragment"
			case "other":
				to = other.URL + "/end"
			case "loop":
				to = r.URL.Path
			case "scheme":
				to = "ftp://127.0.0.1/x"
			case "bad":
				to = "http://[::1"
			}
			w.Header().Set("Location", to)
			w.WriteHeader(status)
			return
		}
		echo(w, r)
	})
	host := strings.TrimPrefix(s.URL, "http://")
	otherHost := strings.TrimPrefix(other.URL, "http://")
	w := says(t, newPlan(), "const base = '"+s.URL+"';", `
		const params = {headers: {Authorization: 'secret', 'Content-Type': 'text/x'}, cookies: {c: '1'}};
		for (const status of [301, 302, 303, 307, 308]) say(http.post(base + '/' + status + '/same', 'data', params).body);
		say(http.put(base + '/302/same', 'data').body, http.put(base + '/303/same', 'data').body);
		say(http.head(base + '/303/same').request.method);
		const sent = http.post(base + '/302/same', 'data');
		say(sent.url === base + '/end?x=1#fragment', sent.request.url === base + '/302/same', sent.request.method, sent.request.body);
		let r = http.get(base + '/302/other', params);
		say(r.body, r.url, params.headers.Authorization);
		r = http.get(base + '/302/same', {redirects: 0});
		say(r.status, r.headers.Location, r.error_code);
		r = http.get(base + '/302/loop', {redirects: 3});
		say(r.status, r.error_code);
		r = http.get(base + '/302/scheme'); say(r.status, r.error_code, r.error);
		r = http.get(base + '/302/bad'); say(r.status, r.error_code, r.error);
	`,
		"GET /end?x=1 host="+host+" auth=secret cookie=c=1 type= body=",
		"GET /end?x=1 host="+host+" auth=secret cookie=c=1 type= body=",
		"GET /end?x=1 host="+host+" auth=secret cookie=c=1 type= body=",
		"POST /end?x=1 host="+host+" auth=secret cookie=c=1 type=text/x body=data",
		"POST /end?x=1 host="+host+" auth=secret cookie=c=1 type=text/x body=data",
		"GET /end?x=1 host="+host+" auth= cookie= type= body= GET /end?x=1 host="+host+" auth= cookie= type= body=",
		"HEAD",
		"true true POST data",
		"GET /end host="+otherHost+" auth= cookie= type=text/x body= "+other.URL+"/end secret",
		"302 /end?x=1#fragment 0",
		"302 0",
		"0 1020 redirect to an unusable URL",
		"0 1020 redirect to an invalid URL",
	)
	if got, want := w.value("http_reqs").Sum, float64(s.reqs.Load()+other.reqs.Load()); got != want {
		t.Errorf("%v requests were counted, the servers saw %v", got, want)
	}
	if got := w.value("http_reqs", "status", "302").Sum; got != 9 {
		t.Errorf("%v redirects were counted", got)
	}
	if got := w.value("http_req_failed", "error_code", "1020").NonZero; got != 2 {
		t.Errorf("%v redirects failed, want 2", got)
	}
	if logged := w.logged(); len(logged) != 3 {
		t.Errorf("logged %q", logged)
	}
}

func TestCookies(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/set" {
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "sid", Value: "abc", Path: "/", HttpOnly: true, MaxAge: 60})
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "deep", Value: "d", Path: "/a/b"})
			nethttp.SetCookie(w, &nethttp.Cookie{Name: "evil", Value: "x", Domain: "example.com"})
			w.Header().Set("Location", "/")
			w.WriteHeader(302)
			return
		}
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	const script = `
		say(http.get(base + '/').body);
		const r = http.get(base + '/set', {redirects: 0});
		const c = r.cookies.sid[0];
		say(c.name, c.value, c.path, c.http_only, c.max_age, Object.keys(r.cookies));
		say(http.get(base + '/set').body);
		say(http.get(base + '/a/b/c', {cookies: {x: 'hello world'}}).body);
		say(http.get(base + '/', {cookies: {sid: {value: 'other', replace: true}}, headers: {Cookie: 'own=1'}}).body);
		const twice = http.get(base + '/', {cookies: {sid: 'twice'}});
		say(twice.body, twice.request.cookies.sid.length);
		const jar = http.cookieJar();
		say(jar === http.cookieJar(), jar.cookiesForURL(base + '/a/b/').deep[0], Object.keys(jar).length);
		const mine = new http.CookieJar();
		mine.set(base, 'm', 'v', {path: '/p', max_age: 600});
		say(http.get(base + '/p/q', {jar: mine}).body, http.get(base + '/', {jar: mine}).body === '', mine instanceof http.CookieJar);
		jar.delete(base + '/', 'sid');
		say(http.get(base + '/a/b/c').body);
		jar.clear(base + '/a/b/c');
		say(http.get(base + '/a/b/c').body === '');
		http.get(base + '/set');
	`
	want := []string{
		"",
		"sid abc / true 60 sid,deep,evil",
		"sid=abc",
		`x="hello world"; deep=d; sid=abc`,
		"own=1; sid=other",
		"sid=twice; sid=abc 2",
		"true d 0",
		"m=v true true",
		"deep=d",
		"true",
	}
	w := says(t, newPlan(), "const base = '"+url+"';", script, want...)
	if got := w.run(); !slices.Equal(got, want) {
		t.Errorf("second iteration: %q", got)
	}
	p := newPlan()
	p.HTTP.NoCookiesReset = true
	w = says(t, p, "const base = '"+url+"';", script, want...)
	if got := w.run(); got[0] != "sid=abc" {
		t.Errorf("cookies did not stay: %q", got[0])
	}
}

func TestCookieFlood(t *testing.T) {
	n := 0
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		for range 400 {
			n++
			w.Header().Add("Set-Cookie", fmt.Sprintf("c%d=v; Path=/x%d", n, n))
		}
	})
	w := newWorld(t, newPlan(), "", fmt.Sprintf("for (let i = 0; i < 10; i++) http.get('%s')", url))
	w.run()
	if logged := w.logged(); len(logged) != 1 || !strings.Contains(logged[0], "cookie jar is full") {
		t.Errorf("logged %q", logged)
	}
}

func TestBatch(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		w.Header().Add("Set-Cookie", "a=b")
		echo(w, r)
	})
	host := strings.TrimPrefix(s.URL, "http://")
	says := func(p *plan.Plan, body string, want ...string) *world {
		t.Helper()
		mu.Lock()
		most = 0
		mu.Unlock()
		return says(t, p, "const base = '"+s.URL+"';", body, want...)
	}
	w := says(newPlan(), `
		const rs = http.batch([base + '/1', ['POST', base + '/2', 'two', {tags: {t: 'x'}}], {method: 'put', url: base + '/3', body: {a: 1, b: null, c: undefined, d: [2, null]}}, {url: http.url`+"`${base}/${4}`"+`}]);
		say(Array.isArray(rs), rs.length);
		for (const r of rs) say(r.status, r.body);
		const o = http.batch({one: base + '/1', bad: 'nonsense', two: {method: 'DELETE', url: base + '/2', params: {responseType: 'none'}}});
		say(Object.keys(o).join(), o.one.status, o.bad.error_code, o.two.status, o.two.body);
		say(http.batch([]).length);
	`,
		"true 4",
		"200 GET /1 host="+host+" auth= cookie= type= body=",
		"200 POST /2 host="+host+" auth= cookie= type= body=two",
		"200 PUT /3 host="+host+" auth= cookie= type=application/x-www-form-urlencoded body=a=1&b=&c=&d=2&d=",
		"200 GET /4 host="+host+" auth= cookie= type= body=",
		"one,bad,two 200 1020 200 null",
		"0",
	)
	if got := w.value("http_reqs").Sum; got != 7 || s.reqs.Load() != 6 {
		t.Errorf("%v requests were counted, want 7, the one not sent among them; the server saw %d, want 6", got, s.reqs.Load())
	}
	if got := w.value("http_reqs", "t", "x", "method", "POST").Sum; got != 1 {
		t.Errorf("%v requests have the tag", got)
	}
	if got := w.value("http_reqs", "name", "${}/${}").Sum; got != 1 {
		t.Errorf("%v requests have the name", got)
	}

	p := newPlan()
	p.HTTP.Batch, p.HTTP.BatchPerHost = 20, 3
	says(p, "http.batch(Array.from({length: 12}, (_, i) => base + '/' + i)).forEach(r => say(r.body.split(' ')[1]))",
		"/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9", "/10", "/11")
	if most != 3 {
		t.Errorf("%d requests ran at once, want 3", most)
	}
	p.HTTP.Batch = 2
	says(p, "say(http.batch(Array.from({length: 8}, () => base)).length)", "8")
	if most != 2 {
		t.Errorf("%d requests ran at once, want 2", most)
	}
	p.HTTP.Batch, p.HTTP.BatchPerHost = 20, 1
	w = says(p, "const rs = http.batch([base, base]); say(rs[1].timings.blocked > 5)", "true")
	if a := w.value("http_req_blocked"); a.Max < 5 {
		t.Errorf("blocked is at most %v ms", a.Max)
	}
}

func TestTLS(t *testing.T) {
	s := count(t, true, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, r.Proto) })
	p := newPlan()
	p.HTTP.InsecureSkipTLSVerify = true
	w := says(t, p, "", fmt.Sprintf(`for (let i = 0; i < 3; i++) {
		const r = http.get('%s');
		say(r.status, r.body, r.tls_version, r.tls_cipher_suite.startsWith('TLS_'), r.tls_version === http.TLS_1_3, r.timings.tls_handshaking > 0);
	}`, s.URL), "200 HTTP/1.1 tls1.3 true true true", "200 HTTP/1.1 tls1.3 true true false", "200 HTTP/1.1 tls1.3 true true false")
	if s.conns.Load() != 1 {
		t.Errorf("%d connections, want 1", s.conns.Load())
	}
	if got := w.value("http_reqs", "tls_version", "tls1.3").Sum; got != 3 {
		t.Errorf("%v requests have the TLS version", got)
	}
	if a := w.value("data_received"); a.Sum < 1000 {
		t.Errorf("%v bytes received: the handshake was not counted", a.Sum)
	}
	says(t, newPlan(), "", fmt.Sprintf("const r = http.get('%s'); say(r.status, r.error_code, r.error)", s.URL),
		"0 1310 certificate is signed by an unknown authority (127.0.0.1)")
	plain := count(t, false, echo)
	says(t, newPlan(), "", fmt.Sprintf("const r = http.get('%s'); say(r.status, r.error_code)", strings.Replace(plain.URL, "http:", "https:", 1)), "0 1300")
}

func TestFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	w := says(t, newPlan(), "const url = 'http://"+addr+"/';", `
		for (let i = 0; i < 3; i++) { const r = http.get(url); say(r.status, r.error_code, r.error, r.body); }
		const r = http.get(url);
		try { r.json() } catch (e) { say(e.message) }
		try { http.get(url, {throw: true}) } catch (e) { say(e.name, e.message) }
		say(http.get('http://does-not-exist.invalid/').error_code >= 1100);
	`,
		"0 1212 connection refused by "+addr+" null", "0 1212 connection refused by "+addr+" null", "0 1212 connection refused by "+addr+" null",
		"response.json(): the request failed, there is no body",
		"HTTPError GET http://"+addr+"/: connection refused by "+addr,
		"true",
	)
	if logged := w.logged(); len(logged) != 2 {
		t.Errorf("logged %q, want one line for each kind", logged)
	}
	if got := w.value("http_req_failed", "error_code", "1212", "status", "0", "error", "connection refused by "+addr); got.NonZero != 5 {
		t.Errorf("%d requests failed, want 5", got.NonZero)
	}
	p := newPlan()
	p.HTTP.Throw = true
	w = newWorld(t, p, "", "http.get('http://"+addr+"/')")
	if err, ok := w.iterate(context.Background()).(*vu.Exception); !ok || err.Name != "HTTPError" {
		t.Errorf("got %v, want an HTTPError", err)
	}
	bad := map[string]string{
		"'nonsense'": "http:// or https://", "'ftp://x/'": "scheme", "'http://'": "no host", "'http://a b/'": "invalid",
		"'http://h:99999/'": "port", "'http://h/\\x01'": "invalid", "'http://h/\\r\\nX: y'": "invalid", "'javascript:alert(1)'": "http:// or https://",
		"'http://exa\\nmple/'": "invalid", "'http://[::1/'": "invalid",
	}
	for url, text := range bad {
		w := newWorld(t, newPlan(), "", "const r = http.get("+url+"); say(r.status, r.error_code, r.error)")
		if got := w.run()[0]; !strings.HasPrefix(got, "0 1020 ") || !strings.Contains(got, text) {
			t.Errorf("%s: %s, want 1020 and %q", url, got, text)
		}
		if failed := w.value("http_req_failed", "error_code", "1020", "status", "0"); failed.NonZero != 1 || w.value("http_reqs").Sum != 1 {
			t.Errorf("%s: counted as %v requests, %d failed", url, w.value("http_reqs").Sum, failed.NonZero)
		}
	}
}

func TestMisuse(t *testing.T) {
	for _, tt := range []struct{ code, want string }{
		{"http.get()", "http.get: the URL is missing"},
		{"http.get('http://h/', {header: {}})", `unknown parameter "header", did you mean "headers"?`},
		{"http.get('http://h/', {timeOut: 1})", `did you mean "timeout"?`},
		{"http.get('http://h/', {auth: 'bearer'})", `http.get: auth must be "basic", "digest" or "ntlm", got "bearer"`},
		{"http.get('http://h/', {auth: 5})", `auth must be "basic", "digest" or "ntlm", got 5`},
		{"http.get('http://h/', {auth: 'digest'})", "auth takes user name and password from the URL"},
		{"http.get('http://:p@h/', {auth: 'ntlm'})", "the user name is empty"},
		{"http.get('http://h/', 'x')", "params must be an object"},
		{"http.get('http://h/', [1])", "http.get: params must be an object, got an array"},
		{"http.get('http://h/', () => 1)", "http.get: params must be an object, got a function"},
		{"http.post('http://h/', '', ['x'])", "http.post: params must be an object, got an array"},
		{"http.get('http://h/', {headers: 'x'})", "headers must be an object"},
		{"http.get('http://h/', {headers: {'X-A': 'b\\r\\nX-B: c'}})", "the value of header X-A holds a line break"},
		{"http.get('http://h/', {headers: {'X-A': 'b\\u0000'}})", "the value of header X-A"},
		{"http.get('http://h/', {headers: {'X A\\r\\n': 'b'}})", "header name"},
		{"http.get('http://h/', {headers: {Host: 'a b'}})", "is not a Host"},
		{"http.get('http://h/', {timeout: 0})", "timeout must be"},
		{"http.get('http://h/', {timeout: 'soon'})", "timeout must be"},
		{"http.get('http://h/', {timeout: NaN})", "timeout must be"},
		{"http.get('http://h/', {redirects: -1})", "redirects must be"},
		{"http.get('http://h/', {responseType: 'json'})", "responseType must be"},
		{"http.get('http://h/', {responseCallback: () => true})", "the response callback must be what http.expectedStatuses() returns, or null"},
		{"http.get('http://h/', {jar: {}})", "jar must be a CookieJar"},
		{"http.request('GET / HTTP/1.1\\r\\n', 'http://h/')", "cannot be used"},
		{"http.request('', 'http://h/')", "cannot be used"},
		{"http.request('CONNECT', 'http://h/')", "cannot be used"},
		{"http.batch('x')", "must be an object"},
		{"http.batch([{method: 'GET'}])", `http.batch: request "0": the URL is missing`},
		{"http.expectedStatuses()", "give at least one"},
		{"http.expectedStatuses('abc')", "whole number"},
		{"http.setResponseCallback(1)", "the response callback must be what http.expectedStatuses() returns, or null"},
		{"http.cookieJar().set('nonsense', 'a', 'b')", "CookieJar.set: invalid URL"},
		{"http.cookieJar().set('http://h/', 'a', 'b', {maxage: 1})", `did you mean "max_age"?`},
		{"http.cookieJar().set.call({}, 'http://h/', 'a', 'b')", "not a CookieJar"},
		{"http.get('http://127.0.0.1:1/').html()", "response.html: the request failed, there is no body"},
	} {
		throws(t, newPlan(), tt.code, tt.want)
	}
	_, err := tryWorld(t, newPlan(), "http.get('http://127.0.0.1:1/')", "")
	if err == nil || !strings.Contains(err.Error(), "not possible in the init context; move it into the default function or setup()") {
		t.Errorf("request in init: %v", err)
	}
}

func TestExpectations(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		var status int
		fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.WriteHeader(status)
	})
	w := says(t, newPlan(), "const base = '"+url+"'; const teapot = http.expectedStatuses(418, {min: 500, max: 502});", `
		http.get(base + '/200'); http.get(base + '/404');
		http.get(base + '/418', {responseCallback: teapot}); http.get(base + '/200', {responseCallback: teapot});
		http.get(base + '/500', {responseCallback: null});
		http.setResponseCallback(teapot); http.get(base + '/501');
		http.setResponseCallback(null); http.get(base + '/404');
		say(Object.keys(teapot).length, http.get(base + '/204').body === '');
	`, "0 true")
	if a := w.value("http_req_failed"); a.Count != 5 || a.NonZero != 2 {
		t.Errorf("http_req_failed is %d of %d, want 2 of 5", a.NonZero, a.Count)
	}
	for value, want := range map[string]float64{"true": 3, "false": 2} {
		if got := w.value("http_reqs", "expected_response", value).Sum; got != want {
			t.Errorf("%v requests with expected_response %s, want %v", got, value, want)
		}
	}
	if got := w.value("http_reqs").Sum; got != 8 {
		t.Errorf("%v requests, want 8", got)
	}
	if got := w.value("http_reqs", "error_code", "1404").Sum; got != 2 {
		t.Errorf("%v requests with error_code 1404, want 2", got)
	}
}

func TestOptions(t *testing.T) {
	s := count(t, false, echo)
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	p := newPlan()
	p.HTTP.BaseURL = s.URL + "/api/"
	p.HTTP.Hosts = map[string]string{"shop.test": host + ":" + port, "*.wild.test": host}
	p.HTTP.DiscardResponseBodies = true
	w := says(t, p, "", `
		say(http.get('/items').url.split('/').slice(3).join('/'), http.get('items?a=1').body);
		say(http.get('http://shop.test/x', {responseType: 'text'}).body);
		say(http.get('http://a.wild.test:`+port+`/x', {responseType: 'text'}).body);
		try { http.get('/x').json() } catch (e) { say(e.message) }
	`, "api/items null", "GET /x host=shop.test auth= cookie= type= body=", "GET /x host=a.wild.test:"+port+" auth= cookie= type= body=",
		"response.json(): the body was discarded, see responseType and discardResponseBodies")
	if got := w.value("http_reqs", "name", s.URL+"/api/items").Sum; got != 1 {
		t.Errorf("%v requests with the full URL as name", got)
	}

	for _, tt := range []struct {
		set   func(*plan.HTTP)
		conns int64
	}{
		{func(h *plan.HTTP) {}, 1},
		{func(h *plan.HTTP) { h.NoVUConnectionReuse = true }, 2},
		{func(h *plan.HTTP) { h.NoConnectionReuse = true }, 4},
	} {
		s.conns.Store(0)
		p := newPlan()
		tt.set(&p.HTTP)
		w := newWorld(t, p, "", fmt.Sprintf("http.get('%s'); http.get('%[1]s');", s.URL))
		w.run()
		w.run()
		if got := s.conns.Load(); got != tt.conns {
			t.Errorf("%+v: %d connections, want %d", p.HTTP, got, tt.conns)
		}
	}
}

// TestMutation checks that changed params are never missed.
func TestMutation(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, r.Header.Get("X-N")) })
	w := says(t, newPlan(), "const base = '"+url+"'; const params = {headers: {'X-N': '0'}, tags: {n: '0'}};", `
		for (let i = 1; i < 4; i++) { params.headers['X-N'] = i; params.tags.n = i; say(http.get(base, params).body); }
		let n = 0;
		say(http.get({toString() { return base }}, {headers: {get 'X-N'() { return http.get(base, {headers: {'X-N': ++n}}).body + '!' }}}).body);
		const r = http.get(base); r.extra = 1; r.status = 7;
		say(r.extra, r.status, Object.keys(r).includes('extra'), delete r.extra, 'extra' in r);
	`, "1", "2", "3", "1!", "1 7 true true false")
	if got := w.value("http_reqs", "n", "2").Sum; got != 1 {
		t.Errorf("%v requests with the tag", got)
	}
}

// TestNothingLeaks checks that no Go value is reachable from a script.
func TestNothingLeaks(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, "{}") })
	says(t, newPlan(), "", fmt.Sprintf(`
		const r = http.get('%s');
		const names = new Set();
		for (const o of [r, r.timings, http.cookieJar(), http.expectedStatuses(200), http.url`+"`x`"+`])
			for (const k in o) names.add(k);
		say([...names].sort().join());
		say(Object.prototype.toString.call(r), r instanceof Object, Object.getOwnPropertySymbols(r).length);
	`, url), "blocked,body,connecting,cookies,duration,error,error_code,headers,looking_up,name,ocsp,proto,receiving,remote_ip,remote_port,request,sending,status,status_text,timings,tls_cipher_suite,tls_handshaking,tls_version,url,waiting",
		"[object Object] true 0")
}

// What the machine lacks is not the target's fault, and no user knows by heart
// which limit it is.
func TestFailuresOfThisMachine(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.EMFILE:        "ulimit -n",
		syscall.ENFILE:        "ulimit -n",
		syscall.EADDRNOTAVAIL: "no free port",
		syscall.EHOSTUNREACH:  "",
	} {
		f := transport.DialFailure(&net.OpError{Op: "dial", Err: os.NewSyscallError("socket", errno)}, "h:80")
		if f.Code != transport.CodeDial || f.Text != "cannot connect to h:80: "+errno.Error() || !strings.Contains(f.Hint(), want) || (want == "") != (f.Hint() == "") {
			t.Errorf("%v: %d %q, hint %q", errno, f.Code, f.Text, f.Hint())
		}
	}
}
