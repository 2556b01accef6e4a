package transport

import (
	"errors"
	"io"
	"math"
	"os"
	"time"

	"github.com/swarmload/swarm/jsmodules/http/coding"
)

// muxBody is the body of an HTTP/2 response that is read as it arrives. What
// has arrived is held, at most streamWindow bytes.
type muxBody struct {
	m     *mux
	st    *stream
	plain io.ReadCloser // decompressed; nil: it is not compressed

	reading bool // guarded by m.mu, as closed is
	closed  bool
}

// stream makes the rest of st the body of r.
func (m *mux) stream(st *stream, r *Reply) *Failure {
	b := &muxBody{m: m, st: st}
	m.mu.Lock()
	st.limit = 0
	// The call and its reply are their owners' from here.
	st.q = &Call{Method: st.q.Method, Slack: st.q.Slack, Stream: true}
	st.in.q, st.in.r = st.q, &Reply{Status: r.Status}
	encoding := st.in.encoding
	m.mu.Unlock()
	if encoding != "" {
		plain, err := m.c.net.coder.NewReader(encoding, (*sentMuxBody)(b), math.MaxInt64)
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
func (b *muxBody) Read(p []byte) (int, error) {
	if b.plain != nil {
		return b.plain.Read(p)
	}
	return (*sentMuxBody)(b).Read(p)
}

// sentMuxBody is the body as it was sent.
type sentMuxBody muxBody

func (b *sentMuxBody) Read(p []byte) (int, error) {
	m, st := b.m, b.st
	m.mu.Lock()
	n, err := 0, error(nil)
	b.reading = true
	for n == 0 && err == nil {
		switch {
		case b.closed:
			err = os.ErrClosed
		case st.taken < len(st.stored):
			n = copy(p, st.stored[st.taken:])
			if st.taken += n; st.taken == len(st.stored) {
				st.stored, st.taken = st.stored[:0], 0
			}
			st.credit += int64(n)
			m.allow(st)
		case st.ended:
			err = io.EOF
		case st.fail != nil:
			err = st.fail
		case len(p) == 0:
			err = io.ErrShortBuffer
		default:
			if m.pause(st, forReply) != nil {
				err = os.ErrDeadlineExceeded
			}
		}
	}
	b.reading = false
	m.resign(st)
	limit := m.c.net.Clock() + time.Second
	m.flush(limit)
	useless := false
	if b.closed {
		useless = m.leave(st)
	}
	m.mu.Unlock()
	if useless {
		m.c.drop(m)
	}
	return n, err
}

// SetReadDeadline implements Stream.
func (b *muxBody) SetReadDeadline(t time.Duration) {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	b.st.limit = t
	if b.reading {
		b.m.rouse(b.st)
	}
}

// Taken implements Stream.
func (b *muxBody) Taken() (in, out int64) { return b.m.cn.wire.taken() }

// Failure implements Stream.
func (b *muxBody) Failure(err error) *Failure {
	var f *Failure
	switch {
	case errors.Is(err, coding.ErrMalformed), errors.Is(err, coding.ErrTooLarge):
		return decodeFailure(err)
	case errors.Is(err, os.ErrClosed):
		return FailInterrupted
	case errors.As(err, &f):
		return f
	}
	return IOFailure(err)
}

// Close implements Stream. A body that was not read to its end is refused.
func (b *muxBody) Close() error {
	m, st := b.m, b.st
	m.mu.Lock()
	if b.closed {
		m.mu.Unlock()
		return nil
	}
	b.closed = true
	st.stored, st.taken = nil, 0
	if !st.ended && !st.reset {
		st.reset = true
		if st.fail == nil {
			st.fail = FailInterrupted
		}
		m.cancel(st, false)
	}
	useless := false
	if b.reading {
		m.rouse(st)
	} else {
		useless = m.leave(st)
	}
	m.mu.Unlock()
	if useless {
		m.c.drop(m)
	}
	return nil
}
