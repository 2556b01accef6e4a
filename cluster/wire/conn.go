package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/protobuf/proto"
)

// Limits bound the frames of one direction each, in bytes of payload.
type Limits struct{ Read, Write int }

// What each side sends at most. A bundle carries data files, and comes from
// the side that is trusted; a runner is not.
const (
	maxFromCoordinator = 256 << 20
	maxFromRunner      = 16 << 20
)

// CoordinatorLimits are those of a coordinator's end, RunnerLimits those of a
// runner's end.
var (
	CoordinatorLimits = Limits{Read: maxFromRunner, Write: maxFromCoordinator}
	RunnerLimits      = Limits{Read: maxFromCoordinator, Write: maxFromRunner}
)

// ErrMalformed is wrapped by errors that say the peer broke the protocol, as
// opposed to a stream that ended.
var ErrMalformed = errors.New("malformed message")

// FrameTooLarge is a frame over the limit, sent or received.
type FrameTooLarge struct{ Size, Limit int }

// Error names both sizes.
func (e *FrameTooLarge) Error() string {
	return fmt.Sprintf("message of %d bytes is over the limit of %d", e.Size, e.Limit)
}

// keep is the largest buffer a Conn holds on to between two messages.
const keep = 1 << 20

// Conn sends and receives messages over a stream. One goroutine may call Read
// while any number call Write. It does not own the stream: to unblock a call,
// close the stream.
type Conn struct {
	limits Limits

	// For Read.
	r     *bufio.Reader
	frame []byte

	// For Write, under mu.
	mu  sync.Mutex
	w   io.Writer
	out []byte
}

// NewConn returns a Conn over stream.
func NewConn(stream io.ReadWriter, l Limits) *Conn {
	return &Conn{limits: l, r: bufio.NewReader(stream), w: stream}
}

// Write sends m as one frame with one call of the stream's Write. A frame over
// the limit is a *FrameTooLarge and sends nothing; after any other error the
// stream is broken.
func (c *Conn) Write(m *Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, err := proto.MarshalOptions{}.MarshalAppend(append(c.out[:0], 0, 0, 0, 0), m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if cap(out) <= keep {
		c.out = out
	} else {
		c.out = nil
	}
	size := len(out) - 4
	if size > c.limits.Write {
		return &FrameTooLarge{Size: size, Limit: c.limits.Write}
	}
	binary.BigEndian.PutUint32(out, uint32(size))
	if _, err := c.w.Write(out); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// Read returns the next message. Its body is nil if this version does not know
// it; ignore such messages. The error is io.EOF at the end of the stream,
// io.ErrUnexpectedEOF within a frame, wraps ErrMalformed when the peer broke
// the protocol, and is the stream's own otherwise.
func (c *Conn) Read() (*Message, error) {
	var header [4]byte
	if _, err := io.ReadFull(c.r, header[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(header[:]))
	if size > int64(c.limits.Read) {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, &FrameTooLarge{Size: int(size), Limit: c.limits.Read})
	}
	if err := c.fill(int(size)); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	frame := c.frame
	if cap(c.frame) > keep {
		c.frame = nil
	}
	return decode(frame)
}

// fill reads size bytes into c.frame. The buffer grows with what has arrived,
// so that a claimed length costs the peer as many bytes as it costs us.
func (c *Conn) fill(size int) error {
	c.frame = c.frame[:0]
	for len(c.frame) < size {
		have := len(c.frame)
		want := min(size, max(2*have, 64<<10))
		if want > cap(c.frame) {
			grown := make([]byte, have, want)
			copy(grown, c.frame)
			c.frame = grown
		}
		c.frame = c.frame[:want]
		n, err := io.ReadFull(c.r, c.frame[have:])
		if err != nil {
			c.frame = c.frame[:have+n]
			if n > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// decode parses one frame.
func decode(frame []byte) (*Message, error) {
	m := new(Message)
	if err := checkWeight(frame, m.ProtoReflect().Descriptor()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := proto.Unmarshal(frame, m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return m, nil
}
