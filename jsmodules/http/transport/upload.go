package transport

import (
	"errors"
	"io"
	"net/http/httputil"
	"time"
)

// inline reports whether the body is sent in one write with the header.
func (q *Call) inline() bool { return q.Source == nil && len(q.Body) <= inlineBody }

// upload is a big request on its way. It has a goroutine of its own, so that a
// server that answers before it has read everything, with 413 say, is heard.
type upload struct {
	cn   *conn
	done chan struct{}
	at   time.Duration // when it ended; valid after done
	err  error         // of sending; valid after done
}

// upload begins to send head and the body of q over cn.
func (c *Client) upload(cn *conn, head []byte, q *Call) *upload {
	u := &upload{cn: cn, done: make(chan struct{})}
	go func() {
		defer close(u.done)
		defer func() {
			if recover() != nil {
				u.err = errSource
			}
		}()
		if u.err = sendAll(cn, head, q); errors.Is(u.err, errSource) {
			cn.wire.Conn.Close() // the server would wait for the rest
		}
		u.at = c.net.Clock()
	}()
	return u
}

// ended returns when the last byte was sent, or first if the answer began before.
func (u *upload) ended(first time.Duration) time.Duration {
	select {
	case <-u.done:
		return min(u.at, first)
	default:
		return first
	}
}

// finish waits for the end of u and reports whether everything was sent. Unless
// answered, or when the rest would not be taken at once, it cuts u short; the
// connection is then of no further use.
func (u *upload) finish(answered bool) (whole bool, err error) {
	if answered {
		select {
		case <-u.done:
			return u.err == nil, u.err
		case <-time.After(uploadGrace):
		}
	}
	u.cn.wire.SetWriteDeadline(time.Unix(1, 0)) // fails only on a closed connection, where writes end too
	<-u.done
	if u.err != nil && isTimeout(u.err) {
		u.err = nil // ours; reading tells what happened
		return false, nil
	}
	return u.err == nil, u.err
}

// uploadGrace is how long after the whole answer a server may still take the
// rest of the request.
const uploadGrace = 50 * time.Millisecond

var errSource = errors.New("request body ended early")

func sendAll(cn *conn, head []byte, q *Call) error {
	if _, err := cn.Write(head); err != nil {
		return err
	}
	if q.Source == nil {
		_, err := cn.Write(bytesOf(q.Body))
		return err
	}
	src := q.Source.Reader()
	if closer, ok := src.(io.Closer); ok {
		defer closer.Close()
	}
	buffer := cn.net.buffers.Get().(*[copyBuffer]byte)
	defer cn.net.buffers.Put(buffer)
	size := q.Source.Size()
	if size >= 0 {
		n, err := io.CopyBuffer(onlyWriter{cn}, io.LimitReader(src, size), buffer[:])
		if err == nil && n < size {
			err = errSource
		}
		return err
	}
	w := httputil.NewChunkedWriter(cn)
	if _, err := io.CopyBuffer(onlyWriter{w}, src, buffer[:]); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(cn, "\r\n")
	return err
}

// onlyWriter hides what else a connection can do: io.Copy would take the
// reader's word for it that it fills no buffer.
type onlyWriter struct{ io.Writer }
