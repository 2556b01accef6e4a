package transport

import (
	"context"
	"net"
	"syscall"
	"testing"

	"github.com/quic-go/quic-go"
)

// brokenSocket fails to read, as a socket whose interface went away does.
type brokenSocket struct{ net.PacketConn }

func (brokenSocket) ReadFrom([]byte) (int, net.Addr, error) {
	return 0, nil, &net.OpError{Op: "read", Net: "udp", Err: syscall.ENETDOWN}
}

// TestBrokenSocketH3 does not take a socket that broke for the end of the test.
func TestBrokenSocketH3(t *testing.T) {
	v := newVU(t, nil, func(o *Options) { o.Version = "3" })
	dial := v.n.DialPacket
	v.n.DialPacket = func(ctx context.Context, address string) (net.PacketConn, net.Addr, error) {
		pc, to, err := dial(ctx, address)
		return brokenSocket{pc}, to, err
	}
	if r := v.get("https://127.0.0.1:1/"); r.Fail == nil || r.Fail.Code != codeErrno {
		t.Errorf("%s, want code %d", describe(r.Fail), codeErrno)
	}
}

// TestNoControlStream meets a server that allows no streams that go one way.
func TestNoControlStream(t *testing.T) {
	if f := h3Failure(&quic.StreamLimitReachedError{}, false); f != failH3Streams {
		t.Errorf("%s", describe(f))
	}
}
