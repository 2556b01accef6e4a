package transport

import (
	"strconv"
	"strings"

	"golang.org/x/net/http2/hpack"
)

// appendFields appends the header of q as HTTP/2 and HTTP/3 have it: names in
// lower case, pseudo-headers first. What is said once in a while (the path, a
// length) is marked, so that it does not push what is said every time out of
// the compression's table.
func (set *Settings) appendFields(b []hpack.HeaderField, q *Call) []hpack.HeaderField {
	t := q.Target
	host, scheme, path := q.Host, "http", t.Path()
	if host == "" {
		host = t.host
	}
	if t.secure {
		scheme = "https"
	}
	b = append(b,
		hpack.HeaderField{Name: ":method", Value: q.Method},
		hpack.HeaderField{Name: ":scheme", Value: scheme},
		hpack.HeaderField{Name: ":authority", Value: host},
		hpack.HeaderField{Name: ":path", Value: path, Sensitive: path != "/"})
	agent, authorization := false, false
	for i := range q.Headers {
		h := &q.Headers[i]
		switch h.Name {
		case "User-Agent":
			agent = true
			if h.Value == "" {
				continue
			}
		case "Authorization":
			authorization = true
			if h.Value == "" {
				continue
			}
		case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Http2-Settings":
			continue // RFC 9113, 8.2.2: about the connection, not the request
		case "Te":
			if h.Value != "trailers" {
				continue
			}
		}
		b = append(b, hpack.HeaderField{Name: lower(h.Name), Value: h.Value})
	}
	if !agent && set.opt.UserAgent != "" {
		b = append(b, hpack.HeaderField{Name: "user-agent", Value: set.opt.UserAgent})
	}
	if !authorization && t.auth != "" {
		b = append(b, hpack.HeaderField{Name: "authorization", Value: t.auth})
	}
	if q.Cookie != "" {
		b = append(b, hpack.HeaderField{Name: "cookie", Value: q.Cookie})
	}
	if n, said := q.contentLength(); said {
		b = append(b, hpack.HeaderField{Name: "content-length", Value: strconv.FormatInt(n, 10), Sensitive: true})
	}
	return b
}

// contentLength returns how long the body is and whether that is told: not when
// it is unknown, or when there is none and none is expected.
func (q *Call) contentLength() (n int64, told bool) {
	if q.Source != nil {
		n = q.Source.Size()
		return n, n >= 0
	}
	n = int64(len(q.Body))
	return n, n > 0 || q.Method == "POST" || q.Method == "PUT" || q.Method == "PATCH"
}

// Path returns what the request asks for, with the query, as it is sent.
func (t *Target) Path() string {
	path, _, _ := strings.Cut(t.line[1:], " ")
	return path
}

// lower returns a canonical name in lower case.
func lower(name string) string {
	switch name {
	case "Accept":
		return "accept"
	case "Accept-Encoding":
		return "accept-encoding"
	case "Accept-Language":
		return "accept-language"
	case "Authorization":
		return "authorization"
	case "Cache-Control":
		return "cache-control"
	case "Content-Encoding":
		return "content-encoding"
	case "Content-Type":
		return "content-type"
	case "If-None-Match":
		return "if-none-match"
	case "Origin":
		return "origin"
	case "Referer":
		return "referer"
	case "User-Agent":
		return "user-agent"
	case "X-Requested-With":
		return "x-requested-with"
	}
	return strings.ToLower(name)
}
