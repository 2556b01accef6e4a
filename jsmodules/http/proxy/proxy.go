// Package proxy connects through forward proxies: HTTP and HTTPS ones, by
// CONNECT (RFC 9110, section 9.3.6), and SOCKS5 ones (RFC 1928, RFC 1929).
//
// A [Proxy] is only an address with credentials; how connections are opened,
// which addresses may be dialled and how TLS is done is the caller's, who passes
// functions for it. A proxy is not trusted: what it answers is bounded and
// checked, no byte of it shows in an error, and the context holds at every step.
// Credentials show nowhere but in what is sent to the proxy.
package proxy

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Proxy is a proxy's address and credentials. It is immutable, and safe for
// concurrent use.
type Proxy struct {
	scheme   string
	host     string // without brackets
	address  string // host:port
	user     string
	password string
	auth     bool // credentials were given
}

// defaultPorts are those of the schemes there are.
func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	case "socks5", "socks5h":
		return "1080"
	}
	return ""
}

// Parse reads a proxy's URL: http, https, socks5 (names are resolved here) or
// socks5h (the proxy resolves them), with credentials and port where needed:
// "http://user:password@host:3128". Ports default to 80, 443 and 1080. An error
// shows nothing of the URL but its scheme, as the rest may be a password.
func Parse(raw string) (*Proxy, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" {
		// The error of url.Parse quotes the URL.
		return nil, errors.New("proxy is not a URL like http://user:password@host:3128: special characters of a password are percent-encoded (@ is %40)")
	}
	port := defaultPort(u.Scheme)
	switch {
	case u.Scheme == "":
		return nil, errors.New("proxy has no scheme: write http://, https://, socks5:// or socks5h:// before its host")
	case port == "":
		return nil, errors.New("proxy has an unknown scheme: use http, https, socks5 or socks5h")
	case u.Hostname() == "":
		return nil, errors.New("proxy has no host")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return nil, errors.New("proxy has a path, query or fragment: nothing may follow its host and port")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, errors.New("proxy has a port that is not a number from 1 to 65535")
		}
		port = strconv.FormatUint(n, 10)
	}
	host, err := hostname(u.Hostname())
	if err != nil {
		return nil, err
	}
	p := &Proxy{scheme: u.Scheme, host: host, address: net.JoinHostPort(host, port)}
	if u.User != nil {
		p.user = u.User.Username()
		p.password, _ = u.User.Password()
		p.auth = p.user != "" || p.password != ""
		if err := p.checkCredentials(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// hostname returns a host in the form that is dialled and named in TLS.
func hostname(host string) (string, error) {
	if strings.Contains(host, ":") {
		if _, err := netip.ParseAddr(host); err != nil { // user:password without @, perhaps
			return "", errors.New("proxy has a host that is not a name or address")
		}
		return host, nil // url.Parse took it from brackets
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		// Names that are no host names of the internet (with an underscore) pass.
		ascii = host
	}
	if !validName(ascii) {
		return "", errors.New("proxy has a host that is not a name or address")
	}
	return strings.ToLower(ascii), nil
}

func (p *Proxy) checkCredentials() error {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	switch {
	case strings.ContainsFunc(p.user, control), strings.ContainsFunc(p.password, control):
		return errors.New("proxy has a control character in its user name or password") // RFC 7617, section 2
	case !p.socks() && strings.Contains(p.user, ":"):
		return errors.New("proxy has a colon in its user name, which basic authentication cannot send") // RFC 7617, section 2
	case p.socks() && p.user == "":
		return errors.New("proxy has a password without a user name, which SOCKS5 cannot send") // RFC 1929, section 2
	case p.socks() && (len(p.user) > 255 || len(p.password) > 255):
		return errors.New("proxy has a user name or password of more than 255 bytes, which SOCKS5 cannot send")
	}
	return nil
}

// String is the proxy's URL with the credentials masked.
func (p *Proxy) String() string {
	if p.auth {
		return p.scheme + "://***@" + p.address
	}
	return p.scheme + "://" + p.address
}

// GoString keeps %#v from printing the credentials.
func (p *Proxy) GoString() string { return fmt.Sprintf("proxy.Parse(%q)", p.String()) }

// Address is the proxy's host:port, to dial.
func (p *Proxy) Address() string { return p.address }

// Host is the proxy's name or address without port and brackets.
func (p *Proxy) Host() string { return p.host }

// Secure reports whether the connection to the proxy itself is TLS.
func (p *Proxy) Secure() bool { return p.scheme == "https" }

// Absolute reports whether plain http:// requests are sent to the proxy itself,
// with the whole URL in the request line, instead of through a tunnel: to
// proxies that speak HTTP they are ([Proxy.Dial]).
func (p *Proxy) Absolute() bool { return !p.socks() }

// Resolves reports whether the proxy resolves host names. If not,
// [Proxy.Connect] takes literal addresses alone.
func (p *Proxy) Resolves() bool { return p.scheme != "socks5" }

// Authorization is the value of the Proxy-Authorization header for requests that
// go to the proxy itself, "" where there are no credentials or no HTTP. Connect
// sends it by itself.
func (p *Proxy) Authorization() string {
	if !p.auth || p.socks() {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.user+":"+p.password))
}

func (p *Proxy) socks() bool { return strings.HasPrefix(p.scheme, "socks") }
