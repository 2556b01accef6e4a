package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/swarmload/swarm/sandbox/egress"
)

// Limits of a QUIC connection. What a server may send ahead of its readers
// grows to the larger ones while it is read as fast as it comes.
const (
	quicStreamWindow    = 64 << 10
	quicStreamWindowMax = 1 << 20
	quicConnWindow      = 128 << 10
	quicConnWindowMax   = 4 << 20
	quicServerStreams   = 8 // at once that a server may open, all one-way; HTTP/3 has three
	quicIdle            = 2 * time.Minute
)

// quicLink is a connection of HTTP/3 (RFC 9114) over quic-go. Its streams are
// calls of one VU.
//
// The mapping of HTTP to streams is written here, above quic-go's streams: its
// http3 client starts goroutines for each request that outlive the response
// when a server stops reading, forgets the order of header fields, and cannot
// send a body from where its caller waits. What quic-go itself costs (five
// goroutines and the state of QUIC for each connection) is the price of HTTP/3.
type quicLink struct {
	c         *Client
	conn      *quic.Conn
	transport *quic.Transport
	socket    *datagrams
	peer      *Peer
	born      time.Duration
	ended     chan struct{} // the goroutine that accepts streams has ended

	mu      sync.Mutex
	active  []*quicCall
	served  bool
	retired bool // takes no more calls
}

// datagrams counts what crosses a socket, the payload of UDP.
//
// It hides from quic-go that the socket could do more (ask for many datagrams
// at once, get and set marks in IP headers): the buffers for that are a
// multiple of what a connection needs otherwise.
type datagrams struct {
	net.PacketConn
	in, out atomic.Int64
}

func (d *datagrams) ReadFrom(p []byte) (int, net.Addr, error) {
	n, addr, err := d.PacketConn.ReadFrom(p)
	d.in.Add(int64(n))
	return n, addr, err
}

func (d *datagrams) WriteTo(p []byte, addr net.Addr) (int, error) {
	d.out.Add(int64(len(p))) // ahead, because the answer may be faster than we
	n, err := d.PacketConn.WriteTo(p, addr)
	d.out.Add(int64(n - len(p)))
	return n, err
}

// SetReadBuffer has the kernel keep up to n bytes, if it will.
func (d *datagrams) SetReadBuffer(n int) error {
	if s, ok := d.PacketConn.(interface{ SetReadBuffer(int) error }); ok {
		s.SetReadBuffer(n) // more than the system allows is cut, and too little is only slow
	}
	return nil
}

// SetWriteBuffer is for quic-go, which insists.
func (d *datagrams) SetWriteBuffer(int) error { return nil }

func (d *datagrams) taken() (in, out int64) { return d.in.Swap(0), d.out.Swap(0) }

// dialQUIC opens a connection to network address addr of q's target. The
// handshakes of transport and TLS are one in QUIC: all of it is TLSHandshaking.
func (c *Client) dialQUIC(ctx context.Context, q *Call, addr string, deadline time.Duration, r *Reply) (*quicLink, *Failure) {
	n, t := c.net, q.Target
	if n.CheckHost != nil {
		if err := n.CheckHost(t.SNI); err != nil {
			return nil, DialFailure(err, addr)
		}
	}
	if c.vu != 0 {
		ctx = egress.WithLocal(ctx, c.vu)
	}
	dialCtx, cancel := context.WithDeadline(ctx, n.base.Add(deadline))
	defer cancel()
	names := lookup{n: n}
	pc, to, err := n.DialPacket(names.trace(dialCtx), addr)
	r.Timings.LookingUp += names.took
	if err != nil {
		if ctx.Err() != nil {
			return nil, FailInterrupted
		}
		return nil, DialFailure(err, addr)
	}
	k := &quicLink{c: c, socket: &datagrams{PacketConn: pc}, peer: &Peer{}, ended: make(chan struct{})}
	if host, port, err := net.SplitHostPort(to.String()); err == nil {
		k.peer.IP = host
		k.peer.Port, _ = strconv.Atoi(port)
	}
	k.transport = &quic.Transport{Conn: k.socket}
	start := n.Clock()
	conn, err := k.transport.Dial(dialCtx, to, c.tls.For(t.SNI, []string{"h3"}), &quic.Config{
		Versions:                       []quic.Version{quic.Version1},
		HandshakeIdleTimeout:           max(deadline-start, time.Millisecond),
		MaxIdleTimeout:                 quicIdle,
		InitialStreamReceiveWindow:     quicStreamWindow,
		MaxStreamReceiveWindow:         quicStreamWindowMax,
		InitialConnectionReceiveWindow: quicConnWindow,
		MaxConnectionReceiveWindow:     quicConnWindowMax,
		MaxIncomingStreams:             -1,
		MaxIncomingUniStreams:          quicServerStreams,
	})
	k.born = n.Clock()
	r.Timings.TLSHandshaking += k.born - start
	if err != nil {
		k.transport.Close()
		pc.Close()
		r.count(k.socket)
		if ctx.Err() != nil {
			return nil, FailInterrupted
		}
		return nil, quicDialFailure(err, addr, t.SNI)
	}
	k.conn = conn
	state := conn.ConnectionState().TLS
	k.peer.secured(&state)
	go k.accept()
	if err := k.greet(); err != nil {
		k.close()
		r.count(k.socket)
		return nil, h3Failure(err, false)
	}
	return k, nil
}

// greet opens our control stream. It stays open as long as the connection.
func (k *quicLink) greet() error {
	s, err := k.conn.OpenUniStream()
	if err != nil {
		return err
	}
	settings := quicvarint.Append(quicvarint.Append(nil, h3MaxFieldSection), maxHead)
	b := quicvarint.Append(nil, h3ControlStream)
	b = quicvarint.Append(b, h3Settings)
	b = quicvarint.Append(b, uint64(len(settings)))
	_, err = s.Write(append(b, settings...))
	return err
}

// accept looks at the streams that the server opens, until the connection ends.
func (k *quicLink) accept() {
	defer close(k.ended)
	var readers sync.WaitGroup
	defer readers.Wait()
	var control atomic.Bool
	for {
		s, err := k.conn.AcceptUniStream(context.Background())
		if err != nil {
			return
		}
		readers.Go(func() {
			kind, err := quicvarint.Read(quicvarint.NewReader(s))
			switch {
			case err != nil:
			case kind == h3ControlStream && control.CompareAndSwap(false, true):
				k.fail(k.control(quicvarint.NewReader(s)))
			case kind == h3ControlStream:
				k.fail(h3StreamCreation)
			case kind == h3PushStream:
				k.fail(h3ID) // we have allowed none
			case kind == h3EncoderStream || kind == h3DecoderStream:
				// Our table has no room, so there is nothing to be said on these.
			default:
				s.CancelRead(h3StreamCreation)
			}
		})
	}
}

// fail ends the connection for what the server did; h3NoError does not.
func (k *quicLink) fail(code quic.ApplicationErrorCode) {
	if code != h3NoError {
		k.conn.CloseWithError(code, "")
	}
}

// control reads the server's control stream and returns what was wrong with it.
func (k *quicLink) control(r quicvarint.Reader) quic.ApplicationErrorCode {
	greeted := false
	for {
		kind, err := quicvarint.Read(r)
		if err != nil {
			if err == io.EOF {
				return h3ClosedCritical
			}
			return h3NoError
		}
		length, err := quicvarint.Read(r)
		if err != nil {
			return h3FrameError
		}
		if !greeted && kind != h3Settings {
			return h3MissingSettings
		}
		body := io.LimitReader(r, int64(length))
		switch kind {
		case h3Settings:
			if greeted {
				return h3FrameUnexpected
			}
			greeted = true // there is nothing in them that concerns us
		case h3GoAway:
			id, err := quicvarint.Read(quicvarint.NewReader(body))
			if err != nil || id%4 != 0 {
				return h3ID
			}
			k.goAway(quic.StreamID(id))
		case h3Data, h3Headers, h3Push, 0x2, 0x6, 0x8, 0x9:
			return h3FrameUnexpected
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return h3NoError
		}
	}
}

// goAway takes no more calls. Those from id on have not been looked at.
func (k *quicLink) goAway(id quic.StreamID) {
	k.mu.Lock()
	k.retired = true
	for _, call := range k.active {
		if call.str.StreamID() >= id {
			call.refused.Store(true)
			call.str.CancelRead(h3RequestCancelled)
		}
	}
	useless := len(k.active) == 0
	k.mu.Unlock()
	if useless {
		// The socket is closed when the next call comes, or the client ends.
		k.conn.CloseWithError(h3NoError, "")
	}
}

func (k *quicLink) usable(born time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.retired && k.born >= born && k.conn.Context().Err() == nil
}

func (k *quicLink) retire() (useless bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retired = true
	return len(k.active) == 0
}

// close ends the connection, and waits for the goroutines that serve it.
func (k *quicLink) close() {
	k.conn.CloseWithError(h3NoError, "")
	<-k.ended
	k.transport.Close()
	k.socket.Close()
}

// enter opens a stream for call, which reports whether k was used before.
func (k *quicLink) enter(ctx context.Context, call *quicCall) (used, waited bool, err error) {
	k.mu.Lock()
	retired := k.retired
	used = k.served
	k.mu.Unlock()
	if retired {
		return used, false, errRetired
	}
	call.str, err = k.conn.OpenStream()
	var limit quic.StreamLimitReachedError
	if errors.As(err, &limit) || errors.As(err, new(*quic.StreamLimitReachedError)) {
		ctx, cancel := context.WithDeadline(ctx, k.c.net.base.Add(call.q.Deadline))
		defer cancel()
		waited = true
		call.str, err = k.conn.OpenStreamSync(ctx)
	}
	if err != nil {
		return used, waited, err
	}
	k.mu.Lock()
	k.active = append(k.active, call)
	k.mu.Unlock()
	return used, waited, nil
}

// leave ends call's part and reports whether k is of no further use.
func (k *quicLink) leave(call *quicCall, answered bool) (useless bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.served = k.served || answered
	k.active = slices.DeleteFunc(k.active, func(other *quicCall) bool { return other == call })
	return len(k.active) == 0 && (k.retired || k.conn.Context().Err() != nil)
}

var errRetired = errors.New("connection takes no more calls")
