//go:build unix

package transport

import (
	"io"
	"net"
	"syscall"
	"time"
)

// asker sends a request and waits for the first bytes of the response in one
// operation on the socket.
//
// Done with Write and Read, the read that follows a request always comes too
// early: it costs a system call to learn that there is nothing yet, and only
// then does the goroutine wait. Here that call is made before the request is
// sent, where its outcome tells something: bytes or an end of stream that are
// there already cannot be the answer, so the connection must not be used. The
// descriptor is non-blocking and the poller reports edges, so what arrives after
// an empty read is never missed, and the wait can begin without another try.
type asker struct {
	raw   syscall.RawConn
	step  func(fd uintptr) bool // the method value of next, made once
	clock func() time.Duration

	request []byte
	into    []byte
	used    bool
	asked   bool
	answer
}

// answer is the outcome of an exchange.
type answer struct {
	stale   bool          // there was something to read before the request: nothing was sent
	written int           // bytes of the request that were sent; all, unless the socket was full
	sentAt  time.Duration // when they were
	sendErr error
	n       int // bytes read
	readErr error
}

// newAsker returns nil when nc is no socket.
func newAsker(nc net.Conn, clock func() time.Duration) *asker {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	a := &asker{raw: raw, clock: clock}
	a.step = a.next
	return a
}

// ask sends request and reads the beginning of the response into p. When the
// socket did not take all of the request, nothing has been read. On a connection
// that was not used before, bytes that are there already are the response: some
// servers refuse that way.
func (a *asker) ask(request, p []byte, used bool) answer {
	a.request, a.into, a.used, a.asked = request, p, used, false
	a.answer = answer{}
	err := a.raw.Read(a.step)
	a.request, a.into = nil, nil
	if err != nil {
		a.readErr = err
	}
	return a.answer
}

// next is called with the descriptor: first at once, then whenever it may be
// readable. It returns false to wait.
func (a *asker) next(fd uintptr) bool {
	if !a.asked {
		if a.receive(fd) {
			a.stale = a.used
			return true
		}
		a.asked = true
		a.written, a.sendErr = write(int(fd), a.request)
		a.sentAt = a.clock()
		if a.sendErr == syscall.EAGAIN {
			a.written, a.sendErr = 0, nil
		}
		return a.sendErr == nil && a.written < len(a.request) || a.sendErr != nil && a.receive(fd)
	}
	return a.receive(fd)
}

// receive reads what there is. It returns false when that is nothing.
func (a *asker) receive(fd uintptr) bool {
	n, err := read(int(fd), a.into)
	switch {
	case err == syscall.EAGAIN:
		return false
	case err != nil:
		a.readErr = err
	case n == 0:
		a.readErr = io.EOF
	default:
		a.n = n
	}
	return true
}

// quiet reports whether the connection is open and has no byte waiting.
func (a *asker) quiet() bool {
	quiet := false
	err := a.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		for {
			_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
			if err != syscall.EINTR {
				quiet = err == syscall.EAGAIN
				return true
			}
		}
	})
	return err == nil && quiet
}

func read(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(fd, p)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

func write(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, p)
		if err != syscall.EINTR {
			return max(n, 0), err
		}
	}
}

// now reads what there is; errHeld when that is nothing.
func (a *asker) now(p []byte) (n int, err error) {
	failed := a.raw.Read(func(fd uintptr) bool {
		n, err = read(int(fd), p)
		return true
	})
	switch {
	case failed != nil:
		return 0, failed
	case err == syscall.EAGAIN:
		return 0, errHeld
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return n, err
}
