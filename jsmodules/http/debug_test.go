package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
)

func TestDebug(t *testing.T) {
	url := serve(t, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		if r.URL.Path == "/from" {
			w.Header().Set("Location", strings.Replace("http://"+r.Host+"/to", "://", "://joe:pass1@", 1))
			w.Header().Add("Set-Cookie", "sid=pass2; Path=/; HttpOnly")
			w.WriteHeader(302)
			return
		}
		io.WriteString(w, strings.Repeat("body ", 2000))
	})
	const code = `
		http.post(u + '/from', 'text', {headers: {'X-A': 'b', Cookie: 'own=pass3; x', 'Proxy-Authorization': 'pass4'}, cookies: {c: 'pass5'}});
		http.post(u, http.payload(5), {headers: {Authorization: 'Bearer pass6', 'User-Agent': 'me'}});
		http.get('http://127.0.0.1:1/?q=1');
		http.put(u, new Uint8Array([255, 0]));`
	init := fmt.Sprintf("const u = %q;", strings.Replace(url, "://", "://user:secret@", 1))
	p := newPlan()
	p.HTTP.Debug = "full"
	w := newWorld(t, p, init, code)
	w.run()
	log := strings.Join(w.logged(), "\n----\n")
	for _, secret := range []string{"secret", "pass1", "pass2", "pass3", "pass4", "pass5", "pass6"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log shows %s", secret)
		}
	}
	for _, want := range []string{
		"info: request: POST " + url + "/from\nX-A: b\nProxy-Authorization: ****\nUser-Agent: swarm/test\nAuthorization: Basic ****\nCookie: own=****;****; c=****\nContent-Length: 4\n\ntext\n----",
		"info: response: HTTP/1.1 302 Found\n", "Location: http://****:****@", "Set-Cookie: sid=****; Path=/; HttpOnly",
		"info: request: GET " + url + "/to\n", "body body", "… (10000 bytes)",
		"Authorization: Bearer ****\nUser-Agent: me\nCookie: sid=****\nContent-Length: 5\n\n(a body that is made while it is sent)",
		"info: request: GET http://127.0.0.1:1/?q=1\nUser-Agent: swarm/test\nCookie: sid=****\n----\n", "Content-Length: 2\n\n(no text)\n----", "info: response: connection refused by 127.0.0.1:1",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("not logged: %q", want)
		}
	}
	if n := strings.Count(log, "info: request: "); n != 5 || strings.Count(log, "info: response: ") != 5 {
		t.Errorf("%d requests were logged", n)
	}
	if t.Failed() {
		t.Log(log)
	}
	p = newPlan()
	p.HTTP.Debug = "headers"
	w = newWorld(t, p, init, code)
	w.run()
	log = strings.Join(w.logged(), "\n")
	if strings.Contains(log, "text") && !strings.Contains(log, "Content-Type: text/plain") || strings.Contains(log, "body") {
		t.Errorf("bodies were logged: %s", log)
	}
	w = newWorld(t, newPlan(), init, code)
	w.run()
	if log := strings.Join(w.logged(), "\n"); strings.Contains(log, "info: re") {
		t.Errorf("logged without being asked: %s", log)
	}
}

func TestVeiled(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"X-Api-Key", "hunter2", masked},
		{"x-auth-token", "Bearer hunter2", masked},
		{"X-Amz-Security-Token", "hunter2", masked},
		{"Client-Secret", "hunter2", masked},
		{"X-Password", "hunter2", masked},
		{"SESSION-ID", "hunter2", masked},
		{"X-Authenticated-User", "hunter2", masked},
		{"Authentication-Info", `nextnonce="hunter2"`, masked},
		{"authorization", "Bearer hunter2", "Bearer " + masked},
		{"cookie", "a=hunter2", "a=" + masked},
		{"referer", "http://u:hunter2@h/", "http://****:****@h/"},
		{"WWW-Authenticate", `Digest realm="here"`, `Digest realm="here"`},
		{"Content-Type", "text/html", "text/html"},
		{"Accept", "*/*", "*/*"},
		{"X-Request-Id", "17", "17"},
	} {
		if got := veiled(tc.name, tc.value); got != tc.want {
			t.Errorf("%s: %s is shown as %s, want %s", tc.name, tc.value, got, tc.want)
		}
	}
}

func FuzzVeiled(f *testing.F) {
	f.Add("a=secret; b=secret")
	f.Add("Basic secret")
	f.Add("=secret;;secret=secret")
	f.Fuzz(func(t *testing.T, value string) {
		for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization", "Set-Cookie", "Location", "X-Other"} {
			veiled(name, value)
		}
		// However a cookie is written, no value of one shows.
		marked := strings.ReplaceAll(value, "=", "=\x00\x00\x00")
		if strings.Contains(value, "\x00") {
			return
		}
		if got := veiled("Cookie", marked); strings.Contains(got, "\x00") {
			t.Errorf("Cookie: %q shows as %q", marked, got)
		}
	})
}
