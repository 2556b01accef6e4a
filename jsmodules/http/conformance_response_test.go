package http

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
)

// sum is how /echo shows a body.
func sum(body string) string {
	s := sha256.Sum256([]byte(body))
	return hex.EncodeToString(s[:8])
}

func counting256() string {
	var b strings.Builder
	for i := range 256 {
		b.WriteByte(byte(i))
	}
	return b.String()
}

func sevens(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return string(b)
}

func testResponseHeaders(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const r = http.get(base + '/headers');
		say(r.headers['X-Two'], '[' + r.headers['X-Empty'] + ']', r.headers['X-Lower-Case'], r.headers['Content-Type'], r.headers['Content-Length']);
		say(r.headers['X-Latin'].length, r.headers['x-two'] === undefined, Object.keys(r.headers).every(k => !k.startsWith(':')));
		say(r.status_text, r.proto, r.body);
	`, want: []string{"1, 2 [] kept inside text/plain; charset=utf-8 2", "4 true true", "200 OK " + b.proto + " ok"}})
}

func testBodiesBack(t *testing.T, b *bench) {
	b.run(t, script{body: `
		let r = http.get(base + '/bytes/0'); say(r.status, r.body === '');
		r = http.get(base + '/bytes/100'); say(r.body.length, r.body.slice(0, 3));
		r = http.get(base + '/bytes/100?length', {responseType: 'binary'}); say(r.body instanceof ArrayBuffer, r.body.byteLength, new Uint8Array(r.body)[2]);
		r = http.get(base + '/bytes/100', {responseType: 'none'}); say(r.body, r.status, r.headers['Content-Type']);
		r = http.get(base + '/bytes/3000000'); say(r.body.length, r.body[2999999]);
		r = http.get(base + '/bytes/3000000?length', {responseType: 'none'}); say(r.body);
		r = http.get(base + '/status/204'); say(r.status, r.body === '');
		r = http.get(base + '/status/304'); say(r.status, r.body === '');
		r = http.post(base + '/bin/anything', 'grüße'); say(r.json('method'), r.json('data') !== '');
	`, want: []string{"200 true", "100 abc", "true 100 99", "null 200 application/octet-stream",
		"3000000 " + string(rune('a'+lastOf(3000000))), "null", "204 true", "304 true", "POST true"}})
	b.run(t, script{body: `
		say(http.get(base + '/bytes/10').body, http.get(base + '/bytes/10', {responseType: 'text'}).body);
	`, want: []string{"null " + patterned(10)}, change: func(h *plan.HTTP) { h.DiscardResponseBodies = true }})
}

// patterned is the body of /bytes/n for small n.
func patterned(n int) string { return "abcdefghijklmnopqrstuvwxyz"[:n] }

// lastOf is the last letter of /bytes/n, which io.CopyN reads in pieces of 32 KiB.
func lastOf(n int) int { return (n - 1) % (32 << 10) % 26 }

func testCodings(t *testing.T, b *bench) {
	var want []string
	for range 5 {
		want = append(want, "200 true true")
	}
	want = append(want, "200 0 true", "200 0 true")
	want = append(want, "200 null", "true")
	b.run(t, script{init: "const text = 'squeeze '.repeat(100);", body: `
		for (const c of ['gzip', 'deflate', 'br', 'zstd', 'deflate, gzip']) {
			const r = http.get(base + '/coded/' + c + '?text=' + encodeURIComponent(text));
			say(r.status, r.body === text, r.headers['Content-Encoding'] === c);
		}
		for (const c of ['rot13', 'gzip, rot13']) { // what nobody knows stays as it came
			const r = http.get(base + '/coded/' + encodeURIComponent(c) + '?text=x', {responseType: 'binary'});
			say(r.status, r.error_code, r.body.byteLength > 0);
		}
		const r = http.get(base + '/coded/gzip?text=' + text, {responseType: 'none'});
		say(r.status, r.body);
		say(new Uint8Array(http.get(base + '/coded/br?text=abc', {responseType: 'binary'}).body).join() === '97,98,99');
	`, want: want})
}

func testStatuses(t *testing.T, b *bench) {
	w := b.run(t, script{body: `
		for (const s of [200, 201, 299, 400, 404, 418, 429, 499, 500, 503, 599]) {
			const r = http.get(base + '/status/' + s);
			say(r.status, r.error_code, r.error, r.body);
		}
		const teapot = http.expectedStatuses(418, {min: 500, max: 502});
		http.get(base + '/status/418', {responseCallback: teapot});
		http.get(base + '/status/200', {responseCallback: teapot});
		http.get(base + '/status/503', {responseCallback: null});
	`, want: []string{"200 0  status 200", "201 0  status 201", "299 0  status 299", "400 1400  status 400", "404 1404  status 404", "418 1418  status 418", "429 1429  status 429",
		"499 1499  status 499", "500 1500  status 500", "503 1503  status 503", "599 1599  status 599"}})
	if a := w.value("http_req_failed"); a.Count != 13 || a.NonZero != 9 {
		t.Errorf("http_req_failed is %d of %d, want 9 of 13", a.NonZero, a.Count)
	}
	for _, tt := range []struct {
		tags []string
		want float64
	}{
		{[]string{"error_code", "1404"}, 1}, {[]string{"status", "503"}, 2}, {[]string{"expected_response", "true"}, 4},
		{[]string{"expected_response", "false"}, 9}, {[]string{"proto", b.proto, "method", "GET"}, 14},
	} {
		if got := w.value("http_reqs", tt.tags...).Sum; got != tt.want {
			t.Errorf("%v requests with %v, want %v", got, tt.tags, tt.want)
		}
	}
}

func testRedirectsOn(t *testing.T, b *bench) {
	w := b.run(t, script{init: `
		const params = {headers: {Authorization: 'Bearer secret', 'Content-Type': 'text/x', 'X-Kept': 'k'}, cookies: {c: '1'}};
		const line = r => { const e = r.json(); return [r.status, e.method, e.text, e.headers.Authorization, e.headers['Content-Type'], e.headers['X-Kept'], e.headers.Cookie].join(' ') };
	`, body: `
		for (const s of [301, 302, 303, 307, 308]) say(line(http.post(base + '/redirect/' + s, 'data', params)));
		for (const s of [301, 303, 307]) say(line(http.put(base + '/redirect/' + s, 'data')), http.head(base + '/redirect/' + s).request.method);
		say(line(http.post(base + '/redirect/307?to=' + encodeURIComponent(far + '/echo'), 'data', params)));
		say(line(http.get(base + '/redirect/302?to=' + encodeURIComponent(far + '/echo'), {headers: {Authorization: 'x', Host: 'own.test'}})), http.get(base + '/redirect/302?to=' + encodeURIComponent(far + '/echo'), {headers: {Host: 'own.test'}}).json().host === far.split('/')[2]);
		let r = http.get(base + '/redirect/302?n=9');
		say(r.status, r.url === base + '/echo');
		r = http.get(base + '/redirect/302?n=10');
		say(r.status, r.headers.Location, r.url.startsWith(base + '/redirect/302'));
		r = http.get(base + '/redirect/302', {redirects: 0});
		say(r.status, r.headers.Location, r.url === base + '/redirect/302', r.error_code);
		r = http.get(base + '/redirect/307?n=2', {redirects: 1});
		say(r.status);
		say(http.get(base + '/redirect/302?to=' + encodeURIComponent('../echo?x#f')).json().uri);
		r = http.get(base + '/redirect/302?to=' + encodeURIComponent('ftp://x/'));
		say(r.status, r.error_code);
		r = http.get(base + '/redirect/302?to=' + encodeURIComponent('http://[::1'));
		say(r.status, r.error_code);
		say(http.get(base + '/redirect/302?cookie=way%3D1%3B%20Path%3D/&to=/redirect/302').json().headers.Cookie);
	`, want: []string{
		"200 GET  Bearer secret  k c=1", "200 GET  Bearer secret  k c=1", "200 GET  Bearer secret  k c=1",
		"200 POST data Bearer secret text/x k c=1", "200 POST data Bearer secret text/x k c=1",
		"200 GET      HEAD", "200 GET      HEAD", "200 PUT data     HEAD",
		"200 POST data  text/x k ",
		"200 GET      true",
		"200 true",
		"302 /echo true",
		"302 /echo true 0",
		"307",
		"/echo?x",
		"0 1020", "0 1020",
		"way=1",
	}})
	if got := w.value("http_reqs", "name", b.base+"/echo").Sum; got < 10 {
		t.Errorf("%v hops bear the name of where they went", got)
	}
}

func testCookiesOn(t *testing.T, b *bench) {
	want := []string{"", "a=1 a,deep,gone,evil", "a=1", "deep=d; a=1", "", "a=1; b=2", "a=9", "own=1; a=1", "true", "x=y", ""}
	b.run(t, script{init: `
		const set = (...lines) => http.get(base + '/cookie?' + lines.map(l => 'set=' + encodeURIComponent(l)).join('&'));
		const sent = (url, params) => { const e = http.get(url, params).json(); return (e.headers.Cookie || []).join('; ') };
	`, body: `
		say(sent(base + '/echo'));
		const r = set('a=1; Path=/; HttpOnly', 'deep=d; Path=/echo/deep', 'gone=x; Max-Age=0; Path=/', 'evil=x; Domain=example.com');
		say(r.cookies.a[0].name + '=' + r.cookies.a[0].value, Object.keys(r.cookies).join());
		say(sent(base + '/echo'));
		say(sent(base + '/echo/deep/er'));
		say(sent(base + '/echo', {jar: new http.CookieJar()}));
		say(sent(base + '/echo', {cookies: {b: '2'}}).split('; ').sort().join('; '));
		say(sent(base + '/echo', {cookies: {a: {value: '9', replace: true}}}));
		say(sent(base + '/echo', {headers: {Cookie: 'own=1'}}));
		const jar = http.cookieJar();
		say(jar.cookiesForURL(base + '/').a[0] === '1');
		jar.clear(base + '/'); jar.set(base + '/', 'x', 'y');
		say(sent(base + '/echo'));
		http.cookieJar().clear(base + '/');
		say(sent(base + '/echo'));
		set('left=behind; Path=/');
	`, want: want, iterations: 2})
}

func testCookieDomains(t *testing.T, b *bench) {
	b.run(t, script{init: `
		const at = name => base.replace(/\/\/[^:]*/, '//' + name);
		const sent = url => (http.get(url + '/echo').json().headers.Cookie || []).join('; ');
	`, body: `
		http.get(at('a.example.test') + '/cookie?set=' + encodeURIComponent('all=1; Domain=example.test; Path=/') + '&set=' + encodeURIComponent('own=1; Path=/') + '&set=' + encodeURIComponent('suffix=1; Domain=test; Path=/') + '&set=' + encodeURIComponent('safe=1; Secure; Path=/'));
		say(sent(at('a.example.test')));
		say(sent(at('b.example.test')), sent(base));
	`, want: []string{map[bool]string{true: "all=1; own=1; safe=1", false: "all=1; own=1"}[b.secure], "all=1 "}})
}

func testPeer(t *testing.T, b *bench) {
	tls, ocsp, host, port := "", "", "127.0.0.1", portOf(b.address(b.site))
	if b.secure {
		tls, ocsp = "tls1.3", "unknown"
	}
	if b.front != nil {
		port = portOf(b.front.addr)
	}
	b.run(t, script{body: `
		for (let i = 0; i < 2; i++) {
			const r = http.get(base + '/echo');
			say(r.remote_ip, r.remote_port, r.tls_version, /^(TLS_|$)/.test(r.tls_cipher_suite) && (r.tls_cipher_suite === '') === (r.tls_version === ''), r.proto, r.url === base + '/echo', r.ocsp.status);
		}
	`, want: []string{fmt.Sprintf("%s %s %s true %s true %s", host, port, tls, b.proto, ocsp), fmt.Sprintf("%s %s %s true %s true %s", host, port, tls, b.proto, ocsp)}})
}

func portOf(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

var responseFeatures = []feature{
	{name: "response headers", test: testResponseHeaders},
	{name: "response bodies", test: testBodiesBack, core: true},
	{name: "codings", test: testCodings, direct: true},
	{name: "statuses", test: testStatuses, direct: true},
	{name: "redirects", test: testRedirectsOn, core: true},
	{name: "cookies", test: testCookiesOn},
	{name: "cookie domains", test: testCookieDomains, direct: true},
	{name: "peer", test: testPeer, core: true},
}
