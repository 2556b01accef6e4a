package proxy

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// FromEnv returns a function that says which proxy the environment wants for a
// URL, nil for none: HTTP_PROXY for http and ws, HTTPS_PROXY for https and wss,
// except for the hosts in NO_PROXY (names with what is below them, addresses,
// networks, each with a port if wanted; "*" is all) and for localhost and
// loopback addresses. Names in lower case come first. A value without a scheme
// is an HTTP proxy. HTTP_PROXY is ignored where REQUEST_METHOD is set, as in a
// CGI program it is a header of the request. An error names the variable, and
// not its value.
//
// lookup is os.LookupEnv or what stands for it. The function returned is safe
// for concurrent use.
func FromEnv(lookup func(string) (string, bool)) (func(u *url.URL) *Proxy, error) {
	get := func(name string) (value, from string) {
		for _, n := range []string{strings.ToLower(name), name} {
			if v, _ := lookup(n); v != "" {
				return v, n
			}
		}
		return "", name
	}
	var proxies [2]*Proxy // for plain and for secure URLs
	for i, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		value, from := get(name)
		if _, cgi := lookup("REQUEST_METHOD"); value == "" || cgi && i == 0 {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		p, err := Parse(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", from, err)
		}
		proxies[i] = p
	}
	except, _ := get("NO_PROXY")
	// Which proxy is known by then: the library is asked for the exceptions alone.
	const some = "http://proxy.invalid"
	wanted := (&httpproxy.Config{HTTPProxy: some, HTTPSProxy: some, NoProxy: except}).ProxyFunc()
	return func(u *url.URL) *Proxy {
		as, i := *u, 0
		switch u.Scheme {
		case "http", "ws":
			as.Scheme = "http"
		case "https", "wss":
			as.Scheme, i = "https", 1
		default:
			return nil
		}
		if proxies[i] == nil {
			return nil
		}
		if via, err := wanted(&as); err != nil || via == nil {
			return nil
		}
		return proxies[i]
	}, nil
}
