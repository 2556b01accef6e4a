package coding

import (
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// encodeWindow is the window of our zstd frames, in bytes. Requests seldom have
// bodies that gain from a larger one, and every idle encoder holds one.
const encodeWindow = 1 << 20

// Encode applies the codings to body, in their order, and returns the result
// with the value of its Content-Encoding header. Names are those of [Names], in
// any case; with none the result is body itself. An unknown name is an error
// that tells which are allowed. The result is the caller's; body is not kept.
func (c *Coder) Encode(names []string, body []byte) (out []byte, contentEncoding string, err error) {
	if len(names) > MaxCodings {
		return nil, "", fmt.Errorf("%d content codings over one another: at most %d may be", len(names), MaxCodings)
	}
	var list [MaxCodings]coding
	for i, name := range names {
		if list[i], err = encodable(name); err != nil {
			return nil, "", err
		}
	}
	out = body
	for _, k := range list[:len(names)] {
		if out, err = c.encode(k, out); err != nil {
			return nil, "", fmt.Errorf("%s: %w", k, err)
		}
	}
	switch len(names) {
	case 0:
		return body, "", nil
	case 1:
		return out, list[0].String(), nil
	}
	var header strings.Builder
	for i, k := range list[:len(names)] {
		if i > 0 {
			header.WriteString(", ")
		}
		header.WriteString(k.String())
	}
	return out, header.String(), nil
}

// encoder is what the writers of gzip, zlib and brotli have in common.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

func (c *Coder) encode(k coding, body []byte) ([]byte, error) {
	if k == zstdCoding {
		return c.encodeZstd(body)
	}
	buf := c.buffer()
	w, ok := c.writers[k].Get().(encoder)
	if ok {
		w.Reset(buf)
	} else {
		switch k {
		case gzipCoding:
			w = gzip.NewWriter(buf)
		case deflateCoding:
			// The zlib format, as RFC 9110, section 8.4.1.2 says.
			w = zlib.NewWriter(buf)
		case brCoding:
			w = brotli.NewWriter(buf)
		default:
			return nil, fmt.Errorf("no encoder for %s", k)
		}
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	w.Reset(io.Discard) // hold on to no buffer that is somebody else's by then
	c.writers[k].Put(w)
	return c.release(buf), nil
}

func (c *Coder) encodeZstd(body []byte) ([]byte, error) {
	w, ok := c.writers[zstdCoding].Get().(*zstd.Encoder)
	if !ok {
		var err error
		// Concurrency 1: no goroutines of its own.
		w, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(encodeWindow), zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, err
		}
	}
	out := w.EncodeAll(body, nil)
	c.writers[zstdCoding].Put(w)
	return out, nil
}
