package transport

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/quic-go/qpack"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"golang.org/x/net/http2/hpack"
)

// quicCall is a call on a quicLink. It is its caller's alone, but for str, on
// which anybody may end reading or writing.
type quicCall struct {
	q       *Call
	in      incoming
	str     *quic.Stream
	refused atomic.Bool // the server has done nothing about the request

	br      *bufio.Reader
	left    uint64 // bytes of the DATA frame being read
	trailed bool   // a trailer was there
	first   time.Duration

	out    []byte
	block  block
	enc    *qpack.Encoder // writes to block
	fields []hpack.HeaderField
	head   []byte // a header as it was sent
}

func newQUICCall() *quicCall {
	call := &quicCall{br: bufio.NewReaderSize(nil, readBuffer)}
	call.enc = qpack.NewEncoder(&call.block)
	return call
}

func (call *quicCall) begin(n *Network, q *Call, r *Reply) {
	call.q, call.str = q, nil
	call.refused.Store(false)
	call.left, call.trailed, call.first = 0, false, 0
	call.in.begin(n, "HTTP/3.0", q, r)
}

// free gives what call holds back, but for its buffers.
func (call *quicCall) free() {
	call.br.Reset(nil)
	call.q, call.str, call.in.q, call.in.r = nil, nil, nil, nil
	for _, b := range []*[]byte{&call.out, &call.block.b, &call.head, &call.in.head} {
		if cap(*b) > 2*inlineBody {
			*b = nil
		}
	}
}

// exchange sends q on a stream of its own and reads the response into r.
func (k *quicLink) exchange(ctx context.Context, q *Call, r *Reply, start time.Duration) outcome {
	n := k.c.net
	call := n.quicCalls.Get().(*quicCall)
	call.begin(n, q, r)
	used, waited, err := k.enter(ctx, call)
	if waited {
		start = n.Clock()
	}
	r.blocked(q, start)
	if err != nil {
		call.free()
		n.quicCalls.Put(call)
		if ctx.Err() != nil {
			r.Fail = FailInterrupted
		} else if errors.Is(err, context.DeadlineExceeded) {
			r.Fail = FailTimeout
		} else {
			return stale
		}
		return done
	}
	str := call.str
	r.Peer = k.peer
	str.SetDeadline(n.base.Add(q.Deadline))
	uninterrupted := always
	if q.Alone {
		uninterrupted = context.AfterFunc(ctx, func() {
			str.CancelRead(h3RequestCancelled)
			str.CancelWrite(h3RequestCancelled)
		})
	}
	sent, up, err := k.send(call)
	r.Begun = r.Begun || err == nil
	call.br.Reset(str)
	// The server may have answered before it had everything: whatever sending
	// gave, the response tells.
	if fail := call.header(n); fail == nil || err == nil {
		err = fail
	}
	streamed := err == nil && q.Stream && r.hasBody(q)
	if err == nil && !streamed {
		if err = call.body(n); err == nil {
			if _, fail := call.in.finish(n); fail != nil { // a nil one is no nil error
				err = fail
			}
		}
	}
	now := n.Clock()
	r.Written = up == nil && sent > 0
	switch {
	case up == nil:
	case streamed: // it goes on beside the stream
		sent, r.Written = up.ended(now)
	default:
		sent, r.Written = up.finish(str, now)
		if errors.Is(up.err, errSource) {
			err = failSource
		}
	}
	if sent == 0 {
		sent = now
	}
	first := call.first
	if first == 0 {
		first = now
	}
	sent = min(sent, first)
	r.Timings.Sending = sent - start
	r.Timings.Waiting += first - sent
	r.Timings.Receiving = now - first
	if !uninterrupted() && err != nil {
		err = FailInterrupted
	}
	if err != nil && call.refused.Load() {
		err = failH3Away
	}
	if err != nil {
		r.Fail = h3Failure(err, call.in.final)
		r.Cut, r.Status = r.Status, 0
	}
	in, out := k.socket.taken()
	r.Received += in
	r.Sent += out
	if streamed && err == nil {
		r.Fail = k.stream(call, up, r)
		return done
	}
	if err != nil || !r.Written {
		str.CancelWrite(h3RequestCancelled)
	}
	str.CancelRead(h3RequestCancelled) // does nothing once it was read to its end
	refused := call.refused.Load() || r.Fail != nil && r.Fail.Code == codeH3Stream+h3RequestRejected-0x100
	lost := err != nil && call.first == 0 && k.conn.Context().Err() != nil
	if k.leave(call, err == nil) {
		k.c.drop(k)
	}
	call.free()
	n.quicCalls.Put(call)
	switch {
	case refused:
		return resend
	case lost && used && idempotent(q.Method) && r.Fail != FailTimeout && r.Fail != FailInterrupted:
		return resend
	}
	return done
}

// send sends the request, and returns when it was sent. A body that is not small
// follows from a goroutine of its own.
func (k *quicLink) send(call *quicCall) (sent time.Duration, up *quicUpload, err error) {
	n, q := k.c.net, call.q
	call.fields = k.c.set.appendFields(call.fields[:0], q)
	call.block.b = call.block.b[:0]
	for _, f := range call.fields {
		call.enc.WriteField(qpack.HeaderField{Name: f.Name, Value: f.Value}) // to memory, which never fails
	}
	call.enc.Close()
	clear(call.fields)
	out := quicvarint.Append(call.out[:0], h3Headers)
	out = quicvarint.Append(out, uint64(len(call.block.b)))
	out = append(out, call.block.b...)
	if q.inline() && q.Body != "" {
		out = quicvarint.Append(out, h3Data)
		out = quicvarint.Append(out, uint64(len(q.Body)))
		out = append(out, q.Body...)
	}
	call.out = out
	if _, err := call.str.Write(out); err != nil {
		return 0, nil, err
	}
	if !q.inline() {
		up = &quicUpload{done: make(chan struct{})}
		go up.run(n, call.str, q)
		return 0, up, nil
	}
	call.str.Close() // fails when the server has told that it wants no more
	return n.Clock(), nil, nil
}

// next reads the head of a frame, skipping those that mean nothing to us. io.EOF
// is the end of the stream between frames.
func (call *quicCall) next() (kind, length uint64, err error) {
	for {
		if _, err = call.br.Peek(1); err != nil {
			return 0, 0, err
		}
		if kind, err = quicvarint.Read(call.br); err == nil {
			length, err = quicvarint.Read(call.br)
		}
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, 0, err
		}
		switch kind {
		case h3Data, h3Headers:
			return kind, length, nil
		case 0x2, h3Settings, h3Push, 0x6, h3GoAway, 0x8, 0x9, 0xd, 0x3:
			return 0, 0, failH3Frame
		}
		if err = call.skip(length); err != nil {
			return 0, 0, err
		}
	}
}

func (call *quicCall) skip(length uint64) error {
	for length > 0 {
		n, err := call.br.Discard(int(min(length, math.MaxInt32)))
		length -= uint64(n)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// header reads up to and including the header of the final response.
func (call *quicCall) header(n *Network) error {
	for !call.in.final {
		kind, length, err := call.next()
		if call.first == 0 && err == nil {
			call.first = n.Clock()
		}
		if err != nil {
			return err
		}
		if kind != h3Headers {
			return failMalformed
		}
		if err := call.fieldSection(length); err != nil {
			return err
		}
	}
	return nil
}

// fieldSection reads a header or a trailer.
func (call *quicCall) fieldSection(length uint64) error {
	if length > maxHead {
		return failHeadTooLarge
	}
	// Nothing is allocated ahead of what has arrived.
	call.head = call.head[:0]
	for left := int(length); left > 0; {
		p, err := call.br.Peek(1)
		if err == nil {
			p, _ = call.br.Peek(min(left, call.br.Buffered()))
		}
		call.head = append(call.head, p...)
		call.br.Discard(len(p))
		left -= len(p)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	var decoder qpack.Decoder
	decode := decoder.Decode(call.head)
	for {
		f, err := decode()
		if err == io.EOF {
			break
		}
		if err != nil {
			return failQPACK
		}
		if fail := call.in.field(f.Name, f.Value); fail != nil {
			return fail
		}
	}
	if fail := call.in.fieldsEnd(call.in.final); fail != nil {
		return fail
	}
	return nil
}

// more finds the next bytes of the body; io.EOF is its end.
func (call *quicCall) more() error {
	for call.left == 0 {
		kind, length, err := call.next()
		switch {
		case err == io.EOF:
			if fail := call.in.end(); fail != nil {
				return fail
			}
			return err
		case err != nil:
			return err
		case kind == h3Data && !call.trailed:
			call.left = length
		case kind == h3Headers && !call.trailed:
			call.trailed = true
			if err := call.fieldSection(length); err != nil {
				return err
			}
		default:
			return failH3Frame
		}
	}
	return nil
}

// read reads bytes of the body.
func (call *quicCall) read(p []byte) (int, error) {
	if err := call.more(); err != nil {
		return 0, err
	}
	n, err := call.br.Read(p[:min(uint64(len(p)), call.left)])
	call.left -= uint64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if n > 0 {
		err = nil // it comes again, if the body goes on
		if fail := call.in.data(p[:n]); fail != nil {
			return 0, fail
		}
	}
	return n, err
}

// body reads the body to its end.
func (call *quicCall) body(n *Network) error {
	var big *[copyBuffer]byte
	defer func() {
		if big != nil {
			n.buffers.Put(big)
		}
	}()
	for {
		if err := call.more(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if call.br.Buffered() == 0 && call.left > readBuffer {
			if big == nil {
				big = n.buffers.Get().(*[copyBuffer]byte)
			}
			if _, err := call.read(big[:]); err != nil {
				return err
			}
			continue
		}
		if _, err := call.br.Peek(1); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		p, _ := call.br.Peek(int(min(call.left, uint64(call.br.Buffered()))))
		if fail := call.in.data(p); fail != nil {
			return fail
		}
		call.left -= uint64(len(p))
		call.br.Discard(len(p))
	}
}
