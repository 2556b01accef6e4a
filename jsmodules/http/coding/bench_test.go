package coding

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

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
