package plan

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// block returns a PEM text of that type. Only its shape counts here.
func block(kind string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("hunter2 hunter2")}))
}

// text returns s as JSON.
func quoteJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func TestNetworkOptions(t *testing.T) {
	cert, key, sealed := block("CERTIFICATE"), block("EC PRIVATE KEY"), block("ENCRYPTED PRIVATE KEY")
	dns := defaultDNS()
	for options, want := range map[string]HTTP{
		`{}`: {},
		`{"rps":null,"proxy":null,"httpVersion":null,"httpDebug":null,"dns":null,"tlsVersion":null,"tlsAuth":null,"tlsCACerts":null,"localIPs":null,"blacklistIPs":null,"blockHostnames":null,"connectionLifetime":0,"tlsSessionResumption":null,"tlsCipherSuites":null,"unixSockets":null}`: {},
		`{"rps":0,"proxy":"","httpVersion":"","httpDebug":"","dns":"","tlsVersion":"","tlsCACerts":[],"localIPs":"","unixSockets":[]}`:                                                                                                                                                       {},
		`{"rps":100}`:                   {RPS: 100},
		`{"rps":"250"}`:                 {RPS: 250},
		`{"httpVersion":"1.1"}`:         {Version: "1.1"},
		`{"httpVersion":2}`:             {Version: "2"},
		`{"httpVersion":"h2c"}`:         {Version: "h2c"},
		`{"httpVersion":3}`:             {Version: "3"},
		`{"httpVersion":"auto"}`:        {Version: "auto"},
		`{"httpDebug":true}`:            {Debug: "headers"},
		`{"httpDebug":false}`:           {},
		`{"httpDebug":"true"}`:          {Debug: "headers"},
		`{"httpDebug":"full"}`:          {Debug: "full"},
		`{"connectionLifetime":"90s"}`:  {ConnectionLifetime: 90 * time.Second},
		`{"tlsSessionResumption":true}`: {TLS: TLS{Resumption: true}},

		`{"proxy":"http://127.0.0.1:3128"}`:                                     {Proxy: "http://127.0.0.1:3128"},
		`{"proxy":"socks5h://u:p@[::1]:1080/"}`:                                 {Proxy: "socks5h://u:p@[::1]:1080/"},
		`{"proxy":"https://proxy.test"}`:                                        {Proxy: "https://proxy.test"},
		`{"proxy":{"http":"http://a:1","https":"socks5://b:2","no":"*.c,::1"}}`: {Proxies: Proxies{"http://a:1", "socks5://b:2", "*.c,::1"}},
		`{"proxy":{"http":"","https":"","no":"x"}}`:                             {},

		`{"dns":{"ttl":"inf","select":"first","policy":"onlyIPv6"}}`: {DNS: DNS{-1, "first", "onlyIPv6"}},
		`{"dns":{"ttl":0}}`:                              {DNS: DNS{0, dns.Select, dns.Policy}},
		`{"dns":{"ttl":"0"}}`:                            {DNS: DNS{0, dns.Select, dns.Policy}},
		`{"dns":{"ttl":1500,"select":null}}`:             {DNS: DNS{1500 * time.Millisecond, dns.Select, dns.Policy}},
		`{"dns":"ttl=1m, select=roundRobin,policy=any"}`: {DNS: DNS{time.Minute, "roundRobin", "any"}},
		`{"dns":"policy=preferIPv6"}`:                    {DNS: DNS{dns.TTL, dns.Select, "preferIPv6"}},
		`{"dns":"ttl=inf"}`:                              {DNS: DNS{-1, dns.Select, dns.Policy}},

		`{"blacklistIPs":["10.1.2.3/8","192.0.2.1","::ffff:172.16.0.0/108","fd00::1/8","10.0.0.0/8"]}`: {BlacklistIPs: []string{"10.0.0.0/8", "192.0.2.1/32", "172.16.0.0/12", "fd00::/8"}},
		`{"blockHostnames":["Example.COM","*.example.com.","*","bücher.example","example.com"]}`:       {BlockHostnames: []string{"example.com", "*.example.com", "*", "xn--bcher-kva.example"}},
		`{"localIPs":["127.0.0.2","10.0.0.2-10.0.0.9","10.1.0.0/24","fd00::/64"]}`:                     {LocalIPs: []string{"127.0.0.2", "10.0.0.2-10.0.0.9", "10.1.0.0/24", "fd00::/64"}},
		`{"localIPs":"127.0.0.2, 127.0.0.3"}`:                                                          {LocalIPs: []string{"127.0.0.2", "127.0.0.3"}},
		`{"hosts":{"Bücher.example:80":"127.0.0.1","*.A.test":"::1"}}`:                                 {Hosts: map[string]string{"xn--bcher-kva.example:80": "127.0.0.1", "*.a.test": "::1"}},

		`{"tlsVersion":"tls1.3"}`:                        {TLS: TLS{MinVersion: "tls1.3", MaxVersion: "tls1.3"}},
		`{"tlsVersion":{"min":"tls1.0","max":"tls1.2"}}`: {TLS: TLS{MinVersion: "tls1.0", MaxVersion: "tls1.2"}},
		`{"tlsVersion":{"min":"tls1.2"}}`:                {TLS: TLS{MinVersion: "tls1.2"}},
		`{"tlsVersion":{"max":"tls1.2"}}`:                {TLS: TLS{MaxVersion: "tls1.2"}},
		`{"tlsVersion":{"max":"tls1.1"}}`:                {TLS: TLS{MinVersion: "tls1.0", MaxVersion: "tls1.1"}},
		`{"tlsCipherSuites":["TLS_RSA_WITH_RC4_128_SHA","TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}`: {TLS: TLS{CipherSuites: []string{"TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}}},
		`{"tlsCACerts":` + quoteJSON(cert+cert) + `}`:                                              {TLS: TLS{CACerts: []string{cert + cert}}},
		`{"tlsCACerts":[` + quoteJSON(cert) + `,` + quoteJSON("# x\n"+cert) + `]}`:                 {TLS: TLS{CACerts: []string{cert, "# x\n" + cert}}},
		`{"tlsAuth":[{"cert":` + quoteJSON(cert) + `,"key":` + quoteJSON(key) + `}]}`:              {TLS: TLS{Auth: []TLSAuth{{Cert: cert, Key: key}}}},
		`{"tlsAuth":[{"domains":["A.test","*.b.test","127.0.0.1","[::1]"],"cert":` + quoteJSON(cert) + `,"key":` + quoteJSON(sealed) + `,"password":"hunter2"}]}`: {
			TLS: TLS{Auth: []TLSAuth{{Domains: []string{"a.test", "*.b.test", "127.0.0.1", "::1"}, Cert: cert, Key: sealed, Password: "hunter2"}}}},
	} {
		if want.DNS == (DNS{}) {
			want.DNS = dns
		}
		p := parse(t, options, Overrides{})
		base := parse(t, "", Overrides{}).HTTP
		want.UserAgent, want.MaxRedirects, want.Batch, want.BatchPerHost = base.UserAgent, base.MaxRedirects, base.Batch, base.BatchPerHost
		if diff := cmp.Diff(want, p.HTTP, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%.200s (-want +got):\n%s", options, diff)
		}
		again := parse(t, string(p.Options()), Overrides{})
		if diff := cmp.Diff(p.HTTP, again.HTTP, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%.200s is not the same again (-first +second):\n%s", options, diff)
		}
	}
}

func TestNetworkProblems(t *testing.T) {
	cert, key := quoteJSON(block("CERTIFICATE")), quoteJSON(block("PRIVATE KEY"))
	for options, want := range map[string]string{
		`{"rps":-1}`:                     `rps: must be a whole number of at least 0, got -1`,
		`{"rps":1.5}`:                    `rps: must be a whole number of at least 0, got 1.5`,
		`{"rps":1e308}`:                  `rps: must be a whole number of at most 10,000,000, got 1e308`,
		`{"httpVersion":"h3"}`:           `httpVersion: must be "1.1", "2", "h2c", "3" or "auto", got "h3" (did you mean "3"?)`,
		`{"httpVersion":"ato"}`:          `httpVersion: must be "1.1", "2", "h2c", "3" or "auto", got "ato" (did you mean "auto"?)`,
		`{"httpVersion":1.0}`:            `httpVersion: must be "1.1", "2", "h2c", "3" or "auto", got 1.0 (did you mean "1.1"?)`,
		`{"httpDebug":"ful"}`:            `httpDebug: must be "headers" or "full", got "ful" (did you mean "full"?)`,
		`{"connectionLifetime":-1}`:      `connectionLifetime: must not be negative, got -1`,
		`{"tlsSessionResumption":"yes"}`: `tlsSessionResumption: must be true or false, got "yes"`,

		`{"dns":{"tll":"5m"}}`:               `dns.tll: unknown setting of dns (did you mean "ttl"?)`,
		`{"dns":{"ttl":"soon"}}`:             `dns.ttl: must be a duration such as "5m", a number of milliseconds, or "inf", got "soon"`,
		`{"dns":{"ttl":true}}`:               `dns.ttl: must be a duration such as "5m", a number of milliseconds, or "inf", got true`,
		`{"dns":{"ttl":-1}}`:                 `dns.ttl: must not be negative, got -1 ("inf" is for ever)`,
		`{"dns":{"ttl":"9999d"}}`:            `dns.ttl: must be at most 365 days, got "9999d" ("inf" is for ever)`,
		`{"dns":{"select":"roundrobin"}}`:    `dns.select: must be "first" or "random" or "roundRobin", got "roundrobin" (did you mean "roundRobin"?)`,
		`{"dns":{"policy":"IPv4"}}`:          `dns.policy: must be "preferIPv4" or "preferIPv6" or "onlyIPv4" or "onlyIPv6" or "any", got "IPv4"`,
		`{"dns":"ttl"}`:                      `dns: must be key=value pairs, got "ttl" (such as "ttl=5m,select=random,policy=preferIPv4")`,
		`{"dns":"ttl=1m,ttl=2m"}`:            `dns: names "ttl" twice`,
		`{"dns":"ttl=x"}`:                    `dns.ttl: must be a duration such as "5m", a number of milliseconds, or "inf", got "x"`,
		`{"dns":5}`:                          `dns: must be an object or a string such as "ttl=5m,select=random", got 5`,
		`{"blacklistIPs":["10.0.0.0/33"]}`:   `blacklistIPs[0]: must be an IP address or a network such as "10.0.0.0/8", got "10.0.0.0/33"`,
		`{"blacklistIPs":["a.test"]}`:        `blacklistIPs[0]: must be an IP address or a network such as "10.0.0.0/8", got "a.test"`,
		`{"blacklistIPs":[null]}`:            `blacklistIPs[0]: must be an address range, got null`,
		`{"blacklistIPs":"10.0.0.0/8"}`:      `blacklistIPs: must be an array of address ranges, got "10.0.0.0/8"`,
		`{"blockHostnames":["10.0.0.1"]}`:    `blockHostnames[0]: must be a host name, got "10.0.0.1" (blacklistIPs is for addresses)`,
		`{"blockHostnames":["a.*.test"]}`:    `blockHostnames[0]: must be a host name, with or without *. in front, got "a.*.test" (such as "example.com", "*.example.com" or "*")`,
		`{"blockHostnames":["http://a"]}`:    `blockHostnames[0]: must be a host name, with or without *. in front, got "http://a" (such as "example.com", "*.example.com" or "*")`,
		`{"blockHostnames":[null]}`:          `blockHostnames[0]: must be a host name, got null`,
		`{"localIPs":["10.0.0.9-10.0.0.2"]}`: `localIPs[0]: must be an IP address, a range such as "10.0.0.2-10.0.0.9" or a network such as "10.0.0.0/24", got "10.0.0.9-10.0.0.2"`,
		`{"localIPs":"10.0.0.1,eth0"}`:       `localIPs: must be an IP address, a range such as "10.0.0.2-10.0.0.9" or a network such as "10.0.0.0/24", got "eth0"`,
		`{"localIPs":["0.0.0.0"]}`:           `localIPs[0]: must be an IP address, a range such as "10.0.0.2-10.0.0.9" or a network such as "10.0.0.0/24", got "0.0.0.0"`,

		`{"hosts":{"a.test":"unix:run/a.sock"}}`: `hosts["a.test"]: must name a unix socket by its whole path, got "unix:run/a.sock" (such as "unix:/run/app.sock")`,
		`{"hosts":{"a.test":"unix:/run/a"}}`:     `hosts["a.test"]: the unix socket "/run/a" is not allowed (--allow-unix-socket /run/a allows it)`,
		`{"unixSockets":["/run/a"]}`:             `unixSockets: a script cannot allow itself unix sockets (--allow-unix-socket PATH does)`,
		`{"hosts":{"a.test":"unix:/run/a"},"unixSockets":["/run/a"]}`: "unixSockets: a script cannot allow itself unix sockets (--allow-unix-socket PATH does)\n" +
			`hosts["a.test"]: the unix socket "/run/a" is not allowed (--allow-unix-socket /run/a allows it)`,

		`{"proxy":"127.0.0.1:3128"}`:             `proxy: must be the URL of a proxy (such as "http://127.0.0.1:3128" or "socks5://user:password@127.0.0.1:1080")`,
		`{"proxy":"htp://a:1"}`:                  `proxy: must be an http, https, socks5 or socks5h URL, got one of "htp" (did you mean "http"?)`,
		`{"proxy":"http://:3128"}`:               `proxy: must name the host of a proxy, and its port (such as "http://127.0.0.1:3128" or "socks5://user:password@127.0.0.1:1080")`,
		`{"proxy":"http://a:0"}`:                 `proxy: must name the host of a proxy, and its port (such as "http://127.0.0.1:3128" or "socks5://user:password@127.0.0.1:1080")`,
		`{"proxy":"http://a:1/x?y"}`:             `proxy: must end after the port (such as "http://127.0.0.1:3128" or "socks5://user:password@127.0.0.1:1080")`,
		`{"proxy":"http://u:****@a:1"}`:          `proxy: its password is masked (swarm inspect masks secrets: put it in again)`,
		`{"proxy":{"htp":"http://a:1"}}`:         `proxy.htp: unknown kind of proxy (did you mean "http"?)`,
		`{"proxy":{"http":"ftp://u:hunter2@a"}}`: `proxy.http: must be an http, https, socks5 or socks5h URL, got one of "ftp"`,
		`{"proxy":5}`:                            `proxy: must be a string, got 5`,
		`{"baseURL":"http://u:****@a"}`:          `baseURL: its password is masked (swarm inspect masks secrets: put it in again)`,
		`{"baseURL":"ftp://u:hunter2@a"}`:        `baseURL: must be a URL such as "https://host:8443", got what is not shown here`,

		`{"tlsVersion":"1.2"}`:                                                                        `tlsVersion: must be "tls1.0", "tls1.1", "tls1.2" or "tls1.3", got "1.2" (did you mean "tls1.2"?)`,
		`{"tlsVersion":"ssl3.0"}`:                                                                     `tlsVersion: must be "tls1.0", "tls1.1", "tls1.2" or "tls1.3", got "ssl3.0" (nobody should speak SSL 3.0 any more, and swarm cannot)`,
		`{"tlsVersion":1.2}`:                                                                          `tlsVersion: must be a version such as "tls1.3" or {min, max}, got 1.2`,
		`{"tlsVersion":{"min":"tls1.3","max":"tls1.2"}}`:                                              `tlsVersion: min is tls1.3, above max, which is tls1.2`,
		`{"tlsVersion":{"mn":"tls1.3"}}`:                                                              `tlsVersion.mn: unknown end of the range of versions (did you mean "min"?)`,
		`{"tlsCipherSuites":["TLS_RSA_WITH_RC4_128"]}`:                                                `tlsCipherSuites[0]: unknown cipher suite "TLS_RSA_WITH_RC4_128" (did you mean "TLS_RSA_WITH_RC4_128_SHA"?)`,
		`{"tlsCipherSuites":"TLS_RSA_WITH_RC4_128_SHA"}`:                                              `tlsCipherSuites: must be an array of names of cipher suites, got "TLS_RSA_WITH_RC4_128_SHA"`,
		`{"tlsCACerts":"ca.pem"}`:                                                                     `tlsCACerts: must be a certificate in PEM (PEM is text that begins with -----BEGIN; --ca-cert, --tls-cert and --tls-key read files)`,
		`{"tlsCACerts":[` + key + `]}`:                                                                `tlsCACerts[0]: must be a certificate in PEM (the PEM text holds something else)`,
		`{"tlsAuth":{}}`:                                                                              `tlsAuth: must be an array of client certificates, got an object`,
		`{"tlsAuth":["hunter2"]}`:                                                                     `tlsAuth[0]: must be an object with cert and key, got what is not shown here`,
		`{"tlsAuth":[null]}`:                                                                          `tlsAuth[0]: must be an object with cert and key, got null`,
		`{"tlsAuth":[{"cert":` + cert + `}]}`:                                                         `tlsAuth[0]: key is missing (such as key: "-----BEGIN …"; --tls-cert and --tls-key read files)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":null}]}`:                                              `tlsAuth[0]: key is missing (such as key: "-----BEGIN …"; --tls-cert and --tls-key read files)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":` + cert + `}]}`:                                      `tlsAuth[0].key: must be a private key in PEM (the PEM text holds something else)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":"****"}]}`:                                            `tlsAuth[0].key: the key is masked (swarm inspect masks secrets: put it in again)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":` + key + `,"password":"****"}]}`:                     `tlsAuth[0].password: the password is masked (swarm inspect masks secrets: put it in again)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":` + key + `,"password":7}]}`:                          `tlsAuth[0].password: must be a string, got what is not shown here`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":` + key + `,"pasword":"hunter2"}]}`:                   `tlsAuth[0].pasword: unknown part of a client certificate (did you mean "password"?)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":` + key + `,"domains":["a b"]}]}`:                     `tlsAuth[0].domains[0]: "a b" is not a host name (such as "example.com" or "*.example.com"; without domains it is shown everywhere)`,
		`{"tlsAuth":[{"cert":` + cert + `,"key":` + quoteJSON(block("ENCRYPTED PRIVATE KEY")) + `}]}`: `tlsAuth[0]: the key is encrypted, and password is missing (SWARM_TLS_KEY_PASSWORD gives the one of --tls-key)`,
	} {
		_, err := Parse([]byte(options), Overrides{}, source())
		if err == nil || err.Error() != want {
			t.Errorf("%.150s:\n got %v\nwant %s", options, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.150s: the secret is told: %v", options, err)
		}
	}
}

// Sockets are the operator's to allow, in any layer but the script.
func TestUnixSocketsByLayer(t *testing.T) {
	script := `{"hosts":{"a.test":"unix:/run//a.sock"}}`
	for i, layers := range [][3]string{
		{`{"unixSockets":["/run/a.sock"]}`, "", ""}, {"", `{"unixSockets":["/run/a.sock"]}`, ""}, {"", "", `{"unixSockets":["/run/a.sock"]}`},
	} {
		p, from, err := layered(layers[0], script, layers[1], layers[2])
		if err != nil || len(p.HTTP.UnixSockets) != 1 || p.HTTP.Hosts["a.test"] != "unix:/run//a.sock" {
			t.Errorf("layer %d: %v", i, err)
		} else if want := []string{"swarm.yaml:1:1", "$unixSockets", "--unixSockets"}[i]; from["unixSockets"] != `["/run/a.sock"] `+want {
			t.Errorf("layer %d: %s", i, from["unixSockets"])
		}
	}
	_, _, err := layered(`{"unixSockets":["a.sock","/`+strings.Repeat("x", 107)+`"]}`, "", "", "")
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Errorf("paths that are none: %v", err)
	}
	// What the script says is refused also when it is not what counts.
	p, _, err := layered("", `{"unixSockets":["/var/run/docker.sock"]}`, "", `{"unixSockets":["/run/a.sock"]}`)
	if err == nil && (len(p.HTTP.UnixSockets) != 1 || p.HTTP.UnixSockets[0] != "/run/a.sock") {
		t.Errorf("sockets %q", p.HTTP.UnixSockets)
	}
}

func TestOriginOfPartsWrittenAsText(t *testing.T) {
	_, from, err := layered("", `{"tlsVersion":"tls1.2","dns":{"ttl":"1m","policy":"any"}}`, `{"dns":"ttl=2m,select=first"}`, "")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"dns.ttl": `"2m" $dns`, "dns.select": `"first" $dns`, "dns.policy": `"preferIPv4" `,
		"tlsVersion.min": `"tls1.2" s.js:1:1`, "tlsVersion.max": `"tls1.2" s.js:1:1`,
	} {
		if from[path] != want {
			t.Errorf("%s: %s, want %s", path, from[path], want)
		}
	}
}

// secrets are options full of them.
func secrets() string {
	return fmt.Sprintf(`{"tlsAuth":[{"cert":%s,"key":%s,"password":"hunter2"},{"cert":%[1]s,"key":%[3]s}],
		"proxy":"http://me:hunter2@127.0.0.1:3128","baseURL":"https://hunter2@a.test/x?y"}`,
		quoteJSON(block("CERTIFICATE")), quoteJSON(block("ENCRYPTED PRIVATE KEY")), quoteJSON(block("PRIVATE KEY")))
}

func TestSecretsReachTheRunnerAndNobodyElse(t *testing.T) {
	secret := []string{"hunter2", "PRIVATE KEY"}
	leaks := func(text string) string {
		for _, s := range secret {
			if strings.Contains(text, s) {
				return s
			}
		}
		return ""
	}
	p, settings, err := Explain([]byte(secrets()), Overrides{}, source())
	if err != nil {
		t.Fatal(err)
	}
	wired, err := json.Marshal(p)
	if err != nil || leaks(string(wired)) == "" {
		t.Errorf("the runner does not get them: %v", err)
	}
	for _, s := range settings {
		if leaks(s.Value) != "" {
			t.Errorf("%s: %s", s.Path, s.Value)
		}
	}
	masked, err := json.Marshal(p.Masked())
	if s := leaks(string(masked) + string(p.Masked().Options())); s != "" || err != nil {
		t.Errorf("masked plan with %s, %v: %s", s, err, masked)
	}
	if p.HTTP.TLS.Auth[0].Password != "hunter2" || p.HTTP.Proxy != "http://me:hunter2@127.0.0.1:3128" {
		t.Error("masking changed the plan")
	}
	if m := p.Masked().HTTP; m.Proxy != "http://me:****@127.0.0.1:3128" || m.BaseURL != "https://****@a.test/x?y" || m.TLS.Auth[1].Password != "" {
		t.Errorf("masked as %s and %s, %+v", m.Proxy, m.BaseURL, m.TLS.Auth[1])
	}
	// Masked options are no options: nobody shall run with a wrong key unawares.
	var problems Problems
	if _, err := Parse(p.Masked().Options(), Overrides{}, source()); !errors.As(err, &problems) || len(problems) != 5 {
		t.Errorf("masked options are taken: %v", err)
	}
}

// A line that holds a secret is not shown, whatever else is wrong on it.
func TestLinesWithSecretsAreNotShown(t *testing.T) {
	o := file("swarm.yaml", `{"vsu":1,"scenarios":{"a":{"executor":"users","usres":1}},"proxy":"http://u:hunter2@h:1"}`)
	o.Line = func(n int) string { return fmt.Sprintf("line %d", n) }
	_, err := Parse(nil, Overrides{Below: []Layer{o}}, source())
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Fatalf("%v", err)
	}
	for _, p := range problems {
		if secret := p.At.Line == 1; p.Secret != secret || (p.Line == "") != secret {
			t.Errorf("%v: secret %v, line %q", p, p.Secret, p.Line)
		}
	}
	o.Options = []byte(`{"proxy":"http://h:x","tlsAuth":[{"key":"hunter2"}]}`)
	_, err = Parse(nil, Overrides{Below: []Layer{o}}, source())
	if !errors.As(err, &problems) {
		t.Fatalf("%v", err)
	}
	for _, p := range problems {
		if p.Line != "" || strings.Contains(p.String(), "hunter2") {
			t.Errorf("%v shows line %q", p, p.Line)
		}
	}
}

func TestMaskURL(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "http://a:1": "http://a:1", "a:b@c": "a:b@c", "http://u:p@a": "http://u:****@a", "http://t@a/b@c": "http://****@a/b@c",
		"http://u:p@q@a:1/?x=@": "http://u:****@a:1/?x=@", "http://a/b:c@d": "http://a/b:c@d", "http://u:@a": "http://u:****@a",
	} {
		if got := maskURL(in); got != want {
			t.Errorf("%s is masked as %s, want %s", in, got, want)
		}
	}
}

func TestFixedSuitesAreNoted(t *testing.T) {
	p := parse(t, `{"tlsCipherSuites":["TLS_AES_128_GCM_SHA256","TLS_CHACHA20_POLY1305_SHA256"]}`, Overrides{})
	if len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "TLS 1.3") {
		t.Errorf("notes %q", p.Notes)
	}
}
