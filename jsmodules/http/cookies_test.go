package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Which cookies a jar takes from whom, and to whom it sends them.
func TestCookieRules(t *testing.T) {
	handler := nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if set := r.URL.Query().Get("set"); set != "" {
			w.Header().Set("Set-Cookie", set)
		}
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	p := newPlan()
	p.HTTP.InsecureSkipTLSVerify = true
	p.HTTP.Hosts = map[string]string{}
	for _, host := range []string{"shop.example.com", "www.shop.example.com", "example.com", "example.co.uk", "other.com", "me.github.io"} {
		p.HTTP.Hosts[host+":80"] = strings.TrimPrefix(plain.URL, "http://")
		p.HTTP.Hosts[host+":443"] = strings.TrimPrefix(secure.URL, "https://")
	}
	for _, tt := range []struct{ set, from, to, want string }{
		{"a=1", "https://shop.example.com/x/y", "https://shop.example.com/x/z", "a=1"},
		{"a=1", "https://shop.example.com/x/y", "https://shop.example.com/z", ""},
		{"a=1; Path=/", "https://shop.example.com/x/y", "http://shop.example.com/z", "a=1"},
		{"a=1; Path=/x", "https://shop.example.com/", "https://shop.example.com/xy", ""},
		{"a=1; Path=/x", "https://shop.example.com/", "https://shop.example.com/x/y", "a=1"},
		{"a=1", "https://shop.example.com/", "https://www.shop.example.com/", ""},
		{"a=1; Domain=shop.example.com", "https://shop.example.com/", "https://www.shop.example.com/", "a=1"},
		{"a=1; Domain=.example.com", "https://shop.example.com/", "https://example.com/", "a=1"},
		{"a=1; Domain=www.shop.example.com", "https://shop.example.com/", "https://www.shop.example.com/", ""},
		{"a=1; Domain=other.com", "https://shop.example.com/", "https://other.com/", ""},
		{"a=1; Domain=com", "https://shop.example.com/", "https://other.com/", ""},
		{"a=1; Domain=co.uk", "https://example.co.uk/", "https://example.co.uk/", ""},
		{"a=1; Domain=github.io", "https://me.github.io/", "https://me.github.io/", ""},
		{"a=1; Secure", "https://example.com/", "http://example.com/", ""},
		{"a=1; Secure", "https://example.com/", "https://example.com/", "a=1"},
		{"a=1; HttpOnly", "https://example.com/", "https://example.com/", "a=1"},
		{"a=1; Max-Age=0", "https://example.com/", "https://example.com/", ""},
		{"a=1; Max-Age=60", "https://example.com/", "https://example.com/", "a=1"},
		{"a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://example.com/", "https://example.com/", ""},
		{"a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT", "https://example.com/", "https://example.com/", "a=1"},
		{"a=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT; Max-Age=-1", "https://example.com/", "https://example.com/", ""},
		{"a=1; Expires=soon", "https://example.com/", "https://example.com/", "a=1"},
		{"__Host-a=1; Secure; Path=/", "https://example.com/", "https://example.com/x", "__Host-a=1"},
		{"__Host-a=1; Path=/", "https://example.com/", "https://example.com/", ""},
		{"__Host-a=1; Secure; Path=/x", "https://example.com/x", "https://example.com/x", ""},
		{"__host-a=1; Secure; Path=/; Domain=example.com", "https://example.com/", "https://example.com/", ""},
		{"__Host-a=1; Secure; Path=/", "http://example.com/", "https://example.com/", ""},
		{"__Secure-a=1; Secure", "https://example.com/", "https://example.com/", "__Secure-a=1"},
		{"__Secure-a=1", "https://example.com/", "https://example.com/", ""},
		{"__Secure-a=1; Secure", "http://example.com/", "https://example.com/", ""},
		{"=1", "https://example.com/", "https://example.com/", ""},
		{"a b=1", "https://example.com/", "https://example.com/", ""},
	} {
		w := newWorld(t, p, "", fmt.Sprintf(`
			const from = %q, jar = new http.CookieJar();
			http.get(from + '?set=' + encodeURIComponent(%q), {jar: jar});
			say(http.get(%q, {jar: jar}).body);`, tt.from, tt.set, tt.to))
		if got := w.run()[0]; got != tt.want {
			t.Errorf("%s from %s: %s gets %q, want %q", tt.set, tt.from, tt.to, got, tt.want)
		}
	}
}

func TestJars(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Header().Set("Set-Cookie", "sid=1")
		io.WriteString(w, r.Header.Get("Cookie"))
	})
	says(t, newPlan(), "const u = '"+url+"';", `
		http.get(u, {jar: null});
		say(http.get(u, {jar: null}).body === '', http.get(u).body === '', http.get(u).body, http.get(u, {jar: null, cookies: {own: 1}}).body);
		http.get(u, {jar: undefined});
		const jar = new http.CookieJar();
		jar.set(u, 'n', 5, {max_age: 60, secure: false, http_only: true, path: '/', expires: 'Thu, 01 Jan 2099 00:00:00 GMT'});
		say(http.get(u, {jar}).body, http.get(u, {jar, cookies: {n: {value: 'r', replace: true}, gone: null, un: undefined}}).body);
		jar.set(u, 'n', 'x', {max_age: 0}); say(JSON.stringify(jar.cookiesForURL(u)));`,
		"true true sid=1 own=1", "n=5 n=r; sid=1", `{"sid":["1"]}`)
	for code, want := range map[string]string{
		"http.get('x', {cookies: {a: {valeu: 1}}})":                     `http.get: the cookie "a": unknown key "valeu", did you mean "value"?`,
		"http.get('x', {cookies: {a: {value: 1, replace: 'yes'}}})":     `the cookie "a": replace must be true or false, got "yes"`,
		"http.get('x', {cookies: {a: {value: {}}}})":                    `the cookie "a" must be a string, a number or a boolean, got an object`,
		"http.get('x', {cookies: {a: Symbol('s')}})":                    `the cookie "a" must be a string, a number or a boolean, got a symbol`,
		"http.get('x', {cookies: ['a']})":                               `cookies must be an object, got an array`,
		"http.get('x', {jar: {}})":                                      `jar must be a CookieJar or null, got an object`,
		"http.cookieJar().set('http://h', 'a', 'b', {max_age: 'x'})":    `CookieJar.set: max_age must be a whole number of seconds, got "x"`,
		"http.cookieJar().set('http://h', 'a', 'b', {expires: 5})":      `CookieJar.set: expires must be a time such as`,
		"http.cookieJar().set('http://h', 'a', 'b', {expires: 'soon'})": `got "soon"`,
		"http.cookieJar().set('http://h', 'a', 'b', {secure: 1})":       `secure must be true or false, got 1`,
		"http.cookieJar().set('http://h', 'a', 'b', {domain: {}})":      `domain must be a string, got an object`,
		"http.cookieJar().set('http://h', 'a')":                         `value must be a string, a number or a boolean, got undefined`,
		"http.cookieJar().set('http://h')":                              `name must be a string, got undefined`,
		"http.cookieJar().delete('http://h')":                           `CookieJar.delete: name must be a string, got undefined`,
	} {
		throws(t, newPlan(), code, want)
	}
}
