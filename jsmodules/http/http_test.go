package http

import (
	"fmt"
	"io"
	"log"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// counting is a server that counts connections and requests.
type counting struct {
	*httptest.Server
	conns, reqs atomic.Int64
}

func count(t testing.TB, secure bool, h nethttp.HandlerFunc) *counting {
	t.Helper()
	c := &counting{}
	c.Server = httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		c.reqs.Add(1)
		h(w, r)
	}))
	c.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates are part of tests
	c.Config.ConnState = func(_ net.Conn, s nethttp.ConnState) {
		if s == nethttp.StateNew {
			c.conns.Add(1)
		}
	}
	if secure {
		c.StartTLS()
	} else {
		c.Start()
	}
	t.Cleanup(c.Close)
	return c
}

func TestGet(t *testing.T) {
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("x-seen", r.Method+" "+r.URL.String()+" "+r.UserAgent())
		w.Header().Add("X-Two", "1")
		w.Header().Add("X-Two", "2")
		io.WriteString(w, `{"a":{"b":[1,"zwei",null,true]}}`)
	})
	w := says(t, newPlan(), "", fmt.Sprintf(`
		const url = '%s/x?q=1';
		const res = http.get(url);
		say(res.status, res.status_text, res.proto, res.url === url, res.error, res.error_code);
		say(res.headers['X-Seen'], res.headers['X-Two'], res.headers === res.headers);
		say(res.body, res.json('a.b.1'), res.json('a.b.0') + 1, res.json('a.b.2'), res.json('nope'), res.json().a.b.length, res.json() === res.json());
		say(res.remote_ip, res.remote_port, res.tls_version, res.request.method, res.request.url === url, res.request.headers['User-Agent'][0]);
		const {status, timings: {duration, waiting}} = http.get(url);
		say(status, duration >= waiting && waiting > 0);
		say(Object.keys(res).join());
		say(typeof JSON.parse(JSON.stringify(res)).timings.duration, typeof res.json, 'nope' in res);
	`, s.URL),
		"200 200 OK HTTP/1.1 true  0",
		"GET /x?q=1 swarm/test 1, 2 true",
		`{"a":{"b":[1,"zwei",null,true]}} zwei 2 null undefined 4 true`,
		"127.0.0.1 "+fmt.Sprint(s.Listener.Addr().(*net.TCPAddr).Port)+"  GET true swarm/test",
		"200 true",
		"remote_ip,remote_port,url,status,status_text,proto,headers,cookies,body,timings,tls_version,tls_cipher_suite,ocsp,error,error_code,request",
		"number function false",
	)
	w.run()
	if s.conns.Load() != 1 || s.reqs.Load() != 4 {
		t.Errorf("server saw %d connections and %d requests, want 1 and 4", s.conns.Load(), s.reqs.Load())
	}
	if n := w.value("http_reqs", "status", "200", "method", "GET", "name", s.URL+"/x?q=1", "url", s.URL+"/x?q=1",
		"proto", "HTTP/1.1", "expected_response", "true", "scenario", "default").Sum; n != 4 {
		t.Errorf("http_reqs is %v, want 4", n)
	}
	for _, name := range []string{"duration", "blocked", "connecting", "tls_handshaking", "sending", "waiting", "receiving"} {
		if a := w.value("http_req_" + name); a.Count != 4 || a.Min < 0 {
			t.Errorf("http_req_%s has %d samples from %v, want 4 from 0 or more", name, a.Count, a.Min)
		}
	}
	if a := w.value("http_req_failed"); a.Count != 4 || a.NonZero != 0 {
		t.Errorf("http_req_failed is %d of %d", a.NonZero, a.Count)
	}
	if a := w.value("http_req_connecting"); a.Max <= 0 {
		t.Error("connecting took no time")
	}
	if logged := w.logged(); len(logged) > 0 {
		t.Errorf("logged %q", logged)
	}
}

func TestHTTPBin(t *testing.T) {
	s := httptest.NewServer(httpbin.New())
	t.Cleanup(s.Close)
	says(t, newPlan(), "const base = '"+s.URL+"';", `
		let r = http.post(base + '/post', {a: 'x y', b: [1, 2], 'ü': '&'});
		say(r.json('headers.Content-Type.0'), JSON.stringify(r.json('form.a')), JSON.stringify(r.json('form.b')), r.json('form.ü.0'));
		r = http.post(base + '/post', JSON.stringify({n: 1}), {headers: {'content-type': 'application/json', 'X-Api-key': ' k '}});
		say(r.json('json.n'), r.json('headers.X-Api-Key.0'), r.request.body);
		r = http.put(base + '/put', new Uint8Array([1, 2, 3, 255]).subarray(1));
		say(r.json('data'), r.json('headers.Content-Length.0'));
		r = http.request('patch', base + '/patch', 'text');
		say(r.status, r.json('data'));
		say(http.del(base + '/delete').status, http.delete(base + '/delete', null, {tags: {a: 1}}).status);
		say(http.head(base + '/get').status, http.head(base + '/get').body === '', http.options(base + '/get').status);
		r = http.get(base + '/gzip', {headers: {'Accept-Encoding': 'gzip'}}); say(r.status, r.headers['Content-Encoding'], r.json('gzipped'));
		r = http.get(base + '/deflate', {headers: {'Accept-Encoding': 'deflate'}}); say(r.status, r.json('deflated'));
		r = http.get(base + '/stream/3'); say(r.status, r.body.trim().split('\n').length);
		r = http.get(base + '/stream-bytes/5000?seed=1', {responseType: 'binary'}); say(r.body instanceof ArrayBuffer, r.body.byteLength, r.body === r.body);
		r = http.get(base + '/bytes/5000', {responseType: 'none'}); say(r.status, r.body);
		r = http.get(base + '/status/404'); say(r.status, r.error_code, r.error === '');
		r = http.get(base + '/status/503'); say(r.status, r.error_code);
		r = http.get(base + '/get?q=a b"é', {headers: {Host: 'example.org'}}); say(r.json('args.q.0'), r.json('headers.Host.0'));
		r = http.get(base.replace('://', '://user:secret@') + '/basic-auth/user/secret'); say(r.status, r.url.includes('secret@'), r.url.includes('****'));
	`,
		`application/x-www-form-urlencoded ["x y"] ["1","2"] &`,
		`1 k {"n":1}`,
		"data:application/octet-stream;base64,AgP_ 3",
		"200 data:application/octet-stream;base64,dGV4dA==",
		"200 200",
		"200 true 200",
		"200 gzip true", "200 true",
		"200 3",
		"true 5000 true",
		"200 null",
		"404 1404 true",
		"503 1503",
		`a b"é example.org`,
		"200 false true",
	)
}
