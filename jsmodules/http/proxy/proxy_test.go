package proxy

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		raw, address, text string
		secure, absolute   bool
		resolves           bool
		authorization      string
	}{
		{"http://proxy.example", "proxy.example:80", "http://proxy.example:80", false, true, true, ""},
		{"HTTP://Proxy.Example:3128/", "proxy.example:3128", "http://proxy.example:3128", false, true, true, ""},
		{"https://proxy.example", "proxy.example:443", "https://proxy.example:443", true, true, true, ""},
		{"socks5://127.0.0.1", "127.0.0.1:1080", "socks5://127.0.0.1:1080", false, false, false, ""},
		{"socks5h://[::1]:9", "[::1]:9", "socks5h://[::1]:9", false, false, true, ""},
		{"http://[fe80::1%25eth0]:3128", "[fe80::1%eth0]:3128", "http://[fe80::1%eth0]:3128", false, true, true, ""},
		{"http://my_proxy:0080", "my_proxy:80", "http://my_proxy:80", false, true, true, ""},
		{"http://bücher.example", "xn--bcher-kva.example:80", "http://xn--bcher-kva.example:80", false, true, true, ""},
		{"http://u:p@h", "h:80", "http://***@h:80", false, true, true, "Basic dTpw"},
		{"http://token@h", "h:80", "http://***@h:80", false, true, true, "Basic dG9rZW46"},
		{"http://:p@h", "h:80", "http://***@h:80", false, true, true, "Basic OnA="},
		{"http://@h", "h:80", "http://h:80", false, true, true, ""},
		{"https://a%40b:p%3A%2f%23@h:1", "h:1", "https://***@h:1", true, true, true, "Basic " + base64.StdEncoding.EncodeToString([]byte("a@b:p:/#"))},
		{"socks5://u:p@h", "h:1080", "socks5://***@h:1080", false, false, false, ""},
	} {
		p, err := Parse(tt.raw)
		if err != nil {
			t.Errorf("%s: %v", tt.raw, err)
			continue
		}
		if p.Address() != tt.address || p.String() != tt.text || p.Secure() != tt.secure || p.Absolute() != tt.absolute ||
			p.Resolves() != tt.resolves || p.Authorization() != tt.authorization {
			t.Errorf("%s: %s %s secure=%v absolute=%v resolves=%v %q", tt.raw, p.Address(), p, p.Secure(), p.Absolute(), p.Resolves(), p.Authorization())
		}
		if u, err := url.Parse(tt.raw); err != nil || !strings.EqualFold(u.Hostname(), p.Host()) && !strings.HasPrefix(p.Host(), "xn--") {
			t.Errorf("%s: host %q", tt.raw, p.Host())
		}
	}
}

func TestParseErrors(t *testing.T) {
	long := strings.Repeat("secret", 50)
	for raw, want := range map[string]string{
		"":                                   "has no scheme",
		"secret.example":                     "has no scheme",
		"secret.example:3128":                "is not a URL like", // "secret.example" reads as a scheme
		"//secret":                           "has no scheme",
		"ftp://u:secret@h":                   "unknown scheme: use http, https, socks5 or socks5h",
		"socks4://u:secret@h":                "unknown scheme",
		"http://":                            "has no host",
		"http://u:secret@":                   "has no host",
		"http://u:secret@:80":                "has no host",
		"http://u:secret":                    "is not a URL like",
		"http://u:se/cret@h":                 "is not a URL like",
		"http://u:se#cret@h":                 "is not a URL like",
		"http://u:%zzsecret@h":               "is not a URL like",
		"http://secret\r\nX: y@h":            "is not a URL like",
		"http://u:secret@h/path":             "path, query or fragment",
		"http://u:secret@h?":                 "path, query or fragment",
		"http://u:secret@h#f":                "path, query or fragment",
		"http://u:secret@h:0":                "port that is not a number from 1 to 65535",
		"http://u:secret@h:65536":            "port that is not a number from 1 to 65535",
		"http://u:secret@h:99999999999":      "port that is not a number from 1 to 65535",
		"http://u:secret%0d%0aX-Evil:1@h":    "control character",
		"http://u%00secret:x@h":              "control character",
		"http://u%3asecret:x@h":              "colon in its user name",
		"socks5://:secret@h":                 "password without a user name",
		"socks5://u:" + long + "@h":          "more than 255 bytes",
		"socks5h://" + long + ":x@h":         "more than 255 bytes",
		"http://sec ret":                     "is not a URL like",
		"http://secret,b":                    "host that is not a name or address",
		"http://" + strings.Repeat("a", 300): "host that is not a name or address",
	} {
		p, err := Parse(raw)
		if p != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", raw, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}

// TestSecrecy prints proxies and errors in every way: no credential shows.
func TestSecrecy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[A-Z]{12}[ -~]{0,10}`).Draw(t, "secret")
		scheme := rapid.SampledFrom([]string{"http", "https", "socks5", "socks5h", "ftp"}).Draw(t, "scheme")
		raw := scheme + "://" + rapid.SampledFrom([]string{
			"user:" + secret + "@host", url.UserPassword("user", secret).String() + "@host:1", url.UserPassword(secret, "x").String() + "@host",
			"user:" + secret, "user:" + secret + ":", "user:" + secret + "@host:port", "user:" + secret + "@host/path",
		}).Draw(t, "rest")
		p, err := Parse(raw)
		var shown string
		if err != nil {
			shown = err.Error()
		} else {
			shown = fmt.Sprintf("%v %+v %#v %s %q %v", p, p, p, p, p, []*Proxy{p})
			_, err := p.parseTarget("x")
			shown += p.wrap("connect", err).Error()
		}
		if strings.Contains(shown, secret[:12]) {
			t.Fatalf("%s shows the secret: %s", raw, shown)
		}
	})
}

// TestCredentials checks that what is encoded in a URL arrives as it was.
func TestCredentials(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		user := rapid.StringMatching(`[^:\x00-\x1f\x7f]{1,20}`).Draw(t, "user")
		password := rapid.StringMatching(`[^\x00-\x1f\x7f]{0,20}`).Draw(t, "password")
		p, err := Parse("http://" + url.UserPassword(user, password).String() + "@host")
		if err != nil {
			t.Fatal(err)
		}
		got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Authorization(), "Basic "))
		if err != nil || string(got) != user+":"+password {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"http://u:p@h:1", "socks5h://[::1]", "https://%41@x/", "http://bücher"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := Parse(raw)
		if err != nil {
			return
		}
		if strings.ContainsAny(p.Address()+p.Authorization(), "\r\n\x00") {
			t.Fatalf("%q gives %q %q", raw, p.Address(), p.Authorization())
		}
		again, err := Parse(strings.Replace(p.String(), "***@", "", 1))
		if strings.Contains(p.Host(), "%") {
			return // a zone is written another way
		}
		if err != nil || again.Address() != p.Address() || again.Secure() != p.Secure() || again.Resolves() != p.Resolves() {
			t.Fatalf("%q reads as %s, and that as %v, %v", raw, p, again, err)
		}
	})
}

func TestFromEnv(t *testing.T) {
	lookup := func(env map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	}
	env := map[string]string{
		"HTTP_PROXY": "http://u:p@upper:1", "http_proxy": "lower:2", "HTTPS_PROXY": "socks5h://secure:3",
		"NO_PROXY": "skip.example, .below.example,10.0.0.0/8,192.0.2.1:8080,[2001:db8::1]:99",
	}
	via, err := FromEnv(lookup(env))
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]string{
		"http://example.com/a":     "http://lower:2",
		"ws://example.com/a":       "http://lower:2",
		"https://example.com":      "socks5h://secure:3",
		"wss://example.com:444":    "socks5h://secure:3",
		"ftp://example.com":        "",
		"http://skip.example":      "",
		"https://www.skip.example": "",
		"http://below.example":     "http://lower:2",
		"http://x.below.example":   "",
		"http://10.1.2.3:99":       "",
		"http://11.1.2.3:99":       "http://lower:2",
		"http://192.0.2.1:8080":    "",
		"http://192.0.2.1":         "http://lower:2",
		"http://localhost:1":       "",
		"http://127.0.0.1":         "",
		"https://[::1]":            "",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if p := via(u); p != nil {
			got = p.String()
		}
		if got != want {
			t.Errorf("%s goes through %q, want %q", raw, got, want)
		}
		if u.String() != raw {
			t.Errorf("the URL became %s", u)
		}
	}

	u, _ := url.Parse("http://example.com")
	for _, tt := range []struct {
		env  map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"HTTP_PROXY": ""}, ""},
		{map[string]string{"HTTPS_PROXY": "h:1"}, ""},
		{map[string]string{"HTTP_PROXY": "h:1", "NO_PROXY": "*"}, ""},
		{map[string]string{"HTTP_PROXY": "h:1", "REQUEST_METHOD": "GET"}, ""},
		{map[string]string{"HTTP_PROXY": "u:p@h:1"}, "http://***@h:1"},
	} {
		via, err := FromEnv(lookup(tt.env))
		if err != nil {
			t.Fatal(tt.env, err)
		}
		got := ""
		if p := via(u); p != nil {
			got = p.String()
		}
		if got != tt.want {
			t.Errorf("%v: %q, want %q", tt.env, got, tt.want)
		}
	}
	for _, env := range []map[string]string{{"HTTP_PROXY": "ftp://u:secret@h"}, {"HTTP_PROXY": "http://u:secret@h/x"}, {"HTTP_PROXY": "u:secret@"}} {
		via, err := FromEnv(lookup(env))
		if via != nil || err == nil || !strings.HasPrefix(err.Error(), "HTTP_PROXY: proxy ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v", env, err)
		}
	}
}
