package proxy

import (
	"bytes"
	"fmt"
	"net"
	"strings"
)

const (
	// maxHead is how many bytes of header an HTTP proxy may answer with, interim
	// responses included.
	maxHead = 64 << 10
	// firstRead is how much room an answer gets first: seldom is one larger.
	firstRead = 512
)

// tunnel asks for a tunnel to target and waits for the answer.
func tunnel(conn net.Conn, target, authorization string) (net.Conn, error) {
	var b strings.Builder
	b.WriteString("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n")
	if authorization != "" {
		b.WriteString("Proxy-Authorization: " + authorization + "\r\n")
	}
	b.WriteString("\r\n")
	if _, err := conn.Write([]byte(b.String())); err != nil {
		return nil, err
	}
	status, rest, err := readAnswer(conn)
	switch {
	case err != nil:
		return nil, err
	case status/100 == 2:
		// Any 2xx opens the tunnel, and lengths in its header mean nothing (RFC
		// 9110, section 9.3.6): what follows is the target's.
	case status == 407 && authorization != "":
		return nil, fmt.Errorf("%w: %w", ErrAuthRefused, &RefusedError{status})
	case status == 407:
		return nil, fmt.Errorf("%w: %w", ErrAuthRequired, &RefusedError{status})
	default:
		return nil, &RefusedError{status}
	}
	if len(rest) > 0 {
		return &early{Conn: conn, rest: bytes.Clone(rest)}, nil
	}
	return conn, nil
}

// readAnswer reads the header of the final response, and what came with it.
func readAnswer(conn net.Conn) (status int, rest []byte, err error) {
	buf := make([]byte, 0, firstRead)
	begin := 0 // of the response being read
	seen := 0  // what was looked through for its end
	for {
		if end := headEnd(buf, max(begin, seen-2)); end > 0 {
			status, err := parseHead(buf[begin:end])
			if err != nil || status >= 200 || status == 101 {
				return status, buf[end:], err
			}
			begin, seen = end, end // an interim response
			continue
		}
		seen = len(buf)
		if !plausible(buf[begin:]) {
			return 0, nil, ErrMalformed
		}
		if len(buf) >= maxHead {
			return 0, nil, ErrTooLarge
		}
		if len(buf) == cap(buf) {
			buf = append(make([]byte, 0, min(2*cap(buf), maxHead)), buf...)
		}
		n, err := conn.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil && n == 0 {
			return 0, nil, closed(err)
		}
	}
}

// headEnd returns where the header that lies in b ends, after its empty line, or
// 0. Lines end in LF, with or without CR. It looks from an index on.
func headEnd(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		j := bytes.IndexByte(b[i:], '\n')
		if j < 0 {
			return 0
		}
		i += j
		switch {
		case bytes.HasPrefix(b[i:], []byte("\n\n")):
			return i + 2
		case bytes.HasPrefix(b[i:], []byte("\n\r\n")):
			return i + 3
		}
	}
	return 0
}

// plausible reports whether b may become a response, so that one who never sends
// a line is found out at once.
func plausible(b []byte) bool {
	const begin = "HTTP/1."
	n := min(len(b), len(begin))
	return string(b[:n]) == begin[:n]
}

// parseHead checks a whole header and returns its status.
func parseHead(head []byte) (int, error) {
	line, fields, _ := bytes.Cut(head, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	// HTTP/1.1 200 Connection established
	if len(line) < len("HTTP/1.1 200") || !plausible(line) || !digits(line[7:8]) || line[8] != ' ' || !digits(line[9:12]) ||
		line[9] < '1' || len(line) > 12 && line[12] != ' ' || !visible(line[12:]) {
		return 0, ErrMalformed
	}
	for line := range bytes.Lines(fields) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !token(name) || !visible(value) {
			return 0, ErrMalformed
		}
	}
	return int(line[9]-'0')*100 + int(line[10]-'0')*10 + int(line[11]-'0'), nil
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// visible reports whether b holds no control characters but tabs.
func visible(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// token reports whether b is the name of a field (RFC 9110, section 5.6.2).
func token(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return len(b) > 0
}

// early is a connection whose first bytes came with the proxy's answer.
type early struct {
	net.Conn
	rest []byte
}

func (c *early) Read(p []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(p, c.rest)
		if c.rest = c.rest[n:]; len(c.rest) == 0 {
			c.rest = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// NetConn returns the connection beneath. Reading from it skips what Read has
// not given yet.
func (c *early) NetConn() net.Conn { return c.Conn }
