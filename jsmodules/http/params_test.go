package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
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
