package transport

import (
	"errors"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/coding"
)

// quicBody is the body of an HTTP/3 response that is read as it arrives.
type quicBody struct {
	k     *quicLink
	call  *quicCall
	up    *quicUpload   // that still runs, perhaps; nil: there was none
	plain io.ReadCloser // decompressed; nil: it is not compressed
	eof   bool

	mu     sync.Mutex // Close may come from another goroutine than Read
	closed bool
}

// stream makes the rest of call the body of r.
func (k *quicLink) stream(call *quicCall, up *quicUpload, r *Reply) *Failure {
	b := &quicBody{k: k, call: call, up: up}
	call.str.SetDeadline(time.Time{})
	// The call and its reply are their owners' from here.
	call.q = &Call{Method: call.q.Method, Stream: true}
	call.in.q, call.in.r = call.q, &Reply{Status: r.Status}
	if call.in.encoding != "" {
		plain, err := k.c.net.coder.NewReader(call.in.encoding, (*sentQUICBody)(b), math.MaxInt64)
		if err != nil {
			b.Close()
			r.Status = 0
			return decodeFailure(err)
		}
		b.plain = plain
	}
	r.Stream, r.streamed = b, true
	return nil
}

// Read implements io.Reader.
func (b *quicBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return 0, os.ErrClosed
	}
	if b.plain != nil {
		return b.plain.Read(p)
	}
	return (*sentQUICBody)(b).Read(p)
}

// sentQUICBody is the body as it was sent.
type sentQUICBody quicBody

func (b *sentQUICBody) Read(p []byte) (int, error) {
	if b.eof {
		return 0, io.EOF
	}
	n, err := b.call.read(p)
	b.eof = err == io.EOF
	return n, err
}

// SetReadDeadline implements Stream.
func (b *quicBody) SetReadDeadline(t time.Duration) {
	when := time.Time{}
	if t > 0 {
		when = b.k.c.net.base.Add(t)
	}
	b.call.str.SetReadDeadline(when) // never fails
}

// Taken implements Stream.
func (b *quicBody) Taken() (in, out int64) { return b.k.socket.taken() }

// Failure implements Stream.
func (b *quicBody) Failure(err error) *Failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case errors.Is(err, coding.ErrMalformed), errors.Is(err, coding.ErrTooLarge):
		return decodeFailure(err)
	case b.closed:
		return FailInterrupted
	case errors.Is(err, os.ErrDeadlineExceeded):
		return FailTimeout
	}
	return h3Failure(err, true)
}

// Close implements Stream. A body that was not read to its end is refused.
func (b *quicBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.call.str.CancelRead(h3RequestCancelled)
	b.call.str.CancelWrite(h3RequestCancelled) // does nothing if all was sent
	if b.up != nil {
		<-b.up.done
	}
	if b.k.leave(b.call, true) {
		b.k.c.drop(b.k)
	}
	return nil
}
