package transport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"net/http/httputil"
	"unsafe"

	"github.com/valyala/fasthttp"
)

// read reads one response; the first byte is in s.br already. Nothing the
// server sends makes it hold more than maxHead + maxBody bytes, or allocate
// ahead of what has arrived.
func (r *Reply) read(s *scratch, cn *conn, q *Call) *Failure {
	br := s.br
	r.Dropped = q.Discard
	for interim := 0; ; interim++ {
		var f *Failure
		if br, s.marks, f = fillHead(br, cn); f != nil {
			return f
		}
		if f = r.readHead(br, &s.head); f != nil {
			return f
		}
		if r.Status >= 200 || r.Status == 101 {
			break
		}
		if interim == maxInterim {
			return failInterim
		}
	}
	if s.marks&markCookies != 0 {
		for _, v := range s.head.Cookies() {
			r.SetCookie = append(r.SetCookie, string(v))
		}
	}
	if r.Status == 401 {
		for _, v := range s.head.PeekAll("WWW-Authenticate") {
			r.Challenge = append(r.Challenge, string(v))
		}
	}
	if r.Status >= 300 && r.Status < 400 {
		r.Location = string(s.head.Peek(fasthttp.HeaderLocation))
	}
	if q.Stream && r.hasBody(q) {
		stream, f := newBodyStream(br, cn, s)
		if f == nil {
			r.streamed, r.Stream = true, stream
		}
		return f
	}
	if f := r.readBody(br, cn, &s.head, q); f != nil {
		return f
	}
	if br.Buffered() > 0 {
		return failSurplus
	}
	if s.marks&markEncoding == 0 || len(r.Body) == 0 {
		return nil
	}
	if encoding := s.head.ContentEncoding(); len(encoding) > 0 {
		var f *Failure
		r.Body, f = cn.net.decode(string(encoding), r.Body, q)
		// It is a part of receiving, however little there was to read.
		cn.wire.busy = cn.wire.busy || string(encoding) != "identity"
		return f
	}
	return nil
}

// fillHead makes sure that br holds a whole response header, and tells what may
// be in it. A header that does not fit goes on in a bigger reader, which it
// returns.
func fillHead(br *bufio.Reader, cn *conn) (*bufio.Reader, marks, *Failure) {
	for seen := 0; ; {
		b, _ := br.Peek(br.Buffered())
		if !bytes.HasPrefix(b, protoPrefix[:min(len(b), len(protoPrefix))]) {
			return br, 0, failMalformed
		}
		if m, whole := scanHead(b, max(seen-3, 0)); whole {
			if seen > 0 {
				m = markAll // lines before were not looked at
			}
			return br, m, nil
		}
		seen = len(b)
		if seen == br.Size() {
			if seen >= maxHead {
				return br, 0, failHeadTooLarge
			}
			rest := io.MultiReader(bytes.NewReader(bytes.Clone(b)), cn.Conn)
			br = bufio.NewReaderSize(rest, maxHead)
			if _, err := br.Peek(seen); err != nil {
				return br, 0, IOFailure(err)
			}
			continue
		}
		if _, err := br.Peek(seen + 1); err != nil {
			return br, 0, IOFailure(err)
		}
	}
}

var protoPrefix = []byte("HTTP/1.")

// marks are what a header may hold beside what is always looked for. They spare
// a usual response the search for what it does not have.
type marks uint8

const (
	markConnection marks = 1 << iota // Connection, and not just keep-alive
	markEncoding                     // Content-Encoding
	markCookies                      // Set-Cookie
	markAll        = markConnection | markEncoding | markCookies
)

// scanHead reports whether an empty line follows in b[from:], and which marks
// the lines have that begin before it.
func scanHead(b []byte, from int) (m marks, whole bool) {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return m, false
		}
		from += i + 1
		rest := b[from:]
		if len(rest) > 0 && rest[0] == '\n' || len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return m, true
		}
		m |= mark(rest)
	}
}

var keepAlive = []byte("Connection: keep-alive\r\n")

// mark returns the marks of the line that b begins with, at least. It looks at
// the letters that tell the names in question from other frequent ones.
func mark(b []byte) marks {
	if len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		return markAll // goes on with the line before
	}
	if len(b) < len("Connection") {
		return 0
	}
	switch b[0] | 0x20 {
	case 'c':
		switch b[len("Connecti")] | 0x20 {
		case 'o':
			if !bytes.HasPrefix(b, keepAlive) {
				return markConnection
			}
		case 'e':
			return markEncoding
		}
	case 's':
		if b[len("Set")] == '-' {
			return markCookies
		}
	}
	return 0
}

// readHead parses the header at the start of br's buffer and keeps its bytes.
func (r *Reply) readHead(br *bufio.Reader, h *fasthttp.ResponseHeader) *Failure {
	buffered := br.Buffered()
	b, _ := br.Peek(buffered)
	err := h.Read(br)
	switch {
	case errors.Is(err, fasthttp.ErrDuplicateContentLength):
		return failLengths
	case err != nil:
		return failMalformed
	}
	r.Status = h.StatusCode()
	r.Proto = protoName(h.Protocol())
	head := b[:buffered-br.Buffered()]
	if h.ContentLength() == -1 && hasContentLength(head) {
		// RFC 9112, 6.3: this smells of response splitting.
		return failLengths
	}
	size := len(head)
	if n := h.ContentLength(); n > 0 {
		size += min(n, firstGrowth)
	}
	r.Raw = append(make([]byte, 0, size), head...)
	r.HeadLen = len(head)
	return nil
}

func protoName(b []byte) string {
	if string(b) == "HTTP/1.1" {
		return "HTTP/1.1"
	}
	return string(b)
}

func hasContentLength(head []byte) bool {
	const name = "content-length:"
	for line := range bytes.Lines(head) {
		if len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return true
		}
	}
	return false
}

// hasBody reports whether a body follows the header.
func (r *Reply) hasBody(q *Call) bool {
	return q.Method != "HEAD" && r.Status != 204 && r.Status != 304 && r.Status != 101
}

// readBody reads what follows the header, by the rules of RFC 9112, 6.3.
func (r *Reply) readBody(br *bufio.Reader, cn *conn, h *fasthttp.ResponseHeader, q *Call) *Failure {
	if !r.hasBody(q) {
		return nil
	}
	length := h.ContentLength()
	limit := int64(maxBody)
	if q.Discard {
		limit = math.MaxInt64
	}
	var err error
	switch {
	case length >= 0:
		if int64(length) > limit {
			return failBodyTooLarge
		}
		err = r.keepBody(cn.net, br, int64(length), int64(length), q.Discard)
	case length == -1:
		if err = r.keepBody(cn.net, httputil.NewChunkedReader(br), -1, limit, q.Discard); err == nil {
			err = skipTrailers(br)
		}
		if err != nil && err != io.ErrUnexpectedEOF && err != errTooLarge && err != error(failNoRoom) && cn.wire.err == nil {
			return failMalformed
		}
	default:
		err = r.keepBody(cn.net, br, -1, limit, q.Discard)
	}
	switch {
	case err == errTooLarge:
		return failBodyTooLarge
	case err == error(failNoRoom):
		return failNoRoom
	case err != nil:
		return IOFailure(err)
	}
	return nil
}

var (
	errTooLarge      = errors.New("body too large")
	failBodyTooLarge = &Failure{Code: CodeBodyTooLarge, Text: "response body larger than 64 MiB"}
)

// keepBody appends the body to r.raw, or drops it: length bytes, or when that is
// -1 all until the end of src but at most limit.
func (r *Reply) keepBody(net *Network, src io.Reader, length, limit int64, discard bool) error {
	if discard {
		if br, ok := src.(*bufio.Reader); ok && length >= 0 && length <= int64(br.Buffered()) {
			_, err := br.Discard(int(length))
			return err
		}
		n, err := net.drop(io.LimitReader(src, limit))
		if err == nil && length >= 0 && n < length {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	start := len(r.Raw)
	var room Room
	for got := int64(0); length < 0 || got < length; {
		if len(r.Raw) == cap(r.Raw) {
			var f *Failure
			if r.Raw, f = room.Grow(net, r.Raw, growth(len(r.Raw)-start, length, got)); f != nil {
				return f
			}
		}
		space := int64(cap(r.Raw) - len(r.Raw))
		if length >= 0 {
			space = min(space, length-got)
		}
		n, err := src.Read(r.Raw[len(r.Raw) : len(r.Raw)+int(space)])
		r.Raw = r.Raw[:len(r.Raw)+n]
		got += int64(n)
		if got > limit {
			return errTooLarge
		}
		if err == io.EOF {
			if length >= 0 && got < length {
				return io.ErrUnexpectedEOF
			}
			break
		}
		if err != nil {
			return err
		}
	}
	if len(r.Raw) > start {
		r.Body = r.Raw[start:len(r.Raw):len(r.Raw)]
	}
	return nil
}

// drop reads src to its end and returns how many bytes that were.
func (n *Network) drop(src io.Reader) (int64, error) {
	b := n.buffers.Get().(*[copyBuffer]byte)
	defer n.buffers.Put(b)
	for total := int64(0); ; {
		k, err := src.Read(b[:])
		total += int64(k)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// growth says how many bytes more to make room for: as many as there are
// already, but no more than are announced, or kept.
func growth(have int, length, got int64) int {
	n := max(have, 1<<10)
	if length >= 0 {
		return int(min(int64(max(n, firstGrowth)), length-got))
	}
	return max(1, min(n, maxBody+1-have))
}

// skipTrailers reads the end of a chunked body.
func skipTrailers(br *bufio.Reader) error {
	for n := 0; n < maxHead; {
		line, err := br.ReadSlice('\n')
		if err == io.EOF {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if n += len(line); len(bytes.TrimRight(line, "\r\n")) == 0 {
			return nil
		}
	}
	return bufio.ErrBufferFull
}

// hasToken reports whether the comma-separated list holds token.
func hasToken(list []byte, token string) bool {
	if len(list) == 0 {
		return false
	}
	for part := range bytes.SplitSeq(list, []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(part), bytesOf(token)) {
			return true
		}
	}
	return false
}

func asksClose(headers []Header) bool {
	for _, h := range headers {
		if h.Name == "Connection" && hasToken(bytesOf(h.Value), "close") {
			return true
		}
	}
	return false
}

// bytesOf returns the bytes of s without a copy. They must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
