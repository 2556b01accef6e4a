package coding

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// TestTruncated cuts every body everywhere: none passes for a whole one.
func TestTruncated(t *testing.T) {
	c := new(Coder)
	rng := rand.New(rand.NewPCG(1, 2))
	body := make([]byte, 300)
	for i := range body {
		body[i] = byte('a' + rng.IntN(8))
	}
	for _, name := range append(all, "bare") {
		coded, encodings := bareDeflate(body), "deflate"
		if name != "bare" {
			coded, encodings = encode(t, c, []string{name}, body), name
		}
		for n := 1; n < len(coded); n++ {
			if got, err := c.Decode(encodings, coded[:n], big); !errors.Is(err, ErrMalformed) || got != nil {
				t.Fatalf("%s cut to %d of %d bytes: %d bytes, %v", name, n, len(coded), len(got), err)
			}
			if _, err := stream(c, encodings, coded[:n], big); !errors.Is(err, ErrMalformed) {
				t.Fatalf("%s cut to %d of %d bytes, streamed: %v", name, n, len(coded), err)
			}
		}
		if got, err := c.Decode(encodings, coded, big); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

// TestNoRemains abandons bodies in every state and decodes another next: nothing
// of the first may show in the second.
func TestNoRemains(t *testing.T) {
	c := new(Coder)
	first := encode(t, c, []string{"br"}, []byte(strings.Repeat("secret", 20_000)))
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(all).Draw(t, "name")
		old, err := c.NewReader(name, bytes.NewReader(first), big)
		if name != "br" {
			coded, _, e := c.Encode([]string{name}, []byte(strings.Repeat("secret", 20_000)))
			if e != nil {
				t.Fatal(e)
			}
			old, err = c.NewReader(name, bytes.NewReader(coded), big)
		}
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.ReadFull(old, make([]byte, rapid.IntRange(0, 130_000).Draw(t, "read")))
		if n > 120_000 || err != nil && n != 120_000 {
			t.Fatal(n, err)
		}
		old.Close()
		old.Close()
		if _, err := old.Read(make([]byte, 1)); !errors.Is(err, errClosed) {
			t.Fatalf("a closed reader says %v", err)
		}
		body := []byte(rapid.String().Draw(t, "body"))
		coded, _, err := c.Encode([]string{name}, body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decode(name, coded, big); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%q, %v, want %q", got, err, body)
		}
	})
}

// TestSourceError checks that trouble below a decoder is told as what it is.
func TestSourceError(t *testing.T) {
	c := new(Coder)
	broken := errors.New("connection reset")
	body := bytes.Repeat([]byte("0123456789"), 1000)
	for _, names := range [][]string{{"gzip"}, {"deflate"}, {"br"}, {"zstd"}, {"zstd", "gzip"}, {"deflate", "br"}, {}} {
		coded := encode(t, c, names, body)
		for _, n := range []int{0, 1, 5, len(coded) / 2, len(coded) - 1, len(coded)} {
			r, err := c.NewReader(strings.Join(names, ","), io.MultiReader(bytes.NewReader(coded[:n]), iotest.ErrReader(broken)), big)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != broken || !bytes.HasPrefix(body, got) {
				t.Errorf("%q cut to %d: %d bytes, %v", names, n, len(got), err)
			}
			if _, err := r.Read(make([]byte, 1)); err != broken {
				t.Errorf("%q: the next read says %v", names, err)
			}
			r.Close()
		}
	}
}

// zstdFrame is a frame of RLE blocks, four bytes for 128 KiB each, which claims
// a window (RFC 8878, section 3.1.1).
func zstdFrame(window uint64, blocks int) []byte {
	exponent := byte(0)
	for uint64(1)<<(10+exponent) < window {
		exponent++
	}
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3}
	for i := range blocks {
		h := uint32(128<<10)<<3 | 1<<1
		if i == blocks-1 {
			h |= 1
		}
		frame = append(binary.LittleEndian.AppendUint32(frame, h)[:len(frame)+3], 'x')
	}
	return frame
}

// bombs blow up a thousandfold and more.
func bombs(t testing.TB) map[string][]byte {
	c := new(Coder)
	zeros := make([]byte, 32<<20)
	empty := bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, 12<<20/5) // 12 MiB of blocks that hold nothing
	return map[string][]byte{
		"gzip":          encode(t, c, []string{"gzip"}, zeros),
		"deflate":       encode(t, c, []string{"deflate"}, zeros),
		"br":            encode(t, c, []string{"br"}, zeros),
		"zstd":          zstdFrame(zstdWindow, 10_000), // 1.2 GiB
		"gzip, gzip":    encode(t, c, []string{"gzip", "gzip"}, zeros),
		"zstd, br":      encode(t, c, []string{"br"}, zstdFrame(zstdWindow, 10_000)),
		"deflate, gzip": encode(t, c, []string{"gzip"}, empty),
	}
}

// TestBombs checks that a bomb costs no more memory than the limit and the
// decoders' windows, in all its allocations taken together.
func TestBombs(t *testing.T) {
	const limit = 4 << 20
	for encodings, body := range bombs(t) {
		c := new(Coder)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.Decode(encodings, body, limit)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", encodings, err)
		}
		// A buffer doubles until it holds the limit; windows of 16 and 8 MiB may be doubled too.
		if got := after.TotalAlloc - before.TotalAlloc; got > 4*limit+(40<<20) {
			t.Errorf("%s: decoding %d bytes allocated %d MiB", encodings, len(body), got>>20)
		}
		runtime.ReadMemStats(&before)
		got, err := stream(c, encodings, body, limit)
		if !errors.Is(err, ErrTooLarge) || len(got) > limit {
			t.Errorf("%s streamed: %d bytes, %v", encodings, len(got), err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	c := new(Coder)
	for _, name := range all {
		out, _, err := c.Encode([]string{name}, []byte("hello, hello, hello"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, out)
	}
	f.Add("deflate", bareDeflate([]byte("hello")))
	f.Add("zstd", zstdFrame(1<<20, 3))
	f.Add("gzip,x,br", []byte("abc"))
	const limit = 1 << 16
	f.Fuzz(func(t *testing.T, encodings string, body []byte) {
		got, err := c.Decode(encodings, body, limit)
		if err != nil && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrMalformed) {
			t.Fatalf("an error of its own: %v", err)
		}
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		streamed, serr := stream(c, encodings, body, limit)
		if (err == nil) != (serr == nil) || err != nil && errors.Is(err, ErrTooLarge) != errors.Is(serr, ErrTooLarge) {
			t.Fatalf("whole: %v, streamed: %v", err, serr)
		}
		if err == nil && !bytes.Equal(got, streamed) {
			t.Fatal("streaming gives another body")
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	c := new(Coder)
	f.Add([]byte("hello"), uint8(0))
	f.Add([]byte{}, uint8(0x1b))
	f.Fuzz(func(t *testing.T, body []byte, pick uint8) {
		names := []string{all[pick&3], all[pick>>2&3]}
		coded, header, err := c.Encode(names, body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decode(header, coded, big); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%s: %v", header, err)
		}
	})
}
