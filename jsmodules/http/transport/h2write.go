package transport

import (
	"context"
	"io"
	"time"
)

// enter makes st a stream of m, with the pen in its hand, once the server takes
// another and nobody else writes. It reports false when m is of no further use
// and nothing was sent; st.fail says so when st itself has ended. mu is held.
func (m *mux) enter(st *stream) bool {
	if len(m.active) == 0 && m.leader == nil && m.served && m.open() {
		m.poll(st)
	}
	switch {
	case m.doubt == 0:
	case m.alive:
		m.doubt = 0
	case m.c.net.Clock()-m.doubt > pingGrace:
		m.retired = true
		return false
	}
	m.waiting = append(m.waiting, st)
	for m.open() && st.fail == nil {
		w := forPen
		if m.waiting[0] != st || len(m.active) >= m.maxStreams {
			w = forSlot
		} else if !m.writing {
			break
		}
		if fail := m.pause(st, w); fail != nil && st.fail == nil {
			st.fail = fail
		}
	}
	for i, other := range m.waiting {
		if other == st {
			last := len(m.waiting) - 1
			copy(m.waiting[i:], m.waiting[i+1:])
			m.waiting[last] = nil
			m.waiting = m.waiting[:last]
			break
		}
	}
	if st.fail != nil || !m.open() || m.nextID > maxWindow {
		m.retired = m.retired || m.nextID > maxWindow
		m.resign(st)
		m.rouseNext()
		return false
	}
	m.writing, m.writer = true, st
	m.active = append(m.active, st)
	if m.leader == st {
		m.resign(st)
	}
	st.id = m.nextID
	m.nextID += 2
	st.send, st.recv = m.sendEach, streamWindow
	return true
}

// request sends the header of st's request, and its body if that is small and
// the server takes it. It reports whether the request is complete. mu and the
// pen are held.
func (m *mux) request(st *stream) (complete bool) {
	q := st.q
	out := append(st.out[:0], m.control...)
	m.control = m.control[:0]
	if m.resized {
		m.resized = false
		m.enc.SetMaxDynamicTableSize(m.tableSize)
	}
	n := int64(-1) // of the body, to be sent at once
	if size, told := q.contentLength(); size == 0 || q.Source == nil && !told {
		n = 0
	} else if q.inline() && size <= min(st.send, m.send, int64(m.maxFrame)) {
		n = size
		st.send -= n
		m.send -= n
	}
	maxFrame := m.maxFrame
	m.mu.Unlock()
	st.fields = m.c.set.appendFields(st.fields[:0], q)
	out = m.appendHeader(out, st, n == 0, maxFrame)
	if n > 0 {
		out = appendFrame(out, int(n), frameData, flagEndStream, st.id)
		out = append(out, q.Body...)
	}
	st.out = out
	m.mu.Lock()
	wrote, err := m.write(out, q.Deadline, q.Slack)
	st.unsent = err != nil && wrote == 0
	return err == nil && n >= 0
}

// appendHeader appends st.fields as frames.
func (m *mux) appendHeader(out []byte, st *stream, last bool, maxFrame int) []byte {
	start := len(out)
	m.block.b = appendFrame(out, 0, frameHeaders, 0, st.id)
	for _, f := range st.fields {
		m.enc.WriteField(f) // to memory, which never fails
	}
	out, m.block.b = m.block.b, nil
	clear(st.fields)
	flags := byte(0)
	if last {
		flags = flagEndStream
	}
	n := len(out) - start - frameHead
	if n <= maxFrame {
		appendFrame(out[:start], n, frameHeaders, flags|flagEndHeaders, st.id)
		return out
	}
	block := append([]byte(nil), out[start+frameHead:]...)
	out = out[:start]
	for kind := byte(frameHeaders); len(block) > 0; kind = frameContinuation {
		n := min(len(block), maxFrame)
		if n == len(block) {
			flags |= flagEndHeaders
		}
		out = append(appendFrame(out, n, kind, flags, st.id), block[:n]...)
		block, flags = block[n:], 0
	}
	return out
}

// upload sends the body of st's request as the server takes it, until it is
// complete or the response is. It reports whether it was complete. mu is held.
//
// Between the pieces it looks for what has come, so that an answer that makes
// the rest superfluous ends it.
func (m *mux) upload(st *stream) (complete bool) {
	q := st.q
	var src io.Reader
	size, _ := q.contentLength()
	if q.Source != nil {
		src = q.Source.Reader()
		if closer, ok := src.(io.Closer); ok {
			defer closer.Close()
		}
	}
	buffer := m.c.net.buffers.Get().(*[copyBuffer]byte)
	defer m.c.net.buffers.Put(buffer)
	from, to := frameHead, frameHead // of what was made and is to be sent, in buffer
	made, ended := int64(0), false
	for !st.over() && m.writeErr == nil {
		if from == to && !ended {
			m.resign(st)
			m.mu.Unlock()
			piece := buffer[frameHead:]
			var err error
			n := 0
			if src == nil {
				n = copy(piece, q.Body[made:])
			} else {
				if size >= 0 {
					piece = piece[:min(int64(len(piece)), size-made)]
				}
				n, err = readFull(src, piece)
			}
			from, to = frameHead, frameHead+n
			made += int64(n)
			ended = made == size || size < 0 && err == io.EOF
			m.mu.Lock()
			if err != nil && !ended {
				if !st.over() {
					st.fail = failSource
				}
				return false
			}
			continue
		}
		window := min(st.send, m.send)
		if window <= 0 && from < to || m.writing {
			if q.Stream && st.in.final {
				return false // the caller has what it wants; nobody would send the rest
			}
			w := forWindow
			if m.writing {
				w = forPen
				m.resign(st)
			}
			if fail := m.pause(st, w); fail != nil && !st.over() {
				st.fail = fail
			}
			continue
		}
		m.resign(st)
		m.writing, m.writer = true, st
		n := min(to-from, int(window), m.maxFrame)
		flags := byte(0)
		if ended && from+n == to {
			flags = flagEndStream
		}
		// What lies before the piece has been sent, or is the room kept for this.
		appendFrame(buffer[from-frameHead:from-frameHead], n, frameData, flags, st.id)
		st.send -= int64(n)
		m.send -= int64(n)
		_, err := m.write(buffer[from-frameHead:from+n], q.Deadline, q.Slack)
		m.dropPen(q.Deadline)
		if err != nil {
			return false
		}
		if flags != 0 {
			return true
		}
		from += n
		m.frames.idle = 0
		if m.leader == nil {
			m.poll(st)
			m.flush(q.Deadline)
		}
	}
	return false
}

// readFull fills p, or as much of it as comes before the end.
func readFull(src io.Reader, p []byte) (n int, err error) {
	defer func() {
		if recover() != nil { // a reader made by somebody else
			err = errSource
		}
	}()
	for n < len(p) && err == nil {
		var k int
		k, err = src.Read(p[n:])
		n += k
	}
	return n, err
}

// exchange sends q as a stream of m and reads the response into r.
func (m *mux) exchange(ctx context.Context, q *Call, r *Reply, start time.Duration) outcome {
	n := m.c.net
	st := n.streams.Get().(*stream)
	st.begin(n, q, r)
	if q.Alone {
		interrupted := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			m.interrupt(st)
			close(interrupted)
		})
		defer func() {
			if !stop() {
				<-interrupted
			}
		}()
	}
	o := m.carry(st, r, start)
	if r.Stream == nil {
		st.in.q, st.in.r, st.q = nil, nil, nil
		n.streams.Put(st)
	}
	return o
}

// begin makes st ready for a call.
func (st *stream) begin(n *Network, q *Call, r *Reply) {
	in, out, fields := st.in, st.out, st.fields
	if cap(out) > 2*inlineBody {
		out = nil
	}
	if cap(in.head) > 2*inlineBody {
		in.head = nil
	}
	*st = stream{in: in, out: out, fields: fields, wake: st.wake, timer: st.timer, q: q, limit: q.Deadline}
	st.in.begin(n, "HTTP/2.0", q, r)
}

// interrupt ends st, wherever it is.
func (m *mux) interrupt(st *stream) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if st.over() {
		return
	}
	st.fail = FailInterrupted
	m.rouse(st)
	if m.writer == st {
		m.writeLimit = -1
		m.cn.wire.SetWriteDeadline(time.Unix(1, 0))
	}
}

// carry is exchange with a stream.
func (m *mux) carry(st *stream, r *Reply, start time.Duration) outcome {
	q, n := st.q, m.c.net
	m.mu.Lock()
	used, waited := m.served, len(m.active) > 0 || m.leader != nil
	entered := m.enter(st)
	if !entered && st.fail == nil {
		m.mu.Unlock()
		return stale
	}
	if waited {
		start = n.Clock()
	}
	r.blocked(q, start)
	if !entered {
		m.mu.Unlock()
		r.Fail = st.fail
		return done
	}
	r.Peer = m.cn.peer
	r.Written = m.request(st)
	r.Begun = r.Begun || !st.unsent
	m.dropPen(q.Deadline)
	if !r.Written && m.writeErr == nil {
		r.Written = m.upload(st)
	}
	sent := n.Clock()
	for !st.over() && !(q.Stream && st.in.final) {
		if fail := m.pause(st, forReply); fail != nil && !st.over() {
			st.fail = fail
		}
	}
	streamed := q.Stream && st.fail == nil && r.hasBody(q)
	useless := false
	if streamed {
		m.resign(st)
	} else {
		useless = m.depart(st, r.Written)
	}
	m.mu.Unlock()

	now := n.Clock()
	first, end := st.first, st.end
	if first == 0 {
		first = now
	}
	if end < first {
		end = now
	}
	if sent > first { // the server spoke before it was told everything
		sent = first
	}
	r.Timings.Sending = sent - start
	r.Timings.Waiting += first - sent
	r.Timings.Receiving = end - first
	r.Fail = st.fail
	if r.Fail == nil && !streamed {
		var decoded bool
		if decoded, r.Fail = st.in.finish(n); decoded {
			r.Timings.Receiving = n.Clock() - first
		}
	}
	if st.first == 0 {
		r.Timings.Receiving = 0
	}
	in, out := m.cn.wire.taken()
	r.Received += in
	r.Sent += out
	if r.Fail != nil {
		r.Cut, r.Status = r.Status, 0
	}
	if streamed {
		r.Fail = m.stream(st, r)
		return done
	}
	if useless {
		m.c.drop(m)
	}
	switch {
	case st.refused:
		return resend
	case st.lost && used && (st.unsent || idempotent(q.Method)):
		return resend
	}
	return done
}

// depart ends the part of st on m, telling the server if it still has one. It
// reports whether m is of no further use.
func (m *mux) depart(st *stream, written bool) (useless bool) {
	if !st.reset && (st.fail != nil || !written) {
		m.cancel(st, st.fail == FailTimeout)
	}
	return m.leave(st)
}
