package transport

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/coding"
)

// bodyStream is the body of an HTTP/1.1 response that is read as it arrives.
type bodyStream struct {
	c     *Client
	cn    *conn
	s     *scratch
	br    *bufio.Reader
	src   io.Reader     // the body as it was sent
	plain io.ReadCloser // decompressed; nil: it is not compressed
	reuse bool          // the connection may carry another request after the body
	eof   bool          // the body was read to its end

	mu      sync.Mutex // Close may come from another goroutine than Read
	reading bool
	closed  bool
}

// newBodyStream returns the body of which br holds the beginning. adopt makes
// it the owner of the connection.
func newBodyStream(br *bufio.Reader, cn *conn, s *scratch) (*bodyStream, *Failure) {
	b := &bodyStream{cn: cn, s: s, br: br}
	switch length := s.head.ContentLength(); {
	case length >= 0:
		b.src = &exactly{r: br, left: int64(length)}
	case length == -1:
		b.src = httputil.NewChunkedReader(br)
	default:
		b.src = br
	}
	if encoding := s.head.ContentEncoding(); len(encoding) > 0 {
		plain, err := cn.net.coder.NewReader(string(encoding), (*sentBody)(b), math.MaxInt64)
		if err != nil {
			return nil, decodeFailure(err)
		}
		b.plain = plain
	}
	return b, nil
}

func (b *bodyStream) adopt(c *Client, reuse bool) {
	b.c, b.reuse = c, reuse
	b.cn.wire.SetDeadline(time.Time{})
	b.cn.deadline = 0
}

// exactly reads the bytes announced; fewer are an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Read implements io.Reader.
func (b *bodyStream) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return 0, net.ErrClosed
	}
	b.reading = true
	b.mu.Unlock()
	var n int
	var err error
	if b.plain != nil {
		n, err = b.plain.Read(p)
	} else {
		n, err = (*sentBody)(b).Read(p)
	}
	b.mu.Lock()
	b.reading = false
	b.mu.Unlock()
	return n, err
}

// sentBody is the body as it was sent.
type sentBody bodyStream

func (b *sentBody) Read(p []byte) (int, error) {
	if b.eof {
		return 0, io.EOF
	}
	n, err := b.src.Read(p)
	if err == io.EOF {
		b.eof = true
		length := b.s.head.ContentLength()
		if length == -1 && skipTrailers(b.br) != nil || length < -1 || b.br.Buffered() > 0 {
			b.reuse = false
		}
	}
	return n, err
}

// SetReadDeadline implements Stream.
func (b *bodyStream) SetReadDeadline(t time.Duration) {
	when := time.Time{}
	if t > 0 {
		when = b.c.net.base.Add(t)
	}
	b.cn.wire.SetReadDeadline(when) // fails only on a closed connection, as the next read will
}

// Taken implements Stream.
func (b *bodyStream) Taken() (in, out int64) { return b.cn.wire.taken() }

// Failure implements Stream.
func (b *bodyStream) Failure(err error) *Failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case errors.Is(err, coding.ErrMalformed), errors.Is(err, coding.ErrTooLarge):
		return decodeFailure(err)
	case b.closed:
		return FailInterrupted
	case b.cn.wire.err == nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF):
		return failMalformed
	}
	return IOFailure(err)
}

// Close implements Stream. It lets the connection carry other calls when the
// body was read to its end, and closes it otherwise.
func (b *bodyStream) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	if b.reading || !b.eof { // its buffers stay with who reads
		b.c.discard(b.cn) // its reader, if there is one now, ends with an error
		return nil
	}
	if b.plain != nil {
		b.plain.Close()
	}
	if b.reuse && b.cn.drained() {
		b.cn.wire.SetReadDeadline(time.Time{})
		b.c.release(b.cn)
	} else {
		b.c.discard(b.cn)
	}
	b.c.net.release(b.s)
	return nil
}
