package transport

import (
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
)

const (
	streamWindow   = 1 << 20  // bytes a server may send on a stream before they are read
	connWindow     = 16 << 20 // the same for all streams of a connection
	maxControl     = 16 << 10 // bytes of answers to control frames that wait to be sent
	maxIdleFrames  = 4096     // frames in a row that advance no response
	maxHeaderBlock = 4 * maxHead
	streamsAtFirst = 100 // at once, until the server tells how many
)

// mux is a connection of HTTP/2. Its streams are calls of one VU.
//
// It has no goroutine. Of the calls that wait for something from the server,
// one reads for all of them: the leader. It handles what arrives for the others
// and wakes them; when it has what it came for it resigns, and wakes another to
// lead. So a call that is alone on its connection, as nearly all are, writes its
// request and reads its response itself, and a connection without calls holds
// nothing but its state: buffers belong to whoever reads or writes. The price is
// that a PING that arrives while no call runs is answered when the next begins.
//
// Writing is exclusive too: whoever writes holds the pen. Frames that answer
// the server's (acknowledgements, window updates, resets) collect in control,
// and go out with the next request, or when the leader has handled what came.
//
// All fields are guarded by mu, except where it says otherwise. mu is never held
// during blocking I/O. Client.mu is taken before mu, never after.
type mux struct {
	c  *Client
	cn *conn

	mu      sync.Mutex
	active  []*stream // open
	waiting []*stream // that want to be, in order
	nextID  uint32
	served  bool // has carried a response
	retired bool // takes no new streams
	dead    bool // cannot be read any more
	away    bool // the server has said GOAWAY, with
	code    uint32
	doubt   time.Duration // when a call timed out; 0: none, or
	alive   bool          // something has come since

	leader    *stream // reads, or is about to; nil: nobody
	poked     bool    // the leader's Read has been ended for something else
	readLimit time.Duration
	frames    frames

	writing    bool    // somebody holds the pen
	writer     *stream // who, if it is a call; else the leader
	writeErr   error
	writeLimit time.Duration
	control    []byte
	enc        *hpack.Encoder // writes to block; the pen holder's
	block      block          // the pen holder's
	tableSize  uint32         // what the server allows enc
	resized    bool           // since enc was told

	send       int64 // bytes the server will take on the connection
	sendEach   int64 // and at first on each stream
	maxFrame   int
	maxStreams int
	recv       int64 // bytes it may send us
	credit     int64 // bytes it has sent that it was not yet allowed again
}

// block collects what the encoder writes.
type block struct{ b []byte }

func (b *block) Write(p []byte) (int, error) {
	b.b = append(b.b, p...)
	return len(p), nil
}

func newMux(c *Client, cn *conn) *mux {
	m := &mux{
		c: c, cn: cn, nextID: 1, readLimit: -1, writeLimit: -1, tableSize: 4096,
		send: windowAtFirst, sendEach: windowAtFirst, maxFrame: minFrame, maxStreams: streamsAtFirst, recv: connWindow,
	}
	m.control = appendPreface(nil)
	m.enc = hpack.NewEncoder(&m.block)
	m.frames.dec = hpack.NewDecoder(4096, m.field)
	m.frames.dec.SetMaxStringLength(maxHead)
	return m
}

// stream is a call on a mux. It is guarded by the mutex of the mux while it is
// active; before and after it is its caller's.
type stream struct {
	id      uint32
	in      incoming
	q       *Call
	limit   time.Duration // of waiting; 0: none
	wake    chan struct{}
	timer   *time.Timer
	waits   wait
	send    int64 // bytes the server will take
	recv    int64 // bytes it may send us
	credit  int64
	stored  []byte // of a body that is read as a stream: what has arrived,
	taken   int    // and how much of that was read
	first   time.Duration
	end     time.Duration
	ended   bool     // the response is complete
	fail    *Failure // it never will be
	reset   bool     // the server needs not be told that we have lost interest
	refused bool     // the server has done nothing about the request
	lost    bool     // the connection has ended without a response
	unsent  bool     // nothing of the request was sent

	out    []byte // the request; its room serves many calls
	fields []hpack.HeaderField
}

// wait is what a stream waits for.
type wait uint8

const (
	forNothing wait = iota
	forReply
	forWindow
	forSlot
	forPen
)

func newStream() *stream { return &stream{wake: make(chan struct{}, 1)} }

// over reports whether there is nothing more to wait for.
func (st *stream) over() bool { return st.ended || st.fail != nil }

func (st *stream) nudge() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// pause waits until something has happened that may matter to st, reading for
// all when nobody does. It returns a failure at st's limit. mu is held, and
// released meanwhile.
func (m *mux) pause(st *stream, w wait) *Failure {
	if w == forReply || w == forWindow || w == forSlot && len(m.active) == 0 {
		if m.leader == nil || m.leader == st {
			m.leader = st
			return m.read(st)
		}
	}
	st.waits = w
	limit := st.limit // a stream's may be changed meanwhile
	m.mu.Unlock()
	var f *Failure
	if limit == 0 {
		<-st.wake
	} else {
		left := limit - m.c.net.Clock()
		if st.timer == nil {
			st.timer = time.NewTimer(left)
		} else {
			st.timer.Reset(left)
		}
		select {
		case <-st.wake:
			st.timer.Stop()
		case <-st.timer.C:
			f = FailTimeout
		}
	}
	m.mu.Lock()
	st.waits = forNothing
	return f
}

// read reads once from the connection and handles what came. st is the leader.
func (m *mux) read(st *stream) *Failure {
	slack := time.Duration(0)
	if st.limit > 0 {
		slack = st.q.Slack
	}
	m.armRead(st.limit, slack)
	room := m.frames.room(m.c.net)
	m.mu.Unlock()
	n, err := m.cn.Read(room)
	m.mu.Lock()
	m.received(n)
	m.flush(st.limit)
	switch {
	case err == nil:
	case isTimeout(err):
		m.readLimit = -1
		if m.poked {
			m.poked = false
			return nil
		}
		if st.limit > 0 {
			return FailTimeout
		}
	default:
		m.end(err)
	}
	return nil
}

// received handles n bytes that were read into the room of frames.
func (m *mux) received(n int) {
	if n == 0 || m.dead {
		return
	}
	m.alive = true
	m.frames.w += n
	m.frames.now = 0
	if f := m.consume(); f != nil {
		m.broken(f)
	}
}

// poll handles what has come while nobody read, without waiting. mu is held
// throughout; there is no leader. st is the call that does.
func (m *mux) poll(st *stream) {
	m.armRead(st.limit, st.q.Slack) // the deadline of an earlier call may have passed
	if m.cn.wire.asker == nil || m.cn.wire.asker.quiet() {
		return
	}
	m.cn.wire.ready = true
	for range 64 { // a flood is the leader's, who has a deadline
		n, err := m.cn.Read(m.frames.room(m.c.net))
		m.received(n)
		if err != nil {
			if !isTimeout(err) {
				m.end(err)
			}
			break
		}
		if m.dead {
			break
		}
	}
	m.cn.wire.ready = false
	m.frames.rest(m.c.net)
}

// poke ends the leader's Read, so that it sees what has changed.
func (m *mux) poke() {
	m.poked = true
	m.cn.wire.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed connection, where reads end too
	m.readLimit = -1
}

// armRead makes reading fail at limit, or up to slack later; 0 is never.
func (m *mux) armRead(limit, slack time.Duration) {
	if limit == 0 {
		if m.readLimit != 0 {
			m.readLimit = 0
			m.cn.wire.SetReadDeadline(time.Time{})
		}
		return
	}
	if m.readLimit >= limit && m.readLimit <= limit+slack {
		return
	}
	m.readLimit = limit + slack
	m.cn.wire.SetReadDeadline(m.c.net.base.Add(m.readLimit))
}

func (m *mux) armWrite(limit, slack time.Duration) {
	if m.writeLimit >= limit && m.writeLimit <= limit+slack {
		return
	}
	m.writeLimit = limit + slack
	m.cn.wire.SetWriteDeadline(m.c.net.base.Add(m.writeLimit))
}

// resign ends st's lead, if it leads, and finds another who will.
func (m *mux) resign(st *stream) {
	if m.leader == st {
		m.leader, m.poked = nil, false
		m.frames.rest(m.c.net)
	}
	if m.leader != nil {
		return
	}
	for _, other := range m.active {
		if other.waits == forReply || other.waits == forWindow {
			other.nudge()
			return
		}
	}
	if len(m.active) == 0 && len(m.waiting) > 0 {
		m.waiting[0].nudge()
	}
}

// end notes that nothing can be read any more, and why.
func (m *mux) end(err error) {
	m.dead = true
	for _, st := range m.active {
		if st.over() {
			continue
		}
		switch {
		case m.away && m.code != h2NoError:
			st.fail = h2Failure(codeH2GoAway, m.code)
		case isEnd(err) && !st.in.final:
			st.fail = failNoResponse
		default:
			st.fail = IOFailure(err)
		}
		st.lost = !st.in.final
	}
	m.nudgeAll()
}

// broken gives the connection up because of what the server did on it.
func (m *mux) broken(f *Failure) {
	m.dead = true
	for _, st := range m.active {
		if !st.over() {
			st.fail = f
		}
	}
	m.nudgeAll()
}

func (m *mux) nudgeAll() {
	for _, st := range m.active {
		m.rouse(st)
	}
	for _, st := range m.waiting {
		m.rouse(st)
	}
}

// rouse makes st look at what has changed.
func (m *mux) rouse(st *stream) {
	st.nudge()
	if m.leader == st {
		m.poke()
	}
}

func (m *mux) rouseNext() {
	if len(m.waiting) > 0 {
		m.rouse(m.waiting[0])
	}
}

// open reports whether m may take new streams, or would if it had room.
func (m *mux) open() bool { return !m.dead && !m.away && !m.retired && m.writeErr == nil }

// find returns the active stream with an id.
func (m *mux) find(id uint32) *stream {
	for _, st := range m.active {
		if st.id == id {
			return st
		}
	}
	return nil
}

// leave takes st off the connection and reports whether the connection is of no
// further use.
func (m *mux) leave(st *stream) (useless bool) {
	for i, other := range m.active {
		if other == st {
			last := len(m.active) - 1
			copy(m.active[i:], m.active[i+1:])
			m.active[last] = nil
			m.active = m.active[:last]
			break
		}
	}
	if m.frames.target == st {
		m.frames.target = nil
	}
	if m.leader == st || m.leader == nil {
		m.resign(st)
	}
	m.rouseNext()
	return m.useless()
}

func (m *mux) useless() bool { return len(m.active) == 0 && !m.open() }

// cancel has the server forget st, which has not ended.
func (m *mux) cancel(st *stream, timeout bool) {
	if st.id == 0 || m.dead {
		return
	}
	m.control = appendReset(m.control, st.id, h2Cancel)
	if timeout && (m.doubt == 0 || m.alive) {
		// If nothing comes back for this either, the connection is dead.
		m.control = appendFrame(m.control, 8, framePing, 0, 0)
		m.control = append(m.control, "timeout?"...)
		m.doubt, m.alive = m.c.net.Clock(), false
	}
	m.flush(m.c.net.Clock() + resetGrace)
}

// resetGrace is how long a call that has ended may take to tell the server.
const resetGrace = 20 * time.Millisecond

// pingGrace is how long a PING may go unanswered before no more calls are
// trusted to the connection.
const pingGrace = time.Second

// flush sends the control frames that wait, unless somebody else holds the pen,
// who will.
func (m *mux) flush(limit time.Duration) {
	if m.writing || len(m.control) == 0 || m.writeErr != nil || m.dead {
		return
	}
	if limit == 0 {
		limit = m.c.net.Clock() + time.Second
	}
	m.writing, m.writer = true, nil
	out := m.control
	m.control = nil
	m.write(out, limit, DeadlineSlack)
	m.dropPen(limit)
}

// write writes whole frames. The pen is held; mu is too, and released meanwhile.
// When it fails, the connection takes no more requests, but an answer may have
// come already.
func (m *mux) write(out []byte, limit, slack time.Duration) (int, error) {
	m.armWrite(limit, slack)
	m.mu.Unlock()
	n, err := m.cn.Write(out)
	m.mu.Lock()
	if err != nil && m.writeErr == nil {
		m.writeErr = err
		m.nudgeAll()
	}
	return n, err
}

// dropPen lets others write, after the control frames that have collected.
func (m *mux) dropPen(limit time.Duration) {
	for len(m.control) > 0 && m.writeErr == nil && !m.dead {
		out := m.control
		m.control = nil
		m.write(out, limit, DeadlineSlack)
	}
	m.writing, m.writer = false, nil
	for _, st := range m.active {
		if st.waits == forPen {
			st.nudge()
			return
		}
	}
	m.rouseNext()
}

// close closes the connection.
func (m *mux) close() { m.cn.wire.Conn.Close() }
