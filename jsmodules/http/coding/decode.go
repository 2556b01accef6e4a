package coding

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// errClosed is what a closed reader says.
var errClosed = errors.New("read of a closed body")

// Decode undoes the codings that a Content-Encoding header lists. A coding it
// does not know leaves the body as it is from there on: the script may know it.
// An empty body decodes to itself, whatever the header says, as responses
// without one often keep the header.
//
// A result of more than limit bytes is [ErrTooLarge], anything wrong with the
// body [ErrMalformed]. The result is the caller's unless nothing was undone:
// then it is body itself.
func (c *Coder) Decode(encodings string, body []byte, limit int64) ([]byte, error) {
	return c.DecodeUntil(encodings, body, limit, nil, nil)
}

// DecodeUntil is Decode that gives up with [ErrExpired] when expired, which is
// asked every 64 KiB at least, reports true: a small body can take seconds. The
// memory of a result of more than 1 MiB comes from grow, which returns b with
// room for n bytes more; its errors come back as they are. Either may be nil.
func (c *Coder) DecodeUntil(encodings string, body []byte, limit int64, expired func() bool, grow func(b []byte, n int) ([]byte, error)) ([]byte, error) {
	list, n, err := stages(encodings)
	if err != nil {
		return nil, err
	}
	if n == 0 || len(body) == 0 {
		if int64(len(body)) > limit {
			return nil, ErrTooLarge
		}
		return body, nil
	}
	in := c.bytesReader(body)
	r := c.chain(list[:n], in, nil, limit, expired)
	if grow == nil {
		grow = func(b []byte, n int) ([]byte, error) { return slices.Grow(b, n), nil }
	}
	buf := c.buffer()
	out, err := readAll(r, buf.AvailableBuffer(), limit, grow)
	r.close()
	if cap(out) > maxScratch {
		c.scratch.Put(buf)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
	*buf = *bytes.NewBuffer(out)
	if err != nil {
		buf.Reset()
		c.scratch.Put(buf)
		return nil, err
	}
	return c.release(buf), nil
}

// readAll appends what r gives, which is no more than limit bytes, to b.
func readAll(r io.Reader, b []byte, limit int64, grow func([]byte, int) ([]byte, error)) ([]byte, error) {
	var one [1]byte
	for {
		room := b[len(b):cap(b)]
		if len(room) == 0 {
			if int64(len(b)) == limit {
				room = one[:] // there is nothing to come, or too much
			} else {
				n := int(min(int64(max(len(b), bytes.MinRead)), limit-int64(len(b))))
				if len(b)+n <= maxScratch {
					b = slices.Grow(b, n)
				} else if grown, err := grow(b, n); err != nil {
					return b, err
				} else {
					b = grown
				}
				room = b[len(b):cap(b)]
			}
		}
		n, err := r.Read(room)
		if cap(b) > len(b) {
			b = b[:len(b)+n]
		}
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// NewReader undoes the codings of a Content-Encoding header while src is read;
// what is said of [Coder.Decode] holds here too. Nothing is read before the
// first Read. Errors of src other than io.EOF come back as they are.
//
// Close gives the decoders back and must be called; it does not close src. The
// reader is for one goroutine.
func (c *Coder) NewReader(encodings string, src io.Reader, limit int64) (io.ReadCloser, error) {
	list, n, err := stages(encodings)
	if err != nil {
		return nil, err
	}
	base := &origin{src: src}
	if n == 0 {
		return &reader{stage: &stage{coding: identity, dec: base, below: base, left: limit}}, nil
	}
	return &reader{stage: c.chain(list[:n], c.bufferedReader(base), base, limit, nil)}, nil
}

// reader is a stage whose Close may be called more than once.
type reader struct{ stage *stage }

func (r *reader) Read(p []byte) (int, error) {
	if r.stage == nil {
		return 0, errClosed
	}
	return r.stage.Read(p)
}

func (r *reader) Close() error {
	if r.stage != nil {
		r.stage.close()
		r.stage = nil
	}
	return nil
}

// source is what a stage reads through its buffer. failure is why it ended, nil
// for io.EOF: a decoder may make another error of it.
type source interface {
	io.Reader
	failure() error
}

// origin is the undecoded body.
type origin struct {
	src io.Reader
	err error
}

func (o *origin) Read(p []byte) (int, error) {
	n, err := o.src.Read(p)
	if err != nil && err != io.EOF {
		o.err = err
	}
	return n, err
}

func (o *origin) failure() error { return o.err }

// stage undoes one coding.
type stage struct {
	coder  *Coder
	coding coding
	in     input
	below  source // what in buffers; nil when that is the whole body
	bare   bool   // deflate without zlib's frame
	dec    io.Reader
	left   int64 // bytes it may still give
	err    error // for ever

	expired func() bool // whether to give up; nil: never
}

// input is a *bytes.Reader or a *bufio.Reader.
type input interface {
	io.Reader
	io.ByteReader
}

// chain puts a stage for each coding over in. Every stage is under the limit, so
// that the work is bounded as the result is: an inner one may give gigabytes
// that the next turns into nothing.
func (c *Coder) chain(list []coding, in input, below source, limit int64, expired func() bool) *stage {
	var s *stage
	for _, k := range list {
		if s != nil {
			in, below = c.bufferedReader(s), s
		}
		s = &stage{coder: c, coding: k, in: in, below: below, left: limit, expired: expired}
	}
	return s
}

func (s *stage) failure() error { return s.err }

// Read gives no more than the limit, and one error for ever.
func (s *stage) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if s.dec == nil {
		if err := s.open(); err != nil {
			return 0, s.fail(err)
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	if s.expired != nil && s.expired() {
		s.err = ErrExpired
		return 0, s.err
	}
	if s.left <= 0 {
		// Whether that was all takes one byte more to know.
		var one [1]byte
		for {
			if n, err := s.dec.Read(one[:]); n > 0 {
				s.err = ErrTooLarge
				return 0, s.err
			} else if err != nil {
				return 0, s.fail(err)
			}
		}
	}
	n, err := s.dec.Read(p[:min(int64(len(p)), s.left, maxStep)])
	s.left -= int64(n)
	if err != nil {
		return n, s.fail(err)
	}
	return n, nil
}

// fail settles how the stage ends. What went wrong below counts before what the
// decoder made of it.
func (s *stage) fail(err error) error {
	clean := err == io.EOF && s.ended()
	switch below := s.failed(); {
	case below != nil:
		s.err = below
	case clean:
		s.err = io.EOF
	default:
		s.err = fmt.Errorf("%s: %w", s.coding, ErrMalformed)
	}
	return s.err
}

// failed returns what went wrong below, if anything did.
func (s *stage) failed() error {
	if s.below == nil {
		return nil
	}
	if err := s.below.failure(); err != io.EOF {
		return err
	}
	return nil
}

// ended reports whether nothing follows what was decoded.
func (s *stage) ended() bool {
	if s.in == nil {
		return true
	}
	_, err := s.in.ReadByte()
	return err == io.EOF
}

// open takes a decoder. It is put off until the first Read since it reads.
func (s *stage) open() error {
	head, n, err := peek(s.in)
	if n == 0 {
		return err
	}
	err = nil // of looking for a second byte
	if s.coding == deflateCoding {
		s.bare = n < 2 || !isZlib(head)
	}
	kept := s.home().Get()
	switch s.coding {
	case gzipCoding:
		z, ok := kept.(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		s.dec, err = z, z.Reset(s.in)
	case deflateCoding:
		switch z, ok := kept.(io.Reader); {
		case !ok && s.bare:
			s.dec = flate.NewReader(s.in)
		case !ok:
			s.dec, err = zlib.NewReader(s.in)
		default:
			s.dec = z
			if s.bare {
				err = z.(flate.Resetter).Reset(s.in, nil)
			} else {
				err = z.(zlib.Resetter).Reset(s.in, nil)
			}
		}
	case brCoding:
		z, ok := kept.(*brotli.Reader)
		if !ok {
			z = new(brotli.Reader)
		}
		s.dec, err = z, z.Reset(s.in)
	case zstdCoding:
		z, ok := kept.(*zstd.Decoder)
		if !ok {
			// Concurrency 1: no goroutines of its own.
			if z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow)); err != nil {
				return err
			}
		}
		s.dec, err = z, z.Reset(s.in)
	}
	return err
}

// isZlib tells the two forms of deflate apart: by RFC 9110 it is zlib's format,
// but some servers send the bare stream. A zlib header (RFC 1950, section 2.2)
// has method 8, a window of at most 32 KiB and a check; no encoder begins a bare
// stream like that.
func isZlib(head [2]byte) bool {
	return head[0]&0x0f == 8 && head[0]>>4 <= 7 && (uint(head[0])<<8|uint(head[1]))%31 == 0
}

// home is where idle decoders for this stage are.
func (s *stage) home() *sync.Pool {
	if s.bare {
		return &s.coder.readers[unknown]
	}
	return &s.coder.readers[s.coding]
}

// close gives everything back, from here down.
func (s *stage) close() {
	if s.reusable() {
		s.home().Put(s.dec)
	}
	// Decoders keep a reference to their input: it must lead nowhere.
	switch in := s.in.(type) {
	case *bytes.Reader:
		in.Reset(nil)
		s.coder.bytes.Put(in)
	case *bufio.Reader:
		in.Reset(nil)
		s.coder.buffers.Put(in)
	}
	s.dec, s.in = nil, nil
	if lower, ok := s.below.(*stage); ok {
		lower.close()
	}
	s.below, s.err = nil, errClosed
}

// reusable reports whether the decoder may serve another body.
func (s *stage) reusable() bool {
	switch z := s.dec.(type) {
	case nil, *origin:
		return false
	case *brotli.Reader:
		// Its Reset keeps input that was read but not decoded, which would then
		// be the beginning of the next body.
		return s.err == io.EOF
	case *zstd.Decoder:
		return z.Reset(nil) == nil
	}
	return true
}

// peek returns the first bytes of in without taking them. Unless there is at
// least one, err says why.
func peek(in input) (head [2]byte, n int, err error) {
	switch in := in.(type) {
	case *bytes.Reader:
		n, err = in.ReadAt(head[:], in.Size()-int64(in.Len()))
	case *bufio.Reader:
		var b []byte
		b, err = in.Peek(len(head))
		n = copy(head[:], b)
	}
	return head, n, err
}
