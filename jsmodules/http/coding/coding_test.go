package coding

import (
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const big = 1 << 30

var all = []string{"gzip", "deflate", "br", "zstd"}

// encode fails the test where Encode does.
func encode(t testing.TB, c *Coder, names []string, body []byte) []byte {
	t.Helper()
	out, header, err := c.Encode(names, body)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(names, ", "); header != want {
		t.Fatalf("Content-Encoding %q, want %q", header, want)
	}
	return out
}

// stream decodes through NewReader, from a source that gives little at a time.
func stream(c *Coder, encodings string, body []byte, limit int64) ([]byte, error) {
	r, err := c.NewReader(encodings, iotest.HalfReader(bytes.NewReader(body)), limit)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func bareDeflate(body []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	w.Write(body)
	w.Close()
	return b.Bytes()
}

func stdGzip(body []byte) []byte {
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	w.Name, w.Comment, w.Extra = "a name", "a comment", []byte("extra")
	w.Write(body)
	w.Close()
	return b.Bytes()
}

func TestDecode(t *testing.T) {
	c := new(Coder)
	text := []byte(strings.Repeat("the quick brown fox, ", 100))
	gz, df, br, zs := encode(t, c, []string{"gzip"}, text), encode(t, c, []string{"deflate"}, text), encode(t, c, []string{"br"}, text), encode(t, c, []string{"zstd"}, text)
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	// A skippable frame (RFC 8878, section 3.1.2).
	skippable := append([]byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0}, "abc"...)
	for _, tt := range []struct {
		name, encodings string
		body            []byte
		limit           int64
		want            []byte
		err             error
	}{
		{"gzip", "gzip", gz, big, text, nil},
		{"x-gzip", "X-GZIP", gz, big, text, nil},
		{"gzip with every header field", "gzip", stdGzip(text), big, text, nil},
		{"deflate", "deflate", df, big, text, nil},
		{"bare deflate", "deflate", bareDeflate(text), big, text, nil},
		{"br", "Br", br, big, text, nil},
		{"zstd", "zstd", zs, big, text, nil},
		{"identity", "identity", text, big, text, nil},
		{"no coding", "", text, big, text, nil},
		{"empty elements", " , gzip,, identity ,", gz, big, text, nil},
		{"two", "deflate, gzip", encode(t, c, []string{"deflate", "gzip"}, text), big, text, nil},
		{"four", "gzip,deflate,br,zstd", encode(t, c, all, text), big, text, nil},
		{"five", "gzip,gzip,gzip,gzip,gzip", gz, big, nil, ErrMalformed},
		{"unknown", "compress", gz, big, gz, nil},
		{"unknown below a known one", "compress, gzip", gz, big, text, nil},
		{"unknown above a known one", "gzip, compress", gz, big, gz, nil},
		{"gzip of two members", "gzip", join(gz, gz), big, join(text, text), nil},
		{"zstd of two frames", "zstd", join(zs, skippable, zs), big, join(text, text), nil},
		{"empty body", "gzip", nil, big, nil, nil},
		{"coded emptiness", "gzip", encode(t, c, []string{"gzip"}, nil), big, nil, nil},

		{"exactly the limit", "gzip", gz, int64(len(text)), text, nil},
		{"one more than the limit", "gzip", gz, int64(len(text)) - 1, nil, ErrTooLarge},
		{"deflate above the limit", "deflate", df, int64(len(text)) - 1, nil, ErrTooLarge},
		{"br above the limit", "br", br, int64(len(text)) - 1, nil, ErrTooLarge},
		{"zstd above the limit", "zstd", zs, int64(len(text)) - 1, nil, ErrTooLarge},
		{"plain above the limit", "", text, int64(len(text)) - 1, nil, ErrTooLarge},
		{"nothing allowed", "gzip", gz, 0, nil, ErrTooLarge},
		{"inner stage above the limit", "deflate, gzip", encode(t, c, []string{"gzip"}, bareDeflate(bytes.Repeat([]byte("x"), 10))), 3, nil, ErrTooLarge},

		{"not gzip", "gzip", text, big, nil, ErrMalformed},
		{"not deflate", "deflate", []byte("\xff\xff\xff"), big, nil, ErrMalformed},
		{"not br", "br", []byte("\xff\xff\xff"), big, nil, ErrMalformed},
		{"not zstd", "zstd", text, big, nil, ErrMalformed},
		{"gzip and more", "gzip", join(gz, []byte("more")), big, nil, ErrMalformed},
		{"deflate and more", "deflate", join(df, []byte("m")), big, nil, ErrMalformed},
		{"bare deflate and more", "deflate", join(bareDeflate(text), []byte("m")), big, nil, ErrMalformed},
		{"br and more", "br", join(br, []byte("m")), big, nil, ErrMalformed},
		{"zstd and more", "zstd", join(zs, []byte("more")), big, nil, ErrMalformed},
		{"wrong checksum", "gzip", flip(gz, len(gz)-6), big, nil, ErrMalformed},
		{"wrong zlib checksum", "deflate", flip(df, len(df)-1), big, nil, ErrMalformed},
		{"a dictionary nobody has", "deflate", []byte{0x78, 0xbb, 1, 2, 3, 4, 5}, big, nil, ErrMalformed},
		{"window of 16 MiB", "zstd", zstdFrame(16<<20, 1), big, nil, ErrMalformed},
		{"one byte of gzip", "gzip", gz[:1], big, nil, ErrMalformed},
		{"one byte of deflate", "deflate", df[:1], big, nil, ErrMalformed},
		{"inner garbage", "zstd, gzip", gz, big, nil, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Decode(tt.encodings, tt.body, tt.limit)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || !bytes.Equal(got, tt.want) {
				t.Errorf("Decode gave %.40q and %v, want %.40q and %v", got, err, tt.want, tt.err)
			}
			got, err = stream(c, tt.encodings, tt.body, tt.limit)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || err == nil && !bytes.Equal(got, tt.want) {
				t.Errorf("the reader gave %.40q and %v, want %.40q and %v", got, err, tt.want, tt.err)
			}
			if int64(len(got)) > max(tt.limit, 0) {
				t.Errorf("the reader gave %d bytes, the limit is %d", len(got), tt.limit)
			}
		})
	}
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 0x40
	return b
}

// TestMessages pins the texts users may see.
func TestMessages(t *testing.T) {
	c := new(Coder)
	_, e1 := c.Decode("gzip", []byte("x"), 1)
	_, e2 := c.Decode("gzip,gzip,gzip,gzip,gzip", []byte("x"), 1)
	_, _, e3 := c.Encode([]string{"lzma"}, nil)
	_, _, e4 := c.Encode([]string{"gzip", "gzip", "gzip", "gzip", "gzip"}, nil)
	_, e5 := Names("gzip, identity")
	_, e6 := Names("gzip,")
	_, e7 := c.Decode("gzip", stdGzip([]byte("xx")), 1)
	var got []string
	for _, err := range []error{e1, e2, e3, e4, e5, e6, e7} {
		got = append(got, fmt.Sprint(err))
	}
	want := []string{
		`gzip: malformed content coding`,
		`malformed content coding: more than 4 over one another`,
		`unknown content coding "lzma": use gzip, deflate, br and zstd`,
		`5 content codings over one another: at most 4 may be`,
		`unknown content coding "identity": use gzip, deflate, br and zstd`,
		`unknown content coding "": use gzip, deflate, br and zstd`,
		`decoded body is larger than the limit`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNames(t *testing.T) {
	for list, want := range map[string][]string{
		"": nil, " ": nil, "gzip": {"gzip"}, "GZIP , Deflate": {"gzip", "deflate"}, "br,zstd": {"br", "zstd"},
	} {
		if got, err := Names(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("Names(%q) = %q, %v", list, got, err)
		}
	}
	for _, list := range []string{",", "x-gzip", "gzip;q=1", "gzip deflate", "gzip,gzip,gzip,gzip,gzip"} {
		if got, err := Names(list); err == nil {
			t.Errorf("Names(%q) = %q", list, got)
		}
	}
}

// TestForeign reads what other implementations wrote, and has them read ours.
func TestForeign(t *testing.T) {
	c := new(Coder)
	body := []byte(strings.Repeat("some text that repeats. ", 5000))
	decoders := map[string]func(io.Reader) (io.Reader, error){
		"gzip":    func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) },
		"deflate": func(r io.Reader) (io.Reader, error) { return stdzlib.NewReader(r) },
		"br":      func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil },
		"zstd": func(r io.Reader) (io.Reader, error) {
			d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow))
			if err == nil {
				t.Cleanup(d.Close)
			}
			return d, err
		},
	}
	for name, open := range decoders {
		r, err := open(bytes.NewReader(encode(t, c, []string{name}, body)))
		if err != nil {
			t.Fatal(name, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for quality := 0; quality <= 11; quality += 11 {
		var b bytes.Buffer
		w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: quality, LGWin: 24})
		w.Write(body)
		w.Close()
		if got, err := c.Decode("br", b.Bytes(), big); err != nil || !bytes.Equal(got, body) {
			t.Errorf("br at %d: %d bytes, %v", quality, len(got), err)
		}
	}
}

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

// TestLazy checks that making a reader does not wait for the server.
func TestLazy(t *testing.T) {
	c := new(Coder)
	for _, name := range all {
		r, err := c.NewReader(name, readerFunc(func([]byte) (int, error) {
			t.Error("the source was read")
			return 0, io.EOF
		}), big)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if r, err := c.NewReader("br,br,br,br,br", nil, big); !errors.Is(err, ErrMalformed) || r != nil {
		t.Errorf("five codings: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

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

func TestRoundTrip(t *testing.T) {
	c := new(Coder)
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom(all), 0, 4).Draw(t, "names")
		body := bytes.Repeat(rapid.SliceOf(rapid.Byte()).Draw(t, "body"), rapid.IntRange(1, 200).Draw(t, "times"))
		coded, header, err := c.Encode(names, body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Decode(header, coded, int64(max(len(body), 1<<20))); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("%d bytes of %d, %v", len(got), len(body), err)
		}
		if got, err := stream(c, header, coded, int64(max(len(body), 1<<20))); err != nil || !bytes.Equal(got, body) {
			t.Fatalf("streamed: %d bytes of %d, %v", len(got), len(body), err)
		}
	})
}

// TestConcurrent shares one Coder as a program does.
func TestConcurrent(t *testing.T) {
	c := new(Coder)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte(i), byte(i), 'x'}, 1000*(i+1))
			for j := range 40 {
				names := []string{all[j%4], all[(i+j)%4]}
				coded, header, err := c.Encode(names, body)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := c.Decode(header, coded, big); err != nil || !bytes.Equal(got, body) {
					t.Errorf("%s: %v", header, err)
				}
				if _, err := c.Decode(header, coded[:len(coded)/2], big); err == nil {
					t.Errorf("half of %s passed", header)
				}
			}
		})
	}
	wg.Wait()
}

// TestOwnership checks that a result survives what is decoded later.
func TestOwnership(t *testing.T) {
	c := new(Coder)
	a, b := bytes.Repeat([]byte("a"), 5000), bytes.Repeat([]byte("b"), 5000)
	for _, name := range all {
		ca, cb := encode(t, c, []string{name}, a), encode(t, c, []string{name}, b)
		da, err := c.Decode(name, ca, big)
		if err != nil {
			t.Fatal(err)
		}
		if db, err := c.Decode(name, cb, big); err != nil || !bytes.Equal(db, b) || !bytes.Equal(da, a) {
			t.Errorf("%s: %v", name, err)
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

// document is like the JSON an API answers with.
func document(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"id":%d,"name":"user %x","active":%v,"score":%.3f},`, rng.IntN(1e6), rng.Uint32(), rng.IntN(2) == 0, rng.Float64())
	}
	return b.Bytes()[:n]
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		body := document(size)
		for _, name := range all {
			b.Run(fmt.Sprintf("%s/%dK", name, size>>10), func(b *testing.B) {
				c := new(Coder)
				coded := encode(b, c, []string{name}, body)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Decode(name, coded, big); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	body := document(16 << 10)
	for _, name := range all {
		b.Run(name, func(b *testing.B) {
			c := new(Coder)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := c.Encode([]string{name}, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	body := document(64 << 10)
	for _, name := range all {
		b.Run(name, func(b *testing.B) {
			c := new(Coder)
			coded := encode(b, c, []string{name}, body)
			src := bytes.NewReader(coded)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(coded)
				r, err := c.NewReader(name, src, big)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, r); err != nil || n != int64(len(body)) {
					b.Fatal(n, err)
				}
				r.Close()
			}
		})
	}
}
