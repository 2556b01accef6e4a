package transport

import (
	"bytes"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	altDefault = 24 * time.Hour  // RFC 7838, 3.1
	altConnect = time.Second     // given to QUIC before TCP is used instead
	altBroken  = 5 * time.Minute // for which QUIC is not tried again then
	maxAlts    = 64              // origins of one VU that are known to have one
)

// alternative is where an origin can be reached by HTTP/3.
type alternative struct {
	origin  string
	addr    string // to dial, after the hosts option
	expires time.Duration
	broken  time.Duration // until when it is not to be tried
}

// follows reports whether q may be carried by what Alt-Svc has announced.
func (c *Client) follows(q *Call) bool {
	v := q.Version
	if v == "" {
		v = c.set.opt.Version
	}
	return v == "auto" && q.Target.secure && q.Hold == nil && q.Target.network == "tcp" &&
		c.net.DialPacket != nil && c.proxy(q) == nil && c.set.opt.TLS.QUIC()
}

// alternative returns where to reach an origin by HTTP/3, or "".
func (c *Client) alternative(origin string) string {
	now := c.net.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.alts {
		if a := &c.alts[i]; a.origin == origin && now < a.expires && now >= a.broken {
			return a.addr
		}
	}
	return ""
}

// avoid does without the alternative of an origin for a while.
func (c *Client) avoid(origin string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.alts {
		if a := &c.alts[i]; a.origin == origin {
			a.broken = c.net.Clock() + altBroken
		}
	}
}

// learn takes note of what a response to q says in Alt-Svc (RFC 7838, 3).
func (c *Client) learn(q *Call, r *Reply) {
	if r.Status == 0 {
		return
	}
	value := fieldValue(r.Raw[:r.HeadLen], "Alt-Svc")
	if value == "" {
		return
	}
	t := q.Target
	authority, age, clear := parseAltSvc(value)
	if authority == "" && !clear {
		return
	}
	addr := ""
	if authority != "" {
		host, port, err := net.SplitHostPort(authority)
		if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 1 || n > 65535 {
			return
		}
		if host == "" {
			host = t.SNI
		}
		network, to := c.set.override(net.JoinHostPort(host, port), host, port)
		if network != "tcp" || c.net.CheckHost != nil && c.net.CheckHost(host) != nil {
			return
		}
		addr = to
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := alternative{origin: t.Origin, addr: addr, expires: c.net.Clock() + age}
	for i := range c.alts {
		if c.alts[i].origin == a.origin {
			if c.alts[i].addr == a.addr {
				a.broken = c.alts[i].broken
			}
			c.alts[i] = a
			return
		}
	}
	if len(c.alts) < maxAlts && addr != "" {
		c.alts = append(c.alts, a)
	}
}

// parseAltSvc returns the first authority of HTTP/3 and how long it holds.
// clear tells that there are none any more.
func parseAltSvc(value string) (authority string, age time.Duration, clear bool) {
	if strings.TrimSpace(value) == "clear" {
		return "", 0, true
	}
	for len(value) > 0 {
		var item string
		item, value = cutUnquoted(value, ',')
		service, params := cutUnquoted(item, ';')
		name, quoted, _ := strings.Cut(service, "=")
		if strings.TrimSpace(name) != "h3" {
			continue
		}
		quoted = strings.TrimSpace(quoted)
		if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' || strings.ContainsAny(quoted[1:len(quoted)-1], `"\ `) {
			continue
		}
		age = altDefault
		for len(params) > 0 {
			var param string
			param, params = cutUnquoted(params, ';')
			if key, seconds, _ := strings.Cut(param, "="); strings.TrimSpace(key) == "ma" {
				n, err := strconv.ParseUint(strings.Trim(strings.TrimSpace(seconds), `"`), 10, 32)
				if err == nil {
					age = time.Duration(n) * time.Second
				}
			}
		}
		return strings.Clone(quoted[1 : len(quoted)-1]), age, false
	}
	return "", 0, false
}

// cutUnquoted cuts s around the first sep that is not in a quoted string.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// fieldValue returns the first value of a field of a header.
func fieldValue(head []byte, name string) string {
	for line := range bytes.Lines(head) {
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], bytesOf(name)) {
			return string(bytes.TrimSpace(line[len(name)+1:]))
		}
	}
	return ""
}
