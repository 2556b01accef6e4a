package http

import (
	"context"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestProxyOfARequest(t *testing.T) {
	target := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) { io.WriteString(w, "direct") })
	via := func(name string) string {
		return serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
			fmt.Fprint(w, name, " ", r.Header.Get("Proxy-Authorization"), " ", strings.HasPrefix(r.RequestURI, target))
		})
	}
	one, two := via("one"), via("two")
	code := fmt.Sprintf(`
		const u = %q, two = %q;
		say(http.get(u).body);
		say(http.get(u, {proxy: two}).body, http.get(u, {proxy: two.replace('http://', 'http://me:secret@')}).body);
		say(http.get(u, {proxy: null}).body, http.get(u, {proxy: ''}).body, http.get(u, {proxy: undefined}).body);
		say(http.batch([['GET', u, null, {proxy: two}], u]).map(r => r.body).join());`, target, two)
	p := newPlan()
	p.HTTP.Proxy = one
	says(t, p, "", code, "one  true", "two  true two Basic bWU6c2VjcmV0 true", "direct direct one  true", "two  true,one  true")
	says(t, newPlan(), "", code, "direct", "two  true two Basic bWU6c2VjcmV0 true", "direct direct direct", "two  true,direct")
	throws(t, newPlan(), "http.get('x', {proxy: 5})", "http.get: proxy must be the URL of a proxy or null, got 5")
	throws(t, newPlan(), "http.get('x', {proxy: 'ftp://me:secret@h'})", "http.get: proxy")
	w := throws(t, newPlan(), "http.get('x', {proxy: 'http://me:secret@:3128'})", "http.get: proxy")
	if err := w.iterate(t.Context()); strings.Contains(err.Error(), "secret") {
		t.Errorf("the password shows: %v", err)
	}
}

// Every parameter says in one line what it wants and what it got.
func TestWrongParams(t *testing.T) {
	values := []struct{ code, got string }{
		{"5", "5"}, {"'x'", `"x"`}, {"true", "true"}, {"Symbol('s')", "a symbol"}, {"{}", "an object"}, {"[]", "an array"},
		{"() => 1", "a function"}, {"10n", "10"}, {"NaN", "NaN"}, {"new Date(0)", "an object of the class Date"}, {"null", "null"},
	}
	for _, tt := range []struct {
		param, wanted string
		right         string // values that are right, or left out
	}{
		{"headers", "an object", "{} new Date(0) null"},
		{"tags", "an object", "{} new Date(0) null"},
		{"cookies", "an object", "{} new Date(0) null"},
		{"timeout", `a time above 0, such as 500 (milliseconds) or "30s"`, "5 null"},
		{"jar", "a CookieJar or null", "null"},
		{"redirects", "a whole number of at least 0", "5 null"},
		{"responseType", `"text", "binary" or "none"`, "null"},
		{"responseCallback", "what http.expectedStatuses() returns, or null", "null"},
		{"throw", "true or false", "true null"},
		{"auth", `"basic", "digest" or "ntlm"`, "null"},
		{"compression", `a list of gzip, deflate, br and zstd such as "gzip"`, "'x' null"},
		{"proxy", "the URL of a proxy or null", "'x' null"},
	} {
		for _, v := range values {
			code := fmt.Sprintf("http.get('nonsense', {%s: %s})", tt.param, v.code)
			if strings.Contains(" "+tt.right+" ", " "+v.code+" ") {
				if v.code != "'x'" && v.code != "true" {
					newWorld(t, newPlan(), "", code).run()
				}
				continue
			}
			what := tt.param
			if what == "responseCallback" {
				what = "the response callback"
			}
			throws(t, newPlan(), code, "http.get: "+what+" must be "+tt.wanted+", got "+v.got)
		}
	}
	for _, v := range values {
		if v.code == "null" || v.got == "an object" || v.got == "an array" || v.got == "a function" || v.code == "new Date(0)" {
			continue
		}
		throws(t, newPlan(), "http.get('x', "+v.code+")", "http.get: params must be an object, got "+v.got)
	}
	for code, want := range map[string]string{
		"http.get('x', {tags: {a: {}}})":              `the tag "a" must be a string, a number or a boolean, got an object`,
		"http.get('x', {tags: {a: Symbol('s')}})":     `the tag "a" must be a string, a number or a boolean, got a symbol`,
		"http.get('x', {headers: {a: {}}})":           `the value of header A must be a string, got an object`,
		"http.get('x', {headers: {a: Symbol('s')}})":  `the value of header A must be a string, got a symbol`,
		"http.get('x', {redirects: 1.5})":             "got 1.5",
		"http.get('x', {redirects: -1})":              "got -1",
		"http.get('x', {redirects: 1e300})":           "got 1e+300",
		"http.get('x', {responseType: 'json'})":       `got "json"`,
		"http.expectedStatuses(Symbol('s'))":          "http.expectedStatuses: a status must be",
		"http.expectedStatuses({min: 200})":           "http.expectedStatuses: a status must be",
		"http.expectedStatuses('200')":                `http.expectedStatuses: a status must be a whole number from 0 to 999, or {min, max} of such, got "200"`,
		"http.expectedStatuses({min: 300, max: 200})": "http.expectedStatuses: max is below min",
		"http.setResponseCallback()":                  "http.setResponseCallback: the response callback must be",
	} {
		throws(t, newPlan(), code, want)
	}
}

// Any value anywhere: a response, or a TypeError that tells the place.
func TestAnyParams(outer *testing.T) {
	values := []string{
		"undefined", "null", "0", "-1", "1e309", "NaN", "''", "'text'", "'\\ud800'", "Symbol('s')", "10n", "{}", "[]", "[1, 'a']", "() => 1", "new Date(0)", "/x/",
		"new Uint8Array(3)", "new ArrayBuffer(1e5)", "new DataView(new ArrayBuffer(8), 3)", "new Proxy({}, {})", "new Proxy(() => 1, {})", "new Error('x')", "globalThis",
		"http", "http.cookieJar()", "http.expectedStatuses(200)", "http.file('x')", "http.payload('1kB')", "http.url`http://h/${1}`", "Object.create(null)", "new Map()",
		"{toString() { throw new TypeError('t: own') }}", "{valueOf() { return 1 }}", "new String('s')", "Promise.resolve()", "Object.freeze({a: Object(1)})", "'gzip'", "'digest'", "'30s'",
		"{get a() { throw new TypeError('t: own') }}", "{buffer: 1, byteLength: 5}", "(function* () { yield 1 })()", "http.get",
	}
	rapid.Check(outer, func(t *rapid.T) {
		value := rapid.SampledFrom(values)
		var keys []string
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(paramNames), rapid.ID).Draw(t, "names") {
			v := value.Draw(t, name)
			if name == "headers" || name == "tags" || name == "cookies" {
				v = rapid.SampledFrom([]string{v, "{a: " + v + ", 'é': " + value.Draw(t, "second") + "}", "{a: {value: " + v + "}}"}).Draw(t, "deep")
			}
			keys = append(keys, name+": "+v)
		}
		body := value.Draw(t, "body")
		if rapid.Bool().Draw(t, "form") {
			body = "{a: " + body + ", b: [" + value.Draw(t, "list") + "], f: http.file('x')}"
		}
		code := "http.post('nonsense', " + body + ", {" + strings.Join(keys, ", ") + "})"
		w, err := tryWorld(outer, newPlan(), "", "try { const r = "+code+"; say(r.error_code) } catch (e) { say(e.name + ': ' + e.message) }")
		if err != nil {
			t.Fatal(code, err)
		}
		if err := w.iterate(context.Background()); err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		got := w.heard()
		if len(got) != 1 || got[0] != "1020" && !strings.HasPrefix(got[0], "HTTPError: ") && (!strings.HasPrefix(got[0], "TypeError: ") || !strings.Contains(got[0], ": ") || strings.Contains(got[0], "\n")) {
			t.Fatalf("%s: %q", code, got)
		}
	})
}

// Whatever a script passes, it gets a response or a TypeError of its own.
func FuzzParams(f *testing.F) {
	for _, code := range []string{
		`{headers: {a: 'b'}, tags: {t: 1}}`, `{timeout: '1s', redirects: 2, throw: true}`, `{jar: null, cookies: {a: {value: 'x', replace: true}}}`,
		`{get headers() { throw new Error('x') }}`, `new Proxy({}, {ownKeys() { return ['headers', 'x'] }})`, `{auth: 'digest', compression: 'gzip', proxy: ''}`,
		`{headers: {get a() { return {toString() { throw 1 }} }}}`, `Object.create({headers: 5})`, `{timeout: 1e308}`, `{tags: {name: 'x'.repeat(1e5)}}`,
		`{headers: new Proxy({}, {getOwnPropertyDescriptor() { return {value: 1, configurable: true} }, ownKeys() { return ['a'] }})}`,
		`{responseCallback: http.expectedStatuses(200)}`, `[]`, `{headers: {'\ud800': '\udfff'}}`, `{tags: {'é': 'ü'}, __proto__: {throw: 1}}`,
	} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if len(code) > 2000 || strings.ContainsAny(code, "`") || strings.Contains(code, "while") || strings.Contains(code, "for") || strings.Contains(code, "repeat") {
			return
		}
		p := newPlan()
		w, err := tryWorld(t, p, "", "try { http.post('nonsense', "+code+", "+code+") } catch (e) { say(e instanceof Error ? e.name + ': ' + e.message : 'thrown') }")
		if err != nil {
			return // not JavaScript
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := w.iterate(ctx); err != nil && strings.Contains(err.Error(), "panic") {
			t.Errorf("%s: %v", code, err)
		}
		for _, text := range w.heard() {
			if strings.Contains(text, "runtime error") || strings.Contains(text, "goja.") {
				t.Errorf("%s: %s", code, text)
			}
		}
	})
}
