package http

import (
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/swarmload/swarm/engine/vu"
	"github.com/swarmload/swarm/sandbox"
)

func TestClient(t *testing.T) {
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/login" {
			w.Header().Add("Set-Cookie", "who=client")
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s|%s|%s|%s|%s|%s", r.Method, r.URL, r.Header.Get("X-One"), r.Header.Get("X-Two"), r.UserAgent(), r.Header.Get("Cookie"), b)
	})
	w := newWorld(t, newPlan(), `
		const api = new http.Client({baseURL: '`+s.URL+`/v1/', headers: {'x-one': 1, 'X-Two': 2}, tags: {part: 'api', kind: 'all'}, userAgent: 'mine'});
		const unused = new http.Client({baseURL: '`+s.URL+`/v2'});
		class Shop extends http.Client {
			at = 'shop';
			constructor() { super({baseURL: '`+s.URL+`/shop', discardResponseBodies: true, responseType: 'text'}); this.name = 'x' }
			buy(n) { return this.post('buy', {n}).body }
		}
		const shop = new Shop();
	`, `
		say(api.get('items').body);
		say(api.post('/items?q=1', 'body', {headers: {'X-Two': 'own', Cookie: 'a=b'}, tags: {kind: 'one'}}).body);
		say(api.request('put', 'x').request.headers['User-Agent'][0], api.del('d').body);
		http.get('`+s.URL+`/login'); api.get('y');
		say(http.get('`+s.URL+`/').body);
		say(api.get('z').body);
		api.cookieJar().set('x', 'jar', 'own');
		say(api.get('z').body, Object.keys(api.cookieJar().cookiesForURL('')), api.cookieJar() === api.cookieJar());
		say(api.batch(['1', ['POST', '2', 'b'], {url: '3'}]).map(r => r.body.split('|')[0]).join());
		say(shop.buy(3), shop instanceof Shop, shop instanceof http.Client, shop.at + shop.name, Object.keys(shop), Object.keys(api));
		say(api.constructor === http.Client, String(api), typeof api.get);
		say(api.get(api.url`+"`items/${5}`"+`, {headers: null}).status, http.get('`+s.URL+`/').request.headers['User-Agent'][0]);
		return api.asyncRequest('GET', 'async').then(r => say(r.body));
	`)
	got := w.run()
	want := []string{
		"GET /v1/items|1|2|mine||",
		"POST /v1/items?q=1|1|own|mine|a=b|body",
		"mine DELETE /v1/d|1|2|mine||",
		"GET /||||who=client|", // replaced below
		"GET /v1/z|1|2|mine||",
		"GET /v1/z|1|2|mine|jar=own| jar true",
		"GET /v1/1,POST /v1/2,GET /v1/3",
		"POST /shop/buy|||swarm/test||n=3 true true shopx at,name ",
		"true [object Client] function",
		"200 swarm/test",
		"GET /v1/async|1|2|mine|jar=own|",
	}
	want[3] = "GET /|||swarm/test|who=client|"
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("script said\n%q, want\n%q\nlogged %q", got, want, w.logged())
	}
	if n := w.value("http_reqs", "part", "api", "kind", "one").Sum; n != 1 {
		t.Errorf("%v requests with the tags of both, want 1", n)
	}
	if n := w.value("http_reqs", "part", "api").Sum; n != 12 {
		t.Errorf("%v requests of the client, want 12", n)
	}
	if n := w.value("http_reqs", "part", "api", "name", "items/${}").Sum; n != 1 {
		t.Errorf("%v requests bear the template's name, want 1", n)
	}
	// Three of the batch, and one beside each other of the module and the shop.
	if n := s.conns.Load(); n < 3 || n > 5 {
		t.Errorf("%d connections", n)
	}
	w.run() // cookies are gone, connections are not
	if n := s.conns.Load(); n < 3 || n > 5 {
		t.Errorf("%d connections after another iteration", n)
	}
}

// A VU that makes clients shares with others what they were made of.
func TestClientsAreShared(t *testing.T) {
	w := newWorld(t, newPlan(), `
		globalThis.a = new http.Client({baseURL: 'http://h/', headers: {x: 1}}); globalThis.b = new http.Client({baseURL: 'http://h/', headers: {x: 1}});
		globalThis.c = new http.Client({baseURL: 'http://h/', headers: {x: 2}}); new http.Client(); new http.Client(null);`, ``)
	v, err := w.program.NewVU(t.Context(), vu.Identity{InInstance: 2, InTest: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if n := len(w.vus); n != 2 {
		t.Fatalf("%d VUs", n)
	}
	kinds := map[*clientKind]int{}
	for _, v := range w.vus {
		m := Of(v).m
		for _, name := range []string{"a", "b", "c"} {
			c, ok := sandbox.StateOf[*clientObject](v.Runtime().GlobalObject().Get(name))
			if !ok || c.s != nil {
				t.Fatalf("%s is no unused client", name)
			}
			kinds[c.kind]++
		}
		if len(m.clients) != 0 {
			t.Errorf("%d clients have a session", len(m.clients))
		}
	}
	if len(kinds) != 2 {
		t.Errorf("%d kinds of clients, want 2", len(kinds))
	}
	for _, n := range kinds {
		if n != 2 && n != 4 {
			t.Errorf("a kind is that of %d clients, want 2 or 4", n)
		}
	}
}

func TestClientCookies(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Add("Set-Cookie", "n=1")
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	w := newWorld(t, newPlan(), `const own = new http.Client({baseURL: '`+url+`', cookies: 'own'}), shared = new http.Client({baseURL: '`+url+`', cookies: 'shared'});`,
		`own.get('/'); say('own', own.get('/').body, 'shared', shared.get('/').body, http.get('`+url+`').body, 'other', http.get('`+url+`', {jar: own.cookieJar()}).body)`)
	for range 2 { // the jars are emptied between iterations
		if got := w.run(); len(got) != 1 || got[0] != "own n=1 shared  n=1 other n=1" {
			t.Errorf("script said %q", got)
		}
	}
}

func TestClientClose(t *testing.T) {
	s := count(t, false, func(w nethttp.ResponseWriter, r *nethttp.Request) {})
	w := newWorld(t, newPlan(), "", `
		const c = new http.Client({baseURL: '`+s.URL+`'});
		c.get('/'); c.get('/');
		if (__ITER === 0) { c.close(); c.close(); try { c.get('/') } catch (e) { say(e.message) } }
		return c.asyncRequest('GET', '/').then(() => say('fine'), e => say(e.message))`)
	for i, want := range []string{"[client.get: the client was closed client.asyncRequest: the client was closed]", "[fine]"} {
		if err := w.vu.Iterate(t.Context(), vu.Iteration{Scenario: scenario, InVU: uint64(i)}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(w.heard()); got != want {
			t.Errorf("script said %s, want %s", got, want)
		}
	}
	if n := s.conns.Load(); n != 2 {
		t.Errorf("%d connections, want 2: one for each client", n)
	}
}

func TestClientSettings(t *testing.T) {
	s := count(t, true, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/to" {
			nethttp.Redirect(w, r, "/", nethttp.StatusFound)
		}
		fmt.Fprint(w, r.TLS.Version)
	})
	p := newPlan()
	says(t, p, `const c = new http.Client({baseURL: '`+s.URL+`', insecureSkipTLSVerify: true, noConnectionReuse: true, maxRedirects: 0,
			tls: {maxVersion: 'tls1.2', minVersion: 'tls1.2'}, timeout: '5s', responseType: 'binary', connectionLifetime: '1m', httpVersion: '1.1'});
		const strict = new http.Client({baseURL: '`+s.URL+`', throw: true, proxy: null, discardResponseBodies: true});`, `
		const r = c.get('/');
		say(r.status, r.tls_version, r.body.byteLength, c.get('/to').status);
		try { strict.get('/') } catch (e) { say(e.name, e.message.includes('certificate')) }
		say(http.get('`+s.URL+`').error_code)`,
		"200 tls1.2 3 302", "HTTPError true", "1310")
	if n := s.conns.Load(); n != 4 {
		t.Errorf("%d connections, want 4: two that were not reused, and two refused", n)
	}
}

func TestClientMisuse(t *testing.T) {
	for _, c := range []struct{ options, want string }{
		{`5`, `http.Client: options must be an object, got 5`},
		{`{baseUrl: 'http://h/'}`, `http.Client: unknown option "baseUrl", did you mean "baseURL"?`},
		{`{baseURL: 5}`, `http.Client: baseURL: must be a string`},
		{`{baseURL: 'ftp://h'}`, `http.Client: baseURL: `},
		{`{timeout: 'soon'}`, `http.Client: timeout must be a time above 0`},
		{`{headers: 'x'}`, `http.Client: headers must be an object, got "x"`},
		{`{headers: {'a b': 1}}`, `header name "a b" holds`},
		{`{tags: [1]}`, `http.Client: tags must be an object, got an array`},
		{`{responseType: 'json'}`, `http.Client: responseType must be "text", "binary" or "none", got "json"`},
		{`{cookies: 'none'}`, `http.Client: cookies must be "own" or "shared", got "none"`},
		{`{throw: 'yes'}`, `http.Client: throw: `},
		{`{maxRedirects: -1, throw: 1}`, `; throw: `},
		{`{proxy: 'h:1'}`, `http.Client: proxy: `},
		{`{httpVersion: '4'}`, `http.Client: httpVersion: `},
		{`{tls: {minversion: 'tls1.2'}}`, `http.Client: unknown option "tls.minversion", did you mean "tls.minVersion"?`},
		{`{tls: {minVersion: 'tls9'}}`, `http.Client: tls.minVersion: must be "tls1.0"`},
		{`{tls: {minVersion: 'tls1.3', maxVersion: 'tls1.2'}}`, `http.Client: tls: min is tls1.3, above max`},
		{`{tls: {caCerts: ['x']}}`, `http.Client: tls.caCerts[0]: must be a certificate in PEM`},
		{`{userAgent: () => 1}`, `http.Client: userAgent must be plain data, got a function`},
		{`{get baseURL() { throw new RangeError('mine') }}`, `RangeError: mine`},
		{`{headers: {toJSON() { throw new RangeError('mine') }}}`, `RangeError: mine`},
	} {
		_, err := tryWorld(t, newPlan(), "new http.Client("+c.options+")", "")
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", c.options, err, c.want)
		}
	}
	throws(t, newPlan(), "http.Client.prototype.get.call({}, '/')", "client.get was called on something that is not an http.Client")
	throws(t, newPlan(), "new http.Client().get('/x', {throw: true})", "needs http:// or https://")
	_, err := tryWorld(t, newPlan(), "new http.Client().get('http://127.0.0.1:1/')", "")
	if err == nil || !strings.Contains(err.Error(), "client.get: requests are not possible in the init context") {
		t.Errorf("got %v", err)
	}
}

// What a client opened ends with the VU, whatever the script kept of it.
func TestClientEndsWithItsVU(t *testing.T) {
	closed := make(chan struct{}, 3)
	url := rawServer(t, func(c net.Conn) {
		b := make([]byte, 4096)
		if _, err := c.Read(b); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_, _ = c.Read(b)
		closed <- struct{}{}
	})
	w := newWorld(t, newPlan(), `const c = new http.Client({baseURL: '`+url+`'});`, `c.get('/'); http.get('`+url+`')`)
	v, err := w.program.NewVU(t.Context(), vu.Identity{InInstance: 2, InTest: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Iterate(t.Context(), iteration); err != nil {
		t.Fatal(err)
	}
	v.Close()
	<-closed
	<-closed
}

func BenchmarkClients(b *testing.B) {
	w := newWorld(b, newPlan(), `for (let i = 0; i < 5; i++) new http.Client({baseURL: 'https://example.com/' + i, headers: {Accept: 'application/json'}, timeout: '5s'});`, ``)
	b.ReportAllocs()
	for i := range b.N {
		v, err := w.program.NewVU(b.Context(), identity(i+2))
		if err != nil {
			b.Fatal(err)
		}
		v.Close()
	}
}
