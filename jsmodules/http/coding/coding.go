// Package coding applies and undoes the content codings of HTTP: gzip,
// deflate, br and zstd, several of them over one another where a header says so.
//
// What is decoded comes from a server that nobody trusts. However a body is
// made, the result and every stage before it stay within the limit the caller
// gives, at most four codings are undone, and a decoder's own memory is bounded
// by its window: 32 KiB for gzip and deflate, 16 MiB for br (RFC 7932, section
// 9.1), 8 MiB for zstd (RFC 9659, section 3). A body that ends early or is
// followed by anything else is malformed; gzip members and zstd frames one after
// the other are not (RFC 1952, section 2.2; RFC 8878, section 3).
package coding

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
)

var (
	// ErrTooLarge says that a body decodes to more than the limit.
	ErrTooLarge = errors.New("decoded body is larger than the limit")
	// ErrMalformed says that a body is not what its content coding promises.
	ErrMalformed = errors.New("malformed content coding")
	// ErrExpired says that decoding was given up because it took too long.
	ErrExpired = errors.New("decoding took too long")
)

// MaxCodings is how many codings may lie over one another.
const MaxCodings = 4

// zstdWindow is the largest window a zstd frame may ask for, in bytes: more
// than that must not be sent with HTTP (RFC 9659, section 3).
const zstdWindow = 8 << 20

// maxStep is how many bytes are decoded at most between two looks at the time.
const maxStep = 64 << 10

// maxScratch is the largest buffer kept for reuse, in bytes.
const maxScratch = 1 << 20

// A coding is one that this package knows.
type coding uint8

const (
	unknown coding = iota
	identity
	gzipCoding
	deflateCoding
	brCoding
	zstdCoding
)

// allowed names what [Coder.Encode] takes, in messages.
const allowed = "gzip, deflate, br and zstd"

func (c coding) String() string {
	return [...]string{"unknown", "identity", "gzip", "deflate", "br", "zstd"}[c]
}

// parse returns the coding of a name, in any case (RFC 9110, section 8.4.1).
func parse(name string) coding {
	switch {
	case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
		return gzipCoding
	case strings.EqualFold(name, "deflate"):
		return deflateCoding
	case strings.EqualFold(name, "br"):
		return brCoding
	case strings.EqualFold(name, "zstd"):
		return zstdCoding
	case strings.EqualFold(name, "identity"):
		return identity
	}
	return unknown
}

// Coder encodes and decodes bodies. It keeps coders and buffers that are idle,
// for whoever needs one next: what it holds grows with how much is coded at the
// same time, and is given back to the garbage collector when it is not.
//
// The zero value is ready. A Coder is safe for concurrent use and must not be
// copied after first use.
type Coder struct {
	readers [zstdCoding + 1]sync.Pool // decoders by coding; bare deflate under unknown
	writers [zstdCoding + 1]sync.Pool // encoders by coding
	bytes   sync.Pool                 // *bytes.Reader
	buffers sync.Pool                 // *bufio.Reader
	scratch sync.Pool                 // *bytes.Buffer
}

// Names splits a list of codings, as the option of a request gives it ("gzip",
// "deflate, gzip"), into the names [Coder.Encode] takes. An empty list has none.
// An unknown name is an error that tells which are allowed.
func Names(list string) ([]string, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		c, err := encodable(name)
		if err != nil {
			return nil, err
		}
		names = append(names, c.String())
	}
	if len(names) > MaxCodings {
		return nil, fmt.Errorf("%d content codings over one another: at most %d may be", len(names), MaxCodings)
	}
	return names, nil
}

// encodable returns the coding of a name that a body can be encoded with.
func encodable(name string) (coding, error) {
	name = strings.TrimSpace(name)
	c := parse(name)
	if c <= identity || strings.EqualFold(name, "x-gzip") {
		return unknown, fmt.Errorf("unknown content coding %q: use %s", name, allowed)
	}
	return c, nil
}

// stages returns the codings that can be undone, the outermost first: a list
// names them in the order they were applied. What lies below an unknown one
// stays as it is.
func stages(encodings string) (list [MaxCodings]coding, n int, err error) {
	for encodings != "" {
		i := strings.LastIndexByte(encodings, ',')
		name := strings.TrimSpace(encodings[i+1:])
		encodings = encodings[:max(i, 0)]
		c := parse(name)
		switch {
		case name == "", c == identity:
			continue
		case c == unknown:
			return list, n, nil
		case n == MaxCodings:
			return list, 0, fmt.Errorf("%w: more than %d over one another", ErrMalformed, MaxCodings)
		}
		list[n] = c
		n++
	}
	return list, n, nil
}

// buffer returns an empty buffer; release takes it back.
func (c *Coder) buffer() *bytes.Buffer {
	if b, ok := c.scratch.Get().(*bytes.Buffer); ok {
		return b
	}
	return new(bytes.Buffer)
}

// release keeps b for reuse unless it has grown large, and returns its bytes,
// which are the caller's.
func (c *Coder) release(b *bytes.Buffer) []byte {
	if b.Cap() > maxScratch {
		return b.Bytes()
	}
	out := make([]byte, b.Len())
	copy(out, b.Bytes())
	b.Reset()
	c.scratch.Put(b)
	return out
}

// bytesReader and bufferedReader are the two sources that every decoder reads
// byte by byte without a call through an interface.
func (c *Coder) bytesReader(body []byte) *bytes.Reader {
	r, ok := c.bytes.Get().(*bytes.Reader)
	if !ok {
		r = new(bytes.Reader)
	}
	r.Reset(body)
	return r
}

func (c *Coder) bufferedReader(src source) *bufio.Reader {
	r, ok := c.buffers.Get().(*bufio.Reader)
	if !ok {
		r = bufio.NewReaderSize(nil, 4<<10)
	}
	r.Reset(src)
	return r
}
