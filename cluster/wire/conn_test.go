package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// stream joins a reader and a writer.
type stream struct {
	io.Reader
	io.Writer
}

func status(name string) *Message {
	return &Message{Body: &Message_Status{Status: &Status{Scenarios: []*ScenarioStatus{{Name: name}}}}}
}

func TestConnCarriesMessages(t *testing.T) {
	var wire bytes.Buffer
	sizes := []int{0, 1, 100, 64<<10 - 1, 64 << 10, 200_000, keep + 5, 10}
	out := NewConn(stream{nil, &wire}, CoordinatorLimits)
	for _, size := range sizes {
		if err := out.Write(status(strings.Repeat("x", size))); err != nil {
			t.Fatal(err)
		}
	}
	data := wire.Bytes()
	for name, r := range map[string]io.Reader{
		"whole":   bytes.NewReader(data),
		"halves":  iotest.HalfReader(bytes.NewReader(data)),
		"dataErr": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		in := NewConn(stream{r, nil}, RunnerLimits)
		for _, size := range sizes {
			m, err := in.Read()
			if err != nil {
				t.Fatalf("%s: size %d: %v", name, size, err)
			}
			if got := len(m.GetStatus().Scenarios[0].Name); got != size {
				t.Errorf("%s: got %d bytes, want %d", name, got, size)
			}
		}
		if _, err := in.Read(); err != io.EOF {
			t.Errorf("%s: at the end: %v", name, err)
		}
	}
}

func TestConnEndWithinFrame(t *testing.T) {
	var wire bytes.Buffer
	if err := NewConn(stream{nil, &wire}, RunnerLimits).Write(status("abc")); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < wire.Len(); n++ {
		_, err := NewConn(stream{bytes.NewReader(wire.Bytes()[:n]), nil}, RunnerLimits).Read()
		if err != io.ErrUnexpectedEOF {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestConnLimits(t *testing.T) {
	small := Limits{Read: 100, Write: 100}
	var wire bytes.Buffer
	c := NewConn(stream{&wire, &wire}, small)
	var large *FrameTooLarge
	if err := c.Write(status(strings.Repeat("x", 100))); !errors.As(err, &large) || large.Limit != 100 {
		t.Errorf("write: %v", err)
	}
	if wire.Len() != 0 {
		t.Errorf("%d bytes of a refused message were sent", wire.Len())
	}
	wire.Write([]byte{0, 0, 0, 101})
	if _, err := c.Read(); !errors.As(err, &large) || !errors.Is(err, ErrMalformed) {
		t.Errorf("read: %v", err)
	}
}

// A peer that claims much and sends little costs little.
func TestConnHostileLength(t *testing.T) {
	frame := binary.BigEndian.AppendUint32(nil, maxFromCoordinator)
	frame = append(frame, make([]byte, 1000)...)
	before := allocated()
	_, err := NewConn(stream{bytes.NewReader(frame), nil}, RunnerLimits).Read()
	if err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if grown := allocated() - before; grown > 1<<20 {
		t.Errorf("allocated %d bytes for a frame of 1000", grown)
	}
}

// A frame of the smallest possible parts is refused before it is decoded.
func TestConnRefusesManyParts(t *testing.T) {
	var body []byte
	for range maxParts + 1 {
		body = append(body, byte(protowire.EncodeTag(4, protowire.BytesType)), 0) // an empty ScenarioStatus
	}
	frame := protowire.AppendTag(nil, 14, protowire.BytesType)
	frame = protowire.AppendBytes(frame, body)
	framed := append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)
	before := allocated()
	_, err := NewConn(stream{bytes.NewReader(framed), nil}, CoordinatorLimits).Read()
	if !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
	if grown := allocated() - before; grown > 4*uint64(len(framed)) {
		t.Errorf("allocated %d bytes for a frame of %d", grown, len(framed))
	}
}

func TestConnKeepsWhatItDoesNotKnow(t *testing.T) {
	// A message of a later version: an unknown field beside a known body, and
	// an unknown body.
	known, err := proto.Marshal(status("abc"))
	if err != nil {
		t.Fatal(err)
	}
	later := protowire.AppendTag(known, 4000, protowire.BytesType)
	later = protowire.AppendString(later, "from the future")
	body := protowire.AppendTag(nil, 3000, protowire.BytesType)
	body = protowire.AppendBytes(body, []byte{1, 2, 3})

	var wire bytes.Buffer
	for _, frame := range [][]byte{later, body} {
		wire.Write(binary.BigEndian.AppendUint32(nil, uint32(len(frame))))
		wire.Write(frame)
	}
	sent := bytes.Clone(wire.Bytes())
	in := NewConn(stream{&wire, nil}, CoordinatorLimits)
	var back bytes.Buffer
	out := NewConn(stream{nil, &back}, CoordinatorLimits)
	for i := range 2 {
		m, err := in.Read()
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && m.GetStatus().Scenarios[0].Name != "abc" {
			t.Errorf("the known part was lost: %v", m)
		}
		if i == 1 && m.Body != nil {
			t.Errorf("unknown body decoded as %T", m.Body)
		}
		if err := out.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(sent, back.Bytes()) {
		t.Errorf("sent on %x, want %x", back.Bytes(), sent)
	}
}

func TestConnSerialisesWriters(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	out, in := NewConn(a, RunnerLimits), NewConn(b, CoordinatorLimits)
	const writers, each = 8, 50
	var working sync.WaitGroup
	for w := range writers {
		working.Go(func() {
			for range each {
				if err := out.Write(status(strings.Repeat("x", w*100))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	count := map[int]int{}
	for range writers * each {
		m, err := in.Read()
		if err != nil {
			t.Fatal(err)
		}
		count[len(m.GetStatus().Scenarios[0].Name)]++
	}
	working.Wait()
	for w := range writers {
		if count[w*100] != each {
			t.Errorf("writer %d: %d messages arrived of %d", w, count[w*100], each)
		}
	}
}

// allocated returns the bytes allocated by this process so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
