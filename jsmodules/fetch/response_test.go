package fetch

import "testing"

func TestResponse(t *testing.T) {
	says(t, "", `
		let r = new Response('text', {status: 201, statusText: 'Made', headers: {a: 'b'}});
		say(r.status, r.statusText, r.ok, r.type, r.url, r.redirected, r.timings, r.headers.get('a'), r.headers.get('content-type'), await r.text(), r.bodyUsed);
		r = new Response(); say(r.status, '[' + await r.text() + ']', r.bodyUsed, r.headers.has('content-type'), (await new Response(null).arrayBuffer()).byteLength);
		r = Response.json({a: [1]}, {status: 400}); say(r.status, r.headers.get('content-type'), (await r.clone().json()).a[0], await r.text());
		say(await Response.json(null).text(), await Response.json('x').text());
		r = Response.error(); say(r.type, r.status, r.ok);
		r = Response.redirect('/x', 301); say(r.status, r.headers.get('location'), Response.redirect('/y').status);
		say(await new Response('\uFEFFx').text(), (await new Response(new Uint8Array([0xff, 0x61])).text()).length, (await new Response('ü').bytes()).length);
		say(new Response(null, new Response('x', {status: 404, headers: {k: 'v'}})).headers.get('k'));
		class Mine extends Response { get twice() { return this.status * 2 } }
		say(new Mine().twice, new Mine() instanceof Response);
		r.extra = 1; say(r.extra, 'status' in r, 'text' in r, JSON.stringify(Object.keys(r)));
		for (const f of [() => new Response('', {status: 99}), () => new Response('', {status: 600}), () => new Response('x', {status: 204}), () => new Response('', {status: 'x'}), () => new Response('', {statu: 1}), () => new Response('', {statusText: 'a\nb'}), () => new Response({}), () => Response.json(undefined), () => Response.json(() => 1), () => Response.redirect('/', 200), () => new Response('', 5)])
			try { f(); say('nothing') } catch (e) { say(e.name + ': ' + e.message) }
		r = new Response('x'); await r.text(); try { r.clone() } catch (e) { say(e.name) }
		await r.blob().catch(e => say(e.name)); await new Response('x').blob().catch(e => say(e.message));
	`,
		"201 Made true default  false null b text/plain;charset=UTF-8 text true",
		"200 [] false false 0",
		"400 application/json 1 {\"a\":[1]}",
		`null "x"`,
		"error 0 false",
		"301 /x 302",
		"x 2 2",
		"v",
		"400 true",
		`1 true true ["type","url","redirected","status","ok","statusText","headers","body","bodyUsed","timings","extra"]`,
		"RangeError: Response: status must be between 200 and 599", "RangeError: Response: status must be between 200 and 599",
		"TypeError: Response: a response with this status cannot have a body",
		`TypeError: Response: status must be a whole number, got "x"`,
		`TypeError: Response: unknown key "statu", did you mean "status"?`,
		"TypeError: Response: statusText holds a line break or another control character",
		"TypeError: Response: body must be text, an ArrayBuffer, a typed array, URLSearchParams or what http.payload() returns, got an object; JSON.stringify() makes text of one",
		"TypeError: Response.json: the data must be what JSON can hold, got undefined",
		"TypeError: Response.json: the data must be what JSON can hold, got a function",
		"RangeError: Response.redirect: the status must be 301, 302, 303, 307 or 308",
		"TypeError: Response: the second argument must be an object, got 5",
		"TypeError", "TypeError", "Response.blob: there is no Blob; arrayBuffer() gives the bytes",
	)
}

func TestRequest(t *testing.T) {
	says(t, "", `
		const signal = new AbortController().signal;
		const a = new Request('http://h/x', {method: 'put', body: 'b', headers: {q: 1}, signal, redirect: 'manual', credentials: 'omit', keepalive: 1});
		say(a.method, a.url, a.headers.get('q'), a.signal === signal, a.redirect, a.credentials, a.keepalive, a.mode, a.cache, a.body, a.bodyUsed, String(a));
		const b = new Request(a, {headers: {q: 2}}); say(b.method, b.url, b.headers.get('q'), a.headers.get('q'), a.bodyUsed, b.bodyUsed, b.signal === signal);
		say(await b.clone().text(), await b.text(), b.bodyUsed);
		try { b.clone() } catch (e) { say(e.name) }
		try { new Request(a) } catch (e) { say(e.name + ': ' + e.message) }
		say(new Request(a, {body: 'new', signal: null}).signal === signal, new Request('http://h').signal.aborted, await new Request('http://h').text() === '');
		const c = new Request('http://h', {headers: a.headers}); c.headers.set('q', 'own'); say(a.headers.get('q'));
	`,
		"PUT http://h/x 1 true manual omit true cors default null false [object Request]",
		"PUT http://h/x 2 1 true false true",
		"b b true",
		"TypeError", "TypeError: Request: the body was read before",
		"false false true", "1",
	)
}
