package transport

import (
	"strconv"
)

// incoming is a response of HTTP/2 or HTTP/3 while it arrives: fields and data
// go in, and what scripts see of every version comes out. It belongs to one
// call; what is in a Reply afterwards is the Reply's own.
type incoming struct {
	net *Network
	q   *Call
	r   *Reply

	proto    string // "HTTP/2.0"
	head     []byte // the header as rendered so far; its room serves many calls
	status   int    // of the header being read; 0: not told yet
	regular  bool   // a field that is no pseudo-header was there
	size     int    // of the header or trailer being read, as RFC 9113, 6.5.2 counts
	interim  int    // 1xx headers seen
	final    bool   // the header is complete
	length   int64  // announced; -1: not
	got      int64  // bytes of the body so far
	encoding string // of the content
	room     Room   // for the body
}

func (in *incoming) begin(n *Network, proto string, q *Call, r *Reply) {
	*in = incoming{net: n, q: q, r: r, proto: proto, head: in.head[:0], length: -1}
	r.Dropped = q.Discard
}

// field takes one field of a header, or of a trailer, which is dropped. name is
// in lower case as it came.
//
// What may not be in a field of HTTP/1.1, a line end above all, makes the
// response malformed: scripts get the header in the form of HTTP/1.1, where it
// would be a field of its own.
func (in *incoming) field(name, value string) *Failure {
	in.size += len(name) + len(value) + 32
	if in.size > maxHead {
		return failHeadTooLarge
	}
	if len(name) > 0 && name[0] == ':' {
		if in.final || name != ":status" || in.status != 0 || in.regular {
			return failMalformed
		}
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil || len(value) != 3 || n < 100 {
			return failMalformed
		}
		in.status = int(n)
		in.head = append(in.head[:0], in.proto...)
		in.head = append(in.head, ' ')
		in.head = append(in.head, value...)
		in.head = append(in.head, "\r\n"...)
		return nil
	}
	if !validName(name) || !validValue(value) || in.status == 0 && !in.final {
		return failMalformed
	}
	in.regular = true
	if in.final {
		return nil
	}
	r := in.r
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade":
		return nil // of no meaning here; some servers send them all the same
	case "content-length":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || value[0] == '+' || in.length >= 0 && in.length != n {
			return failLengths
		}
		if in.length == n {
			return nil
		}
		in.length = n
	case "content-encoding":
		if in.encoding != "" {
			in.encoding += ", "
		}
		in.encoding += value
	case "set-cookie":
		r.SetCookie = append(r.SetCookie, value)
	case "location":
		if in.status >= 300 && in.status < 400 && r.Location == "" {
			r.Location = value
		}
	case "www-authenticate":
		if in.status == 401 {
			r.Challenge = append(r.Challenge, value)
		}
	}
	in.head = appendCanonical(in.head, name)
	in.head = append(in.head, ": "...)
	in.head = append(in.head, value...)
	in.head = append(in.head, "\r\n"...)
	return nil
}

// fieldsEnd ends a header or trailer. last tells that nothing follows.
func (in *incoming) fieldsEnd(last bool) *Failure {
	in.size = 0
	if in.final { // a trailer
		if !last {
			return failMalformed
		}
		return nil
	}
	switch {
	case in.status == 0 || in.status < 200 && (last || in.status == 101):
		return failMalformed
	case in.status < 200:
		if in.interim++; in.interim > maxInterim {
			return failInterim
		}
		in.status, in.regular, in.length, in.encoding = 0, false, -1, ""
		in.r.SetCookie, in.r.Location = nil, ""
		return nil
	}
	r := in.r
	in.final = true
	r.Status, r.Proto = in.status, in.proto
	in.head = append(in.head, "\r\n"...)
	size := len(in.head)
	if in.kept() && in.length > 0 {
		if in.length > maxBody {
			return failBodyTooLarge
		}
		size += int(min(in.length, firstGrowth))
	}
	r.Raw = append(make([]byte, 0, size), in.head...)
	r.HeadLen = len(in.head)
	return nil
}

// kept reports whether the body is collected in the Reply.
func (in *incoming) kept() bool {
	return !in.q.Discard && !in.q.Stream && in.r.hasBody(in.q)
}

// data takes a piece of the body. Its bytes are copied if they are kept.
func (in *incoming) data(p []byte) *Failure {
	if !in.r.hasBody(in.q) {
		return nil
	}
	before := in.got
	in.got += int64(len(p))
	if in.length >= 0 && in.got > in.length {
		return failLengths
	}
	if !in.kept() {
		return nil
	}
	if in.got > maxBody {
		return failBodyTooLarge
	}
	r := in.r
	if room := cap(r.Raw) - len(r.Raw); room < len(p) {
		var f *Failure
		if r.Raw, f = in.room.Grow(in.net, r.Raw, max(len(p), growth(len(r.Raw)-r.HeadLen, in.length, before))); f != nil {
			return f
		}
	}
	r.Raw = append(r.Raw, p...)
	return nil
}

// end is told that the response is complete.
func (in *incoming) end() *Failure {
	if in.r.hasBody(in.q) && in.length >= 0 && in.got != in.length {
		return failLengths
	}
	return nil
}

// finish makes the body ready, and reports whether that took decoding.
func (in *incoming) finish(n *Network) (decoded bool, f *Failure) {
	r := in.r
	if !in.kept() || len(r.Raw) == r.HeadLen {
		return false, nil
	}
	r.Body = r.Raw[r.HeadLen:len(r.Raw):len(r.Raw)]
	if in.encoding == "" {
		return false, nil
	}
	r.Body, f = n.decode(in.encoding, r.Body, in.q)
	return true, f
}

// appendCanonical appends a name as it is written in HTTP/1.1.
func appendCanonical(b []byte, name string) []byte {
	upper := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		upper = c == '-'
		b = append(b, c)
	}
	return b
}

// validName reports whether a name is a token (RFC 9110, 5.6.2) without upper case.
func validName(name string) bool {
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		case c <= ' ' || c >= 0x7f || 'A' <= c && c <= 'Z':
			return false
		default:
			switch c {
			case '"', '(', ')', ',', '/', ':', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}':
				return false
			}
		}
	}
	return len(name) > 0
}

// validValue reports whether a value holds no line end and no NUL.
func validValue(value string) bool {
	for i := 0; i < len(value); i++ {
		if c := value[i]; c == '\r' || c == '\n' || c == 0 {
			return false
		}
	}
	return true
}
