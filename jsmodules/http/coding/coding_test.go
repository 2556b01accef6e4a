package coding

import (
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"errors"
	"fmt"
	"io"
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

// However little a body is, decoding it ends when the time is over.
func TestDecodeUntil(t *testing.T) {
	var c Coder
	body, _, err := c.Encode([]string{"gzip"}, make([]byte, 8<<20))
	if err != nil {
		t.Fatal(err)
	}
	body, _, err = c.Encode([]string{"br"}, body)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	out, err := c.DecodeUntil("gzip, br", body, 64<<20, func() bool { asked++; return asked > 10 }, nil)
	if out != nil || !errors.Is(err, ErrExpired) || asked != 11 {
		t.Errorf("got %d bytes, %v after asking %d times", len(out), err, asked)
	}
	asked = 0
	out, err = c.DecodeUntil("gzip, br", body, 64<<20, func() bool { asked++; return false }, nil)
	if err != nil || len(out) != 8<<20 || asked < 8<<20/maxStep {
		t.Errorf("got %d bytes, %v, asked %d times", len(out), err, asked)
	}
}

// Memory for a large result is asked for before it is taken, and for a small one
// not at all.
func TestDecodeGrows(t *testing.T) {
	var c Coder
	for _, size := range []int{0, 1, maxScratch, maxScratch + 1, 8 << 20} {
		body, _, err := c.Encode([]string{"gzip"}, make([]byte, size))
		if err != nil {
			t.Fatal(err)
		}
		allowed, refused := 0, errors.New("no more")
		grow := func(b []byte, n int) ([]byte, error) {
			if len(b)+n > 4<<20 {
				return nil, refused
			}
			allowed = len(b) + n
			return append(make([]byte, 0, allowed), b...), nil
		}
		out, err := c.DecodeUntil("gzip", body, int64(size), nil, grow)
		switch {
		case size > 4<<20:
			if out != nil || err != refused {
				t.Errorf("%d: got %d bytes, %v", size, len(out), err)
			}
		case err != nil || len(out) != size || (allowed > 0) != (size > maxScratch):
			t.Errorf("%d: got %d bytes, %v; %d were asked for", size, len(out), err, allowed)
		}
	}
}
