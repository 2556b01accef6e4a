package http

import (
	"fmt"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
)

// conformance lists the features in the order they are tested.
func conformance() []feature {
	var all []feature
	for _, list := range [][]feature{requestFeatures, responseFeatures, sessionFeatures, timeFeatures, hostileFeatures} {
		all = append(all, list...)
	}
	return all
}

func testMethods(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const line = r => { const e = r.json(); return r.status + ' ' + r.proto + ' ' + e.method + ' ' + e.uri + ' ' + e.text };
		say(line(http.get(base + '/echo')), line(http.post(base + '/echo', 'a')), line(http.put(base + '/echo', 'b')));
		say(line(http.patch(base + '/echo', 'c')), line(http.del(base + '/echo', 'd')), line(http.delete(base + '/echo')));
		say(line(http.options(base + '/echo')), line(http.request('propfind', base + '/echo', 'e')), line(http.request('GET', base + '/echo', 'with a body')));
		const head = http.head(base + '/bytes/100?length');
		say(head.status, head.body === '', head.headers['Content-Length'], head.proto === proto);
		say(line(http.post(base + '/echo')), http.post(base + '/echo').json().headers['Content-Length'] + '');
	`, want: []string{
		fmt.Sprintf("200 %[1]s GET /echo  200 %[1]s POST /echo a 200 %[1]s PUT /echo b", b.proto),
		fmt.Sprintf("200 %[1]s PATCH /echo c 200 %[1]s DELETE /echo d 200 %[1]s DELETE /echo ", b.proto),
		fmt.Sprintf("200 %[1]s OPTIONS /echo  200 %[1]s PROPFIND /echo e 200 %[1]s GET /echo with a body", b.proto),
		"200 true 100 true",
		fmt.Sprintf("200 %s POST /echo  0", b.proto),
	}})
}

func testURLs(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const uri = path => { const r = http.get(base + path); return r.json().uri };
		say(uri('/echo'), uri('/echo?'), uri('/echo?a=1&b=%20x&c=ü&d=a+b&e=a b'), uri('/echo/%2F/é/ä b?q="<>"'), uri('/echo#fragment'), uri('/echo?a=1#b?c'));
		say(uri('/echo//double/../dots/./x'), uri('/echo/a;b=c/d:e@f!$&\'()*+,='));
		const r = http.get(http.url` + "`${base}/echo?id=${7}`" + `);
		say(r.json().uri, r.url === base + '/echo?id=7');
		say(http.get(new String(base + '/echo')).json().uri);
		const bad = http.get(base.replace('://', ':/'));
		say(bad.status, bad.error_code, bad.body);
	`, unsent: 1, want: []string{
		"/echo /echo? /echo?a=1&b=%20x&c=%C3%BC&d=a+b&e=a%20b /echo/%2F/%C3%A9/%C3%A4%20b?q=%22%3C%3E%22 /echo /echo?a=1",
		"/echo//double/../dots/./x /echo/a;b=c/d:e@f!$&'()*+,=",
		"/echo?id=7 true",
		"/echo",
		"0 1020 null",
	}})
}

func testRequestHeaders(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const h = (headers, body) => http.post(base + '/echo', body, {headers}).json();
		let e = h({'X-One': 'a', 'x-lower': ' trimmed ', 'X-Empty': '', 'X-Number': 5, 'X-Unicode': 'ü', 'Accept': 'text/html, */*;q=0.1'});
		say(e.headers['X-One'], e.headers['X-Lower'], e.headers['X-Empty'].length + e.headers['X-Empty'][0], e.headers['X-Number'], e.headers['X-Unicode'], e.headers['Accept']);
		say(e.headers['User-Agent'], h({'User-Agent': 'mine'}).headers['User-Agent'], h({'User-Agent': ''}).headers['User-Agent'] === undefined);
		say(h({'Host': 'other.test'}).host, h({'host': 'other.test:99'}).host, h({}).host === base.split('/')[2]);
		say(h({'Content-Type': 'text/x', 'Content-Length': '999'}, 'abc').length, h({'Transfer-Encoding': 'chunked'}, 'abc').length);
		say(h({'X-Big': 'v'.repeat(20000)}).headers['X-Big'][0].length);
		e = h({'Connection': 'keep-alive', 'TE': 'trailers', 'Cookie': 'a=1; b=2'});
		say(e.headers['Cookie']);
		for (const bad of [{'Bad Name': 'x'}, {'X': 'a\r\nY: b'}, {'X': 'a\u0000b'}, {'': 'x'}])
			try { h(bad); say('sent') } catch (err) { say(err.name) }
	`, want: []string{
		"a trimmed 1 5 ü text/html, */*;q=0.1",
		"swarm/test mine true",
		hostLine(b),
		"3 3",
		"20000",
		cookieLine(b),
		"TypeError", "TypeError", "TypeError", "TypeError",
	}})
}

// hostLine is what comes of a Host header of the script's own. A proxy that is
// asked for an absolute URL must put the URL's host in its place (RFC 9112, 3.2.2).
func hostLine(b *bench) string {
	if b.absolute() {
		return b.site.plainAddr + " " + b.site.plainAddr + " true"
	}
	return "other.test other.test:99 true"
}

// cookieLine is how a server shows two cookies: HTTP/2 and HTTP/3 clients may
// send them as one field or as two.
func cookieLine(*bench) string { return "a=1; b=2" }

func testBodies(t *testing.T, b *bench) {
	b.run(t, script{init: `
		const sent = (body, params) => { const e = http.post(base + '/echo', body, params).json(); return e.length + ' ' + e.sum + ' ' + (e.headers['Content-Type'] || '-') };
		const bytes = (n, f) => { const a = new Uint8Array(n); for (let i = 0; i < n; i++) a[i] = f(i); return a };
	`, body: `
		say(sent(null), sent(''), sent('x'));
		say(sent('grüße, 世界 🎈'), sent(bytes(256, i => i)), sent(bytes(256, i => i).buffer), sent(bytes(256, i => i).subarray(1, 3)));
		say(sent('z'.repeat(16384)), sent('z'.repeat(16385)), sent('z'.repeat(1 << 20)));
		say(sent(bytes(1 << 18, i => i * 7).buffer));
		say(http.post(base + '/echo', {a: 'x y', b: [1, '&'], 'ü': null}).json().text);
		say(http.post(base + '/echo', {a: 1}, {headers: {'Content-Type': 'text/own'}}).json().headers['Content-Type']);
		const m = http.post(base + '/echo', {field: 'v', f: http.file('content', 'name.txt', 'text/plain')}).json();
		say(/^multipart\/form-data; boundary=/.test(m.headers['Content-Type'][0]), /name="f"; filename="name.txt"\r\nContent-Type: text\/plain\r\n\r\ncontent\r\n/.test(m.text), m.headers['Content-Length'] == m.length);
		const p = http.post(base + '/bin/post', {field: 'v', f: http.file(bytes(3000, i => 65 + i % 26), 'b.bin')}).json();
		say(p.form.field, p.files.f[0].length > 100);
		say(sent(http.payload(3 << 20)).split(' ')[0]);
	`, want: []string{
		"0 e3b0c44298fc1c14 - 0 e3b0c44298fc1c14 - 1 2d711642b726b044 -",
		"20 " + sum("grüße, 世界 🎈") + " - 256 " + sum(counting256()) + " - 256 " + sum(counting256()) + " - 2 " + sum("\x01\x02") + " -",
		"16384 " + sum(strings.Repeat("z", 16384)) + " - 16385 " + sum(strings.Repeat("z", 16385)) + " - 1048576 " + sum(strings.Repeat("z", 1<<20)) + " -",
		"262144 " + sum(sevens(1<<18)) + " -",
		"a=x+y&b=1&b=%26&%C3%BC=",
		"text/own",
		"true true true",
		"v true",
		"3145728",
	}})
}

func testRequestCoding(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const text = 'squeeze '.repeat(500);
		for (const c of ['gzip', 'deflate', 'br', 'zstd', 'gzip, br']) {
			const r = http.post(base + '/echo', text, {compression: c});
			const e = r.json();
			say(e.headers['Content-Encoding'], e.length < 200 && e.length > 0, e.headers['Content-Length'] == e.length);
		}
		const e = http.post(base + '/echo', '', {compression: 'gzip'}).json();
		say(e.length, e.headers['Content-Encoding']);
		try { http.post(base + '/echo', 'x', {compression: 'lzw'}) } catch (err) { say(err.name) }
	`, want: []string{"gzip true true", "deflate true true", "br true true", "zstd true true", "gzip, br true true", "0 undefined", "TypeError"}})
}

// What the server sends before it has read a large request is heard.
func testEarlyAnswer(t *testing.T, b *bench) {
	// What was under way when the answer came is lost with the connection: up to
	// what socket buffers hold on both sides.
	b.run(t, script{body: `
		const r = http.post(base + '/refuse', 'x'.repeat(8 << 20));
		say(r.status, r.error_code, http.get(base + '/echo').status);
	`, want: []string{"413 1413 200"}, loose: "the upload is cut off", lost: 8 << 20})
}

func testRequestObject(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const r = http.post(base + '/echo?q=1', {a: 'b c'}, {headers: {'X-Own': 'v', Host: 'h.test'}, cookies: {c: '1'}});
		const q = r.request;
		say(q.method, q.url === base + '/echo?q=1', q.body, q.headers['X-Own'], q.headers.Host, q.headers['Content-Length'], q.headers['Content-Type'], q.headers['User-Agent'], q.headers.Cookie);
		say(JSON.stringify(q.cookies), Object.keys(q).join());
		const seen = r.json();
		say(seen.headers.Cookie, seen.text);
		say(http.get(base + '/redirect/302?to=/echo').request.url === base + '/redirect/302?to=/echo');
	`, want: []string{
		"POST true a=b+c v h.test 5 application/x-www-form-urlencoded swarm/test c=1",
		`{"c":[{"name":"c","value":"1","replace":false}]} method,url,headers,cookies,body`,
		"c=1 a=b+c",
		"true",
	}})
}

func testHosts(t *testing.T, b *bench) {
	b.run(t, script{body: `
		const at = host => http.get(base.replace(/\/\/[^/]*/, '//' + host) + '/echo').json().host;
		const port = base.split(':')[2];
		say(at('shop.example.test:' + port) === 'shop.example.test:' + port, at('mapped.example.test:1'));
	`, want: []string{"true mapped.example.test:1"}})
}

func testUnixSocket(t *testing.T, b *bench) {
	w := b.run(t, script{body: `
		const r = http.get('http://socket.test/echo');
		say(r.status, r.json().host, r.remote_ip, r.timings.looking_up, r.proto);
		say(http.get('http://socket.test/echo').json().conn === r.json().conn);
	`, want: []string{"200 socket.test  0 HTTP/1.1", "true"}, change: func(h *plan.HTTP) {
		h.Hosts["socket.test"] = "unix:" + b.unix
		h.UnixSockets = []string{b.unix}
	}})
	if n := w.value("http_req_connecting"); n.Max <= 0 {
		t.Error("connecting took no time")
	}
	b.run(t, script{body: `const r = http.get('http://socket.test/echo'); say(r.status, r.error_code)`, want: []string{"0 1110"}, unsent: 1,
		change: func(h *plan.HTTP) { h.Hosts["socket.test"] = "unix:" + b.unix }})
}

var requestFeatures = []feature{
	{name: "methods", test: testMethods, core: true},
	{name: "urls", test: testURLs, direct: true},
	{name: "request headers", test: testRequestHeaders},
	{name: "bodies", test: testBodies, core: true},
	{name: "request coding", test: testRequestCoding, direct: true},
	{name: "early answer", test: testEarlyAnswer, direct: true},
	{name: "request object", test: testRequestObject, direct: true},
	// Who asks a proxy for the name leaves it to that to resolve it.
	{name: "hosts", test: testHosts, rows: func(r *row) bool { return !r.absolute() }},
	{name: "unix socket", test: testUnixSocket, rows: func(r *row) bool { return r.name == "h1" }},
}
