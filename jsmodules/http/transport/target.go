package transport

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/swarmload/swarm/jsmodules/http/proxy"
	"golang.org/x/net/idna"
)

// Target is a parsed URL with everything derived from it that requests need.
// Immutable; shared by all VUs.
type Target struct {
	Name    string        // as the script wrote it, credentials masked
	URL     *url.URL      // absolute, without credentials and fragment; for cookies and redirects
	User    *url.Userinfo // the URL's credentials; nil: none
	Origin  string        // scheme, host and port: connections are shared within one
	secure  bool          // https
	network string        // to dial: tcp or unix
	addr    string        // the address there, after the hosts option
	SNI     string        // host name or address for TLS
	host    string        // the Host header
	line    string        // request line after the method, and the Host header without its value
	auth    string        // Authorization made of the URL's credentials, or ""
	proxy   *proxy.Proxy  // what calls that name none go through; nil: nothing

	Label atomic.Pointer[string] // what the owner of the Settings calls it in metrics; its own alone
}

// parseTarget parses an absolute URL, or one relative to the baseURL option,
// which is simply put in front of it.
func (s *Settings) parseTarget(raw string) (*Target, error) {
	full := strings.Trim(raw, " \t\r\n\f")
	if !strings.Contains(full, "://") {
		if s.opt.BaseURL == "" {
			return nil, fmt.Errorf("invalid URL %q: it needs http:// or https:// in front, or the option baseURL", Clip(raw))
		}
		base := strings.TrimRight(s.opt.BaseURL, "/")
		if full == "" || full[0] == '?' || full[0] == '#' {
			full = s.opt.BaseURL + full
		} else {
			full = base + "/" + strings.TrimLeft(full, "/")
		}
	}
	u, err := url.Parse(full)
	if err != nil {
		// The error repeats the URL, and with it possible credentials.
		if e, ok := err.(*url.Error); ok {
			err = e.Err
		}
		return nil, fmt.Errorf("invalid URL: %w", err)
	}
	return s.newTarget(u, full)
}

// newTarget derives a target from an absolute URL. name is how the script wrote it.
func (s *Settings) newTarget(u *url.URL, name string) (*Target, error) {
	t := &Target{Name: name}
	u.Scheme = strings.ToLower(u.Scheme)
	port := "80"
	switch u.Scheme {
	case "http":
	case "https":
		t.secure, port = true, "443"
	default:
		return nil, fmt.Errorf("invalid URL: scheme %q is not supported, only http and https are", Clip(u.Scheme))
	}
	host := strings.ToLower(u.Hostname())
	if host == "" {
		return nil, fmt.Errorf("invalid URL: it has no host")
	}
	ascii := host
	if net.ParseIP(host) == nil && !isASCII(host) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(host); err != nil {
			return nil, fmt.Errorf("invalid URL: host name %q: %w", Clip(host), err)
		}
	}
	for i := 0; i < len(ascii); i++ {
		if c := ascii[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`"<>\^{|}/?#@`+"`", c) >= 0 {
			return nil, fmt.Errorf("invalid URL: host name %q holds a character not allowed there", Clip(host))
		}
	}
	if given := u.Port(); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("invalid URL: port %q is not between 1 and 65535", Clip(given))
		}
		port = strconv.Itoa(n)
	}
	if u.User != nil {
		pass, _ := u.User.Password()
		t.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+pass))
		t.Name = MaskUserinfo(t.Name)
		t.User, u.User = u.User, nil
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = escapeRest(u.RawQuery)
	// net/url forgets how a path was escaped that holds something it would have
	// escaped too: %2F would become a slash.
	u.RawPath = escapeRest(u.RawPath)
	t.URL = u
	t.host = ascii
	if strings.Contains(ascii, ":") {
		t.host = "[" + ascii + "]"
	}
	if given := u.Port(); given != "" && (given != "80" || t.secure) && (given != "443" || !t.secure) {
		t.host += ":" + port
	}
	u.Host = t.host
	t.SNI = ascii
	t.network, t.addr = s.override(net.JoinHostPort(ascii, port), ascii, port)
	t.Origin = u.Scheme + "://" + net.JoinHostPort(ascii, port)
	if s.opt.Proxy != nil {
		t.proxy = s.opt.Proxy(u)
	}
	t.line = " " + escapeRest(u.RequestURI()) + " HTTP/1.1\r\nHost: "
	return t, nil
}

// override applies the hosts option: host:port, host, or *.suffix, to an
// address with or without a port.
func (s *Settings) override(addr, host, port string) (network, to string) {
	if len(s.opt.Hosts) == 0 {
		return "tcp", addr
	}
	to, ok := s.opt.Hosts[addr]
	if !ok {
		to, ok = s.opt.Hosts[host]
	}
	for rest := host; !ok; {
		i := strings.IndexByte(rest, '.')
		if i < 0 {
			return "tcp", addr
		}
		if to, ok = s.opt.Hosts["*"+rest[i:]+":"+port]; !ok {
			to, ok = s.opt.Hosts["*"+rest[i:]]
		}
		rest = rest[i+1:]
	}
	if path, ok := strings.CutPrefix(to, "unix:"); ok {
		return "unix", path
	}
	if h, pt, err := net.SplitHostPort(to); err == nil {
		return "tcp", net.JoinHostPort(h, pt)
	}
	return "tcp", net.JoinHostPort(strings.Trim(to, "[]"), port)
}

// escapeRest escapes what may not stand in a request line and net/url left as
// it was: spaces, quotes and anything outside ASCII.
func escapeRest(s string) string {
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = !mustEscape(s[i])
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if mustEscape(s[i]) {
			fmt.Fprintf(&b, "%%%02X", s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func mustEscape(c byte) bool {
	return c <= ' ' || c >= 0x7f || c == '"' || c == '<' || c == '>'
}

// MaskUserinfo hides user name and password of a URL.
func MaskUserinfo(s string) string {
	i := strings.Index(s, "://")
	if i < 0 {
		return s
	}
	i += 3
	end := len(s)
	if j := strings.IndexAny(s[i:], "/?#"); j >= 0 {
		end = i + j
	}
	if at := strings.LastIndexByte(s[i:end], '@'); at >= 0 {
		return s[:i] + "****:****@" + s[i+at+1:]
	}
	return s
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Clip keeps error messages short whatever a script passes.
func Clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
