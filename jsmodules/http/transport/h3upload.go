package transport

import (
	"errors"
	"io"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"
)

// quicUpload is a big request body on its way.
type quicUpload struct {
	done chan struct{}
	at   time.Duration // when it ended, with
	err  error
}

func (u *quicUpload) run(n *Network, str *quic.Stream, q *Call) {
	defer close(u.done)
	u.err = sendQUIC(n, str, q)
	if u.err == nil {
		str.Close() // fails when the server has told that it wants no more
	} else if errors.Is(u.err, errSource) {
		str.CancelWrite(h3RequestCancelled)
		str.CancelRead(h3RequestCancelled)
	}
	u.at = n.Clock()
}

// ended returns when the upload ended, if it has, and whether all was sent.
func (u *quicUpload) ended(now time.Duration) (at time.Duration, whole bool) {
	select {
	case <-u.done:
		return u.at, u.err == nil
	default:
		return now, false
	}
}

// finish ends the upload, and returns when it ended and whether all was sent.
func (u *quicUpload) finish(str *quic.Stream, now time.Duration) (at time.Duration, whole bool) {
	select {
	case <-u.done:
	default:
		// The response is complete: what the server has not taken it does not want.
		str.CancelWrite(h3NoError)
		<-u.done
		u.at = now
	}
	return u.at, u.err == nil
}

// sendQUIC sends the body of q in DATA frames.
func sendQUIC(n *Network, str *quic.Stream, q *Call) error {
	buffer := n.buffers.Get().(*[copyBuffer]byte)
	defer n.buffers.Put(buffer)
	const room = 16 // for the head of a frame
	var src io.Reader
	size, _ := q.contentLength()
	if q.Source != nil {
		src = q.Source.Reader()
		if closer, ok := src.(io.Closer); ok {
			defer closer.Close()
		}
	}
	for made := int64(0); size < 0 || made < size; {
		piece := buffer[room:]
		var err error
		k := 0
		if src == nil {
			k = copy(piece, q.Body[made:])
		} else {
			if size >= 0 {
				piece = piece[:min(int64(len(piece)), size-made)]
			}
			k, err = readFull(src, piece)
		}
		made += int64(k)
		if err != nil && (err != io.EOF || made < size) {
			return errSource
		}
		if k > 0 {
			head := quicvarint.Append(quicvarint.Append(buffer[:0:room], h3Data), uint64(k))
			from := room - len(head)
			copy(buffer[from:], head)
			if _, err := str.Write(buffer[from : room+k]); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	return nil
}
