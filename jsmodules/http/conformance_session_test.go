package http

import (
	"context"
	"fmt"
	"testing"

	"github.com/swarmload/swarm/engine/plan"
)

// connections runs s and returns how many connections the targets saw.
func (b *bench) connections(t *testing.T, s script) int64 {
	t.Helper()
	before := b.site.conns.Load() + b.other.conns.Load()
	b.run(t, s)
	return b.site.conns.Load() + b.other.conns.Load() - before
}

// testReuse counts connections at the target.
func testReuse(t *testing.T, b *bench) {
	const thrice = "for (let i = 0; i < 3; i++) say(http.get(base + '/echo').status);"
	want := []string{"200", "200", "200"}
	each := int64(1)
	if b.absolute() {
		each = 3 // those of the proxy, which makes one for each
	}
	for _, tt := range []struct {
		name   string
		change func(*plan.HTTP)
		conns  int64
	}{
		{"kept", nil, each},
		{"noConnectionReuse", func(h *plan.HTTP) { h.NoConnectionReuse = true }, 6},
		{"noVUConnectionReuse", func(h *plan.HTTP) { h.NoVUConnectionReuse = true }, 2},
		{"connectionLifetime", func(h *plan.HTTP) { h.ConnectionLifetime = 1 }, 6},
	} {
		if b.absolute() || tt.name == "kept" && each == 3 {
			tt.conns = 6
		}
		if n := b.connections(t, script{body: thrice, want: want, iterations: 2, change: tt.change}); n != tt.conns {
			t.Errorf("%s: %d connections, want %d", tt.name, n, tt.conns)
		}
	}
	if b.absolute() {
		return
	}
	// Who asks for the end of a connection gets a new one.
	if n := b.connections(t, script{body: `
		say(http.get(base + '/echo', {headers: {Connection: 'close'}}).status, http.get(base + '/echo').status, http.get(base + '/close').body, http.get(base + '/echo').status)
	`, want: []string{"200 200 closed 200"}}); n != closing(b) {
		t.Errorf("%d connections around closes, want %d", n, closing(b))
	}
}

// closing is how many connections it takes when client and server close one:
// Connection is a field of HTTP/1.1, which servers of HTTP/2 make a GOAWAY of,
// and those of HTTP/3 do not know.
func closing(b *bench) int64 {
	if b.version == "3" {
		return 2
	}
	return 3
}

func testBatchOn(t *testing.T, b *bench) {
	const many = "const rs = http.batch(Array.from({length: 12}, (_, i) => base + '/meet/%d?' + i)); say(rs.length, rs.every(r => r.status === 200 && r.body === 'met'));"
	for _, tt := range []struct{ batch, perHost, most int }{{20, 6, 6}, {4, 6, 4}, {20, 1, 1}} {
		if tt.most == 1 && b.via != "" {
			continue // slow, and shows nothing
		}
		conns := b.connections(t, script{body: fmt.Sprintf(many, tt.most), want: []string{"12 true"}, change: func(h *plan.HTTP) { h.Batch, h.BatchPerHost = tt.batch, tt.perHost }})
		if most := b.site.busiest(); most != tt.most {
			t.Errorf("batch %d, batchPerHost %d: %d requests at once, want %d", tt.batch, tt.perHost, most, tt.most)
		}
		want := int64(tt.most)
		if b.shared {
			want = 1
		}
		if conns != want && !b.absolute() {
			t.Errorf("batch %d, batchPerHost %d: %d connections, want %d", tt.batch, tt.perHost, conns, want)
		}
	}
	w := b.run(t, script{body: `
		const rs = http.batch([base + '/echo?1', ['POST', base + '/echo', 'two', {tags: {t: 'x'}}], {method: 'put', url: base + '/echo', body: {a: 1}}, ['GET', far + '/echo', null, {headers: {'X-H': 'h'}}]]);
		say(Array.isArray(rs), rs.map(r => r.json().method + r.json().text).join(), rs[3].json().headers['X-H']);
		const o = http.batch({one: base + '/status/404', bad: 'nonsense', none: ['DELETE', base + '/bytes/9', null, {responseType: 'none'}]});
		say(Object.keys(o).join(), o.one.error_code, o.bad.error_code, o.none.status + '' + o.none.body, http.batch([]).length);
	`, unsent: 1, want: []string{"true GET,POSTtwo,PUTa=1,GET h", "one,bad,none 1404 1020 200null 0"}})
	if n := w.value("http_reqs", "t", "x").Sum; n != 1 {
		t.Errorf("%v requests bear the tag", n)
	}
}

func testAsync(t *testing.T, b *bench) {
	b.run(t, script{body: `
		let order = [];
		const slow = http.asyncRequest('GET', base + '/delay/150').then(r => { order.push('slow'); return r.body });
		const quick = http.asyncRequest('POST', base + '/echo', 'body', {tags: {a: 'b'}}).then(r => { order.push('quick'); return r.json().text });
		order.push('script');
		return Promise.all([slow, quick]).then(all => say(order.join(), all.join()))
			.then(() => http.asyncRequest('GET', 'nonsense')).then(r => say(r.error_code))
			.then(() => http.asyncRequest('GET', 'nonsense', null, {throw: true})).catch(e => say(e.name));
	`, unsent: 2, want: []string{"script,quick,slow late,body", "1020", "HTTPError"}})
	if b.shared {
		if n := b.connections(t, script{body: "return Promise.all([1, 2, 3, 4, 5].map(i => http.asyncRequest('GET', base + '/delay/10?' + i))).then(rs => say(rs.map(r => r.status).join()))",
			want: []string{"200,200,200,200,200"}}); n != 1 {
			t.Errorf("%d connections for five requests at once, want 1", n)
		}
	}
}

func testClientOn(t *testing.T, b *bench) {
	n := b.connections(t, script{init: `
		const api = new http.Client({baseURL: base + '/echo/', headers: {'X-One': '1'}, tags: {part: 'api'}, userAgent: 'mine'});
	`, body: `
		const e = api.get('items?a=1').json();
		say(e.uri, e.headers['X-One'], e.headers['User-Agent'], e.proto === proto);
		http.get(base + '/cookie?set=' + encodeURIComponent('who=module; Path=/'));
		say(api.get('x').json().headers.Cookie, http.get(base + '/echo').json().headers.Cookie);
		say(api.post('p', {a: 1}).json().text, api.batch(['1', '2']).map(r => r.json().uri).join());
		return api.asyncRequest('PUT', 'q', 'z').then(r => say(r.json().method, r.json().text));
	`, want: []string{"/echo/items?a=1 1 mine true", "undefined who=module", "a=1 /echo/1,/echo/2", "PUT z"}})
	most := int64(3) // two of the client's, for its batch, unless one is done before the other begins
	if b.shared {
		most = 2
	}
	if n < 2 || n > most {
		t.Errorf("%d connections, want from 2 to %d", n, most)
	}
}

func testAuth(t *testing.T, b *bench) {
	w := b.run(t, script{body: `
		const at = (path, user) => base.replace('://', '://' + user + '@') + path;
		let r = http.get(at('/bin/basic-auth/me/secret', 'me:secret'));
		say(r.status, r.json('user'), r.url.includes('secret@'), r.request.url.includes('secret@'));
		say(http.get(at('/bin/basic-auth/me/secret', 'me:wrong')).status);
		say(http.get(at('/bin/basic-auth/me/secret', 'me:secret'), {auth: 'basic'}).status);
		r = http.get(at('/bin/digest-auth/auth/me/secret', 'me:secret'), {auth: 'digest'});
		say(r.status, r.error_code, r.json('user'));
		say(http.get(at('/bin/digest-auth/auth/me/secret/SHA-256', 'me:secret'), {auth: 'digest'}).status);
		say(http.get(at('/bin/digest-auth/auth/me/secret', 'me:wrong'), {auth: 'digest'}).status);
		say(http.post(at('/bin/digest-auth/auth/me/secret', 'me:secret'), 'x', {auth: 'digest'}).status > 0);
	`, want: []string{"200 me false false", "401", "200", "200 0 me", "200", "401", "true"}})
	if a := w.value("http_req_failed", "status", "401").NonZero; a < 2 {
		t.Errorf("%d requests with refused credentials failed, want those of the last rounds", a)
	}
}

func testNTLM(t *testing.T, b *bench) {
	w := b.run(t, script{body: `
		const at = user => base.replace('://', '://' + user + '@') + '/ntlm';
		let r = http.get(at('DOM%5Cme:secret'), {auth: 'ntlm'});
		say(r.status, r.body);
		r = http.post(at('me:secret'), 'hello', {auth: 'ntlm'});
		say(r.status, r.body);
		say(http.get(at('me:wrong'), {auth: 'ntlm'}).status);
	`, want: []string{"200 hello me of DOM", "200 hello me of ", "401"}})
	if n := w.value("http_reqs", "status", "401").Sum; n < 3 {
		t.Errorf("%v challenges were counted", n)
	}
}

// testInterrupt ends an iteration while a response is awaited: what was sent
// counts, and what follows has connections of its own.
func testInterrupt(t *testing.T, b *bench) {
	for _, head := range []string{"", "?head"} {
		p := b.plan()
		use, err := newEgress(&p.HTTP, nil)
		if err != nil {
			t.Fatal(err)
		}
		gate := fmt.Sprint("interrupt", head)
		w := newWorld(t, p, fmt.Sprintf("const base = %q", b.base), fmt.Sprintf("try { say(http.get(base + '/gate/%s').status) } finally { say('finally') }", gate), use)
		before := b.site.reqs.Load()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.iterate(ctx) }()
		waitFor(t, func() bool { return b.site.reqs.Load() > before })
		cancel()
		if err := <-ended; err == nil {
			t.Error("the iteration was not interrupted")
		}
		if got := w.heard(); len(got) != 0 {
			t.Errorf("the script went on: %q", got)
		}
		if reqs, failed := w.value("http_reqs").Sum, w.value("http_req_failed").Count; reqs != 1 || failed != 0 {
			t.Errorf("%v requests and %d verdicts, want 1 and 0", reqs, failed)
		}
		w.vu.Close()
		b.quiesceAll(t)
	}
}

var sessionFeatures = []feature{
	{name: "reuse", test: testReuse, core: true},
	{name: "batch", test: testBatchOn},
	{name: "async", test: testAsync},
	{name: "client", test: testClientOn, direct: true},
	{name: "auth", test: testAuth, direct: true},
	{name: "ntlm", test: testNTLM, core: true, rows: func(r *row) bool { return r.version == "1.1" && !r.absolute() }},
	{name: "interrupt", test: testInterrupt, core: true},
}
