package http

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/swarmload/swarm/jsmodules/http/transport"
	"github.com/swarmload/swarm/sandbox"
)

// maxDebugBody is how much of a body the option httpDebug shows, in bytes.
const maxDebugBody = 4 << 10

// masked stands for what nobody shall read in a log.
const masked = "****"

// debug logs a request and what came of it, as the option httpDebug says. What
// gives access is masked: credentials and the values of cookies.
func (s *session) debug(q *transport.Call, res *response) {
	if s.p.host.Log == nil {
		return
	}
	full := s.p.opt.Debug == "full"
	line := func(text string) {
		s.p.host.Log(sandbox.LogLine{Level: "info", Source: "http", VU: res.m.v.Identity().InTest, Text: text})
	}
	line("request: " + requestText(q, s.userAgent, full))
	line("response: " + responseText(res, full))
}

// requestText writes a request as it is sent, but for what HTTP/2 and HTTP/3
// write otherwise.
func requestText(q *transport.Call, agent string, body bool) string {
	var b strings.Builder
	b.WriteString(q.Method + " " + q.Target.URL.String())
	add := func(name, value string) { b.WriteString("\n" + name + ": " + veiled(name, value)) }
	if q.Host != "" {
		add("Host", q.Host)
	}
	for _, h := range q.Headers {
		if h.Value != "" {
			add(h.Name, h.Value)
		}
	}
	if agent != "" && !has(q.Headers, "User-Agent") {
		add("User-Agent", agent)
	}
	if q.Target.User != nil && !has(q.Headers, "Authorization") {
		add("Authorization", "Basic "+masked)
	}
	if q.Cookie != "" {
		add("Cookie", q.Cookie)
	}
	if n := sizeOf(q); n > 0 {
		add("Content-Length", strconv.FormatInt(n, 10))
	}
	switch {
	case !body:
	case q.Source != nil:
		b.WriteString("\n\n(a body that is made while it is sent)")
	default:
		writeBody(&b, q.Body)
	}
	return b.String()
}

func responseText(res *response, body bool) string {
	var b strings.Builder
	if res.Status == 0 {
		if res.Fail != nil {
			b.WriteString(res.Fail.Text)
		}
		return b.String()
	}
	b.WriteString(res.Proto + " " + res.statusText())
	res.lines(func(name, value string) { b.WriteString("\n" + name + ": " + veiled(name, value)) })
	switch {
	case !body:
	case res.Dropped:
		b.WriteString("\n\n(a body that was not kept)")
	case res.Stream != nil:
		b.WriteString("\n\n(a body that is read as it arrives)")
	default:
		writeBody(&b, stringOf(res.Body))
	}
	if res.Fail != nil {
		b.WriteString("\n\n" + res.Fail.Text)
	}
	return b.String()
}

// veiled returns the value of a header without what gives access. The values of
// headers have no bound but that of the header as a whole.
func veiled(name, value string) string {
	value = clipText(value, maxDebugBody)
	switch name = strings.ToLower(name); name {
	case "authorization", "proxy-authorization":
		kind, _, found := strings.Cut(value, " ")
		if !found {
			return masked
		}
		return kind + " " + masked
	case "cookie":
		pairs := strings.Split(value, ";")
		for i, pair := range pairs {
			pairs[i] = veiledPair(pair)
		}
		return strings.Join(pairs, ";")
	case "set-cookie":
		pair, rest, found := strings.Cut(value, ";")
		if found {
			rest = ";" + rest
		}
		return veiledPair(pair) + rest
	case "location", "content-location", "referer":
		return transport.MaskUserinfo(value)
	case "www-authenticate", "proxy-authenticate":
		return value // what a server asks everybody
	}
	for _, part := range [...]string{"key", "token", "secret", "passw", "session", "auth", "credential"} {
		if strings.Contains(name, part) {
			return masked
		}
	}
	return value
}

// veiledPair hides the value of name=value; without a name all of it is one.
func veiledPair(pair string) string {
	name, _, found := strings.Cut(pair, "=")
	if !found {
		return masked
	}
	return name + "=" + masked
}

func writeBody(b *strings.Builder, body string) {
	if body == "" {
		return
	}
	if shown := clipText(body, maxDebugBody); utf8.ValidString(shown) {
		b.WriteString("\n\n" + shown)
	} else {
		b.WriteString("\n\n(no text)")
	}
	if len(body) > maxDebugBody {
		b.WriteString(" (" + strconv.Itoa(len(body)) + " bytes)")
	}
}

// clipText returns at most n bytes of s, with a sign when there are more.
func clipText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
