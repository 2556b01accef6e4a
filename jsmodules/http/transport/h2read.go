package transport

import (
	"bytes"
	"encoding/binary"
	"time"

	"golang.org/x/net/http2/hpack"
)

// frames takes the frames that arrive apart, in pieces of any size: no frame
// has to be held as a whole, and an idle connection holds no buffer, only what
// came of a frame that is not complete. It is guarded by the mutex of the mux;
// the room that the leader reads into is the leader's.
type frames struct {
	buf   []byte // nil: nobody leads
	small *[readBuffer]byte
	big   *[copyBuffer]byte
	r, w  int    // what has arrived and is not handled yet: buf[r:w]
	kept  []byte // the same while nobody leads

	inside  bool // in a frame, of which
	left    int  // bytes of payload,
	padding int  // and then of padding are to come
	kind    byte
	flags   byte
	id      uint32
	target  *stream // of DATA and HEADERS; nil: nobody's any more

	greeted bool          // the first frame was there
	idle    int           // frames since one that advanced a response
	now     time.Duration // when what is handled arrived; 0: not asked yet

	dec    *hpack.Decoder
	block  uint32   // the stream whose header goes on in the next frame; 0: none
	length int      // bytes of that header block, frame heads included
	last   bool     // END_STREAM came with it
	fail   *Failure // of a field of it
}

// room returns where to read to.
func (f *frames) room(n *Network) []byte {
	if f.buf == nil {
		f.small = n.small.Get().(*[readBuffer]byte)
		f.buf = f.small[:]
		f.r, f.w = 0, copy(f.buf, f.kept)
		f.kept = nil
	}
	if f.r > 0 {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	if f.big == nil && f.inside && f.kind == frameData && f.left > len(f.buf) {
		f.big = n.buffers.Get().(*[copyBuffer]byte)
		f.w = copy(f.big[:], f.buf[:f.w])
		f.buf = f.big[:]
	}
	return f.buf[f.w:]
}

// rest gives the buffers back. What is in them never fills one: frames are
// handled as far as they have arrived.
func (f *frames) rest(n *Network) {
	if f.buf == nil {
		return
	}
	f.kept = nil
	if f.w > f.r {
		f.kept = bytes.Clone(f.buf[f.r:f.w])
	}
	f.buf = nil
	n.small.Put(f.small)
	f.small = nil
	if f.big != nil {
		n.buffers.Put(f.big)
		f.big = nil
	}
}

// clock returns when what is being handled has arrived.
func (m *mux) clock() time.Duration {
	if m.frames.now == 0 {
		m.frames.now = m.c.net.Clock()
	}
	return m.frames.now
}

// consume handles what has arrived, as far as it can. A failure is the end of
// the connection.
func (m *mux) consume() *Failure {
	f := &m.frames
	for {
		b := f.buf[f.r:f.w]
		if !f.inside {
			if len(b) < frameHead {
				if !f.greeted && len(b) >= len(protoPrefix) && bytes.HasPrefix(b, protoPrefix) {
					return failNoH2
				}
				return nil
			}
			n, fail := m.beginFrame(b)
			if n == 0 || fail != nil {
				return fail
			}
			f.r += n
			continue
		}
		if f.left > 0 {
			n := min(f.left, len(b))
			switch f.kind {
			case frameSettings:
				n -= n % 6
			}
			if n == 0 {
				return nil
			}
			if fail := m.payload(b[:n]); fail != nil {
				return fail
			}
			f.r += n
			f.left -= n
			continue
		}
		if f.padding > 0 {
			n := min(f.padding, len(b))
			if n == 0 {
				return nil
			}
			f.r += n
			f.padding -= n
			continue
		}
		f.inside = false
		if fail := m.endFrame(); fail != nil {
			return fail
		}
	}
}

// beginFrame handles the head of a frame at the start of b, and what comes in
// fixed places behind it. It returns their length, or 0 when more must arrive.
func (m *mux) beginFrame(b []byte) (int, *Failure) {
	f := &m.frames
	length := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	kind, flags := b[3], b[4]
	id := binary.BigEndian.Uint32(b[5:]) & (1<<31 - 1)
	if !f.greeted && (kind != frameSettings || flags&flagAck != 0 || length > minFrame) {
		if bytes.HasPrefix(b, protoPrefix) {
			return 0, failNoH2
		}
		return 0, h2Failure(codeH2Conn, h2Protocol)
	}
	if length > minFrame {
		return 0, h2Failure(codeH2Conn, h2FrameSize)
	}
	if (kind == frameContinuation) != (f.block != 0) || f.block != 0 && f.block != id {
		return 0, h2Failure(codeH2Conn, h2Protocol)
	}
	fixed, exact := 0, false
	switch kind {
	case frameData, frameHeaders:
		if flags&flagPadded != 0 {
			fixed++
		}
		if kind == frameHeaders && flags&flagPriority != 0 {
			fixed += 5
		}
	case frameReset, frameWindowUpdate:
		fixed, exact = 4, true
	case framePing:
		fixed, exact = 8, true
	case frameGoAway:
		fixed = 8
	case framePriority:
		exact = length != 5
	}
	if length < fixed || exact && length != fixed {
		return 0, h2Failure(codeH2Conn, h2FrameSize)
	}
	if len(b) < frameHead+fixed {
		return 0, nil
	}
	if f.idle++; f.idle > maxIdleFrames {
		return 0, failH2Flood
	}
	f.greeted, f.inside = true, true
	f.kind, f.flags, f.id = kind, flags, id
	f.left, f.padding, f.target = length-fixed, 0, nil
	p := b[frameHead : frameHead+fixed]
	if fixed > 0 && flags&flagPadded != 0 && (kind == frameData || kind == frameHeaders) {
		f.padding = int(p[0])
		if f.left -= f.padding; f.left < 0 {
			return 0, h2Failure(codeH2Conn, h2Protocol)
		}
	}
	return frameHead + fixed, m.fixedPart(p, length)
}

// fixedPart handles what beginFrame has found.
func (m *mux) fixedPart(p []byte, length int) *Failure {
	f := &m.frames
	switch f.kind {
	case frameData:
		return m.beginData(length)
	case frameHeaders:
		return m.beginHeaders(length)
	case frameContinuation:
		f.target = m.find(f.id)
		f.length += length + frameHead
		if f.length > maxHeaderBlock {
			return m.tooLarge()
		}
	case frameReset:
		return m.reset(binary.BigEndian.Uint32(p))
	case frameWindowUpdate:
		return m.windowUpdate(int64(binary.BigEndian.Uint32(p) & maxWindow))
	case framePing:
		if f.id != 0 {
			return h2Failure(codeH2Conn, h2Protocol)
		}
		if f.flags&flagAck == 0 {
			m.control = appendFrame(m.control, 8, framePing, flagAck, 0)
			m.control = append(m.control, p...)
			return m.controlled()
		}
	case frameSettings:
		if f.id != 0 {
			return h2Failure(codeH2Conn, h2Protocol)
		}
		if length%6 != 0 || f.flags&flagAck != 0 && length != 0 {
			return h2Failure(codeH2Conn, h2FrameSize)
		}
	case frameGoAway:
		if f.id != 0 {
			return h2Failure(codeH2Conn, h2Protocol)
		}
		m.goAway(binary.BigEndian.Uint32(p)&(1<<31-1), binary.BigEndian.Uint32(p[4:]))
	case framePush: // which we have forbidden
		return h2Failure(codeH2Conn, h2Protocol)
	}
	return nil
}

// controlled gives up a server that asks more than it lets us answer.
func (m *mux) controlled() *Failure {
	if len(m.control) > maxControl {
		return failH2Control
	}
	return nil
}

// known returns the stream of the present frame, or nil when that is over. One
// that never was is a failure.
func (m *mux) known() (*stream, *Failure) {
	id := m.frames.id
	if id == 0 || id%2 == 0 || id >= m.nextID {
		return nil, h2Failure(codeH2Conn, h2Protocol)
	}
	if st := m.find(id); st != nil && st.fail == nil {
		return st, nil
	}
	return nil, nil
}

func (m *mux) beginData(length int) *Failure {
	st, fail := m.known()
	if fail != nil {
		return fail
	}
	if m.recv -= int64(length); m.recv < 0 {
		return h2Failure(codeH2Conn, h2FlowControl)
	}
	if m.credit += int64(length); m.credit >= connWindow/2 {
		m.control = appendWindowUpdate(m.control, 0, m.credit)
		m.recv += m.credit
		m.credit = 0
	}
	if st == nil {
		return nil
	}
	if st.recv -= int64(length); st.recv < 0 {
		return h2Failure(codeH2Conn, h2FlowControl)
	}
	if st.ended {
		return h2Failure(codeH2Conn, h2StreamClosed)
	}
	if !st.in.final {
		m.refuse(st, h2Protocol, failMalformed)
		return nil
	}
	if length > 0 {
		m.frames.idle = 0
	}
	m.frames.target = st
	if st.q.Stream {
		// What is stored is asked for again when it has been read.
		st.credit += int64(length - m.frames.left)
	} else {
		st.credit += int64(length)
	}
	m.allow(st)
	return nil
}

// allow lets the server send again what has been taken of st, once it is much.
func (m *mux) allow(st *stream) {
	if st.credit < streamWindow/2 || st.ended {
		return
	}
	m.control = appendWindowUpdate(m.control, st.id, st.credit)
	st.recv += st.credit
	st.credit = 0
}

func (m *mux) beginHeaders(length int) *Failure {
	f := &m.frames
	st, fail := m.known()
	if fail != nil {
		return fail
	}
	if st != nil && st.ended {
		return h2Failure(codeH2Conn, h2StreamClosed)
	}
	f.target, f.block, f.fail = st, f.id, nil
	f.last = f.flags&flagEndStream != 0
	f.length = length
	f.dec.SetEmitEnabled(true)
	if st != nil {
		f.idle = 0
		if st.first == 0 {
			st.first = m.clock()
		}
	}
	return nil
}

// field takes a field of the header block in progress.
func (m *mux) field(h hpack.HeaderField) {
	f := &m.frames
	if f.target == nil || f.fail != nil {
		return
	}
	if f.fail = f.target.in.field(h.Name, h.Value); f.fail != nil {
		f.dec.SetEmitEnabled(false) // the rest only keeps the tables in step
	}
}

// tooLarge is the failure of a header block whose end is not worth waiting for.
func (m *mux) tooLarge() *Failure {
	if st := m.frames.target; st != nil && !st.over() && m.frames.fail != nil {
		st.fail = m.frames.fail
	}
	return failH2Head
}

// payload handles p, the next bytes of the present frame.
func (m *mux) payload(p []byte) *Failure {
	f := &m.frames
	switch f.kind {
	case frameSettings:
		for ; len(p) > 0; p = p[6:] {
			if fail := m.setting(binary.BigEndian.Uint16(p), binary.BigEndian.Uint32(p[2:])); fail != nil {
				return fail
			}
		}
	case frameHeaders, frameContinuation:
		if _, err := f.dec.Write(p); err == hpack.ErrStringLength {
			if f.fail == nil {
				f.fail = failHeadTooLarge
			}
			return m.tooLarge()
		} else if err != nil {
			return h2Failure(codeH2Conn, h2Compression)
		}
	case frameData:
		st := f.target
		if st == nil {
			return nil
		}
		if fail := st.in.data(p); fail != nil {
			m.refuse(st, h2Cancel, fail)
			return nil
		}
		if st.q.Stream && st.in.r.hasBody(st.q) {
			if st.taken > 0 && len(st.stored)+len(p) > cap(st.stored) {
				st.stored = st.stored[:copy(st.stored, st.stored[st.taken:])]
				st.taken = 0
			}
			st.stored = append(st.stored, p...)
			m.rouseReader(st)
		}
	}
	return nil
}

// rouseReader wakes st, unless it reads itself.
func (m *mux) rouseReader(st *stream) {
	if m.leader != st {
		st.nudge()
	}
}

// endFrame handles the end of the present frame.
func (m *mux) endFrame() *Failure {
	f := &m.frames
	switch f.kind {
	case frameSettings:
		if f.flags&flagAck == 0 {
			m.control = appendFrame(m.control, 0, frameSettings, flagAck, 0)
			return m.controlled()
		}
	case frameHeaders, frameContinuation:
		if f.flags&flagEndHeaders == 0 {
			return nil
		}
		f.block = 0
		if f.dec.Close() != nil {
			return h2Failure(codeH2Conn, h2Compression)
		}
		st := f.target
		if st == nil {
			return nil
		}
		fail := f.fail
		if fail == nil {
			fail = st.in.fieldsEnd(f.last)
		}
		if fail != nil {
			m.refuse(st, h2Protocol, fail)
			return nil
		}
		if f.last {
			m.finish(st)
		} else if st.in.final {
			m.rouseReader(st) // which may want the header alone
		}
	case frameData:
		if st := f.target; st != nil && f.flags&flagEndStream != 0 {
			m.finish(st)
		}
	}
	return nil
}

// finish notes that the response to st is complete.
func (m *mux) finish(st *stream) {
	if st.fail = st.in.end(); st.fail == nil {
		st.ended = true
	}
	st.end = m.clock()
	m.served = true
	m.rouseReader(st)
}

// refuse gives up a response that cannot be used.
func (m *mux) refuse(st *stream, code uint32, fail *Failure) {
	m.frames.target = nil
	if st.fail != nil {
		return
	}
	st.fail, st.reset = fail, true
	m.control = appendReset(m.control, st.id, code)
	m.rouseReader(st)
}
