package transport

import (
	"bytes"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// maxEncodings is how many compressions may lie over one another.
const maxEncodings = 4

// decode undoes the encodings named by a Content-Encoding header. Encodings it
// does not know leave the body as it is: the script may.
func decode(encodings string, body []byte) ([]byte, *Failure) {
	names := strings.Split(encodings, ",")
	if len(names) > maxEncodings {
		return nil, failDecode
	}
	for i := len(names) - 1; i >= 0; i-- {
		var f *Failure
		name := strings.ToLower(strings.TrimSpace(names[i]))
		if body, f = inflate(name, body); f != nil {
			return nil, f
		}
		if body == nil {
			break
		}
	}
	return body, nil
}

// inflate undoes one encoding. However much the input blows up, it holds no
// more than maxBody bytes of it.
func inflate(name string, body []byte) ([]byte, *Failure) {
	src := io.Reader(bytes.NewReader(body))
	var err error
	switch name {
	case "gzip", "x-gzip":
		src, err = gzip.NewReader(src)
	case "deflate":
		// By RFC 9110 this is zlib; some servers send the bare stream.
		if len(body) > 1 && body[0]&0x0f == 8 && (uint(body[0])<<8|uint(body[1]))%31 == 0 {
			src, err = zlib.NewReader(src)
		} else {
			src = flate.NewReader(src)
		}
	case "br":
		src = brotli.NewReader(src)
	case "zstd":
		var d *zstd.Decoder
		// One decoder without goroutines of its own; the window is memory the server chooses.
		if d, err = zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBody), zstd.WithDecoderMaxWindow(8<<20)); err == nil {
			defer d.Close()
			src = d
		}
	default:
		return body, nil
	}
	if err != nil {
		return nil, failDecode
	}
	out, err := io.ReadAll(io.LimitReader(src, maxBody+1))
	switch {
	case len(out) > maxBody:
		return nil, failBodyTooLarge
	case err != nil:
		return nil, failDecode
	}
	return out, nil
}
